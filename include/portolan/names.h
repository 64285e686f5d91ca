/*
 * The name server: one tree of paths out of many servers.
 *
 * Every operation of <portolan/io.h> that takes a path may be sent to it; it forwards the message
 * to the server mounted at the longest prefix.  These are its own operations; only sessions that
 * init gave the right to may mount (the others get -EPERM).
 */
#ifndef PORTOLAN_NAMES_H
#define PORTOLAN_NAMES_H

#include <portolan/io.h>

enum names_op {
    /* path; handle 0: SEND (with DUPLICATE) to a tree or to a single node; arg[0] NAMES_*.
     * -EBUSY something is mounted there; when the port dies, the mount goes. */
    NAMES_MOUNT = 0x200,
    NAMES_UNMOUNT, /* path.  -ENOENT. */
    /* The mounts, from number head.offset on: struct io_entry with arg-less names in the reply's
     * bytes; as IO_LIST. */
    NAMES_LIST,
};

enum { NAMES_NODE = 1u << 0 /* a single node, not a tree: a device */ };

#endif
