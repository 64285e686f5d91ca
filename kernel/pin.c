/*
 * Pins: memory that a device may reach, kept in place until its driver unpins it or the device's
 * domain is reset. A pin outlives the loan it was made through: a device may still be writing.
 */
#include "pin.h"

#include "slab.h"
#include "vmo_internal.h"
#include "x86/domain.h"

struct pin {
    struct list domain_link;
    u64 id, first, last; /* page numbers of the object */
    struct vmo *vmo;     /* a reference */
    struct loan *loan;   /* a reference that keeps the edges, or NULL */
    struct budget *budget;
};

static struct slab_cache pin_cache = SLAB_CACHE("pin", sizeof(struct pin), 16);

/* A device address is the physical one: what confines a device is which of them its domain lets
 * through. */
static u64 page_address(const struct pin *pin, u64 index)
{
    u64 edge = pin->loan ? loan_edge(pin->loan, index) : 0;
    return edge ? edge : vmo_pinned_page(pin->vmo, index);
}

/* Lets the domain's device reach pages [first, end) of the pin, or no more. Object locked. */
static int open_pages(struct domain *domain, struct pin *pin, u32 rights, u64 *addresses)
{
    int error = 0;
    spin_lock(&domain->lock);
    for (u64 i = pin->first; !error && i <= pin->last; i++)
        error =
            domain_map(domain, page_address(pin, i), PAGE_SIZE, rights, &addresses[i - pin->first]);
    if (!error) {
        pin->id = ++domain->next_id;
        list_prepend(&domain->pins, &pin->domain_link);
        domain->pinned_pages += pin->last - pin->first + 1;
    }
    spin_unlock(&domain->lock);
    return error;
}

/* Gives up a pin that is in no list any more. */
static void release(struct domain *domain, struct pin *pin)
{
    struct vmo *vmo = pin->vmo;
    struct budget *budget = pin->budget;
    spin_lock(&vmo->lock);
    spin_lock(&domain->lock);
    for (u64 i = pin->first; i <= pin->last; i++)
        domain_unmap(domain, page_address(pin, i), PAGE_SIZE);
    spin_unlock(&domain->lock);
    vmo_unpin_pages(vmo, pin->first, pin->last);
    spin_unlock(&vmo->lock);
    if (pin->loan)
        object_put(loan_object(pin->loan));
    slab_free(&pin_cache, pin, budget);
    budget_put(budget);
    object_put(&vmo->object);
}

i64 pin_create(const struct span *span, u64 offset, u64 length, struct domain *domain, u32 rights,
               struct budget *budget, u64 *addresses, u64 *id)
{
    u64 start = span->offset + offset;
    struct pin *pin = slab_alloc(&pin_cache, budget);
    if (!pin)
        return -ENOMEM;
    struct vmo *vmo = span->vmo;
    pin->vmo = vmo;
    pin->first = start / PAGE_SIZE;
    pin->last = (start + length - 1) / PAGE_SIZE;
    pin->loan = span->loan;
    pin->budget = budget;
    spin_lock(&vmo->lock);
    i64 error = vmo_pin_pages(vmo, pin->first, pin->last, rights & RIGHT_WRITE, NULL);
    if (!error && (error = open_pages(domain, pin, rights, addresses)))
        vmo_unpin_pages(vmo, pin->first, pin->last);
    spin_unlock(&vmo->lock);
    if (error) {
        slab_free(&pin_cache, pin, budget);
        return error;
    }
    object_get(vmo_object(vmo));
    if (pin->loan)
        object_get(loan_object(pin->loan));
    budget_get(budget);
    addresses[0] += start % PAGE_SIZE;
    *id = pin->id;
    return (i64)(pin->last - pin->first + 1);
}

i64 pin_remove(struct domain *domain, u64 id)
{
    struct pin *found = NULL;
    spin_lock(&domain->lock);
    list_for_each (node, &domain->pins) {
        struct pin *pin = list_entry(node, struct pin, domain_link);
        if (pin->id == id) {
            found = pin;
            list_remove(node);
            domain->pinned_pages -= pin->last - pin->first + 1;
            break;
        }
    }
    spin_unlock(&domain->lock);
    if (!found)
        return -ENOENT;
    release(domain, found);
    return 0;
}

void pin_release_all(struct domain *domain)
{
    for (;;) {
        struct pin *pin = NULL;
        spin_lock(&domain->lock);
        if (!list_empty(&domain->pins)) {
            pin = list_first(&domain->pins, struct pin, domain_link);
            list_remove(&pin->domain_link);
            domain->pinned_pages -= pin->last - pin->first + 1;
        }
        spin_unlock(&domain->lock);
        if (!pin)
            return;
        release(domain, pin);
    }
}
