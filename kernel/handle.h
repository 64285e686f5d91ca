/*
 * Handle tables: a task's numbers for objects.  Two levels, 512 x 128 entries; leaves are made as
 * needed, a missing one is a shared leaf of empty entries, so that a look-up tests nothing twice.
 * Look-ups take no lock (see object.h); changes hold the table's lock (level 1).
 */
#ifndef HANDLE_H
#define HANDLE_H

#include <portolan/message.h>

#include "budget.h"
#include "object.h"

struct task;

#define HANDLE_LEAF_ENTRIES 128u
#define HANDLE_LEAVES 512u

/*
 * A handle: bits 23..31 the leaf, bits 5..11 the entry in it (a byte offset as it stands), the
 * other 16 the generation.  So a look-up is a shift, a load and a mask.
 */
#define HANDLE_GENERATION_BITS 0x007ff01fu

/* 32 bytes; the message fast path reads it. */
struct handle_entry {
    struct object *object; /* holds a reference; free: NULL */
    u64 badge;             /* free: index of the next free entry, 0: none */
    handle_t handle;       /* the handle that names it now; free: the next one that will */
    u32 rights_and_type;   /* rights << 8 | type; free: 0 */
    /* The handle, if it has that right to a port, so that one comparison checks all; else a number
     * that leads to another slot (HANDLE_NO_PORT), so that no number whatever can match it. */
    handle_t send_tag, receive_tag;
};
#define HANDLE_NO_PORT(index) ((index) % HANDLE_LEAF_ENTRIES ? 0 : 1u << 5)

struct handle_table {
    struct handle_entry **leaves; /* HANDLE_LEAVES pointers: one page */
    struct budget *budget;
    struct spinlock lock;
    u32 first_free; /* index, 0: none */
    u32 used_leaves, count;
    bool closed; /* its task is dead: nothing can be entered */
};

int handle_table_init(struct handle_table *table, struct budget *budget); /* 0 or -ENOMEM */
/* Closes up to `most` handles; true when none are left. No thread of the task is left. */
bool handle_table_clear(struct handle_table *table, struct task *task, u32 most);

/* The memory of a table that has been cleared and that nobody can look into any more. */
void handle_table_free(struct handle_table *table);

static inline struct handle_entry *handle_slot(struct handle_table *table, handle_t handle)
{
    return (struct handle_entry *)((u8 *)table->leaves[handle >> 23] + (handle & 0xfe0));
}

static inline u32 handle_rights(const struct handle_entry *entry)
{
    return entry->rights_and_type >> 8;
}

static inline u8 handle_type(const struct handle_entry *entry)
{
    return (u8)entry->rights_and_type;
}

/* A copy of the entry in *out.  0, -EBADF (not a handle, or not to `type`; OBJECT_NONE: any type),
 * -EPERM (lacks one of `rights`). */
int handle_lookup(struct handle_table *table, handle_t handle, enum object_type type, u32 rights,
                  struct handle_entry *out);

/* The object itself, or NULL with *error set. */
void *handle_object(handle_t handle, enum object_type type, u32 rights, i64 *error);

/* Enters object (whose reference passes to the table). A handle, or 0: table full or no memory. */
handle_t handle_insert(struct handle_table *table, struct object *object, u32 rights, u64 badge);

/* Takes the entry out; the reference passes to the caller.  False: not there any more. */
bool handle_take(struct handle_table *table, handle_t handle, struct handle_entry *out);

/*
 * Takes all of `list` out for moving in a message, or none: 0, -EBADF, -EPERM (no TRANSFER),
 * -EINVAL (more rights asked for than held; RECEIVE left behind; named twice); *which is the one at
 * fault. out[i] has the reduced rights.
 */
int handle_take_moves(struct handle_table *table, const struct message_handle *list, u32 count,
                      struct handle_entry *out, u32 *which);

/* Gives up what an entry taken out referred to: a port may lose its receiver. No locks held. */
void handle_release(struct task *task, const struct handle_entry *entry);

/* have & want as handle_duplicate says; false if want exceeds have. */
bool handle_reduce(u32 have, u32 want, u32 *rights);

#endif
