/*
 * Per-CPU run queues: fixed priorities, round-robin within one, tickless.
 */
#ifndef SCHED_H
#define SCHED_H

#include "thread.h"

#define QUANTUM_NS 10000000ull

struct run_queue {
    struct list level[PRIORITY_COUNT];
    u64 occupied; /* bit p: level[p] is not empty */
    u32 count;
};

/* Makes a thread of this CPU ready; asks for a reschedule if it should run before current. */
void sched_ready(struct thread *thread);
/* As sched_ready, in front of its equals: it was interrupted, not tired. */
void sched_ready_first(struct thread *thread);
/* Takes a READY thread of this CPU off its queue. */
void sched_unready(struct thread *thread);
/* Its effective priority changes (any state; this CPU's thread). */
void sched_set_effective(struct thread *thread, u8 effective);

/* Leaves the current thread (already in another state) and runs the best there is, or idles. */
noreturn void schedule(void);

/* Goes straight to a thread of this CPU that is not on a run queue. */
noreturn void switch_to(struct thread *next);

/* If a better or equal thread is ready, puts current back and runs that. */
void sched_yield(void);

/* At the end of an interrupt: if a better thread is ready and nothing else is due, runs it. */
void sched_preempt(void);

/* Which CPU a thread free to move should start on. */
struct cpu *sched_place(void);

/* No more time is charged to a thread: it leaves this CPU. */
void sched_uncharge(struct thread *thread);

/* Once, before anything else here, for all CPUs there may be. */
void sched_init(void);

#endif
