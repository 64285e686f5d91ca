/*
 * Slab caches; see slab.h.
 *
 * A slab is one page: a header, then objects.  The header is found from an object by rounding its
 * address down.  A page whose objects are all free goes back at once.
 */
#include "slab.h"

#include "cpu.h"
#include "page.h"

#define STOCK_BATCH (SLAB_STOCK_MAX / 2)

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

static seldom bool add_slab(struct slab_cache *cache)
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
static seldom void *take(struct slab_cache *cache)
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

static seldom void give_back(struct slab_cache *cache, void *object)
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

rarely void *slab_refill(struct slab_cache *cache)
{
    struct slab_stock *stock = &cache->stock[this_cpu()->id];
    spin_lock(&cache->lock);
    while (stock->count < STOCK_BATCH) {
        void **object = take(cache);
        if (!object)
            break;
        *object = stock->first;
        stock->first = object;
        stock->count++;
    }
    spin_unlock(&cache->lock);
    return stock->first;
}

static seldom void shrink(struct slab_cache *cache, u32 down_to)
{
    struct slab_stock *stock = &cache->stock[this_cpu()->id];
    spin_lock(&cache->lock);
    while (stock->count > down_to) {
        void **object = stock->first;
        stock->first = *object;
        stock->count--;
        give_back(cache, object);
    }
    spin_unlock(&cache->lock);
}

rarely void slab_shrink(struct slab_cache *cache)
{
    shrink(cache, STOCK_BATCH);
}

seldom void slab_drain(struct slab_cache *cache)
{
    shrink(cache, 0);
}

void *slab_alloc(struct slab_cache *cache, struct budget *budget)
{
    struct slab_stock *stock = &cache->stock[this_cpu()->id];
    if (budget && !budget_charge_some(budget, cache->size))
        return NULL;
    void **object = stock->first ? stock->first : slab_refill(cache);
    if (!object) {
        if (budget)
            budget_uncharge(budget, cache->size);
        return NULL;
    }
    stock->first = *object;
    stock->count--;
    return memset(object, 0, cache->size);
}

void slab_free(struct slab_cache *cache, void *object, struct budget *budget)
{
    struct slab_stock *stock = &cache->stock[this_cpu()->id];
    if (budget)
        budget_uncharge(budget, cache->size);
    *(void **)object = stock->first;
    stock->first = object;
    if (++stock->count >= SLAB_STOCK_MAX)
        slab_shrink(cache);
}
