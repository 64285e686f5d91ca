/*
 * Timer queues, one per CPU; see timer.h.
 */
#include "timer.h"

#include "cpu.h"
#include "spinlock.h"
#include "x86/platform.h"

static struct timer_queue {
    struct spinlock lock; /* level 6 */
    struct tree timers;
    struct tree_node *first;
    u64 armed; /* what the hardware is set for */
} queues[CPUS_MAX];

void timer_init(void)
{
    for (u32 i = 0; i < CPUS_MAX; i++)
        queues[i].armed = DEADLINE_NEVER;
}

/* Sets the hardware for the first timer, if that is sooner than it is set for. Lock held, own CPU.
 */
static void arm(struct timer_queue *queue)
{
    u64 deadline = queue->first ? queue->first->key : DEADLINE_NEVER;
    if (deadline < queue->armed) {
        queue->armed = deadline;
        platform_arm_timer(deadline);
    }
}

static void unlink_timer(struct timer_queue *queue, struct timer *timer)
{
    if (queue->first == &timer->node)
        queue->first = tree_next(&timer->node);
    tree_remove(&queue->timers, &timer->node);
    atomic_store(&timer->cpu, NULL);
}

bool timer_cancel(struct timer *timer)
{
    for (;;) {
        struct cpu *cpu = atomic_load(&timer->cpu);
        if (!cpu)
            return false;
        struct timer_queue *queue = &queues[cpu->id];
        spin_lock(&queue->lock);
        bool here = timer->cpu == cpu;
        if (here)
            unlink_timer(queue, timer);
        spin_unlock(&queue->lock);
        if (here)
            return true;
    }
}

void timer_set(struct timer *timer, u64 deadline)
{
    struct cpu *cpu = this_cpu();
    struct timer_queue *queue = &queues[cpu->id];
    if (timer->cpu)
        timer_cancel(timer);
    spin_lock(&queue->lock);
    timer->node.key = deadline;
    atomic_store(&timer->cpu, cpu);
    tree_insert(&queue->timers, &timer->node);
    if (!queue->first || deadline < queue->first->key)
        queue->first = &timer->node;
    arm(queue);
    spin_unlock(&queue->lock);
}

void timer_interrupt(void)
{
    struct timer_queue *queue = &queues[this_cpu()->id];
    spin_lock(&queue->lock);
    queue->armed = DEADLINE_NEVER;
    while (queue->first && queue->first->key <= clock_now()) {
        struct timer *timer = container_of(queue->first, struct timer, node);
        unlink_timer(queue, timer);
        spin_unlock(&queue->lock);
        timer->fire(timer);
        spin_lock(&queue->lock);
    }
    arm(queue);
    spin_unlock(&queue->lock);
}
