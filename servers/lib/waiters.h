/*
 * The lists of those that wait at a stream, and the stock their places come from.
 */
#ifndef SERVERS_WAITERS_H
#define SERVERS_WAITERS_H

#include "stream.h"

/* A place at the end of a list, zeroed: `own` if that is free (NULL: there is none), else out of
 * the stock; NULL: there is none. */
struct waiter *waiters_add(struct stream *stream, struct waiters *list, struct waiter *own);

/* Takes one out. */
void waiters_remove(struct stream *stream, struct waiters *list, struct waiter *waiter);

/* Answers a waiter's message with a result; the message page has what `bytes` counts.  0 or what
 * reply gave: then it has ended some other way. */
int64_t waiter_answer(const struct waiter *waiter, int64_t result, uint64_t bytes);

/* How many bytes a stream takes now. */
static inline uint64_t stream_room(const struct stream *stream)
{
    uint64_t used = ring_used(&stream->ring);
    return used < PIPE_SIZE ? PIPE_SIZE - used : 0;
}

/* pollers.c: tells those for whom something is so now; forgets all. */
void pollers_answer(struct stream *stream);
void pollers_forget(struct stream *stream);

#endif
