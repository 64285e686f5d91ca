/*
 * Locks that are handed over; see lock.h.
 *
 * The word of a lock: 0 free; HELD; HELD | the address of the waiter that came last, from which the
 * earlier ones hang by next.  Those whom the holder has taken off the word, in the order they came,
 * hang from __first, which only the holder touches.
 */
#include "lock.h"

#define HELD 1ul

/* Where signals are implemented, the handlers held back run when the count falls to 0. */
__attribute__((weak)) void __libc_signals_deliver(void);

void __libc_signals_release(struct __pthread *self)
{
    __asm__ volatile("" ::: "memory");
    if (--self->signals_held == 0 && self->signals_due && __libc_signals_deliver)
        __libc_signals_deliver();
}

/* Adds the waiter, unless the lock was found free: then it is the caller's, and true is
 * returned. */
static bool take_or_queue(struct __lock_word *lock, struct __waiter *waiter)
{
    unsigned long word = __atomic_load_n(&lock->__word, __ATOMIC_RELAXED);
    for (;;) {
        unsigned long next = HELD;
        if (word != 0) {
            waiter->next = (struct __waiter *)(word & ~HELD);
            next |= (unsigned long)waiter;
        }
        if (__atomic_compare_exchange_n(&lock->__word, &word, next, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return word == 0;
    }
}

void __libc_lock(struct __lock_word *lock)
{
    struct __pthread *self = thread_self();
    unsigned long free = 0;
    signals_hold(self);
    if (__atomic_compare_exchange_n(&lock->__word, &free, HELD, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return;
    struct __waiter waiter = waiter_of(self);
    if (!take_or_queue(lock, &waiter))
        __libc_wait(&waiter, DEADLINE_NEVER, 0);
}

/* The waiters in the word, the earliest first. */
static struct __waiter *take_queued(struct __lock_word *lock)
{
    unsigned long word = __atomic_exchange_n(&lock->__word, HELD, __ATOMIC_ACQUIRE);
    struct __waiter *at = (struct __waiter *)(word & ~HELD), *first = NULL;
    while (at) {
        struct __waiter *earlier = at->next;
        at->next = first;
        first = at;
        at = earlier;
    }
    return first;
}

void __libc_unlock(struct __lock_word *lock)
{
    struct __pthread *self = thread_self();
    unsigned long held = HELD;
    if (lock->__first == NULL) {
        if (__atomic_compare_exchange_n(&lock->__word, &held, 0, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
            return __libc_signals_release(self);
        lock->__first = take_queued(lock);
    }
    struct __waiter *next = lock->__first;
    lock->__first = next->next;
    __libc_grant(next);
    __libc_signals_release(self);
}
