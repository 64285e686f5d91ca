/*
 * The network protocol: cards that send and receive Ethernet frames, and whatever looks like one.
 *
 * Frames lie in a VM object that the client attached (NETWORK_ATTACH) and cut into buffers as it
 * likes. Everything fits a message's head; a ring pair per queue carries it.  Ports: SERVER_PORTS,
 * one per queue; received frames of one flow come by one queue.
 *
 * A frame is sent by NETWORK_SEND, answered when its buffer is the client's again.  Buffers to
 * receive into are given by NETWORK_RECEIVE, each answered with one frame: they are requests like
 * any other, so that a client that gives none receives none and costs nothing.
 *
 * head.result: bytes, or
 *   -EINVAL   no bytes, larger than a frame or a buffer may be, a feature that was not accepted
 *   -ERANGE   beyond the attached memory
 *   -ENOENT   nothing attached
 *   -EPERM    attached without the right that is needed
 *   -EAGAIN   too many in flight
 *   -EIO      the device failed
 *   -EINTR    given up, as asked
 *   -ENODEV   the queue is stopped: what was in flight is answered with this
 */
#ifndef PORTOLAN_NETWORK_H
#define PORTOLAN_NETWORK_H

#include <portolan/server.h>

enum network_op {
    /* Reply: arg[0]: the address, first byte lowest; arg[1]: NETWORK_CAN_*; arg[2]: largest
     * frame in bytes | queues << 32; offset: NETWORK_IS_*. */
    NETWORK_INFO = 0x400,
    /* arg[0]: NETWORK_CAN_* that the client will use of those; others may not be asked for, and
     * are not done.  Result: those that are in force.  Frames are received from now on. */
    NETWORK_START,
    /* No more frames. */
    NETWORK_STOP,
    /*
     * head.length bytes at arg[1] of attachment arg[0].  arg[2]: NETWORK_SEND_* | start << 16 |
     * offset << 32 | segment << 48: with CHECKSUM, the sum of the bytes from `start` on is put at
     * start + offset; with SEGMENT, a TCP frame is cut into some with at most `segment` bytes of
     * data.
     */
    NETWORK_SEND,
    /* A buffer of head.length bytes at arg[1] of attachment arg[0].  Reply: result: the frame's
     * bytes; arg[2]: NETWORK_GOT_*. */
    NETWORK_RECEIVE,
    /* arg[0]: NETWORK_IS_* as last heard. Answered when they are otherwise; result: as they are
     * now. */
    NETWORK_WATCH,
    NETWORK_OPS_END,
    NETWORK_ATTACH = SERVER_ATTACH,
    NETWORK_DETACH = SERVER_DETACH,
};

enum {
    NETWORK_CAN_SUM_SENT = 1u << 0,     /* NETWORK_SEND_CHECKSUM */
    NETWORK_CAN_SEGMENT = 1u << 1,      /* NETWORK_SEND_SEGMENT */
    NETWORK_CAN_SUM_RECEIVED = 1u << 2, /* NETWORK_GOT_SUM_GOOD */
};
enum { NETWORK_IS_UP = 1u << 0 };
enum { NETWORK_SEND_CHECKSUM = 1u << 0, NETWORK_SEND_SEGMENT = 1u << 1 };
enum { NETWORK_GOT_SUM_GOOD = 1u << 0 };

#define NETWORK_FRAME_MIN 14u
#define NETWORK_SEGMENT_FRAME_MAX 65550u /* a frame that is to be cut: 64 KiB and its headers */

#endif
