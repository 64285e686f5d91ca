/*
 * Balanced trees; see tree.h.
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

/* Raises node->right (or left) into node's place. */
static seldom void rotate(struct tree *tree, struct tree_node *node, bool left)
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
}

/* Restores balance at a node one of whose subtrees has become too high. */
static seldom void turn(struct tree *tree, struct tree_node *node, bool left_is_high)
{
    struct tree_node *high = left_is_high ? node->left : node->right;
    i32 outer = height(left_is_high ? high->left : high->right);
    i32 inner = height(left_is_high ? high->right : high->left);
    if (outer < inner)
        rotate(tree, high, left_is_high);
    rotate(tree, node, !left_is_high);
}

#define TOLERANCE 2

/* A subtree of node, the left one or the other, has become one lower: so far as that goes on
 * upwards. */
static void shrunk(struct tree *tree, struct tree_node *node, bool left)
{
    while (node) {
        i32 before = node->height, this = height(left ? node->left : node->right);
        i32 other = height(left ? node->right : node->left);
        struct tree_node *parent = node->parent;
        if (unlikely(other - this > TOLERANCE)) {
            turn(tree, node, !left);
            node = node->parent;
        } else if (other > this) {
            return;
        } else {
            node->height = 1 + this;
        }
        if (node->height == before || !parent)
            return;
        left = parent->left == node;
        node = parent;
    }
}

/* Hangs up a new node: its ancestors grow until one is high enough already, or is turned
 * and has its old height again. */
static void attach(struct tree *tree, struct tree_node *parent, struct tree_node **link,
                   struct tree_node *node)
{
    i32 grown = 1;
    node->left = node->right = NULL;
    node->parent = parent;
    node->height = 1;
    *link = node;
    for (; parent && parent->height <= grown; node = parent, parent = parent->parent) {
        bool left = parent->left == node;
        i32 other = height(left ? parent->right : parent->left);
        if (unlikely(grown - other > TOLERANCE)) {
            turn(tree, parent, left);
            return;
        }
        parent->height = ++grown;
    }
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
    struct tree_node **link = &tree->root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = node->key < parent->key ? &parent->left : &parent->right;
    }
    attach(tree, parent, link, node);
}

void tree_insert_behind(struct tree *tree, struct tree_node *previous, struct tree_node *node)
{
    struct tree_node **link = previous ? &previous->right : &tree->root, *parent = previous;
    while (*link) {
        parent = *link;
        link = &parent->left;
    }
    attach(tree, parent, link, node);
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *start = node->parent;
    bool left = start && start->left == node;
    if (node->left && node->right) {
        struct tree_node *heir = node->right;
        while (heir->left)
            heir = heir->left;
        left = heir->parent != node;
        start = left ? heir->parent : heir;
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
        replace(tree, node, node->left ? node->left : node->right);
    }
    node->height = 0;
    shrunk(tree, start, left);
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
