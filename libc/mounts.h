/* What is mounted, for setmntent(). */
#ifndef LIBC_MOUNTS_H
#define LIBC_MOUNTS_H

#include <stdio.h>

/* A stream of lines as in /etc/fstab, one for each filesystem; null and errno. */
FILE *__libc_mounts_open(void);

#endif
