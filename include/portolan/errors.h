/*
 * Error numbers.  A call that fails gives the negative of one of these.  Values up to 2000 are
 * newlib's, so that libc passes them on unchanged; those above are Portolan's own.
 */
#ifndef PORTOLAN_ERRORS_H
#define PORTOLAN_ERRORS_H

#ifndef EPERM
#define EPERM 1      /* the handle lacks a right that the call needs */
#define ENOENT 2     /* no such thing: nothing mapped there, no such id */
#define EINTR 4      /* the wait was cut short by thread_interrupt */
#define EIO 5        /* the pager or device failed */
#define E2BIG 7      /* more bytes, handles, ranges or pages than the call can take */
#define EBADF 9      /* not a handle of this task, or not one to this type of object */
#define EAGAIN 11    /* a bounded queue is full, or a resource is short for the moment */
#define ENOMEM 12    /* the budget or the machine's memory is used up */
#define EACCES 13    /* a file's permissions do not allow it */
#define EFAULT 14    /* a user address range that is not mapped, or may not be */
#define EBUSY 16     /* in use: pinned, mapped, bound, or already started */
#define EEXIST 17    /* something is there already */
#define EXDEV 18     /* the two names belong to different servers */
#define ENODEV 19    /* this node cannot do that: mapping it */
#define ENOTDIR 20   /* a directory is needed here */
#define EISDIR 21    /* a directory cannot be here */
#define EINVAL 22    /* an argument is out of its documented domain */
#define EMFILE 24    /* the task's handle table is full */
#define ENOTTY 25    /* no such control request */
#define ENOSPC 28    /* the medium is full */
#define ESPIPE 29    /* a stream has no positions */
#define EROFS 30     /* the medium is read-only */
#define EPIPE 32     /* nobody will read what is written */
#define ERANGE 34    /* a range reaches beyond its object, or offset + length overflows */
#define EPROTO 71    /* the other side broke the protocol of a ring */
#define ENOSYS 88    /* no such system call */
#define ENOTEMPTY 90 /* the directory is not empty */
#define ENAMETOOLONG 91
#define ELOOP 92      /* too many symbolic links, or one where none may be */
#define ETIMEDOUT 116 /* the deadline passed */
#define EALREADY 120  /* already done */
#define EMSGSIZE 122  /* a message part is larger than the other side made room for */
#define ENOTSUP 134   /* this kind of object cannot do that */
#endif

/* Those that only servers give: see <portolan/io.h>. */
#ifndef ENXIO
#define ENXIO 6
#define EACCES 13
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define ENFILE 23
#define ENOTTY 25
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EMLINK 31
#define EPIPE 32
#define ENOTEMPTY 90
#define ENAMETOOLONG 91
#define ELOOP 92
#endif

/* Not done yet: a reply will come (never a server's to say).  No count of bytes is as large, so
 * that a handler can say it among its results. */
#define EASYNC (1l << 62)
#define EABORTED 2002     /* ended by the kernel: the sender gave up or died */
#define EDEAD 2003        /* ended by the kernel: the receiver or the object died */
#define ESTALE_TOKEN 2004 /* the message named by this token has ended already */
#define EREVOKED 2005     /* the loan has ended with its message */
#define ESESSION 2006     /* sent in a session of a server that has died; its successor says so */

#endif
