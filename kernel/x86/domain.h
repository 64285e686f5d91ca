/*
 * A DMA domain: the memory that one device may reach.
 *
 * pin.c owns the list of pins and, under `lock` (level 6), keeps `pinned_pages`; domain.c owns how
 * an address becomes the device's.
 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "../budget.h"
#include "../object.h"

struct domain {
    struct object object;
    struct spinlock lock; /* level 6: pins, pinned_pages, next_id, translations */
    struct list pins;     /* pin.c's */
    u64 pinned_pages;     /* by pin.c */
    u64 next_id;          /* of a pin, by pin.c */
    u32 device;           /* bus << 8 | devfn */
    u32 fenced;           /* DOMAIN_FENCE was asked for */
    struct list link;     /* in the list of all domains, under its lock */
    struct budget *budget;
    struct quiesce_node quiesce;
};

static inline struct domain *domain_of_object(struct object *object)
{
    return container_of(object, struct domain, object);
}

/*
 * Lets the device reach [physical, physical + bytes), whole pages, with RIGHT_READ and/or
 * RIGHT_WRITE; domain->lock held.  0 and the device's address, or -ENOMEM.  Without an IOMMU the
 * device's address is the physical one.
 */
int domain_map(struct domain *domain, u64 physical, u64 bytes, u32 rights, u64 *device_address);

/* Undoes domain_map; the device cannot reach it any more when this returns.  domain->lock held. */
void domain_unmap(struct domain *domain, u64 device_address, u64 bytes);

/* pin.c: gives up every pin of a domain.  No locks held. */
void pin_release_all(struct domain *domain);

#endif
