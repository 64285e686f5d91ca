/*
 * Paths: what is taken, what is refused, and how they come apart.
 */
// sources: libmsg/io_path.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../libmsg/io_path.h"
#include <portolan/errors.h>

static int64_t copy(struct io_path *path, const char *text)
{
    return io_path_copy(path, text, strlen(text));
}

static void takes_names(void **state)
{
    struct io_path path;
    struct io_path_name name;
    uint32_t at = 0;
    (void)state;
    assert_int_equal(copy(&path, "a/bcd/.e"), 0);
    assert_true(io_path_next(&path, &at, &name));
    assert_int_equal(name.length, 1);
    assert_true(io_path_next(&path, &at, &name));
    assert_int_equal(name.length, 3);
    assert_memory_equal(name.text, "bcd", 3);
    assert_true(io_path_next(&path, &at, &name));
    assert_memory_equal(name.text, ".e", 2);
    assert_false(io_path_next(&path, &at, &name));
    assert_false(io_path_next(&path, &at, &name));
    at = 0;
    assert_int_equal(copy(&path, ""), 0);
    assert_false(io_path_next(&path, &at, &name));
}

static void refuses_others(void **state)
{
    static const char *const bad[] = {"/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "./a"};
    struct io_path path;
    char text[2 * IO_PATH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(copy(&path, bad[i]), -EINVAL);
    assert_int_equal(io_path_copy(&path, "a\0b", 3), -EINVAL);
    memset(text, 'x', sizeof(text));
    assert_int_equal(io_path_copy(&path, text, IO_NAME_MAX), 0);
    assert_int_equal(io_path_copy(&path, text, IO_NAME_MAX + 1), -ENAMETOOLONG);
    for (size_t i = 1; i < sizeof(text); i += 2)
        text[i] = '/';
    assert_int_equal(io_path_copy(&path, text, IO_PATH_MAX - 1), 0);
    assert_int_equal(io_path_copy(&path, text, IO_PATH_MAX + 1), -ENAMETOOLONG);
    assert_int_equal(io_path_copy(&path, text, UINT64_MAX), -ENAMETOOLONG);
}

static void cuts_the_last(void **state)
{
    struct io_path path;
    char last[IO_NAME_MAX + 1];
    (void)state;
    copy(&path, "a/b");
    assert_true(io_path_cut_last(&path, last));
    assert_string_equal(last, "b");
    assert_string_equal(path.text, "a");
    assert_true(io_path_cut_last(&path, last));
    assert_string_equal(last, "a");
    assert_int_equal(path.length, 0);
    assert_false(io_path_cut_last(&path, last));
}

static void knows_what_lies_within(void **state)
{
    struct io_path path, above;
    (void)state;
    copy(&path, "ab/c");
    copy(&above, "ab");
    assert_true(io_path_is_within(&path, &above));
    assert_false(io_path_is_within(&above, &path));
    assert_true(io_path_is_within(&above, &above));
    copy(&above, "a");
    assert_false(io_path_is_within(&path, &above));
    copy(&above, "");
    assert_true(io_path_is_within(&path, &above));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_names),
        cmocka_unit_test(refuses_others),
        cmocka_unit_test(cuts_the_last),
        cmocka_unit_test(knows_what_lies_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
