/*
 * Balanced trees: always sorted, always balanced, and what is asked for is what a sorted array
 * would say.
 */
// sources: kernel/tree.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tree.h"

noreturn void panic(const char *format, ...)
{
    (void)format;
    abort();
}

#define NODES 512u

static struct item {
    struct tree_node node;
    u32 serial; /* order of insertion, among equal keys */
} items[NODES];
static struct tree tree;
static struct item *model[NODES]; /* in the order the tree should have */
static u32 model_count, serials;

/* The height of a subtree whose links, keys and balance are right. */
static i32 check_subtree(const struct tree_node *node, const struct tree_node *parent)
{
    if (!node)
        return 0;
    assert_ptr_equal(node->parent, parent);
    i32 left = check_subtree(node->left, node), right = check_subtree(node->right, node);
    assert_in_range(left - right + 2, 0, 4);
    assert_int_equal(node->height, 1 + max(left, right));
    return node->height;
}

static void check_order(void)
{
    struct tree_node *node = tree_first(&tree);
    for (u32 i = 0; i < model_count; i++, node = tree_next(node))
        assert_ptr_equal(node, &model[i]->node);
    assert_null(node);
    node = tree_last(&tree);
    for (u32 i = model_count; i-- > 0; node = tree_previous(node))
        assert_ptr_equal(node, &model[i]->node);
    assert_null(node);
}

static void check_searches(u64 key)
{
    struct tree_node *floor = NULL, *ceiling = NULL;
    for (u32 i = 0; i < model_count; i++) {
        if (model[i]->node.key <= key)
            floor = &model[i]->node;
        if (model[i]->node.key >= key && !ceiling)
            ceiling = &model[i]->node;
    }
    assert_ptr_equal(tree_floor(&tree, key), floor);
    assert_ptr_equal(tree_ceiling(&tree, key), ceiling);
}

static void insert(struct item *item, u64 key)
{
    item->node.key = key;
    item->serial = serials++;
    u32 at = model_count++;
    for (; at && model[at - 1]->node.key > key; at--)
        model[at] = model[at - 1];
    model[at] = item;
    if (serials % 3 == 0)
        tree_insert_behind(&tree, at ? &model[at - 1]->node : NULL, &item->node);
    else
        tree_insert(&tree, &item->node);
}

static void remove_item(struct item *item)
{
    tree_remove(&tree, &item->node);
    u32 at = 0;
    while (model[at] != item)
        at++;
    for (model_count--; at < model_count; at++)
        model[at] = model[at + 1];
}

static int empty(void **state)
{
    (void)state;
    while (model_count)
        remove_item(model[model_count - 1]);
    assert_null(tree.root);
    return 0;
}

static void nothing_in_an_empty_tree(void **state)
{
    (void)state;
    assert_null(tree_first(&tree));
    assert_null(tree_last(&tree));
    assert_null(tree_floor(&tree, UINT64_MAX));
    assert_null(tree_ceiling(&tree, 0));
}

static void ascending_and_descending_stay_balanced(void **state)
{
    (void)state;
    for (u32 i = 0; i < NODES; i++)
        insert(&items[i], i < NODES / 2 ? i : 3 * NODES - i);
    assert_true(check_subtree(tree.root, NULL) <= 15); /* 594 nodes could have 16 levels */
    check_order();
}

/* What the tolerance is for. */
static void coming_and_going_in_one_place_turns_nothing(void **state)
{
    (void)state;
    for (u32 i = 0; i < 100; i++)
        insert(&items[i], 2 * i);
    for (u32 place = 1; place < 200; place += 2) {
        insert(&items[100], place);
        remove_item(&items[100]);
        struct tree_node before[101];
        for (u32 i = 0; i < 100; i++)
            before[i] = items[i].node;
        insert(&items[100], place);
        remove_item(&items[100]);
        for (u32 i = 0; i < 100; i++)
            assert_memory_equal(&before[i], &items[i].node, sizeof before[i]);
    }
}

static void equal_keys_keep_their_order(void **state)
{
    (void)state;
    for (u32 i = 0; i < 100; i++)
        insert(&items[i], i % 3);
    check_order();
    for (u32 i = 1; i < model_count; i++)
        if (model[i]->node.key == model[i - 1]->node.key)
            assert_true(model[i]->serial > model[i - 1]->serial);
    check_searches(1);
}

static void random_changes_match_a_sorted_array(void **state)
{
    (void)state;
    srandom(2);
    for (u32 round = 0; round < 30000; round++) {
        struct item *item = &items[(u32)random() % NODES];
        if (tree_linked(&item->node))
            remove_item(item);
        else
            insert(item, (u64)random() % 300);
        if (round % 16 == 0) {
            check_subtree(tree.root, NULL);
            check_order();
        }
        check_searches((u64)random() % 302);
    }
}

static void extreme_keys(void **state)
{
    (void)state;
    insert(&items[0], 0);
    insert(&items[1], UINT64_MAX);
    insert(&items[2], 1ull << 63);
    check_searches(0);
    check_searches(UINT64_MAX);
    check_searches((1ull << 63) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_in_an_empty_tree, empty),
        cmocka_unit_test_teardown(ascending_and_descending_stay_balanced, empty),
        cmocka_unit_test_teardown(coming_and_going_in_one_place_turns_nothing, empty),
        cmocka_unit_test_teardown(equal_keys_keep_their_order, empty),
        cmocka_unit_test_teardown(random_changes_match_a_sorted_array, empty),
        cmocka_unit_test_teardown(extreme_keys, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
