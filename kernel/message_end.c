/*
 * How messages end: by a reply, by their sender giving up, by a death.  Whoever makes the step to
 * ENDING, under the lock of the port where the envelope is, does everything that follows: loans
 * revoked, handles delivered or closed, the sender told.  Nobody else can.
 */
#include "message_internal.h"
#include "trace.h"
#include "vmo.h"

/*
 * Locks the port where an envelope is and sees that it stays there, not MOVING. NULL: it is nowhere
 * (idle, or its end has begun). A port that is read here may have died, but its memory stays until
 * the system call is over.
 */
static struct port *lock_port_of(struct envelope *envelope)
{
    for (;;) {
        u8 state = atomic_load(&envelope->state);
        struct port *port = atomic_load(&envelope->port);
        if (!port || state == ENVELOPE_IDLE || state == ENVELOPE_ENDING)
            return NULL;
        if (state != ENVELOPE_MOVING) {
            spin_lock(&port->lock);
            /* State before port: whoever moves it to another port writes them the other way round.
             */
            state = atomic_load(&envelope->state);
            if ((state == ENVELOPE_QUEUED || state == ENVELOPE_HELD) &&
                atomic_load(&envelope->port) == port)
                return port;
            spin_unlock(&port->lock);
        }
        cpu_relax_poll();
    }
}

bool message_seize(struct envelope *envelope, u64 token)
{
    struct task *task = current_task();
    if (atomic_load(&envelope->token) != token || atomic_load(&envelope->holder) != task)
        return false;
    struct port *port = lock_port_of(envelope);
    if (!port)
        return false;
    bool held = envelope->token == token && envelope->holder == task;
    if (held) {
        envelope->holder = NULL;
        envelope->state = ENVELOPE_MOVING;
    }
    spin_unlock(&port->lock);
    return held;
}

/* The port where it is is locked: QUEUED or HELD -> ENDING. Who held it, or NULL. */
static struct task *begin_end(struct port *port, struct envelope *envelope)
{
    struct task *holder = envelope->holder;
    if (envelope->state == ENVELOPE_HELD)
        port->held--;
    else
        port_dequeue(port, envelope);
    envelope->holder = NULL;
    envelope->state = ENVELOPE_ENDING;
    return holder;
}

/* Makes an envelope ENDING; the port it was at, or NULL if its end has begun. */
static struct port *claim(struct envelope *envelope, struct task **holder)
{
    struct port *port = lock_port_of(envelope);
    if (!port)
        return NULL;
    bool ended = envelope->end_kind != 0; /* it is an answer in its sender's queue */
    if (!ended)
        *holder = begin_end(port, envelope);
    spin_unlock(&port->lock);
    return ended ? NULL : port;
}

/* ENDING: the token dies, loans are revoked, handles that were not delivered are closed. */
static void release_extras(struct envelope *envelope, struct task *holder)
{
    atomic_store(&envelope->token, envelope->token + (1ull << 32));
    if (envelope->cargo) {
        cargo_drop_loans(envelope->cargo, holder);
        cargo_drop_handles(envelope->cargo, NULL);
    }
}

/* A send has ended: its head and cargo are what the sender shall get. */
static void complete_send(struct envelope *envelope, enum get_kind kind)
{
    struct port *port = envelope->reply_port;
    envelope->badge = envelope->token - (1ull << 32); /* the id that send gave */
    envelope->end_kind = kind;
    spin_lock(&port->lock);
    list_remove(&envelope->await_link);
    bool dead = port->dead;
    struct thread *waiter = port->waiter;
    if (!dead) {
        port_enqueue(port, envelope, false);
        if (waiter)
            port->waiter = waiter->wait_next;
    }
    spin_unlock(&port->lock);
    if (dead)
        message_free(envelope);
    else if (waiter)
        thread_wake(waiter, 0);
}

/* A call has ended: the sender's thread goes on, on its CPU. */
static void complete_call(struct envelope *envelope, i32 status)
{
    envelope->cargo = NULL;
    envelope->plain = 1; /* until a call says otherwise: the fast path says nothing */
    atomic_store(&envelope->state, ENVELOPE_IDLE);
    thread_wake(envelope->sender, status);
}

void message_end_claimed(struct envelope *envelope, struct task *holder, int error)
{
    trace(TRACE_END, envelope->port->object.koid, (u64)error);
    release_extras(envelope, holder);
    if (envelope->origin == ENVELOPE_SEND) {
        u64 cookie = envelope->head.cookie;
        envelope->head = (struct message){.cookie = cookie, .result = -error};
        complete_send(envelope, GET_ENDED);
    } else {
        envelope->head = (struct message){.op = envelope->head.op, .result = -error};
        complete_call(envelope, -error);
    }
}

void message_end(struct envelope *envelope, int error)
{
    struct task *holder;
    if (claim(envelope, &holder))
        message_end_claimed(envelope, holder, error);
}

/*
 * A send whose task is gone: a request ends; an answer that waits for it goes.  Its budget pays for
 * both; and an answer may carry the last handle to receive from the very port that it is queued in,
 * so that nothing else would ever end either.
 */
static void end_sent(struct envelope *envelope)
{
    struct port *locked = lock_port_of(envelope);
    if (!locked)
        return;
    bool answer = envelope->end_kind != 0;
    struct task *holder = begin_end(locked, envelope);
    envelope->sender_task = NULL; /* its memory may be another task's soon */
    spin_unlock(&locked->lock);
    if (answer)
        message_free(envelope);
    else
        message_end_claimed(envelope, holder, EABORTED);
}

void message_end_held(struct port *port, struct task *task)
{
    u32 next = 0;
    struct envelope *envelope;
    while ((envelope = envelope_next(&next))) {
        if (!port && envelope->origin == ENVELOPE_SEND && envelope->sender_task == task) {
            end_sent(envelope);
            continue;
        }
        /* MOVING, it may be on its way to a holder: by this port, or to any task. */
        bool moving = atomic_load(&envelope->state) == ENVELOPE_MOVING;
        if (port ? atomic_load(&envelope->port) != port
                 : atomic_load(&envelope->holder) != task && !moving)
            continue;
        struct port *locked = lock_port_of(envelope);
        if (!locked)
            continue;
        bool mine = envelope->state == ENVELOPE_HELD && (!port || locked == port) &&
                    (!task || envelope->holder == task);
        struct task *holder = mine ? begin_end(locked, envelope) : NULL;
        spin_unlock(&locked->lock);
        if (mine)
            message_end_claimed(envelope, holder, EDEAD);
    }
}

/* ---- The sender's side ----------------------------------------------------------------------- */

void message_call_ended(struct thread *thread)
{
    struct envelope *envelope = &thread->call;
    if (envelope->origin == ENVELOPE_FAULT) {
        envelope->origin = ENVELOPE_CALL;
        /* Nobody took care of the fault: it is the task's end. */
        if (thread->wake_status || envelope->head.result)
            task_kill(thread->task, -(i32)(256 + envelope->head.op));
        return;
    }
    thread->user.rax = (u64)(i64)thread->wake_status;
    head_store(&thread->user, &envelope->head);
}

static void give_up_call(struct thread *thread, enum give_up why)
{
    struct envelope *envelope = &thread->call;
    struct task *holder = NULL;
    if (envelope->origin == ENVELOPE_FAULT && why != GIVE_UP_KILL)
        return;
    struct port *port = claim(envelope, &holder);
    if (!port)
        return; /* its end is on its way here */
    release_extras(envelope, holder);
    envelope->cargo = NULL;
    envelope->plain = 1;
    envelope->state = ENVELOPE_IDLE;
    envelope->origin = ENVELOPE_CALL;
    /* The receiver can stop early; its token is dead already. */
    if (holder)
        port_notify(port, NOTIFY_ABORT);
    thread->user.rax = (u64)(why == GIVE_UP_DEADLINE ? -ETIMEDOUT : -EABORTED);
    thread_runnable(thread);
}

static void give_up_get(struct thread *thread, enum give_up why)
{
    struct port *port = thread->get_port;
    spin_lock(&port->lock);
    bool waiting = port_remove_waiter(port, thread);
    spin_unlock(&port->lock);
    if (!waiting) {
        /* It has been woken, and that is on its way here: message_get_again. */
        thread->interrupted |= why == GIVE_UP_INTERRUPT;
        return;
    }
    thread->user.rax = (u64)(why == GIVE_UP_DEADLINE ? -ETIMEDOUT : -EINTR);
    thread_runnable(thread);
}

/* Asleep, or waiting for a page: only killing ends the latter early. */
static void give_up_park(struct thread *thread, enum give_up why)
{
    if (thread->sleeping)
        thread->user.rax = why == GIVE_UP_DEADLINE ? 0 : (u64)-EINTR;
    else if (why != GIVE_UP_KILL || !wait_queue_leave(thread))
        return;
    thread_runnable(thread);
}

void message_give_up(struct thread *thread, enum give_up why)
{
    if (thread->state == THREAD_CALLING)
        give_up_call(thread, why);
    else if (thread->state == THREAD_GETTING)
        give_up_get(thread, why);
    else if (thread->state == THREAD_PARKED)
        give_up_park(thread, why);
}

struct thread *envelope_raise(struct envelope *envelope, u8 priority)
{
    struct port *port = lock_port_of(envelope);
    if (!port)
        return NULL;
    if (envelope->priority < priority) {
        envelope->priority = priority;
        if (envelope->state == ENVELOPE_QUEUED) {
            port_dequeue(port, envelope);
            port_enqueue(port, envelope, false);
        }
    }
    struct thread *server = port->server;
    spin_unlock(&port->lock);
    return server;
}

i64 message_abort(u64 id)
{
    struct envelope *envelope = envelope_of(id);
    struct port *port;
    if (envelope->token != id || envelope->origin != ENVELOPE_SEND ||
        envelope->sender_task != current_task() || !(port = lock_port_of(envelope)))
        return -ESTALE_TOKEN;
    bool mine = envelope->token == id && !envelope->end_kind;
    bool queued = envelope->state == ENVELOPE_QUEUED;
    if (mine && queued) {
        begin_end(port, envelope);
    } else if (mine) {
        envelope->abort_asked = 1;
    }
    spin_unlock(&port->lock);
    if (!mine)
        return -ESTALE_TOKEN;
    if (queued)
        message_end_claimed(envelope, NULL, EABORTED);
    else
        port_notify(port, NOTIFY_ABORT);
    return 0;
}

i64 message_info(u64 token)
{
    struct envelope *envelope = envelope_of(token);
    if (envelope->token != token || envelope->holder != current_task())
        return -ESTALE_TOKEN;
    return (envelope->abort_asked ? 1 : 0) | (envelope->origin == ENVELOPE_CALL ? 2 : 0);
}

/* ---- Replying -------------------------------------------------------------------------------- */

/* Handles of a reply, out of the current thread's table; the envelope is MOVING. */
static i64 take_reply_handles(u32 flags, struct handle_entry *out)
{
    struct thread *self = current_thread();
    struct message_handle list[MESSAGE_HANDLES_MAX];
    u32 count = MESSAGE_FLAG_HANDLES(flags), which = 0;
    memcpy(list, self->message_tail->handles, count * sizeof(list[0]));
    i64 error = handle_take_moves(&self->task->handles, list, count, out, &which);
    if (error)
        set_result3(which);
    return error;
}

/* To a caller that waits: into its table, or closed. */
static i32 give_reply_handles(struct thread *to, const struct handle_entry *entries, u32 count)
{
    i32 status = 0;
    for (u32 i = 0; i < count; i++) {
        const struct handle_entry *entry = &entries[i];
        handle_t handle = status ? HANDLE_NONE
                                 : handle_insert(&to->task->handles, entry->object,
                                                 handle_rights(entry), entry->badge);
        if (!handle) {
            handle_release(NULL, entry);
            status = -EMFILE;
        }
        to->message_tail->handles[i] =
            (struct message_handle){handle, handle ? handle_rights(entry) : 0, handle_type(entry)};
    }
    return status;
}

static void keep_reply_handles(struct cargo *cargo, const struct handle_entry *entries, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        cargo->handle_objects[i] = entries[i].object;
        cargo->handle_badges[i] = entries[i].badge;
        cargo->handle_rights[i] = entries[i].rights_and_type;
    }
    cargo->handle_count = count;
}

/* What a reply to a thread's call brings it; says whether the thread is this CPU's to resume. */
static bool reply_to_call(struct envelope *envelope, u32 flags, const struct handle_entry *handles)
{
    struct thread *self = current_thread(), *sender = envelope->sender;
    i32 status = 0;
    if (envelope->origin == ENVELOPE_CALL) {
        memcpy(sender->message_bytes, self->message_bytes, MESSAGE_FLAG_BYTES(flags));
        status = give_reply_handles(sender, handles, MESSAGE_FLAG_HANDLES(flags));
    }
    if (sender->cpu != this_cpu()) {
        complete_call(envelope, status);
        return false;
    }
    envelope->cargo = NULL;
    envelope->plain = 1;
    envelope->state = ENVELOPE_IDLE;
    sender->wake_status = status;
    message_call_ended(sender);
    return true;
}

static void reply_to_send(struct envelope *envelope, u32 flags, const struct handle_entry *handles,
                          u64 cookie)
{
    u32 bytes = MESSAGE_FLAG_BYTES(flags);
    envelope->head.cookie = cookie;
    if (bytes)
        memcpy(envelope->cargo->bytes, current_message_bytes(), bytes);
    if (envelope->cargo)
        keep_reply_handles(envelope->cargo, handles, MESSAGE_FLAG_HANDLES(flags));
    complete_send(envelope, GET_REPLY);
}

/* Whether a seized message may be answered with what flags say; takes the handles then. */
static i64 check_reply(struct envelope *envelope, u32 flags, struct handle_entry *handles)
{
    bool room = envelope->cargo && envelope->cargo->bytes;
    if (envelope->origin == ENVELOPE_SEND && (flags & MESSAGE_EXTRAS) && !room)
        return -EMSGSIZE;
    if (envelope->origin == ENVELOPE_FAULT && (flags & MESSAGE_EXTRAS))
        return -EINVAL;
    return MESSAGE_FLAG_HANDLES(flags) ? take_reply_handles(flags, handles) : 0;
}

i64 message_reply_from(u64 token, struct thread **woken)
{
    struct thread *self = current_thread();
    struct envelope *envelope = envelope_of(token);
    struct handle_entry handles[MESSAGE_HANDLES_MAX];
    u32 flags = message_flags(self);
    *woken = NULL;
    if (!flags_valid(flags, 0))
        return -EINVAL;
    if (!message_seize(envelope, token))
        return -ESTALE_TOKEN;
    i64 error = check_reply(envelope, flags, handles);
    if (error) {
        message_land(envelope, self->task);
        return error;
    }
    struct port *port = envelope->port;
    spin_lock(&port->lock);
    port->held--;
    envelope->state = ENVELOPE_ENDING;
    spin_unlock(&port->lock);

    trace(TRACE_REPLY, port->object.koid, self->user.r9);
    release_extras(envelope, self->task);
    u64 cookie = envelope->head.cookie;
    u32 fault = envelope->head.op;
    head_load(&self->user, &envelope->head);
    if (envelope->origin == ENVELOPE_SEND) {
        reply_to_send(envelope, flags, handles, cookie);
    } else {
        if (envelope->origin == ENVELOPE_FAULT)
            envelope->head.op = fault;
        struct thread *sender = envelope->sender;
        if (reply_to_call(envelope, flags, handles))
            *woken = sender;
    }
    return 0;
}

i64 message_reply(u64 token)
{
    struct thread *woken;
    i64 error = message_reply_from(token, &woken);
    if (woken)
        thread_runnable(woken);
    return error;
}
