/*
 * AVL trees; see tree.h.
 */
#include "tree.h"

static i32 height(const struct tree_node *node)
{
    return node ? node->height : 0;
}

static void update(struct tree_node *node)
{
    node->height = 1 + max(height(node->left), height(node->right));
}

/* Puts `child` where `node` hangs. */
static void replace(struct tree *tree, struct tree_node *node, struct tree_node *child)
{
    struct tree_node *parent = node->parent;
    if (!parent)
        tree->root = child;
    else if (parent->left == node)
        parent->left = child;
    else
        parent->right = child;
    if (child)
        child->parent = parent;
}

/* Raises node->right (or left) into node's place; returns it. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, bool left)
{
    struct tree_node *raised = left ? node->right : node->left;
    struct tree_node *middle = left ? raised->left : raised->right;
    replace(tree, node, raised);
    if (left) {
        node->right = middle;
        raised->left = node;
    } else {
        node->left = middle;
        raised->right = node;
    }
    if (middle)
        middle->parent = node;
    node->parent = raised;
    update(node);
    update(raised);
    return raised;
}

static void rebalance(struct tree *tree, struct tree_node *node)
{
    while (node) {
        i32 before = node->height, balance = height(node->left) - height(node->right);
        update(node);
        if (balance > 1) {
            if (height(node->left->left) < height(node->left->right))
                rotate(tree, node->left, true);
            node = rotate(tree, node, false);
        } else if (balance < -1) {
            if (height(node->right->right) < height(node->right->left))
                rotate(tree, node->right, false);
            node = rotate(tree, node, true);
        }
        if (node->height == before)
            return;
        node = node->parent;
    }
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
    struct tree_node **link = &tree->root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = node->key < parent->key ? &parent->left : &parent->right;
    }
    node->left = node->right = NULL;
    node->parent = parent;
    node->height = 1;
    *link = node;
    rebalance(tree, parent);
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *start;
    if (node->left && node->right) {
        struct tree_node *heir = node->right;
        while (heir->left)
            heir = heir->left;
        start = heir->parent == node ? heir : heir->parent;
        replace(tree, heir, heir->right);
        heir->left = node->left;
        heir->right = node->right;
        if (heir->left)
            heir->left->parent = heir;
        if (heir->right)
            heir->right->parent = heir;
        heir->height = node->height;
        replace(tree, node, heir);
    } else {
        start = node->parent;
        replace(tree, node, node->left ? node->left : node->right);
    }
    node->height = 0;
    /* The first node's height may already look right: go on from it regardless. */
    if (start) {
        start->height = -1;
        rebalance(tree, start);
    }
}

struct tree_node *tree_first(const struct tree *tree)
{
    struct tree_node *node = tree->root;
    while (node && node->left)
        node = node->left;
    return node;
}

struct tree_node *tree_last(const struct tree *tree)
{
    struct tree_node *node = tree->root;
    while (node && node->right)
        node = node->right;
    return node;
}

struct tree_node *tree_next(const struct tree_node *node)
{
    if (node->right) {
        struct tree_node *next = node->right;
        while (next->left)
            next = next->left;
        return next;
    }
    while (node->parent && node->parent->right == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_previous(const struct tree_node *node)
{
    if (node->left) {
        struct tree_node *previous = node->left;
        while (previous->right)
            previous = previous->right;
        return previous;
    }
    while (node->parent && node->parent->left == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_floor(const struct tree *tree, u64 key)
{
    struct tree_node *node = tree->root, *best = NULL;
    while (node) {
        if (node->key <= key) {
            best = node;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return best;
}

struct tree_node *tree_ceiling(const struct tree *tree, u64 key)
{
    struct tree_node *node = tree->root, *best = NULL;
    while (node) {
        if (node->key >= key) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}
