/*
 * A ring of bytes inside one thread: what comes in at one end goes out at the other.  Pure.
 *
 *     static uint8_t space[4096];
 *     static struct byte_ring ring = {space, sizeof(space), 0, 0};
 */
#ifndef LIBMSG_BYTE_RING_H
#define LIBMSG_BYTE_RING_H

#include "string.h"

struct byte_ring {
    uint8_t *space;
    size_t size;
    size_t first, count; /* where the oldest byte is, and how many there are */
};

static inline size_t byte_ring_room(const struct byte_ring *ring)
{
    return ring->size - ring->count;
}

/* Adds as much as there is room for; how many bytes that was. */
static inline size_t byte_ring_put(struct byte_ring *ring, const void *from, size_t length)
{
    if (length > byte_ring_room(ring))
        length = byte_ring_room(ring);
    size_t end = (ring->first + ring->count) % ring->size;
    size_t piece = length < ring->size - end ? length : ring->size - end;
    memcpy(ring->space + end, from, piece);
    memcpy(ring->space, (const uint8_t *)from + piece, length - piece);
    ring->count += length;
    return length;
}

/* Copies the oldest bytes, which stay; how many. */
static inline size_t byte_ring_peek(const struct byte_ring *ring, void *to, size_t length)
{
    if (length > ring->count)
        length = ring->count;
    size_t piece = length < ring->size - ring->first ? length : ring->size - ring->first;
    memcpy(to, ring->space + ring->first, piece);
    memcpy((uint8_t *)to + piece, ring->space, length - piece);
    return length;
}

/* Takes `length` bytes out, at most as many as there are. */
static inline void byte_ring_drop(struct byte_ring *ring, size_t length)
{
    if (length > ring->count)
        length = ring->count;
    ring->first = (ring->first + length) % ring->size;
    ring->count -= length;
}

#endif
