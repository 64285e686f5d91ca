/*
 * See ring.h.
 */
#include "ring.h"

#include "string.h"

void ring_put(struct ring *ring, const void *from, uint64_t length)
{
    uint64_t at = ring->head & (ring->size - 1), first = ring->size - at;
    if (first > length)
        first = length;
    memcpy(ring->bytes + at, from, first);
    memcpy(ring->bytes, (const uint8_t *)from + first, length - first);
    ring->head += length;
}

uint64_t ring_copy(const struct ring *ring, void *to, uint64_t length)
{
    uint64_t used = ring_used(ring), at = ring->tail & (ring->size - 1), first = ring->size - at;
    if (length > used)
        length = used;
    if (first > length)
        first = length;
    memcpy(to, ring->bytes + at, first);
    memcpy((uint8_t *)to + first, ring->bytes, length - first);
    return length;
}

void ring_skip(struct ring *ring, uint64_t length)
{
    ring->tail += length;
    /* Empty: from the start again, so that small traffic stays in one page. */
    if (ring->tail == ring->head)
        ring->tail = ring->head = (ring->head + ring->size - 1) & ~(ring->size - 1);
}
