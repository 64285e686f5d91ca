/*
 * Loans: ranges of VM objects that another task may use until a message ends; and slices, which are
 * kept.
 *
 * A loan's pages are resident, its object's own (never shared copy-on-write) and pinned from
 * lending to the loan's end, so that they stay the same pages.  Where a loan that can be mapped or
 * pinned fills its first or last page only in part, a page of its own stands in for that one (an
 * edge), so that the rest is not lent.  What is lent on ends with what it was lent from.
 *
 * LIVE -> ENDING -> DEAD.  Once ENDING nothing can be mapped or pinned through it; DEAD, nothing is
 * left but pins of devices, which keep the loan's memory until they go.
 */
#include "cpu.h"
#include "handle.h"
#include "slab.h"
#include "thread.h"
#include "vmo_internal.h"

static struct slab_cache loan_cache = SLAB_CACHE("loan", sizeof(struct loan), 16);

/* How often something may be lent on: what ends it goes that deep. */
#define DEPTH_MAX 8u

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
    out->rights = rights;
    if (likely(object->type == OBJECT_VMO)) {
        struct vmo *vmo = container_of(object, struct vmo, object);
        out->vmo = vmo;
        out->loan = NULL;
        out->offset = 0;
        out->size = vmo->size;
        return 0;
    }
    struct loan *loan = loan_of_object(object);
    out->vmo = loan->vmo;
    out->loan = loan;
    out->offset = loan->offset;
    out->size = loan->size;
    return likely(atomic_load(&loan->state) == LOAN_LIVE) ? 0 : -EREVOKED;
}

int span_lookup(handle_t handle, u32 rights, struct span *out)
{
    struct handle_entry *entry = current_slot(handle);
    struct object *object = atomic_load(&entry->object);
    u32 have = atomic_load(&entry->rights_and_type);
    /* The handle is read last: a slot that was closed has another. */
    if (unlikely((u8)have != OBJECT_VMO && (u8)have != OBJECT_LOAN) ||
        unlikely(atomic_load(&entry->handle) != handle) || unlikely(!object))
        return -EBADF;
    have >>= 8;
    return unlikely(rights & ~have) ? -EPERM : span_of_object(object, have, out);
}

/* ---- Edges
 * ------------------------------------------------------------------------------------------ */

static u64 first_page(const struct loan *loan)
{
    return loan->offset / PAGE_SIZE;
}

static u64 last_page(const struct loan *loan)
{
    return (loan->offset + loan->size - 1) / PAGE_SIZE;
}

seldom u64 loan_edge(const struct loan *loan, u64 index)
{
    for (; loan && loan->edged; loan = loan->parent) {
        if (loan->edges[0] && index == first_page(loan))
            return loan->edges[0];
        if (loan->edges[1] && index == last_page(loan))
            return loan->edges[1];
    }
    return 0;
}

seldom int loan_page(const struct loan *loan, u64 index, bool write, u64 *physical)
{
    struct vmo *vmo = loan->vmo;
    if (loan->state != LOAN_LIVE)
        return -EREVOKED;
    *physical = loan_edge(loan, index);
    if (*physical)
        return 0;
    if (unlikely(write && vmo->closed == VMO_FROZEN)) {
        wait_queue_park(&vmo->waiters, index);
        return -PARKED;
    }
    *physical = vmo_resident_page(vmo, index);
    return 0;
}

/* Copies between an edge and the part of the page behind it that is lent. Object locked. */
static seldom void copy_edge(struct loan *loan, u32 which, bool out)
{
    u64 index = which ? last_page(loan) : first_page(loan);
    u64 start = max(loan->offset, index * PAGE_SIZE);
    u64 end = min(loan->offset + loan->size, (index + 1) * PAGE_SIZE);
    u64 behind = loan_edge(loan->parent, index);
    if (!behind)
        behind = vmo_resident_page(loan->vmo, index);
    u8 *page = (u8 *)phys_to_virt(behind) + start % PAGE_SIZE;
    u8 *edge = (u8 *)phys_to_virt(loan->edges[which]) + start % PAGE_SIZE;
    memcpy(out ? page : edge, out ? edge : page, end - start);
}

/* A page that stands in for a partial first or last one. Object locked. */
static seldom int make_edge(struct loan *loan, u32 which)
{
    if (!budget_charge(loan->budget, PAGE_SIZE))
        return -ENOMEM;
    loan->edges[which] = page_alloc_zeroed(0, PAGE_USER);
    if (!loan->edges[which]) {
        budget_uncharge(loan->budget, PAGE_SIZE);
        return -ENOMEM;
    }
    loan->edged = true;
    if (loan->rights & RIGHT_READ)
        copy_edge(loan, which, false);
    return 0;
}

static seldom int make_edges(struct loan *loan)
{
    bool head = loan->offset % PAGE_SIZE, tail = (loan->offset + loan->size) % PAGE_SIZE;
    bool one = first_page(loan) == last_page(loan);
    int error = head || (tail && one) ? make_edge(loan, 0) : 0;
    return !error && tail && !one ? make_edge(loan, 1) : error;
}

static rarely void free_edges(struct loan *loan)
{
    for (u32 i = 0; i < 2; i++)
        if (loan->edges[i]) {
            page_free(loan->edges[i], 0);
            budget_uncharge(loan->budget, PAGE_SIZE);
        }
}

/* ---- Making
 * ------------------------------------------------------------------------------------------ */

static inline struct loan *loan_new(const struct span *span, u64 offset, u64 length, u32 rights,
                                    struct budget *budget)
{
    struct loan *from = span->loan;
    if (unlikely(!object_get_if_live(&span->vmo->object)))
        return NULL;
    struct loan *loan = slab_alloc_unset(&loan_cache, budget);
    if (unlikely(!loan)) {
        object_put(&span->vmo->object);
        return NULL;
    }
    object_init(&loan->object, OBJECT_LOAN);
    loan->lock = (struct spinlock){0};
    loan->state = LOAN_LIVE;
    loan->slice = loan->pinned = loan->edged = false;
    loan->depth = 0;
    loan->rights = rights;
    loan->vmo = span->vmo;
    /* A slice of a loan ends with it; what is lent from one does so with the loan itself. */
    loan->parent = unlikely(from) ? (from->slice ? from->parent : from) : NULL;
    loan->offset = span->offset + offset;
    loan->size = length;
    loan->mapped = loan->single = 0;
    loan->edges[0] = loan->edges[1] = 0;
    list_init(&loan->mappings);
    list_init(&loan->children);
    list_init(&loan->sibling);
    loan->budget = budget;
    budget_get(budget);
    if (unlikely(loan->parent)) {
        if (object_get_live(&loan->parent->object)) {
            loan->depth = loan->parent->depth + 1;
            loan->edged = loan->parent->edged;
        } else {
            loan->parent = NULL;
            object_put(&loan->object);
            return NULL;
        }
    }
    return loan;
}

/* The loan will end with its parent; -EREVOKED: that is ending already. */
static seldom int join_parent(struct loan *loan)
{
    struct loan *parent = loan->parent;
    if (loan->depth > DEPTH_MAX)
        return -E2BIG;
    spin_lock(&parent->lock);
    bool live = parent->state == LOAN_LIVE;
    if (live)
        list_append(&parent->children, &loan->sibling);
    spin_unlock(&parent->lock);
    return live ? 0 : -EREVOKED;
}

seldom struct loan *slice_create(const struct span *span, u64 offset, u64 length,
                                 struct budget *budget)
{
    struct loan *loan = loan_new(span, offset, length, span->rights, budget);
    if (loan)
        loan->slice = true;
    if (loan && loan->parent && join_parent(loan)) {
        object_put(&loan->object);
        return NULL;
    }
    return loan;
}

/*
 * As vmo_pin_pages, for a pager's device that reads into its own object: absent pages become
 * LOADING, which nobody else sees.  -EEXIST: a page has contents already, which must not be
 * overwritten; -EBUSY: another device is at it.
 */
static seldom int pin_loading(struct vmo *vmo, u64 first, u64 last)
{
    for (u64 index = first; index <= last; index++) {
        u64 *entry = pagetree_slot(&vmo->pages, index, true);
        int error = entry ? 0 : -ENOMEM;
        if (!error && !entry_page(*entry))
            error = vmo_new_page(vmo, entry, ENTRY_LOADING);
        else if (!error && !(*entry & ENTRY_LOADING))
            error = -EEXIST;
        else if (!error && atomic_load(&phys_to_page(entry_page(*entry))->pins))
            error = -EBUSY;
        if (error) {
            if (index > first)
                vmo_unpin_pages(vmo, first, index - 1);
            return error;
        }
        page_pin(entry_page(*entry));
    }
    return 0;
}

/* Pins pages to lend them; a single page's address in *single, if that is not NULL.  Object
 * locked. */
static seldom int lend_locked(struct vmo *vmo, u64 first, u64 last, u32 rights, bool by_pager,
                              u64 *single)
{
    bool write = rights & RIGHT_WRITE;
    if (unlikely(last >= vmo->size / PAGE_SIZE))
        return -ERANGE;
    if (!vmo_is_memory(vmo))
        return -ENOTSUP;
    return unlikely(by_pager) && write ? pin_loading(vmo, first, last)
                                       : vmo_pin_pages(vmo, first, last, write, single);
}

seldom int vmo_lend_pages(struct vmo *vmo, u64 first, u64 last, u32 rights, bool by_pager)
{
    spin_lock(&vmo->lock);
    int error = lend_locked(vmo, first, last, rights, by_pager, NULL);
    spin_unlock(&vmo->lock);
    return error;
}

/* Pins a loan's pages and makes its edges. */
static seldom int pin_loan(struct loan *loan, bool by_pager)
{
    struct vmo *vmo = loan->vmo;
    u64 first = first_page(loan), last = last_page(loan), single = 0;
    spin_lock(&vmo->lock);
    int error = unlikely(range_exceeds(loan->offset, loan->size, vmo->size)) ? -ERANGE : 0;
    if (likely(!error))
        error =
            lend_locked(vmo, first, last, loan->rights, by_pager, first == last ? &single : NULL);
    if (likely(!error)) {
        loan->pinned = true;
        loan->single = vmo_is_flat(vmo) ? 0 : single;
        if (unlikely(((loan->offset | loan->size) % PAGE_SIZE) &&
                     (loan->rights & (RIGHT_MAP | RIGHT_PIN))))
            error = make_edges(loan);
    }
    spin_unlock(&vmo->lock);
    return error;
}

/*
 * The usual loan: (part of) one page of an anonymous object, which is there and shared with nobody.
 * Pins it; false: anything else, and nothing done.
 */
static inline bool pin_usual(struct loan *loan)
{
    struct vmo *vmo = loan->vmo;
    u64 within = loan->offset % PAGE_SIZE, index = loan->offset / PAGE_SIZE;
    if (unlikely(within + loan->size > PAGE_SIZE) || unlikely(loan->parent))
        return false;
    /* One that can be mapped or pinned, and has edges. */
    if (unlikely((within | loan->size) % PAGE_SIZE) && (loan->rights & (RIGHT_MAP | RIGHT_PIN)))
        return false;
    loan->single = vmo_pin_usual(vmo, index);
    loan->pinned = loan->single;
    return loan->pinned;
}

static rarely int start_loan(struct loan *loan, bool by_pager)
{
    int error = pin_loan(loan, by_pager);
    if (!error && loan->parent)
        error = join_parent(loan);
    return error;
}

int loan_create(const struct span *span, u64 offset, u64 length, u32 rights, struct budget *budget,
                struct loan **out)
{
    if (unlikely(!length || range_exceeds(offset, length, span->size)))
        return -ERANGE;
    if (unlikely(length > LOAN_BYTES_MAX))
        return -E2BIG;
    struct loan *loan = loan_new(span, offset, length, rights, budget);
    if (unlikely(!loan))
        return -ENOMEM;
    if (unlikely(!pin_usual(loan))) {
        int error = start_loan(loan, span->vmo->pager && (span->rights & RIGHT_MANAGE));
        if (error) {
            /* Nothing was lent yet, so nothing is to be copied back. */
            loan->rights = 0;
            object_put(&loan->object);
            return error;
        }
    }
    *out = loan;
    return 0;
}

/* ---- Ending
 * -------------------------------------------------------------------------------------------- */

void loan_recall(struct loan *loan)
{
    if (unlikely(!list_empty(&loan->mappings)))
        aspace_unmap_loan(loan);
}

/* Ends what was lent on from this loan. */
static rarely void revoke_children(struct loan *loan)
{
    for (;;) {
        spin_lock(&loan->lock);
        struct loan *child = NULL;
        if (!list_empty(&loan->children)) {
            /* It may be in its destruction; its memory is there as long as this CPU does not go on.
             */
            child = list_first(&loan->children, struct loan, sibling);
            list_remove(&child->sibling);
        }
        spin_unlock(&loan->lock);
        if (!child)
            return;
        loan_revoke(child);
    }
}

/* Copies the edges back and unpins the pages. */
static rarely void unpin_loan(struct loan *loan)
{
    spin_lock(&loan->vmo->lock);
    for (u32 i = 0; i < 2; i++)
        if (loan->edges[i] && (loan->rights & RIGHT_WRITE))
            copy_edge(loan, i, true);
    vmo_unpin_pages(loan->vmo, first_page(loan), last_page(loan));
    spin_unlock(&loan->vmo->lock);
}

/* What is left of a loan's end when it is ENDING. */
static rarely void end_loan(struct loan *loan)
{
    revoke_children(loan);
    aspace_unmap_loan(loan);
    if (loan->pinned)
        unpin_loan(loan);
    atomic_store(&loan->state, LOAN_DEAD);
}

void loan_revoke(struct loan *loan)
{
    spin_lock(&loan->lock);
    bool first = loan->state == LOAN_LIVE;
    /* The usual one, which nobody has done anything with that is left. */
    if (likely(first) && likely(loan->single) && likely(!loan->edged) &&
        likely(list_empty(&loan->mappings)) && likely(list_empty(&loan->children))) {
        atomic_store(&loan->state, LOAN_DEAD);
        spin_unlock(&loan->lock);
        page_unpin(loan->single);
        return;
    }
    if (first)
        atomic_store(&loan->state, LOAN_ENDING);
    spin_unlock(&loan->lock);
    if (first)
        end_loan(loan);
    /* Otherwise another CPU is at it; it waits for nothing that this one holds. */
    while (atomic_load(&loan->state) != LOAN_DEAD)
        cpu_relax_poll();
}

static void loan_free(struct quiesce_node *node)
{
    struct loan *loan = container_of(node, struct loan, quiesce);
    struct budget *budget = loan->budget;
    slab_free_hot(&loan_cache, loan, budget);
    budget_put(budget);
}

void loan_destroy(struct object *object)
{
    struct loan *loan = loan_of_object(object), *parent = loan->parent;
    if (unlikely(loan->state != LOAN_DEAD))
        loan_revoke(loan);
    if (unlikely(loan->edges[0] | loan->edges[1]))
        free_edges(loan);
    if (unlikely(parent)) {
        spin_lock(&parent->lock);
        list_remove(&loan->sibling);
        spin_unlock(&parent->lock);
        object_put(&parent->object);
    }
    object_put(&loan->vmo->object);
    quiesce_free(&loan->quiesce, loan_free);
}

/* ---- Message pages
 * --------------------------------------------------------------------------------------- */

seldom int message_pages_pin(const struct span *span, u64 offset, struct message_pages *out)
{
    struct vmo *vmo = span->vmo;
    u64 at = span->offset + offset, pages[2];
    if (!is_page_aligned(at))
        return -EINVAL;
    if (range_exceeds(offset, MESSAGE_AREA_SIZE, span->size))
        return -ERANGE;
    /* A loan would have to be given back. */
    if (vmo->kind == VMO_PHYSICAL || (span->loan && !span->loan->slice))
        return -ENOTSUP;
    if (!object_get_live(&vmo->object))
        return -EBADF;
    spin_lock(&vmo->lock);
    int error = range_exceeds(at, MESSAGE_AREA_SIZE, vmo->size) ? -ERANGE : 0;
    if (!error)
        error = vmo_pin_pages(vmo, at / PAGE_SIZE, at / PAGE_SIZE + 1, true, pages);
    spin_unlock(&vmo->lock);
    if (error) {
        object_put(&vmo->object);
        return error;
    }
    *out = (struct message_pages){vmo, at, {phys_to_virt(pages[0]), phys_to_virt(pages[1])}};
    return 0;
}

seldom void message_pages_unpin(struct message_pages *pages)
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
