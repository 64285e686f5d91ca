/*
 * The server that owns PCI configuration space.
 *
 * Who may ask what is said by the badge of the handle:
 *   0                    anybody: PCI_LIST
 *   PCI_BADGE_INIT       init: PCI_ASSIGN too
 *   PCI_BADGE(...)       the driver of one device: all but PCI_ASSIGN.  Counted (BADGE_COUNTED):
 *                        when its last copy is closed, the driver is dead, and its device is
 *                        stopped.
 *
 * A driver gets its device's memory, its interrupts, and its domain; it never gets at the registers
 * that say where memory lies or which interrupt is raised.  Until PCI_START the device is no bus
 * master.  A device that has no driver is stopped: no bus master, no interrupts, its domain fenced.
 */
#ifndef PORTOLAN_PCI_H
#define PORTOLAN_PCI_H

#include <portolan/message.h>

/* device: bus << 8 | device << 3 | function; life: its driver's, so that no badges are alike. */
#define PCI_BADGE_INIT (1ull << 56)
#define PCI_BADGE(device, life) (1ull << 57 | (uint64_t)(uint32_t)(life) << 16 | (device))
#define PCI_BADGE_IS(badge) ((badge) >> 57 == 1)
#define PCI_BADGE_DEVICE(badge) ((uint32_t)(badge)&0xffffu)

enum pci_op {
    /* The devices from number head.offset on: reply bytes struct pci_device; result: how many. */
    PCI_LIST = 0x700,
    /* arg[0]: a driver's badge; handle 0: its device's domain (MANAGE).  The device is stopped.
     * From now on that driver's requests are heard.  -ENODEV, -EINVAL. */
    PCI_ASSIGN,
    /*
     * Stops the device, resets it if it can be, and makes it answer in its memory.  The domain is
     * open again, and empty.  Reply bytes: struct pci_device.  -EAGAIN it has not been assigned.
     */
    PCI_OPEN,
    /* head.offset, head.length (1, 2, 4): a register of configuration space.  Result: its value.
     * Aligned, below 256: else -EINVAL. */
    PCI_CONFIG_READ,
    /*
     * arg[0]: number of a memory BAR; head.offset, head.length: part of it, whole pages, or length
     * 0: all of it.  Reply: handle 0: a physical VM object; head.length: its size.
     * -ENOENT no such BAR, -ERANGE, -EPERM the MSI-X table lies there.
     */
    PCI_BAR,
    /*
     * arg[0]: number of a message interrupt, below pci_device.interrupts; arg[1]: the CPU it goes
     * to, or -1.  Reply: handle 0: the interrupt, which only this device can raise.  An earlier one
     * of that number is gone.  -EINVAL.
     */
    PCI_INTERRUPT,
    /* Bus mastering and interrupts on. */
    PCI_START,
    /* Stops and resets it, as its driver's death does. */
    PCI_RESET,
    PCI_OPS_END
};

#define PCI_BARS 6u
#define PCI_CAPABILITIES_MAX 24u
#define PCI_INTERRUPTS_MAX 32u

enum { PCI_BAR_NONE = 0, PCI_BAR_MEMORY, PCI_BAR_PORTS };

struct pci_device {
    uint16_t vendor, id, subsystem_vendor, subsystem_id;
    uint32_t class;               /* class << 16 | subclass << 8 | interface */
    uint16_t address;             /* bus << 8 | device << 3 | function */
    uint8_t revision, interrupts; /* interrupts: messages it can send */
    uint64_t bar_size[PCI_BARS];  /* bytes */
    uint8_t bar_kind[PCI_BARS];   /* PCI_BAR_*; of PORTS there are no handles */
    uint8_t capability_count, reserved;
    struct {
        uint8_t id, at; /* where in configuration space */
    } capability[PCI_CAPABILITIES_MAX];
    uint8_t reserved2[8];
};
_Static_assert(sizeof(struct pci_device) % 8 == 0, "an array of them in a message");

#endif
