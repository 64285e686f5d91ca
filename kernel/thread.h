/*
 * Threads.  What a thread is doing (state, queues, timer) is changed only by the CPU it belongs to
 * (thread->cpu), with interrupts off: so most of it needs no lock, and others ask by mail.
 *
 *   NEW -> READY <-> RUNNING -> GETTING | CALLING | PARKED -> READY ... -> DEAD
 *
 * The kernel has no stack per thread: a thread that waits has everything in this structure, and is
 * resumed by entering user mode with `user`.
 */
#ifndef THREAD_H
#define THREAD_H

#include <portolan/syscall.h>

#include "cpu.h"
#include "envelope.h"
#include "frame.h"
#include "object.h"
#include "task.h"
#include "timer.h"
#include "vmo.h"
#include "wait.h"

/* Requests from elsewhere, carried out by the thread's CPU; thread->requests, atomic. */
enum {
    REQUEST_KILL = 1u << 0,
    REQUEST_SUSPEND = 1u << 1, /* suspend_count has changed */
    REQUEST_INTERRUPT = 1u << 2,
    REQUEST_BOOST = 1u << 3,    /* boost_to holds a priority */
    REQUEST_SETTINGS = 1u << 4, /* new_priority, new_cpu */
};

struct thread {
    struct frame user; /* at 0: entry.S and RSP0 */

    /* What the message fast path touches (entry.S, fastpath.c). */
    struct cpu *cpu;      /* the CPU it belongs to */
    struct cpu *fast_cpu; /* the same, or NULL when it must take the general path */
    struct task *task;
    struct handle_entry **leaves; /* of the task's handle table */
    struct aspace *aspace;
    u64 fs_base;
    struct thread *wait_next; /* in port->waiter */
    u64 deadline;             /* of the wait it is in */
    u64 timer_expiry;         /* when `timer` is set for; UINT64_MAX: it is not */
    u8 *message_bytes;        /* direct-map addresses of its message page */
    struct message_area_tail *message_tail;
    u8 state; /* enum thread_run_state */
    u8 priority, effective;
    u8 queued; /* READY: in the run queue, or cpu->next */
    u32 requests;
    u64 get_handle; /* the handle it last got by, or GET_HANDLE_NONE, which no number matches */
    struct port *get_port; /* where it last got, and may be port->server; a reference */
    struct envelope call;  /* for do and faults */

    struct object object;
    struct list task_link;  /* task->threads */
    struct list ready_link; /* run queue */
    struct timer timer;     /* for `deadline` */
    struct cpu_call wake_mail, control_mail;
    u32 control_posted; /* atomic: control_mail is on its way */
    i32 wake_status;    /* what the mail brings: of the call, get or park */
    u32 suspend_count;  /* atomic */
    u32 boost_to;
    i32 new_priority, new_cpu;
    i32 status; /* of its exit */
    i32 kill_status;
    i32 affinity; /* CPU or -1 */
    struct list park_link;
    struct wait_queue *parked_on;
    u64 park_key;
    i32 wait_status;
    u8 started;          /* under task->lock */
    bool sleeping;       /* PARKED: in sleep, on no queue */
    bool interrupted;    /* GETTING: thread_interrupt came when it had been woken already */
    u64 cpu_time;        /* in units of the time-stamp counter */
    struct cargo *cargo; /* of its calls, once one has carried something */
    u8 *fpu_area;        /* fpu_area_size bytes, once it has used the FPU */
    struct list watches;
    struct message_pages pages;
    struct budget *budget;
    struct quiesce_node quiesce;
} __attribute__((aligned(64)));

#define GET_HANDLE_NONE UINT64_MAX

/* The second page of a message area. */
struct message_area_tail {
    struct message_handle handles[MESSAGE_HANDLES_MAX];
    struct message_range ranges[MESSAGE_RANGES_MAX];
};

/* A thread that does not run yet, pinned message pages taken over from `pages` on success. One
 * reference.  NULL: no memory. */
struct thread *thread_create(struct task *task, struct message_pages *pages);
void thread_destroy(struct object *object);

/* Starts a NEW thread on the CPU it is to run on. 0, -EBUSY (started before), -EDEAD (its task). */
i64 thread_start(struct thread *thread);
bool thread_started(const struct thread *thread);

/* Asks for a priority (-1: the same) and CPU (-1: the same, -2: any). */
void thread_change(struct thread *thread, i32 priority, i32 cpu);

/* Whether a CPU runs it, or is about to; it may have stopped since. */
bool thread_is_running(const struct thread *thread);

u64 thread_cpu_time(const struct thread *thread);  /* nanoseconds, to its last switch */
u64 thread_waits_for(const struct thread *thread); /* koid of the port it waits on, or 0 */

/* Sends a thread of this CPU, on no queue, to another CPU, where it becomes ready. */
void thread_move(struct thread *thread, struct cpu *cpu);

/* The wait that the thread is in has ended with status; called by the one who ended it. Any CPU. */
void thread_wake(struct thread *thread, i32 status);

/* Makes a thread of this CPU, whose wait is over, ready: unless it is to die, stop or move. */
void thread_runnable(struct thread *thread);

/* Sets when the wait of a thread of this CPU ends. */
void thread_arm(struct thread *thread, u64 deadline);

/* The current thread ends; does not return. */
noreturn void thread_exit(i32 status);

/* Whether its registers can be read and set: it does not run and will not. */
bool thread_stopped(const struct thread *thread);
/* Whether nothing but its waker touches it: suspended, in a wait or not, and RIP, RSP and RFLAGS
 * are at rest. */
bool thread_held(const struct thread *thread);

/* Recomputes fast_cpu after a change of what it depends on. This CPU's thread. */
void thread_update_fast(struct thread *thread);

/* On its CPU, off all queues: gives back what it holds and tells who watches. */
void thread_finish(struct thread *thread);

/* It serves no port any more. */
void thread_leave_port(struct thread *thread);

/* Raises a thread, and whoever it waits for, to a priority. Any CPU, no port locked. */
void thread_boost(struct thread *thread, u8 priority);

/* Asks the thread's CPU to carry out requests; any CPU. */
void thread_request(struct thread *thread, u32 requests);

/* ---- Results of system calls, beyond RAX -------------------------------------------------------
 */

static inline void set_result2(u64 rsi)
{
    current_thread()->user.rsi = rsi;
}

static inline void set_result3(u64 rdx)
{
    current_thread()->user.rdx = rdx;
}

static inline void set_result4(u64 r10)
{
    current_thread()->user.r10 = r10;
}

/* Sets the argument registers with which a system call that returns -RESTART runs on. */
static inline void restart_with(u64 rdi, u64 rsi, u64 rdx)
{
    struct thread *thread = current_thread();
    thread->user.rdi = rdi;
    thread->user.rsi = rsi;
    thread->user.rdx = rdx;
}

/* Where a handle of the current task would be in its table. */
static inline struct handle_entry *current_slot(handle_t handle)
{
    return (struct handle_entry *)((u8 *)current_thread()->leaves[handle >> 23] + (handle & 0xfe0));
}

static inline void *current_message_bytes(void)
{
    return current_thread()->message_bytes;
}

#endif
