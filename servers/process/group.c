/*
 * Process groups, sessions, controlling terminals (POSIX.1-2008, 3.296, 3.343, 11.1).
 *
 * Which group is in the foreground the terminal knows.  A session's terminal is kept by its leader;
 * when that ends the terminal is asked for its foreground group, which gets SIGHUP, and then told
 * that it is no session's any more.  Both are sends: a terminal that does not answer stops nobody.
 */
#include <portolan/tty.h>

#include "string.h"
#include "syscall.h"
#include "table.h"
#include "thread.h"

static bool group_exists(uint32_t group, uint32_t session)
{
    FOR_EACH_PROCESS(process)
    {
        if (process->group == group && process->session == session && process->state != PROCESS_NEW)
            return true;
    }
    return false;
}

/* ---- Orphans --------------------------------------------------------------------------------- */

bool group_is_orphan(uint32_t group)
{
    FOR_EACH_PROCESS(member)
    {
        if (member->group != group || !process_lives(member))
            continue;
        const struct process *parent = process_find(member->parent);
        if (parent && process_lives(parent) && parent->group != group &&
            parent->session == member->session)
            return false;
    }
    return true;
}

/* ---- Requests -------------------------------------------------------------------------------- */

int64_t do_set_group(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *caller = requester(request, &error);
    if (!caller)
        return error;
    if (request->head.arg[0] > INT32_MAX || request->head.arg[1] > INT32_MAX)
        return -EINVAL;
    uint32_t number = (uint32_t)request->head.arg[0], group = (uint32_t)request->head.arg[1];
    struct process *process = number ? process_find(number) : caller;
    if (!process || !process_lives(process) ||
        (process != caller && process->parent != caller->number))
        return -ESRCH;
    if (process != caller && process->has_exec)
        return -EACCES;
    if (group == 0)
        group = process->number;
    if (process->session != caller->session || process->session == process->number ||
        (group != process->number && !group_exists(group, process->session)))
        return -EPERM;
    if (group == process->group)
        return 0;
    struct process before = *process;
    process->group = group;
    groups_check(&before);
    return 0;
}

int64_t do_new_session(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *caller = requester(request, &error);
    if (!caller)
        return error;
    FOR_EACH_PROCESS(process)
    {
        if (process->group == caller->number)
            return -EPERM;
    }
    struct process before = *caller;
    caller->session = caller->group = caller->number;
    groups_check(&before);
    return caller->number;
}

int64_t do_check_group(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    const struct process *caller = requester(request, &error);
    if (!caller)
        return error;
    if (request->head.arg[0] == 0 || request->head.arg[0] > INT32_MAX)
        return -EINVAL;
    uint32_t group = (uint32_t)request->head.arg[0];
    if (!group_exists(group, caller->session))
        return -EPERM;
    return request->head.offset == 1 && group_is_orphan(group);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void check_group(uint32_t group)
{
    if (!group_is_orphan(group))
        return;
    const struct signal_info info = {.code = SI_KERNEL};
    signal_group(group, 0, SIGHUP, &info);
    signal_group(group, 0, SIGCONT, &info);
}

/* POSIX _exit: the groups that may be orphans now are its own and those of its children, who by
 * now are another's, so all of its session are looked at. */
void groups_check(const struct process *process)
{
    uint32_t checked = 0;
    FOR_EACH_PROCESS(member)
    {
        if (member->state == PROCESS_STOPPED && member->session == process->session &&
            member->group != checked) {
            checked = member->group;
            check_group(checked);
        }
    }
}

/* ---- Terminals ------------------------------------------------------------------------------- */

static void terminal_send(handle_t terminal, uint32_t what, uint64_t cookie)
{
    uint64_t id;
    struct message head = {.op = IO_CONTROL, .cookie = cookie, .arg = {what, 0, 0}};
    sys_send(terminal, server.port, &head, &id);
}

void session_ended(struct process *leader)
{
    if (!leader->terminal)
        return;
    /* In the order sent: the answer to the first names the group that is to hang up. */
    terminal_send(leader->terminal, TTY_GET_GROUP, leader->session);
    terminal_send(leader->terminal, TTY_SET_SESSION, 0);
    sys_handle_close(leader->terminal);
    leader->terminal = HANDLE_NONE;
}

int64_t do_set_terminal(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *leader = requester(request, &error);
    if (!leader)
        return error;
    uint64_t rights, koid;
    handle_t terminal = request->handles[0];
    if (leader->session != leader->number || (terminal && leader->terminal))
        return -EPERM;
    if (terminal && sys_handle_info(terminal, &rights, &koid) != OBJECT_PORT)
        return -EINVAL;
    if (leader->terminal)
        sys_handle_close(leader->terminal);
    leader->terminal = request_take(request, 0);
    leader->terminal_number = terminal ? request->head.arg[0] : 0;
    return 0;
}

int64_t do_terminal(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    const struct process *caller = requester(request, &error);
    if (!caller)
        return error;
    const struct process *leader = process_find(caller->session);
    if (!leader || !leader->terminal)
        return -ENXIO;
    int64_t copy = sys_handle_duplicate(leader->terminal, RIGHTS_SAME, 0);
    if (copy < 0)
        return copy;
    message_area()->handles[0] = (struct message_handle){(handle_t)copy, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    return 0;
}
