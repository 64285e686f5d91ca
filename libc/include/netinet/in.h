/*
 * <netinet/in.h>, POSIX.1-2008.  Ports and addresses are in network byte order.
 */
#ifndef _NETINET_IN_H
#define _NETINET_IN_H

#include <inttypes.h>
#include <machine/endian.h>
#include <sys/socket.h>

#ifndef _IN_PORT_T_DECLARED
#define _IN_PORT_T_DECLARED
typedef __uint16_t in_port_t;
#endif
#ifndef _IN_ADDR_T_DECLARED
#define _IN_ADDR_T_DECLARED
typedef __uint32_t in_addr_t;
#endif

struct in_addr {
    in_addr_t s_addr;
};

struct sockaddr_in {
    sa_family_t sin_family;
    in_port_t sin_port;
    struct in_addr sin_addr;
    unsigned char sin_zero[8];
};

struct in6_addr {
    union {
        __uint8_t __bytes[16];
        __uint32_t __words[4];
    } __address;
};
#define s6_addr __address.__bytes

struct sockaddr_in6 {
    sa_family_t sin6_family;
    in_port_t sin6_port;
    __uint32_t sin6_flowinfo;
    struct in6_addr sin6_addr;
    __uint32_t sin6_scope_id;
};

struct ip_mreq {
    struct in_addr imr_multiaddr, imr_interface;
};

struct ipv6_mreq {
    struct in6_addr ipv6mr_multiaddr;
    unsigned ipv6mr_interface;
};

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_ICMPV6 58
#define IPPROTO_RAW 255

#define IP_TOS 1
#define IP_TTL 2
#define IP_MULTICAST_TTL 3
#define IP_MULTICAST_IF 4
#define IP_MULTICAST_LOOP 5
#define IP_ADD_MEMBERSHIP 6
#define IP_DROP_MEMBERSHIP 7
#define IPV6_JOIN_GROUP 1
#define IPV6_LEAVE_GROUP 2
#define IPV6_MULTICAST_HOPS 3
#define IPV6_MULTICAST_IF 4
#define IPV6_MULTICAST_LOOP 5
#define IPV6_UNICAST_HOPS 6
#define IPV6_V6ONLY 7

#define INADDR_ANY ((in_addr_t)0)
#define INADDR_LOOPBACK ((in_addr_t)0x7f000001)
#define INADDR_BROADCAST ((in_addr_t)0xffffffff)
#define INADDR_NONE ((in_addr_t)0xffffffff)
#define INET_ADDRSTRLEN 16
#define INET6_ADDRSTRLEN 46
#define IPPORT_RESERVED 1024

#define IN6ADDR_ANY_INIT                                                                           \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_LOOPBACK_INIT                                                                      \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1                                     \
            }                                                                                      \
        }                                                                                          \
    }

#define __IN6_WORD(a, n) ((a)->__address.__words[n])
#define IN6_IS_ADDR_UNSPECIFIED(a)                                                                 \
    (__IN6_WORD(a, 0) == 0 && __IN6_WORD(a, 1) == 0 && __IN6_WORD(a, 2) == 0 &&                    \
     __IN6_WORD(a, 3) == 0)
#define IN6_IS_ADDR_LOOPBACK(a)                                                                    \
    (__IN6_WORD(a, 0) == 0 && __IN6_WORD(a, 1) == 0 && __IN6_WORD(a, 2) == 0 &&                    \
     __IN6_WORD(a, 3) == __htonl(1))
#define IN6_IS_ADDR_MULTICAST(a) ((a)->s6_addr[0] == 0xff)
#define IN6_IS_ADDR_LINKLOCAL(a) ((a)->s6_addr[0] == 0xfe && ((a)->s6_addr[1] & 0xc0) == 0x80)
#define IN6_IS_ADDR_SITELOCAL(a) ((a)->s6_addr[0] == 0xfe && ((a)->s6_addr[1] & 0xc0) == 0xc0)
#define IN6_IS_ADDR_V4MAPPED(a)                                                                    \
    (__IN6_WORD(a, 0) == 0 && __IN6_WORD(a, 1) == 0 && __IN6_WORD(a, 2) == __htonl(0xffff))
#define IN6_IS_ADDR_V4COMPAT(a)                                                                    \
    (__IN6_WORD(a, 0) == 0 && __IN6_WORD(a, 1) == 0 && __IN6_WORD(a, 2) == 0 &&                    \
     __ntohl(__IN6_WORD(a, 3)) > 1)
#define IN6_IS_ADDR_MC_NODELOCAL(a) (IN6_IS_ADDR_MULTICAST(a) && ((a)->s6_addr[1] & 0xf) == 1)
#define IN6_IS_ADDR_MC_LINKLOCAL(a) (IN6_IS_ADDR_MULTICAST(a) && ((a)->s6_addr[1] & 0xf) == 2)
#define IN6_IS_ADDR_MC_SITELOCAL(a) (IN6_IS_ADDR_MULTICAST(a) && ((a)->s6_addr[1] & 0xf) == 5)
#define IN6_IS_ADDR_MC_ORGLOCAL(a) (IN6_IS_ADDR_MULTICAST(a) && ((a)->s6_addr[1] & 0xf) == 8)
#define IN6_IS_ADDR_MC_GLOBAL(a) (IN6_IS_ADDR_MULTICAST(a) && ((a)->s6_addr[1] & 0xf) == 0xe)

__BEGIN_DECLS

extern const struct in6_addr in6addr_any, in6addr_loopback;

__uint32_t htonl(__uint32_t);
__uint16_t htons(__uint16_t);
__uint32_t ntohl(__uint32_t);
__uint16_t ntohs(__uint16_t);
#define htonl(x) __htonl(x)
#define htons(x) __htons(x)
#define ntohl(x) __ntohl(x)
#define ntohs(x) __ntohs(x)

__END_DECLS

#endif
