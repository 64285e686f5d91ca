/*
 * See device.h: opening, starting and stopping a function.
 */
#include "device.h"

#include "clock.h"
#include "config.h"
#include "string.h"
#include "syscall.h"

#define RESET_TIME (100 * MILLISECOND) /* PCI Express 3.0, 6.6.2 */
enum { EXPRESS_CONTROL = 8, EXPRESS_STATUS = 10 };
enum { EXPRESS_RESET = 1 << 15, EXPRESS_PENDING = 1 << 5 };
enum { FEATURES_CONTROL = 4, FEATURES_RESET = 1 };
enum { MSI_X_ON = 1 << 15, MSI_X_MASKED = 1 << 14, MSI_X_MASK = 1 };
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
    if (!device->identified) {
        device_identify(device);
        device->used = true;
    }
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
