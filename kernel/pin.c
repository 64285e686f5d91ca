/*
 * Pins: memory that a device may reach, kept in place until its driver unpins it or the device's
 * domain is reset.  A pin outlives the loan it was made through: a device may still be writing.
 *
 * A domain's pins are in its list, under its lock (level 6), in the order made: what is unpinned is
 * mostly among the first.  A pin that has been taken out of the list is its taker's.
 */
#include "slab.h"
#include "sys_memory.h"
#include "thread.h"
#include "vmo_internal.h"
#include "x86/domain.h"

#define PAGES_MAX (MESSAGE_BYTES_MAX / sizeof(u64))

struct pin {
    struct list domain_link;
    u64 id, first, last; /* page numbers of the object */
    u64 single;          /* the only page, if usual */
    bool usual;          /* see pin_usual */
    u32 rights;          /* RIGHT_READ, RIGHT_WRITE: the device's */
    struct vmo *vmo;     /* a reference, if loan is NULL */
    struct loan *loan;   /* a reference, which keeps the object and the edges; or NULL */
};

static struct slab_cache pin_cache = SLAB_CACHE("pin", sizeof(struct pin), 16);

/* Object locked. */
static seldom u64 page_of(const struct pin *pin, u64 index)
{
    u64 edge = loan_edge(pin->loan, index);
    if (edge)
        return edge;
    return vmo_resident_page(pin->vmo, index);
}

static u64 pages_in(const struct pin *pin)
{
    return pin->last - pin->first + 1;
}

/* ---- Pinning
 * ---------------------------------------------------------------------------------------- */

/* Lets the device reach the pages, and enters the pin; all or nothing. */
static seldom int open_pages(struct domain *domain, struct pin *pin, u64 *addresses, u64 *id)
{
    int error = 0;
    u64 index = pin->first;
    spin_lock(&domain->lock);
    for (; index <= pin->last; index++) {
        u64 page = page_of(pin, index);
        error = domain_map(domain, page, pin->rights);
        if (unlikely(error))
            break;
        /* In the caller's own page, who may change it: it is not read again. */
        addresses[index - pin->first] = page;
    }
    if (likely(!error)) {
        *id = pin->id = ++domain->next_id;
        list_append(&domain->pins, &pin->domain_link);
        domain->pinned_pages += pages_in(pin);
    }
    while (unlikely(error) && index-- > pin->first)
        domain_unmap(domain, page_of(pin, index), pin->rights);
    domain_flush(domain);
    spin_unlock(&domain->lock);
    return error;
}

/* Object locked, and the loan, if there is one. */
static seldom int pin_locked(struct pin *pin, struct domain *domain, u64 *addresses, u64 *id)
{
    struct vmo *vmo = pin->vmo;
    if (pin->loan && pin->loan->state != LOAN_LIVE)
        return -EREVOKED;
    if (range_exceeds(pin->first * PAGE_SIZE, pages_in(pin) * PAGE_SIZE, vmo->size))
        return -ERANGE;
    int error = vmo_pin_pages(vmo, pin->first, pin->last, pin->rights & RIGHT_WRITE, NULL);
    if (error)
        return error;
    error = open_pages(domain, pin, addresses, id);
    if (error)
        vmo_unpin_pages(vmo, pin->first, pin->last);
    return error;
}

static seldom int pin_through_object(struct pin *pin, struct domain *domain, u64 *addresses,
                                     u64 *id)
{
    /* A loan that ends keeps its pages no longer: it is held live meanwhile. */
    if (pin->loan)
        spin_lock(&pin->loan->lock);
    spin_lock(&pin->vmo->lock);
    int error = pin_locked(pin, domain, addresses, id);
    spin_unlock(&pin->vmo->lock);
    if (pin->loan)
        spin_unlock(&pin->loan->lock);
    return error;
}

static seldom i64 pin_create(const struct span *span, u64 offset, u64 length, struct domain *domain,
                             u32 rights, u64 *addresses, u64 *id)
{
    u64 start = span->offset + offset;
    struct loan *loan = span->loan && !span->loan->slice ? span->loan : NULL;
    struct pin *pin = slab_alloc_unset(&pin_cache, domain->budget);
    if (!pin)
        return -ENOMEM;
    struct object *kept = loan ? loan_object(loan) : vmo_object(span->vmo);
    if (!object_get_live(kept)) {
        slab_free(&pin_cache, pin, domain->budget);
        return -EBADF;
    }
    pin->vmo = span->vmo;
    pin->loan = loan;
    pin->first = start / PAGE_SIZE;
    pin->last = (start + length - 1) / PAGE_SIZE;
    pin->usual = false;
    pin->rights = rights;
    u64 pages = pages_in(pin);
    int error = pin_through_object(pin, domain, addresses, id);
    if (error) {
        slab_free(&pin_cache, pin, domain->budget);
        object_put(kept);
        return error;
    }
    /* From here on the pin may be gone: another thread of the task can guess its number. */
    addresses[0] += start % PAGE_SIZE;
    return (i64)pages;
}

/*
 * The usual pin: of a loan of (part of) one page.  0: anything else, and nothing done.  What a loan
 * lends is pinned already, and there as long as it is live.
 */
static inline i64 pin_usual(struct loan *loan, u64 offset, u64 length, struct domain *domain,
                            u32 rights)
{
    u64 single = loan->single;
    if (unlikely(!single) || unlikely(loan->edged) ||
        unlikely(range_exceeds(offset, length, loan->size)) || unlikely(!length))
        return 0;
    struct pin *pin = slab_alloc_unset(&pin_cache, domain->budget);
    if (unlikely(!pin))
        return 0;
    spin_lock(&loan->lock);
    if (unlikely(loan->state != LOAN_LIVE) || unlikely(page_pin(single)))
        goto unlock_loan;
    /* Whoever lends has a reference for as long as it is live. */
    object_get(&loan->object);
    spin_unlock(&loan->lock);
    pin->first = pin->last = loan->offset / PAGE_SIZE;
    pin->single = single;
    pin->usual = true;
    pin->rights = rights;
    pin->loan = loan;
    struct thread *self = current_thread();
    spin_lock(&domain->lock);
    if (unlikely(domain_map(domain, single, rights)))
        goto unlock_domain;
    domain_flush(domain);
    self->user.rsi = pin->id = ++domain->next_id;
    list_append(&domain->pins, &pin->domain_link);
    domain->pinned_pages++;
    spin_unlock(&domain->lock);
    *(u64 *)self->message_bytes = single + (loan->offset + offset) % PAGE_SIZE;
    return 1;

unlock_domain:
    spin_unlock(&domain->lock);
    page_unpin(single);
    object_put(&loan->object);
    goto free;
unlock_loan:
    spin_unlock(&loan->lock);
free:
    slab_free(&pin_cache, pin, domain->budget);
    return 0;
}

static inline struct domain *domain_of_handle(handle_t handle, i64 *error)
{
    struct handle_entry *entry = current_slot(handle);
    struct object *object = atomic_load(&entry->object);
    u32 have = atomic_load(&entry->rights_and_type);
    *error = -EBADF;
    /* The handle is read last: a slot that was closed has another. */
    if (unlikely((u8)have != OBJECT_DOMAIN) || unlikely(atomic_load(&entry->handle) != handle) ||
        unlikely(!object))
        return NULL;
    *error = -EPERM;
    return likely(have >> 8 & RIGHT_MANAGE) ? domain_of_object(object) : NULL;
}

static rarely i64 pin_any(const struct span *span, u64 offset, u64 length, struct domain *domain,
                          u32 rights)
{
    if (!length || range_exceeds(offset, length, span->size))
        return -ERANGE;
    if ((span->offset + offset) % PAGE_SIZE + length > PAGES_MAX * PAGE_SIZE)
        return -E2BIG;
    u64 id = 0;
    i64 count = pin_create(span, offset, length, domain, rights, current_message_bytes(), &id);
    if (count > 0)
        set_result2(id);
    return count;
}

i64 sys_pin(u64 handle, u64 offset, u64 length, u64 domain_handle)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_PIN, &span);
    if (unlikely(error))
        return error;
    struct domain *domain = domain_of_handle((handle_t)domain_handle, &error);
    if (unlikely(!domain))
        return error;
    u32 rights = span.rights & (RIGHT_READ | RIGHT_WRITE);
    if (unlikely(!rights))
        return -EPERM;
    i64 count = likely(span.loan) ? pin_usual(span.loan, offset, length, domain, rights) : 0;
    if (unlikely(!count))
        count = pin_any(&span, offset, length, domain, rights);
    /* A loan may have been taken from this task meanwhile, by one who saw nothing to undo yet. */
    if (unlikely(current_slot((handle_t)handle)->handle != (handle_t)handle) && count > 0) {
        sys_unpin(domain_handle, current_thread()->user.rsi);
        return -EBADF;
    }
    return count;
}

/* Gives up a pin that is in no list: the device's access first. */
static rarely void release(struct domain *domain, struct pin *pin)
{
    struct vmo *vmo = pin->vmo;
    spin_lock(&vmo->lock);
    spin_lock(&domain->lock);
    for (u64 index = pin->first; index <= pin->last; index++)
        domain_unmap(domain, page_of(pin, index), pin->rights);
    domain_flush(domain);
    spin_unlock(&domain->lock);
    vmo_unpin_pages(vmo, pin->first, pin->last);
    spin_unlock(&vmo->lock);
    object_put(pin->loan ? &pin->loan->object : &vmo->object);
    slab_free(&pin_cache, pin, domain->budget);
}

/* ---- Unpinning
 * --------------------------------------------------------------------------------------- */

/* Takes a pin out of the domain's list, and what can be done at once away from it. Domain locked.
 */
static inline void take_out(struct domain *domain, struct pin *pin)
{
    list_remove(&pin->domain_link);
    domain->pinned_pages -= pages_in(pin);
    if (likely(pin->usual)) {
        domain_unmap(domain, pin->single, pin->rights);
        domain_flush(domain);
    }
}

/* Gives up what a pin that was taken out keeps. */
static inline void give_up(struct domain *domain, struct pin *pin)
{
    if (unlikely(!pin->usual)) {
        release(domain, pin);
        return;
    }
    page_unpin(pin->single);
    object_put(&pin->loan->object);
    slab_free_hot(&pin_cache, pin, domain->budget);
}

i64 sys_unpin(u64 handle, u64 id)
{
    i64 error;
    struct domain *domain = domain_of_handle((handle_t)handle, &error);
    if (unlikely(!domain))
        return error;
    spin_lock(&domain->lock);
    list_for_each (node, &domain->pins) {
        struct pin *pin = list_entry(node, struct pin, domain_link);
        if (likely(pin->id == id)) {
            take_out(domain, pin);
            spin_unlock(&domain->lock);
            give_up(domain, pin);
            return 0;
        }
    }
    spin_unlock(&domain->lock);
    return -ENOENT;
}

seldom void pin_release_all(struct domain *domain)
{
    for (;;) {
        spin_lock(&domain->lock);
        if (list_empty(&domain->pins)) {
            spin_unlock(&domain->lock);
            return;
        }
        struct pin *pin = list_first(&domain->pins, struct pin, domain_link);
        take_out(domain, pin);
        spin_unlock(&domain->lock);
        give_up(domain, pin);
    }
}
