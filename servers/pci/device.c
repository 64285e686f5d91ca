/*
 * See device.h: reading what a function says of itself, opening, starting and stopping it.
 */
#include "device.h"

#include "clock.h"
#include "config.h"
#include "string.h"
#include "syscall.h"

/* From here up to 4 GiB lie interrupt controllers, timers and IOMMUs, and no device's memory. */
#define PLATFORM_START 0xfec00000ul
#define PLATFORM_END 0x100000000ul
#define ADDRESS_END (1ul << 52)

#define RESET_TIME (100 * MILLISECOND) /* PCI Express 3.0, 6.6.2 */
enum { EXPRESS_CAPABLE = 4, EXPRESS_CONTROL = 8, EXPRESS_STATUS = 10 };
enum { EXPRESS_CAN_RESET = 1 << 28, EXPRESS_RESET = 1 << 15, EXPRESS_PENDING = 1 << 5 };
enum { FEATURES_CAPABLE = 3, FEATURES_CONTROL = 4, FEATURES_CAN_RESET = 2, FEATURES_RESET = 1 };
enum { BAR_PORTS = 1, BAR_64 = 4, BAR_TYPE = 6, BAR_FLAGS = 15, BAR_PORTS_FLAGS = 3 };
enum { CLASS_BRIDGE = 0x06, CLASS_VGA = 0x030000 };

/* MSI-X (PCI 3.0, 6.8.2) and MSI (6.8.1) */
enum { MSI_X_CONTROL = 2, MSI_X_TABLE = 4, MSI_X_COUNT = 0x7ff, MSI_X_ON = 1 << 15 };
enum { MSI_X_MASKED = 1 << 14, MSI_X_ENTRY = 16, MSI_X_MASK = 1 };
enum { MSI_CONTROL = 2, MSI_ON = 1, MSI_MESSAGES = 7 << 4, MSI_64 = 1 << 7 };

static handle_t all_physical, all_irqs;

void devices_open(handle_t physical, handle_t irq)
{
    all_physical = physical;
    all_irqs = irq;
}

static uint32_t get(const struct device *device, uint32_t at, uint32_t width)
{
    return config_read(device->is.address, at, width);
}

static void set(const struct device *device, uint32_t at, uint32_t width, uint32_t value)
{
    config_write(device->is.address, at, width, value);
}

/* ---- What there is --------------------------------------------------------------------------- */

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

bool device_read(struct device *device, uint32_t address)
{
    *device = (struct device){.is = {.address = (uint16_t)address}};
    struct pci_device *is = &device->is;
    is->vendor = (uint16_t)get(device, CONFIG_VENDOR, 2);
    if (is->vendor == 0xffff || !is->vendor)
        return false;
    is->id = (uint16_t)get(device, CONFIG_ID, 2);
    is->class = get(device, CONFIG_CLASS, 4) >> 8;
    is->revision = (uint8_t)get(device, CONFIG_REVISION, 1);
    if ((get(device, CONFIG_HEADER, 1) & HEADER_TYPE) != 0)
        return true; /* a bridge: what follows is not there */
    is->subsystem_vendor = (uint16_t)get(device, CONFIG_SUBSYSTEM_VENDOR, 2);
    is->subsystem_id = (uint16_t)get(device, CONFIG_SUBSYSTEM_ID, 2);
    read_bars(device);
    read_capabilities(device);
    if (device->msi && !device->msi_x)
        is->interrupts = 1;
    return true;
}

/* ---- Stopping and starting ------------------------------------------------------------------- */

static void change_command(const struct device *device, uint32_t off, uint32_t on)
{
    uint32_t command = get(device, CONFIG_COMMAND, 2);
    set(device, CONFIG_COMMAND, 2, (command & ~off) | on);
}

static void interrupts_off(struct device *device)
{
    if (device->msi_x)
        set(device, device->msi_x + MSI_X_CONTROL, 2,
            (get(device, device->msi_x + MSI_X_CONTROL, 2) | MSI_X_MASKED) & ~(uint32_t)MSI_X_ON);
    if (device->msi)
        set(device, device->msi + MSI_CONTROL, 2,
            get(device, device->msi + MSI_CONTROL, 2) & ~(uint32_t)(MSI_ON | MSI_MESSAGES));
    for (uint32_t i = 0; i < PCI_INTERRUPTS_MAX; i++) {
        if (device->interrupts[i])
            sys_handle_close(device->interrupts[i]);
        device->interrupts[i] = HANDLE_NONE;
    }
}

/* What it has asked for arrives first, if it does in time. */
static void settle(const struct device *device)
{
    uint64_t limit = clock_after(RESET_TIME);
    while (get(device, device->express + EXPRESS_STATUS, 2) & EXPRESS_PENDING &&
           clock_now() < limit)
        sys_sleep(clock_after(MILLISECOND));
}

/* A reset of the function alone; the BARs have to be written again after it. */
static void reset(struct device *device)
{
    if (device->express) {
        settle(device);
        uint32_t control = get(device, device->express + EXPRESS_CONTROL, 2);
        set(device, device->express + EXPRESS_CONTROL, 2, control | EXPRESS_RESET);
    } else if (device->features) {
        set(device, device->features + FEATURES_CONTROL, 1, FEATURES_RESET);
    } else {
        return;
    }
    sys_sleep(clock_after(RESET_TIME));
    for (uint32_t i = 0; i < PCI_BARS; i++)
        set(device, CONFIG_BARS + 4 * i, 4, device->bar_value[i]);
}

void device_stop(struct device *device)
{
    change_command(device, COMMAND_MASTER, COMMAND_NO_LINE);
    interrupts_off(device);
    if (device->used)
        reset(device);
    change_command(device, COMMAND_MASTER | COMMAND_MEMORY | COMMAND_PORTS, COMMAND_NO_LINE);
    device->used = device->open = device->started = false;
    if (device->domain)
        sys_domain_reset(device->domain, DOMAIN_FENCE);
}

void device_assign(struct device *device, uint64_t driver, handle_t domain)
{
    device_stop(device);
    if (device->domain)
        sys_handle_close(device->domain);
    device->domain = domain;
    device->driver = driver;
}

static int64_t map_table(struct device *device)
{
    if (!device->msi_x || device->table_address)
        return 0;
    uint64_t start = device->bar[device->table_bar] + device->table_offset;
    uint64_t first = start & ~(PAGE_SIZE - 1);
    uint64_t end = start + device->is.interrupts * MSI_X_ENTRY + PAGE_SIZE - 1;
    uint64_t length = (end & ~(PAGE_SIZE - 1)) - first;
    int64_t vmo = sys_vmo_create_physical(all_physical, first, length, VMO_UNCACHED);
    if (vmo < 0)
        return vmo;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, length, 0, MAP_READ | MAP_WRITE);
    sys_handle_close((handle_t)vmo);
    if (address < 0)
        return address;
    device->table_address = (uint64_t)address + (start - first);
    return 0;
}

int64_t device_open(struct device *device)
{
    device_stop(device);
    int64_t error = map_table(device);
    if (error < 0)
        return error;
    error = sys_domain_reset(device->domain, 0);
    if (error < 0)
        return error;
    device->open = device->used = true;
    change_command(device, 0, COMMAND_MEMORY | COMMAND_NO_LINE);
    return 0;
}

void device_start(struct device *device)
{
    device->started = true;
    if (device->msi_x)
        set(device, device->msi_x + MSI_X_CONTROL, 2,
            (get(device, device->msi_x + MSI_X_CONTROL, 2) & ~(uint32_t)MSI_X_MASKED) | MSI_X_ON);
    else if (device->msi && device->interrupts[0])
        set(device, device->msi + MSI_CONTROL, 2,
            get(device, device->msi + MSI_CONTROL, 2) | MSI_ON);
    change_command(device, 0, COMMAND_MASTER);
}

/* ---- What the driver gets -------------------------------------------------------------------- */

/* Whether the pages from `start` to `end` of a BAR touch the MSI-X table. */
static bool has_table(const struct device *device, uint64_t number, uint64_t start, uint64_t end)
{
    uint64_t table_end = device->table_offset + MSI_X_ENTRY * (MSI_X_COUNT + 1ul);
    return device->msi_x && number == device->table_bar && start < table_end &&
           device->table_offset < end;
}

int64_t device_bar(const struct device *device, uint64_t number, uint64_t offset, uint64_t *length)
{
    if (number >= PCI_BARS || device->is.bar_kind[number] != PCI_BAR_MEMORY || !device->bar[number])
        return -ENOENT;
    uint64_t size = (device->is.bar_size[number] + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    if (device->bar[number] & (PAGE_SIZE - 1))
        return -EPERM; /* it shares its page with others */
    if (!*length && offset <= size)
        *length = size - offset;
    if ((offset | *length) & (PAGE_SIZE - 1) || !*length || offset > size ||
        *length > size - offset)
        return -ERANGE;
    if (has_table(device, number, offset, offset + *length))
        return -EPERM;
    return sys_vmo_create_physical(all_physical, device->bar[number] + offset, *length,
                                   VMO_UNCACHED);
}

static void write_table(const struct device *device, uint64_t number, uint64_t address,
                        uint64_t data)
{
    volatile uint32_t *entry = (volatile uint32_t *)(device->table_address + number * MSI_X_ENTRY);
    entry[3] = MSI_X_MASK;
    entry[0] = (uint32_t)address;
    entry[1] = (uint32_t)(address >> 32);
    entry[2] = (uint32_t)data;
    entry[3] = 0;
}

static void write_msi(const struct device *device, uint64_t address, uint64_t data)
{
    uint32_t at = device->msi, control = get(device, at + MSI_CONTROL, 2);
    set(device, at + 4, 4, (uint32_t)address);
    if (control & MSI_64)
        set(device, at + 8, 4, (uint32_t)(address >> 32));
    set(device, at + (control & MSI_64 ? 12 : 8), 2, (uint32_t)data);
}

int64_t device_interrupt(struct device *device, uint64_t number, int64_t cpu)
{
    uint64_t address, data;
    if (number >= device->is.interrupts || cpu != (int32_t)cpu)
        return -EINVAL;
    int64_t irq = sys_irq_create_msi(all_irqs, 1, device->domain, (int32_t)cpu, &address, &data);
    if (irq < 0)
        return irq;
    if (device->interrupts[number])
        sys_handle_close(device->interrupts[number]);
    device->interrupts[number] = (handle_t)irq;
    if (device->msi_x)
        write_table(device, number, address, data);
    else
        write_msi(device, address, data);
    return sys_handle_duplicate((handle_t)irq, RIGHTS_SAME, 0);
}
