/*
 * The tree of a tmpfs: nodes, and the entries of directories that name them.  Pure: what a regular
 * file's bytes are is data.h's affair, what a FIFO is fifo.h's; the tree tells when a node is gone.
 *
 * A node lives while an entry names it (links), or a session has it (opens).  A directory's entries
 * form a list in the order in which they were made, each with a sequence number, which is what a
 * listing's position is; and all directories' entries are in one hash table.
 */
#ifndef TREE_H
#define TREE_H

#include <portolan/errors.h>
#include <portolan/io.h>

#include "heap.h"
#include "path.h"

struct entry;
struct stream;

struct file {
    handle_t vmo;      /* HANDLE_NONE: empty, or in the archive */
    bool in_archive;   /* at archive_offset, not changed yet */
    bool was_mapped;   /* somebody may write behind the end */
    uint64_t capacity; /* of vmo, bytes */
    uint64_t archive_offset;
};

struct directory {
    struct node *parent; /* of the root: itself; NULL: it was removed */
    struct entry *first, *last;
    uint64_t count;
};

struct node {
    uint64_t number, size;                    /* bytes */
    uint64_t access_ns, modify_ns, change_ns; /* since 1970 */
    uint32_t mode, links, uid, gid;
    uint32_t opens;
    union {
        struct file file;
        struct directory directory;
        char *target;          /* of a symbolic link: size bytes */
        struct stream *stream; /* of a FIFO; NULL: nobody has it open */
    };
};

struct entry {
    struct node *parent, *node;
    struct entry *hash_next, *previous, *next;
    uint64_t sequence;
    uint32_t hash;
    uint8_t length;
    char name[];
};

#define TREE_BUCKETS 8192u

struct tree {
    struct heap heap;
    struct node *root;
    uint64_t now; /* the time that changes get; set by the caller before each operation */
    uint64_t last_number, last_sequence;
    uint64_t nodes, nodes_max;
    uint32_t seed;                   /* of the hash: secret */
    void (*gone)(struct node *node); /* a file's or FIFO's: its own things are to be freed */
    struct entry *buckets[TREE_BUCKETS];
};

/* Its heap has been opened.  The root is a directory of mode 0755. 0, -ENOMEM. */
int tree_open(struct tree *tree, uint64_t nodes_max, uint32_t seed);

static inline uint32_t node_type(const struct node *node)
{
    return node->mode & IO_MODE_TYPE;
}

static inline bool node_is_directory(const struct node *node)
{
    return node_type(node) == IO_MODE_DIRECTORY;
}

/* A node with no links and no opens; NULL: no room.  mode with its type; its union is zeros. */
struct node *node_create(struct tree *tree, uint32_t mode);

/* Frees it if nothing needs it any more; so after opens-- or links--, and for a new one that got no
 * name. */
void node_settle(struct tree *tree, struct node *node);

/* The entry of that name, or NULL. */
struct entry *tree_find(const struct tree *tree, const struct node *directory, const char *name,
                        uint32_t length);

/*
 * Makes an entry, of which there must be none of that name.  -ENOSPC, -ENOENT the directory was
 * removed, -EMLINK.
 */
int tree_enter(struct tree *tree, struct node *directory, const char *name, uint32_t length,
               struct node *node);

/* Takes an entry out; its node goes if nothing else needs it.  A directory must be empty. */
void tree_take_out(struct tree *tree, struct entry *entry);

/* Makes an entry name another node, of the same kind: as if it were taken out and made anew at the
 * same place.  -EMLINK. */
int tree_exchange(struct tree *tree, struct entry *entry, struct node *node);

/* The first entry behind a position, or NULL. */
struct entry *tree_entry_after(const struct node *directory, uint64_t position);

#define TREE_LINKS_MAX 65000u

#endif
