/*
 * The skeleton of a network card's server: everything of <portolan/network.h> but the device.
 *
 * A driver fills in a struct net_driver and calls net_serve.  It gets frames to send and buffers to
 * receive into, checked: memory that is attached with the right needed and long enough, features
 * that are in force.  Both functions keep the frame and return 0, or an error; net_done ends it,
 * from the server's thread.  As in block_server.h the memory may change and shrink at any time: pin
 * it, or touch it by system call.
 */
#ifndef LIBMSG_NET_SERVER_H
#define LIBMSG_NET_SERVER_H

#include <portolan/network.h>

#include "attach.h"
#include "ring_server.h"
#include "server.h"
#include "server_common.h"
#include "syscall.h"

#define NET_FRAMES_MAX 512u

struct net_driver;

struct net_frame {
    handle_t memory;
    uint64_t offset, length; /* in memory; bytes of the frame, or of the buffer */
    bool receives;
    uint32_t flags; /* NETWORK_SEND_* */
    uint16_t sum_start, sum_offset, segment;
    void *context; /* the driver's */

    /* The skeleton's */
    uint64_t token;
    struct attachment *attachment;
    struct net_frame *next;
    bool watches, busy;
    uint32_t heard;
};

struct net_driver {
    uint64_t address; /* first byte lowest */
    uint32_t can;     /* NETWORK_CAN_* */
    uint32_t frame_max;
    uint32_t is; /* NETWORK_IS_*; changed with net_changed */
    int64_t (*send)(struct net_driver *driver, struct net_frame *frame);
    int64_t (*receive)(struct net_driver *driver, struct net_frame *frame);
    void (*start)(struct net_driver *driver, uint32_t features); /* may be NULL */
    void (*stop)(struct net_driver *driver);                     /* gives all frames back */
    void *context;

    struct server server;

    /* The skeleton's */
    uint32_t in_force;
    bool started;
    struct attachments attachments;
    struct server_rings rings;
    struct server_events events;
    struct net_frame frames[NET_FRAMES_MAX];
    struct net_frame *free;
};

/* As the other skeletons: block_server.h.  -EINVAL */
int64_t net_prepare(struct net_driver *driver);
int64_t net_open(struct net_driver *driver);
int64_t net_serve(struct net_driver *driver);

/* Ends a frame: bytes sent or received, or -errno; got: NETWORK_GOT_*. */
void net_done(struct net_driver *driver, struct net_frame *frame, int64_t result, uint32_t got);

/* The link has changed: tells those that watch. */
void net_changed(struct net_driver *driver, uint32_t is);

#endif
