/*
 * Scheduling policies and priorities, and what the kernel makes of them.
 *
 * The kernel has one policy: fixed priorities 0..63, round-robin within one.  SCHED_OTHER is its
 * default priority, with 0 as the only POSIX priority; SCHED_RR p is p above that.
 */
#ifndef LIBC_PTHREAD_SCHED_H
#define LIBC_PTHREAD_SCHED_H

#include "thread.h"

#define RR_PRIORITY_MIN 1
#define RR_PRIORITY_MAX 32

int __libc_kernel_priority(int policy, int priority);

/* Sets policy and priority of a new thread, from attributes or the caller.  0, or EINVAL. */
int __libc_sched_of_new(struct __pthread *thread, const pthread_attr_t *attributes);

#endif
