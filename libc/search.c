/*
 * Doubly linked lists and linear search, of <search.h>.
 */
#include <search.h>
#include <string.h>

/* What an element begins with. */
struct element {
    struct element *next, *previous;
};

void insque(void *element, void *before)
{
    struct element *new = element, *previous = before;
    new->previous = previous;
    new->next = previous ? previous->next : NULL;
    if (previous)
        previous->next = new;
    if (new->next)
        new->next->previous = new;
}

void remque(void *element)
{
    struct element *old = element;
    if (old->previous)
        old->previous->next = old->next;
    if (old->next)
        old->next->previous = old->previous;
}

void *lfind(const void *key, const void *base, size_t *count, size_t width,
            int (*compare)(const void *, const void *))
{
    const char *at = base;
    for (size_t i = 0; i < *count; i++, at += width) {
        if (compare(key, at) == 0)
            return (void *)at;
    }
    return NULL;
}

void *lsearch(const void *key, void *base, size_t *count, size_t width,
              int (*compare)(const void *, const void *))
{
    void *found = lfind(key, base, count, width, compare);
    if (found)
        return found;
    return memcpy((char *)base + (*count)++ * width, key, width);
}
