/*
 * <unistd.h>: newlib's, and what it keeps for other systems.
 */
#ifndef _PORTOLAN_UNISTD_H
#define _PORTOLAN_UNISTD_H

#include_next <unistd.h>

#ifndef _CS_PATH
#define _CS_PATH 0
#endif

#endif
