/*
 * Finding what a path names, and the rules by which names may change (POSIX.1-2017: unlink, rmdir,
 * rename, link).  Pure.
 */
#ifndef WALK_H
#define WALK_H

#include "tree.h"

struct walk {
    struct node *parent; /* the directory of the last name; NULL: the path was "" */
    const char *name;    /* the last name, in the path */
    uint32_t length;
    struct entry *entry; /* of that name, or NULL */
    struct node *node;   /* what the path names, or NULL */
    struct node *link;   /* a symbolic link that was met; then the rest of this is undefined, */
    uint32_t rest;       /* and this many bytes of the path lie behind it */
};

/*
 * Follows a path from `start`.  0: found, or only the last name is not there (node NULL), or a link
 * was met (link); the last name is followed too if `follow`.  -ENOENT, -ENOTDIR.
 */
int walk(const struct tree *tree, struct node *start, const struct path *path, bool follow,
         struct walk *out);

/* What each does to what walk found (no link met). 0 or -errno. */
int rule_make(struct tree *tree, const struct walk *at, struct node *node); /* gives it the name */
int rule_remove(struct tree *tree, const struct walk *at, bool directory_meant);
int rule_link(struct tree *tree, const struct walk *from, const struct walk *to);
int rule_rename(struct tree *tree, const struct walk *from, const struct walk *to);

#endif
