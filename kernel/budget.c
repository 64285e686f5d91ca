/*
 * Budgets; see budget.h.
 */
#include "budget.h"

#include "page.h"
#include "slab.h"

#define RECLAIM_PAGES 16u

static struct slab_cache budget_cache = SLAB_CACHE("budget", sizeof(struct budget), 16);

struct budget *root_budget;

seldom struct budget *budget_create(struct budget *parent, u64 limit)
{
    if (limit > INT64_MAX)
        return NULL;
    struct budget *budget = slab_alloc(&budget_cache, NULL);
    if (!budget)
        return NULL;
    if (parent && !budget_charge(parent, limit)) {
        slab_free(&budget_cache, budget, NULL);
        return NULL;
    }
    budget->references = 1;
    budget->limit = (i64)limit;
    budget->parent = parent;
    if (parent)
        budget_get(parent);
    return budget;
}

void budget_get(struct budget *budget)
{
    atomic_add(&budget->references, 1);
}

void budget_put(struct budget *budget)
{
    /* A chain of parents that end with their last child is walked, not recursed into. */
    while (budget && atomic_sub(&budget->references, 1) == 0) {
        struct budget *parent = budget->parent;
        if (parent)
            budget_uncharge(parent, (u64)budget->limit);
        slab_free(&budget_cache, budget, NULL);
        budget = parent;
    }
}

rarely bool budget_charge_slowly(struct budget *budget, u64 bytes)
{
    atomic_sub(&budget->used, (i64)bytes);
    /* Clean pages charged to it can go. */
    if (bytes > RECLAIM_PAGES * PAGE_SIZE || !pager_reclaim(RECLAIM_PAGES, budget))
        return false;
    if ((u64)atomic_add(&budget->used, (i64)bytes) <= (u64)atomic_load(&budget->limit))
        return true;
    atomic_sub(&budget->used, (i64)bytes);
    return false;
}

bool budget_charge(struct budget *budget, u64 bytes)
{
    return bytes <= INT64_MAX && budget_charge_some(budget, bytes);
}

void budget_uncharge(struct budget *budget, u64 bytes)
{
    atomic_sub(&budget->used, (i64)bytes);
}

static seldom u32 depth(const struct budget *budget)
{
    u32 levels = 0;
    while ((budget = budget->parent))
        levels++;
    return levels;
}

static seldom struct budget *common_ancestor(struct budget *a, struct budget *b)
{
    u32 depth_a = depth(a), depth_b = depth(b);
    for (; depth_a > depth_b; depth_a--)
        a = a->parent;
    for (; depth_b > depth_a; depth_b--)
        b = b->parent;
    while (a != b) {
        a = a->parent;
        b = b->parent;
    }
    return a;
}

/*
 * A budget's limit counts as used in its parent.  So on the way from either end up to their common
 * ancestor each one's limit changes, and with it what its parent uses; the ancestor's own limit
 * stays.  Each step errs towards refusing a charge made meanwhile.
 */
seldom bool budget_move(struct budget *from, struct budget *to, u64 bytes)
{
    if (bytes > INT64_MAX || !budget_charge(from, bytes))
        return false;
    struct budget *common = common_ancestor(from, to);
    i64 amount = (i64)bytes;
    for (struct budget *at = from; at != common; at = at->parent) {
        atomic_sub(&at->limit, amount);
        atomic_sub(&at->used, amount);
    }
    if (to == common)
        atomic_sub(&to->used, amount);
    for (struct budget *at = to; at != common; at = at->parent) {
        if (at != to)
            atomic_add(&at->used, amount);
        atomic_add(&at->limit, amount);
    }
    return true;
}
