/*
 * <sys/uio.h>, POSIX.1-2008.
 */
#ifndef _SYS_UIO_H
#define _SYS_UIO_H

#include <sys/cdefs.h>
#include <sys/types.h>

#ifndef _IOVEC_DECLARED
#define _IOVEC_DECLARED
struct iovec {
    void *iov_base;
    size_t iov_len;
};
#endif

__BEGIN_DECLS
ssize_t readv(int, const struct iovec *, int);
ssize_t writev(int, const struct iovec *, int);
#if __MISC_VISIBLE
ssize_t preadv(int, const struct iovec *, int, off_t);
ssize_t pwritev(int, const struct iovec *, int, off_t);
#endif
__END_DECLS

#endif
