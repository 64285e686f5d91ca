/*
 * An envelope: a message in flight, from sending to its one end.  A thread has one of its own for
 * do (and for its faults); send allocates one; the kernel's own messages have theirs in the object
 * that they tell of.
 *
 * States, and who may change them: IDLE by the owner; QUEUED and HELD under the lock of
 * envelope->port; from either to ENDING, once, by whoever ends it (replier, sender's deadline or
 * death, receiver's death), under that lock: the one that makes this step does the rest.  While
 * a message is delivered, forwarded or its reply is checked it is MOVING, and only the CPU that
 * does that touches it; it calls nothing that may wait for a MOVING envelope.  `holder` is set
 * exactly while HELD, in the same critical section as the state: the fast path looks at it alone.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include <portolan/message.h>

#include "kernel.h"
#include "object.h"

struct port;
struct task;
struct thread;
struct cargo;

enum envelope_state {
    ENVELOPE_IDLE = 0,
    ENVELOPE_QUEUED,
    ENVELOPE_HELD,
    ENVELOPE_MOVING, /* between queue and holder, for a bounded moment: whoever would end it waits
                      */
    ENVELOPE_ENDING
};
enum envelope_origin { ENVELOPE_CALL = 0, ENVELOPE_SEND, ENVELOPE_KERNEL, ENVELOPE_FAULT };

struct envelope {
    u64 token; /* generation << 32 | id; the generation counts ends */
    struct port *port;
    struct task *holder;   /* HELD: whose threads may reply; else NULL */
    struct thread *sender; /* CALL, FAULT */
    u8 state, origin, priority, abort_asked;
    u32 plain;        /* a CALL whose end brings nothing but a head and bytes: no cargo */
    struct list link; /* QUEUED: in port->queue */
    u64 sent_by;      /* koid of the sending thread: its messages stay in order */
    u64 badge;
    struct message head;                    /* of a queued message, or of an end on its way */
    struct cargo *cargo;                    /* handles, loans and bytes; or NULL */
    void (*got)(struct envelope *envelope); /* KERNEL: it has left the port's queue; or NULL */
    /* SEND only. */
    struct task *sender_task; /* compared, never followed */
    struct port *reply_port;  /* holds a reference; its lock protects await_link */
    struct list await_link;
    u32 end_kind; /* enum get_kind, once ended */
    u32 reserved2;
    struct budget *budget;
    struct quiesce_node quiesce;
};

static inline void envelope_init_kernel(struct envelope *envelope)
{
    list_init(&envelope->link);
    envelope->state = ENVELOPE_IDLE;
    envelope->origin = ENVELOPE_KERNEL;
}

/* ---- The table of envelopes: ids to pointers ------------------------------------------------- */

/* An id: bits 23..31 the leaf, bits 3..11 the slot in it (a byte offset as it stands). */
#define ENVELOPE_LEAF 512u
#define ENVELOPE_LEAVES 512u
extern struct envelope **envelope_leaves[ENVELOPE_LEAVES]; /* missing ones lead to a dummy */

/* What a token names, or a dummy that has no holder.  Good until the system call ends. */
static inline struct envelope *envelope_of(u64 token)
{
    return *(struct envelope **)((u8 *)envelope_leaves[(u32)token >> 23] + (token & 0xff8));
}

void envelope_init(void);                          /* once, at boot */
bool envelope_register(struct envelope *envelope); /* gives it an id; false: no memory or ids */
void envelope_unregister(struct envelope *envelope);
/* The first envelope with id >= *next (which moves past it), or NULL at the end. */
struct envelope *envelope_next(u32 *next);

#endif
