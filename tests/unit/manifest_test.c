/*
 * The boot manifest: what it says, and that errors name the line.
 */
// sources: servers/init/manifest.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../servers/init/manifest.h"

static struct manifest manifest;

/* In memory of exactly its length: a manifest has no NUL at its end. */
static bool read_text(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    bool good = manifest_read(copy, length, &manifest);
    free(copy);
    return good;
}

static bool read(const char *text)
{
    return read_text(text, strlen(text));
}

static void test_good(void **state)
{
    (void)state;
    assert_true(read("# a comment\n\n"
                     "program first\n"
                     "class test # why\n"
                     "\tbudget 1048576\n"
                     "grant root\r\n"
                     "  grant log\n"
                     "grant boot\n"
                     "timeout 5\n"
                     "program second\n"
                     "class bench-smp"));
    assert_int_equal(manifest.count, 2);
    const struct manifest_program *first = &manifest.programs[0], *second = &manifest.programs[1];
    assert_string_equal(first->name, "first");
    assert_int_equal(first->class, CLASS_TEST);
    assert_int_equal(first->budget, 1048576);
    assert_int_equal(first->grants, GRANT_ROOT | GRANT_LOG | GRANT_BOOT);
    assert_int_equal(first->timeout, 5);
    assert_string_equal(second->name, "second");
    assert_int_equal(second->class, CLASS_BENCH_SMP);
    assert_int_equal(second->grants, 0);
    assert_true(second->budget > 0 && second->timeout > 0);
}

static void test_empty(void **state)
{
    (void)state;
    assert_true(read(""));
    assert_int_equal(manifest.count, 0);
    assert_true(read("# nothing\n   \n"));
    assert_int_equal(manifest.count, 0);
}

static void expect_error(const char *text, uint32_t line, const char *problem)
{
    assert_false(read(text));
    assert_int_equal(manifest.bad_line, line);
    assert_string_equal(manifest.problem, problem);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error("class test\n", 1, "before the first program");
    expect_error("program a\n\nclas test\n", 3, "unknown word");
    expect_error("program\n", 1, "not two words");
    expect_error("program a b\n", 1, "not two words");
    expect_error("program a\nclass nonsense\n", 2, "no such class");
    expect_error("program a\ngrant power\n", 2, "no such grant");
    expect_error("program a\nbudget much\n", 2, "not a number");
    expect_error("program a\nbudget 99999999999999999999\n", 2, "not a number");
    expect_error("program a\ntimeout -1\n", 2, "not a number");
    expect_error("program a-name-that-is-much-too-long-to-be-one\n", 1, "the name is too long");
}

static void test_too_many(void **state)
{
    (void)state;
    char text[2048] = "";
    for (uint32_t i = 0; i < MANIFEST_PROGRAMS_MAX; i++)
        sprintf(text + strlen(text), "program p%u\n", i);
    assert_true(read(text));
    assert_int_equal(manifest.count, MANIFEST_PROGRAMS_MAX);
    strcat(text, "program another\n");
    expect_error(text, MANIFEST_PROGRAMS_MAX + 1, "too many programs");
}

static void test_random(void **state)
{
    (void)state;
    static const char *const pieces[] = {"program", "class", "test", "budget", "grant",
                                         "root",    "\n",    " ",    "#",      "7",
                                         "timeout", "x",     "\t"};
    srand(1);
    for (uint32_t i = 0; i < 50000; i++) {
        char text[300] = "";
        for (int n = rand() % 30; n > 0; n--)
            strcat(text, pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))]);
        size_t length = strlen(text);
        if (length > 0 && rand() % 4 == 0)
            text[(size_t)rand() % length] = (char)rand();
        if (read_text(text, length))
            assert_true(manifest.count <= MANIFEST_PROGRAMS_MAX);
        else
            assert_true(manifest.bad_line > 0 && manifest.problem != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
