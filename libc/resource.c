/*
 * What the process has used: processor time and memory.  The kernel counts a thread's time as one,
 * not as its own and the kernel's on its behalf: all of it is called user time here.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "process.h"
#include "process_call.h"
#include "syscall.h"

#define TICKS 100 /* sysconf(_SC_CLK_TCK) */
#define NS_PER_TICK (NANOSECONDS / TICKS)

/* ns that the children waited for have used. */
static uint64_t children_time(void)
{
    struct message head = {.op = PROCESS_TIMES, .arg = {PROCESS_TIMES_CHILDREN, 0, 0}};
    return __libc_process_ask(&head) < 0 ? 0 : head.arg[0];
}

static struct timeval to_timeval(uint64_t ns)
{
    return (struct timeval){(time_t)(ns / NANOSECONDS), (suseconds_t)(ns % NANOSECONDS / 1000)};
}

static long memory_used(void)
{
    const struct message_area *area = call_begin();
    int64_t result = sys_task_info(__libc_process.task);
    long kib = result < 0 ? 0 : (long)(((const struct task_info *)area->bytes)->used / 1024);
    call_end();
    return kib;
}

int getrusage(int who, struct rusage *usage)
{
    struct timespec time;
    *usage = (struct rusage){0};
    switch (who) {
    case RUSAGE_SELF:
        usage->ru_utime = to_timeval(__libc_threads_time());
        usage->ru_maxrss = memory_used();
        return 0;
    case RUSAGE_CHILDREN:
        usage->ru_utime = to_timeval(children_time());
        return 0;
    case RUSAGE_THREAD:
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        usage->ru_utime = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
        usage->ru_maxrss = memory_used();
        return 0;
    default:
        return (int)call_return(-EINVAL);
    }
}

clock_t times(struct tms *times)
{
    *times = (struct tms){.tms_utime = (clock_t)(__libc_threads_time() / NS_PER_TICK),
                          .tms_cutime = (clock_t)(children_time() / NS_PER_TICK)};
    return (clock_t)(__libc_now() / NS_PER_TICK);
}

clock_t clock(void)
{
    return (clock_t)(__libc_threads_time() / (NANOSECONDS / CLOCKS_PER_SEC));
}
