/*
 * What has to happen around a fork so that the child finds its C library whole: handlers given
 * to pthread_atfork, and libc's own locks, which the forking thread holds during the fork so
 * that nothing they guard is half-changed in the copy.
 *
 * fork() itself calls, in this order: __libc_fork_prepare; then, in the parent,
 * __libc_fork_parent; in the child, once FS, the message page and __libc_process are right,
 * __libc_fork_child.
 */
#include "fork_hooks.h"

#include <envlock.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <reent.h>
#include <stdlib.h>

#include "descriptor.h"
#include "lock.h"
#include "memory.h"
#include "pthread_mutex.h"
#include "path.h"

struct handlers {
    void (*prepare)(void), (*parent)(void), (*child)(void);
    struct handlers *next, *previous;
};

static pthread_mutex_t handlers_lock;
static struct handlers *oldest, *newest;

int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    struct handlers *handlers = malloc(sizeof *handlers);
    if (handlers == NULL)
        return ENOMEM;
    pthread_mutex_lock(&handlers_lock);
    *handlers = (struct handlers){prepare, parent, child, NULL, newest};
    if (newest)
        newest->next = handlers;
    else
        oldest = handlers;
    newest = handlers;
    pthread_mutex_unlock(&handlers_lock);
    return 0;
}

/* malloc's and the environment's are taken by newlib's own names for them. */
void __libc_fork_prepare(void)
{
    pthread_mutex_lock(&handlers_lock);
    for (struct handlers *at = newest; at; at = at->previous) {
        if (at->prepare)
            at->prepare();
    }
    __env_lock(_REENT);
    __malloc_lock(_REENT);
    __libc_directory_lock();
    __libc_descriptors_lock();
    __libc_threads_lock();
    __libc_mapping_lock();
    __libc_memory_lock();
}

static void run_after(bool in_child)
{
    for (struct handlers *at = oldest; at; at = at->next) {
        void (*handler)(void) = in_child ? at->child : at->parent;
        if (handler)
            handler();
    }
    pthread_mutex_unlock(&handlers_lock);
}

void __libc_fork_parent(void)
{
    __libc_memory_unlock();
    __libc_mapping_unlock();
    __libc_threads_unlock();
    __libc_descriptors_unlock();
    __libc_directory_unlock();
    __malloc_unlock(_REENT);
    __env_unlock(_REENT);
    run_after(false);
}

/* Whoever waited for one of these locks is not in the child. */
static void forget_waiters(pthread_mutex_t *mutex)
{
    mutex->__owner = (unsigned long)thread_self();
    mutex->__queue = (struct __wait_queue){0};
}

void __libc_fork_child(void)
{
    thread_self()->signals_held -= 5; /* the five locks that are made anew */
    __libc_mutex_forked();
    __libc_memory_reset();
    __libc_mapping_reset();
    __libc_descriptors_reset();
    __libc_directory_reset();
    __libc_threads_reset();
    __libc_create_reset();
    __libc_newlib_locks_reset();
    forget_waiters(&handlers_lock);
    __malloc_unlock(_REENT);
    __env_unlock(_REENT);
    run_after(true);
}
