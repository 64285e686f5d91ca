/*
 * Asking servers.  A call goes in these steps:
 *
 *     struct message head = {.op = IO_READ, ...};
 *     struct message_area *area = call_begin();
 *     ... fill area->bytes, handles, ranges ...
 *     int64_t result = call_do(port, &head, 0);
 *     ... copy out of area what is wanted ...
 *     call_end();
 *
 * From call_begin to call_end no signal handler runs, so the message page is the caller's.  Results
 * are >= 0 or an error number below 0 that POSIX knows: a dead server is -EIO, a wait cut short by
 * a signal -EINTR.
 */
#ifndef LIBC_CALL_H
#define LIBC_CALL_H

#include <errno.h>
#include <stdint.h>

#include <portolan/message.h>

#include "lock.h"

/* ns to wait before a server whose queue was full is asked again. */
#define QUEUE_FULL_PAUSE 200000ul

static inline struct message_area *call_begin(void)
{
    struct __pthread *self = thread_self();
    signals_hold(self);
    return self->area;
}

static inline void call_end(void)
{
    __libc_signals_release(thread_self());
}

enum {
    CALL_INTERRUPTIBLE = 1u << 0, /* a signal that is handled cuts the wait short: -EINTR */
    CALL_CANCELLABLE = 1u << 1,   /* a cancellation point: may end the thread, after call_end */
    CALL_SLOW = CALL_INTERRUPTIBLE | CALL_CANCELLABLE,
};

/* Sends and waits.  What is refused leaves `head` as it was. */
int64_t __libc_call_do(handle_t port, struct message *head, uint32_t flags);
#define call_do __libc_call_do

/* After call_end of a call that gave -EINTR, when the handlers have run: whether all of them want
 * it to be made again (SA_RESTART). */
bool __libc_call_again(void);

/* Sets errno and gives -1 for a result below 0. */
static inline int64_t call_return(int64_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

int64_t __libc_kernel_call(uint64_t number, uint64_t *rdi, uint64_t *rsi, struct message *head);

#endif
