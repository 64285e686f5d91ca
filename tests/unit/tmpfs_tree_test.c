/*
 * The tree of tmpfs: names, links, the rules; and that whatever is done to it, counts are right and
 * nothing is lost.
 */
// sources: servers/tmpfs/tree.c servers/tmpfs/walk.c servers/lib/path.c servers/lib/heap.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../servers/tmpfs/walk.h"

#define MEMORY (8ul << 20)

static struct tree *tree;
static uint8_t *memory;
static uint64_t gone;

static void count_gone(struct node *node)
{
    (void)node;
    gone++;
}

static int set_up(void **state)
{
    (void)state;
    tree = calloc(1, sizeof(*tree));
    memory = aligned_alloc(16, MEMORY);
    gone = 0;
    tree->gone = count_gone;
    heap_open(&tree->heap, memory, MEMORY, NULL);
    assert_int_equal(tree_open(tree, 20000, 7), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(tree);
    free(memory);
    return 0;
}

static struct walk at(const char *text)
{
    struct path path;
    struct walk found;
    /* The name in the result lies in the path. */
    static struct path kept[4];
    static unsigned turn;
    assert_int_equal(path_take(&path, text, strlen(text)), 0);
    kept[turn %= 4] = path;
    if (walk(tree, tree->root, &kept[turn++], false, &found))
        found = (struct walk){.parent = NULL};
    return found;
}

static int make(const char *text, uint32_t mode)
{
    struct walk place = at(text);
    struct node *node = node_create(tree, mode);
    if (!node)
        return -ENOSPC;
    int error = rule_make(tree, &place, node);
    if (error)
        node_settle(tree, node);
    return error;
}

static int move(const char *from, const char *to)
{
    struct walk a = at(from), b = at(to);
    return rule_rename(tree, &a, &b);
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(make("a", IO_MODE_DIRECTORY | 0755), 0);
    assert_int_equal(make("a", IO_MODE_DIRECTORY | 0755), -EEXIST);
    assert_int_equal(make("a/b", IO_MODE_REGULAR), 0);
    struct path path;
    struct walk found;
    path_take(&path, "a/b/c", 5);
    assert_int_equal(walk(tree, tree->root, &path, true, &found), -ENOTDIR);
    path_take(&path, "x/c", 3);
    assert_int_equal(walk(tree, tree->root, &path, true, &found), -ENOENT);
    path_take(&path, "x", 1);
    assert_int_equal(walk(tree, tree->root, &path, true, &found), 0);
    assert_null(found.node);
    assert_ptr_equal(found.parent, tree->root);
    path_take(&path, "", 0);
    assert_int_equal(walk(tree, tree->root, &path, true, &found), 0);
    assert_ptr_equal(found.node, tree->root);
    assert_null(found.parent);
}

static void test_link_on_the_way(void **state)
{
    (void)state;
    struct path path;
    struct walk found;
    assert_int_equal(make("l", IO_MODE_LINK), 0);
    path_take(&path, "l/x/yz", 6);
    assert_int_equal(walk(tree, tree->root, &path, false, &found), 0);
    assert_non_null(found.link);
    assert_int_equal(found.rest, 4);
    path_take(&path, "l", 1);
    assert_int_equal(walk(tree, tree->root, &path, true, &found), 0);
    assert_non_null(found.link);
    assert_int_equal(found.rest, 0);
    assert_int_equal(walk(tree, tree->root, &path, false, &found), 0);
    assert_null(found.link);
    assert_non_null(found.node);
}

static void test_many_entries(void **state)
{
    (void)state;
    char name[32];
    make("d", IO_MODE_DIRECTORY);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "d/file%u", i);
        assert_int_equal(make(name, IO_MODE_REGULAR), 0);
    }
    struct node *directory = at("d").node;
    assert_int_equal(directory->directory.count, 10000);
    uint64_t position = 0;
    unsigned count = 0;
    for (struct entry *entry; (entry = tree_entry_after(directory, position)); count++) {
        assert_true(entry->sequence > position);
        position = entry->sequence;
        if (count % 2)
            tree_take_out(tree, entry);
    }
    assert_int_equal(count, 10000);
    assert_int_equal(directory->directory.count, 5000);
    assert_int_equal(gone, 5000);
    assert_non_null(at("d/file0").node);
    assert_null(at("d/file1").node);
}

static void test_limits(void **state)
{
    (void)state;
    char name[32];
    tree->nodes_max = 10;
    int error = 0;
    unsigned made = 0;
    for (; !error; made++) {
        snprintf(name, sizeof(name), "f%u", made);
        error = make(name, IO_MODE_REGULAR);
    }
    assert_int_equal(error, -ENOSPC);
    assert_int_equal(made, 10); /* the root is one; the last did not succeed */
    struct walk first = at("f0");
    assert_int_equal(rule_remove(tree, &first, false), 0);
    assert_int_equal(make("again", IO_MODE_REGULAR), 0);
    heap_open(&tree->heap, memory, 0, NULL); /* no memory at all */
    tree->nodes_max = 100;
    assert_int_equal(make("more", IO_MODE_REGULAR), -ENOSPC);
}

static void test_open_node_lives(void **state)
{
    (void)state;
    make("f", IO_MODE_REGULAR);
    struct walk file = at("f");
    struct node *node = file.node;
    node->opens = 1;
    assert_int_equal(rule_remove(tree, &file, false), 0);
    assert_int_equal(gone, 0);
    assert_int_equal(node->links, 0);
    node->opens = 0;
    node_settle(tree, node);
    assert_int_equal(gone, 1);
}

/* ---- Whatever is done ------------------------------------------------------------------------ */

/* Counts of a directory and of all below it; returns the nodes found (files once per name). */
static void check_directory(struct node *directory, uint64_t *names, uint64_t *directories)
{
    uint64_t count = 0, below = 0, position = 0;
    struct entry *previous = NULL;
    ++*directories;
    for (struct entry *entry = directory->directory.first; entry; entry = entry->next) {
        count++;
        assert_true(entry->sequence > position);
        assert_ptr_equal(entry->previous, previous);
        assert_ptr_equal(entry->parent, directory);
        assert_ptr_equal(tree_find(tree, directory, entry->name, entry->length), entry);
        position = entry->sequence;
        previous = entry;
        if (node_is_directory(entry->node)) {
            below++;
            assert_ptr_equal(entry->node->directory.parent, directory);
            check_directory(entry->node, names, directories);
        } else {
            ++*names;
        }
    }
    assert_ptr_equal(directory->directory.last, previous);
    assert_int_equal(directory->directory.count, count);
    assert_int_equal(directory->links, 2 + below);
}

static const char *random_path(void)
{
    static char texts[4][32];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    unsigned parts = 1 + (unsigned)rand() % 4;
    size_t length = 0;
    for (unsigned i = 0; i < parts; i++)
        length += (size_t)sprintf(text + length, "%s%c", i ? "/" : "", 'a' + rand() % 4);
    return text;
}

static void random_step(void)
{
    const char *first = random_path(), *second = random_path();
    struct walk a = at(first), b = at(second);
    switch (rand() % 6) {
    case 0:
        make(first, IO_MODE_REGULAR);
        break;
    case 1:
        make(first, IO_MODE_DIRECTORY);
        break;
    case 2:
        rule_remove(tree, &a, rand() % 2);
        break;
    case 3:
        rule_link(tree, &a, &b);
        break;
    default:
        move(first, second);
    }
}

static void remove_all(struct node *directory)
{
    struct entry *entry;
    while ((entry = directory->directory.first)) {
        if (node_is_directory(entry->node))
            remove_all(entry->node);
        struct walk found = {directory, entry->name, entry->length, entry, entry->node, NULL, 0};
        assert_int_equal(rule_remove(tree, &found, node_is_directory(entry->node)), 0);
    }
}

static void test_random_steps(void **state)
{
    (void)state;
    srand(3);
    for (int i = 0; i < 200000; i++) {
        random_step();
        if (i % 1000)
            continue;
        uint64_t names = 0, directories = 0;
        check_directory(tree->root, &names, &directories);
        assert_true(tree->nodes <= names + directories);
        assert_true(tree->nodes >= directories);
    }
    /* Everything can be removed, and then nothing is left. */
    remove_all(tree->root);
    assert_int_equal(tree->root->directory.count, 0);
    assert_int_equal(tree->nodes, 1);
    assert_int_equal(tree->root->links, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_find),   TEST(test_link_on_the_way), TEST(test_many_entries),
        TEST(test_limits), TEST(test_open_node_lives), TEST(test_random_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
