/*
 * The pages of a VM object: a radix tree from page number to entry, 64 ways at each level.  An
 * entry is a page's physical address and flags in its low 12 bits; zero: nothing there.  No locking
 * of its own.
 */
#ifndef PAGETREE_H
#define PAGETREE_H

#include "budget.h"
#include "kernel.h"

struct pagetree {
    void *root;
    u32 height;            /* levels; 0: empty */
    struct budget *budget; /* its nodes are charged to */
};

/* The entry of a page number, to be read or changed; NULL: nothing there and not `create`, or no
 * memory. */
u64 *pagetree_slot(struct pagetree *tree, u64 index, bool create);

/* The same without creating, and inline for small objects. */
static inline u64 *pagetree_find(struct pagetree *tree, u64 index)
{
    return likely(tree->height == 1 && index < 64) ? (u64 *)tree->root + index
                                                   : pagetree_slot(tree, index, false);
}

/* The first nonzero entry with number >= *index (which becomes its number) and < end; or NULL. */
u64 *pagetree_next(struct pagetree *tree, u64 *index, u64 end);

/* Frees at most `most` nodes; the entries are zero or forgotten.  True when none is left. */
bool pagetree_clear(struct pagetree *tree, u32 most);

#endif
