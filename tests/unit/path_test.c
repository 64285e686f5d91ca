/*
 * Paths: what is refused, and how they come apart.
 */
// sources: servers/lib/path.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../servers/lib/path.h"
#include <portolan/errors.h>

static struct path path;

/* From memory of exactly its length. */
static int take(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    int error = path_take(&path, copy, length);
    free(copy);
    return error;
}

static void test_good(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "a/b", "...", "a/.b", "a/..b", "\xc3\xa4/x y"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(take(good[i], strlen(good[i])), 0);
        assert_string_equal(path.text, good[i]);
        assert_int_equal(path.length, strlen(good[i]));
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {"/",   "/a",   "a/",  "a//b", ".",     "..",
                                      "a/.", "a/..", "./a", "../a", "a/./b", "a/../b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(take(bad[i], strlen(bad[i])), -EINVAL);
        assert_int_equal(path.length, 0);
    }
    assert_int_equal(take("a\0b", 3), -EINVAL);
    assert_int_equal(take("\0", 1), -EINVAL);
}

static void test_lengths(void **state)
{
    (void)state;
    char text[IO_PATH_MAX + 1];
    memset(text, 'x', sizeof(text));
    assert_int_equal(take(text, IO_NAME_MAX), 0);
    assert_int_equal(take(text, IO_NAME_MAX + 1), -ENAMETOOLONG);
    for (size_t i = 1; i < sizeof(text); i += 2)
        text[i] = '/';
    assert_int_equal(take(text, IO_PATH_MAX - 1), 0);
    text[IO_PATH_MAX - 1] = 'x';
    assert_int_equal(take(text, IO_PATH_MAX), 0);
    assert_int_equal(take(text, IO_PATH_MAX + 1), -EINVAL);
    assert_int_equal(path_take(&path, NULL, UINT64_MAX), -EINVAL);
}

static void test_names(void **state)
{
    (void)state;
    const char *name;
    assert_int_equal(take("usr/bin/a", 9), 0);
    struct path_cursor cursor = path_begin(&path);
    assert_int_equal(path_next(&cursor, &name), 3);
    assert_memory_equal(name, "usr", 3);
    assert_int_equal(cursor.left, 5);
    assert_int_equal(path_next(&cursor, &name), 3);
    assert_memory_equal(name, "bin", 3);
    assert_int_equal(path_next(&cursor, &name), 1);
    assert_int_equal(cursor.left, 0);
    assert_int_equal(path_next(&cursor, &name), 0);
}

static void test_below(void **state)
{
    (void)state;
    assert_true(path_is_below("a/b", 3, "a", 1));
    assert_true(path_is_below("a", 1, "a", 1));
    assert_true(path_is_below("a", 1, "", 0));
    assert_true(path_is_below("", 0, "", 0));
    assert_false(path_is_below("ab", 2, "a", 1));
    assert_false(path_is_below("a", 1, "a/b", 3));
    assert_false(path_is_below("b/b", 3, "a", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),   cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_names), cmocka_unit_test(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
