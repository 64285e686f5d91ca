/*
 * select(), with descriptor sets of 1024 unless the program asks for more.
 */
#ifndef _PORTOLAN_SYS_SELECT_H
#define _PORTOLAN_SYS_SELECT_H

#ifndef FD_SETSIZE
#define FD_SETSIZE 1024
#endif
#include_next <sys/select.h>

#endif
