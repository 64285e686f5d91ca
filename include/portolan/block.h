/*
 * The block protocol: disks, and whatever looks like one (RAM disk, partition, mirror, loop, ...).
 * Block servers speak it on both sides, so that they stack.
 *
 * A device is `size` bytes; offsets and lengths are bytes and multiples of `block_size`.
 * Everything fits a message's head, so that it goes by port and by ring alike.
 *
 * Memory is named in one of two ways:
 *   arg[0] = 1..SERVER_ATTACH_MAX: what was attached under that number (BLOCK_ATTACH), from
 *            arg[1] on.  No work per request, but it stays lent: what the client writes there
 *            meanwhile may or may not be what reaches the disk.
 *   arg[0] = 0: range 0 of the message, from arg[1] on; lent until the reply.
 * A read needs WRITE to it (and PIN, if the device does DMA), a write READ (and PIN).
 *
 * Requests in flight may be done in any order; those that overlap are the client's to order, with
 * BLOCK_BARRIER or by waiting.  A write that was answered is seen by every read begun later; it is
 * on the medium (safe from loss of power) after a flush begun later has been answered, or at once
 * with BLOCK_FUA.  A write that was not answered, or failed, may have been done in any of its
 * blocks; a block is never half written.
 *
 * Reads, writes, flushes and discards may be sent again after a server's death (MSG_IDEMPOTENT).
 *
 * head.result: bytes done, always all of them (0 for a flush), or
 *   -EINVAL   not a multiple of the block size, no bytes, unknown flags, no such range
 *   -ERANGE   beyond the device, or beyond the memory
 *   -E2BIG    more than max_transfer
 *   -ENOENT   nothing attached under this number
 *   -EPERM    the memory was lent without the right that is needed
 *   -EROFS    a read-only device
 *   -EIO      the device failed
 *   -EAGAIN   too many requests in flight
 *   -EINTR    given up, as the client asked
 *   -ENOTSUP  a discard, of a device that cannot
 */
#ifndef PORTOLAN_BLOCK_H
#define PORTOLAN_BLOCK_H

#include <portolan/server.h>

enum block_op {
    /*
     * Reply: head.length: size in bytes; head.offset: serial number or other name of the medium,
     * the same whenever it is the same, or 0; arg[0]: block_size | physical block size << 32;
     * arg[1]: BLOCK_IS_*; arg[2]: max_transfer | number of queues << 32 (ports: SERVER_PORTS).
     */
    BLOCK_INFO = 0x300,
    /* head.offset: on the device; head.length: bytes; arg[0], arg[1]: the memory; arg[2]: BLOCK_*
     * flags. */
    BLOCK_READ,
    BLOCK_WRITE,
    /* All writes that were answered before this was sent are on the medium. arg[2]: 0 or
     * BARRIER. */
    BLOCK_FLUSH,
    /* head.offset, head.length: these blocks are not needed any more; what they read as is
     * unknown until they are written.  arg[2]: 0 or BARRIER. */
    BLOCK_DISCARD,
    BLOCK_OPS_END,
    /* Memory for more than one request: see <portolan/server.h>. */
    BLOCK_ATTACH = SERVER_ATTACH,
    BLOCK_DETACH = SERVER_DETACH,
};

/* arg[2] of requests */
enum {
    BLOCK_FUA = 1u << 0, /* write: on the medium before the reply */
    BLOCK_BARRIER =
        1u << 1, /* begun when all earlier of this port or ring are done; later ones, after it */
};

/* arg[1] of BLOCK_INFO */
enum {
    BLOCK_IS_READ_ONLY = 1u << 0,
    BLOCK_IS_CACHED = 1u << 1, /* writes need a flush to be safe; without: they are safe at once */
    BLOCK_IS_DISCARDABLE = 1u << 2,
    BLOCK_IS_REMOVABLE = 1u << 3,
    BLOCK_IS_SLOW_TO_SEEK = 1u << 4, /* worth sorting */
};

#define BLOCK_SIZE_MIN 512u
#define BLOCK_SIZE_MAX 4096u

#endif
