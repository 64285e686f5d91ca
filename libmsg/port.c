/*
 * What all kinds of ports have in common; see port.h.
 *
 * A message is new, in flight with the agent, parked (its server is dead and is looked for), or
 * ended. Only msg_end and msg_end_error end one that was in flight, once.
 */
#include "clock.h"
#include "mailbox.h"
#include "string.h"
#include "thread.h"

#define LOOK_AGAIN (5 * MILLISECOND) /* for a server that is not back yet */

void port_link(struct port *port, struct mailbox *mailbox, const struct port_agent *agent)
{
    memset(port, 0, sizeof(*port));
    port->agent = agent;
    port->mailbox = mailbox;
    port->next = mailbox->ports;
    mailbox->ports = port;
}

static void end_parked(struct port *port, int64_t error);

void port_close(struct port *port)
{
    struct port **link = &port->mailbox->ports;
    port->resolve = NULL;
    end_parked(port, -EABORTED);
    if (port->agent->fail)
        port->agent->fail(port, -EABORTED);
    if (port->agent->close)
        port->agent->close(port);
    if (port->handle)
        sys_handle_close(port->handle);
    while (*link != port)
        link = &(*link)->next;
    *link = port->next;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

/* What only the kernel and libmsg may say. */
int64_t msg_heard(int64_t result)
{
    if (result >= 0)
        return result;
    return result == -EASYNC || result == -EDEAD || result == -EABORTED ? -EIO : result;
}

/* The message is the caller's again. */
static inline int64_t finish(struct msg *msg, int64_t result)
{
    msg->head.result = result;
    msg->head.cookie = msg->cookie;
    msg->state = MSG_ENDED;
    msg->port->ended++;
    return result;
}

/* The callback may close the port. */
static inline void finish_and_tell(struct msg *msg, int64_t result)
{
    struct port *port = msg->port;
    finish(msg, result);
    if (msg->calls_back && msg->done)
        msg->done(port, msg);
}

static void keep_extras(const struct msg *msg, const struct message *head)
{
    const struct message_area *area = message_area();
    uint32_t handles = MESSAGE_FLAG_HANDLES(head->flags);
    if (!msg->keep) {
        close_handles_of(head);
        return;
    }
    memcpy(msg->keep->bytes, area->bytes, MESSAGE_FLAG_BYTES(head->flags));
    memcpy(msg->keep->handles, area->handles, handles * sizeof(area->handles[0]));
}

void msg_end(struct msg *msg, const struct message *head)
{
    if (head->flags & MESSAGE_EXTRAS)
        keep_extras(msg, head);
    if (head->result == -ESESSION) { /* the server has died before it saw this */
        msg->sent = false;
        msg_end_error(msg, -EDEAD);
        return;
    }
    msg_end_kept(msg, head);
}

void msg_end_kept(struct msg *msg, const struct message *head)
{
    msg->head = *head;
    msg_end_here(msg, head->result);
}

void msg_end_here(struct msg *msg, int64_t result)
{
    msg->port->in_flight--;
    finish_and_tell(msg, msg_heard(result));
}

/* ---- Parking --------------------------------------------------------------------------------- */

/* For the day its server dies: what must be sent again. */
static void save_request(struct msg *msg)
{
    uint32_t ranges = MESSAGE_FLAG_RANGES(msg->head.flags);
    msg->request = msg->head;
    if (ranges <= MSG_RANGES_SAVED)
        memcpy(msg->ranges, message_area()->ranges, ranges * sizeof(msg->ranges[0]));
}

static bool can_be_resent(uint32_t flags)
{
    return !MESSAGE_FLAG_BYTES(flags) && !MESSAGE_FLAG_HANDLES(flags) &&
           MESSAGE_FLAG_RANGES(flags) <= MSG_RANGES_SAVED;
}

/* One that its server has not seen may be sent to the next, whatever it is. */
static bool may_be_resent(const struct msg *msg)
{
    return msg->port->resolve && can_be_resent(msg->request.flags) &&
           (!msg->sent || (msg->options & MSG_IDEMPOTENT));
}

static void note_death(struct port *port)
{
    if (port->dead)
        return;
    port->dead = true;
    port->down_until = clock_after(port->patience);
}

static void park(struct msg *msg)
{
    struct msg **link = &msg->port->parked;
    while (*link)
        link = &(*link)->next;
    *link = msg;
    msg->next = NULL;
    msg->state = MSG_PARKED;
}

static void unpark(struct msg *msg)
{
    struct msg **link = &msg->port->parked;
    while (*link != msg)
        link = &(*link)->next;
    *link = msg->next;
}

void msg_end_error(struct msg *msg, int64_t error)
{
    struct port *port = msg->port;
    port->in_flight--;
    if (error == -EDEAD) {
        if (msg->era == port->recoveries) /* else it is an earlier server that died */
            note_death(port);
        if (may_be_resent(msg)) {
            park(msg);
            return;
        }
    }
    msg->head = (struct message){.op = msg->head.op};
    finish_and_tell(msg, error);
}

void port_died(struct port *port)
{
    note_death(port);
    if (port->agent->fail)
        port->agent->fail(port, -EDEAD);
}

static void end_parked(struct port *port, int64_t error)
{
    while (port->parked) {
        struct msg *msg = port->parked;
        unpark(msg);
        finish_and_tell(msg, error);
    }
}

/* ---- Finding a server again ------------------------------------------------------------------ */

/* Sends what is parked, in order, as far as there is room. */
static void resend(struct port *port)
{
    while (port->parked && !port->dead) {
        struct msg *msg = port->parked;
        msg->head = msg->request;
        memcpy(message_area()->ranges, msg->ranges,
               MESSAGE_FLAG_RANGES(msg->head.flags) * sizeof(msg->ranges[0]));
        msg->sent = false;
        int64_t result = port->agent->begin(port, msg);
        if (result == -EAGAIN)
            return;
        if (result == -EDEAD) {
            note_death(port);
            return;
        }
        unpark(msg);
        msg->state = MSG_IN_FLIGHT;
        msg->sent = true;
        msg->era = port->recoveries;
        if (result == -EASYNC)
            port->in_flight++;
        else
            finish_and_tell(msg, result);
    }
}

/* A request of libmsg's own; what follows the head lies in the message page. */
static int64_t control(struct port *port, struct message *head)
{
    if (port->server) {
        struct msg msg = {.head = *head};
        int64_t result = msg_begin(port, &msg);
        *head = msg.head;
        return result;
    }
    int64_t error = sys_do(port->handle, clock_after(CONTROL_PATIENCE), head);
    return error < 0 ? error : msg_heard(head->result);
}

static int64_t attach(struct port *port, uint32_t number)
{
    const struct attached *attached = &port->attached[number];
    int64_t copy = sys_handle_duplicate(attached->vmo, attached->rights | RIGHT_TRANSFER, 0);
    if (copy < 0)
        return copy;
    message_area()->handles[0] = (struct message_handle){(handle_t)copy, attached->rights, 0};
    struct message head = {.op = SERVER_ATTACH, .flags = MESSAGE_FLAGS(0, 1, 0), .arg = {number}};
    int64_t result = control(port, &head);
    if (result < 0)
        sys_handle_close((handle_t)copy); /* if it never left */
    return result;
}

static int64_t trade_session(struct port *port)
{
    struct message head = {.op = SERVER_SESSION, .flags = MESSAGE_ROOM};
    int64_t error = control(port, &head);
    if (error < 0)
        return error;
    if (MESSAGE_FLAG_HANDLES(head.flags) != 1) {
        close_handles_of(&head);
        return -EPROTO;
    }
    sys_handle_close(port->handle);
    port->handle = message_area()->handles[0].handle;
    return 0;
}

/* Session, attachments and ring, at a new server. */
static int64_t restore(struct port *port)
{
    int64_t error = port->session ? trade_session(port) : 0;
    for (uint32_t i = 1; i <= SERVER_ATTACH_MAX && error >= 0; i++)
        if (port->attached[i].vmo)
            error = attach(port, i);
    if (error >= 0 && port->agent->reopen)
        error = port->agent->reopen(port);
    return error;
}

static void recover(struct port *port)
{
    handle_t handle;
    int64_t error = port->resolve(port->resolve_context, &handle);
    if (error >= 0) {
        sys_handle_close(port->handle);
        port->handle = handle;
        error = restore(port);
        if (error >= 0) {
            port->dead = false;
            port->recoveries++;
            return;
        }
    }
    if (clock_now() >= port->down_until)
        end_parked(port, -EDEAD);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Sends what is parked, if its server is back.  Until when the mailbox may wait. */
uint64_t mailbox_deadline(struct mailbox *mailbox, uint64_t deadline)
{
    struct port *next;
    for (struct port *port = mailbox->ports; port; port = next) {
        uint64_t before = port->ended;
        next = port->next;
        if (!port->parked)
            continue;
        if (port->dead)
            recover(port);
        resend(port);
        if (port->ended != before)
            deadline = DEADLINE_NOW;
        else if (port->parked && port->dead)
            deadline = earlier(deadline, clock_after(LOOK_AGAIN));
    }
    return deadline;
}

void port_resolve(struct port *port, port_resolver *resolve, void *context, uint64_t patience)
{
    port->resolve = resolve;
    port->resolve_context = context;
    port->patience = patience;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

int64_t port_session(struct port *port)
{
    if (port->agent == &agent_here)
        return 0; /* all of this task is one session */
    if (port->agent != &agent_across || port->session)
        return -EINVAL;
    int64_t error = trade_session(port);
    port->session = error >= 0;
    return error;
}

int64_t port_attach(struct port *port, uint32_t number, handle_t vmo, uint32_t rights)
{
    if (number == 0 || number > SERVER_ATTACH_MAX)
        return -EINVAL;
    if (port->attached[number].vmo)
        return -EEXIST;
    port->attached[number] = (struct attached){vmo, rights};
    int64_t error = attach(port, number);
    if (error < 0)
        port->attached[number] = (struct attached){0};
    return error;
}

int64_t port_detach(struct port *port, uint32_t number)
{
    if (number == 0 || number > SERVER_ATTACH_MAX || !port->attached[number].vmo)
        return -ENOENT;
    struct msg msg = {.head = {.op = SERVER_DETACH, .arg = {number}}};
    int64_t error = msg_do(port, &msg, clock_after(CONTROL_PATIENCE));
    if (error != -EBUSY)
        port->attached[number] = (struct attached){0};
    return error;
}

/* ---- Messages -------------------------------------------------------------------------------- */

static inline void prepare(struct port *port, struct msg *msg)
{
    msg->port = port;
    msg->state = MSG_IN_FLIGHT;
    msg->cookie = msg->head.cookie;
    msg->sent = false;
    msg->calls_back = false;
}

static bool is_malformed(const struct msg *msg)
{
    return (msg->options & MSG_IDEMPOTENT) && !can_be_resent(msg->head.flags);
}

/* What the agent said of a message it was given: the result, or -EASYNC. */
static inline int64_t settle(struct port *port, struct msg *msg, int64_t result)
{
    if (__builtin_expect(result == -EASYNC, 1)) {
        port->in_flight++;
        msg->sent = true;
        msg->era = port->recoveries;
        return result;
    }
    if (result == -EDEAD) {
        note_death(port);
        if (may_be_resent(msg)) {
            park(msg);
            return -EASYNC;
        }
    }
    return finish(msg, result);
}

/* With a resolver, or to be sent again by one. */
static int64_t begin_lasting(struct port *port, struct msg *msg)
{
    if (is_malformed(msg))
        return -EINVAL;
    prepare(port, msg);
    if (port->resolve)
        save_request(msg);
    if ((port->parked || port->dead) && may_be_resent(msg)) {
        park(msg);
        return -EASYNC;
    }
    return settle(port, msg, port->agent->begin(port, msg));
}

int64_t msg_begin(struct port *port, struct msg *msg)
{
    if (port->resolve || (msg->options & MSG_IDEMPOTENT))
        return begin_lasting(port, msg);
    prepare(port, msg);
    return settle(port, msg, port->agent->begin(port, msg));
}

int64_t msg_wait(struct msg *msg, uint64_t deadline)
{
    struct port *port = msg->port;
    while (msg->state == MSG_IN_FLIGHT || msg->state == MSG_PARKED) {
        int64_t error = mailbox_wait(port->mailbox, deadline);
        if (error < 0 && msg->state != MSG_ENDED)
            return error;
    }
    return msg->head.result;
}

int64_t port_wait(struct port *port, uint64_t deadline)
{
    uint64_t before = port->ended;
    if (!port->in_flight && !port->parked)
        return -ENOENT;
    while (port->ended == before) {
        int64_t error = mailbox_wait(port->mailbox, deadline);
        if (error < 0 && port->ended == before)
            return error;
    }
    return 0;
}

/* Sends it, waiting for a credit if that is what is missing. */
static int64_t begin_waiting(struct port *port, struct msg *msg, uint64_t deadline)
{
    int64_t result;
    while ((result = msg_begin(port, msg)) == -EAGAIN && !msg->sent && port->in_flight) {
        result = mailbox_wait(port->mailbox, deadline);
        if (result < 0)
            return result;
    }
    return result;
}

int64_t msg_do(struct port *port, struct msg *msg, uint64_t deadline)
{
    int64_t result;
    if (port->agent->call && !port->parked && !port->dead && !is_malformed(msg)) {
        prepare(port, msg);
        if (port->resolve)
            save_request(msg);
        result = settle(port, msg, port->agent->call(port, msg, deadline));
    } else {
        result = begin_waiting(port, msg, deadline);
    }
    if (result != -EASYNC)
        return result;
    result = msg_wait(msg, deadline);
    if (msg->state != MSG_ENDED) {
        msg_forget(msg);
        finish(msg, result);
    }
    return result;
}

int64_t msg_send(struct port *port, struct msg *msg)
{
    int64_t result = msg_begin(port, msg);
    if (result != -EASYNC && !msg->sent)
        return result < 0 ? result : -EINVAL;
    if (result != -EASYNC && msg->done)
        msg->done(port, msg);
    else
        msg->calls_back = true;
    return 0;
}

int64_t msg_abort(struct msg *msg)
{
    if (msg->state == MSG_PARKED) {
        unpark(msg);
        finish_and_tell(msg, -EABORTED);
        return 0;
    }
    if (msg->state != MSG_IN_FLIGHT)
        return -EALREADY;
    if (msg->port->agent->abort)
        msg->port->agent->abort(msg->port, msg);
    return 0;
}

void msg_forget(struct msg *msg)
{
    struct port *port = msg->port;
    if (msg->state == MSG_PARKED) {
        unpark(msg);
    } else if (msg->state == MSG_IN_FLIGHT) {
        if (port->agent->abort)
            port->agent->abort(port, msg);
        port->agent->forget(port, msg);
        port->in_flight--;
    }
    msg->state = MSG_ENDED;
}
