/*
 * <arpa/inet.h>, POSIX.1-2008.
 */
#ifndef _ARPA_INET_H
#define _ARPA_INET_H

#include <netinet/in.h>

__BEGIN_DECLS
in_addr_t inet_addr(const char *);
char *inet_ntoa(struct in_addr);
const char *inet_ntop(int, const void *__restrict, char *__restrict, socklen_t);
int inet_pton(int, const char *__restrict, void *__restrict);
#if __MISC_VISIBLE
int inet_aton(const char *, struct in_addr *);
#endif
__END_DECLS

#endif
