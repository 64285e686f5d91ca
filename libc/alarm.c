/*
 * The timer that sends SIGALRM.
 */
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "process_call.h"

static bool to_ns(const struct timeval *time, uint64_t *ns)
{
    return time->tv_sec >= 0 && time->tv_usec >= 0 && time->tv_usec < 1000000 &&
           !__builtin_mul_overflow((uint64_t)time->tv_sec, (uint64_t)NANOSECONDS, ns) &&
           !__builtin_add_overflow(*ns, (uint64_t)time->tv_usec * 1000, ns);
}

/* Rounded up, so that a timer that runs is never seen as none. */
static struct timeval to_timeval(uint64_t ns)
{
    uint64_t us = ns / 1000 + (ns % 1000 != 0);
    return (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
}

static int64_t set(uint64_t ns, uint64_t interval, bool ask, struct itimerval *old)
{
    struct message head = {.op = PROCESS_ALARM, .offset = ask, .arg = {ns, interval, 0}};
    int64_t result = __libc_process_ask(&head);
    if (result >= 0 && old)
        *old = (struct itimerval){to_timeval(head.arg[1]), to_timeval(head.arg[0])};
    return result;
}

int setitimer(int which, const struct itimerval *restrict timer, struct itimerval *restrict old)
{
    uint64_t ns, interval;
    if (which != ITIMER_REAL || !to_ns(&timer->it_value, &ns) ||
        !to_ns(&timer->it_interval, &interval))
        return (int)call_return(-EINVAL);
    return (int)call_return(set(ns, interval, false, old));
}

int getitimer(int which, struct itimerval *timer)
{
    if (which != ITIMER_REAL)
        return (int)call_return(-EINVAL);
    return (int)call_return(set(0, 0, true, timer));
}

unsigned alarm(unsigned seconds)
{
    struct itimerval old;
    if (set((uint64_t)seconds * NANOSECONDS, 0, false, &old) < 0)
        return 0;
    return (unsigned)(old.it_value.tv_sec + (old.it_value.tv_usec != 0));
}

useconds_t ualarm(useconds_t first, useconds_t interval)
{
    struct itimerval old;
    if (set((uint64_t)first * 1000, (uint64_t)interval * 1000, false, &old) < 0)
        return 0;
    return (useconds_t)(old.it_value.tv_sec * 1000000 + old.it_value.tv_usec);
}
