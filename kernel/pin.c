/*
 * Pins: memory that a device may reach, kept in place until its driver unpins it or the device's
 * domain is reset.  A pin outlives the loan or the message it was made through: a device may still
 * be writing.
 *
 * A domain's pins are in its list, under its lock (level 6), in the order made: what is unpinned is
 * mostly among the first.  A pin has owners, counted under that lock: the list, the message that
 * brought it, and who is taking it out.  With the last its pages are let go.
 */
#include "pin.h"

#include "slab.h"
#include "sys_memory.h"
#include "thread.h"
#include "vmo_internal.h"
#include "x86/domain.h"

#define PAGES_MAX (MESSAGE_BYTES_MAX / sizeof(u64))

struct pin {
    struct list domain_link;
    u64 id, first, last; /* page numbers of the object */
    u64 single;          /* the only page's address, if it can be let go by that alone; or 0 */
    u32 rights;          /* RIGHT_READ, RIGHT_WRITE: the device's */
    u16 owners;
    bool listed;       /* in the domain's list */
    struct vmo *vmo;   /* a reference, if loan is NULL */
    struct loan *loan; /* a reference, which keeps the object and the edges; or NULL */
    struct budget *budget;
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

static inline u64 pages_in(const struct pin *pin)
{
    return pin->last - pin->first + 1;
}

u64 pin_pages(const struct pin *pin)
{
    return pages_in(pin);
}

/* Filled in but for what it pins. NULL: no memory. */
static __attribute__((noinline)) struct pin *pin_new(u64 first, u64 last, u32 rights, u16 owners,
                                                     struct budget *budget)
{
    struct pin *pin = slab_alloc_unset(&pin_cache, budget);
    if (unlikely(!pin))
        return NULL;
    pin->first = first;
    pin->last = last;
    pin->single = 0;
    pin->rights = rights;
    pin->owners = owners;
    pin->listed = false;
    pin->loan = NULL;
    pin->budget = budget;
    budget_get(budget);
    return pin;
}

static inline void pin_free(struct pin *pin)
{
    struct budget *budget = pin->budget;
    slab_free_hot(&pin_cache, pin, budget);
    budget_put(budget);
}

/* Its last owner is gone. */
static __attribute__((noinline)) void let_go(struct pin *pin)
{
    struct vmo *vmo = pin->vmo;
    if (likely(pin->single)) {
        page_unpin(pin->single);
    } else {
        spin_lock(&vmo->lock);
        vmo_unpin_pages(vmo, pin->first, pin->last);
        spin_unlock(&vmo->lock);
    }
    object_put(pin->loan ? &pin->loan->object : &vmo->object);
    pin_free(pin);
}

/* ---- In a domain's list -------------------------------------------------------------------- */

/* Domain locked; the pages are open to the device. */
static inline void enlist(struct domain *domain, struct pin *pin)
{
    pin->owners++;
    pin->id = ++domain->next_id;
    pin->listed = true;
    list_append(&domain->pins, &pin->domain_link);
    domain->pinned_pages += pages_in(pin);
}

/* Lets the device reach the pages, and enters the pin; all or nothing.  Object locked. */
static seldom int open_pages(struct domain *domain, struct pin *pin, u64 *addresses)
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
    if (likely(!error))
        enlist(domain, pin);
    while (unlikely(error) && index-- > pin->first)
        domain_unmap(domain, page_of(pin, index), pin->rights);
    domain_flush(domain);
    spin_unlock(&domain->lock);
    return error;
}

/* As open_pages, for a pin with a single page; no lock held. */
static inline int open_single(struct domain *domain, struct pin *pin)
{
    spin_lock(&domain->lock);
    int error = domain_map(domain, pin->single, pin->rights);
    if (likely(!error))
        enlist(domain, pin);
    domain_flush(domain);
    spin_unlock(&domain->lock);
    return error;
}

/*
 * Takes a pin out of the domain's list, whose share in it is then the caller's.  Domain locked.  A
 * single page is out of the device's reach; others are after close_pages.
 */
static inline void unlist(struct domain *domain, struct pin *pin)
{
    list_remove(&pin->domain_link);
    pin->listed = false;
    domain->pinned_pages -= pages_in(pin);
    if (likely(pin->single)) {
        domain_unmap(domain, pin->single, pin->rights);
        domain_flush(domain);
    }
}

static rarely void close_pages(struct domain *domain, struct pin *pin)
{
    if (likely(pin->single))
        return;
    struct vmo *vmo = pin->vmo;
    spin_lock(&vmo->lock);
    spin_lock(&domain->lock);
    for (u64 index = pin->first; index <= pin->last; index++)
        domain_unmap(domain, page_of(pin, index), pin->rights);
    domain_flush(domain);
    spin_unlock(&domain->lock);
    spin_unlock(&vmo->lock);
}

/* Gives up a share of a pin that has been in a domain. */
static inline void drop(struct domain *domain, struct pin *pin)
{
    spin_lock(&domain->lock);
    bool last = --pin->owners == 0;
    spin_unlock(&domain->lock);
    if (last)
        let_go(pin);
}

/* ---- Pins that a driver makes -------------------------------------------------------------- */

/* Object locked, and the loan, if there is one. */
static seldom int pin_locked(struct pin *pin, struct domain *domain, u64 *addresses)
{
    struct vmo *vmo = pin->vmo;
    if (pin->loan && pin->loan->state != LOAN_LIVE)
        return -EREVOKED;
    if (range_exceeds(pin->first * PAGE_SIZE, pages_in(pin) * PAGE_SIZE, vmo->size))
        return -ERANGE;
    int error = vmo_pin_pages(vmo, pin->first, pin->last, pin->rights & RIGHT_WRITE, NULL);
    if (error)
        return error;
    error = open_pages(domain, pin, addresses);
    if (error)
        vmo_unpin_pages(vmo, pin->first, pin->last);
    return error;
}

static seldom int pin_through_object(struct pin *pin, struct domain *domain, u64 *addresses,
                                     u64 *id)
{
    struct vmo *vmo = pin->vmo;
    struct loan *loan = pin->loan;
    /* A loan that ends keeps its pages no longer: it is held live meanwhile. */
    if (loan)
        spin_lock(&loan->lock);
    spin_lock(&vmo->lock);
    int error = pin_locked(pin, domain, addresses);
    /* Its number can be guessed, so it may be gone once it is entered; but not while the object is
     * locked, since it has more than a single page to close. */
    if (!error)
        *id = pin->id;
    spin_unlock(&vmo->lock);
    if (loan)
        spin_unlock(&loan->lock);
    return error;
}

static seldom i64 pin_create(const struct span *span, u64 offset, u64 length, struct domain *domain,
                             u32 rights, u64 *addresses, u64 *id)
{
    u64 start = span->offset + offset, first = start / PAGE_SIZE;
    u64 last = (start + length - 1) / PAGE_SIZE;
    struct loan *loan = span->loan && !span->loan->slice ? span->loan : NULL;
    struct pin *pin = pin_new(first, last, rights, 0, domain->budget);
    if (!pin)
        return -ENOMEM;
    struct object *kept = loan ? loan_object(loan) : vmo_object(span->vmo);
    if (!object_get_live(kept)) {
        pin_free(pin);
        return -EBADF;
    }
    pin->vmo = span->vmo;
    pin->loan = loan;
    int error = pin_through_object(pin, domain, addresses, id);
    if (error) {
        pin_free(pin);
        object_put(kept);
        return error;
    }
    addresses[0] += start % PAGE_SIZE;
    return (i64)(last - first + 1);
}

/*
 * The usual pin: of a loan of (part of) one page.  0: anything else, and nothing done.  What a loan
 * lends is pinned already, and there as long as it is live.
 */
static seldom i64 pin_usual(struct loan *loan, u64 offset, u64 length, struct domain *domain,
                            u32 rights)
{
    u64 single = loan->single, page = loan->offset / PAGE_SIZE;
    if (unlikely(!single) || unlikely(loan->edged) ||
        unlikely(range_exceeds(offset, length, loan->size)) || unlikely(!length))
        return 0;
    struct pin *pin = pin_new(page, page, rights, 0, domain->budget);
    if (unlikely(!pin))
        return 0;
    spin_lock(&loan->lock);
    if (unlikely(loan->state != LOAN_LIVE) || unlikely(page_pin(single))) {
        spin_unlock(&loan->lock);
        pin_free(pin);
        return 0;
    }
    /* Whoever lends has a reference for as long as it is live. */
    object_get(&loan->object);
    spin_unlock(&loan->lock);
    pin->single = single;
    pin->vmo = loan->vmo;
    pin->loan = loan;
    struct thread *self = current_thread();
    u64 address = single + (loan->offset + offset) % PAGE_SIZE;
    spin_lock(&domain->lock);
    int error = domain_map(domain, single, rights);
    if (likely(!error)) {
        enlist(domain, pin);
        self->user.rsi = pin->id;
    }
    domain_flush(domain);
    spin_unlock(&domain->lock);
    if (unlikely(error)) {
        let_go(pin);
        return 0;
    }
    *(u64 *)self->message_bytes = address;
    return 1;
}

static struct domain *domain_of_handle(u64 handle, i64 *error)
{
    struct object *object = handle_object((handle_t)handle, OBJECT_DOMAIN, RIGHT_MANAGE, error);
    return object ? domain_of_object(object) : NULL;
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
    struct domain *domain = domain_of_handle(domain_handle, &error);
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

/* ---- Unpinning ----------------------------------------------------------------------------- */

/* Takes a pin out, and the device's reach with it.  Domain locked; unlocks it. */
static __attribute__((noinline)) void take_out(struct domain *domain, struct pin *pin)
{
    unlist(domain, pin);
    spin_unlock(&domain->lock);
    close_pages(domain, pin);
    drop(domain, pin);
}

i64 sys_unpin(u64 handle, u64 id)
{
    i64 error;
    struct domain *domain = domain_of_handle(handle, &error);
    if (unlikely(!domain))
        return error;
    spin_lock(&domain->lock);
    list_for_each (node, &domain->pins) {
        struct pin *pin = list_entry(node, struct pin, domain_link);
        if (likely(pin->id == id)) {
            take_out(domain, pin);
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
        take_out(domain, list_first(&domain->pins, struct pin, domain_link));
    }
}

/* ---- Pins that a message brings ------------------------------------------------------------ */

int pin_lend(const struct span *span, u64 offset, u64 length, u32 rights, struct budget *budget,
             struct pin **out)
{
    u64 start = span->offset + offset;
    struct pin *pin =
        pin_new(start / PAGE_SIZE, (start + length - 1) / PAGE_SIZE, rights, 1, budget);
    if (unlikely(!pin))
        return -ENOMEM;
    if (unlikely(!object_get_if_live(&span->vmo->object))) {
        pin_free(pin);
        return -EBADF;
    }
    pin->vmo = span->vmo;
    if (likely(pin->first == pin->last))
        pin->single = vmo_pin_usual(pin->vmo, pin->first);
    if (unlikely(!pin->single)) {
        bool by_pager = span->vmo->pager && (span->rights & RIGHT_MANAGE);
        int error = vmo_lend_pages(span->vmo, pin->first, pin->last, rights, by_pager);
        if (error) {
            object_put(&span->vmo->object);
            pin_free(pin);
            return error;
        }
    }
    *out = pin;
    return 0;
}

int pin_deliver(struct pin *pin, struct domain *domain, u64 *addresses, u64 *id)
{
    int error;
    if (likely(pin->single)) {
        *addresses = pin->single;
        error = open_single(domain, pin);
    } else {
        spin_lock(&pin->vmo->lock);
        error = open_pages(domain, pin, addresses);
        spin_unlock(&pin->vmo->lock);
    }
    *id = pin->id;
    return error;
}

void pin_recall(struct pin *pin, struct domain *domain)
{
    spin_lock(&domain->lock);
    if (pin->listed)
        take_out(domain, pin);
    else
        spin_unlock(&domain->lock);
}

void pin_end(struct pin *pin, struct domain *domain)
{
    if (likely(domain)) {
        spin_lock(&domain->lock);
        bool listed = pin->listed;
        if (likely(listed)) {
            unlist(domain, pin);
            if (likely(pin->single)) {
                pin->owners--;
                listed = false;
            }
        }
        bool last = pin->owners == 1;
        if (!last && !listed)
            pin->owners--;
        spin_unlock(&domain->lock);
        if (unlikely(listed)) {
            close_pages(domain, pin);
            drop(domain, pin);
            drop(domain, pin);
            return;
        }
        if (unlikely(!last))
            return; /* who is taking it out does the rest */
    }
    let_go(pin);
}

void pin_leave(struct pin *pin, struct domain *domain)
{
    drop(domain, pin);
}
