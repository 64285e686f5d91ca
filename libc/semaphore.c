/*
 * Unnamed semaphores.
 *
 * __value: bit 0 WAITERS, threads wait (then the count is 0); above it the count, in units of
 * ONE.  A post to a semaphore with waiters goes to the first of them directly.  sem_post may be
 * called by a signal handler: see lock.h.
 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <string.h>

#include "lock.h"

#define WAITERS 1ul
#define ONE 2ul

static unsigned long load(const sem_t *semaphore)
{
    return __atomic_load_n(&semaphore->__value, __ATOMIC_RELAXED);
}

static bool change(sem_t *semaphore, unsigned long *from, unsigned long to)
{
    return __atomic_compare_exchange_n(&semaphore->__value, from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static bool take(sem_t *semaphore)
{
    unsigned long value = load(semaphore);
    while (value >= ONE) {
        if (change(semaphore, &value, value - ONE))
            return true;
    }
    return false;
}

/* False: there was one after all, and it has been taken. */
static bool enqueue(sem_t *semaphore, struct __waiter *waiter)
{
    unsigned long value = load(semaphore);
    while (!change(semaphore, &value, value >= ONE ? value - ONE : WAITERS))
        ;
    if (value >= ONE)
        return false;
    queue_append(&semaphore->__queue, waiter);
    return true;
}

/* True: the waiter is out of the queue and got nothing. */
static bool give_up(sem_t *semaphore, struct __waiter *waiter)
{
    __libc_lock(&semaphore->__queue.__lock);
    bool was_queued = waiter->queued;
    if (was_queued) {
        queue_remove(&semaphore->__queue, waiter);
        if (semaphore->__queue.__first == NULL)
            __atomic_fetch_and(&semaphore->__value, ~WAITERS, __ATOMIC_RELAXED);
    }
    __libc_unlock(&semaphore->__queue.__lock);
    return was_queued;
}

static int wait_until(sem_t *semaphore, uint64_t deadline)
{
    struct __waiter waiter = waiter_of(thread_self());
    __libc_lock(&semaphore->__queue.__lock);
    bool waits = enqueue(semaphore, &waiter);
    __libc_unlock(&semaphore->__queue.__lock);
    if (!waits)
        return 0;
    int result = __libc_wait(&waiter, deadline, WAIT_INTERRUPTIBLE | WAIT_CANCELLABLE);
    if (result == 0)
        return 0;
    if (!give_up(semaphore, &waiter)) {
        __libc_wait(&waiter, DEADLINE_NEVER, 0);
        return 0;
    }
    if (result == ECANCELED)
        __libc_thread_end(PTHREAD_CANCELED);
    return fail(result);
}

int sem_wait(sem_t *semaphore)
{
    pthread_testcancel();
    return take(semaphore) ? 0 : wait_until(semaphore, DEADLINE_NEVER);
}

int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict time)
{
    uint64_t deadline;
    pthread_testcancel();
    if (take(semaphore))
        return 0;
    int error = __libc_deadline(clock, time, &deadline);
    return error ? fail(error) : wait_until(semaphore, deadline);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict time)
{
    return sem_clockwait(semaphore, CLOCK_REALTIME, time);
}

int sem_trywait(sem_t *semaphore)
{
    return take(semaphore) ? 0 : fail(EAGAIN);
}

/* Under the queue's lock: the first waiter, or the count is one higher (then NULL). */
static struct __waiter *give(sem_t *semaphore)
{
    struct __waiter *waiter = queue_pop(&semaphore->__queue);
    if (waiter == NULL)
        __atomic_fetch_add(&semaphore->__value, ONE, __ATOMIC_RELEASE);
    else if (semaphore->__queue.__first == NULL)
        __atomic_fetch_and(&semaphore->__value, ~WAITERS, __ATOMIC_RELAXED);
    return waiter;
}

int sem_post(sem_t *semaphore)
{
    unsigned long value = load(semaphore);
    while (!(value & WAITERS)) {
        if (value >= (unsigned long)SEM_VALUE_MAX * ONE)
            return fail(EOVERFLOW);
        if (change(semaphore, &value, value + ONE))
            return 0;
    }
    __libc_lock(&semaphore->__queue.__lock);
    struct __waiter *waiter = give(semaphore);
    __libc_unlock(&semaphore->__queue.__lock);
    if (waiter)
        __libc_grant(waiter);
    return 0;
}

int sem_getvalue(sem_t *restrict semaphore, int *restrict value)
{
    *value = (int)(load(semaphore) / ONE);
    return 0;
}

int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    if (value > SEM_VALUE_MAX)
        return fail(EINVAL);
    if (shared)
        return fail(ENOSYS); /* a waiter's port can be named in its own process only */
    memset(semaphore, 0, sizeof *semaphore);
    semaphore->__value = value * ONE;
    return 0;
}

int sem_destroy(sem_t *semaphore)
{
    return load(semaphore) & WAITERS ? fail(EBUSY) : 0;
}
