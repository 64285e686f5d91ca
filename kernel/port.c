/*
 * Ports: queue, notifications, timer, and the end of a port; see port.h.  Sending, getting and
 * replying are message.c.
 */
#include "port.h"

#include "message.h"
#include "sched.h"
#include "slab.h"
#include "task.h"
#include "thread.h"
#include "watch.h"

static struct slab_cache port_cache = SLAB_CACHE("port", sizeof(struct port), 64);

/* How many messages a dying port ends at once. */
#define DEATH_PIECE 32u

static void timer_over(struct timer *timer)
{
    port_notify(container_of(timer, struct port, timer), NOTIFY_TIMER);
}

struct port *port_create(u32 capacity, struct budget *budget)
{
    struct port *port = slab_alloc(&port_cache, budget);
    if (!port)
        return NULL;
    object_init(&port->object, OBJECT_PORT);
    list_init(&port->queue);
    list_init(&port->awaiting);
    list_init(&port->watches);
    list_init(&port->watching);
    port->capacity = capacity;
    port->receivers = 1;
    port->timer.fire = timer_over;
    port->budget = budget;
    budget_get(budget);
    return port;
}

static void port_free(struct quiesce_node *node)
{
    struct port *port = container_of(node, struct port, quiesce);
    struct budget *budget = port->budget;
    slab_free(&port_cache, port, budget);
    budget_put(budget);
}

void port_destroy(struct object *object)
{
    struct port *port = container_of(object, struct port, object);
    timer_cancel(&port->timer);
    quiesce_free(&port->quiesce, port_free);
}

/* ---- The queue ---------------------------------------------------------------------------------
 */

void port_update_pending(struct port *port)
{
    port->pending = port->dead || port->notifications || !list_empty(&port->queue);
}

static bool same_sender(const struct envelope *a, const struct envelope *b)
{
    return a->sent_by && a->sent_by == b->sent_by;
}

/* In front of its equals, but behind the more urgent: where one that was taken goes back. */
static struct list *place_first(struct port *port, const struct envelope *envelope)
{
    struct list *at = port->queue.next;
    for (; at != &port->queue; at = at->next) {
        struct envelope *other = list_entry(at, struct envelope, link);
        if (other->priority <= envelope->priority || same_sender(other, envelope))
            break;
    }
    return at;
}

/* Behind its equals and what its sender sent before; from the back, since most are not more urgent.
 */
static struct list *place_last(struct port *port, const struct envelope *envelope)
{
    struct list *at = &port->queue;
    for (; at->previous != &port->queue; at = at->previous) {
        struct envelope *other = list_entry(at->previous, struct envelope, link);
        if (other->priority >= envelope->priority || same_sender(other, envelope))
            break;
    }
    return at;
}

/* What the kernel tells does not: senders are not to be refused because sessions have ended. */
static bool takes_room(const struct envelope *envelope)
{
    return envelope->origin != ENVELOPE_KERNEL;
}

void port_enqueue(struct port *port, struct envelope *envelope, bool first)
{
    struct list *at = first ? place_first(port, envelope) : place_last(port, envelope);
    list_insert_before(at, &envelope->link);
    /* In this order: see lock_port_of. */
    atomic_store(&envelope->port, port);
    atomic_store(&envelope->state, ENVELOPE_QUEUED);
    port->queued += takes_room(envelope);
    port->pending = 1;
}

void port_dequeue(struct port *port, struct envelope *envelope)
{
    list_remove(&envelope->link);
    port->queued -= takes_room(envelope);
    port_update_pending(port);
}

bool port_remove_waiter(struct port *port, struct thread *thread)
{
    for (struct thread **link = &port->waiter; *link; link = &(*link)->wait_next)
        if (*link == thread) {
            *link = thread->wait_next;
            return true;
        }
    return false;
}

/* Takes the latest waiter. Lock held. */
static struct thread *pop_waiter(struct port *port)
{
    struct thread *waiter = port->waiter;
    if (waiter)
        port->waiter = waiter->wait_next;
    return waiter;
}

void port_kick(struct port *port)
{
    spin_lock(&port->lock);
    struct thread *waiter = port->pending ? pop_waiter(port) : NULL;
    spin_unlock(&port->lock);
    if (waiter)
        thread_wake(waiter, 0);
}

/* ---- Notifications and kernel messages ------------------------------------------------------- */

void port_notify(struct port *port, u64 bits)
{
    spin_lock(&port->lock);
    port->notifications |= bits;
    struct thread *waiter = pop_waiter(port);
    if (waiter && waiter->cpu == this_cpu()) {
        /* It is this CPU's to resume, so it gets them here and now. */
        u64 all = port->notifications;
        port->notifications = 0;
        port_update_pending(port);
        spin_unlock(&port->lock);
        message_give_notifications(waiter, all);
        thread_runnable(waiter);
        return;
    }
    port->pending = 1;
    spin_unlock(&port->lock);
    if (waiter)
        thread_wake(waiter, 0);
}

bool port_post(struct port *port, struct envelope *envelope)
{
    spin_lock(&port->lock);
    bool alive = !port->dead;
    struct thread *waiter = NULL;
    if (alive && envelope->state == ENVELOPE_IDLE) {
        port_enqueue(port, envelope, false);
        waiter = pop_waiter(port);
    }
    spin_unlock(&port->lock);
    if (waiter)
        cpu_post(waiter->cpu, &waiter->wake_mail);
    return alive;
}

void port_unpost(struct envelope *envelope)
{
    struct port *port = envelope->port;
    if (!port)
        return;
    spin_lock(&port->lock);
    if (envelope->state == ENVELOPE_QUEUED) {
        port_dequeue(port, envelope);
        envelope->state = ENVELOPE_IDLE;
    }
    spin_unlock(&port->lock);
}

/* ---- The end of a port ----------------------------------------------------------------------- */

/* Takes a kernel message back from a dead port. */
static void drop_kernel_message(struct port *port, struct envelope *envelope)
{
    port_dequeue(port, envelope);
    envelope->state = ENVELOPE_IDLE;
    void (*got)(struct envelope *) = envelope->got;
    spin_unlock(&port->lock);
    if (got)
        got(envelope);
    spin_lock(&port->lock);
}

/* Ends or drops up to DEATH_PIECE of the queue; true when it is empty. */
static bool drain_queue(struct port *port)
{
    u32 left = DEATH_PIECE;
    spin_lock(&port->lock);
    while (!list_empty(&port->queue) && left--) {
        struct envelope *envelope = list_first(&port->queue, struct envelope, link);
        if (envelope->origin == ENVELOPE_KERNEL) {
            drop_kernel_message(port, envelope);
        } else {
            port_dequeue(port, envelope);
            envelope->state = ENVELOPE_ENDING;
            spin_unlock(&port->lock);
            message_end_claimed(envelope, NULL, EDEAD);
            spin_lock(&port->lock);
        }
    }
    bool empty = list_empty(&port->queue);
    spin_unlock(&port->lock);
    return empty;
}

/* Ends what was sent with this port to answer to; true when nothing is awaited any more. */
static bool drain_awaiting(struct port *port)
{
    for (u32 left = DEATH_PIECE; left; left--) {
        spin_lock(&port->lock);
        struct envelope *envelope = NULL;
        if (!list_empty(&port->awaiting)) {
            envelope = list_first(&port->awaiting, struct envelope, await_link);
            list_remove(&envelope->await_link);
        }
        spin_unlock(&port->lock);
        if (!envelope)
            return true;
        /* It may be ending already: then whoever ends it finds this port dead. */
        message_end(envelope, EABORTED);
    }
    return false;
}

static bool death_piece(struct reap *reap)
{
    struct port *port = container_of(reap, struct port, reap);
    if (!drain_queue(port) || !drain_awaiting(port))
        return false;
    if (port->held)
        message_end_held(port, NULL);
    object_put(&port->object);
    return true;
}

static void die(struct port *port)
{
    spin_lock(&port->lock);
    port->dead = 1;
    atomic_store(&port->object.dead, 1);
    port->pending = 1;
    struct thread *waiter = port->waiter;
    port->waiter = NULL;
    port->server = NULL;
    timer_cancel(&port->timer);
    spin_unlock(&port->lock);
    while (waiter) {
        struct thread *next = waiter->wait_next;
        thread_wake(waiter, -EDEAD);
        waiter = next;
    }
    watch_fire(&port->watches, 0, port->object.koid);
    watch_forget(port);
    /* Not here: what is queued may hold the last receiver of another port, and so on. */
    object_get(&port->object);
    reaper_add(&port->reap, death_piece);
}

bool port_add_receiver(struct port *port)
{
    u32 receivers = atomic_load(&port->receivers);
    while (receivers)
        if (atomic_compare_exchange(&port->receivers, &receivers, receivers + 1))
            return true;
    return false;
}

void port_receiver_gone(struct port *port, struct task *task)
{
    if (atomic_sub(&port->receivers, 1) == 0)
        die(port);
    else if (task && atomic_load_relaxed(&port->held))
        message_end_held(port, task);
}
