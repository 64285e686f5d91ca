/*
 * Sleeping and waking.  A thread sleeps in get on a port of its own; it is woken by a
 * notification to that port.  Notifications stay until they are taken, so none is lost between
 * the look and the sleep; one may be left over from before, so a wait goes on until its waiter
 * is granted.
 *
 * A struct __waiter lies on the sleeper's stack.  Whoever grants it must not touch it afterwards.
 */
#ifndef LIBC_WAIT_H
#define LIBC_WAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "thread.h"

struct __waiter {
    struct __waiter *next, *previous; /* under the queue's lock, as is queued */
    struct __pthread *thread;
    uint32_t granted; /* atomic; release by the granter, acquire by the sleeper */
    handle_t port;
    int result; /* the granter's to say, before granted */
    bool queued;
    bool writes;            /* at an rwlock: it wants to write */
    bool owns_mutex;        /* at a condition: woken with the mutex */
    pthread_mutex_t *mutex; /* at a condition: the one to lock again, or NULL */
};

static inline struct __waiter waiter_of(struct __pthread *thread)
{
    return (struct __waiter){.thread = thread, .port = thread->port};
}

enum {
    WAIT_INTERRUPTIBLE = 1u << 0, /* a signal handler that has run ends it */
    WAIT_CANCELLABLE = 1u << 1,   /* so does a cancellation that is due */
};

/*
 * Sleeps until granted.  deadline: monotonic nanoseconds.  0 granted; ETIMEDOUT; EINTR and
 * ECANCELED if flags allow.  After these three the waiter may be granted yet, unless the caller
 * takes it out of its queue first.
 */
int __libc_wait(struct __waiter *waiter, uint64_t deadline, uint32_t flags);

/* One sleep of the caller on its port, for waits whose end is told otherwise: 0 woken, by whatever;
 * ETIMEDOUT, EINTR, ECANCELED as above. */
int __libc_sleep(uint64_t deadline, uint32_t flags);

/* Grants: wakes the sleeper. */
void __libc_grant(struct __waiter *waiter);

/* A time of that clock as a deadline.  0, EINVAL not a time or a clock that cannot be waited
 * for. */
int __libc_deadline(clockid_t clock, const struct timespec *time, uint64_t *deadline);

#endif
