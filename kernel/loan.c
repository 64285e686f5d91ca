/*
 * Loans: ranges of VM objects that another task may use until a message ends; and slices, which are
 * kept.
 *
 * A loan's pages are resident, its object's own (never shared copy-on-write) and pinned from
 * lending to revocation, so that they stay the same pages.  Where a loan that can be mapped or
 * pinned fills its first or last page only in part, a page of its own stands in for that one (an
 * edge), so that the rest is not lent.
 */
#include "cpu.h"
#include "handle.h"
#include "slab.h"
#include "task.h"
#include "vmo_internal.h"

static struct slab_cache loan_cache = SLAB_CACHE("loan", sizeof(struct loan), 16);

struct object *loan_object(struct loan *loan)
{
    return &loan->object;
}

struct loan *loan_of_object(struct object *object)
{
    return container_of(object, struct loan, object);
}

int span_of_object(struct object *object, u32 rights, struct span *out)
{
    if (object->type == OBJECT_VMO) {
        struct vmo *vmo = container_of(object, struct vmo, object);
        *out = (struct span){vmo, NULL, 0, vmo->size, rights};
        return 0;
    }
    struct loan *loan = loan_of_object(object);
    if (atomic_load(&loan->revoked))
        return -EREVOKED;
    *out = (struct span){loan->vmo, loan, loan->offset, loan->size, rights & loan->rights};
    return 0;
}

int span_lookup(handle_t handle, u32 rights, struct span *out)
{
    struct handle_entry entry;
    int error = handle_lookup(&current_task()->handles, handle, OBJECT_NONE, 0, &entry);
    if (error)
        return error;
    if (handle_type(&entry) != OBJECT_VMO && handle_type(&entry) != OBJECT_LOAN)
        return -EBADF;
    if (rights & ~handle_rights(&entry))
        return -EPERM;
    return span_of_object(entry.object, handle_rights(&entry), out);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static u64 first_page(const struct loan *loan)
{
    return loan->offset / PAGE_SIZE;
}

static u64 last_page(const struct loan *loan)
{
    return (loan->offset + loan->size - 1) / PAGE_SIZE;
}

u64 loan_edge(const struct loan *loan, u64 index)
{
    if (loan->edges[0] && index == first_page(loan))
        return loan->edges[0];
    return loan->edges[1] && index == last_page(loan) ? loan->edges[1] : 0;
}

static void unpin_pages(struct vmo *vmo, u64 first, u64 end)
{
    if (vmo->kind == VMO_PHYSICAL || vmo->kind == VMO_CONTIGUOUS)
        return;
    for (u64 index = first; index < end; index++) {
        u64 *entry = pagetree_slot(&vmo->pages, index, false);
        atomic_sub(&phys_to_page(*entry & ~(u64)ENTRY_FLAGS)->pins, 1);
    }
}

u64 vmo_pinned_page(struct vmo *vmo, u64 index)
{
    if (vmo->kind == VMO_PHYSICAL || vmo->kind == VMO_CONTIGUOUS)
        return vmo->physical + index * PAGE_SIZE;
    return *pagetree_slot(&vmo->pages, index, false) & ~(u64)ENTRY_FLAGS;
}

int vmo_pin_pages(struct vmo *vmo, u64 first, u64 last, bool write, u64 *addresses)
{
    for (u64 index = first; index <= last; index++) {
        u64 *entry, physical;
        int error = vmo_page(vmo, index, write, &entry, &physical);
        struct page *page = entry && !error ? phys_to_page(physical) : NULL;
        /* Shared with a clone, it could be replaced by a write: make it the object's own now. */
        if (page && !write && atomic_load(&page->references) > 1)
            error = vmo_own_page(vmo, index, entry), physical = *entry & ~(u64)ENTRY_FLAGS;
        if (!error && entry && atomic_load(&phys_to_page(physical)->pins) == UINT16_MAX)
            error = -EAGAIN;
        if (error) {
            unpin_pages(vmo, first, index);
            return error;
        }
        if (entry)
            atomic_add(&phys_to_page(physical)->pins, 1);
        if (addresses)
            addresses[index - first] = physical;
    }
    return 0;
}

void vmo_unpin_pages(struct vmo *vmo, u64 first, u64 last)
{
    unpin_pages(vmo, first, last + 1);
}

/* As vmo_pin_pages, for a pager's device: absent pages become LOADING, which nobody else sees. */
static int pin_loading(struct vmo *vmo, u64 first, u64 last)
{
    for (u64 index = first; index <= last; index++) {
        u64 *entry = pagetree_slot(&vmo->pages, index, true);
        int error = entry ? 0 : -ENOMEM;
        if (!error && !(*entry & ~(u64)ENTRY_FLAGS))
            error = vmo_new_page(vmo, entry, ENTRY_LOADING);
        if (error) {
            unpin_pages(vmo, first, index);
            return error;
        }
        atomic_add(&phys_to_page(*entry & ~(u64)ENTRY_FLAGS)->pins, 1);
    }
    return 0;
}

/* Copies between an edge and the part of the object's page that is lent. Object locked. */
static void copy_edge(struct loan *loan, u32 which, bool out)
{
    u64 index = which ? last_page(loan) : first_page(loan);
    u64 start = max(loan->offset, index * PAGE_SIZE);
    u64 end = min(loan->offset + loan->size, (index + 1) * PAGE_SIZE);
    u8 *page = (u8 *)phys_to_virt(vmo_pinned_page(loan->vmo, index)) + start % PAGE_SIZE;
    u8 *edge = (u8 *)phys_to_virt(loan->edges[which]) + start % PAGE_SIZE;
    memcpy(out ? page : edge, out ? edge : page, end - start);
}

static void free_edges(struct loan *loan)
{
    for (u32 i = 0; i < 2; i++)
        if (loan->edges[i]) {
            page_free(loan->edges[i], 0);
            budget_uncharge(loan->budget, PAGE_SIZE);
            loan->edges[i] = 0;
        }
}

/* Pages that stand in for partial first and last ones. Object locked. */
static int make_edges(struct loan *loan)
{
    bool head = loan->offset % PAGE_SIZE, tail = (loan->offset + loan->size) % PAGE_SIZE;
    bool one = first_page(loan) == last_page(loan);
    bool wanted[2] = {head || (tail && one), tail && !one};
    for (u32 i = 0; i < 2; i++) {
        if (!wanted[i])
            continue;
        if (!budget_charge(loan->budget, PAGE_SIZE))
            return -ENOMEM;
        loan->edges[i] = page_alloc_zeroed(0, PAGE_USER);
        if (!loan->edges[i]) {
            budget_uncharge(loan->budget, PAGE_SIZE);
            return -ENOMEM;
        }
        if (loan->rights & RIGHT_READ)
            copy_edge(loan, i, false);
    }
    return 0;
}

static struct loan *loan_new(const struct span *span, u64 offset, u64 length, u32 rights,
                             struct budget *budget)
{
    struct loan *loan = slab_alloc(&loan_cache, budget);
    if (!loan)
        return NULL;
    object_init(&loan->object, OBJECT_LOAN);
    list_init(&loan->mappings);
    loan->rights = rights;
    loan->vmo = span->vmo;
    object_get(&span->vmo->object);
    loan->offset = span->offset + offset;
    loan->size = length;
    loan->budget = budget;
    budget_get(budget);
    return loan;
}

struct loan *slice_create(const struct span *span, u64 offset, u64 length, struct budget *budget)
{
    return loan_new(span, offset, length, span->rights, budget);
}

int loan_create(const struct span *span, u64 offset, u64 length, u32 rights, struct budget *budget,
                struct loan **out)
{
    if (!length || range_exceeds(offset, length, span->size))
        return -ERANGE;
    if (length > LOAN_BYTES_MAX)
        return -E2BIG;
    struct loan *loan = loan_new(span, offset, length, rights, budget);
    if (!loan)
        return -ENOMEM;
    struct vmo *vmo = loan->vmo;
    u64 first = first_page(loan), last = last_page(loan);
    spin_lock(&vmo->lock);
    int error = range_exceeds(loan->offset, length, vmo->size) ? -ERANGE : 0;
    if (!error && !vmo_is_memory(vmo))
        error = -ENOTSUP;
    /* The pager lends its object's absent pages to a device that fills them. */
    bool loading = vmo->pager && (span->rights & RIGHT_MANAGE) && (rights & RIGHT_WRITE);
    if (!error)
        error = loading ? pin_loading(vmo, first, last)
                        : vmo_pin_pages(vmo, first, last, rights & RIGHT_WRITE, NULL);
    if (!error) {
        loan->pinned = true;
        if ((rights & (RIGHT_MAP | RIGHT_PIN)) && ((loan->offset | length) % PAGE_SIZE))
            error = make_edges(loan);
    }
    spin_unlock(&vmo->lock);
    if (error) {
        object_put(&loan->object);
        return error;
    }
    *out = loan;
    return 0;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

void loan_recall(struct loan *loan)
{
    spin_lock(&loan->lock);
    list_for_each (node, &loan->mappings)
        mapping_revoke(list_entry(node, struct mapping, loan_link));
    spin_unlock(&loan->lock);
}

void loan_revoke(struct loan *loan)
{
    struct vmo *vmo = loan->vmo;
    spin_lock(&loan->lock);
    bool first = !loan->revoked;
    atomic_store(&loan->revoked, true);
    if (first) {
        list_for_each (node, &loan->mappings)
            mapping_revoke(list_entry(node, struct mapping, loan_link));
        spin_lock(&vmo->lock);
        for (u32 i = 0; i < 2; i++)
            if (loan->edges[i] && (loan->rights & RIGHT_WRITE))
                copy_edge(loan, i, true);
        if (loan->pinned)
            vmo_unpin_pages(vmo, first_page(loan), last_page(loan));
        spin_unlock(&vmo->lock);
    }
    spin_unlock(&loan->lock);
}

static void loan_free(struct quiesce_node *node)
{
    struct loan *loan = container_of(node, struct loan, quiesce);
    struct budget *budget = loan->budget;
    slab_free(&loan_cache, loan, budget);
    budget_put(budget);
}

void loan_destroy(struct object *object)
{
    struct loan *loan = loan_of_object(object);
    loan_revoke(loan);
    free_edges(loan);
    object_put(&loan->vmo->object);
    quiesce_free(&loan->quiesce, loan_free);
}

/* ---- Message pages --------------------------------------------------------------------------- */

int message_pages_pin(const struct span *span, u64 offset, struct message_pages *out)
{
    if (range_exceeds(offset, MESSAGE_AREA_SIZE, span->size))
        return -ERANGE;
    struct vmo *vmo = span->vmo;
    u64 at = span->offset + offset, pages[2];
    if (!is_page_aligned(at))
        return -EINVAL;
    spin_lock(&vmo->lock);
    int error = vmo->kind == VMO_PHYSICAL ? -ENOTSUP : 0;
    if (!error)
        error = range_exceeds(at, MESSAGE_AREA_SIZE, vmo->size) ? -ERANGE : 0;
    if (!error)
        error = vmo_pin_pages(vmo, at / PAGE_SIZE, at / PAGE_SIZE + 1, true, pages);
    spin_unlock(&vmo->lock);
    if (error)
        return error;
    object_get(&vmo->object);
    *out = (struct message_pages){vmo, at, {phys_to_virt(pages[0]), phys_to_virt(pages[1])}};
    return 0;
}

void message_pages_unpin(struct message_pages *pages)
{
    struct vmo *vmo = pages->vmo;
    if (!vmo)
        return;
    spin_lock(&vmo->lock);
    vmo_unpin_pages(vmo, pages->offset / PAGE_SIZE, pages->offset / PAGE_SIZE + 1);
    spin_unlock(&vmo->lock);
    pages->vmo = NULL;
    object_put(&vmo->object);
}
