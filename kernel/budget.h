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

/* Charges bytes; false (and nothing charged) if that would pass the limit. */
bool budget_charge(struct budget *budget, u64 bytes);
void budget_uncharge(struct budget *budget, u64 bytes);

/* Moves limit between two budgets; false if `from` has less unused. */
bool budget_move(struct budget *from, struct budget *to, u64 bytes);

extern struct budget *root_budget;

#endif
