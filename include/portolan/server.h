/*
 * What every server answers, whatever its protocol: sessions, attached memory, rings, figures.
 * libmsg answers these for a server that has switched them on; otherwise they give -ENOSYS.
 *
 * A *session* is a handle with a badge of its own.  Memory attached and rings opened belong to the
 * badge they were asked for with, and end when its last handle is closed.
 */
#ifndef PORTOLAN_SERVER_H
#define PORTOLAN_SERVER_H

#include <portolan/message.h>

enum server_op {
    /* Reply: handle 0: a session of the sender's own (SEND, DUPLICATE, TRANSFER).  -EAGAIN too
     * many. Needs MESSAGE_ROOM when it is sent, as do all that reply with bytes or handles. */
    SERVER_SESSION = 0x10,
    /*
     * handle 0: a VM object, with the rights the server shall have; arg[0]: the number it shall
     * have, 1..SERVER_ATTACH_MAX; its numbers are the session's own, so that they are the same
     * after the server was started anew.  Stays lent until SERVER_DETACH or the session's end.
     * -EEXIST, -EINVAL, -ENOMEM.
     */
    SERVER_ATTACH,
    /* arg[0]: the number.  -ENOENT; -EBUSY: a request in flight uses it. */
    SERVER_DETACH,
    /* Opens a ring: see <portolan/ring.h>. */
    SERVER_RING_OPEN,
    /* Over a ring only: arg[0]: the cookie of a message in flight that shall end early. */
    SERVER_ABORT,
    /* Reply bytes: struct server_statistics. */
    SERVER_STATISTICS,
    /* Reply bytes: the newest struct server_event, oldest first.  Result: bytes of them. */
    SERVER_TRACE,
    /* arg[0]: number of the first wanted.  Reply: handles to the server's ports from that one
     * on, as many as fit; result: how many ports it has.  Any of them answers; which is the
     * client's choice: by CPU or by key modulo their number.  -EINVAL no such number. */
    SERVER_PORTS,
    SERVER_OPS_END,
};

#define SERVER_ATTACH_MAX 32u

/* Badges that libmsg gives; a server's own are below SERVER_BADGES. */
#define SERVER_BADGES (1ull << 60)
#define SERVER_SESSION_BADGE (1ull << 61) /* or'ed with a number, never given twice */
#define SERVER_RING_BADGE (1ull << 62)    /* or'ed with a number: may only wake the server */

/* Counted since the server started. */
#define SERVER_OPS_COUNTED 32u
struct server_statistics {
    uint64_t messages;                  /* that came */
    uint64_t errors, kept;              /* of them: answered with an error; not answered at once */
    uint64_t aborted;                   /* told to be given up */
    uint64_t ring_messages, ring_wakes; /* of the messages; times a sleeping client was woken */
    uint64_t violations;                /* rings ended because the client broke the protocol */
    uint64_t first_op;
    uint64_t by_op[SERVER_OPS_COUNTED]; /* messages with first_op, first_op + 1, ... */
};

struct server_event {
    uint64_t time, badge; /* time: the counter of the CPU, when it was answered or kept */
    int64_t result;       /* -EASYNC: kept */
    uint32_t op, length;  /* length: the head's, at most UINT32_MAX */
};
#define SERVER_EVENTS 64u

#endif
