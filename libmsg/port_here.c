/*
 * The agent *here*: a server's handlers, called in the client's own thread.  No kernel entry.
 *
 * The handler finds what follows the head in the message page, as ever.  Handles are moved from the
 * task to itself, with all their rights, and closed after the handler if it has not taken them.
 * Ranges name the sender's own object, with their offset: see request_range_read.
 *
 * A message that its handler keeps is an entry of a table of the whole task, since any thread may
 * reply. Its state says whose it is: of the waiting thread (FREE, KEPT, DONE) or the replying
 * (REPLYING). Only the waiting thread frees an entry; a reply to one that was FORGOTTEN frees it
 * instead.
 */
#include "port_here.h"

#include "mailbox.h"
#include "ring_server.h"
#include "server.h"
#include "string.h"
#include "thread.h"

#define HERE_MAX 64u

enum here_state { HERE_FREE = 0, HERE_KEPT, HERE_REPLYING, HERE_DONE, HERE_FORGOTTEN };

static struct here {
    uint32_t state; /* enum here_state; atomic */
    uint32_t generation;
    struct msg *msg;
    struct message reply;
} table[HERE_MAX];

static bool change(struct here *here, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&here->state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static uint64_t token_of(const struct here *here)
{
    return (uint64_t)here->generation << 32 | (uint64_t)(here - table) << 16 | TOKEN_HERE;
}

static struct here *here_of(uint64_t token)
{
    struct here *here = &table[(token >> 16 & 0xffff) % HERE_MAX];
    return token_of(here) == token ? here : NULL;
}

static struct here *allocate(struct msg *msg)
{
    for (uint32_t i = 0; i < HERE_MAX; i++) {
        struct here *here = &table[i];
        if (__atomic_load_n(&here->state, __ATOMIC_RELAXED) == HERE_FREE &&
            change(here, HERE_FREE, HERE_KEPT)) {
            here->generation++;
            here->msg = msg;
            msg->slot = i;
            return here;
        }
    }
    return NULL;
}

static void release(struct here *here)
{
    __atomic_store_n(&here->state, HERE_FREE, __ATOMIC_RELEASE);
}

static int64_t here_begin(struct port *port, struct msg *msg)
{
    struct request request;
    struct here *here = allocate(msg);
    if (!here)
        return -EAGAIN;
    request.head = msg->head;
    request.badge = 0;
    request.token = token_of(here);
    if (!server_serve(port->server, &request))
        return -EASYNC;
    release(here);
    msg->sent = true;
    msg->head = request.reply;
    return msg_heard(request.reply.result);
}

/* What follows the head goes to msg's keep, which nobody frees while it is REPLYING. */
static bool keep_reply(const struct msg *msg, const struct message *head)
{
    if (!(head->flags & MESSAGE_EXTRAS))
        return true;
    if (!msg->keep)
        return false;
    memcpy(msg->keep->bytes, message_area()->bytes, MESSAGE_FLAG_BYTES(head->flags));
    memcpy(msg->keep->handles, message_area()->handles,
           MESSAGE_FLAG_HANDLES(head->flags) * sizeof(struct message_handle));
    return true;
}

int64_t here_reply(uint64_t token, const struct message *head)
{
    struct here *here = here_of(token);
    if (!here)
        return -ESTALE_TOKEN;
    if (MESSAGE_FLAG_BYTES(head->flags) > MESSAGE_BYTES_MAX ||
        MESSAGE_FLAG_HANDLES(head->flags) > MESSAGE_HANDLES_MAX || MESSAGE_FLAG_RANGES(head->flags))
        return -EINVAL;
    if (!change(here, HERE_KEPT, HERE_REPLYING)) {
        if (change(here, HERE_FORGOTTEN, HERE_FREE))
            close_handles_of(head);
        return -ESTALE_TOKEN;
    }
    if (!keep_reply(here->msg, head)) {
        change(here, HERE_REPLYING, HERE_KEPT);
        return -EMSGSIZE;
    }
    here->reply = *head;
    handle_t wake = here->msg->port->mailbox->port; /* before it may be gone */
    __atomic_store_n(&here->state, HERE_DONE, __ATOMIC_RELEASE);
    sys_notify(wake, RING_WAKE_BIT);
    return 0;
}

static bool here_poll(struct port *port)
{
    bool ended = false;
    if (!port->in_flight)
        return false;
    for (uint32_t i = 0; i < HERE_MAX; i++) {
        struct here *here = &table[i];
        if (__atomic_load_n(&here->state, __ATOMIC_ACQUIRE) != HERE_DONE || here->msg->port != port)
            continue;
        struct msg *msg = here->msg;
        const struct message reply = here->reply;
        release(here);
        msg_end_kept(msg, &reply);
        ended = true;
    }
    return ended;
}

static bool here_sleep(struct port *port)
{
    for (uint32_t i = 0; i < HERE_MAX && port->in_flight; i++)
        if (__atomic_load_n(&table[i].state, __ATOMIC_ACQUIRE) == HERE_DONE &&
            table[i].msg->port == port)
            return false;
    return true;
}

static void here_abort(struct port *port, struct msg *msg)
{
    struct here *here = &table[msg->slot];
    if (__atomic_load_n(&here->state, __ATOMIC_ACQUIRE) == HERE_KEPT)
        server_abort(port->server, token_of(here));
}

static void here_forget(struct port *port, struct msg *msg)
{
    struct here *here = &table[msg->slot];
    (void)port;
    while (!change(here, HERE_KEPT, HERE_FORGOTTEN)) {
        if (__atomic_load_n(&here->state, __ATOMIC_ACQUIRE) == HERE_DONE) {
            release(here);
            return;
        }
        sys_thread_yield(); /* another thread is replying */
    }
}

static void here_fail(struct port *port, int64_t error)
{
    for (uint32_t i = 0; i < HERE_MAX && port->in_flight; i++) {
        struct here *here = &table[i];
        uint32_t state = __atomic_load_n(&here->state, __ATOMIC_ACQUIRE);
        if (state == HERE_FREE || state == HERE_FORGOTTEN || here->msg->port != port)
            continue;
        struct msg *msg = here->msg;
        here_forget(port, msg);
        msg_end_error(msg, error);
    }
}

const struct port_agent agent_here = {
    .begin = here_begin,
    .poll = here_poll,
    .sleep = here_sleep,
    .abort = here_abort,
    .forget = here_forget,
    .fail = here_fail,
};

int64_t port_here(struct port *port, struct mailbox *mailbox, struct server *server)
{
    port_link(port, mailbox, &agent_here);
    port->server = server;
    mailbox->wake_bits |= RING_WAKE_BIT;
    return 0;
}
