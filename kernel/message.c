/*
 * Sending and getting, the general path; see message.h and, for who may touch what, envelope.h.
 *
 * A message goes either straight to a receiver that waits on this CPU, or into the port's queue;
 * then a waiting receiver of another CPU is woken to fetch it.
 */
#include "message_internal.h"
#include "slab.h"
#include "trace.h"
#include "vmo.h"
#include "watch.h"

static struct slab_cache envelope_cache = SLAB_CACHE("envelope", sizeof(struct envelope), 64);

/* ---- Delivery -------------------------------------------------------------------------------- */

static void give_head(struct thread *to, const struct message *head, enum get_kind kind, u64 badge,
                      u64 token)
{
    head_store(&to->user, head);
    to->user.rax = kind;
    to->user.rdi = badge;
    to->user.rsi = token;
}

void message_give_notifications(struct thread *thread, u64 bits)
{
    /* The rest of the head is what the thread had in these registers some time ago. */
    thread->user.rax = GET_NOTIFY;
    thread->user.r13 = bits;
}

static void give_bytes(struct thread *to, const struct envelope *envelope)
{
    u32 bytes = MESSAGE_FLAG_BYTES(envelope->head.flags);
    if (!bytes)
        return;
    const u8 *from = envelope->cargo && envelope->cargo->bytes ? envelope->cargo->bytes
                                                               : envelope->sender->message_bytes;
    memcpy(to->message_bytes, from, bytes);
}

/* A MOVING envelope has come to a thread of holder, through the port it is at. */
void message_land(struct envelope *envelope, struct task *holder)
{
    struct port *port = envelope->port;
    spin_lock(&port->lock);
    envelope->holder = holder;
    envelope->state = ENVELOPE_HELD;
    spin_unlock(&port->lock);
}

/* A MOVING request, counted as held: 0, or -EMFILE with nothing given. */
static int give_request(struct thread *to, struct envelope *envelope)
{
    struct cargo *cargo = envelope->cargo;
    if (cargo) {
        int error = cargo_give_loans(cargo, to);
        if (!error && (error = cargo_give_handles(cargo, to)))
            cargo_recall_loans(cargo, to->task);
        if (error)
            return error;
    }
    if (envelope->origin != ENVELOPE_FAULT)
        give_bytes(to, envelope);
    enum get_kind kind = envelope->origin == ENVELOPE_FAULT ? GET_FAULT : GET_MESSAGE;
    give_head(to, &envelope->head, kind, envelope->badge, envelope->token);
    if (to->effective < envelope->priority)
        sched_set_effective(to, envelope->priority);
    message_land(envelope, to->task);
    return 0;
}

/* Puts a MOVING envelope back in front: the receiver had no room. Perhaps another has. */
static void put_back(struct envelope *envelope, bool request)
{
    struct port *port = envelope->port;
    spin_lock(&port->lock);
    port->held -= request;
    bool dead = port->dead;
    if (dead)
        envelope->state = ENVELOPE_ENDING;
    else
        port_enqueue(port, envelope, true);
    spin_unlock(&port->lock);
    if (!dead)
        port_kick(port);
    else if (request)
        message_end_claimed(envelope, NULL, EDEAD);
    else
        message_free(envelope);
}

void message_hand_over(struct thread *receiver, struct envelope *envelope)
{
    int error = give_request(receiver, envelope);
    if (error) {
        put_back(envelope, true);
        receiver->user.rax = (u64)error;
    }
}

/* A send that has ended comes to its sender's reply port: 0 or -EMFILE. */
static int give_end(struct thread *to, struct envelope *envelope)
{
    if (envelope->cargo && cargo_give_handles(envelope->cargo, to))
        return -EMFILE;
    give_bytes(to, envelope);
    give_head(to, &envelope->head, envelope->end_kind, envelope->badge, 0);
    message_free(envelope);
    return 0;
}

/*
 * Port locked: if something is pending, unlocks, gives it to `to` (whose frame then has the result
 * of its get) and says true; else false, still locked.
 */
static bool take_pending(struct thread *to, struct port *port)
{
    if (port->dead) {
        spin_unlock(&port->lock);
        to->user.rax = (u64)-EDEAD;
        return true;
    }
    if (port->notifications) {
        u64 bits = port->notifications;
        port->notifications = 0;
        port_update_pending(port);
        spin_unlock(&port->lock);
        message_give_notifications(to, bits);
        return true;
    }
    if (list_empty(&port->queue))
        return false;
    struct envelope *envelope = list_first(&port->queue, struct envelope, link);
    port_dequeue(port, envelope);
    if (envelope->origin == ENVELOPE_KERNEL) {
        give_head(to, &envelope->head, GET_KERNEL, 0, 0);
        void (*got)(struct envelope *) = envelope->got;
        envelope->state = ENVELOPE_IDLE;
        spin_unlock(&port->lock);
        if (got)
            got(envelope);
        return true;
    }
    envelope->state = ENVELOPE_MOVING;
    bool request = !envelope->end_kind;
    port->held += request;
    spin_unlock(&port->lock);
    int error = request ? give_request(to, envelope) : give_end(to, envelope);
    if (error) {
        put_back(envelope, request);
        to->user.rax = (u64)error;
    }
    return true;
}

/* ---- Getting --------------------------------------------------------------------------------- */

/* The thread is from now on a server of port. */
static void serve(struct thread *thread, struct port *port)
{
    if (thread->get_port != port) {
        thread_leave_port(thread);
        object_get(&port->object);
        thread->get_port = port;
    }
    thread->get_handle = thread->user.rax >> 32;
}

/* Port locked: the thread waits there. Unlocks. */
static void wait_on(struct thread *thread, struct port *port)
{
    thread->wait_next = port->waiter;
    port->waiter = thread;
    port->server = thread;
    thread->state = THREAD_GETTING;
    spin_unlock(&port->lock);
}

void message_get_again(struct thread *thread)
{
    struct port *port = thread->get_port;
    if (thread->requests & REQUEST_KILL) {
        thread_runnable(thread);
        port_kick(port); /* what it was woken for is another's */
        return;
    }
    spin_lock(&port->lock);
    if (!take_pending(thread, port)) {
        if (thread->interrupted) {
            spin_unlock(&port->lock);
            thread->user.rax = (u64)-EINTR;
        } else if (thread->deadline == DEADLINE_NEVER || thread->deadline > clock_now()) {
            wait_on(thread, port);
            return;
        } else {
            spin_unlock(&port->lock);
            thread->user.rax = (u64)-ETIMEDOUT;
        }
    }
    thread_runnable(thread);
}

/* Gets from port for the current thread; `woken` (or NULL) is a thread of this CPU to resume. */
static i64 get_or_wait(struct port *port, u64 deadline, struct thread *woken)
{
    struct thread *self = current_thread();
    serve(self, port);
    self->interrupted = false;
    sched_set_effective(self, self->priority);
    spin_lock(&port->lock);
    if (take_pending(self, port)) {
        if (woken)
            thread_runnable(woken);
        enter_user();
    }
    if (deadline != DEADLINE_NEVER && deadline <= clock_now()) {
        spin_unlock(&port->lock);
        if (woken)
            thread_runnable(woken);
        return -ETIMEDOUT;
    }
    wait_on(self, port);
    thread_arm(self, deadline);
    if (woken)
        message_switch(woken);
    schedule();
}

i64 message_get(u64 deadline)
{
    i64 error;
    u64 badge;
    struct port *port = message_port(RIGHT_RECEIVE, &badge, &error);
    return port ? get_or_wait(port, deadline, NULL) : error;
}

i64 message_reply_get(u64 deadline, u64 token)
{
    i64 error;
    u64 badge;
    struct thread *woken;
    struct port *port = message_port(RIGHT_RECEIVE, &badge, &error);
    if (!port)
        return error;
    error = message_reply_from(token, &woken);
    return error ? error : get_or_wait(port, deadline, woken);
}

/* ---- Sending --------------------------------------------------------------------------------- */

noreturn void message_switch(struct thread *next)
{
    struct cpu *cpu = this_cpu();
    /* The straight way is for threads with nothing else to settle, and no better one ready. */
    if (next->fast_cpu == cpu && (i32)next->effective >= cpu->ready_top)
        switch_to(next);
    thread_runnable(next);
    schedule();
}

int message_put(struct port *port, struct envelope *envelope, bool force, struct thread **receiver)
{
    *receiver = NULL;
    trace(TRACE_SEND, port->object.koid, envelope->head.op);
    spin_lock(&port->lock);
    struct thread *waiter = port->waiter;
    int error = port->dead ? -EDEAD : 0;
    if (!error && !waiter && !force && port->queued >= port->capacity)
        error = -EAGAIN;
    if (error) {
        spin_unlock(&port->lock);
        return error;
    }
    if (waiter)
        port->waiter = waiter->wait_next;
    /* Straight over, unless others are before it. */
    if (waiter && waiter->cpu == this_cpu() && !port->pending) {
        envelope->port = port;
        envelope->state = ENVELOPE_MOVING;
        port->held++;
        spin_unlock(&port->lock);
        *receiver = waiter;
        return 0;
    }
    port_enqueue(port, envelope, false);
    struct thread *server = waiter ? NULL : port->server;
    spin_unlock(&port->lock);
    if (waiter)
        cpu_post(waiter->cpu, &waiter->wake_mail);
    else if (server)
        thread_boost(server, envelope->priority);
    return 0;
}

/* Whether the port would take a message; asked before handles leave their table. */
static i64 check_room(struct port *port)
{
    if (atomic_load(&port->dead))
        return -EDEAD;
    return port->queued >= port->capacity && !port->waiter ? -EAGAIN : 0;
}

/* Takes loans and handles from the current thread into cargo, all or nothing. */
static i64 take_extras(struct port *port, struct cargo *cargo, u32 flags)
{
    u32 which = 0;
    i64 error = cargo_take_loans(cargo, flags, &which);
    if (!error && MESSAGE_FLAG_HANDLES(flags)) {
        error = check_room(port);
        if (!error)
            error = cargo_take_handles(cargo, flags, &which);
        if (error)
            cargo_drop_loans(cargo, NULL);
    }
    if (error && error != -PARKED)
        set_result2(which);
    return error;
}

/* The current thread's envelope is filled: puts it to port and waits for its end. */
static i64 call(struct port *port, u64 badge, u64 deadline, bool force)
{
    struct thread *self = current_thread(), *receiver;
    struct envelope *envelope = &self->call;
    envelope->badge = badge;
    envelope->sent_by = self->object.koid;
    envelope->priority = self->effective;
    envelope->abort_asked = 0;
    /* Before anybody can get it: a fault's handler may look at this thread at once. */
    self->state = THREAD_CALLING;
    int error = message_put(port, envelope, force, &receiver);
    if (error) {
        self->state = THREAD_RUNNING;
        return error;
    }
    thread_arm(self, deadline);
    if (!receiver)
        schedule();
    message_hand_over(receiver, envelope);
    message_switch(receiver);
}

/* The thread's own cargo, empty.  One with a page is from a call that was forwarded. */
static bool call_cargo(struct thread *self)
{
    if (self->cargo && self->cargo->bytes) {
        cargo_free(self->cargo);
        self->cargo = NULL;
    }
    if (!self->cargo)
        self->cargo = cargo_create(self->budget, false);
    return self->cargo != NULL;
}

i64 message_do(u64 deadline)
{
    struct thread *self = current_thread();
    i64 error;
    u64 badge;
    struct port *port = message_port(RIGHT_SEND, &badge, &error);
    if (!port)
        return error;
    u32 flags = message_flags(self);
    if (!flags_valid(flags, MESSAGE_RANGES_MAX))
        return -EINVAL;
    if (deadline != DEADLINE_NEVER && deadline <= clock_now())
        return -ETIMEDOUT;
    struct envelope *envelope = &self->call;
    bool extras = MESSAGE_FLAG_HANDLES(flags) || MESSAGE_FLAG_RANGES(flags);
    if (extras) {
        if (!call_cargo(self))
            return -ENOMEM;
        error = take_extras(port, self->cargo, flags);
        if (error)
            return error;
        envelope->cargo = self->cargo;
    }
    envelope->plain = !extras;
    head_load(&self->user, &envelope->head);
    error = call(port, badge, deadline, MESSAGE_FLAG_HANDLES(flags) != 0);
    if (extras) {
        cargo_drop_loans(self->cargo, NULL);
        cargo_drop_handles(self->cargo, self->task);
        envelope->cargo = NULL;
    }
    return error;
}

noreturn void message_fault(u64 vector, u64 address, u64 error_code, i64 reason)
{
    struct thread *self = current_thread();
    struct task *task = self->task;
    trace(TRACE_FAULT, vector, address);
    spin_lock(&task->lock);
    struct port *port = task->exception_port;
    u64 badge = task->exception_badge;
    spin_unlock(&task->lock);
    struct envelope *envelope = &self->call;
    envelope->origin = ENVELOPE_FAULT;
    envelope->plain = 0;
    envelope->head = (struct message){.op = (u32)vector,
                                      .cookie = self->object.koid,
                                      .offset = address,
                                      .length = error_code,
                                      .arg = {self->user.rip, (u64)reason, 0}};
    if (port)
        call(port, badge, DEADLINE_NEVER, false);
    /* Nobody to ask: the fault is the task's end. */
    envelope->origin = ENVELOPE_CALL;
    task_kill(task, -(i32)(256 + vector));
    thread_exit(-(i32)(256 + vector));
}

/* ---- send ------------------------------------------------------------------------------------ */

static void envelope_free(struct quiesce_node *node)
{
    struct envelope *envelope = container_of(node, struct envelope, quiesce);
    struct budget *budget = envelope->budget;
    slab_free(&envelope_cache, envelope, budget);
    budget_put(budget);
}

void message_free(struct envelope *envelope)
{
    if (envelope->cargo) {
        cargo_drop_loans(envelope->cargo, NULL);
        cargo_drop_handles(envelope->cargo, NULL);
        cargo_free(envelope->cargo);
        envelope->cargo = NULL;
    }
    envelope->state = ENVELOPE_IDLE;
    envelope_unregister(envelope);
    object_put(&envelope->reply_port->object);
    quiesce_free(&envelope->quiesce, envelope_free);
}

/* An envelope for the current thread's registers, linked to its reply port. */
static struct envelope *prepare_send(struct port *reply_port, u32 flags)
{
    struct thread *self = current_thread();
    struct envelope *envelope = slab_alloc(&envelope_cache, self->budget);
    if (!envelope)
        return NULL;
    bool page = MESSAGE_FLAG_BYTES(flags) || (flags & MESSAGE_ROOM);
    if (page || (flags & MESSAGE_EXTRAS))
        envelope->cargo = cargo_create(self->budget, page);
    if (((page || (flags & MESSAGE_EXTRAS)) && !envelope->cargo) || !envelope_register(envelope)) {
        if (envelope->cargo)
            cargo_free(envelope->cargo);
        slab_free(&envelope_cache, envelope, self->budget);
        return NULL;
    }
    list_init(&envelope->link);
    list_init(&envelope->await_link);
    envelope->origin = ENVELOPE_SEND;
    envelope->priority = self->effective;
    envelope->sent_by = self->object.koid;
    envelope->sender_task = self->task;
    envelope->budget = self->budget;
    budget_get(self->budget);
    envelope->reply_port = reply_port;
    object_get(&reply_port->object);
    head_load(&self->user, &envelope->head);
    if (MESSAGE_FLAG_BYTES(flags))
        memcpy(envelope->cargo->bytes, self->message_bytes, MESSAGE_FLAG_BYTES(flags));
    return envelope;
}

static bool await(struct envelope *envelope)
{
    struct port *port = envelope->reply_port;
    spin_lock(&port->lock);
    bool alive = !port->dead;
    if (alive)
        list_append(&port->awaiting, &envelope->await_link);
    spin_unlock(&port->lock);
    return alive;
}

static void await_no_more(struct envelope *envelope)
{
    spin_lock(&envelope->reply_port->lock);
    list_remove(&envelope->await_link);
    spin_unlock(&envelope->reply_port->lock);
}

i64 message_send(u64 reply_handle)
{
    struct thread *self = current_thread(), *receiver;
    i64 error;
    u64 badge;
    struct port *port = message_port(RIGHT_SEND, &badge, &error);
    if (!port)
        return error;
    struct object *reply =
        handle_object((handle_t)reply_handle, OBJECT_PORT, RIGHT_RECEIVE, &error);
    if (!reply)
        return error;
    u32 flags = message_flags(self);
    if (!flags_valid(flags, MESSAGE_RANGES_MAX))
        return -EINVAL;
    struct envelope *envelope = prepare_send(container_of(reply, struct port, object), flags);
    if (!envelope)
        return -ENOMEM;
    envelope->badge = badge;
    u64 id = envelope->token;
    error = 0;
    if (MESSAGE_FLAG_HANDLES(flags) || MESSAGE_FLAG_RANGES(flags))
        error = take_extras(port, envelope->cargo, flags);
    if (!error && !await(envelope))
        error = -EDEAD;
    if (!error &&
        (error = message_put(port, envelope, MESSAGE_FLAG_HANDLES(flags) != 0, &receiver)))
        await_no_more(envelope);
    if (error) {
        message_free(envelope);
        return error;
    }
    if (receiver) {
        message_hand_over(receiver, envelope);
        thread_runnable(receiver);
    }
    /* If the reply port died before the message was anywhere, its death has passed it by. */
    struct port *reply_port = container_of(reply, struct port, object);
    if (unlikely(atomic_load(&reply_port->dead)))
        message_end(envelope, EABORTED);
    set_result2(id);
    return 0;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* Bytes and handles that go along from the forwarder; the envelope is MOVING. */
static i64 replace_extras(struct envelope *envelope, struct port *to, u32 flags)
{
    struct thread *self = current_thread();
    bool bytes = MESSAGE_FLAG_BYTES(flags), handles = MESSAGE_FLAG_HANDLES(flags);
    struct cargo *cargo = envelope->cargo;
    if ((bytes || handles) && (!cargo || (bytes && !cargo->bytes))) {
        struct cargo *larger = cargo_create(self->budget, bytes);
        if (!larger)
            return -ENOMEM;
        cargo_move(cargo, larger);
        if (envelope->origin == ENVELOPE_CALL) {
            /* The caller's own, which is not in use if the message came without. */
            cargo = envelope->sender->cargo;
            envelope->sender->cargo = larger;
        }
        if (cargo)
            cargo_free(cargo);
        envelope->cargo = cargo = larger;
        envelope->plain = 0;
    }
    i64 error = check_room(to);
    u32 which;
    if (!error && handles && (error = cargo_take_handles(cargo, flags, &which)))
        set_result2(which);
    if (!error && bytes)
        memcpy(cargo->bytes, self->message_bytes, MESSAGE_FLAG_BYTES(flags));
    return error;
}

i64 message_forward(u64 token)
{
    struct thread *self = current_thread(), *receiver;
    i64 error;
    u64 badge;
    struct port *to = message_port(RIGHT_SEND, &badge, &error);
    if (!to)
        return error;
    u32 flags = message_flags(self);
    if (!flags_valid(flags, 0))
        return -EINVAL;
    struct envelope *envelope = envelope_of(token);
    if (!message_seize(envelope, token))
        return -ESTALE_TOKEN;
    error = envelope->origin == ENVELOPE_FAULT ? -EINVAL : replace_extras(envelope, to, flags);
    if (error) {
        message_land(envelope, self->task);
        return error;
    }
    struct port *from = envelope->port;
    if (envelope->cargo)
        cargo_recall_loans(envelope->cargo, self->task);
    u32 ranges = envelope->cargo ? envelope->cargo->loan_count : 0;
    head_load(&self->user, &envelope->head);
    envelope->head.flags |= MESSAGE_FLAGS(0, 0, ranges);
    envelope->badge = badge;
    spin_lock(&from->lock);
    from->held--;
    spin_unlock(&from->lock);
    bool abort_asked = envelope->abort_asked;
    if (message_put(to, envelope, true, &receiver)) {
        /* It died in this moment: for the sender, after the message came there. */
        envelope->state = ENVELOPE_ENDING;
        message_end_claimed(envelope, NULL, EDEAD);
    } else if (receiver) {
        message_hand_over(receiver, envelope);
        thread_runnable(receiver);
    }
    if (abort_asked)
        port_notify(to, NOTIFY_ABORT);
    return 0;
}
