/*
 * A function of a PCI device: what was found of it, and who drives it.
 *
 * It is *stopped* (no bus master, no interrupts, its domain fenced), *open* (its memory answers) or
 * *started* (it is bus master).  Only an assigned one can be opened.
 */
#ifndef PCI_DEVICE_H
#define PCI_DEVICE_H

#include <portolan/pci.h>

#define DEVICES_MAX 128u

/* MSI-X (PCI 3.0, 6.8.2) and MSI (6.8.1) */
enum { MSI_X_CONTROL = 2, MSI_X_TABLE = 4, MSI_X_COUNT = 0x7ff, MSI_X_ENTRY = 16 };

struct device {
    struct pci_device is;
    uint64_t bar[PCI_BARS];               /* address; 0: was not set, or makes no sense */
    uint32_t bar_value[PCI_BARS];         /* the registers, to be written again after a reset */
    uint32_t msi, msi_x;                  /* capabilities, or 0 */
    uint32_t table_bar;                   /* of the MSI-X table */
    uint64_t table_offset, table_address; /* where it is mapped here, or 0 */
    uint32_t express, features;           /* capabilities that can reset it, or 0 */
    bool identified;
    bool used; /* it may have been told something */
    bool open, started;
    uint64_t driver; /* its badge, or 0 */
    handle_t domain;
    handle_t interrupts[PCI_INTERRUPTS_MAX];
};

/* Resources: all physical memory that is no RAM; any interrupt. */
void devices_open(handle_t physical, handle_t irq);

/* Reads which function it is, if it is there. */
bool device_find(struct device *device, uint32_t address);
/* Reads all the rest; it does not answer in its memory meanwhile. */
void device_identify(struct device *device);

/* From now on it is the driver's with that badge; the domain's handle becomes the device's. */
void device_assign(struct device *device, uint64_t driver, handle_t domain);
int64_t device_open(struct device *device);
void device_start(struct device *device);
void device_stop(struct device *device);

/* Handles, for a reply. */
int64_t device_bar(const struct device *device, uint64_t number, uint64_t offset, uint64_t *length);
int64_t device_interrupt(struct device *device, uint64_t number, int64_t cpu);

#endif
