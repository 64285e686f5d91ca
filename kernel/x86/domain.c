/*
 * DMA domains; see domain.h and irq.h.  One per device.
 *
 * There is no IOMMU here yet: device addresses are physical addresses, and a device reaches all of
 * memory whatever its domain holds.  What knows that is in the first section, and only there.
 */
#include "domain.h"

#include <portolan/syscall.h>

#include "../irq.h"
#include "../slab.h"

static struct slab_cache domain_cache = SLAB_CACHE("domain", sizeof(struct domain), 16);
static struct list all_domains = {&all_domains, &all_domains};
static struct spinlock all_lock; /* level 6 */

/* ---- Translation ----------------------------------------------------------------------------- */

int domain_map(struct domain *domain, u64 physical, u64 bytes, u32 rights, u64 *device_address)
{
    (void)domain, (void)bytes, (void)rights;
    *device_address = physical;
    return 0;
}

void domain_unmap(struct domain *domain, u64 device_address, u64 bytes)
{
    (void)domain, (void)device_address, (void)bytes;
}

void domain_info(struct object *object, u64 *flags, u64 *pinned)
{
    *flags = 0; /* not DOMAIN_TRANSLATED */
    *pinned = atomic_load(&domain_of_object(object)->pinned_pages);
}

/* ---- The objects ----------------------------------------------------------------------------- */

int domain_create(u32 device, struct budget *budget, struct object **out)
{
    struct domain *domain = slab_alloc(&domain_cache, budget);
    if (!domain)
        return -ENOMEM;
    object_init(&domain->object, OBJECT_DOMAIN);
    list_init(&domain->pins);
    domain->device = device;
    domain->budget = budget;
    bool taken = false;
    spin_lock(&all_lock);
    list_for_each (node, &all_domains)
        taken |= list_entry(node, struct domain, link)->device == device;
    if (!taken)
        list_append(&all_domains, &domain->link);
    spin_unlock(&all_lock);
    if (taken) {
        slab_free(&domain_cache, domain, budget);
        return -EBUSY;
    }
    budget_get(budget);
    *out = &domain->object;
    return 0;
}

int domain_reset(struct object *object, u32 flags)
{
    struct domain *domain = domain_of_object(object);
    if (flags & ~(u32)DOMAIN_FENCE)
        return -EINVAL;
    spin_lock(&domain->lock);
    domain->fenced = flags & DOMAIN_FENCE;
    spin_unlock(&domain->lock);
    pin_release_all(domain);
    return 0;
}

static void domain_free(struct quiesce_node *node)
{
    struct domain *domain = container_of(node, struct domain, quiesce);
    struct budget *budget = domain->budget;
    slab_free(&domain_cache, domain, budget);
    budget_put(budget);
}

void domain_destroy(struct object *object)
{
    struct domain *domain = domain_of_object(object);
    pin_release_all(domain);
    spin_lock(&all_lock);
    list_remove(&domain->link);
    spin_unlock(&all_lock);
    quiesce_free(&domain->quiesce, domain_free);
}
