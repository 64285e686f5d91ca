/*
 * Page trees: an entry is found under its number and no other, in order, and all memory comes back.
 */
// sources: kernel/pagetree.c kernel/slab.c kernel/budget.c
#include "fake_pages.h"

#include "pagetree.h"

#define ENTRIES 400u
#define INDEX_LIMIT (1ull << 42)

static struct budget budget = {.references = 1, .limit = 1 << 30};
static struct pagetree tree;
static struct {
    u64 index, value;
} model[ENTRIES]; /* sorted by index; value 0 is an entry that was cleared */
static u32 model_count;

static int set_up(void **state)
{
    (void)state;
    tree = (struct pagetree){.budget = &budget};
    model_count = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (u32 pieces = 0; !pagetree_clear(&tree, 3); pieces++)
        assert_true(pieces < 10000);
    assert_null(tree.root);
    assert_int_equal(budget.used, 0);
    return 0;
}

/* Numbers near each other, near powers of the fan-out, and anywhere. */
static u64 some_index(void)
{
    switch (random_below(3)) {
    case 0:
        return random_below(300);
    case 1:
        return (1ull << (6 * random_below(7))) + random_below(5) - random_below(2);
    default:
        return random_below(INDEX_LIMIT);
    }
}

static u32 place_of(u64 index)
{
    u32 at = 0;
    while (at < model_count && model[at].index < index)
        at++;
    return at;
}

static void set(u64 index, u64 value)
{
    u32 at = place_of(index);
    if (at == model_count || model[at].index != index) {
        if (model_count == ENTRIES)
            return;
        memmove(&model[at + 1], &model[at], (model_count - at) * sizeof(model[0]));
        model_count++;
        model[at].index = index;
    }
    model[at].value = value;
    u64 *entry = pagetree_slot(&tree, index, true);
    assert_non_null(entry);
    *entry = value;
}

static void check_get(u64 index)
{
    u32 at = place_of(index);
    u64 expected = at < model_count && model[at].index == index ? model[at].value : 0;
    u64 *entry = pagetree_slot(&tree, index, false);
    assert_int_equal(entry ? *entry : 0, expected);
}

static void check_next(u64 from, u64 end)
{
    u32 at = place_of(from);
    while (at < model_count && !model[at].value)
        at++;
    u64 index = from, *entry = pagetree_next(&tree, &index, end);
    if (at == model_count || model[at].index >= end) {
        assert_null(entry);
    } else {
        assert_non_null(entry);
        assert_int_equal(index, model[at].index);
        assert_int_equal(*entry, model[at].value);
    }
}

static void an_empty_tree_has_nothing(void **state)
{
    (void)state;
    check_get(0);
    check_get(INDEX_LIMIT - 1);
    check_next(0, UINT64_MAX);
}

static void random_entries_match_the_model(void **state)
{
    (void)state;
    for (u32 round = 0; round < 40000; round++) {
        if (random_below(4) == 0)
            set(some_index(), random_below(3) ? random_below(UINT64_MAX) : 0);
        check_get(some_index());
        u64 from = some_index();
        check_next(from, random_below(2) ? UINT64_MAX : from + some_index());
    }
}

static void the_largest_number_fits_and_no_larger(void **state)
{
    (void)state;
    set(INDEX_LIMIT - 1, 7);
    check_next(0, UINT64_MAX);
    check_next(INDEX_LIMIT - 1, INDEX_LIMIT);
    assert_null(pagetree_slot(&tree, INDEX_LIMIT, true));
    assert_null(pagetree_slot(&tree, UINT64_MAX, true));
    check_get(INDEX_LIMIT - 1);
}

static void each_missing_node_is_reported(void **state)
{
    (void)state;
    for (u64 nodes = 0;; nodes++) {
        budget.limit = (i64)(nodes * 512);
        u64 *first = pagetree_slot(&tree, 3, true);
        if (first)
            *first = 11;
        u64 *second = pagetree_slot(&tree, INDEX_LIMIT - 5, true);
        /* What is there stays there. */
        if (first) {
            first = pagetree_slot(&tree, 3, false);
            assert_non_null(first);
            assert_int_equal(*first, 11);
        }
        bool complete = first && second;
        assert_true(pagetree_clear(&tree, UINT32_MAX));
        assert_int_equal(budget.used, 0);
        if (complete) {
            assert_int_equal(nodes, 13); /* one path of seven, and six more */
            break;
        }
    }
    budget.limit = 1 << 30;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_tree_has_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_entries_match_the_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_number_fits_and_no_larger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_missing_node_is_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
