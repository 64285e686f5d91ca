/*
 * Barriers.  The last to arrive takes all others out of the queue, starts the next round and
 * only then wakes them: whoever returns first may destroy the barrier, as nobody touches it any
 * more.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "lock.h"

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct __waiter waiter = waiter_of(thread_self());
    __libc_lock(&barrier->__queue.__lock);
    if (++barrier->__arrived < barrier->__threads) {
        queue_append(&barrier->__queue, &waiter);
        __libc_unlock(&barrier->__queue.__lock);
        __libc_wait(&waiter, DEADLINE_NEVER, 0);
        return 0;
    }
    struct __waiter *others = barrier->__queue.__first;
    barrier->__queue.__first = barrier->__queue.__last = NULL;
    barrier->__arrived = 0;
    __libc_unlock(&barrier->__queue.__lock);
    while (others) {
        struct __waiter *next = others->next;
        __libc_grant(others);
        others = next;
    }
    return PTHREAD_BARRIER_SERIAL_THREAD;
}

int pthread_barrier_init(pthread_barrier_t *restrict barrier,
                         const pthread_barrierattr_t *restrict attributes, unsigned count)
{
    (void)attributes;
    if (count == 0)
        return EINVAL;
    memset(barrier, 0, sizeof *barrier);
    barrier->__threads = count;
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    return barrier->__arrived ? EBUSY : 0;
}
