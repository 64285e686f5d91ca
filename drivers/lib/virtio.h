/*
 * Virtio devices on the PCI bus and their queues (Virtual I/O Device 1.1, sections 2.6, 3.1, 4.1):
 * modern devices, split virtqueues.
 *
 * The device is not trusted: what it says of places is checked when it is opened, and what it puts
 * into a used ring is checked against what it was given.  A device that breaks the rules is given
 * up: virtio_take says -EPROTO, and the driver ends.
 *
 * One thread uses a queue at a time.
 */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include "pci_device.h"

#define VIRTIO_VENDOR 0x1af4u

/* Features of all devices (section 6). */
#define VIRTIO_VERSION_1 (1ull << 32)
#define VIRTIO_ACCESS_PLATFORM (1ull << 33)

struct virtio {
    struct pci_handle pci;
    volatile uint8_t *common, *notify, *config;
    uint64_t notify_length, config_length;
    uint32_t notify_multiplier;
    uint64_t features; /* agreed on */
};

#define VIRTIO_QUEUE_MAX 256u

struct virtio_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct virtio_queue {
    struct virtio *device;
    uint32_t number, size, free_count, free;
    uint32_t in_flight; /* chains */
    uint16_t taken;     /* of the used ring, counted */
    struct virtio_descriptor *descriptors;
    volatile uint16_t *available, *used;
    volatile uint16_t *notify;
    /* Ours alone, since the device can write nothing here: a chain's length, the bytes that the
     * device may write to it, and its next descriptors. */
    uint16_t chain[VIRTIO_QUEUE_MAX], next[VIRTIO_QUEUE_MAX];
    uint64_t writable[VIRTIO_QUEUE_MAX];
    void *context[VIRTIO_QUEUE_MAX];
};

/* A piece of memory of a chain; those the device reads come before those it writes. */
struct virtio_piece {
    uint64_t address;
    uint32_t length;
    bool written; /* by the device */
};

/* Resets the device and agrees on those of `wanted` that it offers; VERSION_1 is a must.  0, or
 * -ENODEV, -ENOTSUP. */
int64_t virtio_open(struct virtio *device, const struct startup *startup, uint64_t wanted);
/* Bytes of the device's own configuration, read until they hold still.  -ERANGE. */
int64_t virtio_config(const struct virtio *device, uint64_t offset, void *to, uint64_t length);
/* Sets queue `number` up; interrupt `number` goes to a CPU (-1: any), and to port as `bits`. */
int64_t virtio_queue_open(struct virtio *device, struct virtio_queue *queue, uint32_t number,
                          handle_t port, uint64_t bits, int32_t cpu);
/* All queues are open: the device may begin. */
int64_t virtio_start(struct virtio *device);

/* Gives a chain to the device, which virtio_notify tells. -EAGAIN: no room. */
int64_t virtio_put(struct virtio_queue *queue, const struct virtio_piece *pieces, uint32_t count,
                   void *context);
void virtio_notify(struct virtio_queue *queue);
/* The next chain that the device is done with: 1, its context and the bytes written; 0: there is
 * none; -EPROTO. */
int64_t virtio_take(struct virtio_queue *queue, void **context, uint32_t *written);

#endif
