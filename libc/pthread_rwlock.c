/*
 * Read-write locks.
 *
 * __state: WRITER held for writing; WAITERS somebody waits; in units of READER, how many hold it
 * for reading.  Without waiters all is done by compare-and-swap.  With waiters newcomers queue
 * behind them, so that writers are not starved; but a thread that holds any read lock already
 * goes ahead of waiting writers, or reading twice could wait for itself.  Who leaves last hands
 * the lock to the first writer or to all readers at the head of the queue.
 *
 * WAITERS changes under the queue's lock only, and is set just while the queue is not empty.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lock.h"

#define WRITER 1ul
#define WAITERS 2ul
#define READER 4ul

static unsigned long load(const pthread_rwlock_t *lock)
{
    return __atomic_load_n(&lock->__state, __ATOMIC_RELAXED);
}

static bool change(pthread_rwlock_t *lock, unsigned long *from, unsigned long to)
{
    return __atomic_compare_exchange_n(&lock->__state, from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* The state with one more holder; the same state: not now. */
static unsigned long entered(unsigned long state, bool writes, bool ahead)
{
    if (writes)
        return state == 0 ? WRITER : state;
    if ((state & WRITER) || ((state & WAITERS) && !ahead) || state > (unsigned long)-1 - READER)
        return state;
    return state + READER;
}

static int mark(pthread_rwlock_t *lock, struct __pthread *self, bool writes)
{
    if (writes)
        __atomic_store_n(&lock->__writer, self, __ATOMIC_RELAXED);
    else
        self->read_locks++;
    return 0;
}

static bool try(pthread_rwlock_t *lock, struct __pthread *self, bool writes)
{
    unsigned long state = load(lock), next;
    while ((next = entered(state, writes, self->read_locks > 0)) != state) {
        if (change(lock, &state, next))
            return true;
    }
    return false;
}

/* ---- Handing over; the queue's lock is held ---------------------------------------------------
 *
 * Others may still come and go as readers, so the heirs are counted first, made holders by
 * one change of the state, and taken out of the queue, which nobody else can touch, after it. */

/* The state that `holders`, none of them a writer, and those who may join them make; *heirs:
 * how many these are, from the head of the queue. */
static unsigned long with_heirs(const pthread_rwlock_t *lock, unsigned long holders,
                                unsigned long *heirs)
{
    const struct __waiter *waiter = lock->__queue.__first;
    for (*heirs = 0; waiter; waiter = waiter->next) {
        if (waiter->writes && holders != 0)
            break;
        ++*heirs;
        holders += waiter->writes ? WRITER : READER;
        if (waiter->writes) {
            waiter = waiter->next;
            break;
        }
    }
    return holders | (waiter ? WAITERS : 0);
}

/* Takes the first `count` out of the queue, linked by next. */
static struct __waiter *take_heirs(pthread_rwlock_t *lock, unsigned long count)
{
    struct __waiter *heirs = NULL, **end = &heirs;
    while (count-- > 0) {
        *end = queue_pop(&lock->__queue);
        end = &(*end)->next;
    }
    *end = NULL;
    return heirs;
}

static void grant_all(struct __waiter *heirs)
{
    while (heirs) {
        struct __waiter *next = heirs->next;
        __libc_grant(heirs);
        heirs = next;
    }
}

static void leave_last(pthread_rwlock_t *lock, unsigned long share)
{
    unsigned long next, heirs;
    __libc_lock(&lock->__queue.__lock);
    unsigned long state = load(lock);
    do {
        heirs = 0;
        next = state - share;
        if ((next & ~WAITERS) == 0)
            next = with_heirs(lock, 0, &heirs);
    } while (!change(lock, &state, next));
    struct __waiter *first = take_heirs(lock, heirs);
    __libc_unlock(&lock->__queue.__lock);
    grant_all(first);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* False: it was free after all, and is the caller's. */
static bool enqueue(pthread_rwlock_t *lock, struct __waiter *waiter)
{
    unsigned long state = load(lock), next;
    do {
        next = entered(state, waiter->writes, waiter->thread->read_locks > 0);
        if (next == state)
            next |= WAITERS;
    } while (!change(lock, &state, next));
    if ((next & ~WAITERS) != (state & ~WAITERS))
        return false;
    queue_append(&lock->__queue, waiter);
    return true;
}

/* After a deadline: out of the queue again.  A writer that gives up may have kept readers behind it
 * waiting.  False: too late, it is being granted. */
static bool give_up(pthread_rwlock_t *lock, struct __waiter *waiter)
{
    unsigned long next, heirs = 0;
    __libc_lock(&lock->__queue.__lock);
    bool was_queued = waiter->queued;
    if (was_queued) {
        queue_remove(&lock->__queue, waiter);
        unsigned long state = load(lock);
        do {
            unsigned long holders = state & ~WAITERS;
            if (holders & WRITER)
                next = holders | (lock->__queue.__first ? WAITERS : 0);
            else
                next = with_heirs(lock, holders, &heirs);
        } while (!change(lock, &state, next));
    }
    struct __waiter *first = take_heirs(lock, heirs);
    __libc_unlock(&lock->__queue.__lock);
    grant_all(first);
    return was_queued;
}

static int enter(pthread_rwlock_t *lock, bool writes, uint64_t deadline)
{
    struct __pthread *self = thread_self();
    if (__atomic_load_n(&lock->__writer, __ATOMIC_RELAXED) == self)
        return EDEADLK;
    struct __waiter waiter = waiter_of(self);
    waiter.writes = writes;
    __libc_lock(&lock->__queue.__lock);
    bool waits = enqueue(lock, &waiter);
    __libc_unlock(&lock->__queue.__lock);
    if (waits && __libc_wait(&waiter, deadline, 0) != 0) {
        if (give_up(lock, &waiter))
            return ETIMEDOUT;
        __libc_wait(&waiter, DEADLINE_NEVER, 0);
    }
    return mark(lock, self, writes);
}

static int enter_until(pthread_rwlock_t *lock, bool writes, clockid_t clock,
                       const struct timespec *time)
{
    struct __pthread *self = thread_self();
    if (try(lock, self, writes))
        return mark(lock, self, writes);
    uint64_t deadline;
    int error = __libc_deadline(clock, time, &deadline);
    return error ? error : enter(lock, writes, deadline);
}

static int enter_now(pthread_rwlock_t *lock, bool writes, bool waits)
{
    struct __pthread *self = thread_self();
    if (try(lock, self, writes))
        return mark(lock, self, writes);
    return waits ? enter(lock, writes, DEADLINE_NEVER) : EBUSY;
}

/* ---- What <pthread.h> declares --------------------------------------------------------------- */

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    return enter_now(lock, false, true);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    return enter_now(lock, true, true);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    return enter_now(lock, false, false);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    return enter_now(lock, true, false);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict lock,
                               const struct timespec *restrict time)
{
    return enter_until(lock, false, CLOCK_REALTIME, time);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict lock,
                               const struct timespec *restrict time)
{
    return enter_until(lock, true, CLOCK_REALTIME, time);
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict lock, clockid_t clock,
                               const struct timespec *restrict time)
{
    return enter_until(lock, false, clock, time);
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict lock, clockid_t clock,
                               const struct timespec *restrict time)
{
    return enter_until(lock, true, clock, time);
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    struct __pthread *self = thread_self();
    unsigned long share = READER, state = load(lock);
    if (__atomic_load_n(&lock->__writer, __ATOMIC_RELAXED) == self) {
        __atomic_store_n(&lock->__writer, NULL, __ATOMIC_RELAXED);
        share = WRITER;
    } else if (state < READER) {
        return EPERM;
    } else {
        self->read_locks--;
    }
    while (state - share != WAITERS) {
        if (change(lock, &state, state - share))
            return 0;
    }
    leave_last(lock, share);
    return 0;
}

int pthread_rwlock_init(pthread_rwlock_t *restrict lock,
                        const pthread_rwlockattr_t *restrict attributes)
{
    (void)attributes;
    memset(lock, 0, sizeof *lock);
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    return load(lock) ? EBUSY : 0;
}
