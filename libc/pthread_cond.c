/*
 * Conditions.
 *
 * Those who wait are in a queue; signal takes the first out and wakes it.  If the caller of
 * signal holds the mutex (the usual case) the woken thread could only go to sleep again for it,
 * so it is moved to the mutex's queue instead and wakes up owning it.
 *
 * A wait that ends by deadline or cancellation takes itself out; if it finds that it is out
 * already, a signal was spent on it, and it reports success, so that no signal is lost (a
 * cancellation stays asked for).
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lock.h"
#include "pthread_mutex.h"

static int wait_in_queue(pthread_cond_t *cond, struct __waiter *waiter, uint64_t deadline)
{
    int result = __libc_wait(waiter, deadline, WAIT_CANCELLABLE);
    if (result == 0)
        return 0;
    __libc_lock(&cond->__queue.__lock);
    bool was_queued = waiter->queued && !waiter->owns_mutex;
    if (was_queued)
        queue_remove(&cond->__queue, waiter);
    __libc_unlock(&cond->__queue.__lock);
    if (was_queued)
        return result;
    __libc_wait(waiter, DEADLINE_NEVER, 0);
    return 0;
}

static int wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline)
{
    struct __pthread *self = thread_self();
    pthread_testcancel();
    if (!__libc_mutex_is_mine(mutex))
        return EPERM;
    struct __waiter waiter = waiter_of(self);
    waiter.mutex = mutex;
    __libc_lock(&cond->__queue.__lock);
    queue_append(&cond->__queue, &waiter);
    __libc_unlock(&cond->__queue.__lock);
    unsigned count = __libc_mutex_unlock_all(mutex);
    int result = wait_in_queue(cond, &waiter, deadline);
    int error = waiter.owns_mutex ? 0 : pthread_mutex_lock(mutex);
    mutex->__count = count;
    if (result == ECANCELED)
        __libc_thread_end(PTHREAD_CANCELED);
    return error ? error : result;
}

int pthread_cond_wait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex)
{
    return wait_until(cond, mutex, DEADLINE_NEVER);
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           clockid_t clock, const struct timespec *restrict time)
{
    uint64_t deadline;
    int error = __libc_deadline(clock, time, &deadline);
    return error ? error : wait_until(cond, mutex, deadline);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict time)
{
    clockid_t clock = cond->__clock ? (clockid_t)cond->__clock : CLOCK_REALTIME;
    return pthread_cond_clockwait(cond, mutex, clock, time);
}

/* Takes the first waiter out: NULL there is none; *moved: it will be granted with its mutex. */
static struct __waiter *take_first(pthread_cond_t *cond, bool *moved)
{
    struct __waiter *waiter = queue_pop(&cond->__queue);
    *moved = waiter && __libc_mutex_queue(waiter->mutex, waiter);
    return waiter;
}

static bool nobody_waits(const pthread_cond_t *cond)
{
    return __atomic_load_n(&cond->__queue.__first, __ATOMIC_RELAXED) == NULL;
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    if (nobody_waits(cond))
        return 0;
    bool moved;
    __libc_lock(&cond->__queue.__lock);
    struct __waiter *waiter = take_first(cond, &moved);
    __libc_unlock(&cond->__queue.__lock);
    if (waiter && !moved)
        __libc_grant(waiter);
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (nobody_waits(cond))
        return 0;
    struct __waiter *all = NULL, **end = &all, *waiter;
    bool moved;
    __libc_lock(&cond->__queue.__lock);
    while ((waiter = take_first(cond, &moved)) != NULL) {
        if (moved)
            continue;
        *end = waiter;
        end = &waiter->next;
    }
    *end = NULL;
    __libc_unlock(&cond->__queue.__lock);
    while ((waiter = all) != NULL) {
        all = waiter->next;
        __libc_grant(waiter);
    }
    return 0;
}

int pthread_cond_init(pthread_cond_t *restrict cond, const pthread_condattr_t *restrict attributes)
{
    memset(cond, 0, sizeof *cond);
    cond->__clock = attributes ? attributes->__clock : 0;
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
    return nobody_waits(cond) ? 0 : EBUSY;
}
