/*
 * Kernel objects: what a handle can name.
 *
 * An object lives while its reference count is above zero.  Handles, mappings, messages in flight
 * and other objects hold references.  When the count falls to zero the type's `destroy` runs once
 * (in the releasing CPU, interrupts off, no locks held): it gives up what the object holds and at
 * last frees it with quiesce_free.
 *
 * Looking up a handle takes no reference: the pointer is good until the system call returns or
 * schedules, because memory of objects is reused only after every CPU has passed a quiescent
 * point (user mode or idle).  To keep a pointer longer, take a reference with object_get_live: it
 * fails if the object is dying.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include "kernel.h"
#include "spinlock.h"

struct object {
    u32 references;
    u8 type; /* enum object_type */
    u8 dead; /* type-specific: killed, though still referenced */
    u16 reserved;
    u64 koid;
};

/* Sets references to 1, the type and a fresh koid. */
void object_init(struct object *object, enum object_type type);

/* Adds a reference; the caller knows that one exists. */
static inline void object_get(struct object *object)
{
    atomic_add(&object->references, 1);
}

/* Adds a reference unless the count has reached zero; says whether it did. */
bool object_get_live(struct object *object);

/* Gives up a reference; destroys the object with the last.  No locks of level 1..5 held. */
void object_put(struct object *object);

/*
 * Frees memory once no CPU can hold a looked-up pointer into it.  `free` gets the pointer later,
 * on some CPU, interrupts off, no locks held.  The node lies inside what is freed.
 */
struct quiesce_node {
    struct quiesce_node *next;
    void (*free)(struct quiesce_node *node);
};
void quiesce_free(struct quiesce_node *node, void (*free)(struct quiesce_node *node));

#endif
