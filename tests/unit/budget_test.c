/*
 * Budgets: nobody uses more than its limit, what is given comes back, and moving conserves the
 * whole.
 */
// sources: kernel/budget.c kernel/slab.c
#include "fake_pages.h"

#include "budget.h"
#include "slab.h"

/* A budget of the model: what it has charged itself, apart from its children's limits. */
#define BUDGETS 24u
static struct model {
    struct budget *budget;
    u32 parent; /* index; the root's own is itself */
    u64 limit, own;
    bool dropped; /* its task is gone; children may still hold it */
} models[BUDGETS];

static u64 model_used(u32 i)
{
    u64 used = models[i].own;
    for (u32 child = 1; child < BUDGETS; child++)
        if (models[child].budget && models[child].parent == i)
            used += models[child].limit;
    return used;
}

static bool has_children(u32 i)
{
    for (u32 child = 1; child < BUDGETS; child++)
        if (models[child].budget && models[child].parent == i)
            return true;
    return false;
}

static void check(void)
{
    for (u32 i = 0; i < BUDGETS; i++) {
        if (!models[i].budget)
            continue;
        assert_int_equal(models[i].budget->limit, models[i].limit);
        assert_int_equal(models[i].budget->used, model_used(i));
        assert_true(model_used(i) <= models[i].limit);
    }
}

/* Forgets those that nothing refers to any more. */
static void settle(u32 i)
{
    while (i && models[i].dropped && !has_children(i)) {
        models[i].budget = NULL;
        i = models[i].parent;
    }
}

static void try_create(u32 i)
{
    u32 parent = (u32)random_below(BUDGETS);
    if (i == 0 || !models[parent].budget || models[parent].dropped)
        return;
    u64 limit = random_below(models[parent].limit / 2 + 2);
    bool fits = model_used(parent) + limit <= models[parent].limit;
    struct budget *budget = budget_create(models[parent].budget, limit);
    assert_int_equal(budget != NULL, fits);
    if (budget)
        models[i] = (struct model){budget, parent, limit, 0, false};
}

static void try_charge(u32 i)
{
    u64 bytes = random_below(models[i].limit + 2);
    bool fits = model_used(i) + bytes <= models[i].limit;
    assert_int_equal(budget_charge(models[i].budget, bytes), fits);
    if (fits)
        models[i].own += bytes;
}

static void uncharge(u32 i)
{
    u64 bytes = random_below(models[i].own + 1);
    budget_uncharge(models[i].budget, bytes);
    models[i].own -= bytes;
}

static void drop(u32 i)
{
    budget_uncharge(models[i].budget, models[i].own);
    models[i].own = 0;
    models[i].dropped = true;
    budget_put(models[i].budget);
    settle(i);
}

static bool is_ancestor(u32 above, u32 below)
{
    while (below && below != above)
        below = models[below].parent;
    return below == above;
}

static void try_move(u32 from, u32 to)
{
    u64 bytes = random_below(models[from].limit + 2);
    bool fits = model_used(from) + bytes <= models[from].limit;
    assert_int_equal(budget_move(models[from].budget, models[to].budget, bytes), fits);
    if (!fits)
        return;
    /* Every limit between each end and the first budget above both follows. */
    for (u32 at = from; !is_ancestor(at, to); at = models[at].parent)
        models[at].limit -= bytes;
    for (u32 at = to; !is_ancestor(at, from); at = models[at].parent)
        models[at].limit += bytes;
}

static void random_use_matches_the_model(void **state)
{
    (void)state;
    models[0] = (struct model){budget_create(NULL, 1 << 20), 0, 1 << 20, 0, false};
    for (u32 round = 0; round < 100000; round++) {
        u32 i = (u32)random_below(BUDGETS), other = (u32)random_below(BUDGETS);
        if (!models[i].budget) {
            try_create(i);
        } else if (!models[i].dropped) {
            switch (random_below(8)) {
            case 0:
                if (i)
                    drop(i);
                break;
            case 1:
            case 2:
                if (models[other].budget && !models[other].dropped)
                    try_move(i, other);
                break;
            case 3:
            case 4:
                uncharge(i);
                break;
            default:
                try_charge(i);
            }
        }
        check();
    }
    for (u32 i = 1; i < BUDGETS; i++)
        if (models[i].budget && !models[i].dropped)
            drop(i);
    assert_int_equal(models[0].budget->used, models[0].own);
    assert_int_equal(models[0].budget->limit, 1 << 20);
    assert_int_equal(models[0].budget->references, 1);
    budget_put(models[0].budget);
}

static void absurd_amounts_are_refused(void **state)
{
    (void)state;
    struct budget *budget = budget_create(NULL, INT64_MAX);
    assert_non_null(budget);
    assert_true(budget_charge(budget, INT64_MAX - 1));
    assert_false(budget_charge(budget, 2));
    assert_false(budget_charge(budget, UINT64_MAX));
    assert_false(budget_charge(budget, 1ull << 63));
    assert_false(budget_move(budget, budget, UINT64_MAX));
    assert_null(budget_create(budget, UINT64_MAX));
    assert_int_equal(budget->used, INT64_MAX - 1);
    budget_put(budget);
}

static void no_memory_leaves_the_parent_alone(void **state)
{
    (void)state;
    struct budget parent = {.references = 1, .limit = 1000}, *made[128];
    u32 count = 0;
    fake_pages_refuse_after = 0;
    while ((made[count] = budget_create(&parent, 1)))
        count++;
    assert_in_range(count, 0, 127); /* what was in stock */
    assert_int_equal(parent.used, count);
    fake_pages_refuse_after = UINT64_MAX;
    while (count)
        budget_put(made[--count]);
    assert_int_equal(parent.used, 0);
    assert_int_equal(parent.references, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_use_matches_the_model),
        cmocka_unit_test(absurd_amounts_are_refused),
        cmocka_unit_test(no_memory_leaves_the_parent_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
