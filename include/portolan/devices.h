/*
 * The server of the devices that are no hardware.  Its root session (badge 0) is a directory with
 * all of them; one with the badge DEVICES_BADGE(n) is that device alone, to be mounted as a node.
 */
#ifndef PORTOLAN_DEVICES_H
#define PORTOLAN_DEVICES_H

#include <portolan/io.h>

enum devices_node {
    DEVICES_TREE = 0,
    DEVICES_NULL,
    DEVICES_ZERO,
    DEVICES_FULL,
    DEVICES_RANDOM,
    DEVICES_URANDOM,
    DEVICES_END
};
#define DEVICES_BADGE(node) ((uint64_t)(node) << 8)

#endif
