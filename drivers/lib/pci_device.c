/*
 * See pci_device.h.
 */
#include "pci_device.h"

#include "clock.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#define PATIENCE (10 * SECOND)

static int64_t ask(const struct pci_handle *device, struct message *head)
{
    head->flags |= MESSAGE_ROOM;
    int64_t error = sys_do(device->pci, clock_after(PATIENCE), head);
    return error < 0 ? error : head->result;
}

/* The handle that came with an answer, if one should have. */
static int64_t ask_for_handle(const struct pci_handle *device, struct message *head)
{
    int64_t result = ask(device, head);
    if (result < 0)
        return result;
    return MESSAGE_FLAG_HANDLES(head->flags) == 1 ? (int64_t)message_area()->handles[0].handle
                                                  : -EPROTO;
}

/* init's word of which driver it is may still be on its way. */
int64_t pci_device_open(struct pci_handle *device, const struct startup *startup)
{
    *device = (struct pci_handle){.pci = startup_handle(startup, "pci"),
                                  .domain = startup_handle(startup, "domain")};
    if (!device->pci || !device->domain)
        return -ENODEV;
    struct message head;
    uint64_t limit = clock_after(PATIENCE);
    int64_t error;
    for (;;) {
        head = (struct message){.op = PCI_OPEN};
        error = ask(device, &head);
        if ((error != -EAGAIN && error != -EDEAD) || clock_now() >= limit)
            break;
        sys_sleep(clock_after(10 * MILLISECOND));
    }
    if (error < 0)
        return error;
    if (MESSAGE_FLAG_BYTES(head.flags) != sizeof(device->is))
        return -EPROTO;
    memcpy(&device->is, message_area()->bytes, sizeof(device->is));
    return 0;
}

int64_t pci_device_config(const struct pci_handle *device, uint32_t at, uint32_t width)
{
    struct message head = {.op = PCI_CONFIG_READ, .offset = at, .length = width};
    return ask(device, &head);
}

volatile void *pci_device_map(const struct pci_handle *device, uint32_t bar, uint64_t offset,
                              uint64_t length)
{
    uint64_t within = offset & (PAGE_SIZE - 1), end;
    if (!length || __builtin_add_overflow(within, length, &end) || end > 1ul << 40)
        return NULL;
    end = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    struct message head = {.op = PCI_BAR, .offset = offset - within, .length = end, .arg = {bar}};
    int64_t vmo = ask_for_handle(device, &head);
    if (vmo < 0)
        return NULL;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, end, 0, MAP_READ | MAP_WRITE);
    sys_handle_close((handle_t)vmo);
    return address < 0 ? NULL : (volatile uint8_t *)address + within;
}

int64_t pci_device_interrupt(const struct pci_handle *device, uint32_t number, int32_t cpu)
{
    struct message head = {.op = PCI_INTERRUPT, .arg = {number, (uint64_t)(int64_t)cpu}};
    return ask_for_handle(device, &head);
}

int64_t pci_device_start(const struct pci_handle *device)
{
    struct message head = {.op = PCI_START};
    return ask(device, &head);
}

int64_t dma_allocate(struct dma_memory *memory, handle_t domain, uint64_t bytes)
{
    uint64_t id;
    int64_t vmo = sys_vmo_create(VMO_CONTIGUOUS, bytes, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t result = sys_pin((handle_t)vmo, 0, bytes, domain, &id);
    if (result > 0) {
        memory->address = *(const uint64_t *)message_area()->bytes;
        result = sys_map(HANDLE_NONE, (handle_t)vmo, 0, bytes, 0, MAP_READ | MAP_WRITE);
        memory->at = (uint8_t *)result;
    }
    sys_handle_close((handle_t)vmo);
    return result < 0 ? result : 0;
}
