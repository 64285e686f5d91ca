/*
 * The operations of <portolan/server.h>, and the tale of a server's last messages.
 *
 * Figures are always there; sessions and attached memory if server->attachments is set, rings if
 * server->rings is, events if server->events points at a zeroed struct server_events.
 */
#ifndef LIBMSG_SERVER_COMMON_H
#define LIBMSG_SERVER_COMMON_H

#include "server.h"

struct server_events {
    uint64_t next; /* number of the next one; taken atomically */
    struct server_event ring[SERVER_EVENTS];
};

/* head.op is one of enum server_op.  Called by the loop. */
int64_t server_common(struct server *server, struct request *request);

void server_note_event(struct server *server, const struct request *request, int64_t result);

#endif
