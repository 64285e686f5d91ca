/*
 * The locks inside newlib: stdio's, malloc's and others.  newlib declares struct __lock and the
 * functions; all of them, and all its static locks, have to be here, or its dummies are linked too.
 *
 * Each is a plain mutex, so that taking it is one compare-and-swap; recursion is counted here.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/lock.h>

#include "fork_hooks.h"
#include "pthread_mutex.h"
#include "thread.h"

struct __lock {
    pthread_mutex_t mutex;
};

struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

/* Stands in where there is no memory for one of their own: slower, and as right. */
static struct __lock common;

void __retarget_lock_init(_LOCK_T *lock)
{
    *lock = calloc(1, sizeof **lock);
    if (*lock == NULL)
        *lock = &common;
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    __retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    if (lock != &common)
        free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    __retarget_lock_close(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    if (__libc_mutex_is_mine(&lock->mutex))
        lock->mutex.__count++;
    else
        pthread_mutex_lock(&lock->mutex);
}

/* newlib wants not 0 for success. */
int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    if (!__libc_mutex_is_mine(&lock->mutex))
        return pthread_mutex_trylock(&lock->mutex) == 0;
    lock->mutex.__count++;
    return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (lock->mutex.__count > 0)
        lock->mutex.__count--;
    else
        pthread_mutex_unlock(&lock->mutex);
}

/* `common` may serve several at once, so those that do not recurse count as well. */
void __retarget_lock_acquire(_LOCK_T lock)
{
    __retarget_lock_acquire_recursive(lock);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return __retarget_lock_try_acquire_recursive(lock);
}

void __retarget_lock_release(_LOCK_T lock)
{
    __retarget_lock_release_recursive(lock);
}

/* One held by the forking thread stays held, without those who waited; one held by another is free,
 * as its holder is not in the child and POSIX lets a child of a threaded process do little. */
static void reset(struct __lock *lock)
{
    unsigned long self = (unsigned long)thread_self();
    bool mine = __libc_mutex_is_mine(&lock->mutex);
    unsigned count = mine ? lock->mutex.__count : 0;
    lock->mutex = (pthread_mutex_t){.__owner = mine ? self : 0, .__count = count};
}

void __libc_newlib_locks_reset(void)
{
    reset(&__lock___sfp_recursive_mutex);
    reset(&__lock___atexit_recursive_mutex);
    reset(&__lock___at_quick_exit_mutex);
    reset(&__lock___malloc_recursive_mutex);
    reset(&__lock___env_recursive_mutex);
    reset(&__lock___tz_mutex);
    reset(&__lock___dd_hash_mutex);
    reset(&__lock___arc4random_mutex);
    reset(&common);
}
