/*
 * Streams: what a pipe and a FIFO are.  Bytes go in at one end and come out at the other; who has
 * to wait is kept here (EASYNC) and answered when the other side has done something, has closed its
 * last end, or when the message is aborted.
 *
 * A stream holds PIPE_SIZE bytes.  A write of bytes (not a loan) that finds too little room is put
 * into the ring all the same, which has some room more, and only its answer waits; so there is
 * nothing to keep beside it, and nothing to tear apart.  A loan is copied as room comes.
 *
 * Each stream has a place for one reader and one writer that wait; further ones, and pollers, come
 * out of a common stock, of which one stream gets at most STREAM_WAITERS_MAX.
 */
#ifndef SERVERS_STREAM_H
#define SERVERS_STREAM_H

#include <portolan/pipe.h>

#include "ring.h"
#include "server.h"

#define STREAM_WAITERS_MAX 48u
/* Writes of bytes that may lie in the ring beyond PIPE_SIZE. */
#define STREAM_OVERFLOW (STREAM_RING - PIPE_SIZE)
#define STREAM_RING (2 * PIPE_SIZE)

struct waiter {
    struct waiter *next;
    uint64_t token;      /* of the message that waits; a poller: the bits it is notified with */
    uint64_t length;     /* bytes that are wanted or offered; a poller: IO_READY_* of interest */
    uint64_t done;       /* of a lent write: bytes in the ring already */
    uint64_t end;        /* of a write of bytes: the ring's position behind them */
    uint64_t koid;       /* a poller: its port's */
    handle_t handle;     /* the loan, or HANDLE_NONE; a poller: its port */
    bool taken, writing; /* in use; a poller: at the write end */
};

struct waiters {
    struct waiter *first, *last;
};

struct stream {
    struct ring ring;
    uint32_t readers, writers; /* ends that are open */
    uint32_t waiting;          /* out of the common stock */
    uint32_t index;
    uint64_t most; /* bytes of the ring, from its start, that may be touched */
    struct waiters reads, writes, polls;
    struct waiter own_read, own_write;
    struct stream *next; /* free: the next free one */
    bool used;
};

/* Makes room for `count` streams (address space; memory is taken as it is needed). 0, -ENOMEM. */
int64_t streams_open(uint32_t count);

/* A stream with no ends open, or NULL. */
struct stream *stream_create(void);
/* No end is open. */
void stream_destroy(struct stream *stream);

/* An end is opened or closed. */
void stream_opened(struct stream *stream, bool writing);
void stream_closed(struct stream *stream, bool writing);

/* IO_READ, IO_WRITE, IO_POLL of an end: what a handler returns. */
int64_t stream_read(struct stream *stream, struct request *request);
int64_t stream_write(struct stream *stream, struct request *request);
int64_t stream_poll(struct stream *stream, struct request *request, bool reading, bool writing);

/* NOTIFY_ABORT came: whoever gave up is answered with -EINTR, or what was done, and forgotten. */
void streams_aborted(void);

#endif
