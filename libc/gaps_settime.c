/*
 * Setting the clock.  Portolan's real time is the hardware clock's at the start, and goes on from
 * there: no process has the privilege to change it.  Whoever is the first to let one replaces this.
 */
#include <errno.h>
#include <sys/time.h>
#include <time.h>

/* -1: EPERM, or EINVAL if it is not a clock that could be set at all or not a time. */
int clock_settime(clockid_t clock, const struct timespec *time)
{
    int is_time = time->tv_nsec >= 0 && time->tv_nsec < 1000000000l;
    errno = clock == CLOCK_REALTIME && is_time ? EPERM : EINVAL;
    return -1;
}

int settimeofday(const struct timeval *time, const struct timezone *zone)
{
    (void)zone;
    return clock_settime(CLOCK_REALTIME, &(struct timespec){time->tv_sec, time->tv_usec * 1000l});
}
