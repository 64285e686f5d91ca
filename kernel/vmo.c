/*
 * VM objects: pages of memory that outlive any mapping; see vmo.h and, for their insides,
 * vmo_internal.h.
 *
 * A page belongs to the objects that hold it: one, or after cloning several (struct
 * page.references). Whoever writes makes the page the object's own first.  A pinned page is held by
 * one object only and stays in its place.
 */
#include "cpu.h"
#include "slab.h"
#include "vmo_internal.h"

static struct slab_cache vmo_cache = SLAB_CACHE("vmo", sizeof(struct vmo), 16);

/* Pages that are freed at once. */
#define FREE_PIECE 256u
#define LARGE_ORDER 9u

struct object *vmo_object(struct vmo *vmo)
{
    return &vmo->object;
}

seldom struct vmo *vmo_create(enum vmo_kind kind, u64 size, struct budget *budget)
{
    struct vmo *vmo = slab_alloc(&vmo_cache, budget);
    if (!vmo)
        return NULL;
    object_init(&vmo->object, OBJECT_VMO);
    vmo->kind = (u8)kind;
    vmo->size = page_up(size);
    list_init(&vmo->mappings);
    wait_queue_init(&vmo->waiters, &vmo->lock);
    vmo->budget = vmo->pages.budget = budget;
    if (budget)
        budget_get(budget);
    return vmo;
}

seldom struct vmo *vmo_create_anonymous(u64 bytes, struct budget *budget)
{
    return vmo_create(VMO_ANONYMOUS, bytes, budget);
}

seldom struct vmo *vmo_create_kernel_physical(u64 physical, u64 bytes, enum vmo_cache cache)
{
    struct vmo *vmo = vmo_create(VMO_PHYSICAL, bytes, NULL);
    if (vmo) {
        vmo->physical = physical;
        vmo->cache = (u8)cache;
    }
    return vmo;
}

seldom bool vmo_is_memory(const struct vmo *vmo)
{
    if (vmo->kind != VMO_PHYSICAL)
        return true;
    for (u64 at = 0; at < vmo->size; at += LARGE_PAGE_SIZE)
        if (!memory_is_direct(vmo->physical + at))
            return false;
    return memory_is_direct(vmo->physical + vmo->size - 1);
}

/* ---- Pages and their charge
 * ----------------------------------------------------------------------- */

bool vmo_charge_page(struct vmo *vmo)
{
    if (likely(!vmo->budget || budget_charge_some(vmo->budget, PAGE_SIZE)))
        return true;
    return vmo->pager && pager_reclaim_own(vmo) && budget_charge(vmo->budget, PAGE_SIZE);
}

void vmo_uncharge_page(struct vmo *vmo)
{
    if (vmo->budget)
        budget_uncharge(vmo->budget, PAGE_SIZE);
}

int vmo_new_page(struct vmo *vmo, u64 *entry, u64 flags)
{
    if (unlikely(!vmo_charge_page(vmo)))
        return -ENOMEM;
    u64 physical = page_alloc_zeroed(0, PAGE_USER);
    if (unlikely(!physical)) {
        vmo_uncharge_page(vmo);
        return -ENOMEM;
    }
    *entry = physical | (*entry & ENTRY_FLAGS) | flags;
    vmo->resident++;
    return 0;
}

void vmo_release_page(u64 physical)
{
    if (atomic_sub(&phys_to_page(physical)->references, 1) == 0)
        page_free(physical, 0);
}

/* Takes a page out of the tree that is in no mapping. */
static void drop_unmapped(struct vmo *vmo, u64 index, u64 *entry)
{
    u64 physical = entry_page(*entry);
    vmo_break_large(vmo, index);
    *entry = 0;
    if (!physical)
        return;
    vmo->resident--;
    vmo_release_page(physical);
    vmo_uncharge_page(vmo);
}

void vmo_drop_page(struct vmo *vmo, u64 index, u64 *entry)
{
    if (!list_empty(&vmo->mappings))
        vmo_unmap_pages(vmo, index, index, false);
    drop_unmapped(vmo, index, entry);
}

int vmo_own_page(struct vmo *vmo, u64 index, u64 *entry)
{
    u64 shared = entry_page(*entry), copy = page_alloc(0, PAGE_USER);
    if (!copy)
        return -ENOMEM;
    memcpy(phys_to_virt(copy), phys_to_virt(shared), PAGE_SIZE);
    *entry = copy | (*entry & ENTRY_FLAGS);
    /* Nobody who shows the object shall go on seeing the old one. */
    if (!list_empty(&vmo->mappings))
        vmo_unmap_pages(vmo, index, index, false);
    vmo_release_page(shared);
    return 0;
}

/* ---- Large pages
 * ------------------------------------------------------------------------------------ */

seldom void vmo_break_large(struct vmo *vmo, u64 index)
{
    if (likely(!(vmo->flags & VMO_LARGE_PAGES)))
        return;
    u64 *entry = pagetree_slot(&vmo->pages, index & ~(LARGE_PAGES - 1), false);
    if (entry)
        *entry &= ~(u64)ENTRY_LARGE;
}

/* The page-tree leaves of 512 entries from first on; false: no memory, or not all entries are
 * empty. */
static seldom bool large_leaves(struct vmo *vmo, u64 first, u64 *leaves[8])
{
    u64 index = first;
    if (pagetree_next(&vmo->pages, &index, first + LARGE_PAGES))
        return false;
    for (u32 i = 0; i < 8; i++)
        if (!(leaves[i] = pagetree_slot(&vmo->pages, first + i * 64, true)))
            return false;
    return true;
}

/* Fills the 512 pages around one with a large page, if that can be; false: nothing done. */
static rarely bool fill_large(struct vmo *vmo, u64 index)
{
    u64 first = index & ~(LARGE_PAGES - 1), *leaves[8];
    if (first + LARGE_PAGES > vmo->size / PAGE_SIZE || !large_leaves(vmo, first, leaves))
        return false;
    if (vmo->budget && !budget_charge(vmo->budget, LARGE_PAGE_SIZE))
        return false;
    u64 physical = page_alloc_zeroed(LARGE_ORDER, PAGE_USER);
    if (!physical) {
        if (vmo->budget)
            budget_uncharge(vmo->budget, LARGE_PAGE_SIZE);
        return false;
    }
    for (u64 i = 0; i < LARGE_PAGES; i++) {
        /* Each page is freed by itself. */
        *phys_to_page(physical + i * PAGE_SIZE) = (struct page){.references = 1, .kind = PAGE_USER};
        leaves[i / 64][i % 64] = physical + i * PAGE_SIZE;
    }
    *leaves[0] |= ENTRY_LARGE;
    vmo->resident += LARGE_PAGES;
    return true;
}

/* ---- Finding and filling
 * ---------------------------------------------------------------------------- */

/* The page of a clone that it has not taken from its origin yet. */
static rarely int take_from_origin(struct vmo *vmo, u64 index, bool write, u64 *entry)
{
    struct vmo *origin = vmo->origin;
    u64 *theirs, physical, at = index + vmo->origin_first;
    if (!vmo_charge_page(vmo))
        return -ENOMEM;
    spin_lock(&origin->lock);
    int error =
        at < origin->size / PAGE_SIZE ? vmo_page(origin, at, false, &theirs, &physical) : -ERANGE;
    if (!error) {
        struct page *page = phys_to_page(physical);
        /* One that a device or loan may write cannot be shared; one wanted for writing need not. */
        if (write || atomic_load(&page->pins)) {
            u64 copy = page_alloc(0, PAGE_USER);
            if (copy)
                memcpy(phys_to_virt(copy), phys_to_virt(physical), PAGE_SIZE);
            else
                error = -ENOMEM;
            physical = copy;
        } else {
            atomic_add(&page->references, 1);
            vmo_unmap_pages(origin, at, at, true);
        }
    }
    spin_unlock(&origin->lock);
    if (error) {
        vmo_uncharge_page(vmo);
        return error;
    }
    *entry = physical;
    vmo->resident++;
    return 0;
}

static int fill(struct vmo *vmo, u64 index, bool write, u64 *entry)
{
    if (vmo->pager)
        return pager_page(vmo, index, write, entry);
    if (index < vmo->origin_pages)
        return take_from_origin(vmo, index, write, entry);
    if (unlikely(vmo->flags & VMO_LARGE_PAGES) && fill_large(vmo, index))
        return 0;
    return vmo_new_page(vmo, entry, 0);
}

static bool is_shared(u64 entry)
{
    return atomic_load(&phys_to_page(entry_page(entry))->references) > 1;
}

bool vmo_may_write(const struct vmo *vmo, u64 entry)
{
    return !vmo->closed && (!vmo->pager || (entry & ENTRY_DIRTY)) && !is_shared(entry);
}

int vmo_page(struct vmo *vmo, u64 index, bool write, u64 **entry, u64 *physical)
{
    if (vmo_is_flat(vmo)) {
        *entry = NULL;
        *physical = vmo->physical + index * PAGE_SIZE;
        return 0;
    }
    if (unlikely(vmo->closed)) {
        if (vmo->closed == VMO_DYING)
            return -EBADF;
        if (write) {
            wait_queue_park(&vmo->waiters, index);
            return -PARKED;
        }
    }
    u64 *slot = pagetree_find(&vmo->pages, index);
    if (unlikely(!slot))
        slot = pagetree_slot(&vmo->pages, index, true);
    if (unlikely(!slot) && vmo->pager && pager_reclaim_own(vmo))
        slot = pagetree_slot(&vmo->pages, index, true);
    if (unlikely(!slot))
        return -ENOMEM;
    int error = 0;
    if (!entry_page(*slot) || vmo->pager)
        error = fill(vmo, index, write, slot);
    if (likely(!error) && write && unlikely(is_shared(*slot)))
        error = vmo_own_page(vmo, index, slot);
    *entry = slot;
    *physical = entry_page(*slot);
    return error;
}

u64 vmo_resident_page(struct vmo *vmo, u64 index)
{
    if (vmo_is_flat(vmo))
        return vmo->physical + index * PAGE_SIZE;
    return entry_page(*pagetree_find(&vmo->pages, index));
}

seldom int vmo_copy_in(struct vmo *vmo, u64 offset, const void *from, u64 length)
{
    const u8 *bytes = from;
    while (length) {
        u64 *entry, physical, within = offset % PAGE_SIZE, part = min(length, PAGE_SIZE - within);
        int error = vmo_page(vmo, offset / PAGE_SIZE, true, &entry, &physical);
        if (error)
            return error;
        memcpy((u8 *)phys_to_virt(physical) + within, bytes, part);
        bytes += part;
        offset += part;
        length -= part;
    }
    return 0;
}

/* ---- Pins
 * --------------------------------------------------------------------------------------------- */

static int pin_one(struct vmo *vmo, u64 index, bool write, u64 *physical)
{
    u64 *entry;
    int error = vmo_page(vmo, index, write, &entry, physical);
    if (unlikely(error) || !entry)
        return error;
    /* Shared with a clone it could be replaced when it is written to. */
    if (unlikely(is_shared(*entry))) {
        if ((error = vmo_own_page(vmo, index, entry)))
            return error;
        *physical = entry_page(*entry);
    }
    return page_pin(*physical);
}

int vmo_pin_pages(struct vmo *vmo, u64 first, u64 last, bool write, u64 *addresses)
{
    if (unlikely(vmo->pager))
        pager_expect(vmo, last + 1);
    for (u64 index = first; index <= last; index++) {
        u64 physical;
        int error = pin_one(vmo, index, write, &physical);
        if (unlikely(error)) {
            if (index > first)
                vmo_unpin_pages(vmo, first, index - 1);
            return error;
        }
        if (addresses)
            addresses[index - first] = physical;
    }
    return 0;
}

void vmo_unpin_pages(struct vmo *vmo, u64 first, u64 last)
{
    if (!vmo_is_flat(vmo))
        for (u64 index = first; index <= last; index++)
            page_unpin(vmo_resident_page(vmo, index));
}

/* ---- Dropping
 * ------------------------------------------------------------------------------------------- */

static bool is_pinned(u64 entry)
{
    return entry_page(entry) && atomic_load(&phys_to_page(entry_page(entry))->pins);
}

/* The first page that is pinned in [first, end), or end. */
static seldom u64 first_pinned(struct vmo *vmo, u64 first, u64 end)
{
    for (u64 *entry; (entry = pagetree_next(&vmo->pages, &first, end)); first++)
        if (is_pinned(*entry))
            return first;
    return end;
}

/* Drops the pages from *index on, which moves, up to end, at most 64; false: they are all gone. One
 * flush for all of them. */
static seldom bool drop_piece(struct vmo *vmo, u64 *index, u64 end)
{
    u64 *entry = pagetree_next(&vmo->pages, index, end);
    if (!entry)
        return false;
    u64 stop = min((*index | 63) + 1, end);
    if (!list_empty(&vmo->mappings))
        vmo_unmap_pages(vmo, *index, stop - 1, false);
    for (; (entry = pagetree_next(&vmo->pages, index, stop)); ++*index)
        drop_unmapped(vmo, *index, entry);
    return true;
}

static seldom i64 resize_locked(struct vmo *vmo, u64 size)
{
    if (vmo->closed == VMO_FROZEN) {
        wait_queue_park(&vmo->waiters, 0);
        return -PARKED;
    }
    if (size < vmo->size) {
        u64 end = vmo->size / PAGE_SIZE;
        if (first_pinned(vmo, size / PAGE_SIZE, end) != end)
            return -EBUSY;
        /* From here on nobody enters what is cut; it goes in pieces. */
        vmo->size = size;
        vmo->origin_pages = min(vmo->origin_pages, size / PAGE_SIZE);
        vmo_break_large(vmo, size / PAGE_SIZE);
        wait_queue_wake(&vmo->waiters, size / PAGE_SIZE, UINT64_MAX / PAGE_SIZE, 0);
    }
    u64 index = vmo->size / PAGE_SIZE;
    if (drop_piece(vmo, &index, UINT64_MAX))
        return -RESTART;
    vmo->size = size;
    return 0;
}

seldom i64 vmo_resize(struct vmo *vmo, u64 size)
{
    spin_lock(&vmo->lock);
    i64 result = resize_locked(vmo, size);
    spin_unlock(&vmo->lock);
    return result;
}

/* Object locked. */
static seldom i64 decommit_piece(struct vmo *vmo, u64 *index, u64 end)
{
    if (vmo->closed == VMO_FROZEN) {
        wait_queue_park(&vmo->waiters, *index);
        return -PARKED;
    }
    if (!pagetree_next(&vmo->pages, index, end)) {
        *index = end;
        return 0;
    }
    u64 stop = first_pinned(vmo, *index, min((*index | 63) + 1, end));
    if (stop == *index)
        return -EBUSY;
    drop_piece(vmo, index, stop);
    *index = stop;
    return 0;
}

seldom i64 vmo_decommit(struct vmo *vmo, u64 first, u64 end, u64 *done)
{
    u64 index = first;
    spin_lock(&vmo->lock);
    i64 error = decommit_piece(vmo, &index, end);
    spin_unlock(&vmo->lock);
    *done = min(index, end) - first;
    return error;
}

/* ---- The end
 * ---------------------------------------------------------------------------------------------- */

static void vmo_free(struct quiesce_node *node)
{
    struct vmo *vmo = container_of(node, struct vmo, quiesce);
    struct budget *budget = vmo->budget;
    slab_free(&vmo_cache, vmo, budget);
    if (budget)
        budget_put(budget);
}

/* Frees some pages of an object that nobody can name; true when it is gone. */
static seldom bool free_piece(struct reap *reap)
{
    struct vmo *vmo = container_of(reap, struct vmo, reap);
    u64 index = 0;
    bool more = true;
    spin_lock(&vmo->lock);
    for (u32 i = 0; more && i < FREE_PIECE / 64; i++)
        more = drop_piece(vmo, &index, UINT64_MAX);
    bool done = !more && pagetree_clear(&vmo->pages, FREE_PIECE);
    spin_unlock(&vmo->lock);
    if (done)
        quiesce_free(&vmo->quiesce, vmo_free);
    return done;
}

seldom void vmo_destroy(struct object *object)
{
    struct vmo *vmo = container_of(object, struct vmo, object);
    /* Another CPU may have looked it up before its last handle was closed. */
    spin_lock(&vmo->lock);
    vmo->closed = VMO_DYING;
    spin_unlock(&vmo->lock);
    if (vmo->pager)
        pager_destroy(vmo);
    if (vmo->origin)
        object_put(&vmo->origin->object);
    if (vmo->kind == VMO_CONTIGUOUS && vmo->physical) {
        page_free(vmo->physical, vmo->order);
        budget_uncharge(vmo->budget, PAGE_SIZE << vmo->order);
    }
    if (!free_piece(&vmo->reap))
        reaper_add(&vmo->reap, free_piece);
}
