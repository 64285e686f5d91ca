/*
 * A character device as a server: what serial lines, keyboards, screens and terminals have in
 * common.  Speaks <portolan/io.h> as a single node: IO_OPEN "", IO_INFO, IO_READ, IO_WRITE,
 * IO_SYNC, IO_POLL, and IO_CONTROL if the device has `control`.  Whoever holds the port itself may
 * read and write without opening it.
 *
 * The device says what can be read and takes what is written, by its operations; here are the
 * requests that have to wait meanwhile.  Whenever more may be readable, or there may be room for
 * output, it calls character_wake.
 *
 *     static const struct character_operations operations = {.peek = ..., .took = ...};
 *     static struct character device = {.operations = &operations};
 *     character_open(&device, startup); ... server_run(&device.server);
 *
 * Waiting requests whose senders gave up do no harm: bytes are taken from the device only once the
 * answer that carries them has been accepted by the kernel.
 */
#ifndef LIBMSG_CHARACTER_H
#define LIBMSG_CHARACTER_H

#include <portolan/init.h>
#include <portolan/startup.h>

#include "server.h"

#define CHARACTER_WAITING 16u /* reads, writes, syncs and polls, each; more get -EAGAIN */

struct character;

/* A read that may have to wait. */
struct character_read {
    uint64_t token, length; /* bytes wanted, at least 1 */
    uint64_t since;         /* when it came, as clock_now */
    handle_t loan;          /* where the bytes go; HANDLE_NONE: the reply */
    bool nonblock;
};

/* A write of which something is left. */
struct character_write {
    uint64_t token, length, done;
    handle_t loan; /* where the bytes are; HANDLE_NONE: in `bytes` */
    uint8_t bytes[MESSAGE_BYTES_MAX];
};

struct character_poll {
    handle_t port; /* HANDLE_NONE: free */
    uint32_t interest;
    uint64_t bits;
};

struct character_operations {
    /*
     * Copies to `to` what `read` would be given now, at most `length` bytes, and keeps it.  How
     * many; 0: the end; -EAGAIN: it has to wait; another error: its answer.  NULL: -EBADF.
     */
    int64_t (*peek)(struct character *device, const struct character_read *read, void *to,
                    size_t length);
    /* The `count` bytes that were copied have been taken. */
    void (*took)(struct character *device, size_t count);
    /* Takes bytes for output: how many, 0: none for the moment, -errno.  NULL: -EBADF. */
    int64_t (*put)(struct character *device, const uint8_t *from, size_t length);
    /* Whether all output has been sent.  NULL: always. */
    bool (*drained)(struct character *device);
    /* Whether `request` (a read, write or control) may be done at all: 0 or -errno.  May be NULL.
     */
    int64_t (*permit)(struct character *device, const struct request *request);
    /* IO_CONTROL.  NULL: -ENOTTY. */
    int64_t (*control)(struct character *device, struct request *request);
    /* Whether a read of one byte would not wait; whether output would be taken. */
    uint32_t (*ready)(struct character *device);
    /* The last session has been closed.  May be NULL. */
    void (*closed)(struct character *device);
};

struct character {
    const struct character_operations *operations;
    bool terminal;        /* for io_info */
    struct server server; /* notified and answered are the device's to set, before opening */
    uint32_t life;
    uint32_t opened, open; /* sessions ever, and now */
    uint32_t reads_waiting, writes_waiting, syncs_waiting;
    struct character_read reads[CHARACTER_WAITING]; /* in the order they came */
    struct character_write writes[CHARACTER_WAITING];
    uint64_t syncs[CHARACTER_WAITING];
    struct character_poll polls[CHARACTER_WAITING];
};

/* Takes the startup handle "port", or makes one, and the word life=.  0 or -errno. */
int64_t character_open(struct character *device, const struct startup *startup);

/* Answers those that wait and can be answered now. */
void character_wake(struct character *device);

/* Answers all reads that wait with an error. */
void character_fail_reads(struct character *device, int64_t error);

/* As IO_SYNC: a result, or EASYNC if not all output has been sent. */
int64_t character_drain(struct character *device, const struct request *request);

/* To be called from the device's `notified` with NOTIFY_ABORT: ends what its sender gave up. */
void character_aborted(struct character *device);

#endif
