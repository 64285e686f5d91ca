/*
 * The part of serving a message that the port's loop and the rings' have in common, inline in both.
 */
#ifndef LIBMSG_SERVER_INTERNAL_H
#define LIBMSG_SERVER_INTERNAL_H

#include "server_common.h"

static inline void server_count(const struct server *server, uint64_t *counter)
{
    if (server->shared)
        __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    else
        ++*counter;
}

static inline int64_t dispatch(struct server *server, struct request *request)
{
    uint32_t index = request->head.op - server->first_op;
    if (index < server->op_count) {
        server_handler *handler = server->handlers[index];
        return handler ? handler(server, request) : -ENOSYS;
    }
    if (request->head.op - SERVER_SESSION < SERVER_OPS_END - SERVER_SESSION)
        return server_common(server, request);
    return server->other ? server->other(server, request) : -ENOSYS;
}

static inline void note_result(struct server *server, const struct request *request, int64_t result)
{
    uint32_t index = request->head.op - server->first_op;
    server_count(server, &server->statistics.messages);
    if (index < SERVER_OPS_COUNTED)
        server_count(server, &server->statistics.by_op[index]);
    if (result == -EASYNC)
        server_count(server, &server->statistics.kept);
    else if (result < 0)
        server_count(server, &server->statistics.errors);
    if (server->events)
        server_note_event(server, request, result);
}

/* Runs the handler; false: it keeps the message. */
static inline bool serve_and_note(struct server *server, struct request *request)
{
    /* By member: the compiler's own clearing of a whole struct takes three times as long. */
    struct message *reply = &request->reply;
    reply->op = reply->flags = 0;
    reply->cookie = reply->offset = reply->length = 0;
    reply->arg[0] = reply->arg[1] = reply->arg[2] = 0;
    int64_t result = dispatch(server, request);
    bool kept = (uint64_t)result << 1 == (uint64_t)EASYNC << 1; /* either sign */
    request->reply.result = result;
    note_result(server, request, kept ? -EASYNC : result);
    return !kept;
}

#endif
