/*
 * See virtio.h.
 */
#include "virtio.h"

#include "clock.h"
#include "string.h"
#include "syscall.h"

#define RESET_PATIENCE SECOND

/* Capabilities of the PCI transport (section 4.1.4) */
enum { CAPABILITY_VENDOR = 9, CAP_LENGTH = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8 };
enum { CAP_SIZE = 12, CAP_MULTIPLIER = 16, CAP_BYTES = 16, CAP_NOTIFY_BYTES = 20 };
enum { TYPE_COMMON = 1, TYPE_NOTIFY = 2, TYPE_DEVICE = 4 };

/* The common configuration (section 4.1.4.3) */
enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_VECTOR = 0x10,
    QUEUE_COUNT = 0x12,
    STATUS = 0x14,
    GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY = 0x1e,
    QUEUE_DESCRIPTORS = 0x20,
    QUEUE_AVAILABLE = 0x28,
    QUEUE_USED = 0x30,
    COMMON_BYTES = 0x38,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
#define NO_VECTOR 0xffffu

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2 };
enum { USED_NO_NOTIFY = 1 };
#define DESCRIPTORS_AT 0u /* in a queue's memory: a page each */
#define AVAILABLE_AT PAGE_SIZE
#define USED_AT (2 * PAGE_SIZE)
#define QUEUE_BYTES (3 * PAGE_SIZE)
_Static_assert(VIRTIO_QUEUE_MAX * sizeof(struct virtio_descriptor) <= PAGE_SIZE, "one page");
#define NOBODY UINT16_MAX

static uint8_t get8(const struct virtio *device, uint32_t at)
{
    return device->common[at];
}

static uint16_t get16(const struct virtio *device, uint32_t at)
{
    return *(volatile uint16_t *)(device->common + at);
}

static uint32_t get32(const struct virtio *device, uint32_t at)
{
    return *(volatile uint32_t *)(device->common + at);
}

static void set8(struct virtio *device, uint32_t at, uint8_t value)
{
    device->common[at] = value;
}

static void set16(struct virtio *device, uint32_t at, uint32_t value)
{
    *(volatile uint16_t *)(device->common + at) = (uint16_t)value;
}

static void set32(struct virtio *device, uint32_t at, uint32_t value)
{
    *(volatile uint32_t *)(device->common + at) = value;
}

/* In two halves, as the device must allow (section 4.1.3.1). */
static void set64(struct virtio *device, uint32_t at, uint64_t value)
{
    set32(device, at, (uint32_t)value);
    set32(device, at + 4, (uint32_t)(value >> 32));
}

/* ---- Where its registers are ----------------------------------------------------------------- */

/* One of its capabilities: maps what it names, if it is the first that names it. */
static void use_capability(struct virtio *device, uint32_t at)
{
    const struct pci_handle *pci = &device->pci;
    if (at + CAP_BYTES > 256 || pci_device_config(pci, at + CAP_LENGTH, 1) < CAP_BYTES)
        return;
    int64_t type = pci_device_config(pci, at + CAP_TYPE, 1);
    int64_t bar = pci_device_config(pci, at + CAP_BAR, 1);
    int64_t offset = pci_device_config(pci, at + CAP_OFFSET, 4);
    int64_t size = pci_device_config(pci, at + CAP_SIZE, 4);
    if (bar < 0 || bar >= PCI_BARS || offset < 0 || size < 0 || offset & 3)
        return;
    if ((uint64_t)(offset + size) > pci->is.bar_size[bar])
        return;
    if (type == TYPE_COMMON && !device->common && size >= COMMON_BYTES) {
        device->common = pci_device_map(pci, (uint32_t)bar, (uint64_t)offset, COMMON_BYTES);
    } else if (type == TYPE_NOTIFY && !device->notify && at + CAP_NOTIFY_BYTES <= 256) {
        device->notify = pci_device_map(pci, (uint32_t)bar, (uint64_t)offset, (uint64_t)size);
        device->notify_length = (uint64_t)size;
        device->notify_multiplier = (uint32_t)pci_device_config(pci, at + CAP_MULTIPLIER, 4);
    } else if (type == TYPE_DEVICE && !device->config) {
        device->config = pci_device_map(pci, (uint32_t)bar, (uint64_t)offset, (uint64_t)size);
        device->config_length = device->config ? (uint64_t)size : 0;
    }
}

static int64_t find_registers(struct virtio *device)
{
    const struct pci_device *is = &device->pci.is;
    for (uint32_t i = 0; i < is->capability_count && i < PCI_CAPABILITIES_MAX; i++)
        if (is->capability[i].id == CAPABILITY_VENDOR)
            use_capability(device, is->capability[i].at);
    return device->common && device->notify && is->interrupts ? 0 : -ENODEV;
}

/* ---- Opening (section 3.1.1) ----------------------------------------------------------------- */

static int64_t reset(struct virtio *device)
{
    uint64_t limit = clock_after(RESET_PATIENCE);
    set8(device, STATUS, 0);
    while (get8(device, STATUS)) {
        if (clock_now() >= limit)
            return -ENODEV;
        sys_sleep(clock_after(MILLISECOND));
    }
    return 0;
}

static int64_t agree(struct virtio *device, uint64_t wanted)
{
    uint64_t offered = 0;
    for (uint32_t half = 0; half < 2; half++) {
        set32(device, DEVICE_FEATURE_SELECT, half);
        offered |= (uint64_t)get32(device, DEVICE_FEATURE) << 32 * half;
    }
    device->features = offered & (wanted | VIRTIO_VERSION_1 | VIRTIO_ACCESS_PLATFORM);
    for (uint32_t half = 0; half < 2; half++) {
        set32(device, DRIVER_FEATURE_SELECT, half);
        set32(device, DRIVER_FEATURE, (uint32_t)(device->features >> 32 * half));
    }
    set8(device, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    bool agreed = get8(device, STATUS) & FEATURES_OK;
    return agreed && device->features & VIRTIO_VERSION_1 ? 0 : -ENOTSUP;
}

int64_t virtio_open(struct virtio *device, const struct startup *startup, uint64_t wanted)
{
    *device = (struct virtio){0};
    int64_t error = pci_device_open(&device->pci, startup);
    if (!error)
        error = find_registers(device);
    if (!error)
        error = reset(device);
    if (error < 0)
        return error;
    set8(device, STATUS, ACKNOWLEDGE | DRIVER);
    set16(device, CONFIG_VECTOR, NO_VECTOR);
    return agree(device, wanted);
}

int64_t virtio_config(const struct virtio *device, uint64_t offset, void *to, uint64_t length)
{
    enum { TRIES = 100 };
    uint8_t *bytes = to;
    if (offset > device->config_length || length > device->config_length - offset)
        return -ERANGE;
    for (uint32_t i = 0; i < TRIES; i++) {
        uint8_t generation = get8(device, GENERATION);
        for (uint64_t n = 0; n < length; n++)
            bytes[n] = device->config[offset + n];
        if (get8(device, GENERATION) == generation)
            return 0;
    }
    return -ENODEV;
}

int64_t virtio_start(struct virtio *device)
{
    int64_t error = pci_device_start(&device->pci);
    if (!error)
        set8(device, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    return error;
}

/* ---- Queues ---------------------------------------------------------------------------------- */

static uint32_t choose_size(const struct virtio *device)
{
    uint32_t most = get16(device, QUEUE_SIZE), size = VIRTIO_QUEUE_MAX;
    while (size > most)
        size /= 2;
    return size;
}

static int64_t take_interrupt(struct virtio *device, uint32_t number, handle_t port, uint64_t bits,
                              int32_t cpu)
{
    int64_t irq = pci_device_interrupt(&device->pci, number, cpu);
    if (irq < 0)
        return irq;
    int64_t error = sys_irq_bind((handle_t)irq, port, bits);
    if (error < 0)
        return error;
    set16(device, QUEUE_VECTOR, number);
    return get16(device, QUEUE_VECTOR) == number ? 0 : -EBUSY;
}

static void tell_places(struct virtio *device, const struct dma_memory *memory, uint32_t size)
{
    set16(device, QUEUE_SIZE, size);
    set64(device, QUEUE_DESCRIPTORS, memory->address + DESCRIPTORS_AT);
    set64(device, QUEUE_AVAILABLE, memory->address + AVAILABLE_AT);
    set64(device, QUEUE_USED, memory->address + USED_AT);
}

int64_t virtio_queue_open(struct virtio *device, struct virtio_queue *queue, uint32_t number,
                          handle_t port, uint64_t bits, int32_t cpu)
{
    struct dma_memory memory;
    if (number >= get16(device, QUEUE_COUNT))
        return -ENODEV;
    set16(device, QUEUE_SELECT, number);
    uint32_t size = choose_size(device);
    uint64_t notify = (uint64_t)get16(device, QUEUE_NOTIFY) * device->notify_multiplier;
    if (!size || notify & 1 || notify + 2 > device->notify_length)
        return -ENODEV;
    int64_t error = dma_allocate(&memory, device->pci.domain, QUEUE_BYTES);
    if (!error)
        error = take_interrupt(device, number, port, bits, cpu);
    if (error < 0)
        return error;
    queue->device = device;
    queue->number = number;
    queue->size = queue->free_count = size;
    queue->free = queue->in_flight = queue->taken = 0;
    queue->descriptors = (struct virtio_descriptor *)(memory.at + DESCRIPTORS_AT);
    queue->available = (volatile uint16_t *)(memory.at + AVAILABLE_AT);
    queue->used = (volatile uint16_t *)(memory.at + USED_AT);
    queue->notify = (volatile uint16_t *)(device->notify + notify);
    for (uint32_t i = 0; i < size; i++) {
        queue->next[i] = i + 1 < size ? (uint16_t)(i + 1) : NOBODY;
        queue->chain[i] = 0;
    }
    tell_places(device, &memory, size);
    set16(device, QUEUE_ENABLE, 1);
    return 0;
}

int64_t virtio_put(struct virtio_queue *queue, const struct virtio_piece *pieces, uint32_t count,
                   void *context)
{
    if (!count || count > queue->free_count)
        return -EAGAIN;
    uint32_t head = queue->free, at = head;
    uint64_t writable = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        queue->descriptors[at] = (struct virtio_descriptor){
            .address = pieces[i].address,
            .length = pieces[i].length,
            .flags = (uint16_t)((last ? 0 : DESCRIPTOR_NEXT) |
                                (pieces[i].written ? DESCRIPTOR_WRITE : 0)),
            .next = last ? 0 : queue->next[at]};
        writable += pieces[i].written ? pieces[i].length : 0;
        queue->free = queue->next[at];
        if (!last)
            at = queue->next[at];
    }
    queue->free_count -= count;
    queue->in_flight++;
    queue->chain[head] = (uint16_t)count;
    queue->writable[head] = writable;
    queue->context[head] = context;
    uint16_t index = queue->available[1];
    queue->available[2 + (index & (queue->size - 1))] = (uint16_t)head;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    queue->available[1] = (uint16_t)(index + 1);
    return 0;
}

void virtio_notify(struct virtio_queue *queue)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(queue->used[0] & USED_NO_NOTIFY))
        *queue->notify = (uint16_t)queue->number;
}

/* Puts a chain's descriptors back into the free list. */
static void release(struct virtio_queue *queue, uint32_t head)
{
    uint32_t last = head;
    for (uint32_t i = 1; i < queue->chain[head]; i++)
        last = queue->next[last];
    queue->next[last] = (uint16_t)queue->free;
    queue->free = head;
    queue->free_count += queue->chain[head];
    queue->chain[head] = 0;
    queue->in_flight--;
}

int64_t virtio_take(struct virtio_queue *queue, void **context, uint32_t *written)
{
    uint16_t there = queue->used[1];
    if (there == queue->taken)
        return 0;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    volatile uint32_t *entry =
        (volatile uint32_t *)(queue->used + 2) + 2 * (queue->taken & (queue->size - 1));
    uint32_t head = entry[0];
    *written = entry[1];
    if ((uint16_t)(there - queue->taken) > queue->in_flight || head >= queue->size ||
        !queue->chain[head] || *written > queue->writable[head])
        return -EPROTO;
    queue->taken++;
    *context = queue->context[head];
    release(queue, head);
    return 1;
}
