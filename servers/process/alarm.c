/*
 * The timers that send SIGALRM: one a process, all on the port's one timer.
 */
#include "clock.h"
#include "syscall.h"
#include "table.h"

static uint64_t armed = DEADLINE_NEVER;

void alarms_arm(void)
{
    uint64_t first = DEADLINE_NEVER;
    FOR_EACH_PROCESS(process)
    {
        if (process->alarm && process->alarm < first)
            first = process->alarm;
    }
    if (first == armed)
        return;
    armed = first;
    sys_port_timer(server.port, first);
}

static void ring(struct process *process, uint64_t now)
{
    const struct signal_info info = {.code = SI_TIMER};
    uint64_t interval = process->alarm_interval;
    /* A late timer keeps its rhythm; what it missed is not made up for. */
    process->alarm = interval ? process->alarm + interval : 0;
    if (process->alarm && process->alarm <= now)
        process->alarm = now + interval;
    signal_send(process, SIGALRM, &info, -1);
}

void alarms_due(void)
{
    uint64_t now = clock_now();
    armed = DEADLINE_NEVER;
    FOR_EACH_PROCESS(process)
    {
        if (process->alarm && process->alarm <= now)
            ring(process, now);
    }
    alarms_arm();
}

int64_t do_alarm(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    uint64_t now = clock_now(), deadline;
    const struct message *head = &request->head;
    if (head->offset > 1)
        return -EINVAL;
    request->reply.arg[0] = process->alarm == 0    ? 0
                            : process->alarm > now ? process->alarm - now
                                                   : 1;
    request->reply.arg[1] = process->alarm_interval;
    if (head->offset == 1)
        return 0;
    if (__builtin_add_overflow(now, head->arg[0], &deadline) || deadline == DEADLINE_NEVER)
        deadline = DEADLINE_NEVER - 1;
    process->alarm = head->arg[0] ? deadline : 0;
    process->alarm_interval = head->arg[1];
    alarms_arm();
    return 0;
}
