/*
 * The agent *ring*, the client's side.
 *
 * Each message in flight has a number, which is also its credit: it is named in the cookie, and
 * free again when its reply has come.
 *
 * The server may be hostile: an index beyond what is in flight, a cookie of another generation or
 * of no message in flight, a flag that says that something follows, end the session.
 */
#include "clock.h"
#include "mailbox.h"
#include "ring.h"
#include "string.h"
#include "thread.h"

struct ring_client {
    struct ring_sender requests;
    struct ring_receiver replies;
    struct ring_shared *shared;
    uint64_t length; /* of the mapping, which this lies behind; aligned */
    handle_t vmo, waker;
    uint64_t wake_bits; /* the server's */
    uint32_t depth, generation, in_flight, free_count;
    int64_t error; /* 0, or why the session ended */
    struct ring_flight {
        struct msg *msg; /* NULL: forgotten, or libmsg's own */
        bool busy;
    } * flights;
    uint16_t *free;
};

/* ---- Opening and closing ------------------------------------------------------------------- */

static uint64_t page_round(uint64_t length)
{
    return (length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/* Memory of this side alone: the struct, its flights and its free numbers. */
static int64_t client_create(uint32_t depth, struct ring_client **out)
{
    uint64_t length = page_round(sizeof(struct ring_client) +
                                 depth * (sizeof(struct ring_flight) + sizeof(uint16_t)));
    int64_t vmo = sys_vmo_create(VMO_ANONYMOUS, length, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, length, 0, MAP_READ | MAP_WRITE);
    sys_handle_close((handle_t)vmo);
    if (address < 0)
        return address;
    struct ring_client *ring = (struct ring_client *)address;
    ring->flights = (struct ring_flight *)(ring + 1);
    ring->free = (uint16_t *)(ring->flights + depth);
    ring->length = length;
    ring->depth = depth;
    *out = ring;
    return 0;
}

static void close_shared(struct ring_client *ring)
{
    if (ring->waker)
        sys_handle_close(ring->waker);
    if (ring->shared)
        sys_unmap(HANDLE_NONE, (uint64_t)ring->shared, page_round(RING_BYTES(ring->depth)));
    if (ring->vmo)
        sys_handle_close(ring->vmo);
    ring->waker = ring->vmo = HANDLE_NONE;
    ring->shared = NULL;
}

static void client_destroy(struct ring_client *ring)
{
    close_shared(ring);
    sys_unmap(HANDLE_NONE, (uint64_t)ring, ring->length);
}

/* Fresh shared memory: zeros. */
static int64_t map_shared(struct ring_client *ring)
{
    uint64_t length = page_round(RING_BYTES(ring->depth));
    int64_t vmo = sys_vmo_create(VMO_CONTIGUOUS, length, 0, 0);
    if (vmo < 0)
        return vmo;
    ring->vmo = (handle_t)vmo;
    int64_t address =
        sys_map(HANDLE_NONE, ring->vmo, 0, length, 0, MAP_READ | MAP_WRITE | MAP_POPULATE);
    if (address < 0)
        return address;
    ring->shared = (struct ring_shared *)address;
    return 0;
}

/* Puts handles to the memory and to the mailbox in the message page. */
static int64_t hand_over(struct ring_client *ring, handle_t mailbox)
{
    struct message_handle *handles = message_area()->handles;
    uint32_t rights = RIGHT_READ | RIGHT_WRITE | RIGHT_MAP;
    int64_t vmo = sys_handle_duplicate(ring->vmo, rights | RIGHT_TRANSFER, 0);
    if (vmo < 0)
        return vmo;
    int64_t port = sys_handle_duplicate(mailbox, RIGHT_SEND | RIGHT_TRANSFER, 0);
    if (port < 0) {
        sys_handle_close((handle_t)vmo);
        return port;
    }
    handles[0] = (struct message_handle){(handle_t)vmo, rights, 0};
    handles[1] = (struct message_handle){(handle_t)port, RIGHT_SEND, 0};
    return 0;
}

/* What the server said to SERVER_RING_OPEN. */
static int64_t opened(struct ring_client *ring, const struct message *head)
{
    int64_t result = msg_heard(head->result);
    bool good =
        MESSAGE_FLAG_HANDLES(head->flags) == 1 && head->arg[0] && head->arg[0] <= UINT32_MAX;
    if (result < 0 || !good) {
        close_handles_of(head);
        return result < 0 ? result : -EPROTO;
    }
    ring->waker = message_area()->handles[0].handle;
    ring->generation = (uint32_t)head->arg[0];
    ring->wake_bits = head->arg[1];
    return 0;
}

static int64_t ask(struct port *port, struct ring_client *ring)
{
    int64_t error = hand_over(ring, port->mailbox->port);
    if (error < 0)
        return error;
    handle_t given[2] = {message_area()->handles[0].handle, message_area()->handles[1].handle};
    struct message head = {.op = SERVER_RING_OPEN,
                           .flags = MESSAGE_FLAGS(0, 2, 0) | MESSAGE_ROOM,
                           .arg = {ring->depth, RING_WAKE_BIT}};
    error = sys_do(port->handle, clock_after(CONTROL_PATIENCE), &head);
    if (error >= 0)
        return opened(ring, &head);
    sys_handle_close(given[0]); /* if they never left */
    sys_handle_close(given[1]);
    return error;
}

/* Both sides at zero, and all numbers free. */
static void reset(struct ring_client *ring)
{
    uint64_t base = (uint64_t)ring->shared;
    ring_sender_open(&ring->requests, base + RING_SLOTS, &ring->shared->requests, ring->depth);
    ring_receiver_open(&ring->replies, ring_replies_at(base, ring->depth), &ring->shared->replies,
                       ring->depth);
    ring->in_flight = 0;
    ring->error = 0;
    ring->free_count = ring->depth;
    for (uint32_t i = 0; i < ring->depth; i++) {
        ring->free[i] = (uint16_t)(ring->depth - 1 - i);
        ring->flights[i] = (struct ring_flight){0};
    }
}

static int64_t connect(struct port *port, struct ring_client *ring)
{
    int64_t error = map_shared(ring);
    if (error >= 0)
        error = ask(port, ring);
    if (error >= 0) {
        uint64_t rights;
        error = sys_handle_info(port->handle, &rights, &port->watched);
    }
    if (error >= 0)
        error = sys_watch(port->handle, port->mailbox->port, (uint64_t)port);
    if (error < 0) {
        close_shared(ring);
        return error;
    }
    reset(ring);
    return 0;
}

int64_t port_ring(struct port *port, uint32_t depth)
{
    struct ring_client *ring;
    if (port->agent != &agent_across || depth < 2 || depth > RING_DEPTH_MAX ||
        (depth & (depth - 1)))
        return -EINVAL;
    if (port->in_flight || port->parked)
        return -EBUSY;
    int64_t error = client_create(depth, &ring);
    if (error < 0)
        return error;
    error = connect(port, ring);
    if (error < 0) {
        client_destroy(ring);
        return error;
    }
    port->ring = ring;
    port->agent = &agent_ring;
    port->mailbox->wake_bits |= RING_WAKE_BIT;
    return 0;
}

static int64_t ring_reopen(struct port *port)
{
    close_shared(port->ring);
    return connect(port, port->ring);
}

static void ring_close(struct port *port)
{
    client_destroy(port->ring);
    port->ring = NULL;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void send_off(struct ring_client *ring)
{
    if (ring_send(&ring->requests))
        sys_notify(ring->waker, ring->wake_bits);
}

static int64_t ring_begin(struct port *port, struct msg *msg)
{
    struct ring_client *ring = port->ring;
    if (ring->error)
        return ring->error;
    if (msg->head.flags & MESSAGE_EXTRAS)
        return -ENOTSUP;
    if (!ring->free_count)
        return -EAGAIN;
    uint32_t number = ring->free[--ring->free_count];
    ring->flights[number] = (struct ring_flight){msg, true};
    ring->in_flight++;
    msg->slot = number;
    ring_put(&ring->requests, &msg->head, ring->generation, number);
    if (!(msg->options & MSG_MORE))
        send_off(ring);
    return -EASYNC;
}

/* An abort needs a number as any other message; without one the request just runs its course. */
static void ring_abort(struct port *port, struct msg *msg)
{
    struct ring_client *ring = port->ring;
    if (ring->error || !ring->free_count)
        return;
    uint32_t number = ring->free[--ring->free_count];
    ring->flights[number] = (struct ring_flight){NULL, true};
    ring->in_flight++;
    const struct message head = {.op = SERVER_ABORT,
                                 .arg = {RING_COOKIE(ring->generation, msg->slot)}};
    ring_put(&ring->requests, &head, ring->generation, number);
    send_off(ring);
}

static void ring_forget(struct port *port, struct msg *msg)
{
    port->ring->flights[msg->slot].msg = NULL;
}

/* ---- Replies --------------------------------------------------------------------------------- */

static void ring_fail(struct port *port, int64_t error)
{
    struct ring_client *ring = port->ring;
    if (ring->error)
        return;
    ring->error = error;
    ring->in_flight = 0;
    for (uint32_t i = 0; i < ring->depth; i++) {
        struct msg *msg = ring->flights[i].msg;
        ring->flights[i] = (struct ring_flight){0};
        if (msg)
            msg_end_error(msg, error);
    }
}

/* The server broke the rules: nothing it says counts any more. */
static void violated(struct port *port)
{
    struct ring_client *ring = port->ring;
    __atomic_store_n(&ring->shared->ended, EPROTO, __ATOMIC_SEQ_CST);
    sys_notify(ring->waker, ring->wake_bits);
    ring_fail(port, -EPROTO);
}

static inline bool take_reply(struct port *port, struct ring_client *ring)
{
    int64_t number = ring_take_number(&ring->replies, ring->generation);
    if (number < 0 || !ring->flights[number].busy) {
        violated(port);
        return false;
    }
    struct message nobodys;
    struct msg *msg = ring->flights[number].msg;
    bool bare = ring_take_rest(&ring->replies, msg ? &msg->head : &nobodys);
    ring->flights[number].busy = false;
    ring->flights[number].msg = NULL;
    ring->free[ring->free_count++] = (uint16_t)number;
    ring->in_flight--;
    if (msg)
        msg_end_here(msg, bare ? msg->head.result : -EPROTO);
    if (!bare && port->ring == ring)
        violated(port);
    return bare;
}

/* Whether the server has ended the session. */
static bool is_ended(const struct ring_client *ring)
{
    return __atomic_load_n(&ring->shared->ended, __ATOMIC_ACQUIRE);
}

/* A callback may begin messages, fail the ring, or close the port. */
static bool ring_poll(struct port *port)
{
    struct ring_client *ring = port->ring;
    if (ring->error || !ring->in_flight)
        return false;
    int64_t ready = ring_ready(&ring->replies, ring->in_flight);
    if (ready < 0)
        violated(port);
    else if (ready == 0 && is_ended(ring))
        ring_fail(port, -EPROTO);
    else if (ready == 0)
        return false;
    while (ready-- > 0 && port->ring == ring && !ring->error && take_reply(port, ring))
        ;
    return true;
}

static bool ring_sleeps(struct port *port)
{
    struct ring_client *ring = port->ring;
    if (ring->error)
        return true;
    send_off(ring);
    if (!ring->in_flight)
        return true;
    return ring_sleep(&ring->replies) && !is_ended(ring);
}

static void ring_wakes(struct port *port)
{
    if (!port->ring->error)
        ring_wake(&port->ring->replies);
}

const struct port_agent agent_ring = {
    .begin = ring_begin,
    .poll = ring_poll,
    .sleep = ring_sleeps,
    .wake = ring_wakes,
    .abort = ring_abort,
    .forget = ring_forget,
    .fail = ring_fail,
    .reopen = ring_reopen,
    .close = ring_close,
};
