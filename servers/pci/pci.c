/*
 * The server of <portolan/pci.h>: finds what there is at its start, and gives it to drivers.
 *
 * Startup handles: "ioport" (0xcf8, 8 of them), "physical" (all), "irq".
 */
#include "clock.h"
#include "config.h"
#include "device.h"
#include "print.h"
#include "publish.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#include <portolan/init.h>

static struct device devices[DEVICES_MAX];
static uint32_t device_count;
static bool bus_seen[256];
static bool is_successor; /* of a pci server that has died */

/* ---- Finding them ---------------------------------------------------------------------------- */

/* Drivers go on when the pci server dies.  A device that one may be driving is not looked at
 * closely before it is given to another. */
static bool may_be_driven(uint32_t address)
{
    return is_successor && config_read(address, CONFIG_COMMAND, 2) & COMMAND_MASTER;
}

static void find_function(uint32_t address, uint32_t *more, uint32_t *more_count)
{
    if (device_count == DEVICES_MAX || !device_find(&devices[device_count], address))
        return;
    if (!may_be_driven(address))
        device_identify(&devices[device_count]);
    device_count++;
    if ((config_read(address, CONFIG_HEADER, 1) & HEADER_TYPE) != HEADER_BRIDGE)
        return;
    uint32_t bus = config_read(address, CONFIG_SECONDARY_BUS, 1);
    if (bus_seen[bus])
        return;
    bus_seen[bus] = true;
    more[(*more_count)++] = bus;
}

static void find_on_bus(uint32_t bus, uint32_t *more, uint32_t *more_count)
{
    for (uint32_t address = bus << 8; address < (bus + 1) << 8; address += 8) {
        if (config_read(address, CONFIG_VENDOR, 2) == 0xffff)
            continue;
        uint32_t functions = config_read(address, CONFIG_HEADER, 1) & HEADER_FUNCTIONS ? 8 : 1;
        for (uint32_t function = 0; function < functions; function++)
            find_function(address + function, more, more_count);
    }
}

/* Bus by bus, each once, whatever the bridges say. */
static void find_all(void)
{
    uint32_t buses[256] = {0}, count = 1;
    bus_seen[0] = true;
    for (uint32_t i = 0; i < count; i++)
        find_on_bus(buses[i], buses, &count);
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* The device whose driver asks, if it is the one that it was assigned to. */
static int64_t find_own(const struct request *request, struct device **own)
{
    uint64_t badge = request_badge(request);
    if (!PCI_BADGE_IS(badge))
        return -EPERM;
    for (uint32_t i = 0; i < device_count; i++) {
        if (devices[i].driver != badge)
            continue;
        *own = &devices[i];
        return 0;
    }
    return -EAGAIN;
}

static int64_t find_open(const struct request *request, struct device **own)
{
    int64_t error = find_own(request, own);
    return error < 0 ? error : (*own)->open ? 0 : -EAGAIN;
}

static int64_t give(struct request *request, int64_t handle)
{
    if (handle < 0)
        return handle;
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    return 0;
}

static int64_t do_list(struct server *server, struct request *request)
{
    enum { AT_ONCE = MESSAGE_BYTES_MAX / sizeof(struct pci_device) };
    (void)server;
    uint64_t first = request->head.offset;
    uint32_t count = 0;
    struct pci_device *to = (struct pci_device *)message_area()->bytes;
    while (count < AT_ONCE && first < device_count && first + count < device_count) {
        to[count] = devices[first + count].is;
        count++;
    }
    request->reply.flags = MESSAGE_FLAGS(count * sizeof(*to), 0, 0);
    return count;
}

static int64_t do_assign(struct server *server, struct request *request)
{
    (void)server;
    uint64_t driver = request->head.arg[0];
    if (request_badge(request) != PCI_BADGE_INIT)
        return -EPERM;
    if (!PCI_BADGE_IS(driver) || !request->handles[0])
        return -EINVAL;
    for (uint32_t i = 0; i < device_count; i++) {
        if (devices[i].is.address != PCI_BADGE_DEVICE(driver))
            continue;
        device_assign(&devices[i], driver, request_take(request, 0));
        return 0;
    }
    return -ENODEV;
}

static int64_t do_open(struct server *server, struct request *request)
{
    struct device *device;
    (void)server;
    int64_t error = find_own(request, &device);
    if (!error)
        error = device_open(device);
    if (error < 0)
        return error;
    memcpy(message_area()->bytes, &device->is, sizeof(device->is));
    request->reply.flags = MESSAGE_FLAGS(sizeof(device->is), 0, 0);
    return 0;
}

static int64_t do_config_read(struct server *server, struct request *request)
{
    struct device *device;
    (void)server;
    uint64_t at = request->head.offset, width = request->head.length;
    int64_t error = find_own(request, &device);
    if (error < 0)
        return error;
    if ((width != 1 && width != 2 && width != 4) || at >= CONFIG_SIZE || at & (width - 1))
        return -EINVAL;
    return config_read(device->is.address, (uint32_t)at, (uint32_t)width);
}

static int64_t do_bar(struct server *server, struct request *request)
{
    struct device *device;
    (void)server;
    int64_t error = find_open(request, &device);
    if (error < 0)
        return error;
    uint64_t length = request->head.length;
    error = give(request, device_bar(device, request->head.arg[0], request->head.offset, &length));
    request->reply.length = length;
    return error;
}

static int64_t do_interrupt(struct server *server, struct request *request)
{
    struct device *device;
    (void)server;
    int64_t error = find_open(request, &device);
    if (error < 0)
        return error;
    return give(request,
                device_interrupt(device, request->head.arg[0], (int64_t)request->head.arg[1]));
}

static int64_t do_start(struct server *server, struct request *request)
{
    struct device *device;
    (void)server;
    int64_t error = find_open(request, &device);
    if (!error)
        device_start(device);
    return error;
}

static int64_t do_reset(struct server *server, struct request *request)
{
    struct device *device;
    (void)server;
    int64_t error = find_own(request, &device);
    if (!error)
        device_stop(device);
    return error;
}

/* A driver is dead; unless the device has been given to the next already. */
static void told(struct server *server, const struct message *head)
{
    (void)server;
    for (uint32_t i = 0; i < device_count && head->op == KERNEL_UNREFERENCED; i++) {
        bool unknown = !devices[i].identified && PCI_BADGE_IS(head->cookie) &&
                       PCI_BADGE_DEVICE(head->cookie) == devices[i].is.address;
        if (devices[i].driver != head->cookie && !unknown)
            continue;
        device_stop(&devices[i]);
        devices[i].driver = 0;
    }
}

static void notified(struct server *server, uint64_t bits)
{
    server->stop = bits & INIT_STOP_BIT;
}

static server_handler *const handlers[PCI_OPS_END - PCI_LIST] = {
    [PCI_LIST - PCI_LIST] = do_list,   [PCI_ASSIGN - PCI_LIST] = do_assign,
    [PCI_OPEN - PCI_LIST] = do_open,   [PCI_CONFIG_READ - PCI_LIST] = do_config_read,
    [PCI_BAR - PCI_LIST] = do_bar,     [PCI_INTERRUPT - PCI_LIST] = do_interrupt,
    [PCI_START - PCI_LIST] = do_start, [PCI_RESET - PCI_LIST] = do_reset,
};

static struct server server = {.first_op = PCI_LIST,
                               .op_count = PCI_OPS_END - PCI_LIST,
                               .handlers = handlers,
                               .told = told,
                               .notified = notified};

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    config_open(startup_handle(startup, "ioport"));
    devices_open(startup_handle(startup, "physical"), startup_handle(startup, "irq"));
    const char *life = startup_option(startup, "life=");
    is_successor = life && strcmp(life, "1") != 0;
    find_all();
    int64_t error = server_publish(&server, startup);
    if (error < 0)
        return 1;
    print("%u devices\n", device_count);
    return server_run(&server) < 0;
}
