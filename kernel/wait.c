/*
 * Wait queues; see wait.h.
 */
#include "wait.h"

#include "thread.h"

void wait_queue_park(struct wait_queue *queue, u64 key)
{
    struct thread *self = current_thread();
    self->park_key = key;
    self->parked_on = queue;
    self->wait_status = 0;
    self->state = THREAD_PARKED;
    self->sleeping = false;
    self->deadline = DEADLINE_NEVER;
    list_append(&queue->threads, &self->park_link);
}

void wait_queue_wake(struct wait_queue *queue, u64 first, u64 last, int status)
{
    list_for_each_safe (node, next, &queue->threads) {
        struct thread *thread = list_entry(node, struct thread, park_link);
        if (thread->park_key < first || thread->park_key > last)
            continue;
        list_remove(node);
        atomic_store(&thread->parked_on, NULL);
        thread->wake_status = status;
        /* By mail even to this CPU: the queue's lock is held, and waking may do anything. */
        cpu_post(thread->cpu, &thread->wake_mail);
    }
}

bool wait_queue_leave(struct thread *thread)
{
    struct wait_queue *queue = atomic_load(&thread->parked_on);
    if (!queue)
        return false; /* woken; the mail is on its way */
    struct spinlock *lock = queue->lock;
    spin_lock(lock);
    bool there = !list_empty(&thread->park_link);
    list_remove(&thread->park_link);
    thread->parked_on = NULL;
    spin_unlock(lock);
    return there;
}

int wait_status_take(void)
{
    struct thread *self = current_thread();
    int status = self->wait_status;
    self->wait_status = 0;
    return status;
}
