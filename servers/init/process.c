/*
 * What runs on a terminal as a POSIX process (<portolan/process.h>): made, started and waited for
 * through the process server.  init is the system there, process 0.
 *
 * Making one takes two questions to the process server, which are the only ones that init waits
 * for; it does so for PATIENCE at most.  The end is told by the answer to PROCESS_WAIT.
 */
#include "supervisor.h"

#include <portolan/process.h>

#include "clock.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#define PATIENCE (5 * SECOND)
enum { SIGNAL_KILL = 9 };

static const struct service *process_server(const struct service *service)
{
    const struct manifest_server *plan = service->plan;
    for (uint32_t i = 0; i < plan->grant_count; i++)
        if (plan->grants[i].kind == GIVE_PROCESS)
            return &services[plan->grants[i].server];
    return NULL;
}

bool process_is_wanted(const struct service *service)
{
    return process_server(service) != NULL;
}

static int64_t ask(const struct service *service, struct message *head)
{
    int64_t error = sys_do(process_server(service)->port, clock_after(PATIENCE), head);
    return error < 0 ? error : head->result;
}

/* The task and, in *head, what else PROCESS_CREATE answered. */
static int64_t create(const struct service *service, uint64_t budget, struct message *head,
                      handle_t *task)
{
    *head = (struct message){.op = PROCESS_CREATE, .flags = MESSAGE_ROOM, .arg = {0, budget, 0}};
    int64_t number = ask(service, head);
    if (number < 0)
        return number;
    if (MESSAGE_FLAG_HANDLES(head->flags) != 1 || number > INT32_MAX)
        return -EIO;
    *task = message_area()->handles[0].handle;
    return number;
}

/* The thread's handle goes along; what was created and not started is given up. */
static int64_t start(const struct service *service, uint64_t id, handle_t thread, bool give_up)
{
    struct process_start how = {.flags = PROCESS_START_SESSION};
    memcpy(how.name, service->plan->binary, sizeof(how.name) - 1);
    memcpy(message_area()->bytes, &how, sizeof(how));
    message_area()->handles[0] = (struct message_handle){thread, RIGHTS_SAME, 0};
    struct message head = {.op = PROCESS_START,
                           .flags = MESSAGE_FLAGS(sizeof(how), thread != HANDLE_NONE, 0),
                           .arg = {id, give_up ? PROCESS_GIVE_UP : 0}};
    return ask(service, &head);
}

static int64_t wait_for_end(struct service *service)
{
    struct message head = {.op = PROCESS_WAIT,
                           .arg = {PROCESS_WAIT_ONE, service->process, PROCESS_WAIT_EXITED}};
    return sys_send(process_server(service)->port, init_server.port, &head, &service->wait_id);
}

int64_t process_launch(struct service *service, const struct spawn *plan,
                       const struct grants *grants)
{
    struct spawn_handle handles[GRANTS_MAX + 1];
    struct spawn whole = *plan;
    struct spawned made = {0};
    struct message created;
    int64_t number = create(service, plan->budget, &created, &made.task);
    if (number < 0)
        return number;
    memcpy(handles, grants->handles, grants->count * sizeof(handles[0]));
    handles[grants->count] =
        (struct spawn_handle){"process", (handle_t)created.arg[1], SPAWN_GRANTED};
    whole.handles = handles;
    whole.handle_count = grants->count + 1;
    int64_t error = spawn_into(&whole, &made);
    bool filled = !error;
    if (filled)
        error = start(service, created.arg[0], made.thread, false);
    if (error < 0)
        start(service, created.arg[0], HANDLE_NONE, true);
    sys_handle_close(made.task);
    if (error < 0)
        return error;
    service->process = (uint64_t)number;
    return wait_for_end(service);
}

int64_t process_kill(const struct service *service)
{
    struct message head = {.op = PROCESS_KILL, .arg = {service->process, SIGNAL_KILL}};
    uint64_t id;
    return sys_send(process_server(service)->port, init_server.port, &head, &id);
}
