/*
 * Scheduling: see pthread_sched.h.
 */
#include "pthread_sched.h"

#include <errno.h>
#include <sched.h>

#include "process.h"
#include "syscall.h"

int __libc_kernel_priority(int policy, int priority)
{
    return policy == SCHED_RR ? PRIORITY_DEFAULT + priority : PRIORITY_DEFAULT;
}

static int check(int policy, int priority)
{
    if (policy == SCHED_OTHER)
        return priority == 0 ? 0 : EINVAL;
    if (policy == SCHED_FIFO)
        return ENOTSUP;
    if (policy != SCHED_RR || priority < RR_PRIORITY_MIN || priority > RR_PRIORITY_MAX)
        return EINVAL;
    return 0;
}

/* The first thread's is whatever its maker chose. */
static void learn(struct __pthread *thread)
{
    if (thread->priority != PRIORITY_UNKNOWN)
        return;
    thread->policy = SCHED_OTHER;
    thread->priority = 0;
    if (sys_thread_info(thread->handle) < 0)
        return;
    const struct thread_info *info = (const struct thread_info *)thread_self()->area->bytes;
    int above = (int)info->priority - PRIORITY_DEFAULT;
    if (above >= RR_PRIORITY_MIN && above <= RR_PRIORITY_MAX) {
        thread->policy = SCHED_RR;
        thread->priority = above;
    }
}

int __libc_sched_of_new(struct __pthread *thread, const pthread_attr_t *attributes)
{
    struct __pthread *self = thread_self();
    if (attributes->__inherit == PTHREAD_EXPLICIT_SCHED) {
        thread->policy = attributes->__policy;
        thread->priority = attributes->__priority;
        return check(thread->policy, thread->priority);
    }
    learn(self);
    thread->policy = self->policy;
    thread->priority = self->priority;
    return 0;
}

static int set(struct __pthread *thread, int policy, int priority)
{
    int error = check(policy, priority);
    if (error)
        return error;
    handle_t handle = __atomic_load_n(&thread->handle, __ATOMIC_RELAXED);
    int64_t result = sys_thread_set(handle, __libc_kernel_priority(policy, priority), -1);
    if (result < 0)
        return result == -EBADF || result == -EDEAD ? ESRCH : EPERM;
    thread->policy = policy;
    thread->priority = priority;
    return 0;
}

int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *parameters)
{
    return set(thread, policy, parameters->sched_priority);
}

int pthread_setschedprio(pthread_t thread, int priority)
{
    learn(thread);
    return set(thread, thread->policy, priority);
}

int pthread_getschedparam(pthread_t thread, int *restrict policy,
                          struct sched_param *restrict parameters)
{
    learn(thread);
    *policy = thread->policy;
    parameters->sched_priority = thread->priority;
    return 0;
}

/* A hint that nothing depends on, as there is a kernel thread to each; kept to be given back. */
static int concurrency;

int pthread_setconcurrency(int level)
{
    if (level < 0)
        return EINVAL;
    concurrency = level;
    return 0;
}

int pthread_getconcurrency(void)
{
    return concurrency;
}

int sched_yield(void)
{
    sys_thread_yield();
    return 0;
}

int pthread_yield(void)
{
    return sched_yield();
}

static int bound(int policy, int other, int round_robin)
{
    if (policy == SCHED_OTHER)
        return other;
    if (policy == SCHED_RR)
        return round_robin;
    errno = EINVAL;
    return -1;
}

int sched_get_priority_min(int policy)
{
    return bound(policy, 0, RR_PRIORITY_MIN);
}

int sched_get_priority_max(int policy)
{
    return bound(policy, 0, RR_PRIORITY_MAX);
}

int sched_getcpu(void)
{
    uint32_t low, high, cpu;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(cpu));
    return (int)cpu;
}
