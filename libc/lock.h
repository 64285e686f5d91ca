/*
 * The lock under all of libc's others, and queues of waiting threads.
 *
 * A struct __lock_word is a short lock that never spins: a thread that finds it taken adds
 * itself to a stack in the word by one compare-and-swap and sleeps; the holder, when done, hands
 * the lock to the one that has waited longest.  So a holder that loses its CPU delays others but
 * never makes one of higher priority spin for ever.  Everything with deadlines (mutexes,
 * conditions, ...) is a queue under such a lock.
 *
 * While one is held no signal handler runs in the holder (signals_held), so that what uses it
 * may be called from handlers where POSIX says so (sem_post).
 *
 * Zero is the initial state.  Order: the locks of wait queues come last; of two queues a
 * condition's before its mutex's.
 */
#ifndef LIBC_LOCK_H
#define LIBC_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "wait.h"

void __libc_lock(struct __lock_word *lock);
void __libc_unlock(struct __lock_word *lock);

/* Signals held back until the matching call.  They nest. */
static inline void signals_hold(struct __pthread *self)
{
    self->signals_held++;
    __asm__ volatile("" ::: "memory");
}
void __libc_signals_release(struct __pthread *self);

/* ---- Queues; the caller holds the queue's lock ----------------------------------------------- */

static inline void queue_append(struct __wait_queue *queue, struct __waiter *waiter)
{
    waiter->next = NULL;
    waiter->previous = queue->__last;
    waiter->queued = true;
    if (queue->__last)
        queue->__last->next = waiter;
    else
        __atomic_store_n(&queue->__first, waiter, __ATOMIC_RELAXED);
    queue->__last = waiter;
}

static inline void queue_remove(struct __wait_queue *queue, struct __waiter *waiter)
{
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    else
        queue->__last = waiter->previous;
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        __atomic_store_n(&queue->__first, waiter->next, __ATOMIC_RELAXED);
    waiter->queued = false;
}

/* The one that has waited longest, taken out; NULL: none. */
static inline struct __waiter *queue_pop(struct __wait_queue *queue)
{
    struct __waiter *first = queue->__first;
    if (first)
        queue_remove(queue, first);
    return first;
}

#endif
