/*
 * A budget: how much memory a task may use, in bytes.  Budgets form a tree: a new task's is taken
 * from its creator's, so the sum never exceeds the machine.  Objects hold a reference to the budget
 * they are charged to and outlive the task; what they free goes back, and when task and objects
 * are gone the whole returns to the parent.  All members are atomic; no lock.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include "kernel.h"

struct budget {
    u32 references;
    struct budget *parent;
    i64 limit; /* bytes; changes by budget_move only */
    i64 used;  /* bytes; may pass limit for a moment while a charge is being refused */
};

/* Carves `limit` bytes out of parent (NULL: the root).  NULL if the parent has less unused. */
struct budget *budget_create(struct budget *parent, u64 limit);
void budget_get(struct budget *budget);
void budget_put(struct budget *budget);

/* Charges bytes, giving up clean pages charged to the budget if that helps; false (and nothing
 * charged) if it would pass the limit. */
bool budget_charge(struct budget *budget, u64 bytes);

/* The second half of budget_charge_some. */
rarely bool budget_charge_slowly(struct budget *budget, u64 bytes);

/* budget_charge for a number of bytes that is known to be small. */
static inline bool budget_charge_some(struct budget *budget, u64 bytes)
{
    /* As unsigned: a sum that overflows is more than any limit. */
    return likely((u64)atomic_add(&budget->used, (i64)bytes) <= (u64)atomic_load(&budget->limit)) ||
           budget_charge_slowly(budget, bytes);
}

void budget_uncharge(struct budget *budget, u64 bytes);

/* Moves limit between two budgets; false if `from` has less unused. */
bool budget_move(struct budget *from, struct budget *to, u64 bytes);

extern struct budget *root_budget;

#endif
