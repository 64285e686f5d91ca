/*
 * A DMA domain: the memory that one device may reach.
 *
 * A device's address of a page is the physical one, with an IOMMU too: what confines a device is
 * which pages its domain lets through.
 *
 * pin.c owns the list of pins and, under `lock` (level 6), keeps `pinned_pages`; domain.c owns
 * which pages the device reaches.
 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "../budget.h"
#include "../object.h"
#include "../reap.h"
#include "vtd.h"

struct domain {
    struct object object;
    struct spinlock lock; /* level 6: all up to `checked`; held while the IOMMU flushes */
    struct list pins;     /* pin.c's */
    u64 pinned_pages;     /* by pin.c */
    u64 next_id;          /* of a pin, by pin.c */
    u64 top;              /* page table, physical; 0: no IOMMU */
    u64 tables;           /* all its page tables: the first one's page number, see domain.c */
    u64 stale[VTD_PAGES_MAX];
    u32 stale_count;  /* pages that changed since the last flush; above VTD_PAGES_MAX: any */
    bool checked;     /* it is translated or dead: domain_map has something to do */
    u32 device;       /* bus << 8 | devfn */
    u32 number;       /* to the IOMMU */
    struct list link; /* in the list of all domains, under its lock */
    struct budget *budget;
    struct reap reap;
    struct quiesce_node quiesce;
};

static inline struct domain *domain_of_object(struct object *object)
{
    return container_of(object, struct domain, object);
}

/* The second halves of the next three. */
rarely int domain_map_checked(struct domain *domain, u64 page, u32 rights);
rarely void domain_unmap_checked(struct domain *domain, u64 page, u32 rights);
rarely void domain_flush_stale(struct domain *domain);

/*
 * Lets the device reach a page with RIGHT_READ and/or RIGHT_WRITE, once more; domain->lock held,
 * and domain_flush called before it is let go.  -ENOMEM, -EBADF the domain is being destroyed,
 * -ERANGE the device cannot name the page.
 */
static inline int domain_map(struct domain *domain, u64 page, u32 rights)
{
    return unlikely(domain->checked) ? domain_map_checked(domain, page, rights) : 0;
}

/* Undoes domain_map with the same rights; domain->lock held, and domain_flush called before. */
static inline void domain_unmap(struct domain *domain, u64 page, u32 rights)
{
    if (unlikely(domain->checked))
        domain_unmap_checked(domain, page, rights);
}

/* What was unmapped the device cannot reach any more when this returns.  domain->lock held. */
static inline void domain_flush(struct domain *domain)
{
    if (unlikely(domain->stale_count))
        domain_flush_stale(domain);
}

/* pin.c: gives up every pin of a domain.  No locks held. */
void pin_release_all(struct domain *domain);

#endif
