/*
 * Cancellation, cleanup handlers, and the end that both pthread_exit and cancellation come to.
 *
 * Deferred: the target finds cancel_asked at its next cancellation point; if it waits in one it
 * is woken by its port (wait.h) or, where it waits for another port, by thread_interrupt.
 * Asynchronous: it is stopped and made to go on in `divert`; but not while it holds one of
 * libc's own locks: then it ends at its next cancellation point.
 */
#include <errno.h>
#include <pthread.h>

#include "clock.h"
#include "lock.h"
#include "syscall.h"

#define DIRECTION_FLAG 0x400ul
#define RED_ZONE 128ul
#define RETRY_AFTER 100000ul /* ns */

static _Noreturn void divert(void)
{
    __libc_thread_end(PTHREAD_CANCELED);
}

/* The target is stopped; its registers are in the caller's message page. */
static bool may_divert(const struct __pthread *thread)
{
    return thread->cancel_asynchronous && thread_cancel_due(thread) && thread->signals_held == 0;
}

static void cancel_at_once(struct __pthread *thread)
{
    handle_t handle = __atomic_load_n(&thread->handle, __ATOMIC_RELAXED);
    if (sys_thread_suspend(handle) < 0)
        return;
    if (may_divert(thread) && sys_thread_read_state(handle) == 0) {
        struct thread_state *state = (struct thread_state *)thread_self()->area->bytes;
        state->rip = (uint64_t)divert;
        state->rsp = ((state->rsp - RED_ZONE) & ~15ul) - 8;
        state->rflags &= ~DIRECTION_FLAG;
        sys_thread_write_state(handle);
        sys_thread_interrupt(handle);
    }
    sys_thread_resume(handle);
}

/* Ends its wait for a server.  It may be on its way there yet: again, until it has seen it. */
static void interrupt(struct __pthread *thread)
{
    while (__atomic_load_n(&thread->waits_cancellable, __ATOMIC_SEQ_CST)) {
        if (sys_thread_interrupt(__atomic_load_n(&thread->handle, __ATOMIC_RELAXED)) < 0)
            return;
        sys_sleep(__libc_now() + RETRY_AFTER);
    }
}

int pthread_cancel(pthread_t thread)
{
    __atomic_store_n(&thread->cancel_asked, 1, __ATOMIC_SEQ_CST);
    if (thread == thread_self()) {
        if (thread->cancel_asynchronous)
            pthread_testcancel();
        return 0;
    }
    sys_notify(thread->port, 1);
    interrupt(thread);
    if (thread->cancel_asynchronous)
        cancel_at_once(thread);
    return 0;
}

void pthread_testcancel(void)
{
    if (thread_cancel_due(thread_self()))
        __libc_thread_end(PTHREAD_CANCELED);
}

int pthread_setcancelstate(int state, int *old)
{
    struct __pthread *self = thread_self();
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (old)
        *old = self->cancel_disabled;
    self->cancel_disabled = (uint8_t)state;
    if (self->cancel_asynchronous)
        pthread_testcancel();
    return 0;
}

int pthread_setcanceltype(int type, int *old)
{
    struct __pthread *self = thread_self();
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (old)
        *old = self->cancel_asynchronous;
    self->cancel_asynchronous = (uint8_t)type;
    if (type == PTHREAD_CANCEL_ASYNCHRONOUS)
        pthread_testcancel();
    return 0;
}

void __pthread_cleanup_push(struct __cleanup *cleanup)
{
    struct __pthread *self = thread_self();
    cleanup->__outer = self->cleanup;
    self->cleanup = cleanup;
}

void __pthread_cleanup_pop(struct __cleanup *cleanup, int execute)
{
    thread_self()->cleanup = cleanup->__outer;
    if (execute)
        cleanup->__routine(cleanup->__argument);
}
