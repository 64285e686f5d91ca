/*
 * Threads: making them, ending their waits, requests from elsewhere, their end; see thread.h.
 */
#include "thread.h"

#include "cargo.h"
#include "fpu.h"
#include "message.h"
#include "port.h"
#include "sched.h"
#include "slab.h"
#include "trace.h"
#include "watch.h"
#include "x86/platform.h"

static struct slab_cache thread_cache = SLAB_CACHE("thread", sizeof(struct thread), 64);
static struct slab_cache fpu_cache; /* its size is known only at run time */

struct task *current_task(void)
{
    return current_thread()->task;
}

u8 *fpu_area_alloc(struct budget *budget)
{
    if (!fpu_cache.size) {
        fpu_cache.align = 64;
        fpu_cache.name = "fpu";
        fpu_cache.size = (fpu_area_size + 63) & ~63u;
    }
    return slab_alloc(&fpu_cache, budget);
}

void fpu_area_free(u8 *area, struct budget *budget)
{
    slab_free(&fpu_cache, area, budget);
}

/* ---- Waiting and waking ---------------------------------------------------------------------- */

void thread_update_fast(struct thread *thread)
{
    bool plain = !thread->requests && !atomic_load(&thread->suspend_count) &&
                 (thread->affinity < 0 || &cpus[thread->affinity] == thread->cpu);
    thread->fast_cpu = plain ? thread->cpu : NULL;
}

void thread_move(struct thread *thread, struct cpu *cpu)
{
    fpu_save(thread);
    sched_uncharge(thread);
    if (timer_cancel(&thread->timer))
        thread->timer_expiry = DEADLINE_NEVER;
    thread->state = THREAD_NEW;
    thread->fast_cpu = NULL;
    atomic_store(&thread->cpu, cpu);
    cpu_post(cpu, &thread->wake_mail);
}

void thread_runnable(struct thread *thread)
{
    thread->state = THREAD_READY;
    if (unlikely(thread->requests & REQUEST_KILL)) {
        thread_finish(thread);
        return;
    }
    if (unlikely(thread->affinity >= 0 && &cpus[thread->affinity] != thread->cpu)) {
        thread_move(thread, &cpus[thread->affinity]);
        return;
    }
    thread_update_fast(thread);
    if (unlikely(atomic_load(&thread->suspend_count)))
        return; /* READY, on no queue, until it is resumed */
    sched_ready(thread);
}

/* On the thread's CPU: its wait has been ended by wake_status. */
static void woken(struct thread *thread)
{
    switch (thread->state) {
    case THREAD_GETTING:
        message_get_again(thread);
        return;
    case THREAD_CALLING:
        message_call_ended(thread);
        break;
    case THREAD_PARKED:
        thread->wait_status = thread->wake_status;
        break;
    case THREAD_NEW: /* launched, or moved here */
        break;
    default:
        return;
    }
    thread_runnable(thread);
}

static void wake_mail(struct cpu_call *call)
{
    woken(container_of(call, struct thread, wake_mail));
}

void thread_wake(struct thread *thread, i32 status)
{
    thread->wake_status = status;
    if (thread->cpu == this_cpu())
        woken(thread);
    else
        cpu_post(thread->cpu, &thread->wake_mail);
}

void thread_arm(struct thread *thread, u64 deadline)
{
    thread->deadline = deadline;
    if (deadline < thread->timer_expiry) {
        timer_set(&thread->timer, deadline);
        thread->timer_expiry = deadline;
    }
}

/* The lazily set timer ran out: perhaps for a wait that is over, or too early for this one. */
static void timer_fired(struct timer *timer)
{
    struct thread *thread = container_of(timer, struct thread, timer);
    thread->timer_expiry = DEADLINE_NEVER;
    bool waits = thread->state == THREAD_GETTING || thread->state == THREAD_CALLING ||
                 thread->state == THREAD_PARKED;
    if (!waits || thread == this_cpu()->current || thread->deadline == DEADLINE_NEVER)
        return;
    if (thread->deadline > clock_now())
        thread_arm(thread, thread->deadline);
    else
        message_give_up(thread, GIVE_UP_DEADLINE);
}

/* ---- Priority inheritance -------------------------------------------------------------------- */

/* Raises a thread of this CPU. The thread that it waits for in turn, or NULL. */
static struct thread *boost_here(struct thread *thread, u8 priority)
{
    if (thread->effective >= priority || thread->state == THREAD_DEAD)
        return NULL;
    sched_set_effective(thread, priority);
    return thread->state == THREAD_CALLING ? envelope_raise(&thread->call, priority) : NULL;
}

void thread_boost(struct thread *thread, u8 priority)
{
    /* A chain of servers that wait for each other is short, or a deadlock of their own making. */
    for (u32 depth = 0; thread && depth < 16; depth++) {
        if (thread->cpu != this_cpu()) {
            u32 old = atomic_load(&thread->boost_to);
            while (old < priority && !atomic_compare_exchange(&thread->boost_to, &old, priority))
                ;
            thread_request(thread, REQUEST_BOOST);
            return;
        }
        thread = boost_here(thread, priority);
    }
}

/* ---- Requests from elsewhere ----------------------------------------------------------------- */

/* On the thread's CPU: does what has been asked. */
static void carry_out(struct thread *thread)
{
    u32 requests = atomic_and(&thread->requests, REQUEST_KILL);
    if (thread->state == THREAD_DEAD)
        return;
    if (requests & REQUEST_SETTINGS) {
        i32 priority = atomic_exchange(&thread->new_priority, -1);
        if (priority >= 0) {
            thread->priority = (u8)priority;
            sched_set_effective(thread, (u8)priority);
        }
        i32 cpu = atomic_exchange(&thread->new_cpu, -1);
        if (cpu != -1)
            thread->affinity = cpu < 0 ? -1 : cpu;
    }
    if (requests & REQUEST_BOOST)
        thread_boost(thread, (u8)atomic_exchange(&thread->boost_to, 0));
    thread_update_fast(thread);

    bool current = thread == this_cpu()->current;
    bool must_stop = (requests & REQUEST_KILL) || atomic_load(&thread->suspend_count) ||
                     (thread->affinity >= 0 && &cpus[thread->affinity] != thread->cpu);
    if (requests & (REQUEST_KILL | REQUEST_INTERRUPT))
        message_give_up(thread, requests & REQUEST_KILL ? GIVE_UP_KILL : GIVE_UP_INTERRUPT);
    if (thread->state == THREAD_DEAD)
        return;
    bool queued = thread->queued;
    if (current && must_stop) {
        /* It was interrupted in user mode: take it off the CPU; thread_runnable decides. */
        this_cpu()->current = NULL;
        thread_runnable(thread);
    } else if (queued && must_stop) {
        sched_unready(thread);
        thread_runnable(thread);
    } else if (thread->state == THREAD_READY && !queued && !current) {
        thread_runnable(thread); /* was suspended; perhaps no more */
    } else if (thread->state == THREAD_NEW && (requests & REQUEST_KILL)) {
        thread_finish(thread);
    }
}

static void control_mail(struct cpu_call *call)
{
    struct thread *thread = container_of(call, struct thread, control_mail);
    atomic_store(&thread->control_posted, 0);
    if (thread->cpu == this_cpu())
        carry_out(thread);
    else
        thread_request(thread, 0); /* it has moved on: follow it */
    object_put(&thread->object);
}

void thread_request(struct thread *thread, u32 requests)
{
    atomic_or(&thread->requests, requests);
    if (atomic_exchange(&thread->control_posted, 1))
        return;
    object_get(&thread->object); /* the mail's */
    cpu_post(thread->cpu, &thread->control_mail);
}

bool thread_stopped(const struct thread *thread)
{
    if (thread->state == THREAD_NEW)
        return true;
    if (thread->state == THREAD_CALLING && thread->call.origin == ENVELOPE_FAULT)
        return true;
    return thread->state == THREAD_READY && !thread->queued && atomic_load(&thread->suspend_count);
}

bool thread_held(const struct thread *thread)
{
    u8 state = thread->state;
    bool waits = state == THREAD_GETTING || state == THREAD_CALLING || state == THREAD_PARKED;
    return thread_stopped(thread) || (waits && atomic_load(&thread->suspend_count));
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static void init_links(struct thread *thread)
{
    list_init(&thread->task_link);
    list_init(&thread->ready_link);
    list_init(&thread->park_link);
    list_init(&thread->watches);
    list_init(&thread->call.link);
    thread->timer.fire = timer_fired;
    thread->timer_expiry = DEADLINE_NEVER;
    thread->deadline = DEADLINE_NEVER;
    thread->wake_mail.run = wake_mail;
    thread->control_mail.run = control_mail;
    thread->get_handle = GET_HANDLE_NONE;
    thread->affinity = thread->new_cpu = thread->new_priority = -1;
    thread->call.sender = thread;
}

struct thread *thread_create(struct task *task, struct message_pages *pages)
{
    struct thread *thread = slab_alloc(&thread_cache, task->budget);
    if (!thread)
        return NULL;
    init_links(thread);
    if (!envelope_register(&thread->call)) {
        slab_free(&thread_cache, thread, task->budget);
        return NULL;
    }
    object_init(&thread->object, OBJECT_THREAD);
    thread->budget = task->budget;
    budget_get(task->budget);
    thread->task = task;
    object_get(&task->object);
    thread->leaves = task->handles.leaves;
    thread->aspace = task->aspace;
    thread->pages = *pages;
    thread->message_bytes = pages->page[0];
    thread->message_tail = pages->page[1];
    thread->user.cs = USER_CS;
    thread->user.ss = USER_SS;
    thread->user.rflags = USER_RFLAGS;
    thread->cpu = this_cpu();
    return thread;
}

bool thread_started(const struct thread *thread)
{
    return atomic_load(&thread->started);
}

i64 thread_start(struct thread *thread)
{
    struct task *task = thread->task;
    spin_lock(&task->lock);
    i64 error = task->object.dead ? -EDEAD : thread->started ? -EBUSY : 0;
    if (!error) {
        atomic_store(&thread->started, 1);
        list_append(&task->threads, &thread->task_link);
        task->live_threads++;
    }
    spin_unlock(&task->lock);
    if (error)
        return error;
    task_born(task);
    object_get(&thread->object); /* its own, while it lives */
    atomic_store(&thread->cpu, thread->affinity >= 0 ? &cpus[thread->affinity] : sched_place());
    thread_wake(thread, 0);
    return 0;
}

void thread_change(struct thread *thread, i32 priority, i32 cpu)
{
    if (!thread_started(thread)) {
        if (priority >= 0)
            thread->priority = thread->effective = (u8)priority;
        if (cpu != -1)
            thread->affinity = cpu < 0 ? -1 : cpu;
        return;
    }
    if (priority != -1)
        atomic_store(&thread->new_priority, priority);
    if (cpu != -1)
        atomic_store(&thread->new_cpu, cpu);
    thread_request(thread, REQUEST_SETTINGS);
}

bool thread_is_running(const struct thread *thread)
{
    if (atomic_load(&thread->requests) & REQUEST_SUSPEND)
        return true;
    return atomic_load(&thread->cpu)->current == thread;
}

u64 thread_cpu_time(const struct thread *thread)
{
    return (u64)((unsigned __int128)thread->cpu_time * clock_page->multiplier >> 32);
}

u64 thread_waits_for(const struct thread *thread)
{
    struct port *port = NULL;
    u8 state = atomic_load(&thread->state);
    if (state == THREAD_GETTING)
        port = atomic_load(&thread->get_port);
    else if (state == THREAD_CALLING)
        port = atomic_load(&thread->call.port);
    return port ? port->object.koid : 0;
}

/* Whoever waits in get no longer serves that port. */
void thread_leave_port(struct thread *thread)
{
    struct port *port = thread->get_port;
    if (!port)
        return;
    spin_lock(&port->lock);
    if (port->server == thread)
        port->server = NULL;
    spin_unlock(&port->lock);
    thread->get_port = NULL;
    thread->get_handle = GET_HANDLE_NONE;
    object_put(&port->object);
}

/* On its CPU, off all queues, not (or no longer) running: what is left to give back. */
void thread_finish(struct thread *thread)
{
    struct task *task = thread->task;
    thread->state = THREAD_DEAD;
    thread->fast_cpu = NULL;
    thread->status = thread->requests & REQUEST_KILL ? thread->kill_status : thread->status;
    trace(TRACE_KILL, thread->object.koid, (u64)thread->status);
    timer_cancel(&thread->timer);
    fpu_forget(thread);
    sched_uncharge(thread);
    thread_leave_port(thread);
    message_pages_unpin(&thread->pages);
    envelope_unregister(&thread->call);

    spin_lock(&task->lock);
    atomic_store(&thread->object.dead, 1);
    list_remove(&thread->task_link);
    bool last = --task->live_threads == 0;
    if (last && !task->object.dead) {
        task->status = thread->status;
        atomic_store(&task->object.dead, 1);
    }
    spin_unlock(&task->lock);
    watch_fire(&thread->watches, thread->status, thread->object.koid);
    if (last)
        task_threads_gone(task);
    object_put(&thread->object); /* the one that it held while it lived */
}

noreturn void thread_exit(i32 status)
{
    struct cpu *cpu = this_cpu();
    struct thread *thread = cpu->current;
    thread->status = status;
    cpu->current = NULL;
    thread_finish(thread);
    schedule();
}

static void thread_free(struct quiesce_node *node)
{
    struct thread *thread = container_of(node, struct thread, quiesce);
    struct budget *budget = thread->budget;
    if (thread->fpu_area)
        fpu_area_free(thread->fpu_area, budget);
    if (thread->cargo)
        cargo_free(thread->cargo);
    slab_free(&thread_cache, thread, budget);
    budget_put(budget);
}

void thread_destroy(struct object *object)
{
    struct thread *thread = container_of(object, struct thread, object);
    if (!thread->started) {
        /* Never started: nothing of it is anywhere but its own memory. */
        message_pages_unpin(&thread->pages);
        envelope_unregister(&thread->call);
        atomic_store(&thread->object.dead, 1);
        watch_fire(&thread->watches, thread->status, thread->object.koid);
    }
    object_put(&thread->task->object);
    quiesce_free(&thread->quiesce, thread_free);
}
