/*
 * See tree.h.
 */
#include "tree.h"

#include "string.h"

/* ---- Nodes ----------------------------------------------------------------------------------- */

int tree_open(struct tree *tree, uint64_t nodes_max, uint32_t seed)
{
    tree->nodes_max = nodes_max;
    tree->seed = seed;
    tree->root = node_create(tree, IO_MODE_DIRECTORY | 0755);
    if (!tree->root)
        return -ENOMEM;
    tree->root->directory.parent = tree->root;
    tree->root->links = 2;
    return 0;
}

struct node *node_create(struct tree *tree, uint32_t mode)
{
    if (tree->nodes >= tree->nodes_max)
        return NULL;
    struct node *node = heap_take(&tree->heap, sizeof(*node));
    if (!node)
        return NULL;
    memset(node, 0, sizeof(*node));
    node->number = ++tree->last_number;
    node->mode = mode;
    node->access_ns = node->modify_ns = node->change_ns = tree->now;
    tree->nodes++;
    return node;
}

void node_settle(struct tree *tree, struct node *node)
{
    if (node->links || node->opens)
        return;
    if (node_type(node) == IO_MODE_LINK)
        heap_give_back(&tree->heap, node->target, node->size);
    else if (!node_is_directory(node))
        tree->gone(node);
    heap_give_back(&tree->heap, node, sizeof(*node));
    tree->nodes--;
}

/* ---- The hash table -------------------------------------------------------------------------- */

/* FNV-1a over the directory's number and the name, from a secret start, so that nobody can make
 * names that all meet in one bucket. */
static uint32_t hash_of(const struct tree *tree, const struct node *directory, const char *name,
                        uint32_t length)
{
    uint64_t hash = (0xcbf29ce484222325u ^ tree->seed) * 0x100000001b3u ^ directory->number;
    hash *= 0x100000001b3u;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)name[i]) * 0x100000001b3u;
    return (uint32_t)(hash ^ hash >> 32);
}

struct entry *tree_find(const struct tree *tree, const struct node *directory, const char *name,
                        uint32_t length)
{
    uint32_t hash = hash_of(tree, directory, name, length);
    for (struct entry *entry = tree->buckets[hash % TREE_BUCKETS]; entry; entry = entry->hash_next)
        if (entry->hash == hash && entry->parent == directory && entry->length == length &&
            memcmp(entry->name, name, length) == 0)
            return entry;
    return NULL;
}

static void take_out_of_bucket(struct tree *tree, struct entry *entry)
{
    struct entry **at = &tree->buckets[entry->hash % TREE_BUCKETS];
    while (*at != entry)
        at = &(*at)->hash_next;
    *at = entry->hash_next;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static void append(struct directory *directory, struct entry *entry)
{
    entry->previous = directory->last;
    entry->next = NULL;
    if (directory->last)
        directory->last->next = entry;
    else
        directory->first = entry;
    directory->last = entry;
    directory->count++;
}

/* An entry of `directory` names `node` now. */
static void count_link(struct tree *tree, struct node *directory, struct node *node)
{
    directory->modify_ns = directory->change_ns = tree->now;
    node->change_ns = tree->now;
    node->links++;
    if (node_is_directory(node)) {
        node->links++; /* its own "." */
        node->directory.parent = directory;
        directory->links++; /* its ".." */
    }
}

/* And not any more. */
static void uncount_link(struct tree *tree, struct node *directory, struct node *node)
{
    directory->modify_ns = directory->change_ns = tree->now;
    node->change_ns = tree->now;
    node->links--;
    if (node_is_directory(node)) {
        node->links--;
        node->directory.parent = NULL;
        directory->links--;
    }
    node_settle(tree, node);
}

int tree_enter(struct tree *tree, struct node *directory, const char *name, uint32_t length,
               struct node *node)
{
    if (!directory->directory.parent)
        return -ENOENT;
    if (node->links >= TREE_LINKS_MAX || directory->links >= TREE_LINKS_MAX)
        return -EMLINK;
    struct entry *entry = heap_take(&tree->heap, sizeof(*entry) + length);
    if (!entry)
        return -ENOSPC;
    *entry = (struct entry){.parent = directory,
                            .node = node,
                            .sequence = ++tree->last_sequence,
                            .hash = hash_of(tree, directory, name, length),
                            .length = (uint8_t)length};
    memcpy(entry->name, name, length);
    struct entry **bucket = &tree->buckets[entry->hash % TREE_BUCKETS];
    entry->hash_next = *bucket;
    *bucket = entry;
    append(&directory->directory, entry);
    count_link(tree, directory, node);
    return 0;
}

static void unlink_entry(struct directory *directory, const struct entry *entry)
{
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        directory->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    else
        directory->last = entry->previous;
    directory->count--;
}

void tree_take_out(struct tree *tree, struct entry *entry)
{
    struct node *node = entry->node, *directory = entry->parent;
    take_out_of_bucket(tree, entry);
    unlink_entry(&directory->directory, entry);
    heap_give_back(&tree->heap, entry, sizeof(*entry) + entry->length);
    uncount_link(tree, directory, node);
}

int tree_exchange(struct tree *tree, struct entry *entry, struct node *node)
{
    struct node *old = entry->node;
    if (node->links >= TREE_LINKS_MAX)
        return -EMLINK;
    entry->node = node;
    count_link(tree, entry->parent, node);
    uncount_link(tree, entry->parent, old);
    return 0;
}

/* From the start: a listing of 10,000 entries, a page of them at a time, takes half a million of
 * these steps, and needs no state. */
struct entry *tree_entry_after(const struct node *directory, uint64_t position)
{
    struct entry *entry = directory->directory.first;
    while (entry && entry->sequence <= position)
        entry = entry->next;
    return entry;
}
