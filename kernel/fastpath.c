/*
 * The message fast path: do to a receiver that waits on this CPU, and the reply that returns.
 *
 * Compiled so that the message registers are never touched (see build.mk): the head goes from
 * sender to receiver in them.  Each function first checks, changing nothing but a lock; what is
 * unusual leaves to the general path, and never comes back.  Then it commits: nothing is allocated,
 * nothing waits, nothing fails.  Each exists twice, from one text: for a bare head, and for bytes
 * behind it or live FPU registers; entry.S tries the second if the first asks for it.
 *
 * Why no more locks: a thread's state belongs to its CPU, and both threads are this CPU's; the
 * port's lock covers the envelope's steps from idle to held to idle.
 */
#include "cargo.h"
#include "fpu.h"
#include "port.h"
#include "sched.h"
#include "thread.h"

/* The head of the message. */
register u64 message_op_and_flags __asm__("rbx");
register u64 message_cookie __asm__("r8");
register u64 message_result __asm__("r9");
register u64 message_offset __asm__("r10");
register u64 message_length __asm__("r12");
register u64 message_arg0 __asm__("r13");
register u64 message_arg1 __asm__("r14");
register u64 message_arg2 __asm__("r15");

/* This CPU's structure, by GS. */
#define CPU ((struct cpu __seg_gs *)0)

#define always_inline inline __attribute__((always_inline))

struct fast_result {
    u64 token; /* 0: nothing has happened; then badge says what to try next */
    u64 badge;
};

/* What to try when nothing has happened: the general path, or first the version for more, or that
 * for other messages than calls. */
enum { TRY_GENERAL = 0, TRY_MORE = 2, TRY_OTHER = 3 };

struct fast_result fast_do(u64 deadline, u64 unused, struct thread *self, handle_t handle);
struct fast_result fast_do_more(u64 deadline, u64 unused, struct thread *self, handle_t handle);
u64 fast_reply_get(u64 deadline, u64 token, struct thread *self, handle_t handle);
u64 fast_reply_get_more(u64 deadline, u64 token, struct thread *self, handle_t handle);
u64 fast_reply_get_other(u64 deadline, u64 token, struct thread *self, handle_t handle);

static always_inline struct handle_entry *slot(struct thread *self, handle_t handle)
{
    return (struct handle_entry *)((u8 *)self->leaves[handle >> 23] + (handle & 0xfe0));
}

/*
 * The port and badge of an entry are read before its tag: another thread of the task may be closing
 * the handle, and clears the tag first.
 */
static always_inline struct port *entry_port(struct handle_entry *entry)
{
    return (struct port *)atomic_load(&entry->object);
}

static always_inline bool entry_may_send(struct handle_entry *entry, u64 handle)
{
    __asm__ volatile("" : : : "memory");
    return atomic_load(&entry->send_tag) == handle;
}

/* Bytes, handles or ranges behind the head; nothing but bytes if it is at most MESSAGE_BYTES_MAX.
 */
static always_inline u32 extras(void)
{
    return (u32)(message_op_and_flags >> 32) & MESSAGE_EXTRAS;
}

/* What this version is not for: handles and ranges, or something that is due before anything else.
 */
static always_inline bool unusual(bool more)
{
    if (more)
        return unlikely(extras() > MESSAGE_BYTES_MAX) || unlikely(CPU->anomaly & ~ANOMALY_FPU);
    return unlikely(extras()) || unlikely(CPU->anomaly);
}

/* Where to go with what is not for the first version. */
static always_inline u64 what_else(void)
{
    return extras() > MESSAGE_BYTES_MAX ? TRY_GENERAL : TRY_MORE;
}

/* From page to page; both are pinned. */
static always_inline void copy_bytes(struct thread *from, struct thread *to)
{
    u64 words = (extras() + 7) / 8;
    void *source = from->message_bytes, *target = to->message_bytes;
    __asm__ volatile("rep movsq" : "+S"(source), "+D"(target), "+c"(words) : : "memory");
}

/* Makes next the thread that runs: what the exit to user mode relies on. */
static always_inline void switch_fast(struct thread *next)
{
    CPU->current = next;
    CPU->tss.rsp0 = (u64)next + sizeof(struct frame);
    __asm__ volatile("wrfsbase %0" : : "r"(next->fs_base));
    struct aspace *aspace = next->aspace;
    if (aspace != CPU->aspace) {
        CPU->aspace = aspace;
        __asm__ volatile("movq %0, %%cr3" : : "r"(aspace_cr3(aspace)) : "memory");
    }
}

static always_inline struct fast_result do_to_waiter(u64 deadline, struct thread *self,
                                                     handle_t handle, bool more)
{
    if (unusual(more))
        return (struct fast_result){0, more ? TRY_GENERAL : what_else()};
    struct handle_entry *entry = slot(self, handle);
    struct port *port = entry_port(entry);
    u64 badge = entry->badge;
    if (unlikely(!entry_may_send(entry, handle)))
        goto general;
    /* The thread's timer must not be set for later than this deadline. */
    if (unlikely(deadline < self->timer_expiry))
        goto general;
    if (unlikely(!spin_try_lock(&port->lock)))
        goto general;
    /* Nothing is queued before it, and a receiver of this CPU waits. */
    struct thread *receiver = port->waiter;
    if (unlikely(port->pending) || unlikely(!receiver) || unlikely(receiver->fast_cpu != CPU->self))
        goto unlock;

    /* The receiver stops waiting and holds the sender's envelope. */
    port->waiter = receiver->wait_next;
    port->held++;
    struct envelope *envelope = &self->call;
    envelope->port = port;
    envelope->state = ENVELOPE_HELD;
    envelope->holder = receiver->task;
    spin_unlock(&port->lock);
    if (more)
        copy_bytes(self, receiver);
    self->state = THREAD_CALLING;
    self->deadline = deadline;
    /* It runs on the sender's time slice, at no lower a priority. */
    receiver->state = THREAD_RUNNING;
    if (unlikely(receiver->effective < self->effective))
        receiver->effective = self->effective;
    if (more && CPU->anomaly)
        fpu_leave(receiver);
    struct fast_result result = {envelope->token, badge};
    switch_fast(receiver);
    return result;

unlock:
    spin_unlock(&port->lock);
general:
    return (struct fast_result){0, TRY_GENERAL};
}

struct fast_result fast_do(u64 deadline, u64 unused, struct thread *self, handle_t handle)
{
    (void)unused;
    return do_to_waiter(deadline, self, handle, false);
}

struct fast_result fast_do_more(u64 deadline, u64 unused, struct thread *self, handle_t handle)
{
    (void)unused;
    return do_to_waiter(deadline, self, handle, true);
}

/* A held message ends, its token is dead; and its receiver waits for another.  Unlocks the port. */
static always_inline void end_and_wait(u64 deadline, struct thread *self, struct port *port,
                                       struct envelope *envelope, enum envelope_state state)
{
    envelope->token += 1ull << 32;
    envelope->state = state;
    envelope->holder = NULL;
    port->held--;
    self->wait_next = port->waiter;
    port->waiter = self;
    self->state = THREAD_GETTING;
    self->deadline = deadline;
    self->effective = self->priority;
    spin_unlock(&port->lock);
}

static always_inline u64 reply_and_wait(u64 deadline, u64 token, struct thread *self,
                                        handle_t handle, bool more)
{
    /* The handle by which this thread last got; forgotten when it is closed. */
    if (unlikely(self->get_handle != handle))
        goto general;
    if (unusual(more))
        return more ? TRY_GENERAL : what_else();
    if (unlikely(deadline < self->timer_expiry))
        goto general;
    struct port *port = self->get_port;
    /*
     * The token names a plain call (no fault, no send, no loans) that came by this port, is this
     * task's to answer, and has not ended.
     */
    struct envelope *envelope = envelope_of(token);
    if (unlikely(!envelope->plain))
        return more ? TRY_GENERAL : TRY_OTHER;
    if (unlikely(!spin_try_lock(&port->lock)))
        goto general;
    if (unlikely(envelope->token != token) || unlikely(envelope->holder != self->task) ||
        unlikely(envelope->port != port))
        goto unlock;
    struct thread *sender = container_of(envelope, struct thread, call);
    /* The sender is of this CPU and may run now, and nothing is waiting for this thread. */
    if (unlikely(sender->fast_cpu != CPU->self) ||
        unlikely((i32)sender->effective < CPU->ready_top) || unlikely(port->pending))
        goto unlock;

    end_and_wait(deadline, self, port, envelope, ENVELOPE_IDLE);
    if (more)
        copy_bytes(self, sender);
    sender->state = THREAD_RUNNING;
    if (more && CPU->anomaly)
        fpu_leave(sender);
    switch_fast(sender);
    return 1;

unlock:
    spin_unlock(&port->lock);
general:
    return TRY_GENERAL;
}

/* 1: done; or what to try next. */
u64 fast_reply_get(u64 deadline, u64 token, struct thread *self, handle_t handle)
{
    return reply_and_wait(deadline, token, self, handle, false);
}

u64 fast_reply_get_more(u64 deadline, u64 token, struct thread *self, handle_t handle)
{
    return reply_and_wait(deadline, token, self, handle, true);
}

/* ---- The answers to faults, sends, and calls that lent something ---------------------------- */

/* The time since the last switch is charged to whom it was for. */
static always_inline void charge_fast(struct thread *next)
{
    u64 now = __builtin_ia32_rdtsc();
    CPU->charged->cpu_time += now - CPU->charged_since;
    CPU->charged = next;
    CPU->charged_since = now;
}

/* Whether a thread can go on at once, as the only one of its priority that is ready here. */
static always_inline bool may_run(const struct thread *thread)
{
    return thread->fast_cpu == CPU->self && (i32)thread->effective > CPU->ready_top && CPU->charged;
}

/* The head goes to the thread's frame, not in the registers. */
static always_inline void give_head(struct thread *to)
{
    to->user.rbx = message_op_and_flags;
    to->user.r8 = message_cookie;
    to->user.r9 = message_result;
    to->user.r10 = message_offset;
    to->user.r12 = message_length;
    to->user.r13 = message_arg0;
    to->user.r14 = message_arg1;
    to->user.r15 = message_arg2;
}

/* The answer to a send, for the thread that waits for it. */
static always_inline void give_answer(struct thread *to, const struct envelope *envelope, u64 id)
{
    give_head(to);
    to->user.r8 = envelope->head.cookie;
    to->user.rax = GET_REPLY;
    to->user.rdi = id;
    to->user.rsi = 0;
}

/*
 * For the answer to a send: takes the thread of this CPU that waits for it off the reply port, and
 * the envelope out of that port's list; NULL, with nothing done, if there is none such.  The thread
 * keeps the envelope for its next send (message.c): it must be able to.
 */
static always_inline struct thread *take_answer_waiter(struct envelope *envelope)
{
    struct port *reply_port = envelope->reply_port;
    if (unlikely(envelope->cargo) || unlikely(!spin_try_lock(&reply_port->lock)))
        return NULL;
    struct thread *waiter = reply_port->waiter;
    if (unlikely(!waiter) || unlikely(reply_port->pending) || unlikely(!may_run(waiter)) ||
        unlikely(waiter->spare) || unlikely(waiter->budget != envelope->budget)) {
        spin_unlock(&reply_port->lock);
        return NULL;
    }
    reply_port->waiter = waiter->wait_next;
    list_remove(&envelope->await_link);
    spin_unlock(&reply_port->lock);
    envelope->sender_task = NULL;
    waiter->spare = envelope;
    /* Not the last reference: the waiter has one. */
    atomic_sub(&reply_port->object.references, 1);
    return waiter;
}

/*
 * As fast_reply_get, which has looked at all but the message, for a fault that is mended, a send,
 * or a call that lent something.  A send's two ports are locked for a moment, the second only
 * tried.  1: another thread runs, all of whose registers are in its frame.
 */
u64 fast_reply_get_other(u64 deadline, u64 token, struct thread *self, handle_t handle)
{
    (void)handle;
    struct port *port = self->get_port;
    if (unlikely(!spin_try_lock(&port->lock)))
        return 0;
    struct envelope *envelope = envelope_of(token);
    struct cargo *lent = NULL;
    struct thread *next;
    if (unlikely(envelope->token != token) || unlikely(envelope->holder != self->task) ||
        unlikely(envelope->port != port) || unlikely(port->pending))
        goto unlock;
    if (envelope->origin == ENVELOPE_FAULT) {
        next = envelope->sender;
        if (unlikely(message_result) || unlikely(!may_run(next)))
            goto unlock;
        envelope->origin = ENVELOPE_CALL;
        envelope->plain = 1;
    } else if (likely(envelope->origin == ENVELOPE_SEND)) {
        next = take_answer_waiter(envelope);
        if (unlikely(!next))
            goto unlock;
        give_answer(next, envelope, token);
    } else {
        next = envelope->sender;
        lent = envelope->cargo;
        if (unlikely(!lent) || unlikely(lent->handle_count) || unlikely(!may_run(next)))
            goto unlock;
        next->user.rax = 0;
        give_head(next);
    }
    end_and_wait(deadline, self, port, envelope, lent ? ENVELOPE_ENDING : ENVELOPE_IDLE);
    self->interrupted = false;
    if (lent) {
        /* Its end is this CPU's now.  The head is in the frame: the registers are free. */
        cargo_drop_loans(lent, self->task);
        envelope->cargo = NULL;
        envelope->plain = 1;
        envelope->state = ENVELOPE_IDLE;
    }
    next->state = THREAD_RUNNING;
    charge_fast(next);
    switch_fast(next);
    return 1;

unlock:
    spin_unlock(&port->lock);
    return 0;
}

/* ---- get and notify -------------------------------------------------------------------------- */

u64 fast_get(u64 deadline, u64 unused, struct thread *self, handle_t handle);
u64 fast_notify(u64 handle, u64 bits, struct thread *self);

/*
 * get, when there is nothing to be had and the next thread is known: the CPU goes on as that one.
 * Nonzero if so; its registers are all in its frame.
 */
u64 fast_get(u64 deadline, u64 unused, struct thread *self, handle_t handle)
{
    (void)unused;
    if (unlikely(self->get_handle != handle) || unlikely(CPU->anomaly) ||
        unlikely(deadline < self->timer_expiry))
        return 0;
    struct thread *next = CPU->next;
    /* No other is ready: so that afterwards none is. */
    if (unlikely(!next) || unlikely(CPU->listed) || unlikely(!CPU->charged))
        return 0;
    struct port *port = self->get_port;
    if (unlikely(!spin_try_lock(&port->lock)))
        return 0;
    if (unlikely(port->pending)) {
        spin_unlock(&port->lock);
        return 0;
    }
    self->wait_next = port->waiter;
    port->waiter = self;
    self->state = THREAD_GETTING;
    self->deadline = deadline;
    self->effective = self->priority;
    self->interrupted = false;
    spin_unlock(&port->lock);
    CPU->next = NULL;
    CPU->ready_top = -1;
    next->queued = 0;
    next->unseen = 0;
    next->state = THREAD_RUNNING;
    charge_fast(next);
    switch_fast(next);
    return 1;
}

/* notify: to a waiter of this CPU that is no more urgent than the caller, or to nobody. 1: done. */
u64 fast_notify(u64 handle, u64 bits, struct thread *self)
{
    struct handle_entry *entry = slot(self, (handle_t)handle);
    struct port *port = entry_port(entry);
    if (unlikely(!entry_may_send(entry, handle)) || unlikely(bits >> 62))
        return 0;
    if (unlikely(!spin_try_lock(&port->lock)))
        return 0;
    struct thread *waiter = port->waiter;
    if (unlikely(!waiter) || unlikely(port->pending) || unlikely(waiter->fast_cpu != CPU->self))
        goto unlock;
    /* It becomes the CPU's next without more ado: alone at the top, and the quantum taken care of.
     */
    i32 level = waiter->effective;
    if (unlikely(level <= CPU->ready_top) || unlikely(CPU->next) || unlikely(!CPU->quantum_armed) ||
        unlikely(level > self->effective))
        goto unlock;
    port->waiter = waiter->wait_next;
    spin_unlock(&port->lock);
    waiter->user.rax = GET_NOTIFY;
    waiter->user.r13 = bits;
    waiter->state = THREAD_READY;
    waiter->queued = 1;
    CPU->next = waiter;
    CPU->ready_top = level;
    return 1;

unlock:
    spin_unlock(&port->lock);
    return 0;
}
