/*
 * Mutexes, conditions, rwlocks, barriers, semaphores, spin locks: what POSIX says of each, and
 * that they exclude and wake under load.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define THREADS 8
#define ROUNDS 2000

static struct timespec after(clockid_t clock, long milliseconds)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += milliseconds * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static bool reached(const struct timespec *time, clockid_t clock)
{
    struct timespec is = after(clock, 0);
    return is.tv_sec > time->tv_sec || (is.tv_sec == time->tv_sec && is.tv_nsec >= time->tv_nsec);
}

static void run_all(void *(*function)(void *), void *argument)
{
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, function, argument ? argument : (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void *run_one(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, function, argument);
    pthread_join(thread, &result);
    return result;
}

/* ---- Mutexes --------------------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter, timeouts;

static void *add(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        long seen = counter;
        if (i % 64 == 0)
            sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *add_timed(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    for (int i = 0; i < 300; i++) {
        struct timespec soon = after(CLOCK_REALTIME, 0);
        soon.tv_nsec = (soon.tv_nsec + rand_r(&seed) % 200000) % 1000000000;
        if (pthread_mutex_timedlock(&mutex, &soon) != 0) {
            __atomic_fetch_add(&timeouts, 1, __ATOMIC_RELAXED);
            continue;
        }
        long seen = counter;
        for (volatile int spin = 0; spin < 20000; spin++)
            ;
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *try_lock(void *argument)
{
    int error = pthread_mutex_trylock(argument);
    if (error == 0)
        pthread_mutex_unlock(argument);
    return (void *)(long)error;
}

static void *lock_timed(void *argument)
{
    struct timespec soon = after(CLOCK_REALTIME, 10);
    return (void *)(long)pthread_mutex_timedlock(argument, &soon);
}

static void *unlock(void *argument)
{
    return (void *)(long)pthread_mutex_unlock(argument);
}

static void make_mutex(pthread_mutex_t *made, int type, int robust)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutex_init(made, &attributes);
}

static void test_kinds(void)
{
    pthread_mutex_t kind;
    make_mutex(&kind, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    struct timespec soon = after(CLOCK_REALTIME, 10);
    pthread_mutex_lock(&kind);
    is((long)run_one(try_lock, &kind), EBUSY, "trylock of a locked mutex");
    is(pthread_mutex_timedlock(&kind, &soon), ETIMEDOUT,
       "a normal one deadlocks, until a deadline");
    ok(reached(&soon, CLOCK_REALTIME), "not before it");
    soon.tv_nsec = 1000000000;
    is(pthread_mutex_timedlock(&kind, &soon), EINVAL, "not a time");
    is(pthread_mutex_destroy(&kind), EBUSY, "destroying a locked mutex");
    is(pthread_mutex_unlock(&kind), 0, "unlock");
    is(pthread_mutex_timedlock(&kind, &soon), 0, "a free one does not look at the time");
    pthread_mutex_unlock(&kind);
    is(pthread_mutex_destroy(&kind), 0, "destroying a free one");

    make_mutex(&kind, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
    pthread_mutex_lock(&kind);
    ok(pthread_mutex_lock(&kind) == 0 && pthread_mutex_trylock(&kind) == 0, "recursive");
    is((long)run_one(unlock, &kind), EPERM, "another's unlock");
    ok(pthread_mutex_unlock(&kind) == 0 && pthread_mutex_unlock(&kind) == 0, "twice unlocked");
    is((long)run_one(try_lock, &kind), EBUSY, "is still locked");
    ok(pthread_mutex_unlock(&kind) == 0 && run_one(try_lock, &kind) == 0, "thrice: free");
    is(pthread_mutex_unlock(&kind), EPERM, "unlocked too often");

    make_mutex(&kind, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
    pthread_mutex_lock(&kind);
    is(pthread_mutex_lock(&kind), EDEADLK, "error checking");
    is((long)run_one(lock_timed, &kind), ETIMEDOUT, "a locked one times out");
    pthread_mutex_unlock(&kind);
    is(pthread_mutex_unlock(&kind), EPERM, "unlocking a free one");
}

static void *lock_and_leave(void *argument)
{
    usleep(10000);
    return (void *)(long)pthread_mutex_lock(argument);
}

static void *wait_for_heritage(void *argument)
{
    int error = pthread_mutex_lock(argument);
    if (error == 0)
        pthread_mutex_unlock(argument);
    return (void *)(long)error;
}

static void test_robust(void)
{
    pthread_mutex_t robust;
    pthread_t waiter, owner;
    void *result;
    make_mutex(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
    run_one(lock_and_leave, &robust);
    is(pthread_mutex_lock(&robust), EOWNERDEAD, "a robust mutex whose owner ended");
    is(pthread_mutex_consistent(&robust), 0, "is made consistent");
    is(pthread_mutex_unlock(&robust), 0, "and used on");
    is(pthread_mutex_lock(&robust), 0, "as before");
    is(pthread_mutex_consistent(&robust), EINVAL, "nothing to make consistent");
    pthread_mutex_unlock(&robust);
    pthread_create(&owner, NULL, lock_and_leave, &robust);
    usleep(20000);
    pthread_join(owner, NULL);
    pthread_mutex_lock(&robust);
    pthread_create(&waiter, NULL, wait_for_heritage, &robust);
    usleep(20000);
    pthread_mutex_unlock(&robust);
    pthread_join(waiter, &result);
    is((long)result, ENOTRECOVERABLE, "not made consistent: who waits learns of it");
    is(pthread_mutex_lock(&robust), ENOTRECOVERABLE, "for good");
}

static void test_mutexes(void)
{
    test_kinds();
    test_robust();
    run_all(add, NULL);
    is(counter, THREADS * ROUNDS, "a mutex excludes");
    counter = 0;
    run_all(add_timed, NULL);
    is(counter + timeouts, THREADS * 300, "and so does a timed one");
    printf("# %ld timed out\n", timeouts);
    is(pthread_mutex_destroy(&mutex), 0, "which is free at the end");
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static pthread_cond_t full = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t start = PTHREAD_COND_INITIALIZER;
static int queue[4], queued, sum, ready, woken;

static void *produce(void *argument)
{
    long which = (long)argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        if (which % 2) {
            while (queued == 4)
                pthread_cond_wait(&empty, &mutex);
            queue[queued++] = 1;
            pthread_cond_signal(&full);
            pthread_mutex_unlock(&mutex);
        } else {
            while (queued == 0)
                pthread_cond_wait(&full, &mutex);
            sum += queue[--queued];
            pthread_mutex_unlock(&mutex);
            pthread_cond_signal(&empty);
        }
    }
    return NULL;
}

static void *wait_start(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    ready++;
    pthread_cond_signal(&full);
    pthread_cond_wait(&start, &mutex);
    woken++;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *wait_timed(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    for (int i = 0; i < 100; i++) {
        struct timespec soon = after(CLOCK_REALTIME, 0);
        soon.tv_nsec = (soon.tv_nsec + rand_r(&seed) % 1000000) % 1000000000;
        pthread_mutex_lock(&mutex);
        int error = pthread_cond_timedwait(&start, &mutex, &soon);
        if (error != 0 && error != ETIMEDOUT)
            woken = -1000000;
        woken += error == 0;
        pthread_cond_signal(&start);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void test_broadcast(bool holding, const char *name)
{
    pthread_t threads[THREADS];
    ready = woken = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, wait_start, NULL);
    pthread_mutex_lock(&mutex);
    while (ready < THREADS)
        pthread_cond_wait(&full, &mutex);
    if (!holding)
        pthread_mutex_unlock(&mutex);
    pthread_cond_broadcast(&start);
    if (holding)
        pthread_mutex_unlock(&mutex);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    is(woken, THREADS, name);
}

static void test_conditions(void)
{
    pthread_condattr_t attributes;
    pthread_cond_t monotonic;
    pthread_mutex_init(&mutex, NULL);
    run_all(produce, NULL);
    ok(sum == THREADS / 2 * ROUNDS && queued == 0, "producers and consumers");
    test_broadcast(true, "broadcast with the mutex wakes all");
    test_broadcast(false, "and without");
    pthread_mutex_lock(&mutex);
    struct timespec soon = after(CLOCK_REALTIME, 10);
    is(pthread_cond_timedwait(&start, &mutex, &soon), ETIMEDOUT, "timedwait");
    ok(reached(&soon, CLOCK_REALTIME), "not before");
    is((long)run_one(try_lock, &mutex), EBUSY, "the mutex is locked again");
    soon = after(CLOCK_MONOTONIC, 10);
    is(pthread_cond_clockwait(&start, &mutex, CLOCK_MONOTONIC, &soon), ETIMEDOUT, "clockwait");
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&monotonic, &attributes);
    soon = after(CLOCK_MONOTONIC, 10);
    is(pthread_cond_timedwait(&monotonic, &mutex, &soon), ETIMEDOUT, "a monotonic condition");
    ok(reached(&soon, CLOCK_MONOTONIC), "not before");
    pthread_mutex_unlock(&mutex);
    is(pthread_cond_wait(&start, &mutex), EPERM, "without the mutex");
    woken = 0;
    run_all(wait_timed, NULL);
    ok(woken >= 0, "timed waits and signals at once");
    printf("# %d of %d woken\n", woken, THREADS * 100);
    ok(pthread_cond_destroy(&start) == 0 && pthread_mutex_destroy(&mutex) == 0, "nothing is left");
}

/* ---- Rwlocks --------------------------------------------------------------------------------- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long first_half, second_half, torn;

static void *read_write(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument + 1;
    for (int i = 0; i < ROUNDS; i++) {
        struct timespec soon = after(CLOCK_REALTIME, 0);
        int what = rand_r(&seed) % 8;
        soon.tv_nsec = (soon.tv_nsec + rand_r(&seed) % 100000) % 1000000000;
        if (what == 0 || (what == 1 && pthread_rwlock_timedwrlock(&rwlock, &soon) == 0)) {
            if (what == 0)
                pthread_rwlock_wrlock(&rwlock);
            first_half++;
            if (i % 16 == 0)
                sched_yield();
            second_half++;
            pthread_rwlock_unlock(&rwlock);
        } else if (what != 1 && (what > 2 || pthread_rwlock_timedrdlock(&rwlock, &soon) == 0)) {
            if (what > 2)
                pthread_rwlock_rdlock(&rwlock);
            if (what == 7)
                pthread_rwlock_rdlock(&rwlock);
            if (first_half != second_half)
                __atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
            if (what == 7)
                pthread_rwlock_unlock(&rwlock);
            pthread_rwlock_unlock(&rwlock);
        }
    }
    return NULL;
}

static void *try_read(void *argument)
{
    int error = pthread_rwlock_tryrdlock(argument);
    if (error == 0)
        pthread_rwlock_unlock(argument);
    return (void *)(long)error;
}

static void *try_write(void *argument)
{
    int error = pthread_rwlock_trywrlock(argument);
    if (error == 0)
        pthread_rwlock_unlock(argument);
    return (void *)(long)error;
}

static void *write_timed(void *argument)
{
    struct timespec soon = after(CLOCK_REALTIME, 50);
    return (void *)(long)pthread_rwlock_timedwrlock(argument, &soon);
}

static void *read_one(void *argument)
{
    pthread_rwlock_rdlock(argument);
    return (void *)(long)pthread_rwlock_unlock(argument);
}

static void test_rwlocks(void)
{
    pthread_t writer, reader;
    void *result;
    pthread_rwlock_rdlock(&rwlock);
    is((long)run_one(try_read, &rwlock), 0, "readers share");
    is((long)run_one(try_write, &rwlock), EBUSY, "and keep writers out");
    pthread_create(&writer, NULL, write_timed, &rwlock);
    usleep(10000);
    is((long)run_one(try_read, &rwlock), EBUSY, "a waiting writer keeps new readers out");
    ok(pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0,
       "but not those who read already");
    pthread_create(&reader, NULL, read_one, &rwlock);
    pthread_join(writer, &result);
    is((long)result, ETIMEDOUT, "a writer's deadline");
    is(pthread_join(reader, NULL), 0, "lets readers behind it in");
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_wrlock(&rwlock);
    is(pthread_rwlock_wrlock(&rwlock), EDEADLK, "writing twice");
    is((long)run_one(try_read, &rwlock), EBUSY, "a writer keeps readers out");
    is(pthread_rwlock_destroy(&rwlock), EBUSY, "destroying a locked one");
    is(pthread_rwlock_unlock(&rwlock), 0, "unlock");
    run_all(read_write, NULL);
    is(torn, 0, "readers see whole updates");
    is(first_half, second_half, "and no update is lost");
    is(pthread_rwlock_destroy(&rwlock), 0, "free at the end");
}

/* ---- Barriers, semaphores, spin locks -------------------------------------------------------- */

static pthread_barrier_t barrier;
static sem_t semaphore;
static pthread_spinlock_t spinlock;
static int arrived[ROUNDS], serial, early;

static void *meet(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS / 10; i++) {
        __atomic_fetch_add(&arrived[i], 1, __ATOMIC_RELAXED);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED);
        if (arrived[i] != THREADS)
            __atomic_fetch_add(&early, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void *use_semaphore(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct timespec soon = after(CLOCK_REALTIME, 0);
        soon.tv_nsec = (soon.tv_nsec + rand_r(&seed) % 300000) % 1000000000;
        if (i % 4 ? sem_wait(&semaphore) : sem_timedwait(&semaphore, &soon))
            continue;
        if (__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED) > 3)
            early++;
        if (i % 32 == 0)
            sched_yield();
        __atomic_sub_fetch(&counter, 1, __ATOMIC_RELAXED);
        sem_post(&semaphore);
    }
    return NULL;
}

static void *add_spinning(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&spinlock);
        counter++;
        pthread_spin_unlock(&spinlock);
    }
    return NULL;
}

static void test_others(void)
{
    int value = 0;
    is(pthread_barrier_init(&barrier, NULL, 0), EINVAL, "a barrier for nobody");
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_all(meet, NULL);
    ok(early == 0 && serial == ROUNDS / 10, "a barrier: nobody is early, one is serial");
    is(pthread_barrier_destroy(&barrier), 0, "destroyed");
    counter = 0;
    sem_init(&semaphore, 0, 3);
    run_all(use_semaphore, NULL);
    is(early, 0, "a semaphore of three lets three in");
    ok(sem_getvalue(&semaphore, &value) == 0 && value == 3, "and has three at the end");
    ok(sem_trywait(&semaphore) == 0 && sem_trywait(&semaphore) == 0 &&
           sem_trywait(&semaphore) == 0 && sem_trywait(&semaphore) == -1 && errno == EAGAIN,
       "sem_trywait");
    struct timespec soon = after(CLOCK_REALTIME, 10);
    ok(sem_timedwait(&semaphore, &soon) == -1 && errno == ETIMEDOUT, "sem_timedwait");
    ok(reached(&soon, CLOCK_REALTIME), "not before");
    is(sem_destroy(&semaphore), 0, "sem_destroy");
    ok(sem_init(&semaphore, 0, (unsigned)SEM_VALUE_MAX + 1) == -1 && errno == EINVAL, "too many");
    sem_init(&semaphore, 0, SEM_VALUE_MAX);
    ok(sem_post(&semaphore) == -1 && errno == EOVERFLOW, "one more");
    counter = 0;
    pthread_spin_init(&spinlock, 0);
    run_all(add_spinning, NULL);
    is(counter, THREADS * ROUNDS, "a spin lock excludes");
}

int main(void)
{
    test_mutexes();
    test_conditions();
    test_rwlocks();
    test_others();
    return tap_end();
}
