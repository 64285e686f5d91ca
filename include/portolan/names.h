/*
 * The name server: one tree of paths out of many servers.
 *
 * Every operation of <portolan/io.h> that takes a path may be sent to it; it forwards the message
 * to the server mounted at the longest prefix.  Operations with two paths must have both in one
 * mount (-EXDEV); what has a mount at or below it cannot be removed or renamed (-EBUSY).  A mount
 * point is listed in the directory above it only if that has an entry of that name.
 *
 * These are its own operations; only handles whose badge has NAMES_BADGE_MOUNT may mount and
 * unmount (the others get -EPERM).
 */
#ifndef PORTOLAN_NAMES_H
#define PORTOLAN_NAMES_H

#include <portolan/io.h>

#define NAMES_BADGE_MOUNT 1ull
#define NAMES_MOUNTS_MAX 64u

enum names_op {
    /* path ("": the root); handle 0: SEND to a tree or to a single node; arg[0] NAMES_*.
     * -EBUSY something is mounted there; -ENOSPC; when the port dies, the mount goes. */
    NAMES_MOUNT = 0x200,
    NAMES_UNMOUNT, /* path.  -ENOENT. */
    /* The mounts, from position head.offset on: as IO_LIST; names are paths, type 0 for a node, 4
     * for a tree. */
    NAMES_LIST,
};

enum { NAMES_NODE = 1u << 0 /* a single node, not a tree: a device */ };

#endif
