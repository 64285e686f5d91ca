/*
 * A driver's device on the PCI bus: what the pci server gives, of which the driver was granted
 * "pci" and "domain" at its start.
 *
 * pci_device_open, then BARs and interrupts, then pci_device_start: only then is the device bus
 * master.  The message page is used.
 */
#ifndef DRIVERS_PCI_DEVICE_H
#define DRIVERS_PCI_DEVICE_H

#include <portolan/pci.h>
#include <portolan/startup.h>

struct pci_handle {
    handle_t pci, domain;
    struct pci_device is;
};

/* 0, -ENODEV (the grants are missing), or as PCI_OPEN. */
int64_t pci_device_open(struct pci_handle *device, const struct startup *startup);
/* The value, or an error.  width: 1, 2, 4. */
int64_t pci_device_config(const struct pci_handle *device, uint32_t at, uint32_t width);
/* Maps `length` bytes of a BAR from `offset` on; NULL: they are not there. */
volatile void *pci_device_map(const struct pci_handle *device, uint32_t bar, uint64_t offset,
                              uint64_t length);
/* Message interrupt `number`, to be bound to a port's bits.  The handle, or an error. */
int64_t pci_device_interrupt(const struct pci_handle *device, uint32_t number, int32_t cpu);
int64_t pci_device_start(const struct pci_handle *device);

/* Memory that the device reaches, for as long as the driver lives: contiguous, zeroed, mapped. */
struct dma_memory {
    uint8_t *at;
    uint64_t address; /* the device's */
};
int64_t dma_allocate(struct dma_memory *memory, handle_t domain, uint64_t bytes);

#endif
