/*
 * Signal masks, waiting for signals, and the alternate stack.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "signal_state.h"
#include "wait.h"

/* ---- Masks ----------------------------------------------------------------------------------- */

int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    uint64_t before = __libc_signals_mask(), mask;
    if (old)
        *old = before;
    if (set == NULL)
        return 0;
    switch (how) {
    case SIG_BLOCK:
        mask = before | *set;
        break;
    case SIG_UNBLOCK:
        mask = before & ~*set;
        break;
    case SIG_SETMASK:
        mask = *set;
        break;
    default:
        return EINVAL;
    }
    if (mask == before)
        return 0;
    if (!__libc_signals_open())
        return ENOMEM;
    __libc_signals_set_mask(mask);
    return 0;
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    int error = pthread_sigmask(how, set, old);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

int sigpending(sigset_t *set)
{
    *set = __libc_signals_pending() & __libc_signals_mask();
    return 0;
}

/* ---- Suspending ------------------------------------------------------------------------------ */

/* Between two waits with signals held: so that what comes just before a wait cuts it short. */
static void run_handlers(struct __pthread *self)
{
    __libc_signals_release(self);
    signals_hold(self);
}

/* A cancellation point. */
static int suspend(uint64_t mask)
{
    struct __pthread *self = thread_self();
    if (!__libc_signals_open()) {
        errno = ENOMEM;
        return -1;
    }
    uint64_t before = __libc_signals_mask();
    uint32_t handled = self->signals_handled;
    int result = 0;
    signals_hold(self);
    __libc_signals_set_mask(mask);
    while (self->signals_handled == handled && result != ECANCELED) {
        result = __libc_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE | WAIT_CANCELLABLE);
        run_handlers(self);
    }
    __libc_signals_set_mask(before);
    __libc_signals_release(self);
    if (result == ECANCELED)
        __libc_thread_end(PTHREAD_CANCELED);
    errno = EINTR;
    return -1;
}

int sigsuspend(const sigset_t *mask)
{
    return suspend(*mask);
}

int pause(void)
{
    return suspend(__libc_signals_mask());
}

int sigpause(int number)
{
    return suspend(__libc_signals_mask() & ~SIGNAL_BIT(number));
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* The signal, or EAGAIN, EINTR, ECANCELED as errors below 0. */
static int wait_for(uint64_t set, siginfo_t *info, uint64_t deadline)
{
    struct __pthread *self = thread_self();
    uint64_t *waits = signal_waits_of(self->signal_slot);
    uint32_t handled = self->signals_handled;
    __atomic_fetch_add(&__libc_signal_page->waiters, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(waits, set, __ATOMIC_SEQ_CST);
    int number, result = 0;
    signals_hold(self);
    while ((number = __libc_signal_take(set, info)) == 0 && result == 0) {
        result = __libc_sleep(deadline, WAIT_INTERRUPTIBLE | WAIT_CANCELLABLE);
        run_handlers(self);
        if (result == EINTR && self->signals_handled == handled)
            result = 0; /* sent here for one of the set */
    }
    if (number == 0)
        number = __libc_signal_take(set, info);
    __libc_signals_release(self);
    __atomic_store_n(waits, 0, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&__libc_signal_page->waiters, 1, __ATOMIC_SEQ_CST);
    if (number != 0)
        return number;
    if (result == ECANCELED)
        __libc_thread_end(PTHREAD_CANCELED);
    return result == ETIMEDOUT ? -EAGAIN : -result;
}

/* As wait_for; the server has to know where threads are sent. */
static int wait_in_set(const sigset_t *set, siginfo_t *info, uint64_t deadline)
{
    struct sigaction action;
    siginfo_t unwanted;
    if (!__libc_signals_open())
        return -ENOMEM;
    /* Setting one to what it is tells the server. */
    if (__libc_signal_page->entry == 0 && sigaction(SIGCHLD, NULL, &action) == 0)
        sigaction(SIGCHLD, &action, NULL);
    return wait_for(*set & ~SIGNALS_NEVER_BLOCKED, info ? info : &unwanted, deadline);
}

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                 const struct timespec *restrict time)
{
    uint64_t deadline = DEADLINE_NEVER;
    int result = -EINVAL;
    if (time == NULL || __libc_deadline(CLOCK_MONOTONIC, time, &deadline) == 0) {
        if (time && __builtin_add_overflow(deadline, __libc_now(), &deadline))
            deadline = DEADLINE_NEVER;
        result = wait_in_set(set, info, deadline);
    }
    if (result > 0)
        return result;
    errno = -result;
    return -1;
}

int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    return sigtimedwait(set, info, NULL);
}

int sigwait(const sigset_t *restrict set, int *restrict number)
{
    int result;
    do
        result = wait_in_set(set, NULL, DEADLINE_NEVER);
    while (result == -EINTR);
    if (result < 0)
        return -result;
    *number = result;
    return 0;
}

/* ---- The alternate stack --------------------------------------------------------------------- */

int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
    if (!__libc_signals_open()) {
        errno = ENOMEM;
        return -1;
    }
    struct signal_slot *slot = signal_slot_of(thread_self()->signal_slot);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool in_use = here > slot->stack_low && here <= slot->stack_high;
    int error = 0;
    if (old)
        *old = (stack_t){(void *)slot->stack_low,
                         in_use                                ? SS_ONSTACK
                         : slot->stack_low == slot->stack_high ? SS_DISABLE
                                                               : 0,
                         slot->stack_high - slot->stack_low};
    if (stack == NULL)
        return 0;
    if (in_use)
        error = EPERM;
    else if (stack->ss_flags & ~SS_DISABLE)
        error = EINVAL;
    else if (stack->ss_flags == 0 && stack->ss_size < MINSIGSTKSZ)
        error = ENOMEM;
    if (error) {
        errno = error;
        return -1;
    }
    bool disable = stack->ss_flags & SS_DISABLE;
    slot->stack_low = disable ? 0 : (uintptr_t)stack->ss_sp;
    slot->stack_high = disable ? 0 : (uintptr_t)stack->ss_sp + stack->ss_size;
    return 0;
}
