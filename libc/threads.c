/*
 * The list of this process's threads.
 */
#include "call.h"
#include "lock.h"
#include "syscall.h"
#include "thread.h"

static struct __lock_word list_lock;
static struct __pthread *first;
static uint64_t ended_time; /* ns of processor time of those that have left the list */

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

/* ns; 0: its thread is not known to the kernel any more. */
static uint64_t time_of(const struct __pthread *thread)
{
    const struct message_area *area = call_begin();
    int64_t result = sys_thread_info(__atomic_load_n(&thread->handle, __ATOMIC_RELAXED));
    uint64_t time = result < 0 ? 0 : ((const struct thread_info *)area->bytes)->cpu_time;
    call_end();
    return time;
}

void __libc_threads_note_time(const struct __pthread *thread)
{
    ended_time += time_of(thread);
}

uint64_t __libc_threads_time(void)
{
    __libc_lock(&list_lock);
    uint64_t time = ended_time;
    for (const struct __pthread *thread = first; thread; thread = thread->next)
        time += time_of(thread);
    __libc_unlock(&list_lock);
    return time;
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
    ended_time = 0;
}
