/*
 * The table of mounts: which handle answers for which paths.  Pure: handles are only numbers here.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <portolan/names.h>

#include "path.h"

struct mount {
    handle_t handle; /* HANDLE_NONE: the entry is free */
    bool node;       /* a single node: nothing lies below it */
    uint64_t number; /* given once, in ascending order */
    struct path path;
};

struct mounts {
    uint64_t last_number;
    uint32_t used; /* all entries from here on are free */
    struct mount mounts[NAMES_MOUNTS_MAX];
};

/* *number names it.  -EBUSY that path has one already, -ENOSPC. */
int mounts_add(struct mounts *table, const struct path *path, handle_t handle, bool node,
               uint64_t *number);

/* Takes one out; its handle (the caller closes it), or HANDLE_NONE. */
handle_t mounts_remove(struct mounts *table, const struct path *path);
handle_t mounts_remove_number(struct mounts *table, uint64_t number);

/* The one with the longest prefix of a path, or NULL.  *rest: where the path goes on there. */
const struct mount *mounts_find(const struct mounts *table, const struct path *path,
                                uint32_t *rest);

/* Whether something is mounted at the path or below it. */
bool mounts_any_below(const struct mounts *table, const struct path *path);

/* The one with the smallest number above `after`, or NULL. */
const struct mount *mounts_next(const struct mounts *table, uint64_t after);

#endif
