/*
 * Asking servers; see call.h.
 */
#include "call.h"

#include "clock.h"
#include "syscall.h"

/* Where signals are implemented: whether those that have just been handled want the call that they
 * cut short to be made again. */
__attribute__((weak)) bool __libc_signals_restart(void);

bool __libc_call_again(void)
{
    return __libc_signals_restart && __libc_signals_restart();
}

/* Portolan's own error numbers mean nothing to programs. */
static int64_t to_posix(int64_t result)
{
    return result <= -2000 && result >= -4095 ? -EIO : result;
}

/* The kernel's word on the message itself; 0: it was answered. */
static int64_t do_once(handle_t port, struct message *head, uint32_t flags)
{
    struct __pthread *self = thread_self();
    if (!(flags & (CALL_INTERRUPTIBLE | CALL_CANCELLABLE)))
        return sys_do(port, DEADLINE_NEVER, head);
    if ((flags & CALL_CANCELLABLE) && !self->cancel_disabled) {
        __atomic_store_n(&self->waits_cancellable, 1, __ATOMIC_SEQ_CST);
        if (thread_cancel_due(self)) {
            self->waits_cancellable = 0;
            return -EABORTED;
        }
    }
    uint64_t deadline = DEADLINE_NEVER, token = 0;
    int64_t result = __libc_kernel_call(SYS_DO | (uint64_t)port << 32, &deadline, &token, head);
    __atomic_store_n(&self->waits_cancellable, 0, __ATOMIC_RELEASE);
    return result;
}

int64_t __libc_call_do(handle_t port, struct message *head, uint32_t flags)
{
    for (;;) {
        int64_t result = do_once(port, head, flags);
        if (result == 0)
            return to_posix(head->result);
        if (result == -EAGAIN) { /* the server's queue is full */
            sys_sleep(__libc_now() + QUEUE_FULL_PAUSE);
            continue;
        }
        if (result != -EABORTED)
            return to_posix(result);
        if ((flags & CALL_CANCELLABLE) && thread_cancel_due(thread_self())) {
            call_end();
            __libc_thread_end(PTHREAD_CANCELED);
        }
        return -EINTR;
    }
}
