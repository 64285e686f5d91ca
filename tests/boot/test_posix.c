/*
 * The programs that test libc's files: each is started with a tree of its own, made of the name
 * server, a tmpfs and the pipe server, and prints its own TAP.
 */
#include "service.h"

#include <portolan/names.h>

#include "../../libc/arguments.h"

#include "cpio.h"

static const char *const programs[] = {"libc_files", "libc_names", "libc_mapping", "libc_poll",
                                       "libc_pipe"};

#define PROGRAM_BUDGET (32ul << 20)

static struct service names, tmpfs, pipes;
static handle_t manager;

static void mount(const char *path, struct service *service, uint64_t flags)
{
    struct message message = {.flags = MESSAGE_FLAGS(0, 1, 0), .arg = {flags, 0, 0}};
    message_area()->handles[0] = (struct message_handle){badged(service->port, 0), RIGHTS_SAME, 0};
    must(ask(manager, NAMES_MOUNT, path, &message), "mount");
}

static void start_tree(void)
{
    service_start(&names, "names", NULL, HANDLE_NONE, NULL);
    manager = badged(names.port, NAMES_BADGE_MOUNT);
    service_start(&tmpfs, "tmpfs", NULL, HANDLE_NONE, "size=16777216");
    service_start(&pipes, "pipe", NULL, HANDLE_NONE, NULL);
    mount("", &tmpfs, 0);
    mount("dev/pipe", &pipes, NAMES_NODE);
}

static void end_tree(void)
{
    sys_handle_close(manager);
    service_end(&pipes);
    service_end(&tmpfs);
    service_end(&names);
}

/* Starts a program with a tree and waits for its end; its status or an error.  `extra` is granted
 * as well, if it has a name. */
static int64_t run_with(const char *name, handle_t tree, struct spawn_handle extra)
{
    int64_t status = -1;
    struct spawned made;
    struct cpio_entry entry = service_program(name);
    struct spawn_handle handles[] = {
        {"tree", tree, RIGHTS_SAME}, {"log", startup_handle(startup, "log"), RIGHTS_SAME}, extra};
    const struct spawn plan = {.file = startup_handle(startup, "boot"),
                               .offset = entry.offset,
                               .size = entry.size,
                               .budget = PROGRAM_BUDGET,
                               .priority = PRIORITY_DEFAULT,
                               .cpu = -1,
                               .clock = startup->clock,
                               .cpus = startup->cpus,
                               .handles = handles,
                               .handle_count = extra.name ? 3 : 2,
                               .words = name,
                               .word_count = 1,
                               .give_segments = true};
    /* The memory of the one before comes back a little after its end. */
    int64_t started;
    for (uint32_t i = 0; (started = spawn(&plan, &made)) == -ENOMEM && i < 1000; i++)
        sys_sleep(clock_after(10 * MILLISECOND));
    must(started, name);
    int64_t error = wait_for_death(made.task, soon(), &status);
    if (error < 0)
        sys_task_kill(made.task, 1);
    sys_handle_close(made.thread);
    sys_handle_close(made.task);
    return error ? error : status;
}

static void run(const char *name)
{
    start_tree();
    handle_t tree = badged(names.port, 0);
    is(run_with(name, tree, (struct spawn_handle){0}), 0, name);
    sys_handle_close(tree);
    end_tree();
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
    handle_t tree = badged(names.port, 0);
    int64_t status =
        run_with("libc_arguments", tree, (struct spawn_handle){"args", vmo, RIGHTS_SAME});
    sys_handle_close(tree);
    sys_handle_close(vmo);
    return status;
}

static void test_arguments(void)
{
    start_tree();
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
    end_tree();
}

int main(const void *found)
{
    test_begin(found);
    for (uint32_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        run(programs[i]);
    test_arguments();
    return test_end();
}
