/*
 * Fixed-size kernel memory.  Each cache hands out zeroed objects of one size from whole pages, with
 * a small per-CPU stock; empty pages go back to the page allocator.  Memory is charged to a budget
 * at the object's size (NULL: the kernel's own, uncharged).
 */
#ifndef SLAB_H
#define SLAB_H

#include "budget.h"
#include "cpu.h"
#include "kernel.h"
#include "spinlock.h"

#define SLAB_STOCK_MAX 16u

struct slab_page;
struct slab_cache {
    const char *name;
    u32 size; /* bytes, a multiple of align */
    u32 align;
    struct spinlock lock; /* level 7 */
    struct slab_page *partial;
    u64 pages;
    struct slab_stock {
        void *first; /* free objects, linked through their first word */
        u64 count;
    } stock[CPUS_MAX]; /* touched by that CPU only */
};

/* A static cache: struct slab_cache x = SLAB_CACHE("name", sizeof(...), 16..64); */
#define SLAB_CACHE(n, s, a)                                                                        \
    {                                                                                              \
        .name = (n), .size = ((s) + (a)-1) / (a) * (a), .align = (a)                               \
    }

/* A zeroed object charged to budget, or NULL. */
void *slab_alloc(struct slab_cache *cache, struct budget *budget);
void slab_free(struct slab_cache *cache, void *object, struct budget *budget);

/*
 * The same for hot paths: with what was there before, all of which the caller sets; and with a
 * budget.
 */
rarely void *slab_refill(struct slab_cache *cache);
rarely void slab_shrink(struct slab_cache *cache);

static inline void *slab_alloc_unset(struct slab_cache *cache, struct budget *budget)
{
    if (unlikely(!budget_charge_some(budget, cache->size)))
        return NULL;
    struct slab_stock *stock = &cache->stock[this_cpu()->id];
    void **object = stock->first;
    if (unlikely(!object)) {
        object = slab_refill(cache);
        if (unlikely(!object)) {
            budget_uncharge(budget, cache->size);
            return NULL;
        }
    }
    stock->first = *object;
    stock->count--;
    return object;
}

static inline void slab_free_hot(struct slab_cache *cache, void *object, struct budget *budget)
{
    struct slab_stock *stock = &cache->stock[this_cpu()->id];
    atomic_sub(&budget->used, (i64)cache->size);
    *(void **)object = stock->first;
    stock->first = object;
    if (unlikely(++stock->count >= SLAB_STOCK_MAX))
        slab_shrink(cache);
}

/* Gives back what this CPU keeps in stock. */
void slab_drain(struct slab_cache *cache);

#endif
