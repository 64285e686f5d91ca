/*
 * Waiting for an object's state to change: pages of a pager, room for dirty pages.
 */
#ifndef WAIT_H
#define WAIT_H

#include "kernel.h"
#include "spinlock.h"

struct thread;

/* What a function returns when it has put the current thread on a wait queue. */
#define PARKED 4094
/* What a system call returns that has done a piece and is to be run again with new arguments. */
#define RESTART 4093

/* Threads that wait; protected by *lock, the owner's. */
struct wait_queue {
    struct list threads;
    struct spinlock *lock;
};

static inline void wait_queue_init(struct wait_queue *queue, struct spinlock *lock)
{
    list_init(&queue->threads);
    queue->lock = lock;
}

/* Puts the current thread on the queue with a key (a page number); the caller holds the lock and
 * returns -PARKED to its caller after unlocking.  No lost wake-ups. */
void wait_queue_park(struct wait_queue *queue, u64 key);

/* Wakes those with first <= key <= last; status (0 or -errno) becomes their wait_status.  Lock
 * held. */
void wait_queue_wake(struct wait_queue *queue, u64 first, u64 last, int status);

/* Takes a thread of this CPU off the queue it is parked on; false if it has been woken already. */
bool wait_queue_leave(struct thread *thread);

/* The failure the current thread was woken with, once: 0 or -errno.  Clears it. */
int wait_status_take(void);

#endif
