/*
 * Reading cpio archives: what is in them, and that a broken one is found out without reading
 * beyond.
 */
// sources: libmsg/cpio.c libmsg/words.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../libmsg/cpio.h"

#include <portolan/errors.h>

#define ROOM 4096u

struct archive {
    uint8_t bytes[ROOM];
    size_t size;
};

static void pad(struct archive *archive)
{
    while (archive->size % 4)
        archive->bytes[archive->size++] = 0;
}

static void add(struct archive *archive, const char *name, unsigned mode, const char *contents)
{
    size_t length = strlen(contents);
    archive->size += (size_t)sprintf((char *)archive->bytes + archive->size,
                                     "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
                                     1u, mode, 0u, 0u, 1u, 0u, (unsigned)length, 0u, 0u, 0u, 0u,
                                     (unsigned)strlen(name) + 1, 0u, name) +
                     1;
    pad(archive);
    memcpy(archive->bytes + archive->size, contents, length);
    archive->size += length;
    pad(archive);
}

static struct archive good_archive(void)
{
    struct archive archive = {.size = 0};
    add(&archive, "init", 0100555, "first program");
    add(&archive, "folder", 040755, "");
    add(&archive, "./manifest", 0100444, "program init\n");
    add(&archive, "empty", 0100444, "");
    add(&archive, "TRAILER!!!", 0, "");
    return archive;
}

static void test_walk(void **state)
{
    (void)state;
    static const char *const names[] = {"init", "folder", "./manifest", "empty"};
    struct archive archive = good_archive();
    struct cpio_reader reader = {archive.bytes, archive.size, 0};
    struct cpio_entry entry;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cpio_next(&reader, &entry), 1);
        assert_string_equal(entry.name, names[i]);
    }
    assert_int_equal(cpio_next(&reader, &entry), 0);
}

static void test_find(void **state)
{
    (void)state;
    struct archive archive = good_archive();
    struct cpio_entry entry;
    assert_int_equal(cpio_find(archive.bytes, archive.size, "init", &entry), 0);
    assert_int_equal(entry.size, 13);
    assert_memory_equal(archive.bytes + entry.offset, "first program", 13);
    assert_int_equal(cpio_find(archive.bytes, archive.size, "manifest", &entry), 0);
    assert_memory_equal(archive.bytes + entry.offset, "program init\n", entry.size);
    assert_int_equal(cpio_find(archive.bytes, archive.size, "empty", &entry), 0);
    assert_int_equal(entry.size, 0);
    assert_int_equal(cpio_find(archive.bytes, archive.size, "folder", &entry), -ENOENT);
    assert_int_equal(cpio_find(archive.bytes, archive.size, "in", &entry), -ENOENT);
}

/* In memory of exactly its size; gives what ended the walk. */
static int walk_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    struct cpio_reader reader = {copy, size, 0};
    struct cpio_entry entry;
    int result;
    while ((result = cpio_next(&reader, &entry)) > 0) {
        assert_true(entry.offset <= size && entry.size <= size - entry.offset);
        assert_true(strlen(entry.name) < size);
    }
    free(copy);
    return result;
}

static void test_cut_off(void **state)
{
    (void)state;
    struct archive archive = good_archive();
    size_t trailer_end = archive.size;
    while (walk_copy(archive.bytes, trailer_end) == 0)
        trailer_end--;
    assert_true(archive.size - trailer_end <= 4); /* padding only */
    for (size_t size = 0; size <= trailer_end; size++)
        assert_int_equal(walk_copy(archive.bytes, size), -EINVAL);
}

static void expect_broken(size_t at, const char *change)
{
    struct archive archive = good_archive();
    memcpy(archive.bytes + at, change, strlen(change));
    assert_int_equal(walk_copy(archive.bytes, archive.size), -EINVAL);
}

static void test_broken(void **state)
{
    (void)state;
    expect_broken(0, "070702");            /* another format */
    expect_broken(6 + 8 * 6, "FFFFFFFF");  /* size */
    expect_broken(6 + 8 * 6, "0000000G");  /* not a digit */
    expect_broken(6 + 8 * 6, "-0000001");  /* nor this */
    expect_broken(6 + 8 * 11, "00000000"); /* no name */
    expect_broken(6 + 8 * 11, "FFFFFFFF"); /* a name beyond all */
    expect_broken(6 + 8 * 11, "00000004"); /* not ended by its NUL */
    expect_broken(6 + 8 * 11, "00000007"); /* more than NULs behind it */
    struct archive archive = good_archive();
    struct cpio_reader beyond = {archive.bytes, archive.size, archive.size + 1};
    struct cpio_entry entry;
    assert_int_equal(cpio_next(&beyond, &entry), -EINVAL);
}

/* More NULs behind a name move the contents, to a page's start for example. */
static void test_aligned(void **state)
{
    (void)state;
    struct archive archive = good_archive();
    struct cpio_reader reader = {archive.bytes, archive.size, 0};
    struct cpio_entry entry;
    memmove(archive.bytes + 115 + 100, archive.bytes + 115, archive.size - 115);
    memset(archive.bytes + 115, 0, 100);
    memcpy(archive.bytes + 6 + 8 * 11, "00000069", 8);
    reader.size = archive.size + 100;
    assert_int_equal(cpio_next(&reader, &entry), 1);
    assert_string_equal(entry.name, "init");
    assert_int_equal(entry.offset, 216);
    assert_memory_equal(archive.bytes + entry.offset, "first", 5);
}

static void test_random_changes(void **state)
{
    (void)state;
    srand(1);
    struct archive good = good_archive();
    for (uint32_t i = 0; i < 100000; i++) {
        struct archive archive = good;
        for (int changes = rand() % 4 + 1; changes > 0; changes--)
            archive.bytes[(size_t)rand() % archive.size] =
                (uint8_t)(rand() % 2 ? "0123456789ABCDEF"[rand() % 16] : rand());
        int result = walk_copy(archive.bytes, archive.size);
        assert_true(result == 0 || result == -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),    cmocka_unit_test(test_find),
        cmocka_unit_test(test_cut_off), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_aligned), cmocka_unit_test(test_random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
