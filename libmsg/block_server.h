/*
 * The skeleton of a block server: everything of <portolan/block.h> but the device.
 *
 * A driver fills in a struct block_driver and calls block_serve.  Its functions get requests that
 * have been checked: whole blocks within the device, memory that was lent with the right needed and
 * is long enough.  Each returns the bytes done or -errno, or EASYNC if it goes on by itself; then
 * it calls block_done when the request is done, from the same thread.  FUA and barriers are the
 * skeleton's: a driver that does neither gets flushes instead, and requests at the right time.
 *
 * The memory belongs to a client: it may be written while it is read, and it may shrink; so it is
 * touched by system call (block_to_memory, block_from_memory, sys_pin), never by a mapping that was
 * not made for good.  A driver that does DMA sets `domain`, and never sees most of it.
 */
#ifndef LIBMSG_BLOCK_SERVER_H
#define LIBMSG_BLOCK_SERVER_H

#include <portolan/block.h>

#include "attach.h"
#include "ring_server.h"
#include "server.h"
#include "server_common.h"
#include "syscall.h"

#define BLOCK_REQUESTS_MAX 256u
#define BLOCK_ADDRESSES_MAX 65u

struct block_driver;

struct block_request {
    uint32_t op;             /* BLOCK_READ, ... */
    uint32_t flags;          /* BLOCK_FUA, if the driver said that it does that */
    uint64_t offset, length; /* on the device, bytes */
    handle_t memory;         /* VM object or loan; of reads and writes */
    uint64_t memory_offset;
    /* Of a driver with a domain: the memory may be pinned already.  Then memory is HANDLE_NONE, and
     * this the device's address of each page, memory_offset being within the first; good until the
     * driver's function returns. */
    const uint64_t *addresses;
    void *context; /* the driver's */

    /* The skeleton's */
    uint64_t token, pin; /* pin: of `addresses` */
    struct attachment *attachment;
    struct block_request *next; /* free, or waiting for a barrier */
    bool barrier, flushing, begun, idle, pinned;
};

typedef int64_t block_function(struct block_driver *driver, struct block_request *request);

struct block_driver {
    uint64_t size;                /* bytes */
    uint64_t name;                /* of the medium, or 0 */
    uint32_t block_size;          /* a power of two, BLOCK_SIZE_MIN..MAX */
    uint32_t physical_block_size; /* 0: the same */
    uint32_t max_transfer;        /* bytes; 0: LOAN_BYTES_MAX */
    uint32_t is;                  /* BLOCK_IS_* */
    bool does_fua;
    block_function *read, *write;
    block_function *flush;   /* NULL: nothing is cached */
    block_function *discard; /* NULL: cannot */
    /* A request with the driver shall end early.  May be NULL. */
    void (*abort)(struct block_driver *driver, struct block_request *request);
    void *context;
    /* The driver's port has this domain (port_domain); then requests may come pinned, max_transfer
     * is at most BLOCK_ADDRESSES_MAX - 1 pages, and there is room here to keep addresses in:
     * BLOCK_REQUESTS_MAX times. */
    handle_t domain;
    uint64_t (*kept)[BLOCK_ADDRESSES_MAX];

    struct server server; /* told, notified, answered and more may be set by the driver */

    /* The skeleton's */
    struct attachments attachments;
    struct server_rings rings;
    struct server_events events;
    struct block_request requests[BLOCK_REQUESTS_MAX];
    struct block_request *free, *waiting, *last_waiting;
    uint32_t begun; /* with the driver */
    bool barrier_in_flight;
};

/* Checks what the driver says of itself and makes its port, unless server.port is one already.
 * 0, -EINVAL, or as server_open. */
int64_t block_open(struct block_driver *driver);
/* Serves until driver->server.stop. */
int64_t block_serve(struct block_driver *driver);
/* The first half of block_open: enough for a port here. */
int64_t block_prepare(struct block_driver *driver);

/* Ends a request for which EASYNC was said: bytes done, or -errno. */
void block_done(struct block_driver *driver, struct block_request *request, int64_t result);

/* Copies between the driver's memory and the request's, at `offset` in the latter.  0, or why it
 * could not be (-EIO a pager, -ERANGE it has shrunk).  The message page's bytes are used. */
int64_t block_to_memory(const struct block_request *request, uint64_t offset, const void *from,
                        uint64_t length);
int64_t block_from_memory(const struct block_request *request, uint64_t offset, void *to,
                          uint64_t length);

#endif
