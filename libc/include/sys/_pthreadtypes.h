/*
 * The types of <pthread.h> and <semaphore.h> as <sys/types.h> must give them, and their initial
 * values.  Members belong to libc/ (lock.h, pthread_*.c); a program uses none of them.
 *
 * All initial values are zeros, so that static objects cost nothing.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

struct __pthread;
struct __waiter;

typedef struct __pthread *pthread_t;
typedef unsigned int pthread_key_t;
typedef int pthread_spinlock_t;

/* The lock under all others: see libc/lock.h. */
struct __lock_word {
    unsigned long __word;
    struct __waiter *__first;
};

/* Threads that wait for one of these objects, in order. */
struct __wait_queue {
    struct __lock_word __lock;
    struct __waiter *__first, *__last;
};

typedef struct {
    unsigned long __owner; /* the thread | 1 if others wait; 0: free */
    unsigned int __count;  /* of a recursive mutex: locks beyond the first */
    unsigned char __type, __robust, __state, __forks;
    struct __wait_queue __queue;
    void *__held_next, **__held_link; /* the robust ones a thread holds */
} pthread_mutex_t;

typedef struct {
    int __type, __robust, __protocol, __shared;
} pthread_mutexattr_t;

typedef struct {
    struct __wait_queue __queue;
    int __clock;
    unsigned int __waiting;
} pthread_cond_t;

typedef struct {
    int __clock, __shared;
} pthread_condattr_t;

typedef struct {
    unsigned long __state; /* see libc/pthread_rwlock.c */
    pthread_t __writer;
    struct __wait_queue __queue;
} pthread_rwlock_t;

typedef struct {
    int __shared;
} pthread_rwlockattr_t;

typedef struct {
    unsigned int __threads, __arrived;
    struct __wait_queue __queue;
} pthread_barrier_t;

typedef struct {
    int __shared;
} pthread_barrierattr_t;

typedef struct {
    int __state;
    struct __wait_queue __queue;
} pthread_once_t;

typedef struct {
    void *__stack; /* the lowest byte of the caller's own, or null */
    unsigned long __stack_size, __guard_size;
    int __detached, __inherit, __policy, __priority, __scope;
} pthread_attr_t;

typedef struct {
    unsigned long __value; /* see libc/semaphore.c */
    struct __wait_queue __queue;
} __sem_t;

#endif
