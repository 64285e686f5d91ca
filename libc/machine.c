/*
 * The machine as a whole: its end, and its time of day.
 */
#include <errno.h>
#include <portolan/syscall.h>
#include <sys/reboot.h>
#include <sys/time.h>
#include <time.h>

#include "clock.h"
#include "process_call.h"

int reboot(int how)
{
    struct message head = {.op = PROCESS_POWER};
    if (how != RB_AUTOBOOT && how != RB_HALT_SYSTEM && how != RB_POWER_OFF)
        return (int)call_return(-EINVAL);
    head.arg[0] = how == RB_AUTOBOOT ? POWER_RESET : POWER_OFF;
    return (int)call_return(__libc_process_ask(&head));
}

static int set_time(time_t seconds, long nanoseconds)
{
    struct message head = {.op = PROCESS_SET_TIME};
    uint64_t whole;
    if (seconds < 0 || nanoseconds < 0 || nanoseconds >= (long)NANOSECONDS ||
        __builtin_mul_overflow((uint64_t)seconds, (uint64_t)NANOSECONDS, &whole) ||
        __builtin_add_overflow(whole, (uint64_t)nanoseconds, &head.arg[0]))
        return (int)call_return(-EINVAL);
    return (int)call_return(__libc_process_ask(&head));
}

int clock_settime(clockid_t id, const struct timespec *time)
{
    if (id != CLOCK_REALTIME)
        return (int)call_return(-EINVAL);
    return set_time(time->tv_sec, time->tv_nsec);
}

int settimeofday(const struct timeval *time, const struct timezone *zone)
{
    (void)zone; /* POSIX knows none; programs that set it set the time as well */
    if (!time || time->tv_usec < 0 || time->tv_usec >= 1000000)
        return (int)call_return(-EINVAL);
    return set_time(time->tv_sec, time->tv_usec * 1000);
}
