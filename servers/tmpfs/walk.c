/*
 * See walk.h.
 */
#include "walk.h"

int walk(const struct tree *tree, struct node *start, const struct path *path, bool follow,
         struct walk *out)
{
    struct path_cursor cursor = path_begin(path);
    struct node *node = start;
    *out = (struct walk){.node = start};
    while ((out->length = path_next(&cursor, &out->name))) {
        if (!node)
            return -ENOENT;
        if (!node_is_directory(node))
            return -ENOTDIR;
        out->parent = node;
        out->entry = tree_find(tree, node, out->name, out->length);
        node = out->entry ? out->entry->node : NULL;
        if (node && node_type(node) == IO_MODE_LINK && (cursor.left || follow)) {
            out->link = node;
            out->rest = cursor.left;
            return 0;
        }
        if (!cursor.left)
            break;
    }
    out->node = node;
    return 0;
}

int rule_make(struct tree *tree, const struct walk *at, struct node *node)
{
    if (!at->parent || at->node)
        return -EEXIST;
    return tree_enter(tree, at->parent, at->name, at->length, node);
}

int rule_remove(struct tree *tree, const struct walk *at, bool directory_meant)
{
    if (!at->parent)
        return -EBUSY;
    if (!at->node)
        return -ENOENT;
    if (directory_meant && !node_is_directory(at->node))
        return -ENOTDIR;
    if (!directory_meant && node_is_directory(at->node))
        return -EISDIR;
    if (directory_meant && at->node->directory.count)
        return -ENOTEMPTY;
    tree_take_out(tree, at->entry);
    return 0;
}

int rule_link(struct tree *tree, const struct walk *from, const struct walk *to)
{
    if (!from->node)
        return -ENOENT;
    if (node_is_directory(from->node))
        return -EPERM;
    if (from->node->links == 0)
        return -ENOENT; /* removed, and only open still */
    return rule_make(tree, to, from->node);
}

/* Whether `directory` is `above` or lies below it. */
static bool is_below(const struct node *directory, const struct node *above)
{
    while (directory != above) {
        if (!directory || directory->directory.parent == directory)
            return false;
        directory = directory->directory.parent;
    }
    return true;
}

/* What stands at the new name goes; whether it may. */
static int make_room(const struct node *moved, const struct node *there)
{
    if (node_is_directory(moved) && !node_is_directory(there))
        return -ENOTDIR;
    if (!node_is_directory(moved) && node_is_directory(there))
        return -EISDIR;
    if (node_is_directory(there) && there->directory.count)
        return -ENOTEMPTY;
    return 0;
}

/*
 * The new entry is made before the old one goes, because that may fail.  While both are there a
 * directory's parent is the new one, as it shall be; taking the old entry out would clear it.
 */
int rule_rename(struct tree *tree, const struct walk *from, const struct walk *to)
{
    struct node *node = from->node, *there = to->node;
    if (!from->parent || !to->parent)
        return -EBUSY;
    if (!node)
        return -ENOENT;
    if (node == there)
        return 0;
    if (node_is_directory(node) && is_below(to->parent, node))
        return -EINVAL;
    int error = there ? make_room(node, there) : 0;
    if (error)
        return error;
    if (!to->parent->directory.parent)
        return -ENOENT;
    struct node *new_parent = to->parent;
    if (there)
        error = tree_exchange(tree, to->entry, node);
    else
        error = tree_enter(tree, to->parent, to->name, to->length, node);
    if (error)
        return error;
    node->opens++; /* keeps it */
    tree_take_out(tree, from->entry);
    if (node_is_directory(node))
        node->directory.parent = new_parent;
    node->opens--;
    return 0;
}
