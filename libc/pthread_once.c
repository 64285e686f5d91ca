/*
 * pthread_once.  Whoever comes while the routine runs waits; if it is cancelled, one of those
 * who wait runs it anew.
 */
#include <pthread.h>

#include "lock.h"

enum { NEW = 0, RUNNING, DONE };

static void finish(pthread_once_t *once, int state)
{
    __libc_lock(&once->__queue.__lock);
    __atomic_store_n(&once->__state, state, __ATOMIC_RELEASE);
    struct __waiter *waiters = once->__queue.__first;
    once->__queue.__first = once->__queue.__last = NULL;
    __libc_unlock(&once->__queue.__lock);
    while (waiters) {
        struct __waiter *next = waiters->next;
        __libc_grant(waiters);
        waiters = next;
    }
}

static void cancelled(void *once)
{
    finish(once, NEW);
}

/* True: the caller is to run the routine; false: it is done. */
static bool claim(pthread_once_t *once)
{
    for (;;) {
        struct __waiter waiter = waiter_of(thread_self());
        __libc_lock(&once->__queue.__lock);
        int state = once->__state;
        if (state == NEW)
            once->__state = RUNNING;
        else if (state == RUNNING)
            queue_append(&once->__queue, &waiter);
        __libc_unlock(&once->__queue.__lock);
        if (state != RUNNING)
            return state == NEW;
        __libc_wait(&waiter, DEADLINE_NEVER, 0);
    }
}

int pthread_once(pthread_once_t *once, void (*routine)(void))
{
    if (__atomic_load_n(&once->__state, __ATOMIC_ACQUIRE) == DONE || !claim(once))
        return 0;
    pthread_cleanup_push(cancelled, once);
    routine();
    pthread_cleanup_pop(0);
    finish(once, DONE);
    return 0;
}
