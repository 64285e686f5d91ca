/*
 * The programs that test libc's files: each is started with a tree of its own, made of the name
 * server, a tmpfs and the pipe server, and prints its own TAP.
 */
#include "../../libc/arguments.h"

#include "test.h"
#include "tree.h"

static const char *const programs[] = {"libc_files", "libc_names", "libc_mapping",
                                       "libc_poll",  "libc_gaps",  "libc_pipe"};

static void run(const char *name)
{
    tree_start();
    is(tree_run(name, (struct spawn_handle){0}), 0, name);
    tree_end();
}

/* ---- What a program is started with ---------------------------------------------------------- */

#define NO_RESOURCES 127 /* what libc ends with, if what it was started with is malformed */

static const char strings[] = "arguments\0two words\0\0ONE=1\0EMPTY=\0/inherited/";

static const struct argument_header good = {
    .argument_count = 3, .environment_count = 2, .umask = 027, .bytes = sizeof(strings)};

static int64_t run_with_args(const struct argument_header *header)
{
    uint8_t *bytes = message_area()->bytes;
    uint64_t length = sizeof(*header) + sizeof(strings);
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, length, 0, 0), "args");
    memcpy(bytes, header, sizeof(*header));
    memcpy(bytes + sizeof(*header), strings, sizeof(strings));
    must(sys_vmo_write(vmo, 0, length), "args");
    int64_t status = tree_run("libc_arguments", (struct spawn_handle){"args", vmo, RIGHTS_SAME});
    sys_handle_close(vmo);
    return status;
}

static void test_arguments(void)
{
    tree_start();
    is(run_with_args(&good), 0, "libc_arguments");
    struct argument_header bad = good;
    bad.bytes = 10;
    is(run_with_args(&bad), NO_RESOURCES, "strings that are cut off");
    bad = good;
    bad.bytes = UINT64_MAX;
    is(run_with_args(&bad), NO_RESOURCES, "far too many bytes");
    bad = good;
    bad.bytes = 100000;
    is(run_with_args(&bad), NO_RESOURCES, "more than the object has");
    bad = good;
    bad.argument_count = UINT32_MAX;
    is(run_with_args(&bad), NO_RESOURCES, "too many arguments");
    bad.argument_count = 4;
    is(run_with_args(&bad), NO_RESOURCES, "no working directory left");
    bad = good;
    bad.descriptor_count = UINT32_MAX;
    is(run_with_args(&bad), NO_RESOURCES, "too many descriptors");
    bad.descriptor_count = 1;
    is(run_with_args(&bad), NO_RESOURCES, "a descriptor that is not there");
    tree_end();
}

int main(const void *found)
{
    test_begin(found);
    for (uint32_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        run(programs[i]);
    test_arguments();
    return test_end();
}
