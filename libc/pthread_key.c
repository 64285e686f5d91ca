/*
 * Thread-specific data.  A thread's values lie in its struct; those from keys_used on have not been
 * written and count as null, so that a new thread need not clear them all.
 *
 * The table of keys is written under the lock of the list of threads; a destructor is read without.
 */
#include <errno.h>
#include <pthread.h>

#include "thread.h"

typedef void (*destructor_t)(void *);

static struct {
    bool used;
    destructor_t destructor;
} keys[PTHREAD_KEYS_MAX];

static void clear_everywhere(pthread_key_t key)
{
    for (struct __pthread *thread = __libc_threads_first(); thread; thread = thread->next)
        thread->values[key] = NULL;
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int error = EAGAIN;
    __libc_threads_lock();
    for (pthread_key_t i = 0; i < PTHREAD_KEYS_MAX && error; i++) {
        if (keys[i].used)
            continue;
        clear_everywhere(i);
        keys[i].used = true;
        __atomic_store_n(&keys[i].destructor, destructor, __ATOMIC_RELEASE);
        *key = i;
        error = 0;
    }
    __libc_threads_unlock();
    return error;
}

int pthread_key_delete(pthread_key_t key)
{
    if (key >= PTHREAD_KEYS_MAX)
        return EINVAL;
    __libc_threads_lock();
    bool was_used = keys[key].used;
    keys[key].used = false;
    __atomic_store_n(&keys[key].destructor, NULL, __ATOMIC_RELEASE);
    __libc_threads_unlock();
    return was_used ? 0 : EINVAL;
}

void *pthread_getspecific(pthread_key_t key)
{
    struct __pthread *self = thread_self();
    return key < self->keys_used ? self->values[key] : NULL;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    struct __pthread *self = thread_self();
    if (key >= PTHREAD_KEYS_MAX || !keys[key].used)
        return EINVAL;
    while (self->keys_used <= key)
        self->values[self->keys_used++] = NULL;
    self->values[key] = (void *)value;
    return 0;
}

/* One round; false: there was nothing to destroy. */
static bool destroy_values(struct __pthread *self)
{
    bool any = false;
    for (pthread_key_t i = 0; i < self->keys_used; i++) {
        destructor_t destructor = __atomic_load_n(&keys[i].destructor, __ATOMIC_ACQUIRE);
        void *value = self->values[i];
        if (value == NULL || destructor == NULL)
            continue;
        self->values[i] = NULL;
        destructor(value);
        any = true;
    }
    return any;
}

void __libc_keys_destroy(struct __pthread *self)
{
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        if (!destroy_values(self))
            return;
    }
}
