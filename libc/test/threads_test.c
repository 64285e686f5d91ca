/*
 * Threads: creation, ends, cancellation, keys, once.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static _Thread_local int local = 7;

static void *add_one(void *argument)
{
    local++;
    errno = 99;
    return (void *)((uintptr_t)argument + (uintptr_t)local);
}

static void test_create(void)
{
    pthread_t thread;
    void *result;
    errno = 5;
    is(pthread_create(&thread, NULL, add_one, (void *)100), 0, "pthread_create");
    is(pthread_join(thread, &result), 0, "pthread_join");
    is((long)result, 108, "its result");
    ok(local == 7 && errno == 5, "thread-local data is its own");
    bool good = true;
    for (int i = 0; i < 1000; i++) {
        good &= pthread_create(&thread, NULL, add_one, (void *)(long)i) == 0;
        good &= pthread_join(thread, &result) == 0 && (long)result == i + 8;
    }
    ok(good, "a thousand, one after the other");
    enum { MANY = 100 };
    pthread_t threads[MANY];
    for (int i = 0; i < MANY; i++)
        good &= pthread_create(&threads[i], NULL, add_one, (void *)(long)i) == 0;
    for (int i = 0; i < MANY; i++)
        good &= pthread_join(threads[i], &result) == 0 && (long)result == i + 8;
    ok(good, "a hundred at once");
    is(pthread_join(pthread_self(), NULL), EDEADLK, "joining oneself");
}

static sem_t done;

static void *post(void *argument)
{
    sem_post(&done);
    return argument;
}

static void *linger(void *argument)
{
    usleep(20000);
    sem_post(&done);
    return argument;
}

static void test_detach(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    bool good = true;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attributes);
    is(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0, "setdetachstate");
    for (int i = 0; i < 200; i++)
        good &= pthread_create(&thread, &attributes, post, NULL) == 0 && sem_wait(&done) == 0;
    ok(good, "detached threads");
    for (int i = 0; i < 200; i++) {
        good &= pthread_create(&thread, NULL, post, NULL) == 0;
        good &= pthread_detach(thread) == 0 && sem_wait(&done) == 0;
    }
    ok(good, "threads detached while they run or after");
    good &= pthread_create(&thread, NULL, linger, NULL) == 0 && pthread_detach(thread) == 0;
    is(pthread_join(thread, NULL), EINVAL, "a detached one cannot be joined");
    is(pthread_detach(thread), EINVAL, "nor detached again");
    sem_wait(&done);
}

static void *use_stack(void *argument)
{
    volatile char bytes[50000];
    memset((char *)bytes, 1, sizeof bytes);
    *(uintptr_t *)argument = (uintptr_t)bytes;
    return (void *)(uintptr_t)bytes[100];
}

static void test_stack(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    uintptr_t where;
    size_t size;
    void *result;
    pthread_attr_init(&attributes);
    is(pthread_attr_setstacksize(&attributes, 100), EINVAL, "too small a stack");
    is(pthread_attr_setstacksize(&attributes, 200000), 0, "a stack's size");
    pthread_attr_getstacksize(&attributes, &size);
    is((long)size, 200000, "is given back");
    pthread_attr_setguardsize(&attributes, 10000);
    for (int i = 0; i < 3; i++)
        pthread_create(&thread, &attributes, use_stack, &where), pthread_join(thread, &result);
    ok(result == (void *)1, "threads with stacks of their size");
    char *stack = aligned_alloc(4096, 1 << 17);
    is(pthread_attr_setstack(&attributes, stack, 1 << 17), 0, "a stack of one's own");
    pthread_create(&thread, &attributes, use_stack, &where);
    pthread_join(thread, NULL);
    ok(where > (uintptr_t)stack && where < (uintptr_t)stack + (1 << 17), "is used");
    free(stack);
}

/* ---- Keys and once --------------------------------------------------------------------------- */

static pthread_key_t key, again;
static int destroyed, runs;

static void destroy(void *value)
{
    destroyed += *(int *)value;
    if (pthread_getspecific(again) == NULL && destroyed < 5)
        pthread_setspecific(again, value);
}

static void *set_keys(void *argument)
{
    static int two = 2;
    if (pthread_getspecific(key) != NULL)
        return NULL;
    pthread_setspecific(key, &two);
    return argument;
}

static void count_run(void)
{
    usleep(10000);
    runs++;
}

static void *run_once(void *argument)
{
    pthread_once(argument, count_run);
    return (void *)(long)runs;
}

static void test_keys(void)
{
    pthread_t thread;
    void *result;
    ok(pthread_key_create(&key, destroy) == 0 && pthread_key_create(&again, destroy) == 0, "keys");
    ok(pthread_getspecific(key) == NULL, "are null at first");
    pthread_create(&thread, NULL, set_keys, (void *)1);
    pthread_join(thread, &result);
    ok(result == (void *)1 && destroyed == 6, "destructors run, and again if they set a value");
    pthread_create(&thread, NULL, set_keys, (void *)1);
    pthread_join(thread, &result);
    ok(result == (void *)1, "a thread in used memory begins with nulls");
    is(pthread_key_delete(key), 0, "pthread_key_delete");
    is(pthread_setspecific(key, &key), EINVAL, "a key that is not");
    pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
    int count = 0, error;
    while ((error = pthread_key_create(&keys[count], NULL)) == 0)
        count++;
    ok(error == EAGAIN && count == PTHREAD_KEYS_MAX - 1, "there are PTHREAD_KEYS_MAX");
    while (count > 0)
        pthread_key_delete(keys[--count]);

    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_t threads[8];
    bool good = true;
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, run_once, &once);
    for (int i = 0; i < 8; i++)
        good &= pthread_join(threads[i], &result) == 0 && result == (void *)1;
    ok(good && runs == 1, "pthread_once runs once, and all wait for it");
}

/* ---- Cancellation ---------------------------------------------------------------------------- */

static int cleaned;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t begun;

static void clean(void *argument)
{
    cleaned = cleaned * 10 + (int)(long)argument;
}

static void unlock(void *argument)
{
    cleaned = pthread_mutex_unlock(argument) == 0 ? cleaned * 10 + 3 : -1;
}

static void *sleep_long(void *argument)
{
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)2);
    sem_post(&begun);
    sleep(1000);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return argument;
}

static void *wait_cond(void *argument)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    sem_post(&begun);
    while (1)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
    return argument;
}

static void *wait_sem(void *argument)
{
    sem_post(&begun);
    sem_wait(argument);
    return NULL;
}

static void *join_other(void *argument)
{
    sem_post(&begun);
    pthread_join(argument, NULL);
    return NULL;
}

static void *disabled(void *argument)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    sem_post(&begun);
    usleep(30000);
    pthread_testcancel();
    *(int *)argument = 1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    *(int *)argument = 2;
    return NULL;
}

static void *spin(void *argument)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    pthread_cleanup_push(clean, (void *)7);
    sem_post(&begun);
    for (volatile long i = 0;; i++)
        ;
    pthread_cleanup_pop(0);
    return argument;
}

static void cancelled(void *(*function)(void *), void *argument, bool waits, const char *name)
{
    pthread_t thread;
    void *result;
    cleaned = 0;
    pthread_create(&thread, NULL, function, argument);
    sem_wait(&begun);
    if (waits)
        usleep(20000);
    is(pthread_cancel(thread), 0, name);
    ok(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED, "ends it");
}

static void test_cancel(void)
{
    static sem_t never;
    pthread_t sleeper;
    int seen = 0;
    sem_init(&begun, 0, 0);
    sem_init(&never, 0, 0);
    cancelled(sleep_long, NULL, true, "cancel in sleep");
    is(cleaned, 21, "cleanup handlers, last first");
    cancelled(sleep_long, NULL, false, "cancel before or in sleep");
    cancelled(wait_cond, NULL, true, "cancel in pthread_cond_wait");
    is(cleaned, 3, "with the mutex locked");
    cancelled(wait_sem, &never, true, "cancel in sem_wait");
    pthread_create(&sleeper, NULL, sleep_long, NULL);
    sem_wait(&begun);
    cancelled(join_other, sleeper, true, "cancel in pthread_join");
    pthread_cancel(sleeper);
    is(pthread_join(sleeper, NULL), 0, "whose target can still be joined");
    cancelled(disabled, &seen, true, "cancel while disabled");
    is(seen, 1, "only once it is enabled");
    cancelled(spin, NULL, true, "cancel at once");
    is(cleaned, 7, "with cleanup");
}

static void *leave_early(void *argument)
{
    pthread_cleanup_push(clean, (void *)4);
    pthread_exit(argument);
    pthread_cleanup_pop(0);
    return NULL;
}

/* ---- <threads.h> ----------------------------------------------------------------------------- */

static mtx_t c11_mutex;
static cnd_t c11_condition;
static once_flag c11_once = ONCE_FLAG_INIT;
static tss_t c11_key;
static int c11_count, c11_called, c11_destroyed;

static void c11_call(void)
{
    c11_called++;
}

static void c11_destroy(void *value)
{
    c11_destroyed += *(int *)value;
}

static int c11_work(void *argument)
{
    static int one = 1;
    call_once(&c11_once, c11_call);
    tss_set(c11_key, &one);
    for (int i = 0; i < 1000; i++) {
        mtx_lock(&c11_mutex);
        c11_count++;
        mtx_unlock(&c11_mutex);
        if (i % 100 == 0)
            thrd_yield();
    }
    cnd_signal(&c11_condition);
    return *(int *)argument;
}

static void test_c11(void)
{
    thrd_t threads[3];
    int numbers[3] = {-1, 5, 1000}, result;
    bool good = true;
    ok(mtx_init(&c11_mutex, mtx_plain) == thrd_success &&
           cnd_init(&c11_condition) == thrd_success &&
           tss_create(&c11_key, c11_destroy) == thrd_success,
       "<threads.h>");
    for (int i = 0; i < 3; i++)
        good &= thrd_create(&threads[i], c11_work, &numbers[i]) == thrd_success;
    mtx_lock(&c11_mutex);
    while (c11_count < 3000)
        cnd_wait(&c11_condition, &c11_mutex);
    good &= mtx_trylock(&c11_mutex) == thrd_busy;
    mtx_unlock(&c11_mutex);
    for (int i = 0; i < 3; i++)
        good &= thrd_join(threads[i], &result) == thrd_success && result == numbers[i];
    ok(good && c11_called == 1 && c11_destroyed == 3, "its threads, locks and keys");
    struct timespec soon, span = {0, 1000000};
    timespec_get(&soon, TIME_UTC);
    mtx_lock(&c11_mutex);
    ok(cnd_timedwait(&c11_condition, &c11_mutex, &soon) == thrd_timedout, "waiting runs out");
    mtx_unlock(&c11_mutex);
    ok(thrd_sleep(&span, NULL) == 0 && thrd_equal(thrd_current(), thrd_current()), "thrd_sleep");
}

int main(void)
{
    pthread_t thread;
    void *result;
    test_create();
    test_detach();
    test_stack();
    test_keys();
    test_cancel();
    cleaned = 0;
    pthread_create(&thread, NULL, leave_early, (void *)77);
    ok(pthread_join(thread, &result) == 0 && result == (void *)77 && cleaned == 4, "pthread_exit");
    test_c11();
    return tap_end();
}
