/*
 * The mount table: longest prefix, bounds, numbers; and the slots of sessions.
 */
// sources: servers/names/mounts.c servers/lib/path.c servers/lib/slots.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../servers/lib/slots.h"
#include "../../servers/names/mounts.h"
#include <portolan/errors.h>

static struct mounts table;

static struct path as_path(const char *text)
{
    struct path path;
    assert_int_equal(path_take(&path, text, strlen(text)), 0);
    return path;
}

static int add(const char *text, handle_t handle)
{
    struct path path = as_path(text);
    uint64_t number;
    return mounts_add(&table, &path, handle, false, &number);
}

static handle_t found(const char *text, const char *rest)
{
    struct path path = as_path(text);
    uint32_t cut = 0;
    const struct mount *mount = mounts_find(&table, &path, &cut);
    if (!mount)
        return HANDLE_NONE;
    assert_string_equal(path.text + cut, rest);
    return mount->handle;
}

static void test_prefixes(void **state)
{
    (void)state;
    memset(&table, 0, sizeof(table));
    assert_int_equal(found("a", ""), HANDLE_NONE);
    assert_int_equal(add("a/b", 2), 0);
    assert_int_equal(found("a", ""), HANDLE_NONE);
    assert_int_equal(add("", 1), 0);
    assert_int_equal(add("a", 3), 0);
    assert_int_equal(add("a/b", 4), -EBUSY);
    assert_int_equal(found("", ""), 1);
    assert_int_equal(found("x/y", "x/y"), 1);
    assert_int_equal(found("a/b", ""), 2);
    assert_int_equal(found("a/b/c/d", "c/d"), 2);
    assert_int_equal(found("a/bc", "bc"), 3);
    assert_int_equal(found("ab", "ab"), 1);
    struct path path = as_path("a");
    assert_true(mounts_any_below(&table, &path));
    assert_int_equal(mounts_remove(&table, &path), 3);
    assert_int_equal(mounts_remove(&table, &path), HANDLE_NONE);
    assert_true(mounts_any_below(&table, &path));
    path = as_path("a/b/c");
    assert_false(mounts_any_below(&table, &path));
    assert_int_equal(found("a/x", "a/x"), 1);
}

static void test_numbers(void **state)
{
    (void)state;
    memset(&table, 0, sizeof(table));
    char name[8];
    for (uint32_t i = 0; i < NAMES_MOUNTS_MAX; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        assert_int_equal(add(name, i + 1), 0);
    }
    assert_int_equal(add("more", 100), -ENOSPC);
    assert_int_equal(mounts_remove_number(&table, 3), 3);
    assert_int_equal(mounts_remove_number(&table, 3), HANDLE_NONE);
    assert_int_equal(add("more", 100), 0);
    uint64_t after = 0;
    uint32_t count = 0;
    const struct mount *mount;
    for (; (mount = mounts_next(&table, after)); count++) {
        assert_true(mount->number > after);
        after = mount->number;
    }
    assert_int_equal(count, NAMES_MOUNTS_MAX);
    assert_int_equal(mounts_remove_number(&table, after), 100);
}

static void test_slots(void **state)
{
    (void)state;
    struct slot slots[3] = {{0, 0}};
    struct slots numbers;
    slots_open(&numbers, slots, 3);
    assert_int_equal(slots_find(&numbers, 0), SLOT_NONE);
    uint32_t a = slots_take(&numbers), b = slots_take(&numbers), c = slots_take(&numbers);
    assert_true(a != b && b != c && a != c);
    assert_int_equal(slots_take(&numbers), SLOT_NONE);
    uint64_t badge = slots_badge(&numbers, b);
    assert_true(badge < 1ull << 62);
    assert_int_equal(slots_find(&numbers, badge), b);
    assert_int_equal(slots_find(&numbers, badge + (1ull << 32)), SLOT_NONE);
    slots_give_back(&numbers, b);
    assert_int_equal(slots_find(&numbers, badge), SLOT_NONE);
    assert_int_equal(slots_find(&numbers, badge + (1ull << 32)), SLOT_NONE);
    assert_int_equal(slots_take(&numbers), b);
    assert_int_equal(slots_find(&numbers, badge), SLOT_NONE);
    assert_int_equal(slots_find(&numbers, 3), SLOT_NONE);
    assert_int_equal(slots_find(&numbers, UINT64_MAX), SLOT_NONE);
    assert_int_equal(numbers.used, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
