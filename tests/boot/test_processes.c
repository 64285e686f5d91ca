/*
 * POSIX processes: starts tmpfs, with the boot module as its files, and the process server; then
 * runs every program posix_* as process 1, one after the other, and takes over what they find.  A
 * word posix=NAME runs one of them alone.  Before that, what the server says to those who mean ill.
 */
#include <portolan/names.h>
#include <portolan/process.h>

#include "cpio.h"
#include "service.h"
#include "spawn.h"

#ifndef ESRCH
#define ESRCH 3
#endif

static struct service names, files, pipes, processes;
static handle_t root;

#define POOL (128ul << 20)

/* ---- Asking ---------------------------------------------------------------------------------- */

static struct message answer;

static int64_t request(handle_t to, struct message head)
{
    int64_t error = sys_do(to, soon(), &head);
    answer = head;
    return error < 0 ? error : head.result;
}

struct made_process {
    struct spawned made;
    handle_t session; /* its number there */
    uint64_t id;
    int64_t number;
};

static void create(struct made_process *process, uint64_t budget)
{
    struct message head = {.op = PROCESS_CREATE, .arg = {0, budget, 0}};
    process->number = must(request(processes.port, head), "create");
    process->made.task = message_area()->handles[0].handle;
    process->id = answer.arg[0];
    process->session = (handle_t)answer.arg[1];
}

static int64_t start(const struct made_process *process, const char *name)
{
    struct process_start *how = (struct process_start *)message_area()->bytes;
    *how = (struct process_start){.flags = 0};
    memcpy(how->name, name, strlen(name) + 1);
    message_area()->handles[0] = (struct message_handle){process->made.thread, RIGHTS_SAME, 0};
    return request(processes.port, (struct message){.op = PROCESS_START,
                                                    .flags = MESSAGE_FLAGS(sizeof *how, 1, 0),
                                                    .arg = {process->id, 0, 0}});
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void mount(handle_t manager, const char *path, handle_t what, uint64_t flags)
{
    struct message head = {.flags = MESSAGE_FLAGS(0, 1, 0), .arg = {flags, 0, 0}};
    message_area()->handles[0] = (struct message_handle){what, RIGHTS_SAME, 0};
    must(ask(manager, NAMES_MOUNT, path, &head), "mount");
}

/* ---- Programs -------------------------------------------------------------------------------- */

static void fill(struct made_process *process, const char *name, uint64_t offset, uint64_t size)
{
    struct spawn_handle handles[] = {
        {"process", process->session, SPAWN_GRANTED},
        {"tree", root, RIGHTS_SAME},
        {"log", startup_handle(startup, "log"), RIGHTS_SAME},
    };
    must(spawn_into(&(struct spawn){.file = startup_handle(startup, "boot"),
                                    .offset = offset,
                                    .size = size,
                                    .priority = PRIORITY_DEFAULT,
                                    .cpu = -1,
                                    .clock = startup->clock,
                                    .cpus = startup->cpus,
                                    .handles = handles,
                                    .handle_count = 3,
                                    .words = name,
                                    .word_count = 1,
                                    .give_segments = true},
                    &process->made),
         "spawn_into");
}

static int64_t wait_for(int64_t number)
{
    int64_t result =
        request(processes.port,
                (struct message){.op = PROCESS_WAIT,
                                 .arg = {PROCESS_WAIT_ONE, (uint64_t)number, PROCESS_WAIT_EXITED}});
    return result == number ? (int64_t)answer.arg[0] : -1;
}

static void run(const char *name, uint64_t offset, uint64_t size)
{
    struct made_process process;
    print("# %s\n", name);
    create(&process, 4 << 20);
    fill(&process, name, offset, size);
    is(start(&process, name), process.number, "it starts");
    sys_handle_close(process.made.task);
    int64_t status = wait_for(process.number);
    if (!is(status, 0, name))
        print("#   %s has status %lx\n", name, status);
}

static void run_all(void)
{
    handle_t boot = startup_handle(startup, "boot");
    const char *only = startup_option(startup, "posix=");
    struct vmo_information info;
    must(sys_vmo_info(boot, &info), "boot module");
    struct cpio_reader reader = {
        (const uint8_t *)must(sys_map(HANDLE_NONE, boot, 0, info.size, 0, MAP_READ), "map"),
        info.size, 0};
    struct cpio_entry entry;
    while (cpio_next(&reader, &entry) > 0) {
        if (string_has_prefix(entry.name, "posix_") &&
            (!only || strcmp(only, entry.name + strlen("posix_")) == 0))
            run(entry.name, entry.offset, entry.size);
    }
}

/* ---- Those who mean ill ---------------------------------------------------------------------- */

static void test_refusals(void)
{
    handle_t port = processes.port;
    for (uint32_t op = 0x2f0; op < PROCESS_OP_END + 16u; op++) {
        struct message head = {.op = op, .offset = ~0ul, .arg = {~0ul, ~0ul, ~0ul}};
        if (request(port, head) >= 0 && op != PROCESS_LIST) {
            print("# op %x\n", op);
            ok(false, "nonsense is refused");
        }
    }
    ok(true, "nonsense is refused");
    is(request(port, (struct message){.op = PROCESS_KILL, .arg = {77, 9, 0}}), -ESRCH,
       "no such process");
    is(request(port, (struct message){.op = PROCESS_START, .arg = {4096 + 1, 0, 0}}), -ESRCH,
       "nothing of that kind to start");
    handle_t stranger = badged(port, 12345);
    is(request(stranger, (struct message){.op = PROCESS_CREATE}), -ESRCH,
       "who is no process makes none");
    is(request(stranger, (struct message){.op = PROCESS_SIGNAL_GROUP, .arg = {1, 9, 0}}), -EPERM,
       "nor signals groups");
    sys_handle_close(stranger);
}

static void test_unstarted(void)
{
    struct made_process process;
    create(&process, 0);
    message_area()->handles[0] = (struct message_handle){process.made.task, RIGHTS_SAME, 0};
    is(request(processes.port,
               (struct message){.op = PROCESS_START,
                                .flags = MESSAGE_FLAGS(sizeof(struct process_start), 1, 0),
                                .arg = {process.id, 0, 0}}),
       -EINVAL, "a task is no thread");
    create(&process, 0);
    is(request(processes.port,
               (struct message){.op = PROCESS_START, .arg = {process.id, PROCESS_GIVE_UP, 0}}),
       0, "what was created can be given up");
    is(request(processes.port,
               (struct message){.op = PROCESS_START, .arg = {process.id, PROCESS_GIVE_UP, 0}}),
       -ESRCH, "once");
    is(sys_task_kill(process.made.task, 0), -EDEAD, "and is dead");
    sys_handle_close(process.made.task);
    is(request(processes.port, (struct message){.op = PROCESS_CREATE, .arg = {0, 1ul << 40, 0}}),
       -EAGAIN, "more than there can be is refused");
}

int main(const void *found)
{
    test_begin(found);
    service_start(&names, "names", NULL, HANDLE_NONE, NULL);
    service_start(&files, "tmpfs", "archive", startup_handle(startup, "boot"), NULL);
    service_start(&pipes, "pipe", NULL, HANDLE_NONE, NULL);
    root = badged(names.port, 0);
    handle_t manager = badged(names.port, NAMES_BADGE_MOUNT);
    mount(manager, "", badged(files.port, 0), 0);
    mount(manager, "dev/pipe", badged(pipes.port, 0), NAMES_NODE);
    sys_handle_close(manager);
    service_start_with(&processes, "process", NULL, HANDLE_NONE, POOL);
    test_refusals();
    test_unstarted();
    run_all();
    service_end(&processes);
    service_end(&pipes);
    service_end(&files);
    service_end(&names);
    return test_end();
}
