/*
 * VM objects: pages of memory that outlive any mapping; see vmo.h and, for their insides,
 * vmo_internal.h.
 */
#include "cpu.h"
#include "slab.h"
#include "vmo_internal.h"

static struct slab_cache vmo_cache = SLAB_CACHE("vmo", sizeof(struct vmo), 16);

/* Pages that a dying object frees at once. */
#define FREE_PIECE 512u

struct object *vmo_object(struct vmo *vmo)
{
    return &vmo->object;
}

struct vmo *vmo_create(enum vmo_kind kind, u64 size, struct budget *budget)
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

struct vmo *vmo_create_anonymous(u64 bytes, struct budget *budget)
{
    return vmo_create(VMO_ANONYMOUS, bytes, budget);
}

struct vmo *vmo_create_kernel_physical(u64 physical, u64 bytes, enum vmo_cache cache)
{
    struct vmo *vmo = vmo_create(VMO_PHYSICAL, bytes, NULL);
    if (vmo) {
        vmo->physical = physical;
        vmo->cache = (u8)cache;
    }
    return vmo;
}

bool vmo_is_memory(const struct vmo *vmo)
{
    if (vmo->kind != VMO_PHYSICAL)
        return true;
    for (u64 at = 0; at < vmo->size; at += LARGE_PAGE_SIZE)
        if (!memory_is_direct(vmo->physical + at))
            return false;
    return memory_is_direct(vmo->physical + vmo->size - 1);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

int vmo_new_page(struct vmo *vmo, u64 *entry, u64 flags)
{
    if (vmo->budget && unlikely(!budget_charge(vmo->budget, PAGE_SIZE)))
        return -ENOMEM;
    u64 physical = page_alloc_zeroed(0, PAGE_USER);
    if (unlikely(!physical)) {
        if (vmo->budget)
            budget_uncharge(vmo->budget, PAGE_SIZE);
        return -ENOMEM;
    }
    *entry = physical | (*entry & ENTRY_FLAGS) | flags;
    vmo->resident++;
    return 0;
}

static void release_page(u64 physical)
{
    if (atomic_sub(&phys_to_page(physical)->references, 1) == 0)
        page_free(physical, 0);
}

void vmo_drop_page(struct vmo *vmo, u64 *entry)
{
    u64 physical = *entry & ~(u64)ENTRY_FLAGS;
    *entry = 0;
    if (!physical)
        return;
    vmo->resident--;
    release_page(physical);
    if (vmo->budget)
        budget_uncharge(vmo->budget, PAGE_SIZE);
}

int vmo_own_page(struct vmo *vmo, u64 index, u64 *entry)
{
    u64 shared = *entry & ~(u64)ENTRY_FLAGS, copy = page_alloc(0, PAGE_USER);
    if (!copy)
        return -ENOMEM;
    memcpy(phys_to_virt(copy), phys_to_virt(shared), PAGE_SIZE);
    *entry = copy | (*entry & ENTRY_FLAGS);
    /* Nobody who shows the object shall go on seeing the old one. */
    if (!list_empty(&vmo->mappings))
        vmo_unmap_pages(vmo, index, index, false);
    release_page(shared);
    return 0;
}

/* The page of a clone that has not taken it from its origin yet. */
static int take_from_origin(struct vmo *vmo, u64 index, bool write, u64 *entry)
{
    struct vmo *origin = vmo->origin;
    u64 *theirs, physical, at = index + vmo->origin_offset / PAGE_SIZE;
    spin_lock(&origin->lock);
    int error =
        at < origin->size / PAGE_SIZE ? vmo_page(origin, at, false, &theirs, &physical) : -ERANGE;
    if (!error && vmo->budget && !budget_charge(vmo->budget, PAGE_SIZE))
        error = -ENOMEM;
    if (!error) {
        struct page *page = phys_to_page(physical);
        u64 own = physical;
        /* One that a device or loan may write cannot be shared; one that is wanted for writing need
         * not. */
        if (write || atomic_load(&page->pins)) {
            own = page_alloc(0, PAGE_USER);
            if (own)
                memcpy(phys_to_virt(own), phys_to_virt(physical), PAGE_SIZE);
        } else {
            atomic_add(&page->references, 1);
            vmo_unmap_pages(origin, at, at, true);
        }
        if (own) {
            *entry = own;
            vmo->resident++;
        } else {
            budget_uncharge(vmo->budget, PAGE_SIZE);
            error = -ENOMEM;
        }
    }
    spin_unlock(&origin->lock);
    return error;
}

static int fill(struct vmo *vmo, u64 index, bool write, u64 *entry)
{
    if (vmo->pager)
        return pager_page(vmo, index, write, entry);
    if (vmo->origin)
        return take_from_origin(vmo, index, write, entry);
    return vmo_new_page(vmo, entry, 0);
}

bool vmo_may_write(const struct vmo *vmo, u64 entry)
{
    if (vmo->frozen || (vmo->pager && !(entry & ENTRY_DIRTY)))
        return false;
    return atomic_load(&phys_to_page(entry & ~(u64)ENTRY_FLAGS)->references) == 1;
}

int vmo_page(struct vmo *vmo, u64 index, bool write, u64 **entry, u64 *physical)
{
    if (vmo->kind == VMO_PHYSICAL || vmo->kind == VMO_CONTIGUOUS) {
        *entry = NULL;
        *physical = vmo->physical + index * PAGE_SIZE;
        return 0;
    }
    if (unlikely(write && vmo->frozen)) {
        wait_queue_park(&vmo->waiters, index);
        return -PARKED;
    }
    u64 *slot = pagetree_slot(&vmo->pages, index, true);
    if (unlikely(!slot))
        return -ENOMEM;
    int error = 0;
    bool absent = !(*slot & ~(u64)ENTRY_FLAGS);
    if (absent || vmo->pager)
        error = fill(vmo, index, write, slot);
    /* A page that has just been filled for writing is the object's own already. */
    if (likely(!error) && write && !absent &&
        unlikely(atomic_load(&phys_to_page(*slot & ~(u64)ENTRY_FLAGS)->references) > 1))
        error = vmo_own_page(vmo, index, slot);
    *entry = slot;
    *physical = *slot & ~(u64)ENTRY_FLAGS;
    return error;
}

static bool any_pinned(struct vmo *vmo, u64 first, u64 end)
{
    u64 *entry;
    for (; (entry = pagetree_next(&vmo->pages, &first, end)); first++)
        if ((*entry & ~(u64)ENTRY_FLAGS) &&
            atomic_load(&phys_to_page(*entry & ~(u64)ENTRY_FLAGS)->pins))
            return true;
    return false;
}

i64 vmo_drop_range(struct vmo *vmo, u64 first, u64 end, u64 most, u64 *dropped, bool wake)
{
    u64 *entry, index = first;
    *dropped = 0;
    spin_lock(&vmo->lock);
    if (vmo->frozen) {
        wait_queue_park(&vmo->waiters, first);
        spin_unlock(&vmo->lock);
        return -PARKED;
    }
    if (any_pinned(vmo, first, end)) {
        spin_unlock(&vmo->lock);
        return -EBUSY;
    }
    for (; *dropped < most && (entry = pagetree_next(&vmo->pages, &index, end)); index++) {
        vmo_unmap_pages(vmo, index, index, false);
        vmo_drop_page(vmo, entry);
        ++*dropped;
    }
    if (wake)
        wait_queue_wake(&vmo->waiters, first, end, -ERANGE);
    spin_unlock(&vmo->lock);
    return 0;
}

int vmo_take_page(struct vmo *vmo, u64 index, u64 *physical)
{
    u64 *entry;
    spin_lock(&vmo->lock);
    int error = vmo_page(vmo, index, true, &entry, physical);
    if (!error && atomic_load(&phys_to_page(*physical)->pins))
        error = -EBUSY;
    if (!error) {
        vmo_unmap_pages(vmo, index, index, false);
        *entry = 0;
        vmo->resident--;
        if (vmo->budget)
            budget_uncharge(vmo->budget, PAGE_SIZE);
    }
    spin_unlock(&vmo->lock);
    return error;
}

int vmo_copy_in(struct vmo *vmo, u64 offset, const void *from, u64 length)
{
    const u8 *bytes = from;
    while (length) {
        u64 *entry, physical, within = offset & (PAGE_SIZE - 1),
                              part = min(length, PAGE_SIZE - within);
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

/* ---- The end --------------------------------------------------------------------------------- */

static void vmo_free(struct quiesce_node *node)
{
    struct vmo *vmo = container_of(node, struct vmo, quiesce);
    struct budget *budget = vmo->budget;
    slab_free(&vmo_cache, vmo, budget);
    if (budget)
        budget_put(budget);
}

/* Frees some pages of an object that nobody can name; true when it is gone. */
static bool free_piece(struct reap *reap)
{
    struct vmo *vmo = container_of(reap, struct vmo, reap);
    u64 index = 0, *entry;
    for (u32 i = 0; i < FREE_PIECE; i++) {
        entry = pagetree_next(&vmo->pages, &index, UINT64_MAX);
        if (!entry) {
            pagetree_clear(&vmo->pages);
            quiesce_free(&vmo->quiesce, vmo_free);
            return true;
        }
        vmo_drop_page(vmo, entry);
    }
    return false;
}

void vmo_destroy(struct object *object)
{
    struct vmo *vmo = container_of(object, struct vmo, object);
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
