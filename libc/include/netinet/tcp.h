/*
 * <netinet/tcp.h>, POSIX.1-2008, and the options for keeping a connection alive.
 */
#ifndef _NETINET_TCP_H
#define _NETINET_TCP_H

#define TCP_NODELAY 1
#define TCP_MAXSEG 2
#define TCP_KEEPIDLE 3  /* seconds */
#define TCP_KEEPINTVL 4 /* seconds */
#define TCP_KEEPCNT 5

#endif
