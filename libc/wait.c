/*
 * Sleeping on the thread's own port; see wait.h.
 */
#include "wait.h"

#include <errno.h>

#include "call.h"
#include "clock.h"
#include "syscall.h"

#define WAKE 1u /* the notification bit */

static bool granted(const struct __waiter *waiter)
{
    return __atomic_load_n(&waiter->granted, __ATOMIC_ACQUIRE) != 0;
}

static int sleep_once(struct __pthread *self, uint64_t deadline, uint32_t flags)
{
    struct message head = {0};
    struct receipt receipt;
    if ((flags & WAIT_CANCELLABLE) && thread_cancel_due(self))
        return ECANCELED;
    int64_t result;
    if (flags & WAIT_INTERRUPTIBLE) {
        uint64_t token = 0;
        result = __libc_kernel_call(SYS_GET | (uint64_t)self->port << 32, &deadline, &token, &head);
    } else {
        result = sys_get(self->port, deadline, &head, &receipt);
    }
    if (result == -ETIMEDOUT)
        return ETIMEDOUT;
    return result == -EINTR && (flags & WAIT_INTERRUPTIBLE) ? EINTR : 0;
}

int __libc_sleep(uint64_t deadline, uint32_t flags)
{
    return sleep_once(thread_self(), deadline, flags);
}

int __libc_wait(struct __waiter *waiter, uint64_t deadline, uint32_t flags)
{
    while (!granted(waiter)) {
        int result = sleep_once(waiter->thread, deadline, flags);
        if (result != 0 && !granted(waiter))
            return result;
    }
    return 0;
}

void __libc_grant(struct __waiter *waiter)
{
    handle_t port = waiter->port;
    __atomic_store_n(&waiter->granted, 1, __ATOMIC_RELEASE);
    sys_notify(port, WAKE);
}

int __libc_deadline(clockid_t clock, const struct timespec *time, uint64_t *deadline)
{
    uint64_t zero;
    if (time->tv_nsec < 0 || time->tv_nsec >= NANOSECONDS || __libc_clock_zero(clock, &zero) != 0)
        return EINVAL;
    if (time->tv_sec < 0) {
        *deadline = DEADLINE_NOW;
        return 0;
    }
    /* What is too far away for 64 bits never comes. */
    uint64_t ns;
    if (__builtin_mul_overflow((uint64_t)time->tv_sec, (uint64_t)NANOSECONDS, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)time->tv_nsec, &ns))
        *deadline = DEADLINE_NEVER;
    else
        *deadline = ns > zero ? ns - zero : DEADLINE_NOW;
    return 0;
}
