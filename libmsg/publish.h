/*
 * How a server comes by its port and its place in the tree of names, from what its maker gave it:
 *
 *   a handle "port" (RECEIVE, MANAGE)   is its port; without it, it makes one
 *   a word "life=3"                     sessions of its predecessors' on that port are stale
 *   a handle "names" and a word "name=/dev/ram0"   has it mounted there, as a single node; or as
 *                                                  a tree, if the path ends in a slash
 */
#ifndef LIBMSG_PUBLISH_H
#define LIBMSG_PUBLISH_H

#include <portolan/startup.h>

#include "server.h"

#define PUBLISH_CAPACITY 256u

/* 0, or an error of server_open or NAMES_MOUNT.  The message page is used. */
int64_t server_publish(struct server *server, const struct startup *startup);

#endif
