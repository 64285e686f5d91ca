/*
 * Slab caches; see slab.h.
 *
 * A slab is one page: a header, then objects.  The header is found from an object by rounding its
 * address down.  A page whose objects are all free goes back at once.
 */
#include "slab.h"

#include "cpu.h"
#include "page.h"

#define STOCK_MAX 16u
#define STOCK_BATCH 8u

struct slab_page {
    struct slab_page *next, *previous; /* in cache->partial, while some are free */
    void *first;                       /* free objects */
    u32 used;
    u32 listed;
};

static u32 first_offset(const struct slab_cache *cache)
{
    return (u32)((sizeof(struct slab_page) + cache->align - 1) / cache->align * cache->align);
}

static struct slab_page *slab_of(void *object)
{
    return (struct slab_page *)((u64)object & ~(PAGE_SIZE - 1));
}

static void link_slab(struct slab_cache *cache, struct slab_page *slab)
{
    slab->next = cache->partial;
    slab->previous = NULL;
    if (cache->partial)
        cache->partial->previous = slab;
    cache->partial = slab;
    slab->listed = 1;
}

static void unlink_slab(struct slab_cache *cache, struct slab_page *slab)
{
    if (slab->previous)
        slab->previous->next = slab->next;
    else
        cache->partial = slab->next;
    if (slab->next)
        slab->next->previous = slab->previous;
    slab->listed = 0;
}

static bool add_slab(struct slab_cache *cache)
{
    u64 physical = page_alloc(0, PAGE_SLAB);
    if (!physical)
        return false;
    struct slab_page *slab = phys_to_virt(physical);
    u32 offset = first_offset(cache);
    slab->first = NULL;
    slab->used = 0;
    for (u32 at = offset; at + cache->size <= PAGE_SIZE; at += cache->size) {
        void **object = (void **)((u8 *)slab + at);
        *object = slab->first;
        slab->first = object;
    }
    cache->pages++;
    link_slab(cache, slab);
    return true;
}

/* One object out of the partial slabs, or NULL. Lock held. */
static void *take(struct slab_cache *cache)
{
    struct slab_page *slab = cache->partial;
    if (!slab && !add_slab(cache))
        return NULL;
    slab = cache->partial;
    void **object = slab->first;
    slab->first = *object;
    slab->used++;
    if (!slab->first)
        unlink_slab(cache, slab);
    return object;
}

static void give_back(struct slab_cache *cache, void *object)
{
    struct slab_page *slab = slab_of(object);
    *(void **)object = slab->first;
    slab->first = object;
    slab->used--;
    if (!slab->listed)
        link_slab(cache, slab);
    if (!slab->used) {
        unlink_slab(cache, slab);
        cache->pages--;
        page_free(virt_to_phys(slab), 0);
    }
}

static bool refill(struct slab_cache *cache, u32 cpu)
{
    spin_lock(&cache->lock);
    while (cache->stock[cpu].count < STOCK_BATCH) {
        void **object = take(cache);
        if (!object)
            break;
        *object = cache->stock[cpu].first;
        cache->stock[cpu].first = object;
        cache->stock[cpu].count++;
    }
    spin_unlock(&cache->lock);
    return cache->stock[cpu].count != 0;
}

void *slab_alloc_unset(struct slab_cache *cache, struct budget *budget)
{
    u32 cpu = this_cpu()->id;
    if (budget && unlikely(!budget_charge(budget, cache->size)))
        return NULL;
    if (unlikely(!cache->stock[cpu].count) && !refill(cache, cpu)) {
        if (budget)
            budget_uncharge(budget, cache->size);
        return NULL;
    }
    void **object = cache->stock[cpu].first;
    cache->stock[cpu].first = *object;
    cache->stock[cpu].count--;
    return object;
}

void *slab_alloc(struct slab_cache *cache, struct budget *budget)
{
    void *object = slab_alloc_unset(cache, budget);
    return likely(object) ? memset(object, 0, cache->size) : NULL;
}

static void shrink_stock(struct slab_cache *cache, u32 cpu, u32 down_to)
{
    spin_lock(&cache->lock);
    while (cache->stock[cpu].count > down_to) {
        void **object = cache->stock[cpu].first;
        cache->stock[cpu].first = *object;
        cache->stock[cpu].count--;
        give_back(cache, object);
    }
    spin_unlock(&cache->lock);
}

void slab_free(struct slab_cache *cache, void *object, struct budget *budget)
{
    u32 cpu = this_cpu()->id;
    if (budget)
        budget_uncharge(budget, cache->size);
    *(void **)object = cache->stock[cpu].first;
    cache->stock[cpu].first = object;
    if (unlikely(++cache->stock[cpu].count == STOCK_MAX))
        shrink_stock(cache, cpu, STOCK_BATCH);
}

void slab_drain(struct slab_cache *cache)
{
    shrink_stock(cache, this_cpu()->id, 0);
}
