/*
 * Rings: the same 64-byte messages through memory that a client and a server share.
 *
 * The memory is a contiguous VM object (its size cannot be changed under a peer) that the client
 * makes: a struct ring_shared, then at RING_SLOTS `depth` requests, then `depth` replies.
 *
 * Each direction has one word: the sender's index in bits 31..1 (messages sent so far, modulo 2^31)
 * and in bit 0 "the receiver sleeps".  The sender fills slots [index % depth], then exchanges the
 * word for its new index; if bit 0 was set it wakes the receiver, by notification.  The receiver
 * goes to sleep by compare-and-exchange from "index I have seen" to the same with bit 0, which
 * fails if there is more.  So no wake-up is lost, and none is spent on a receiver that runs.
 *
 * There is no index the other way: a client has at most `depth` requests in flight (its credits),
 * so that neither ring can overrun.  Requests are taken, and so their slots free, in order.
 *
 * The head's fields: flags are 0 (nothing follows a message: memory is attached and named by
 * number); cookie is RING_COOKIE(generation, number), where number < depth is unique among the
 * client's requests in flight; the reply has the same cookie.  What does not keep to this ends the
 * session: `ended` is set, the peer is woken, and everything in flight ends with -EPROTO.
 *
 * SERVER_RING_OPEN: handle 0: the VM object (READ, WRITE, MAP); handle 1: a port (SEND) that is
 *   notified with the bits arg[1] to wake the client; arg[0]: depth, a power of two,
 *   2..RING_DEPTH_MAX.
 *   Reply: handle 0: to wake the server with, by the notification bits arg[1]; when it is closed
 *   the ring ends; arg[0]: the session's generation, not 0.  -EINVAL, -ENOTSUP the object is of
 *   another kind, -EAGAIN too many rings.
 */
#ifndef PORTOLAN_RING_H
#define PORTOLAN_RING_H

#include <portolan/message.h>

#define RING_DEPTH_MAX 512u
#define RING_SLOTS 256u
#define RING_SLEEPS 1u
/* The notification bit that libmsg uses to wake, on either side. */
#define RING_WAKE_BIT (1ull << 61)
#define RING_COOKIE(generation, number) ((uint64_t)(generation) << 32 | (number))
#define RING_COOKIE_GENERATION(cookie) ((uint32_t)((cookie) >> 32))
#define RING_COOKIE_NUMBER(cookie) ((uint32_t)(cookie))

struct ring_shared {
    /* Each in a cache line of its own. */
    uint32_t requests __attribute__((aligned(64))); /* the client sends, the server sleeps */
    uint32_t replies __attribute__((aligned(64)));  /* the server sends, the client sleeps */
    uint32_t ended __attribute__((aligned(64)));    /* by either: errno of the session's end */
};
_Static_assert(sizeof(struct ring_shared) <= RING_SLOTS, "slots lie behind the words");

/* Bytes of a ring of that depth. */
#define RING_BYTES(depth) (RING_SLOTS + 2ul * (depth) * sizeof(struct message))

#endif
