/*
 * Short locks.  The kernel runs with interrupts off, so a lock is never taken twice on one CPU by
 * an interrupt.  A CPU that waits for a lock goes on answering TLB shootdowns (cpu_relax_poll),
 * so a holder may wait for those.
 *
 * Order (take downwards only):
 *   1 task (handle table, thread list)      4 VM object (parent before child: clone <- original)
 *   2 address space (mapping tree)          5 port
 *   3 loan                                  6 timer queue, run queue, domain, irq table
 *                                           7 page allocator, slab, budget, message ids, IOMMU
 * No lock is held when a thread is left (schedule) or user mode is entered.
 */
#ifndef SPINLOCK_H
#define SPINLOCK_H

#include "kernel.h"

struct spinlock {
    u32 held;
};

/* Answers what other CPUs wait for (TLB shootdowns, stop requests) while this one waits. */
void cpu_relax_poll(void);

static inline bool spin_try_lock(struct spinlock *lock)
{
    return !__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE);
}

/* Waits until it has the lock; a function of its own to keep it out of the way. */
#ifdef UNIT_TEST
static inline void spin_wait(struct spinlock *lock)
{
    while (!spin_try_lock(lock))
        cpu_relax_poll();
}
#else
rarely void spin_wait(struct spinlock *lock);
#endif

static inline void spin_lock(struct spinlock *lock)
{
    if (unlikely(!spin_try_lock(lock)))
        spin_wait(lock);
}

static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
