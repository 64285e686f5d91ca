/*
 * See ring_server.h.  Each request's number is busy while it is in flight: a client that uses one
 * twice, or more than there are, has broken the rules.
 *
 * A token of a kept message: sequence << 32 | number in flight << 16 | server << 8 | session << 4 |
 * TOKEN_RING.
 */
#include "ring_server.h"

#include "mailbox.h"
#include "server_internal.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

static struct server_rings *servers[RING_SERVERS_MAX]; /* written once each, atomically */

static uint64_t page_round(uint64_t length)
{
    return (length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/* ---- Opening and ending ---------------------------------------------------------------------- */

/* A number in the task's table, for tokens. */
static int64_t number_of(struct server_rings *rings)
{
    for (uint32_t i = 0; i < RING_SERVERS_MAX && !rings->number; i++) {
        struct server_rings *none = NULL;
        if (__atomic_compare_exchange_n(&servers[i], &none, rings, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            rings->number = i + 1;
    }
    return rings->number ? 0 : -EAGAIN;
}

static struct ring_session *find_free(struct server_rings *rings, uint64_t badge)
{
    struct ring_session *found = NULL;
    uint32_t same = 0;
    for (uint32_t i = 0; i < RING_SESSIONS_MAX; i++) {
        struct ring_session *session = &rings->sessions[i];
        if (session->state == RING_FREE)
            found = found ? found : session;
        else
            same += badge && session->badge == badge;
    }
    return same < RING_SESSIONS_OF_ONE ? found : NULL;
}

/* The memory must not shrink under us, and no page of it may need anybody to be supplied. */
static int64_t check_memory(handle_t vmo, uint32_t depth)
{
    struct vmo_information info;
    uint64_t rights, koid;
    if (sys_handle_info(vmo, &rights, &koid) != OBJECT_VMO || sys_vmo_info(vmo, &info) < 0)
        return -EINVAL;
    if ((info.kind & 0xff) != VMO_CONTIGUOUS)
        return -ENOTSUP;
    return info.size < RING_BYTES(depth) ? -EINVAL : 0;
}

static int64_t map_ring(handle_t vmo, uint32_t depth)
{
    return sys_map(HANDLE_NONE, vmo, 0, page_round(RING_BYTES(depth)), 0,
                   MAP_READ | MAP_WRITE | MAP_POPULATE);
}

static void set_up(struct ring_session *session, uint64_t base, uint32_t depth)
{
    session->shared = (struct ring_shared *)base;
    session->depth = depth;
    session->in_flight = 0;
    ring_receiver_open(&session->requests, base + RING_SLOTS, &session->shared->requests, depth);
    ring_sender_open(&session->replies, ring_replies_at(base, depth), &session->shared->replies,
                     depth);
}

/* The handle that the client wakes us by, and whose end ends the session. */
static int64_t give_waker(struct server *server, const struct ring_session *session)
{
    uint64_t number = (uint64_t)(session - server->rings->sessions);
    int64_t handle = sys_handle_duplicate(server->port, RIGHT_SEND | RIGHT_TRANSFER,
                                          SERVER_RING_BADGE | number | BADGE_COUNTED);
    if (handle >= 0)
        message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    return handle;
}

static int64_t start(struct server *server, struct request *request, struct ring_session *session,
                     uint32_t depth)
{
    int64_t base = map_ring(request->handles[0], depth);
    if (base < 0)
        return base == -EPERM ? -EINVAL : base;
    int64_t waker = give_waker(server, session);
    if (waker < 0) {
        sys_unmap(HANDLE_NONE, (uint64_t)base, page_round(RING_BYTES(depth)));
        return waker;
    }
    set_up(session, (uint64_t)base, depth);
    session->state = RING_OPEN;
    session->badge = request->badge;
    session->server = server;
    session->client = request_take(request, 1);
    session->wake_bits = request->head.arg[1];
    session->generation =
        ++server->rings->generation ? server->rings->generation : ++server->rings->generation;
    uint32_t above = (uint32_t)(session - server->rings->sessions) + 1;
    if (server->rings->open < above)
        server->rings->open = above;
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    request->reply.arg[0] = session->generation;
    request->reply.arg[1] = RING_WAKE_BIT;
    return 0;
}

int64_t ring_open(struct server *server, struct request *request)
{
    uint64_t depth = request->head.arg[0], rights, koid;
    if (request->token & TOKEN_HERE)
        return -ENOTSUP;
    if (request->badge & SERVER_RING_BADGE)
        return -EPERM;
    if (depth < 2 || depth > RING_DEPTH_MAX || (depth & (depth - 1)) ||
        MESSAGE_FLAG_HANDLES(request->head.flags) != 2 ||
        sys_handle_info(request->handles[1], &rights, &koid) != OBJECT_PORT)
        return -EINVAL;
    int64_t error = check_memory(request->handles[0], (uint32_t)depth);
    if (error < 0)
        return error;
    struct ring_session *session = find_free(server->rings, request->badge);
    if (!session || number_of(server->rings) < 0)
        return -EAGAIN;
    return start(server, request, session, (uint32_t)depth);
}

/* What is in flight is answered to nobody. */
static void end_session(struct ring_session *session, enum ring_session_state state)
{
    if (session->state == RING_OPEN) {
        for (uint32_t i = 0; i < session->depth; i++)
            session->sequence[i] = (session->sequence[i] | 1) + 1;
        sys_unmap(HANDLE_NONE, (uint64_t)session->shared, page_round(RING_BYTES(session->depth)));
        sys_handle_close(session->client);
    }
    session->state = state;
}

static void violated(struct ring_session *session)
{
    session->server->statistics.violations++;
    __atomic_store_n(&session->shared->ended, EPROTO, __ATOMIC_SEQ_CST);
    sys_notify(session->client, session->wake_bits);
    end_session(session, RING_ENDED);
}

bool rings_unreferenced(struct server *server, uint64_t badge)
{
    uint64_t number = badge & ~(BADGE_COUNTED | SERVER_RING_BADGE);
    if (!(badge & SERVER_RING_BADGE) || number >= RING_SESSIONS_MAX)
        return false;
    end_session(&server->rings->sessions[number], RING_FREE);
    return true;
}

/* ---- Messages -------------------------------------------------------------------------------- */

static uint64_t token_of(const struct server_rings *rings, const struct ring_session *session)
{
    return (rings->number - 1) << 8 | (uint32_t)(session - rings->sessions) << 4 | TOKEN_RING;
}
_Static_assert(RING_SESSIONS_MAX <= 16 && RING_SERVERS_MAX <= 256, "fit a token");

/* A number is in flight while its sequence is odd. */
static inline bool is_busy(const struct ring_session *session, uint32_t number)
{
    return session->sequence[number] & 1;
}

static inline void put_reply(struct ring_session *session, uint32_t number,
                             const struct message *head)
{
    ring_put(&session->replies, head, session->generation, number);
    session->sequence[number]++;
}

static void send_off(struct ring_session *session)
{
    if (!ring_send(&session->replies))
        return;
    session->server->statistics.ring_wakes++;
    sys_notify(session->client, session->wake_bits);
}

/* arg[0]: the cookie of what shall end early, if it is in flight. */
static void serve_abort(struct server *server, struct ring_session *session,
                        struct request *request, uint32_t own)
{
    uint32_t number = RING_COOKIE_NUMBER(request->head.arg[0]);
    request->reply = (struct message){.result = -ESTALE_TOKEN};
    if (RING_COOKIE_GENERATION(request->head.arg[0]) != session->generation ||
        number >= session->depth || number == own || !is_busy(session, number))
        return;
    request->reply.result = 0;
    server_abort(server, token_of(server->rings, session) |
                             (uint64_t)session->sequence[number] << 32 | number << 16);
}

/* What was put in the message page, a ring does not carry. */
static void drop_extras(struct request *request)
{
    close_handles_of(&request->reply);
    request->reply = (struct message){.result = -ENOTSUP};
}

/* One message, copied; false: it breaks the rules. */
static inline bool serve_one(struct server *server, struct ring_session *session,
                             struct request *request, uint64_t token)
{
    int64_t number = ring_take_number(&session->requests, session->generation);
    if (number < 0 || is_busy(session, (uint32_t)number) ||
        !ring_take_rest(&session->requests, &request->head))
        return false;
    uint32_t sequence = ++session->sequence[number];
    request->token = token | (uint64_t)sequence << 32 | (uint64_t)number << 16;
    if (request->head.op == SERVER_ABORT) {
        serve_abort(server, session, request, (uint32_t)number);
    } else if (!serve_and_note(server, request)) {
        session->in_flight++;
        return true;
    }
    if (request->reply.flags & MESSAGE_EXTRAS)
        drop_extras(request);
    put_reply(session, (uint32_t)number, &request->reply);
    return true;
}

/* `ready` messages, or -EPROTO. */
static void serve_ready(struct server *server, struct ring_session *session, int64_t ready)
{
    struct request request; /* of its members each is set before it is looked at */
    uint64_t token = token_of(server->rings, session);
    request.badge = session->badge;
    memset(request.handles, 0, sizeof(request.handles));
    server->statistics.ring_messages += ready > 0 ? (uint64_t)ready : 0;
    for (int64_t i = 0; i < ready; i++)
        if (!serve_one(server, session, &request, token))
            ready = -EPROTO;
    if (ready < 0)
        violated(session);
    else
        send_off(session);
}

/* Whether there was anything. */
static bool serve_session(struct server *server, struct ring_session *session)
{
    int64_t ready = ring_ready(&session->requests, session->depth - session->in_flight);
    if (__atomic_load_n(&session->shared->ended, __ATOMIC_RELAXED))
        ready = -EPROTO;
    if (ready)
        serve_ready(server, session, ready);
    return ready;
}

bool rings_serve(struct server *server)
{
    struct server_rings *rings = server->rings;
    bool any = false;
    for (uint32_t i = 0; i < rings->open; i++)
        if (rings->sessions[i].state == RING_OPEN)
            any |= serve_session(server, &rings->sessions[i]);
    return any;
}

bool rings_sleep(struct server *server)
{
    struct server_rings *rings = server->rings;
    for (uint32_t i = 0; i < rings->open; i++) {
        struct ring_session *session = &rings->sessions[i];
        if (session->state == RING_OPEN && !ring_sleep(&session->requests))
            return false;
    }
    return true;
}

void rings_wake(struct server *server)
{
    struct server_rings *rings = server->rings;
    for (uint32_t i = 0; i < rings->open; i++)
        if (rings->sessions[i].state == RING_OPEN)
            ring_wake(&rings->sessions[i].requests);
}

int64_t ring_reply(uint64_t token, const struct message *head)
{
    uint32_t place = (uint32_t)token >> 8 & 0xff, number = (uint32_t)token >> 16;
    struct server_rings *rings = place < RING_SERVERS_MAX ? servers[place] : NULL;
    if (!rings || number >= RING_DEPTH_MAX)
        return -ESTALE_TOKEN;
    struct ring_session *session = &rings->sessions[(uint32_t)token >> 4 & 0xf];
    if (session->state != RING_OPEN || !is_busy(session, number) ||
        session->sequence[number] != token >> 32)
        return -ESTALE_TOKEN;
    if (head->flags & MESSAGE_EXTRAS)
        return -EMSGSIZE;
    put_reply(session, number, head);
    session->in_flight--;
    send_off(session);
    return 0;
}
