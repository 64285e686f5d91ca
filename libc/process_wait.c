/*
 * Waiting for children.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "clock.h"
#include "process_call.h"

struct change {
    uint32_t status;
    uint64_t time; /* ns */
};

/* The child's number, or 0: none yet (WNOHANG). A cancellation point. */
static int64_t wait_for(uint32_t kind, uint32_t number, uint32_t options, struct change *change)
{
    struct message head;
    int64_t result;
    do {
        head = (struct message){.op = PROCESS_WAIT, .arg = {kind, number, options}};
        call_begin();
        result = __libc_process_do(&head, CALL_SLOW);
        call_end();
    } while (result == -EINTR && __libc_call_again());
    if (result == -ENOSYS)
        return -ECHILD;
    if (result > 0)
        *change = (struct change){(uint32_t)head.arg[0], head.arg[1] + head.arg[2]};
    return result;
}

static void set_usage(struct rusage *usage, uint64_t ns)
{
    memset(usage, 0, sizeof *usage);
    usage->ru_utime.tv_sec = (time_t)(ns / NANOSECONDS);
    usage->ru_utime.tv_usec = (suseconds_t)(ns % NANOSECONDS / 1000);
}

pid_t wait4(pid_t number, int *status, int options, struct rusage *usage)
{
    struct change change = {0};
    uint32_t kind = number == -1 ? PROCESS_WAIT_ANY
                    : number > 0 ? PROCESS_WAIT_ONE
                                 : PROCESS_WAIT_GROUP;
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED)) {
        errno = EINVAL;
        return -1;
    }
    int64_t result = wait_for(kind, (uint32_t)(number < 0 ? -number : number),
                              (uint32_t)options | PROCESS_WAIT_EXITED, &change);
    if (result > 0 && status)
        *status = (int)change.status;
    if (result > 0 && usage)
        set_usage(usage, change.time);
    return (pid_t)call_return(result);
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

pid_t waitpid(pid_t number, int *status, int options)
{
    return wait4(number, status, options, NULL);
}

pid_t wait(int *status)
{
    return wait4(-1, status, 0, NULL);
}

static void describe(siginfo_t *info, pid_t number, int status)
{
    memset(info, 0, sizeof *info);
    if (number == 0)
        return;
    info->si_signo = SIGCHLD;
    info->si_pid = number;
    if (WIFCONTINUED(status)) {
        info->si_code = CLD_CONTINUED;
        info->si_status = SIGCONT;
    } else if (WIFSTOPPED(status)) {
        info->si_code = CLD_STOPPED;
        info->si_status = WSTOPSIG(status);
    } else if (WIFSIGNALED(status)) {
        info->si_code = WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
        info->si_status = WTERMSIG(status);
    } else {
        info->si_code = CLD_EXITED;
        info->si_status = WEXITSTATUS(status);
    }
}

int waitid(idtype_t kind, id_t number, siginfo_t *info, int options)
{
    static const uint32_t kinds[] = {
        [P_ALL] = PROCESS_WAIT_ANY, [P_PID] = PROCESS_WAIT_ONE, [P_PGID] = PROCESS_WAIT_GROUP};
    struct change change = {0};
    if ((unsigned)kind > P_PGID || !(options & (WEXITED | WSTOPPED | WCONTINUED)) ||
        options & ~(WNOHANG | WEXITED | WSTOPPED | WCONTINUED | WNOWAIT)) {
        errno = EINVAL;
        return -1;
    }
    int64_t result = wait_for(kinds[kind], (uint32_t)number, (uint32_t)options, &change);
    if (result >= 0 && info)
        describe(info, (pid_t)result, (int)change.status);
    return result < 0 ? (int)call_return(result) : 0;
}
