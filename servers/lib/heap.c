/*
 * See heap.h.  Class sizes: 16, 32, 48, 64, then four steps to each doubling.
 */
#include "heap.h"

#define GRAIN 16u
#define STEP 16384u /* by which it reaches further */

/* The class of a size, and the class's own size. */
static uint32_t class_of(size_t size, size_t *rounded)
{
    size_t units = size ? (size + GRAIN - 1) / GRAIN : 1;
    if (units <= 4) {
        *rounded = units * GRAIN;
        return (uint32_t)units - 1;
    }
    uint32_t power = 63u - (uint32_t)__builtin_clzl(units - 1); /* 2^power < units <= 2^(power+1) */
    size_t step = (size_t)1 << (power - 2);
    size_t steps = (units - ((size_t)1 << power) + step - 1) / step; /* 1..4 */
    *rounded = (((size_t)1 << power) + steps * step) * GRAIN;
    return 4 + (power - 2) * 4 + (uint32_t)steps - 1;
}

void heap_open(struct heap *heap, void *memory, size_t size,
               bool (*secure)(uint64_t offset, uint64_t length))
{
    uint8_t *start = memory, *end = start + size;
    *heap = (struct heap){.start = start,
                          .next = start,
                          .end = end,
                          .secured = secure ? start : end,
                          .secure = secure};
}

/* Whether the next `size` bytes may be touched. */
static bool reach(struct heap *heap, size_t size)
{
    if ((size_t)(heap->end - heap->next) < size)
        return false;
    if ((size_t)(heap->secured - heap->next) >= size)
        return true;
    size_t more = size < STEP ? STEP : size, left = (size_t)(heap->end - heap->secured);
    more = more < left ? more : left;
    if (!heap->secure((uint64_t)(heap->secured - heap->start), more))
        return false;
    heap->secured += more;
    return true;
}

void *heap_take(struct heap *heap, size_t size)
{
    size_t rounded;
    if (size > HEAP_SIZE_MAX)
        return NULL;
    uint32_t class = class_of(size, &rounded);
    void *memory = heap->free[class];
    if (memory) {
        heap->free[class] = *(void **)memory;
        return memory;
    }
    if (!reach(heap, rounded))
        return NULL;
    memory = heap->next;
    heap->next += rounded;
    return memory;
}

void heap_give_back(struct heap *heap, void *memory, size_t size)
{
    size_t rounded;
    if (!memory)
        return;
    uint32_t class = class_of(size, &rounded);
    *(void **)memory = heap->free[class];
    heap->free[class] = memory;
}
