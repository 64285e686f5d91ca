/*
 * See tree.h.
 */
#include "tree.h"

#include <portolan/names.h>

#include "service.h"

#define PROGRAM_BUDGET (32ul << 20)

static struct service names, tmpfs, pipes;
static handle_t manager;

static void mount(const char *path, struct service *service, uint64_t flags)
{
    struct message message = {.flags = MESSAGE_FLAGS(0, 1, 0), .arg = {flags, 0, 0}};
    message_area()->handles[0] = (struct message_handle){badged(service->port, 0), RIGHTS_SAME, 0};
    must(ask(manager, NAMES_MOUNT, path, &message), "mount");
}

void tree_start(void)
{
    service_start(&names, "names", NULL, HANDLE_NONE, NULL);
    manager = badged(names.port, NAMES_BADGE_MOUNT);
    service_start(&tmpfs, "tmpfs", NULL, HANDLE_NONE, "size=16777216");
    service_start(&pipes, "pipe", NULL, HANDLE_NONE, NULL);
    mount("", &tmpfs, 0);
    mount("dev/pipe", &pipes, NAMES_NODE);
}

void tree_end(void)
{
    sys_handle_close(manager);
    service_end(&pipes);
    service_end(&tmpfs);
    service_end(&names);
}

int64_t tree_run(const char *name, struct spawn_handle extra)
{
    int64_t status = -1;
    struct spawned made;
    handle_t tree = badged(names.port, 0);
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
    sys_handle_close(tree);
    return error ? error : status;
}
