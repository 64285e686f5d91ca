/*
 * A heap for small things of known sizes, in memory that the caller sets aside; it grows through
 * that memory, asking before it touches more of it, and never shrinks.  Sizes are rounded up to
 * classes, four to each power of two, each with its list of free pieces.  Pure.
 */
#ifndef SERVERS_HEAP_H
#define SERVERS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_SIZE_MAX 2048u
#define HEAP_CLASSES 24u

struct heap {
    uint8_t *start, *next, *end; /* from next on it is not given out yet */
    uint8_t *secured;            /* up to here it may be touched */
    /* Makes [offset, offset + length) of the memory safe to touch; NULL: all of it is. */
    bool (*secure)(uint64_t offset, uint64_t length);
    void *free[HEAP_CLASSES];
};

/* memory: aligned to 16. */
void heap_open(struct heap *heap, void *memory, size_t size,
               bool (*secure)(uint64_t offset, uint64_t length));

/* 16-aligned memory, not cleared; NULL: there is none, or size is over HEAP_SIZE_MAX. */
void *heap_take(struct heap *heap, size_t size);

/* size: as it was taken.  NULL is allowed. */
void heap_give_back(struct heap *heap, void *memory, size_t size);

#endif
