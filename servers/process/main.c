/*
 * The process server: see <portolan/process.h> for what it answers, table.h for how it is made.
 *
 * Startup handles: "port", the port it serves (RECEIVE, MANAGE), made by init so that others can
 * send to it before it runs; "log"; "power" and "clock", if processes may switch the machine off
 * and set its time: all are the superuser's, as long as there is but one user.  Its budget is the
 * pool of memory for all processes.
 */
#include <portolan/tty.h>

#include "print.h"
#include "start.h"
#include "syscall.h"
#include "table.h"

void pool_open(handle_t task);
void machine_open(const struct startup *startup);

#define HANDLER(op) [(op)-PROCESS_CREATE]
static server_handler *const handlers[] = {
    HANDLER(PROCESS_CREATE) = do_create,
    HANDLER(PROCESS_START) = do_start,
    HANDLER(PROCESS_WAIT) = do_wait,
    HANDLER(PROCESS_IDENTITY) = do_identity,
    HANDLER(PROCESS_SET_GROUP) = do_set_group,
    HANDLER(PROCESS_NEW_SESSION) = do_new_session,
    HANDLER(PROCESS_CHECK_GROUP) = do_check_group,
    HANDLER(PROCESS_KILL) = do_kill,
    HANDLER(PROCESS_KILL_THREAD) = do_kill_thread,
    HANDLER(PROCESS_SIGNAL_GROUP) = do_signal_group,
    HANDLER(PROCESS_DEFAULT_ACTION) = do_default_action,
    HANDLER(PROCESS_SIGNALS) = do_signals,
    HANDLER(PROCESS_THREAD_ADD) = do_thread_add,
    HANDLER(PROCESS_THREAD_REMOVE) = do_thread_remove,
    HANDLER(PROCESS_GROW) = do_grow,
    HANDLER(PROCESS_LIMIT) = do_limit,
    HANDLER(PROCESS_TIMES) = do_times,
    HANDLER(PROCESS_ALARM) = do_alarm,
    HANDLER(PROCESS_SET_TERMINAL) = do_set_terminal,
    HANDLER(PROCESS_TERMINAL) = do_terminal,
    HANDLER(PROCESS_LIST) = do_list,
    HANDLER(PROCESS_SET_NAME) = do_set_name,
    HANDLER(PROCESS_POWER) = do_power,
    HANDLER(PROCESS_SET_TIME) = do_set_time,
};

static void told(struct server *at, const struct message *head)
{
    (void)at;
    if (head->op != KERNEL_DEATH)
        return;
    struct process *process = image_of_badge(head->cookie);
    if (process)
        process_died(process, head->result);
}

static void notified(struct server *at, uint64_t bits)
{
    (void)at;
    if (bits & NOTIFY_TIMER)
        alarms_due();
}

/* Only terminals are asked anything; what counts is the answer to which group was in the foreground
 * when a session, the cookie, ended. */
static void answered(struct server *at, uint64_t id, const struct message *head)
{
    (void)at, (void)id;
    const struct signal_info info = {.code = SI_KERNEL};
    uint32_t session = (uint32_t)head->cookie;
    if (session == 0 || head->result <= 0 || head->result > INT32_MAX)
        return;
    signal_group((uint32_t)head->result, session, SIGHUP, &info);
    signal_group((uint32_t)head->result, session, SIGCONT, &info);
}

struct server server = {.first_op = PROCESS_CREATE,
                        .op_count = sizeof handlers / sizeof handlers[0],
                        .handlers = handlers,
                        .notified = notified,
                        .answered = answered,
                        .told = told,
                        .faulted = faulted};

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    pool_open(startup->task);
    machine_open(startup);
    server.port = startup_handle(startup, "port");
    if (server.port == HANDLE_NONE || server_open(&server, 4096) < 0)
        return 1;
    int64_t error = server_run(&server);
    print("process: the loop ended with %ld\n", -error);
    return 1;
}
