/*
 * Attributes: of threads, mutexes, conditions, rwlocks and barriers.  A value that POSIX allows but
 * Portolan does not offer is refused with ENOTSUP, never taken and ignored.
 */
#include "pthread_attr.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "lock.h"
#include "thread.h"

static int choose(int *where, int value, int first, int second)
{
    if (value != first && value != second)
        return EINVAL;
    *where = value;
    return 0;
}

/* Of two values only one is offered. */
static int offer(int value, int offered, int other)
{
    if (value == offered)
        return 0;
    return value == other ? ENOTSUP : EINVAL;
}

static int give(int *to, int value)
{
    *to = value;
    return 0;
}

/* ---- Threads --------------------------------------------------------------------------------- */

int pthread_attr_init(pthread_attr_t *attributes)
{
    *attributes = (pthread_attr_t){
        .__stack_size = DEFAULT_STACK_SIZE,
        .__guard_size = DEFAULT_GUARD_SIZE,
        .__detached = PTHREAD_CREATE_JOINABLE,
        .__inherit = PTHREAD_INHERIT_SCHED,
        .__policy = SCHED_OTHER,
        .__scope = PTHREAD_SCOPE_SYSTEM,
    };
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attributes)
{
    (void)attributes;
    return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attributes, int state)
{
    return choose(&attributes->__detached, state, PTHREAD_CREATE_JOINABLE, PTHREAD_CREATE_DETACHED);
}

int pthread_attr_getdetachstate(const pthread_attr_t *attributes, int *state)
{
    return give(state, attributes->__detached);
}

int pthread_attr_setguardsize(pthread_attr_t *attributes, size_t size)
{
    attributes->__guard_size = size;
    return 0;
}

int pthread_attr_getguardsize(const pthread_attr_t *restrict attributes, size_t *restrict size)
{
    *size = attributes->__guard_size;
    return 0;
}

int pthread_attr_setinheritsched(pthread_attr_t *attributes, int inherit)
{
    return choose(&attributes->__inherit, inherit, PTHREAD_INHERIT_SCHED, PTHREAD_EXPLICIT_SCHED);
}

int pthread_attr_getinheritsched(const pthread_attr_t *restrict attributes, int *restrict inherit)
{
    return give(inherit, attributes->__inherit);
}

int pthread_attr_setschedparam(pthread_attr_t *restrict attributes,
                               const struct sched_param *restrict parameters)
{
    attributes->__priority = parameters->sched_priority;
    return 0;
}

int pthread_attr_getschedparam(const pthread_attr_t *restrict attributes,
                               struct sched_param *restrict parameters)
{
    parameters->sched_priority = attributes->__priority;
    return 0;
}

int pthread_attr_setschedpolicy(pthread_attr_t *attributes, int policy)
{
    if (policy == SCHED_FIFO)
        return ENOTSUP;
    return choose(&attributes->__policy, policy, SCHED_OTHER, SCHED_RR);
}

int pthread_attr_getschedpolicy(const pthread_attr_t *restrict attributes, int *restrict policy)
{
    return give(policy, attributes->__policy);
}

int pthread_attr_setscope(pthread_attr_t *attributes, int scope)
{
    (void)attributes;
    return offer(scope, PTHREAD_SCOPE_SYSTEM, PTHREAD_SCOPE_PROCESS);
}

int pthread_attr_getscope(const pthread_attr_t *restrict attributes, int *restrict scope)
{
    return give(scope, attributes->__scope);
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size)
{
    if (size < PTHREAD_STACK_MIN)
        return EINVAL;
    attributes->__stack_size = size;
    return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *restrict attributes, size_t *restrict size)
{
    *size = attributes->__stack_size;
    return 0;
}

int pthread_attr_setstack(pthread_attr_t *attributes, void *stack, size_t size)
{
    if (size < PTHREAD_STACK_MIN || ((uintptr_t)stack & 15) || (size & 15))
        return EINVAL;
    attributes->__stack = stack;
    attributes->__stack_size = size;
    return 0;
}

int pthread_attr_getstack(const pthread_attr_t *restrict attributes, void **restrict stack,
                          size_t *restrict size)
{
    *stack = attributes->__stack;
    *size = attributes->__stack_size;
    return 0;
}

int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    uint64_t join = __atomic_load_n(&thread->join, __ATOMIC_RELAXED);
    pthread_attr_init(attributes);
    attributes->__stack = (void *)thread->stack;
    attributes->__stack_size = thread->stack_size;
    attributes->__guard_size = thread->guard_size;
    attributes->__detached = join == 2 ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE;
    struct sched_param parameters;
    int error = pthread_getschedparam(thread, &attributes->__policy, &parameters);
    attributes->__priority = parameters.sched_priority;
    return error;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
    if (strlen(name) >= sizeof thread->name)
        return ERANGE;
    __libc_threads_lock();
    strcpy(thread->name, name);
    __libc_threads_unlock();
    return 0;
}

int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
    int error = 0;
    __libc_threads_lock();
    if (strlen(thread->name) < size)
        strcpy(name, thread->name);
    else
        error = ERANGE;
    __libc_threads_unlock();
    return error;
}

/* ---- Mutexes --------------------------------------------------------------------------------- */

int pthread_mutexattr_init(pthread_mutexattr_t *attributes)
{
    *attributes = (pthread_mutexattr_t){.__type = PTHREAD_MUTEX_DEFAULT};
    return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attributes)
{
    (void)attributes;
    return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type)
{
    if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK)
        return EINVAL;
    attributes->__type = type;
    return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *restrict attributes, int *restrict type)
{
    return give(type, attributes->__type);
}

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attributes, int robust)
{
    return choose(&attributes->__robust, robust, PTHREAD_MUTEX_STALLED, PTHREAD_MUTEX_ROBUST);
}

int pthread_mutexattr_getrobust(const pthread_mutexattr_t *restrict attributes,
                                int *restrict robust)
{
    return give(robust, attributes->__robust);
}

int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attributes, int protocol)
{
    (void)attributes;
    return protocol == PTHREAD_PRIO_PROTECT
               ? ENOTSUP
               : offer(protocol, PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT);
}

int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *restrict attributes,
                                  int *restrict protocol)
{
    return give(protocol, attributes->__protocol);
}

/* ---- Sharing between processes, which is not offered ----------------------------------------- */

int pthread_mutexattr_setpshared(pthread_mutexattr_t *attributes, int shared)
{
    (void)attributes;
    return offer(shared, PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED);
}

int pthread_mutexattr_getpshared(const pthread_mutexattr_t *restrict attributes,
                                 int *restrict shared)
{
    return give(shared, attributes->__shared);
}

int pthread_condattr_setpshared(pthread_condattr_t *attributes, int shared)
{
    (void)attributes;
    return offer(shared, PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED);
}

int pthread_condattr_getpshared(const pthread_condattr_t *restrict attributes, int *restrict shared)
{
    return give(shared, attributes->__shared);
}

int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attributes, int shared)
{
    (void)attributes;
    return offer(shared, PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED);
}

int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict attributes,
                                  int *restrict shared)
{
    return give(shared, attributes->__shared);
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attributes, int shared)
{
    (void)attributes;
    return offer(shared, PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED);
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *restrict attributes,
                                   int *restrict shared)
{
    return give(shared, attributes->__shared);
}

/* ---- Conditions, rwlocks, barriers ----------------------------------------------------------- */

int pthread_condattr_init(pthread_condattr_t *attributes)
{
    *attributes = (pthread_condattr_t){.__clock = CLOCK_REALTIME};
    return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attributes)
{
    (void)attributes;
    return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    attributes->__clock = (int)clock;
    return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *restrict attributes,
                              clockid_t *restrict clock)
{
    *clock = (clockid_t)attributes->__clock;
    return 0;
}

int pthread_rwlockattr_init(pthread_rwlockattr_t *attributes)
{
    *attributes = (pthread_rwlockattr_t){0};
    return 0;
}

int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attributes)
{
    (void)attributes;
    return 0;
}

int pthread_barrierattr_init(pthread_barrierattr_t *attributes)
{
    *attributes = (pthread_barrierattr_t){0};
    return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attributes)
{
    (void)attributes;
    return 0;
}
