/*
 * Ports, as a client sees them: send a message, and get its result now or later.
 *
 *     struct mailbox box;  mailbox_open(&box, HANDLE_NONE);
 *     struct port disk;    port_across(&disk, &box, handle);    (or port_here, port_ring)
 *     struct msg m = {.head = {.op = BLOCK_FLUSH}};
 *     int64_t result = msg_do(&disk, &m, clock_after(SECOND));
 *
 * How a message gets there is the affair of the port's agent: *here* (a server's handlers called in
 * this thread), *across* (the kernel's ports), *ring* (shared memory).  The caller's code is the
 * same:
 *
 *   msg_begin  sends; gives the result if it is there already, else -EASYNC
 *   msg_wait   waits for the end of a message that gave -EASYNC
 *   port_wait  waits for the end of any message of the port
 *   msg_do     both, with a deadline
 *   msg_send   sends; m->done is called at the message's end, before msg_send returns or in a wait
 *   msg_abort  asks for the early end of a message in flight
 *
 * What follows a head (bytes, handles, ranges; flags as in <portolan/message.h>) lies in the
 * message page when it is sent, and what followed the reply when msg_begin or msg_do return with a
 * result. A reply that comes later is copied to m->keep; without that its bytes are lost and its
 * handles closed.  A ring carries heads only (-ENOTSUP): memory is attached once and named by
 * number.
 *
 * A struct msg is the caller's and stays where it is until it has ended.  At its end head holds the
 * reply: head.result is what the calls give.  A mailbox and its ports belong to one thread.
 *
 * Errors that any message may end with: -EDEAD the server died, -EABORTED, -EPROTO the peer broke
 * the ring's rules, -EAGAIN no room for more messages in flight (nothing was sent), -ETIMEDOUT. A
 * server that replies with one of these that are libmsg's and the kernel's to say (EDEAD, EABORTED,
 * EASYNC) is heard as -EIO.
 */
#ifndef LIBMSG_PORT_H
#define LIBMSG_PORT_H

#include <portolan/errors.h>
#include <portolan/server.h>
#include <portolan/syscall.h>

struct port;
struct msg;
struct server;

/* msg.options */
enum {
    /* Safe to do twice: sent again when the server has died and was found again (port_resolve). May
     * carry two ranges, no bytes and no handles (-EINVAL). */
    MSG_IDEMPOTENT = 1u << 0,
    /* Others follow at once: a ring's server need not be woken yet.  The next message without this,
     * or any wait, sends them off. */
    MSG_MORE = 1u << 1,
};

enum msg_state { MSG_NEW = 0, MSG_IN_FLIGHT, MSG_PARKED, MSG_ENDED };
#define MSG_RANGES_SAVED 2u

struct msg {
    struct message head;
    uint32_t options;
    uint32_t state;                                /* enum msg_state; read only */
    void (*done)(struct port *port, struct msg *); /* may be NULL; head holds the reply */
    void *context;                                 /* the caller's */
    struct message_area *keep; /* where bytes and handles of a later reply go, or NULL */

    /* libmsg's */
    struct port *port;
    struct msg *next; /* parked */
    uint64_t id;      /* the kernel's, of a send */
    uint64_t cookie;  /* the caller's head.cookie */
    uint32_t slot;
    uint32_t era;           /* port->recoveries when it was sent */
    bool calls_back;        /* sent by msg_send */
    bool sent;              /* its server may have seen it */
    struct message request; /* of one that is idempotent */
    struct message_range ranges[MSG_RANGES_SAVED];
};

/* How messages get there.  Results as the calls above; all but begin and forget may be NULL. */
struct port_agent {
    int64_t (*begin)(struct port *port, struct msg *msg); /* sets msg->sent if it gives a result */
    int64_t (*call)(struct port *port, struct msg *msg, uint64_t deadline); /* begin and wait */
    bool (*poll)(struct port *port);  /* takes what has come; whether any ended */
    bool (*sleep)(struct port *port); /* sends off what is there; false: something has come */
    void (*wake)(struct port *port);  /* awake again */
    void (*abort)(struct port *port, struct msg *msg);
    void (*forget)(struct port *port, struct msg *msg); /* no longer names msg */
    void (*fail)(struct port *port, int64_t error);     /* ends all in flight */
    int64_t (*reopen)(struct port *port);               /* to port->handle, a new server's */
    void (*close)(struct port *port);
};

/*
 * Finds the server anew after it died: 0 and a handle with SEND, which becomes the port's; or an
 * error: it is asked again some milliseconds later, until the port's patience is over.  Does not
 * wait.
 */
typedef int64_t port_resolver(void *context, handle_t *handle);

struct attached {
    handle_t vmo;
    uint32_t rights;
};

struct port {
    const struct port_agent *agent;
    struct mailbox *mailbox;
    struct port *next; /* in mailbox->ports */
    handle_t handle;   /* SEND; the port's own */
    bool dead, session;
    uint32_t in_flight;
    struct server *server; /* of a port here */
    struct ring_client *ring;
    /* What is done again when the server was started anew. */
    port_resolver *resolve;
    void *resolve_context;
    uint64_t patience;   /* nanoseconds to look for the server */
    uint64_t ended;      /* messages that ended */
    uint64_t down_until; /* when to give up; of a port that is dead */
    struct msg *parked;  /* to be sent again, in order */
    uint64_t watched;    /* koid of the server's port whose death is watched, or 0 */
    struct attached attached[SERVER_ATTACH_MAX + 1];
    uint32_t recoveries; /* times the server was found again */
};

/* Where a thread's replies, wake-ups and death notices come. */
#define MAILBOX_SLOTS 64u
struct mailbox {
    handle_t port; /* RECEIVE */
    bool own;
    struct port *ports;
    uint64_t wake_bits; /* taken by rings */
    struct slot {
        struct msg *msg; /* NULL: free, or given up by its sender */
        uint32_t generation;
        uint32_t next; /* free list, by number + 1 */
        bool used;
    } slots[MAILBOX_SLOTS];
    uint32_t free;
};

/* port: one with RECEIVE to be used (a server's own: see server.h), or HANDLE_NONE: makes one. */
int64_t mailbox_open(struct mailbox *mailbox, handle_t port);
void mailbox_close(struct mailbox *mailbox);

/*
 * One round: takes what has come for any port of the mailbox, or waits for it until deadline.
 * 0: something came; -ETIMEDOUT, -EDEAD.
 */
int64_t mailbox_wait(struct mailbox *mailbox, uint64_t deadline);

/* For a server that gets from the same port: what it got that is none of its requests.  True: it
 * was the mailbox's.  poll before it gets; sleep when it is about to wait: false, something
 * came. */
bool mailbox_take(struct mailbox *mailbox, int64_t kind, const struct message *head);
bool mailbox_poll(struct mailbox *mailbox);
uint64_t mailbox_deadline(struct mailbox *mailbox, uint64_t deadline); /* until when it may wait */
bool mailbox_sleep(struct mailbox *mailbox);
void mailbox_wake(struct mailbox *mailbox);

/* ---- Kinds of ports.  The handle becomes the port's own and is closed with it. --------------- */

/* server's handlers, called in this thread; its port need not be open. */
int64_t port_here(struct port *port, struct mailbox *mailbox, struct server *server);
int64_t port_across(struct port *port, struct mailbox *mailbox, handle_t handle);
/*
 * Turns a port across into a ring, `depth` (a power of two, 2..RING_DEPTH_MAX) messages in flight
 * at most.  Its session and what is attached stay.  As SERVER_RING_OPEN; -EBUSY messages in flight,
 * -EINVAL. After an error it is a port across still.
 */
int64_t port_ring(struct port *port, uint32_t depth);
/* Everything in flight ends with -EABORTED first. */
void port_close(struct port *port);

/* ---- Sessions: see <portolan/server.h> ------------------------------------------------------- */

/* Trades the port's handle for one of a session of its own.  -EINVAL it is a ring, or has one. */
int64_t port_session(struct port *port);
/* vmo: with DUPLICATE and TRANSFER; stays the caller's, open until it is detached.  rights: the
 * server's. */
int64_t port_attach(struct port *port, uint32_t number, handle_t vmo, uint32_t rights);
int64_t port_detach(struct port *port, uint32_t number);
/* From now on the port outlives its server: `resolve` finds the new one, the session and what is
 * attached are made again, and messages with MSG_IDEMPOTENT are sent again. */
void port_resolve(struct port *port, port_resolver *resolve, void *context, uint64_t patience);

/* ---- Messages -------------------------------------------------------------------------------- */

int64_t msg_begin(struct port *port, struct msg *msg);
int64_t msg_wait(struct msg *msg, uint64_t deadline); /* -ETIMEDOUT: still in flight */
int64_t port_wait(struct port *port, uint64_t deadline);
int64_t msg_do(struct port *port, struct msg *msg, uint64_t deadline);
int64_t msg_send(struct port *port, struct msg *msg); /* 0, or an error: nothing was sent */
int64_t msg_abort(struct msg *msg);                   /* -EALREADY it has ended */
/* The caller does not care any more: asks for the early end; msg is free for other use at once.
 * What is lent stays lent until the server has answered. */
void msg_forget(struct msg *msg);

#endif
