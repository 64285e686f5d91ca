/*
 * The scheduler.  Owns the run queues and the choice of what each CPU runs.
 *
 * A run queue is touched by its own CPU only.  The current thread is on no queue; a thread that is
 * woken by a message goes straight to the CPU when it is at least as urgent as all that are ready.
 * The quantum timer is set only while a second thread of the same priority is ready.
 *
 * Processor time is charged to cpu->charged, who is switched only here: on the message fast path a
 * server runs on its caller's time.
 */
#include "sched.h"

#include "fpu.h"
#include "quiesce.h"
#include "trace.h"
#include "x86/platform.h"

/* How long freeing what is dead may wait for a thread that does not enter the kernel. */
#define DUE_WORK_NS 200000ull

static struct run_queue run_queues[CPUS_MAX];
static struct timer quantum_timers[CPUS_MAX];
static void nothing(struct timer *timer)
{
    (void)timer;
}

static struct timer due_work_timers[CPUS_MAX];
static struct cpu_call steal_calls[CPUS_MAX]; /* [idle CPU]: its request to a busy one */
static u32 steal_posted[CPUS_MAX];

noreturn void enter_user(void); /* entry.S: return_to_user */

static void ask_reschedule(void)
{
    atomic_or(&this_cpu()->anomaly, ANOMALY_RESCHEDULE);
}

static void quantum_over(struct timer *timer)
{
    (void)timer;
    this_cpu()->quantum_armed = 0;
    ask_reschedule();
}

/* Sets the quantum if an equal of the current thread is ready, and none runs already. */
static void arm_quantum(struct cpu *cpu)
{
    if (likely(cpu->quantum_armed) || !cpu->current || cpu->ready_top < cpu->current->effective)
        return;
    cpu->quantum_armed = 1;
    timer_set(&quantum_timers[cpu->id], clock_now() + QUANTUM_NS);
}

/* The highest priority in the lists, or -1. */
static i32 list_top(const struct run_queue *queue)
{
    return queue->occupied ? 63 - __builtin_clzll(queue->occupied) : -1;
}

static void list_in(struct run_queue *queue, struct thread *thread, bool first)
{
    struct list *level = &queue->level[thread->effective];
    if (first)
        list_prepend(level, &thread->ready_link);
    else
        list_append(level, &thread->ready_link);
    queue->occupied |= 1ull << thread->effective;
    queue->count++;
    this_cpu()->listed++;
}

static void list_out(struct run_queue *queue, struct thread *thread)
{
    list_remove(&thread->ready_link);
    queue->count--;
    this_cpu()->listed--;
    if (list_empty(&queue->level[thread->effective]))
        queue->occupied &= ~(1ull << thread->effective);
}

/*
 * The best of those ready is kept out of the lists, in cpu->next, while it is alone at the top: the
 * usual one that is woken and runs soon never sees a list.
 */
static void enqueue(struct thread *thread, bool first)
{
    struct cpu *cpu = this_cpu();
    struct run_queue *queue = &run_queues[cpu->id];
    i32 level = thread->effective;
    assert(thread->cpu == cpu);
    thread->state = THREAD_READY;
    thread->queued = 1;
    if (level > cpu->ready_top || (first && level == cpu->ready_top)) {
        if (cpu->next)
            list_in(queue, cpu->next, true);
        cpu->next = thread;
        cpu->ready_top = level;
    } else {
        list_in(queue, thread, first);
    }
    if (!cpu->current || level > cpu->current->effective)
        ask_reschedule();
    else
        arm_quantum(cpu);
}

void sched_ready(struct thread *thread)
{
    enqueue(thread, false);
}

void sched_ready_first(struct thread *thread)
{
    enqueue(thread, true);
}

void sched_unready(struct thread *thread)
{
    struct cpu *cpu = this_cpu();
    struct run_queue *queue = &run_queues[cpu->id];
    thread->queued = 0;
    if (cpu->next == thread)
        cpu->next = NULL;
    else
        list_out(queue, thread);
    cpu->ready_top = cpu->next ? cpu->next->effective : list_top(queue);
}

/* Takes the best of those that are ready, or NULL. */
static struct thread *take_best(struct cpu *cpu)
{
    struct run_queue *queue = &run_queues[cpu->id];
    struct thread *thread = cpu->next;
    if (thread) {
        cpu->next = NULL;
    } else {
        if (!queue->occupied)
            return NULL;
        thread = list_first(&queue->level[list_top(queue)], struct thread, ready_link);
        list_out(queue, thread);
    }
    thread->queued = 0;
    cpu->ready_top = list_top(queue);
    return thread;
}

void sched_set_effective(struct thread *thread, u8 effective)
{
    struct cpu *cpu = this_cpu();
    if (thread->effective == effective)
        return;
    if (thread->queued) {
        sched_unready(thread);
        thread->effective = effective;
        enqueue(thread, false);
        return;
    }
    thread->effective = effective;
    if (thread == cpu->current && cpu->ready_top > effective)
        ask_reschedule();
}

static void charge(struct cpu *cpu, struct thread *next)
{
    u64 now = __builtin_ia32_rdtsc();
    if (cpu->charged)
        cpu->charged->cpu_time += now - cpu->charged_since;
    cpu->charged = next;
    cpu->charged_since = now;
}

void sched_uncharge(struct thread *thread)
{
    if (this_cpu()->charged == thread)
        charge(this_cpu(), NULL);
}

noreturn void switch_to(struct thread *next)
{
    struct cpu *cpu = this_cpu();
    next->state = THREAD_RUNNING;
    next->unseen = 0;
    if (cpu->current != next) {
        cpu->switches++;
        trace(TRACE_SWITCH, cpu->current ? cpu->current->object.koid : 0, next->object.koid);
    }
    if (cpu->charged != next)
        charge(cpu, next);
    cpu->current = next;
    cpu->tss.rsp0 = (u64)next + sizeof(struct frame);
    if ((cpu->anomaly & ANOMALY_FPU) && cpu->fpu_owner != next)
        fpu_leave(next);
    __asm__ volatile("wrfsbase %0" : : "r"(next->fs_base));
    if (cpu->aspace != next->aspace) {
        cpu->aspace = next->aspace;
        __asm__ volatile("movq %0, %%cr3" : : "r"(aspace_cr3(next->aspace)) : "memory");
    }
    arm_quantum(cpu);
    enter_user();
}

/* ---- Idleness, and finding work elsewhere ------------------------------------------------------
 */

/* On the busy CPU: sends one of its ready threads, free to move, to the CPU that asks. */
static void give_thread(struct cpu_call *call)
{
    u32 asking = (u32)(call - steal_calls);
    struct run_queue *queue = &run_queues[this_cpu()->id];
    atomic_store(&steal_posted[asking], 0);
    for (u64 levels = queue->occupied; levels; levels &= levels - 1) {
        list_for_each (node, &queue->level[__builtin_ctzll(levels)]) {
            struct thread *thread = list_entry(node, struct thread, ready_link);
            if (thread->affinity >= 0 || thread->requests)
                continue;
            sched_unready(thread);
            thread_move(thread, &cpus[asking]);
            return;
        }
    }
}

static void ask_for_work(struct cpu *cpu)
{
    if (atomic_load(&steal_posted[cpu->id]))
        return;
    for (u32 i = 1; i < cpu_count; i++) {
        u32 other = (cpu->id + i) % cpu_count;
        if (atomic_load_relaxed(&run_queues[other].count) == 0)
            continue;
        atomic_store(&steal_posted[cpu->id], 1);
        steal_calls[cpu->id].run = give_thread;
        cpu_post(&cpus[other], &steal_calls[cpu->id]);
        return;
    }
}

/* Waits for an interrupt.  The only place in the kernel where interrupts are on. */
static void idle(void)
{
    struct cpu *cpu = this_cpu();
    charge(cpu, NULL);
    cpu->current = NULL;
    ask_for_work(cpu);
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* Work is left for between threads: make sure to be back soon, whoever runs. */
static void arm_due_work(void)
{
    struct timer *timer = &due_work_timers[this_cpu()->id];
    if ((this_cpu()->anomaly & (ANOMALY_REAP | ANOMALY_QUIESCE)) && !timer->cpu)
        timer_set(timer, clock_now() + DUE_WORK_NS);
}

static noreturn void schedule_loop(void)
{
    struct cpu *cpu = this_cpu();
    for (;;) {
        if (unlikely(cpu->anomaly & ANOMALY_BUT_FPU)) {
            handle_due_work();
            atomic_and(&cpu->anomaly, ~(u32)ANOMALY_RESCHEDULE);
            arm_due_work();
        }
        struct thread *next = take_best(cpu);
        if (next)
            switch_to(next);
        if ((cpu->anomaly & ANOMALY_BUT_FPU) || quiesce_flush()) {
            cpu->current = NULL;
            __asm__ volatile("sti; nop; cli" : : : "memory");
        } else {
            idle();
        }
    }
}

noreturn void schedule(void)
{
    /* The stack is left behind: nothing on it is needed again. */
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "jmp *%1"
                     :
                     : "r"(this_cpu()->stack_top - 8), "r"(schedule_loop)
                     : "memory");
    __builtin_unreachable();
}

void sched_yield(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    atomic_and(&cpu->anomaly, ~(u32)ANOMALY_RESCHEDULE);
    if (cpu->ready_top < self->effective) {
        arm_quantum(cpu);
        return;
    }
    bool preempted = cpu->ready_top > self->effective;
    cpu->current = NULL;
    if (preempted)
        sched_ready_first(self);
    else
        sched_ready(self);
    schedule();
}

void sched_preempt(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *self = cpu->current, *next = cpu->next;
    /* With no list to look at, the two change places. */
    if (!next || cpu->listed || next->effective <= self->effective ||
        (cpu->anomaly & ANOMALY_BUT_FPU) != ANOMALY_RESCHEDULE)
        return;
    atomic_and(&cpu->anomaly, ~(u32)ANOMALY_RESCHEDULE);
    next->queued = 0;
    self->state = THREAD_READY;
    self->queued = 1;
    cpu->next = self;
    cpu->ready_top = self->effective;
    switch_to(next);
}

/* What entry.S calls on the way to user mode when a bit of cpu->anomaly (but FPU) is set. */
void handle_anomaly(void);
void handle_anomaly(void)
{
    struct cpu *cpu = this_cpu();
    if (cpu->anomaly & (ANOMALY_REAP | ANOMALY_QUIESCE)) {
        handle_due_work();
        arm_due_work();
    }
    if (cpu->anomaly & ANOMALY_RESCHEDULE)
        sched_yield();
}

struct cpu *sched_place(void)
{
    static u32 next;
    struct cpu *best = this_cpu();
    u32 least = UINT32_MAX, start = atomic_add(&next, 1);
    for (u32 i = 0; i < cpu_count; i++) {
        struct cpu *cpu = &cpus[(start + i) % cpu_count];
        u32 load = atomic_load_relaxed(&run_queues[cpu->id].count) +
                   (atomic_load_relaxed(&cpu->current) != NULL);
        if (load < least) {
            least = load;
            best = cpu;
        }
    }
    return best;
}

void sched_init(void)
{
    for (u32 id = 0; id < CPUS_MAX; id++) {
        for (u32 i = 0; i < PRIORITY_COUNT; i++)
            list_init(&run_queues[id].level[i]);
        quantum_timers[id].fire = quantum_over;
        due_work_timers[id].fire = nothing;
        cpus[id].ready_top = -1;
    }
    timer_init();
}

noreturn void cpu_main(void)
{
    schedule();
}
