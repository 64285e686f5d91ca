/*
 * A balanced tree of nodes with 64-bit keys, embedded in their owners.  Equal keys are allowed; a
 * new one goes behind those there.  No locking of its own.
 *
 * It is an AVL tree but for its tolerance: the heights of two siblings differ by at most two, not
 * one, so that a node which comes and goes in the same place does not turn the tree each time.
 */
#ifndef TREE_H
#define TREE_H

#include "kernel.h"

struct tree_node {
    struct tree_node *left, *right, *parent;
    u64 key;
    i32 height; /* 0: not in a tree */
};

struct tree {
    struct tree_node *root;
};

void tree_insert(struct tree *tree, struct tree_node *node); /* by node->key */
/* The same where the caller knows what it comes right behind (NULL: it is the first). */
void tree_insert_behind(struct tree *tree, struct tree_node *previous, struct tree_node *node);
void tree_remove(struct tree *tree, struct tree_node *node);
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_previous(const struct tree_node *node);
struct tree_node *tree_floor(const struct tree *tree, u64 key);   /* greatest key <= key */
struct tree_node *tree_ceiling(const struct tree *tree, u64 key); /* least key >= key, the first */

static inline bool tree_linked(const struct tree_node *node)
{
    return node->height != 0;
}

#endif
