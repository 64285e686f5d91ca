/*
 * The list of this process's threads.
 */
#include "lock.h"
#include "thread.h"

static struct __lock_word list_lock;
static struct __pthread *first;

void __libc_threads_lock(void)
{
    __libc_lock(&list_lock);
}

void __libc_threads_unlock(void)
{
    __libc_unlock(&list_lock);
}

void __libc_threads_add(struct __pthread *thread)
{
    thread->previous = NULL;
    thread->next = first;
    if (first)
        first->previous = thread;
    first = thread;
}

void __libc_threads_remove(struct __pthread *thread)
{
    if (thread->next)
        thread->next->previous = thread->previous;
    if (thread->previous)
        thread->previous->next = thread->next;
    else
        first = thread->next;
}

struct __pthread *__libc_threads_first(void)
{
    return first;
}

void __libc_threads_reset(void)
{
    struct __pthread *self = thread_self();
    list_lock = (struct __lock_word){0};
    self->next = self->previous = NULL;
    first = self;
}
