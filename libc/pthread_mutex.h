/*
 * What conditions need of mutexes beyond <pthread.h>.
 */
#ifndef LIBC_PTHREAD_MUTEX_H
#define LIBC_PTHREAD_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

struct __waiter;

bool __libc_mutex_is_mine(const pthread_mutex_t *mutex);

/* The waiter joins those who wait for the caller's plain mutex, and will own it when it is granted.
 * False: the mutex is of another kind, or not the caller's; nothing was done. */
bool __libc_mutex_queue(pthread_mutex_t *mutex, struct __waiter *waiter);

/* Unlocks it however often it is locked; the count to set again once it is locked anew. */
unsigned __libc_mutex_unlock_all(pthread_mutex_t *mutex);

/* Gives the caller's mutex to the first waiter, or sets it free. */
void __libc_mutex_pass(pthread_mutex_t *mutex, struct __pthread *self);

/* In the child of a fork of a program with threads: those who wait for mutexes are not there. */
void __libc_mutex_forked(void);

#endif
