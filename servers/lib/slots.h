/*
 * Numbers for sessions: indices of an array of the caller's, with a generation, so that a badge
 * whose session has ended names none.  Pure.
 */
#ifndef SERVERS_SLOTS_H
#define SERVERS_SLOTS_H

#include <portolan/types.h>

#define SLOT_NONE UINT32_MAX

struct slot {
    uint32_t generation; /* odd: in use */
    uint32_t next;       /* free: the next free one */
};

struct slots {
    struct slot *slots;
    uint32_t capacity, used;
    uint32_t fresh; /* those from here on were never used */
    uint32_t first_free;
};

/* `slots`: zeros, capacity of them. */
void slots_open(struct slots *table, struct slot *slots, uint32_t capacity);

/* A free index, or SLOT_NONE; it is in use now. */
uint32_t slots_take(struct slots *table);
void slots_give_back(struct slots *table, uint32_t index);

/* The badge (below BADGE_COUNTED) of an index in use, and back: SLOT_NONE it names none. */
uint64_t slots_badge(const struct slots *table, uint32_t index);
uint32_t slots_find(const struct slots *table, uint64_t badge);

#endif
