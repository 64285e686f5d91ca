/*
 * The skeleton of a character server: a node that is read and written as a stream of bytes (a
 * terminal, a random source, a serial line), by the I/O protocol (<portolan/io.h>).
 *
 * A driver fills in a struct char_driver and calls char_serve.  It is told how many bytes are
 * wanted, at most CHAR_BYTES_MAX, and finds or leaves them in `bytes`, which is memory of the
 * driver's alone.  It returns their number or -errno, or EASYNC: then it keeps the request and
 * calls char_done later, in the same thread; not if request->nonblock is set (-EAGAIN).  Sessions,
 * their offsets, polling and aborts are the skeleton's.
 */
#ifndef LIBMSG_CHAR_SERVER_H
#define LIBMSG_CHAR_SERVER_H

#include <portolan/io.h>

#include "server.h"
#include "server_common.h"
#include "syscall.h"

#define CHAR_BYTES_MAX 4096u
#define CHAR_SESSIONS_MAX 64u
#define CHAR_REQUESTS_MAX 32u
#define CHAR_POLLS_MAX 32u

struct char_driver;

struct char_request {
    uint64_t offset; /* in the session's stream; a driver that has no end ignores it */
    uint64_t length; /* bytes wanted, or there to be written: 1..CHAR_BYTES_MAX */
    uint8_t *bytes;
    bool write, nonblock;
    void *context; /* the driver's */

    /* The skeleton's */
    uint64_t token, badge;
    struct message_range range; /* where the bytes of a read go; length 0: into the reply */
    struct char_request *next;
    bool moves_on, kept;
    uint8_t buffer[CHAR_BYTES_MAX];
};

typedef int64_t char_function(struct char_driver *driver, struct char_request *request);

struct char_driver {
    char_function *read, *write; /* NULL: -EPERM */
    /* IO_READY_* now; NULL: always all.  When that becomes more, the driver calls char_ready. */
    uint32_t (*ready)(struct char_driver *driver);
    /* IO_CONTROL, with its bytes in the message page; NULL: -ENOTTY. */
    int64_t (*control)(struct char_driver *driver, struct request *request);
    /* Gives a kept request up: calls char_done soon.  NULL: the skeleton ends it and never lets the
     * driver hear of it: only for drivers that keep none. */
    void (*abort)(struct char_driver *driver, struct char_request *request);
    uint64_t size;     /* for IO_INFO; usually 0 */
    uint32_t mode;     /* permission bits; 0: 0666 */
    uint32_t terminal; /* IO_CONTROL knows TTY_* */
    void *context;

    struct server server;

    /* The skeleton's */
    struct server_events events;
    struct char_session {
        bool open;
        uint32_t generation;
        uint64_t offset;
    } sessions[CHAR_SESSIONS_MAX];
    struct char_poll {
        handle_t port; /* HANDLE_NONE: free */
        uint32_t wanted;
        uint64_t bits;
    } polls[CHAR_POLLS_MAX];
    struct char_request requests[CHAR_REQUESTS_MAX];
    struct char_request *free;
};

/* Prepares the driver and makes its port, unless it has one.  As server_open. */
int64_t char_open(struct char_driver *driver);
int64_t char_serve(struct char_driver *driver);
/* The first half of char_open: enough for a port here. */
void char_prepare(struct char_driver *driver);

/* Ends a request for which EASYNC was said. */
void char_done(struct char_driver *driver, struct char_request *request, int64_t result);

/* More can be read or written than before: tells those that poll. */
void char_ready(struct char_driver *driver);

#endif
