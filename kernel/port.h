/*
 * Ports: where messages arrive.
 *
 * A port has a queue of envelopes (by priority, then arrival), a count of those its receivers hold,
 * 64 notification bits, a timer, and a stack of threads that wait in get.  All under port->lock
 * (level 5); no two ports are ever locked together.  Held envelopes are in no list, to keep the
 * fast path short: a dying port finds them in the table of all envelopes.
 */
#ifndef PORT_H
#define PORT_H

#include "envelope.h"
#include "object.h"
#include "reap.h"
#include "timer.h"

struct thread;

struct port {
    struct object object;
    struct spinlock lock;
    u32 pending;           /* nonzero: queue, notifications or death: get has something to find */
    struct thread *waiter; /* threads in get, the latest first (its caches are warm) */
    u32 held;
    u32 dead; /* no receiver is left */
    struct list queue;
    u64 notifications;
    u32 queued, capacity;  /* those in the queue that take room; how many may */
    u32 receivers;         /* handles with RIGHT_RECEIVE; at 0 the port is dead */
    struct thread *server; /* did the last get here: inherits the priority of the queue */
    struct list awaiting;  /* envelopes sent with this as reply port, by await_link */
    struct list watching;  /* watches that tell this port of others' deaths */
    struct list watches;   /* struct watch on this port's death */
    struct timer timer;
    struct budget *budget;
    struct reap reap;
    struct quiesce_node quiesce;
};

/* ---- For interrupt handlers, timers, pagers -------------------------------------------------- */

/* ORs bits in and wakes a getter.  Any CPU, no lock of level >= 5 held. */
void port_notify(struct port *port, u64 bits);

/* Queues a kernel message (origin ENVELOPE_KERNEL, head filled in) unless it is queued already.
 * False if the port is dead.  The envelope belongs to its owner again once it has been got
 * (envelope->state is ENVELOPE_IDLE then) or after port_unpost. */
bool port_post(struct port *port, struct envelope *envelope);

/* Takes a kernel message out of its port's queue, if it is there. */
void port_unpost(struct envelope *envelope);

static inline struct object *port_object(struct port *port)
{
    return &port->object;
}

/* ---- For message.c ----------------------------------------------------------------------------
 */

/* Queues an envelope behind those of its priority, and of its sender; or in front of all. Lock
 * held. */
void port_enqueue(struct port *port, struct envelope *envelope, bool first);
/* Takes one out of the queue. Lock held. */
void port_dequeue(struct port *port, struct envelope *envelope);
/* Takes a particular thread off the waiters; false if it is not there. Lock held. */
bool port_remove_waiter(struct port *port, struct thread *thread);
/* Sets port->pending from what there is. Lock held. */
void port_update_pending(struct port *port);
/* If something is pending and a thread waits, wakes it. No lock held. */
void port_kick(struct port *port);

struct port *port_create(u32 capacity, struct budget *budget); /* NULL: no memory */
void port_destroy(struct object *object);
/* One handle with RIGHT_RECEIVE more; false if the port is dead. */
bool port_add_receiver(struct port *port);
/* One handle with RIGHT_RECEIVE fewer: what `task` (NULL: the handle was under way) held by it
 * ends, and with the last the port dies. */
void port_receiver_gone(struct port *port, struct task *task);

#endif
