/*
 * Mutexes.
 *
 * __owner is 0 (free), or the owner's struct __pthread, with bit 0 set while others wait.  Lock
 * and unlock of a plain mutex that nobody waits for are one compare-and-swap each.  With
 * waiters, unlock hands the mutex to the first of them, under the queue's lock, before it wakes
 * him; so a mutex is never free while somebody waits for it, and nobody overtakes.
 *
 * WAITERS is set and cleared under the queue's lock only, and then the queue is not empty.
 *
 * The child of a fork finds queues of threads that are not there.  __forks is the number of forks
 * (in this process's ancestry) at which the queue was last known to be of the living; who finds
 * another number there empties it first.  So a handler of pthread_atfork can unlock in the child
 * what it locked before the fork.
 *
 * A robust mutex is in the list of its owner's (held_mutexes, by __held_next and __held_link),
 * so that the end of the thread can pass it on with EOWNERDEAD.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "lock.h"
#include "pthread_mutex.h"
#include "syscall.h"

#define WAITERS 1ul
#define ROBUST 0x10
#define TYPE(mutex) ((mutex)->__type & 0xf)

enum { CONSISTENT = 0, OWNER_DIED, NOT_RECOVERABLE };

static bool take_free(pthread_mutex_t *mutex, struct __pthread *self)
{
    unsigned long free = 0;
    return __atomic_compare_exchange_n(&mutex->__owner, &free, (unsigned long)self, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool is_owner(const pthread_mutex_t *mutex, const struct __pthread *self)
{
    return (__atomic_load_n(&mutex->__owner, __ATOMIC_RELAXED) & ~WAITERS) == (unsigned long)self;
}

/* ---- Queues of the dead ---------------------------------------------------------------------- */

#define RENEWING 255
static unsigned char forks; /* 0..RENEWING - 1 */

void __libc_mutex_forked(void)
{
    forks = (unsigned char)((forks + 1) % RENEWING);
}

/* To be called before the queue is used. */
static void renew(pthread_mutex_t *mutex)
{
    unsigned char before = __atomic_load_n(&mutex->__forks, __ATOMIC_ACQUIRE);
    while (__builtin_expect(before != forks, 0)) {
        if (before == RENEWING) { /* another thread is at it, for some instructions */
            sys_thread_yield();
            before = __atomic_load_n(&mutex->__forks, __ATOMIC_ACQUIRE);
        } else if (__atomic_compare_exchange_n(&mutex->__forks, &before, RENEWING, false,
                                               __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            mutex->__queue = (struct __wait_queue){0};
            __atomic_fetch_and(&mutex->__owner, ~WAITERS, __ATOMIC_RELAXED);
            __atomic_store_n(&mutex->__forks, forks, __ATOMIC_RELEASE);
            return;
        }
    }
}

/* ---- Robust mutexes: the list of those a thread holds ---------------------------------------- */

static void held_add(pthread_mutex_t *mutex, struct __pthread *self)
{
    mutex->__held_next = self->held_mutexes;
    mutex->__held_link = &self->held_mutexes;
    if (self->held_mutexes)
        ((pthread_mutex_t *)self->held_mutexes)->__held_link = &mutex->__held_next;
    self->held_mutexes = mutex;
}

static void held_remove(pthread_mutex_t *mutex)
{
    *mutex->__held_link = mutex->__held_next;
    if (mutex->__held_next)
        ((pthread_mutex_t *)mutex->__held_next)->__held_link = mutex->__held_link;
}

/* The mutex is the caller's: what lock returns. */
static int taken(pthread_mutex_t *mutex, struct __pthread *self)
{
    if (!(mutex->__type & ROBUST))
        return 0;
    if (mutex->__state == NOT_RECOVERABLE) {
        __libc_mutex_pass(mutex, self);
        return ENOTRECOVERABLE;
    }
    held_add(mutex, self);
    return mutex->__state == OWNER_DIED ? EOWNERDEAD : 0;
}

/* ---- Lock ------------------------------------------------------------------------------------ */

/* The caller has it already: what lock returns, or -1 to wait for ever, as a NORMAL one shall. */
static int lock_again(pthread_mutex_t *mutex)
{
    switch (TYPE(mutex)) {
    case PTHREAD_MUTEX_RECURSIVE:
        if (mutex->__count == UINT_MAX)
            return EAGAIN;
        mutex->__count++;
        return 0;
    case PTHREAD_MUTEX_ERRORCHECK:
        return EDEADLK;
    default:
        return -1;
    }
}

/* Queues the waiter; false: the mutex was found free and is the caller's. */
static bool enqueue(pthread_mutex_t *mutex, struct __waiter *waiter)
{
    unsigned long owner = __atomic_load_n(&mutex->__owner, __ATOMIC_RELAXED);
    for (;;) {
        unsigned long next = owner ? owner | WAITERS : (unsigned long)waiter->thread;
        if (__atomic_compare_exchange_n(&mutex->__owner, &owner, next, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            break;
    }
    if (owner != 0)
        queue_append(&mutex->__queue, waiter);
    return owner != 0;
}

/* After a deadline: out of the queue again.  False: too late, it is being granted. */
static bool dequeue(pthread_mutex_t *mutex, struct __waiter *waiter)
{
    __libc_lock(&mutex->__queue.__lock);
    bool was_queued = waiter->queued;
    if (was_queued) {
        queue_remove(&mutex->__queue, waiter);
        if (mutex->__queue.__first == NULL)
            __atomic_fetch_and(&mutex->__owner, ~WAITERS, __ATOMIC_RELAXED);
    }
    __libc_unlock(&mutex->__queue.__lock);
    return was_queued;
}

static int wait_for(pthread_mutex_t *mutex, struct __pthread *self, uint64_t deadline)
{
    struct __waiter waiter = waiter_of(self);
    renew(mutex);
    __libc_lock(&mutex->__queue.__lock);
    bool waits = enqueue(mutex, &waiter);
    __libc_unlock(&mutex->__queue.__lock);
    if (!waits)
        return 0;
    if (__libc_wait(&waiter, deadline, 0) == 0)
        return 0;
    if (dequeue(mutex, &waiter))
        return ETIMEDOUT;
    __libc_wait(&waiter, DEADLINE_NEVER, 0);
    return 0;
}

static int lock_slowly(pthread_mutex_t *mutex, uint64_t deadline)
{
    struct __pthread *self = thread_self();
    if (is_owner(mutex, self)) {
        int result = lock_again(mutex);
        if (result >= 0)
            return result;
    } else if (take_free(mutex, self)) {
        return taken(mutex, self);
    }
    int error = wait_for(mutex, self, deadline);
    return error ? error : taken(mutex, self);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (__builtin_expect(mutex->__type == PTHREAD_MUTEX_NORMAL && take_free(mutex, thread_self()),
                         1))
        return 0;
    return lock_slowly(mutex, DEADLINE_NEVER);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    struct __pthread *self = thread_self();
    if (take_free(mutex, self))
        return taken(mutex, self);
    if (is_owner(mutex, self) && TYPE(mutex) == PTHREAD_MUTEX_RECURSIVE)
        return lock_again(mutex);
    return EBUSY;
}

int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t clock,
                            const struct timespec *restrict time)
{
    if (mutex->__type == PTHREAD_MUTEX_NORMAL && take_free(mutex, thread_self()))
        return 0;
    uint64_t deadline;
    int error = __libc_deadline(clock, time, &deadline);
    return error ? error : lock_slowly(mutex, deadline);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict time)
{
    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, time);
}

/* ---- Unlock ---------------------------------------------------------------------------------- */

void __libc_mutex_pass(pthread_mutex_t *mutex, struct __pthread *self)
{
    unsigned long owner = (unsigned long)self;
    if (__atomic_compare_exchange_n(&mutex->__owner, &owner, 0, false, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED))
        return;
    renew(mutex);
    __libc_lock(&mutex->__queue.__lock);
    struct __waiter *next = queue_pop(&mutex->__queue);
    owner = 0;
    if (next)
        owner = (unsigned long)next->thread | (mutex->__queue.__first ? WAITERS : 0);
    __atomic_store_n(&mutex->__owner, owner, __ATOMIC_RELEASE);
    __libc_unlock(&mutex->__queue.__lock);
    if (next)
        __libc_grant(next);
}

static int unlock_slowly(pthread_mutex_t *mutex)
{
    struct __pthread *self = thread_self();
    if (!is_owner(mutex, self))
        return EPERM;
    if (mutex->__count > 0) {
        mutex->__count--;
        return 0;
    }
    if (mutex->__type & ROBUST) {
        held_remove(mutex);
        if (mutex->__state == OWNER_DIED)
            mutex->__state = NOT_RECOVERABLE;
    }
    __libc_mutex_pass(mutex, self);
    return 0;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    unsigned long owner = (unsigned long)thread_self();
    if (__builtin_expect(mutex->__type == PTHREAD_MUTEX_NORMAL &&
                             __atomic_compare_exchange_n(&mutex->__owner, &owner, 0, false,
                                                         __ATOMIC_RELEASE, __ATOMIC_RELAXED),
                         1))
        return 0;
    return unlock_slowly(mutex);
}

int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
    if (!(mutex->__type & ROBUST) || mutex->__state != OWNER_DIED ||
        !is_owner(mutex, thread_self()))
        return EINVAL;
    mutex->__state = CONSISTENT;
    return 0;
}

void __libc_robust_release(struct __pthread *self)
{
    while (self->held_mutexes) {
        pthread_mutex_t *mutex = self->held_mutexes;
        held_remove(mutex);
        mutex->__count = 0;
        mutex->__state = OWNER_DIED;
        __libc_mutex_pass(mutex, self);
    }
}

/* ---- For conditions -------------------------------------------------------------------------- */

bool __libc_mutex_is_mine(const pthread_mutex_t *mutex)
{
    return is_owner(mutex, thread_self());
}

bool __libc_mutex_queue(pthread_mutex_t *mutex, struct __waiter *waiter)
{
    if (mutex->__type != PTHREAD_MUTEX_NORMAL || !is_owner(mutex, thread_self()))
        return false;
    renew(mutex);
    __libc_lock(&mutex->__queue.__lock);
    waiter->owns_mutex = true;
    enqueue(mutex, waiter);
    __libc_unlock(&mutex->__queue.__lock);
    return true;
}

unsigned __libc_mutex_unlock_all(pthread_mutex_t *mutex)
{
    unsigned count = mutex->__count;
    mutex->__count = 0;
    pthread_mutex_unlock(mutex);
    return count;
}

/* ---- Making them ----------------------------------------------------------------------------- */

int pthread_mutex_init(pthread_mutex_t *restrict mutex,
                       const pthread_mutexattr_t *restrict attributes)
{
    memset(mutex, 0, sizeof *mutex);
    if (attributes)
        mutex->__type =
            (unsigned char)(attributes->__type |
                            (attributes->__robust == PTHREAD_MUTEX_ROBUST ? ROBUST : 0));
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    return __atomic_load_n(&mutex->__owner, __ATOMIC_RELAXED) ? EBUSY : 0;
}
