/*
 * Radix trees of pages; see pagetree.h.
 */
#include "pagetree.h"

#include "slab.h"

#define WAYS_SHIFT 6u
#define WAYS (1u << WAYS_SHIFT)
#define HEIGHT_MAX 7u /* 2^42 pages */

struct node {
    u64 entries[WAYS]; /* pages at the lowest level, else nodes */
};

static struct slab_cache node_cache = SLAB_CACHE("pagetree", sizeof(struct node), 64);

static bool covers(const struct pagetree *tree, u64 index)
{
    return index >> (tree->height * WAYS_SHIFT) == 0;
}

/* Adds levels above until index fits. */
static seldom bool grow(struct pagetree *tree, u64 index)
{
    while (!tree->height || !covers(tree, index)) {
        struct node *node =
            tree->height < HEIGHT_MAX ? slab_alloc(&node_cache, tree->budget) : NULL;
        if (!node)
            return false;
        node->entries[0] = (u64)tree->root;
        tree->root = node;
        tree->height++;
    }
    return true;
}

u64 *pagetree_slot(struct pagetree *tree, u64 index, bool create)
{
    if (unlikely(!tree->height || !covers(tree, index)) && (!create || !grow(tree, index)))
        return NULL;
    struct node *node = tree->root;
    for (u32 level = tree->height - 1; level; level--) {
        u64 *entry = &node->entries[index >> (level * WAYS_SHIFT) & (WAYS - 1)];
        if (!*entry) {
            if (!create || !(*entry = (u64)slab_alloc(&node_cache, tree->budget)))
                return NULL;
        }
        node = (struct node *)*entry;
    }
    return &node->entries[index & (WAYS - 1)];
}

u64 *pagetree_next(struct pagetree *tree, u64 *index, u64 end)
{
    while (*index < end && tree->height && covers(tree, *index)) {
        struct node *node = tree->root;
        u32 level = tree->height - 1;
        u64 *entry;
        for (;; level--) {
            u32 shift = level * WAYS_SHIFT;
            entry = &node->entries[*index >> shift & (WAYS - 1)];
            /* On to what lies behind an empty entry, in this node or another. */
            while (!*entry) {
                *index = ((*index >> shift) + 1) << shift;
                if (*index >= end || !(*index >> shift & (WAYS - 1)))
                    break;
                entry++;
            }
            if (!*entry)
                break;
            if (!level)
                return entry;
            node = (struct node *)*entry;
        }
    }
    return NULL;
}

/* Frees the lowest nodes first, so that it can stop anywhere. */
static seldom bool free_level(struct pagetree *tree, struct node *node, u32 level, u32 *most)
{
    for (u32 i = 0; level && i < WAYS; i++) {
        if (node->entries[i] && !free_level(tree, (struct node *)node->entries[i], level - 1, most))
            return false;
        node->entries[i] = 0;
    }
    if (!*most)
        return false;
    --*most;
    slab_free(&node_cache, node, tree->budget);
    return true;
}

seldom bool pagetree_clear(struct pagetree *tree, u32 most)
{
    if (tree->height && !free_level(tree, tree->root, tree->height - 1, &most))
        return false;
    tree->root = NULL;
    tree->height = 0;
    return true;
}
