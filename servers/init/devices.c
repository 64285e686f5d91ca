/*
 * Devices and their drivers: what the pci server finds, and what of it a service drives.
 *
 * A device's domain is made here and kept as long as init lives: a driver's port goes on belonging
 * to it when the driver has died.  The pci server is told which driver a device is assigned to
 * before that is started.
 */
#include "supervisor.h"

#include <portolan/pci.h>

#include "string.h"
#include "syscall.h"
#include "thread.h"

#define FOUND_MAX 128u

static struct {
    uint16_t vendor, id, address;
} found[FOUND_MAX];
static uint32_t found_count, asked_for;
static bool complete; /* found has them all */
static uint64_t list_id;

static const struct service *pci(void)
{
    return &services[manifest_find(&manifest, MANIFEST_PCI)];
}

static void ask_from(uint32_t first)
{
    const struct message head = {.op = PCI_LIST, .flags = MESSAGE_ROOM, .offset = first};
    asked_for = first;
    if (service_send(pci(), PCI_BADGE_INIT, &head, &list_id) < 0)
        list_id = 0;
}

/* What a first pci server has found stays so: its successor is asked only if it had no time to. */
void devices_ask(void)
{
    if (!complete)
        ask_from(0);
}

bool devices_answered(uint64_t id, const struct message *head)
{
    if (!list_id || id != list_id)
        return false;
    const struct pci_device *list = (const struct pci_device *)message_area()->bytes;
    int64_t count = head->result;
    list_id = 0;
    if (count < 0)
        return true;
    if (MESSAGE_FLAG_BYTES(head->flags) != (uint64_t)count * sizeof(*list))
        return true;
    found_count = asked_for;
    for (int64_t i = 0; i < count && found_count < FOUND_MAX; i++) {
        found[found_count].vendor = list[i].vendor;
        found[found_count].id = list[i].id;
        found[found_count++].address = list[i].address;
    }
    complete = !count || found_count == FOUND_MAX;
    if (!complete)
        ask_from(found_count);
    return true;
}

static bool is_one_of(const struct manifest_server *plan, uint32_t index)
{
    for (uint32_t i = 0; i < plan->device_id_count; i++)
        if (plan->device_ids[i].vendor == found[index].vendor &&
            plan->device_ids[i].id == found[index].id)
            return true;
    return false;
}

/* Its device's place in `found`, or FOUND_MAX. */
static uint32_t find_device(const struct manifest_server *plan)
{
    uint32_t left = plan->device_index;
    for (uint32_t i = 0; i < found_count && complete; i++)
        if (is_one_of(plan, i) && left-- == 0)
            return i;
    return FOUND_MAX;
}

bool devices_has(const struct service *service)
{
    return !service->plan->device_id_count || find_device(service->plan) != FOUND_MAX;
}

bool devices_is_missing(const struct service *service)
{
    return complete && !devices_has(service);
}

/* Without an IOMMU a driver reaches all memory by its device: only one that is trusted may. */
static int64_t make_domain(struct service *service, uint32_t device)
{
    uint64_t pinned;
    if (!service->domain) {
        int64_t domain = sys_domain_create(boot->resource, device);
        if (domain < 0)
            return domain;
        service->domain = (handle_t)domain;
    }
    if (sys_domain_info(service->domain, &pinned) & DOMAIN_TRANSLATED || service->plan->trusted)
        return 0;
    init_log(LOG_ERROR, "%s: there is no IOMMU, and it is not trusted", service->plan->name);
    return -EPERM;
}

static int64_t assign(const struct service *service, uint64_t driver)
{
    int64_t copy = sys_handle_duplicate(service->domain, RIGHTS_SAME, 0);
    if (copy < 0)
        return copy;
    uint64_t id;
    message_area()->handles[0] = (struct message_handle){(handle_t)copy, RIGHTS_SAME, 0};
    const struct message head = {
        .op = PCI_ASSIGN, .flags = MESSAGE_FLAGS(0, 1, 0), .arg = {driver}};
    int64_t error = service_send(pci(), PCI_BADGE_INIT, &head, &id);
    if (error < 0)
        sys_handle_close((handle_t)copy);
    return error;
}

int64_t devices_give(struct service *service, struct grants *grants)
{
    uint32_t index = find_device(service->plan);
    if (index == FOUND_MAX)
        return -ENODEV;
    uint32_t device = found[index].address;
    uint64_t driver = PCI_BADGE(device, service->starts);
    int64_t error = make_domain(service, device);
    if (!error)
        error = assign(service, driver);
    if (!error)
        error = grants_add(grants, "domain", sys_handle_duplicate(service->domain, RIGHTS_SAME, 0));
    if (!error)
        error = grants_add(grants, "pci",
                           sys_handle_duplicate(pci()->port,
                                                RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                                                driver | BADGE_COUNTED));
    return error;
}
