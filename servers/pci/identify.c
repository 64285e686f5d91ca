/*
 * Reading what a function says of itself; see device.h.  Pure but for configuration space.
 */
#include "config.h"
#include "device.h"

/* From here up to 4 GiB lie interrupt controllers, timers and IOMMUs, and no device's memory. */
#define PLATFORM_START 0xfec00000ul
#define PLATFORM_END 0x100000000ul
#define ADDRESS_END (1ul << 52)

enum { EXPRESS_CAPABLE = 4, EXPRESS_CAN_RESET = 1 << 28 };
enum { FEATURES_CAPABLE = 3, FEATURES_CAN_RESET = 2 };
enum { BAR_PORTS = 1, BAR_64 = 4, BAR_TYPE = 6, BAR_FLAGS = 15, BAR_PORTS_FLAGS = 3 };
enum { CLASS_BRIDGE = 0x06, CLASS_VGA = 0x030000 };

static uint32_t get(const struct device *device, uint32_t at, uint32_t width)
{
    return config_read(device->is.address, at, width);
}

static void set(const struct device *device, uint32_t at, uint32_t width, uint32_t value)
{
    config_write(device->is.address, at, width, value);
}

/* Whether memory can be there at all. */
static bool makes_sense(uint64_t address, uint64_t size)
{
    if (!address || (size & (size - 1)) || address & (size - 1) || address > ADDRESS_END - size)
        return false;
    return address + size <= PLATFORM_START || address >= PLATFORM_END;
}

/* What sticks of all ones says which bits there are (PCI 3.0, 6.2.5.1). */
static uint32_t probe(const struct device *device, uint32_t number)
{
    uint32_t at = CONFIG_BARS + 4 * number;
    set(device, at, 4, UINT32_MAX);
    uint32_t mask = get(device, at, 4);
    set(device, at, 4, device->bar_value[number]);
    return mask;
}

/* Registers of one BAR: 1 or 2. */
static uint32_t read_bar(struct device *device, uint32_t number)
{
    uint32_t value = device->bar_value[number];
    uint64_t mask = probe(device, number), address = value & ~(uint32_t)BAR_FLAGS;
    uint32_t registers = 1;
    if (value & BAR_PORTS) {
        mask &= 0xffff & ~BAR_PORTS_FLAGS;
        device->is.bar_kind[number] = mask ? PCI_BAR_PORTS : PCI_BAR_NONE;
        device->is.bar_size[number] = mask & -mask;
        return 1;
    }
    mask &= ~(uint64_t)BAR_FLAGS;
    if ((value & BAR_TYPE) == BAR_64 && number + 1 < PCI_BARS) {
        registers = 2;
        mask |= (uint64_t)probe(device, number + 1) << 32;
        address |= (uint64_t)device->bar_value[number + 1] << 32;
    }
    uint64_t size = mask & -mask;
    if (!size)
        return registers;
    device->is.bar_kind[number] = PCI_BAR_MEMORY;
    device->is.bar_size[number] = size;
    device->bar[number] = makes_sense(address, size) ? address : 0;
    return registers;
}

/* The device does not answer in its memory meanwhile; so a screen is left alone, and bridges, which
 * have other registers there. */
static void read_bars(struct device *device)
{
    if (device->is.class >> 16 == CLASS_BRIDGE || device->is.class == CLASS_VGA)
        return;
    uint32_t command = get(device, CONFIG_COMMAND, 2);
    set(device, CONFIG_COMMAND, 2, command & ~(uint32_t)(COMMAND_MEMORY | COMMAND_PORTS));
    for (uint32_t i = 0; i < PCI_BARS; i++)
        device->bar_value[i] = get(device, CONFIG_BARS + 4 * i, 4);
    for (uint32_t i = 0; i < PCI_BARS;)
        i += read_bar(device, i);
    set(device, CONFIG_COMMAND, 2, command);
    device->used = command & COMMAND_MASTER;
}

static void read_msi_x(struct device *device, uint32_t at)
{
    uint32_t count = (get(device, at + MSI_X_CONTROL, 2) & MSI_X_COUNT) + 1;
    uint32_t table = get(device, at + MSI_X_TABLE, 4), bar = table & 7;
    uint64_t offset = table & ~7u;
    if (bar >= PCI_BARS || !device->bar[bar] || offset > device->is.bar_size[bar] ||
        count * MSI_X_ENTRY > device->is.bar_size[bar] - offset)
        return;
    device->msi_x = at;
    device->table_bar = bar;
    device->table_offset = offset;
    device->is.interrupts = (uint8_t)(count < PCI_INTERRUPTS_MAX ? count : PCI_INTERRUPTS_MAX);
}

/* The first of each kind counts.  at: its length within configuration space is checked here. */
static void note_capability(struct device *device, uint32_t id, uint32_t at)
{
    uint32_t room = CONFIG_SIZE - at;
    if (id == CAPABILITY_MSI_X && !device->msi_x && room >= 12)
        read_msi_x(device, at);
    else if (id == CAPABILITY_MSI && !device->msi && room >= 14)
        device->msi = at;
    else if (id == CAPABILITY_EXPRESS && room >= 12 &&
             get(device, at + EXPRESS_CAPABLE, 4) & EXPRESS_CAN_RESET)
        device->express = at;
    else if (id == CAPABILITY_FEATURES && room >= 6 &&
             get(device, at + FEATURES_CAPABLE, 1) & FEATURES_CAN_RESET)
        device->features = at;
}

/* The list is the device's: it may lead anywhere, and round in circles. */
static void read_capabilities(struct device *device)
{
    if (!(get(device, CONFIG_STATUS, 2) & STATUS_CAPABILITIES))
        return;
    uint32_t at = get(device, CONFIG_CAPABILITIES, 1) & 0xfc;
    struct pci_device *is = &device->is;
    while (at >= CONFIG_FIRST_CAPABILITY && is->capability_count < PCI_CAPABILITIES_MAX) {
        uint32_t id = get(device, at, 1);
        for (uint32_t i = 0; i < is->capability_count; i++)
            if (is->capability[i].at == at)
                return;
        is->capability[is->capability_count].id = (uint8_t)id;
        is->capability[is->capability_count++].at = (uint8_t)at;
        note_capability(device, id, at);
        at = get(device, at + 1, 1) & 0xfc;
    }
}

bool device_find(struct device *device, uint32_t address)
{
    *device = (struct device){.is = {.address = (uint16_t)address}};
    struct pci_device *is = &device->is;
    is->vendor = (uint16_t)get(device, CONFIG_VENDOR, 2);
    if (is->vendor == 0xffff || !is->vendor)
        return false;
    is->id = (uint16_t)get(device, CONFIG_ID, 2);
    is->class = get(device, CONFIG_CLASS, 4) >> 8;
    is->revision = (uint8_t)get(device, CONFIG_REVISION, 1);
    return true;
}

void device_identify(struct device *device)
{
    struct pci_device *is = &device->is;
    device->identified = true;
    if ((get(device, CONFIG_HEADER, 1) & HEADER_TYPE) != 0)
        return; /* a bridge: what follows is not there */
    is->subsystem_vendor = (uint16_t)get(device, CONFIG_SUBSYSTEM_VENDOR, 2);
    is->subsystem_id = (uint16_t)get(device, CONFIG_SUBSYSTEM_ID, 2);
    read_bars(device);
    read_capabilities(device);
    if (device->msi && !device->msi_x)
        is->interrupts = 1;
}
