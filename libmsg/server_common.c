/*
 * See server_common.h.
 */
#include "server_common.h"

#include "attach.h"
#include "clock.h"
#include "mailbox.h"
#include "pool.h"
#include "ring_server.h"
#include "string.h"
#include "thread.h"

static int64_t give_session(struct server *server, struct request *request)
{
    if (!server->attachments || !server->port)
        return -ENOSYS;
    if (server->sessions_open == SERVER_SESSIONS_MAX)
        return -EAGAIN;
    int64_t handle = server_session(server, SERVER_SESSION_BADGE | ++server->sessions);
    if (handle < 0)
        return handle;
    server->sessions_open++;
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    return 0;
}

static int64_t attach(struct server *server, struct request *request)
{
    if (!server->attachments)
        return -ENOSYS;
    int64_t error = attachment_add(server->attachments, request->badge, request->head.arg[0],
                                   request->handles[0]);
    if (error == 0)
        request_take(request, 0);
    return error;
}

static int64_t detach(struct server *server, const struct request *request)
{
    if (!server->attachments)
        return -ENOSYS;
    return attachment_remove(server->attachments, request->badge, request->head.arg[0]);
}

static int64_t give_statistics(struct server *server, struct request *request)
{
    server->statistics.first_op = server->first_op;
    memcpy(message_area()->bytes, &server->statistics, sizeof(server->statistics));
    request->reply.flags = MESSAGE_FLAGS(sizeof(server->statistics), 0, 0);
    return 0;
}

void server_note_event(struct server *server, const struct request *request, int64_t result)
{
    struct server_events *events = server->events;
    uint64_t number = __atomic_fetch_add(&events->next, 1, __ATOMIC_RELAXED);
    uint64_t length = request->head.length;
    events->ring[number % SERVER_EVENTS] =
        (struct server_event){.time = clock_counter(),
                              .badge = request->badge,
                              .result = result,
                              .op = request->head.op,
                              .length = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX};
}

static int64_t give_events(struct server *server, struct request *request)
{
    struct server_events *events = server->events;
    if (!events)
        return -ENOSYS;
    uint64_t end = events->next, first = end > SERVER_EVENTS ? end - SERVER_EVENTS : 0;
    struct server_event *to = (struct server_event *)message_area()->bytes;
    for (uint64_t i = first; i < end; i++)
        *to++ = events->ring[i % SERVER_EVENTS];
    uint32_t bytes = (uint32_t)((end - first) * sizeof(*to));
    request->reply.flags = MESSAGE_FLAGS(bytes, 0, 0);
    return bytes;
}
_Static_assert(SERVER_EVENTS * sizeof(struct server_event) <= MESSAGE_BYTES_MAX, "fit one reply");

/* Each with the badge of who asks: a session is one at every port. */
static int64_t give_ports(struct server *server, struct request *request)
{
    const struct port_set *set = server->set;
    uint64_t first = request->head.arg[0];
    uint32_t given = 0;
    if (!set || !server->port)
        return -ENOSYS;
    if (first >= set->count)
        return -EINVAL;
    for (uint64_t i = first; i < set->count && given < MESSAGE_HANDLES_MAX; i++) {
        int64_t handle = sys_handle_duplicate(
            set->servers[i].port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, request->badge);
        if (handle < 0) {
            request->reply.flags = MESSAGE_FLAGS(0, given, 0);
            close_handles_of(&request->reply);
            request->reply.flags = 0;
            return handle;
        }
        message_area()->handles[given++] =
            (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    }
    request->reply.flags = MESSAGE_FLAGS(0, given, 0);
    return set->count;
}

int64_t server_common(struct server *server, struct request *request)
{
    bool by_ring = request->token & TOKEN_RING;
    if (by_ring && request->head.op != SERVER_DETACH)
        return -ENOTSUP; /* what comes or goes with it does not fit a ring */
    switch (request->head.op) {
    case SERVER_SESSION:
        return give_session(server, request);
    case SERVER_ATTACH:
        return attach(server, request);
    case SERVER_DETACH:
        return detach(server, request);
    case SERVER_RING_OPEN:
        return server->rings ? ring_open(server, request) : -ENOSYS;
    case SERVER_STATISTICS:
        return give_statistics(server, request);
    case SERVER_TRACE:
        return give_events(server, request);
    case SERVER_PORTS:
        return give_ports(server, request);
    default:
        return -ENOSYS;
    }
}
