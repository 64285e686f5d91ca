/*
 * Time: clocks read from the counter and the clock page, and sleeping.
 *
 * CLOCK_MONOTONIC is the kernel's own count of nanoseconds; CLOCK_REALTIME is that plus the date at
 * which it began, which the clock page holds.  A reader takes no lock: the page does not change.
 */
#include "clock.h"

#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

#include "process.h"
#include "syscall.h"
#include "wait.h"

static inline __attribute__((always_inline)) uint64_t now(const struct clock_page *clock)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    uint64_t counts = ((uint64_t)high << 32 | low) - clock->base_tsc;
    return clock->base_ns + (uint64_t)((unsigned __int128)counts * clock->multiplier >> 32);
}

uint64_t __libc_now(void)
{
    const struct clock_page *clock = __libc_process.clock;
    return clock ? now(clock) : 0;
}

int __libc_clock_zero(clockid_t id, uint64_t *zero)
{
    const struct clock_page *clock = __libc_process.clock;
    if (clock == NULL || (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC))
        return EINVAL;
    *zero = id == CLOCK_REALTIME ? clock->boot_realtime_ns : 0;
    return 0;
}

/* ---- Processor time: CLOCK_THREAD_CPUTIME_ID, or a thread's pthread_t as a clock's number ---- */

#define FIRST_THREAD_CLOCK 4096ul

static bool is_thread_clock(clockid_t id)
{
    return id == CLOCK_THREAD_CPUTIME_ID || id >= FIRST_THREAD_CLOCK;
}

/* The message page's bytes are used. */
static int thread_time(clockid_t id, uint64_t *ns)
{
    struct __pthread *self = thread_self();
    const struct __pthread *thread = id >= FIRST_THREAD_CLOCK ? (struct __pthread *)id : self;
    if (sys_thread_info(__atomic_load_n(&thread->handle, __ATOMIC_RELAXED)) < 0)
        return EINVAL;
    *ns = ((const struct thread_info *)self->area->bytes)->cpu_time;
    return 0;
}

int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    *clock = (clockid_t)thread;
    return 0;
}

extern pid_t getpid(void) __attribute__((weak));

/* Only of this process: others are the process server's to know. */
int clock_getcpuclockid(pid_t process, clockid_t *clock)
{
    if (process != 0 && !(getpid && process == getpid()))
        return ESRCH;
    *clock = CLOCK_PROCESS_CPUTIME_ID;
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_clock(clockid_t id, uint64_t *ns)
{
    if (id == CLOCK_PROCESS_CPUTIME_ID) {
        *ns = __libc_threads_time();
        return 0;
    }
    if (is_thread_clock(id))
        return thread_time(id, ns);
    uint64_t zero;
    int error = __libc_clock_zero(id, &zero);
    if (error == 0)
        *ns = now(__libc_process.clock) + zero;
    return error;
}

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / NANOSECONDS), (long)(ns % NANOSECONDS)};
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    uint64_t ns;
    int error = read_clock(id, &ns);
    if (error) {
        errno = error;
        return -1;
    }
    *time = to_timespec(ns);
    return 0;
}

int clock_getres(clockid_t id, struct timespec *resolution)
{
    uint64_t ns;
    int error = read_clock(id, &ns);
    if (error) {
        errno = error;
        return -1;
    }
    if (resolution)
        *resolution = (struct timespec){0, 1};
    return 0;
}

int timespec_get(struct timespec *time, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

time_t time(time_t *out)
{
    struct timespec now_is = {-1, 0};
    clock_gettime(CLOCK_REALTIME, &now_is);
    if (out)
        *out = now_is.tv_sec;
    return now_is.tv_sec;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now_is;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now_is) != 0)
        return -1;
    *time = (struct timeval){now_is.tv_sec, now_is.tv_nsec / 1000};
    return 0;
}

/* ---- Sleeping: a wait that nobody grants ----------------------------------------------------- */

/* 0 the deadline has passed, or EINTR.  A cancellation point. */
static int sleep_until(uint64_t deadline)
{
    struct __waiter waiter = waiter_of(thread_self());
    int result = __libc_wait(&waiter, deadline, WAIT_INTERRUPTIBLE | WAIT_CANCELLABLE);
    if (result == ECANCELED)
        __libc_thread_end(PTHREAD_CANCELED);
    return result == EINTR ? EINTR : 0;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *request,
                    struct timespec *remaining)
{
    uint64_t deadline;
    if (request->tv_sec < 0)
        return EINVAL;
    bool absolute = flags & TIMER_ABSTIME;
    int error = __libc_deadline(absolute ? id : CLOCK_MONOTONIC, request, &deadline);
    if (error)
        return error;
    if (absolute)
        return sleep_until(deadline);
    if (__builtin_add_overflow(deadline, __libc_now(), &deadline))
        deadline = DEADLINE_NEVER;
    error = sleep_until(deadline);
    if (error == EINTR && remaining) {
        uint64_t is = __libc_now();
        *remaining = to_timespec(deadline > is ? deadline - is : 0);
    }
    return error;
}

int nanosleep(const struct timespec *request, struct timespec *remaining)
{
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, request, remaining);
    if (error) {
        errno = error;
        return -1;
    }
    return 0;
}
