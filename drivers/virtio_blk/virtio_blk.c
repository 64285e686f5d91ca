/*
 * A virtio disk (Virtual I/O Device 1.1, section 5.2) as a block device.
 *
 * Startup handles: "port", "pci" and "domain" of its device.
 *
 * Its port has the device's domain: whole pages that are lent to the device alone come pinned, with
 * the addresses that go into descriptors as they are, and the answer unpins them.  Other memory is
 * pinned here for as long as its request takes.  The driver never looks at data.
 *
 * Headers and status bytes lie in memory of the driver's own.  A device that breaks the queue's
 * rules ends the driver; its successor resets the device.
 */
#include "block_server.h"
#include "clock.h"
#include "print.h"
#include "publish.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"
#include "virtio.h"

#include <portolan/init.h>

#define IRQ_BIT 1ull
#define SECTOR 512u

/* Features (5.2.3) */
#define HAS_SIZE_MAX (1ull << 1)
#define HAS_SEG_MAX (1ull << 2)
#define IS_READ_ONLY (1ull << 5)
#define HAS_BLOCK_SIZE (1ull << 6)
#define CAN_FLUSH (1ull << 9)
#define CAN_DISCARD (1ull << 13)

/* The device's configuration (5.2.4) */
enum { AT_CAPACITY = 0, AT_SIZE_MAX = 8, AT_SEG_MAX = 12, AT_BLOCK_SIZE = 20, AT_DISCARD_MAX = 36 };

/* Requests (5.2.6) */
enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_DISCARD = 11 };
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_UNSUPPORTED = 2, STATUS_UNTOLD = 0xff };

/* What goes with a request's data; the device reads all but the status. */
struct slot {
    uint32_t type, reserved;
    uint64_t sector;
    struct {
        uint64_t sector;
        uint32_t count, flags;
    } discard;
    volatile uint8_t status;
    uint8_t padding[31];
};
_Static_assert(sizeof(struct slot) == 64, "none straddles a page");
enum { HEADER_BYTES = 16, DISCARD_AT = 16, DISCARD_BYTES = 16, STATUS_AT = 32 };

/* What is to be known of a request with the device. */
struct job {
    uint64_t pin;  /* made here */
    uint64_t done; /* bytes; of a discard in several pieces */
    bool pinned;
};

#define PIECES_MAX (BLOCK_ADDRESSES_MAX + 2)

static struct virtio device;
static struct virtio_queue queue;
static struct dma_memory slots_memory;
static struct job jobs[BLOCK_REQUESTS_MAX];
static uint64_t kept[BLOCK_REQUESTS_MAX][BLOCK_ADDRESSES_MAX];
static uint32_t piece_max;   /* bytes */
static uint64_t discard_max; /* bytes */
static bool stopping;

static block_function read_blocks, write_blocks, flush, discard;
static struct block_driver disk = {.read = read_blocks, .write = write_blocks, .kept = kept};

static uint32_t index_of(const struct block_request *request)
{
    return (uint32_t)(request - disk.requests);
}

static struct slot *slot_of(uint32_t index)
{
    return (struct slot *)slots_memory.at + index;
}

/* ---- Asking the device ----------------------------------------------------------------------- */

/* Adds pages to a chain, those that follow each other as one piece; how many pieces it has then. */
static uint32_t add_pages(struct virtio_piece *pieces, uint32_t count, const uint64_t *addresses,
                          uint64_t offset, uint64_t length, bool written)
{
    uint32_t first = count;
    while (length) {
        uint64_t address = (*addresses++ & ~(PAGE_SIZE - 1)) + offset;
        uint64_t room = PAGE_SIZE - offset, bytes = length < room ? length : room;
        struct virtio_piece *last = &pieces[count - 1];
        if (count > first && last->address + last->length == address &&
            last->length + bytes <= piece_max)
            last->length += (uint32_t)bytes;
        else
            pieces[count++] = (struct virtio_piece){address, (uint32_t)bytes, written};
        length -= bytes;
        offset = 0;
    }
    return count;
}

/* The chain: header, `count` pieces from pieces[1] on, status. */
static int64_t ask(struct block_request *request, uint32_t type, uint64_t sector,
                   struct virtio_piece *pieces, uint32_t count)
{
    uint32_t index = index_of(request);
    uint64_t address = slots_memory.address + index * sizeof(struct slot);
    struct slot *slot = slot_of(index);
    slot->type = type;
    slot->reserved = 0;
    slot->sector = sector;
    slot->status = STATUS_UNTOLD;
    pieces[0] = (struct virtio_piece){address, HEADER_BYTES, false};
    pieces[count] = (struct virtio_piece){address + STATUS_AT, 1, true};
    int64_t error = virtio_put(&queue, pieces, count + 1, request);
    if (error < 0)
        return error;
    virtio_notify(&queue);
    return EASYNC;
}

static void unpin(struct job *job)
{
    if (job->pinned)
        sys_unpin(disk.domain, job->pin);
    job->pinned = false;
}

static int64_t transfer(struct block_request *request, uint32_t type)
{
    struct virtio_piece pieces[PIECES_MAX];
    struct job *job = &jobs[index_of(request)];
    const uint64_t *addresses = request->addresses;
    uint64_t offset = request->memory_offset; /* in the first page */
    job->pinned = false;
    if (!addresses) {
        int64_t count = sys_pin(request->memory, request->memory_offset, request->length,
                                disk.domain, &job->pin);
        if (count < 0)
            return count;
        job->pinned = true;
        addresses = (const uint64_t *)message_area()->bytes;
        offset = addresses[0] % PAGE_SIZE; /* a loan may start anywhere in a page */
    }
    uint32_t count = add_pages(pieces, 1, addresses, offset, request->length, type == TYPE_IN);
    int64_t result = ask(request, type, request->offset / SECTOR, pieces, count);
    if (result < 0)
        unpin(job);
    return result;
}

static int64_t read_blocks(struct block_driver *driver, struct block_request *request)
{
    (void)driver;
    return transfer(request, TYPE_IN);
}

static int64_t write_blocks(struct block_driver *driver, struct block_request *request)
{
    (void)driver;
    return transfer(request, TYPE_OUT);
}

static int64_t flush(struct block_driver *driver, struct block_request *request)
{
    struct virtio_piece pieces[2];
    (void)driver;
    return ask(request, TYPE_FLUSH, 0, pieces, 1);
}

/* The next piece of it. */
static int64_t go_on_discarding(struct block_request *request)
{
    struct virtio_piece pieces[3];
    uint32_t index = index_of(request);
    uint64_t left = request->length - jobs[index].done;
    uint64_t bytes = left < discard_max ? left : discard_max;
    struct slot *slot = slot_of(index);
    slot->discard.sector = (request->offset + jobs[index].done) / SECTOR;
    slot->discard.count = (uint32_t)(bytes / SECTOR);
    slot->discard.flags = 0;
    pieces[1] = (struct virtio_piece){slots_memory.address + index * sizeof(*slot) + DISCARD_AT,
                                      DISCARD_BYTES, false};
    jobs[index].done += bytes;
    return ask(request, TYPE_DISCARD, 0, pieces, 2);
}

static int64_t discard(struct block_driver *driver, struct block_request *request)
{
    (void)driver;
    jobs[index_of(request)].done = 0;
    return go_on_discarding(request);
}

/* ---- Its answers ----------------------------------------------------------------------------- */

static int64_t result_of(const struct block_request *request, uint32_t status, uint32_t written)
{
    if (status == STATUS_UNSUPPORTED)
        return -ENOTSUP;
    bool whole = request->op != BLOCK_READ || written == request->length + 1;
    return status == STATUS_OK && whole ? (int64_t)request->length : -EIO;
}

static void complete(struct block_request *request, uint32_t written)
{
    uint32_t index = index_of(request);
    struct job *job = &jobs[index];
    int64_t result = result_of(request, slot_of(index)->status, written);
    if (request->op == BLOCK_DISCARD && result >= 0 && job->done < request->length) {
        result = go_on_discarding(request);
        if (result >= 0)
            return;
    }
    unpin(job);
    block_done(&disk, request, result);
}

static void interrupt(void)
{
    void *request;
    uint32_t written;
    int64_t more;
    while ((more = virtio_take(&queue, &request, &written)) > 0)
        complete(request, written);
    if (more < 0) {
        print("the device breaks the rules of its queue\n");
        program_exit(1);
    }
}

/* To be stopped ends what is with the device first. */
static void notified(struct server *server, uint64_t bits)
{
    if (bits & IRQ_BIT)
        interrupt();
    if (bits & INIT_STOP_BIT)
        stopping = true;
    if (stopping && !queue.in_flight)
        server->stop = true;
}

/* ---- Starting -------------------------------------------------------------------------------- */

static uint32_t config32(uint64_t feature, uint64_t at, uint32_t otherwise)
{
    uint32_t value = otherwise;
    if (device.features & feature && virtio_config(&device, at, &value, sizeof(value)) < 0)
        return otherwise;
    return value;
}

/* As much as fits a chain, the header and status and a first page not at its start counted. */
static uint32_t most_pages(void)
{
    uint32_t pieces = config32(HAS_SEG_MAX, AT_SEG_MAX, UINT32_MAX);
    if (pieces > queue.size - 2)
        pieces = queue.size - 2;
    if (pieces > BLOCK_ADDRESSES_MAX)
        pieces = BLOCK_ADDRESSES_MAX;
    return pieces - 1;
}

static int64_t read_size(void)
{
    uint64_t sectors;
    int64_t error = virtio_config(&device, AT_CAPACITY, &sectors, sizeof(sectors));
    if (error < 0)
        return error;
    disk.block_size = config32(HAS_BLOCK_SIZE, AT_BLOCK_SIZE, SECTOR);
    if (disk.block_size < BLOCK_SIZE_MIN || disk.block_size > BLOCK_SIZE_MAX ||
        disk.block_size & (disk.block_size - 1) || sectors > UINT64_MAX / 2 / SECTOR)
        return -ENOTSUP;
    disk.size = sectors * SECTOR & ~(uint64_t)(disk.block_size - 1);
    return 0;
}

static int64_t describe(void)
{
    int64_t error = read_size();
    if (error < 0)
        return error;
    piece_max = config32(HAS_SIZE_MAX, AT_SIZE_MAX, UINT32_MAX);
    uint32_t seg_max = config32(HAS_SEG_MAX, AT_SEG_MAX, UINT32_MAX);
    if (piece_max < PAGE_SIZE || seg_max < 2 || queue.size < 4)
        return -ENOTSUP;
    disk.max_transfer = most_pages() * (uint32_t)PAGE_SIZE;
    if (device.features & CAN_FLUSH) {
        disk.flush = flush;
        disk.is |= BLOCK_IS_CACHED;
    }
    if (device.features & IS_READ_ONLY)
        disk.is |= BLOCK_IS_READ_ONLY;
    discard_max = (uint64_t)config32(CAN_DISCARD, AT_DISCARD_MAX, 0) * SECTOR;
    discard_max &= ~(uint64_t)(disk.block_size - 1);
    if (discard_max)
        disk.discard = discard;
    return 0;
}

static int64_t open_device(const struct startup *startup)
{
    int64_t error = virtio_open(&device, startup,
                                HAS_SIZE_MAX | HAS_SEG_MAX | IS_READ_ONLY | HAS_BLOCK_SIZE |
                                    CAN_FLUSH | CAN_DISCARD);
    disk.domain = device.pci.domain;
    if (!error)
        error = dma_allocate(&slots_memory, disk.domain, BLOCK_REQUESTS_MAX * sizeof(struct slot));
    if (!error)
        error = virtio_queue_open(&device, &queue, 0, disk.server.port, IRQ_BIT, -1);
    if (!error)
        error = describe();
    if (!error)
        error = virtio_start(&device);
    if (error < 0)
        return error;
    /* A predecessor may have done so: its domain is ours. */
    error = sys_port_domain(disk.server.port, disk.domain);
    return error == -EBUSY ? 0 : error;
}

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    disk.server.notified = notified;
    if (server_publish(&disk.server, startup) < 0)
        return 1;
    int64_t error = open_device(startup);
    if (error < 0) {
        print("cannot open the device: error %ld\n", -error);
        return 1;
    }
    print("%lu MiB, blocks of %u bytes%s\n", disk.size >> 20, disk.block_size,
          disk.is & BLOCK_IS_READ_ONLY ? ", read-only" : "");
    return block_serve(&disk) < 0;
}
