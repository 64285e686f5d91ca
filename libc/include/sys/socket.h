/*
 * <sys/socket.h>, POSIX.1-2008.
 */
#ifndef _SYS_SOCKET_H
#define _SYS_SOCKET_H

#include <sys/cdefs.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef __socklen_t socklen_t;
#ifndef _SA_FAMILY_T_DECLARED
#define _SA_FAMILY_T_DECLARED
typedef __sa_family_t sa_family_t;
#endif

struct sockaddr {
    sa_family_t sa_family;
    char sa_data[14];
};

struct sockaddr_storage {
    sa_family_t ss_family;
    char __padding[118];
    unsigned long __align;
};

struct msghdr {
    void *msg_name;
    socklen_t msg_namelen;
    struct iovec *msg_iov;
    int msg_iovlen;
    void *msg_control;
    socklen_t msg_controllen;
    int msg_flags;
};

struct cmsghdr {
    socklen_t cmsg_len; /* with this header */
    int cmsg_level;
    int cmsg_type;
};
/* Headers and data begin at multiples of eight. */
#define __CMSG_ALIGN(length) (((length) + 7ul) & ~7ul)
#define CMSG_SPACE(length) (__CMSG_ALIGN(sizeof(struct cmsghdr)) + __CMSG_ALIGN(length))
#define CMSG_LEN(length) (__CMSG_ALIGN(sizeof(struct cmsghdr)) + (length))
#define CMSG_DATA(header) ((unsigned char *)(header) + __CMSG_ALIGN(sizeof(struct cmsghdr)))
#define CMSG_FIRSTHDR(message)                                                                     \
    ((message)->msg_controllen >= sizeof(struct cmsghdr)                                           \
         ? (struct cmsghdr *)(message)->msg_control                                                \
         : (struct cmsghdr *)0)
#define CMSG_NXTHDR(message, header)                                                               \
    ((header) == 0 ? CMSG_FIRSTHDR(message)                                                        \
     : (char *)(header) + __CMSG_ALIGN((header)->cmsg_len) + sizeof(struct cmsghdr) >              \
             (char *)(message)->msg_control + (message)->msg_controllen                            \
         ? (struct cmsghdr *)0                                                                     \
         : (struct cmsghdr *)((char *)(header) + __CMSG_ALIGN((header)->cmsg_len)))
#define SCM_RIGHTS 1

struct linger {
    int l_onoff;
    int l_linger; /* seconds */
};

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
/* Or'ed to the type. */
#define SOCK_NONBLOCK 0x4000
#define SOCK_CLOEXEC 0x40000

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_LOCAL AF_UNIX
#define AF_INET 2
#define AF_INET6 10
#define PF_UNSPEC AF_UNSPEC
#define PF_UNIX AF_UNIX
#define PF_LOCAL AF_LOCAL
#define PF_INET AF_INET
#define PF_INET6 AF_INET6

#define SOL_SOCKET 0xffff
#define SO_ACCEPTCONN 1
#define SO_BROADCAST 2
#define SO_DEBUG 3
#define SO_DONTROUTE 4
#define SO_ERROR 5
#define SO_KEEPALIVE 6
#define SO_LINGER 7
#define SO_OOBINLINE 8
#define SO_RCVBUF 9
#define SO_RCVLOWAT 10
#define SO_RCVTIMEO 11
#define SO_REUSEADDR 12
#define SO_SNDBUF 13
#define SO_SNDLOWAT 14
#define SO_SNDTIMEO 15
#define SO_TYPE 16
#define SO_REUSEPORT 17
#define SO_DOMAIN 18
#define SO_PROTOCOL 19
#define SOMAXCONN 128

#define MSG_PEEK 0x01
#define MSG_OOB 0x02
#define MSG_DONTROUTE 0x04
#define MSG_WAITALL 0x08
#define MSG_EOR 0x10
#define MSG_TRUNC 0x20
#define MSG_CTRUNC 0x40
#define MSG_NOSIGNAL 0x80
#define MSG_DONTWAIT 0x100
#define MSG_CMSG_CLOEXEC 0x200

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

__BEGIN_DECLS

int accept(int, struct sockaddr *__restrict, socklen_t *__restrict);
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int getpeername(int, struct sockaddr *__restrict, socklen_t *__restrict);
int getsockname(int, struct sockaddr *__restrict, socklen_t *__restrict);
int getsockopt(int, int, int, void *__restrict, socklen_t *__restrict);
int listen(int, int);
ssize_t recv(int, void *, size_t, int);
ssize_t recvfrom(int, void *__restrict, size_t, int, struct sockaddr *__restrict,
                 socklen_t *__restrict);
ssize_t recvmsg(int, struct msghdr *, int);
ssize_t send(int, const void *, size_t, int);
ssize_t sendmsg(int, const struct msghdr *, int);
ssize_t sendto(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
int setsockopt(int, int, int, const void *, socklen_t);
int shutdown(int, int);
int sockatmark(int);
int socket(int, int, int);
int socketpair(int, int, int, int[2]);
#if __GNU_VISIBLE || __POSIX_VISIBLE >= 202405
int accept4(int, struct sockaddr *__restrict, socklen_t *__restrict, int);
#endif

__END_DECLS

#endif
