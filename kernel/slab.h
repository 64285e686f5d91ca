/*
 * Fixed-size kernel memory.  Each cache hands out zeroed objects of one size from whole pages, with
 * a small per-CPU stock; empty pages go back to the page allocator.  Memory is charged to a budget
 * at the object's size (NULL: the kernel's own, uncharged).
 */
#ifndef SLAB_H
#define SLAB_H

#include "budget.h"
#include "kernel.h"
#include "spinlock.h"

#define SLAB_CPUS_MAX 64

struct slab_page;
struct slab_cache {
    const char *name;
    u32 size; /* bytes, a multiple of align */
    u32 align;
    struct spinlock lock; /* level 7 */
    struct slab_page *partial;
    u64 pages;
    struct {
        void *first; /* free objects, linked through their first word */
        u32 count;
    } stock[SLAB_CPUS_MAX]; /* touched by that CPU only */
};

/* A static cache: struct slab_cache x = SLAB_CACHE("name", sizeof(...), 16..64); */
#define SLAB_CACHE(n, s, a)                                                                        \
    {                                                                                              \
        .name = (n), .size = ((s) + (a)-1) / (a) * (a), .align = (a)                               \
    }

/* A zeroed object charged to budget, or NULL. */
void *slab_alloc(struct slab_cache *cache, struct budget *budget);
/* The same with what was there before: for hot paths, whose caller sets every member. */
void *slab_alloc_unset(struct slab_cache *cache, struct budget *budget);
void slab_free(struct slab_cache *cache, void *object, struct budget *budget);

/* Gives back what this CPU keeps in stock. */
void slab_drain(struct slab_cache *cache);

#endif
