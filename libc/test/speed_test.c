/*
 * What libc's own operations cost, in counts of the time-stamp counter beside their budgets: these
 * are instructions under `make bench`, and mean nothing otherwise.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t ping, pong, semaphore;
static struct timespec time_now;

static void lock(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static void read_lock(void)
{
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}

static void semaphores(void)
{
    sem_post(&semaphore);
    sem_wait(&semaphore);
}

static void get_time(void)
{
    clock_gettime(CLOCK_MONOTONIC, &time_now);
}

static void allocate(void)
{
    static void *volatile block;
    block = malloc(100);
    free(block);
}

static void *nothing(void *argument)
{
    return argument;
}

static void create(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, nothing, NULL);
    pthread_join(thread, NULL);
}

static void *echo(void *argument)
{
    for (;;) {
        sem_wait(&ping);
        sem_post(&pong);
    }
    return argument;
}

static void bounce(void)
{
    sem_post(&ping);
    sem_wait(&pong);
}

/* Two threads of which each always wants the mutex while the other has it: every unlock hands
 * over. */
static volatile int stop;

static void *contend(void *argument)
{
    while (!stop) {
        pthread_mutex_lock(&mutex);
        sched_yield();
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

static void hand_over(void)
{
    pthread_mutex_lock(&mutex);
    sched_yield();
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    pthread_t thread;
    sem_init(&ping, 0, 0);
    sem_init(&pong, 0, 0);
    sem_init(&semaphore, 0, 0);
    empty_cost = measure(empty);
    report("mutex lock + unlock, uncontended", lock, 40);
    report("rwlock rdlock + unlock, uncontended", read_lock, 80);
    report("sem_post + sem_wait, uncontended", semaphores, 80);
    report("clock_gettime", get_time, 60);
    report("malloc(100) + free", allocate, 300);
    report("pthread_create + pthread_join", create, 5000);
    pthread_create(&thread, NULL, echo, NULL);
    report("semaphore round trip, two threads", bounce, 2400);
    pthread_create(&thread, NULL, contend, NULL);
    report("mutex handed over twice, with two yields", hand_over, 2400);
    stop = 1;
    pthread_join(thread, NULL);
    return 0;
}
