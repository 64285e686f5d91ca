/*
 * ioctl(): what programs ask of terminals, sockets and disks where POSIX has no function of its
 * own.
 */
#ifndef _SYS_IOCTL_H
#define _SYS_IOCTL_H

#include <sys/cdefs.h>

#ifndef _WINSIZE_DECLARED
#define _WINSIZE_DECLARED
struct winsize {
    unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};
#endif

#define TIOCGWINSZ 0x5401 /* struct winsize * */
#define TIOCSWINSZ 0x5402 /* const struct winsize * */
#define TIOCGPGRP 0x5403  /* pid_t * */
#define TIOCSPGRP 0x5404  /* const pid_t * */
#define TIOCSCTTY 0x5405  /* int */
#define TIOCNOTTY 0x5406
#define TIOCOUTQ 0x5407     /* int *: bytes not yet sent */
#define FIONREAD 0x5408     /* int *: bytes that can be read */
#define FIONBIO 0x5409      /* const int * */
#define BLKGETSIZE64 0x540a /* uint64_t *: bytes */

__BEGIN_DECLS
int ioctl(int, int, ...);
__END_DECLS

#endif
