/*
 * The bytes of a pipe: a queue of bytes in a block of memory, with positions that only grow.  Pure.
 */
#ifndef SERVERS_RING_H
#define SERVERS_RING_H

#include <portolan/types.h>

struct ring {
    uint8_t *bytes;
    uint64_t size;       /* a power of two */
    uint64_t head, tail; /* what was put in and taken out, ever */
};

static inline uint64_t ring_used(const struct ring *ring)
{
    return ring->head - ring->tail;
}

/* Puts in `length` bytes, for which there must be room. */
void ring_put(struct ring *ring, const void *from, uint64_t length);

/* Copies out at most `length` bytes without taking them; how many. */
uint64_t ring_copy(const struct ring *ring, void *to, uint64_t length);

/* Forgets `length` bytes, which must be there. */
void ring_skip(struct ring *ring, uint64_t length);

#endif
