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
    expect_error("class test\n", 1, "before the first program or server");
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
    char text[4096] = "";
    for (uint32_t i = 0; i < MANIFEST_PROGRAMS_MAX; i++)
        sprintf(text + strlen(text), "program p%u\n", i);
    assert_true(read(text));
    assert_int_equal(manifest.count, MANIFEST_PROGRAMS_MAX);
    strcat(text, "program another\n");
    expect_error(text, MANIFEST_PROGRAMS_MAX + 1, "too many programs");
}

static void test_servers(void **state)
{
    (void)state;
    assert_true(read("server serial\n"
                     "budget 2M\n"
                     "grant ioport 0x3f8 8\n"
                     "grant irq 4\n"
                     "mount /dev/ttyS0\n"
                     "restart on-failure\n"
                     "server tty\n"
                     "binary line\n"
                     "needs serial names\n"
                     "grant port serial 3\n"
                     "grant tree\n"
                     "words a=1 b\n"
                     "words c\n"
                     "priority 30\n"
                     "trusted\n"
                     "server names\n"
                     "mount / tree\n"
                     "console sh -l\n"
                     "console sh\n"));
    assert_int_equal(manifest.server_count, 5);
    const struct manifest_server *serial = &manifest.servers[0], *tty = &manifest.servers[1];
    assert_string_equal(serial->binary, "serial");
    assert_int_equal(serial->budget, 2u << 20);
    assert_string_equal(serial->mount, "dev/ttyS0");
    assert_int_equal(serial->restart, RESTART_ON_FAILURE);
    assert_int_equal(serial->grant_count, 2);
    assert_int_equal(serial->grants[0].kind, GIVE_IOPORT);
    assert_int_equal(serial->grants[0].base, 0x3f8);
    assert_int_equal(serial->grants[0].length, 8);
    assert_int_equal(serial->grants[1].kind, GIVE_IRQ);
    assert_int_equal(serial->grants[1].base, 4);
    assert_string_equal(tty->binary, "line");
    assert_int_equal(tty->need_count, 2);
    assert_int_equal(tty->needs[0].server, 0);
    assert_int_equal(tty->needs[1].server, 2);
    assert_int_equal(tty->grants[0].server, 0);
    assert_int_equal(tty->grants[0].base, 3);
    assert_int_equal(tty->grants[1].kind, GIVE_TREE);
    assert_int_equal(tty->grants[1].server, 2);
    assert_int_equal(tty->word_count, 3);
    assert_memory_equal(tty->words, "a=1\0b\0c", 8);
    assert_int_equal(tty->priority, 30);
    assert_true(tty->trusted && !serial->trusted);
    assert_true(manifest.servers[2].tree && !serial->tree);
    assert_true(manifest.servers[3].console && manifest.servers[4].console);
    assert_string_equal(manifest.servers[3].words, "-l");
    assert_int_equal(manifest_find(&manifest, "tty"), 1);
    assert_int_equal(manifest_find(&manifest, "sh"), MANIFEST_NOBODY);
}

static void test_devices(void **state)
{
    (void)state;
    assert_true(read("server pci\ngrant msi\nserver a\ndevice pci 1af4:1042,8086:0abc 3\n"
                     "server b\ndevice pci 1234:11e8"));
    const struct manifest_server *a = &manifest.servers[1], *b = &manifest.servers[2];
    assert_int_equal(manifest.servers[0].grants[0].kind, GIVE_MSI);
    assert_int_equal(a->device_id_count, 2);
    assert_int_equal(a->device_ids[0].vendor, 0x1af4);
    assert_int_equal(a->device_ids[0].id, 0x1042);
    assert_int_equal(a->device_ids[1].id, 0xabc);
    assert_int_equal(a->device_index, 3);
    assert_int_equal(b->device_id_count, 1);
    assert_int_equal(b->device_index, 0);
}

static void test_server_errors(void **state)
{
    (void)state;
    expect_error("server a\nserver a\n", 2, "there is a server of that name");
    expect_error("server a b\n", 1, "not two words");
    expect_error("server a\nneeds b\n", 2, "needs a server that there is not");
    expect_error("server a\ngrant port b\n", 2, "the port of a server that there is not");
    expect_error("server a\ngrant tree\n", 2, "the port of a server that there is not");
    expect_error("server a\nneeds a\n", 1, "needs itself, by way of others");
    expect_error("server x\nserver a\nneeds b\nserver b\nneeds x c\nserver c\nneeds a\n", 2,
                 "needs itself, by way of others");
    expect_error("server a\ngrant irq\n", 2, "a wrong number of words for this grant");
    expect_error("server a\ngrant ioport 1\n", 2, "a wrong number of words for this grant");
    expect_error("server a\ngrant ioport x 1\n", 2, "not a number");
    expect_error("server a\ngrant physical 0x 1\n", 2, "not a number");
    expect_error("server a\ngrant magic\n", 2, "no such grant");
    expect_error("server a\ndevice pci 1af4:1042\n", 2, "needs the server pci, which there is not");
    expect_error("server pci\nserver a\ndevice pci 1af4:104\n", 3, "not VENDOR:ID");
    expect_error("server pci\nserver a\ndevice pci 1af4:1042,\n", 3, "not VENDOR:ID");
    expect_error("server pci\nserver a\ndevice pci 1af4:104g\n", 3, "not VENDOR:ID");
    expect_error("server pci\nserver a\ndevice pci 1:2,1af4:1042\n", 3, "not VENDOR:ID");
    expect_error("server pci\nserver a\ndevice pci 1af4:1042 x\n", 3, "not a number");
    expect_error("server pci\nserver a\ndevice usb 1af4:1042\n", 3, "not pci VENDOR:ID");
    expect_error("server pci\nserver a\ndevice pci 1:2\n", 3, "not VENDOR:ID");
    expect_error("server pci\nconsole a\ndevice pci 1af4:1042\n", 3,
                 "a console's program has no device");
    expect_error("server a\nmount dev\n", 2, "not a path from the root");
    expect_error("server a\nmount /dev trie\n", 2, "unknown word");
    expect_error("console a\nmount /dev\n", 2, "a console's program has no port");
    expect_error("server a\nrestart daily\n", 2, "no such way to restart");
    expect_error("server a\npriority 64\n", 2, "no such priority");
    expect_error("server a\nbudget 99999999999999999M\n", 2, "not a number");
    expect_error("server a\nclass test\n", 2, "unknown word");
    expect_error("server a\nwords 1 2 3 4 5 6 7 8 9 10 1 2 3 4 5 6 7 8 9 20 1 2 3 4\n", 2,
                 "too many words");
}

static void test_random(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "program", "class", "test", "budget", "grant", "root", "\n",    " ",  "#",       "7",
        "timeout", "x",     "\t",   "server", "needs", "port", "mount", "/x", "console", "words"};
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
        cmocka_unit_test(test_good),          cmocka_unit_test(test_empty),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_servers),       cmocka_unit_test(test_devices),
        cmocka_unit_test(test_server_errors), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
