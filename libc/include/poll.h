/*
 * <poll.h>, POSIX.1-2008.
 */
#ifndef _POLL_H
#define _POLL_H

#include <signal.h>
#include <sys/cdefs.h>
#include <time.h>

typedef unsigned int nfds_t;

struct pollfd {
    int fd;
    short events, revents;
};

#define POLLIN 0x0001
#define POLLPRI 0x0002
#define POLLOUT 0x0004
#define POLLERR 0x0008
#define POLLHUP 0x0010
#define POLLNVAL 0x0020
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200

__BEGIN_DECLS
int poll(struct pollfd[], nfds_t, int);
#if __GNU_VISIBLE || __POSIX_VISIBLE >= 202405
int ppoll(struct pollfd[], nfds_t, const struct timespec *__restrict, const sigset_t *__restrict);
#endif
__END_DECLS

#endif
