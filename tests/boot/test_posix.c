/*
 * The programs that test libc's files: each is started with a tree of its own, of the name server and
 * a tmpfs, and prints its own TAP.
 */
#include "service.h"

#include <portolan/names.h>

#include "cpio.h"

static const char *const programs[] = {"libc_files", "libc_names", "libc_mapping", "libc_poll",
                                       "libc_gaps"};

#define PROGRAM_BUDGET (64ul << 20)

static struct service names, tmpfs;
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
    mount("", &tmpfs, 0);
}

static void end_tree(void)
{
    sys_handle_close(manager);
    service_end(&tmpfs);
    service_end(&names);
}

static void run(const char *name)
{
    int64_t status = -1;
    struct spawned made;
    handle_t tree;
    start_tree();
    tree = badged(names.port, 0);
    struct cpio_entry entry = service_program(name);
    struct spawn_handle handles[] = {{"tree", tree, RIGHTS_SAME},
                                     {"log", startup_handle(startup, "log"), RIGHTS_SAME}};
    must(spawn(&(struct spawn){.file = startup_handle(startup, "boot"),
                               .offset = entry.offset,
                               .size = entry.size,
                               .budget = PROGRAM_BUDGET,
                               .priority = PRIORITY_DEFAULT,
                               .cpu = -1,
                               .clock = startup->clock,
                               .cpus = startup->cpus,
                               .handles = handles,
                               .handle_count = 2,
                               .words = name,
                               .word_count = 1,
                               .give_segments = true},
               &made),
         name);
    int64_t error = wait_for_death(made.task, soon(), &status);
    if (error < 0)
        sys_task_kill(made.task, 1);
    sys_handle_close(made.thread);
    sys_handle_close(made.task);
    sys_handle_close(tree);
    end_tree();
    is(error ? error : status, 0, name);
}

int main(const void *found)
{
    test_begin(found);
    for (uint32_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        run(programs[i]);
    return test_end();
}
