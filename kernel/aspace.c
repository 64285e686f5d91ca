/*
 * Address spaces: which ranges of which objects a task sees where.
 *
 * Mappings lie in a tree by address, under aspace->lock (level 2). Page-table entries are entered
 * by faults (fault.c) and taken away here, under the object's lock (level 4): whoever finds a
 * mapping under the first and takes the second before letting go can rely on it.
 */
#include "cpu.h"
#include "slab.h"
#include "vmo_internal.h"
#include "x86/tlb.h"

static struct slab_cache aspace_cache = SLAB_CACHE("aspace", sizeof(struct aspace), 16);
static struct slab_cache mapping_cache = SLAB_CACHE("mapping", sizeof(struct mapping), 16);

/* Mappings that a dying address space gives up at once, pages of each, and tables. */
#define DESTROY_MAPPINGS 8u
#define DESTROY_TABLES 64u

struct aspace *aspace_create(struct budget *budget)
{
    struct aspace *aspace = slab_alloc(&aspace_cache, budget);
    if (!aspace)
        return NULL;
    aspace->budget = budget;
    if (!pagetable_init(aspace)) {
        slab_free(&aspace_cache, aspace, budget);
        return NULL;
    }
    budget_get(budget);
    return aspace;
}

u64 aspace_mapped_bytes(const struct aspace *aspace)
{
    return aspace->mapped;
}

static u64 mapping_end(const struct mapping *mapping)
{
    return mapping->node.key + mapping->length;
}

static struct mapping *mapping_of(struct tree_node *node)
{
    return node ? container_of(node, struct mapping, node) : NULL;
}

/* ---- Taking page-table entries away ---------------------------------------------------------- */

/* In [address, end) of a mapping whose object is locked. */
static void clear_range(struct mapping *mapping, u64 address, u64 end, bool only_write)
{
    struct aspace *aspace = mapping->aspace;
    u64 first = 0, last = 0;
    for (u64 at = address; at < end; at += PAGE_SIZE) {
        u64 *slot = pagetable_slot(aspace, at, false);
        if (!slot) {
            /* Nothing in this table: on to the next. */
            at |= LARGE_PAGE_SIZE - PAGE_SIZE;
            continue;
        }
        u64 entry = *slot;
        if (!(entry & PTE_PRESENT) || (only_write && !(entry & PTE_WRITE)))
            continue;
        atomic_store(slot, only_write ? entry & ~(u64)PTE_WRITE : 0);
        if (!last)
            first = at;
        last = at + PAGE_SIZE;
    }
    if (last)
        tlb_flush(aspace, first, (last - first) / PAGE_SIZE);
}

void vmo_unmap_pages(struct vmo *vmo, u64 first, u64 last, bool only_write)
{
    u64 from = first * PAGE_SIZE, to = (last + 1) * PAGE_SIZE;
    list_for_each (node, &vmo->mappings) {
        struct mapping *mapping = list_entry(node, struct mapping, vmo_link);
        u64 start = max(from, mapping->offset), end = min(to, mapping->offset + mapping->length);
        if (start < end)
            clear_range(mapping, mapping->node.key + (start - mapping->offset),
                        mapping->node.key + (end - mapping->offset), only_write);
    }
}

/* ---- Mappings -------------------------------------------------------------------------------- */

static struct mapping *mapping_new(struct aspace *aspace, struct vmo *vmo, struct loan *loan)
{
    struct mapping *mapping = slab_alloc(&mapping_cache, aspace->budget);
    if (!mapping)
        return NULL;
    mapping->aspace = aspace;
    mapping->vmo = vmo;
    mapping->loan = loan;
    list_init(&mapping->vmo_link);
    list_init(&mapping->loan_link);
    return mapping;
}

/* Links a filled mapping everywhere; it takes references. Address space locked. */
static bool link_mapping(struct mapping *mapping)
{
    struct loan *loan = mapping->loan;
    if (loan) {
        spin_lock(&loan->lock);
        bool over =
            loan->revoked || (loan->pinned && loan->mapped + mapping->length > LOAN_BYTES_MAX);
        if (!over) {
            list_append(&loan->mappings, &mapping->loan_link);
            loan->mapped += mapping->length;
            object_get(&loan->object);
        }
        spin_unlock(&loan->lock);
        if (over)
            return false;
    }
    object_get(&mapping->vmo->object);
    spin_lock(&mapping->vmo->lock);
    list_append(&mapping->vmo->mappings, &mapping->vmo_link);
    spin_unlock(&mapping->vmo->lock);
    tree_insert(&mapping->aspace->mappings, &mapping->node);
    mapping->aspace->mapped += mapping->length;
    return true;
}

/* Out of the tree and of its object's list, its entries gone. Address space locked; the rest:
 * mapping_free. */
static void unlink_mapping(struct mapping *mapping)
{
    struct aspace *aspace = mapping->aspace;
    tree_remove(&aspace->mappings, &mapping->node);
    aspace->mapped -= mapping->length;
    spin_lock(&mapping->vmo->lock);
    clear_range(mapping, mapping->node.key, mapping_end(mapping), false);
    list_remove(&mapping->vmo_link);
    spin_unlock(&mapping->vmo->lock);
}

/* Gives up what an unlinked mapping referred to. No locks held. */
static void mapping_free(struct mapping *mapping)
{
    struct loan *loan = mapping->loan;
    struct vmo *vmo = mapping->vmo;
    if (loan) {
        spin_lock(&loan->lock);
        list_remove(&mapping->loan_link);
        loan->mapped -= mapping->length;
        spin_unlock(&loan->lock);
        object_put(&loan->object);
    }
    slab_free(&mapping_cache, mapping, mapping->aspace->budget);
    object_put(&vmo->object);
}

void mapping_revoke(struct mapping *mapping)
{
    /* Only the entries go now: the loan is dead, so nothing can be entered any more. */
    spin_lock(&mapping->vmo->lock);
    clear_range(mapping, mapping->node.key, mapping_end(mapping), false);
    spin_unlock(&mapping->vmo->lock);
}

/* The first gap of `length` bytes at or above `from`; 0: none. Address space locked. */
static u64 find_gap(struct aspace *aspace, u64 from, u64 length)
{
    u64 at = max(from, USER_BASE);
    struct mapping *before = mapping_of(tree_floor(&aspace->mappings, at));
    if (before && mapping_end(before) > at)
        at = mapping_end(before);
    for (struct tree_node *node = tree_ceiling(&aspace->mappings, at); node;
         node = tree_next(node)) {
        if (node->key - at >= length)
            break;
        at = mapping_end(mapping_of(node));
    }
    return range_exceeds(at, length, USER_LIMIT) ? 0 : at;
}

static bool is_free(struct aspace *aspace, u64 address, u64 length)
{
    struct mapping *before = mapping_of(tree_floor(&aspace->mappings, address));
    struct tree_node *after = before ? tree_next(&before->node) : tree_first(&aspace->mappings);
    return !(before && mapping_end(before) > address) && !(after && after->key < address + length);
}

static u32 allowed_access(u32 rights)
{
    return (rights & RIGHT_READ ? MAP_READ : 0) | (rights & RIGHT_WRITE ? MAP_WRITE : 0) |
           (rights & RIGHT_EXECUTE ? MAP_EXECUTE : 0);
}

/* Where a mapping may go; 0 with *error set if nowhere. */
static u64 choose_place(struct aspace *aspace, u64 address, u64 length, u32 flags, i64 *error)
{
    if (!(flags & MAP_FIXED)) {
        u64 place = find_gap(aspace, address, length);
        if (!place && address)
            place = find_gap(aspace, 0, length);
        *error = place ? 0 : -ENOMEM;
        return place;
    }
    *error = is_free(aspace, address, length) ? 0 : -EEXIST;
    return *error ? 0 : address;
}

i64 aspace_map(struct aspace *aspace, const struct span *span, u64 offset, u64 length, u64 address,
               u32 flags)
{
    struct mapping *mapping = mapping_new(aspace, span->vmo, span->loan);
    if (!mapping)
        return -ENOMEM;
    mapping->length = length;
    mapping->offset = span->offset + offset;
    mapping->access = flags & (MAP_READ | MAP_WRITE | MAP_EXECUTE);
    mapping->allowed = allowed_access(span->rights);
    i64 error;
    spin_lock(&aspace->lock);
    if (unlikely(aspace->dying)) {
        error = -EDEAD;
    } else {
        mapping->node.key = choose_place(aspace, address, length, flags, &error);
        if (!error && !link_mapping(mapping))
            error = span->loan->revoked ? -EREVOKED : -E2BIG;
    }
    spin_unlock(&aspace->lock);
    if (error) {
        slab_free(&mapping_cache, mapping, aspace->budget);
        return error;
    }
    return (i64)mapping->node.key;
}

/* Splits the mapping that contains `at` inside, so that one begins there. Address space locked. */
static bool split(struct aspace *aspace, u64 at)
{
    struct mapping *mapping = mapping_of(tree_floor(&aspace->mappings, at));
    if (!mapping || mapping->node.key == at || mapping_end(mapping) <= at)
        return true;
    struct mapping *upper = mapping_new(aspace, mapping->vmo, mapping->loan);
    if (!upper)
        return false;
    u64 lower_length = at - mapping->node.key;
    upper->node.key = at;
    upper->length = mapping->length - lower_length;
    upper->offset = mapping->offset + lower_length;
    upper->access = mapping->access;
    upper->allowed = mapping->allowed;
    spin_lock(&mapping->vmo->lock);
    mapping->length = lower_length;
    spin_unlock(&mapping->vmo->lock);
    aspace->mapped -= upper->length;
    if (mapping->loan) {
        spin_lock(&mapping->loan->lock);
        mapping->loan->mapped -= upper->length;
        spin_unlock(&mapping->loan->lock);
    }
    if (link_mapping(upper))
        return true;
    /* The loan has died in between: its entries are gone, and so may be this part. */
    slab_free(&mapping_cache, upper, aspace->budget);
    return true;
}

/* Takes `bytes` off the front of a longer mapping; needs no memory. Address space locked. */
static void trim_front(struct mapping *mapping, u64 bytes)
{
    struct aspace *aspace = mapping->aspace;
    tree_remove(&aspace->mappings, &mapping->node);
    spin_lock(&mapping->vmo->lock);
    clear_range(mapping, mapping->node.key, mapping->node.key + bytes, false);
    mapping->node.key += bytes;
    mapping->offset += bytes;
    mapping->length -= bytes;
    spin_unlock(&mapping->vmo->lock);
    tree_insert(&aspace->mappings, &mapping->node);
    aspace->mapped -= bytes;
    if (mapping->loan) {
        spin_lock(&mapping->loan->lock);
        mapping->loan->mapped -= bytes;
        spin_unlock(&mapping->loan->lock);
    }
}

i64 aspace_unmap(struct aspace *aspace, u64 address, u64 length, u64 *done)
{
    struct mapping *mapping = NULL;
    i64 error = 0;
    spin_lock(&aspace->lock);
    u64 end = address + length;
    *done = length;
    struct mapping *before = mapping_of(tree_floor(&aspace->mappings, address));
    bool inside = before && mapping_end(before) > address;
    struct mapping *next = inside ? before : mapping_of(tree_ceiling(&aspace->mappings, address));
    if (next && next->node.key < end) {
        u64 from = max(next->node.key, address);
        u64 to = min(min(mapping_end(next), end), from + UNMAP_PIECE);
        if (from != next->node.key && !split(aspace, from)) {
            error = -ENOMEM;
        } else {
            if (from != next->node.key)
                next = mapping_of(tree_floor(&aspace->mappings, from));
            if (to < mapping_end(next))
                trim_front(next, to - from);
            else
                unlink_mapping(mapping = next);
            *done = to - address;
        }
    }
    spin_unlock(&aspace->lock);
    if (mapping)
        mapping_free(mapping);
    return error;
}

/* Whether all of a range is mapped and may have this access. Address space locked. */
static i64 check_protect(struct aspace *aspace, u64 address, u64 end, u32 access)
{
    while (address < end) {
        struct mapping *mapping = mapping_of(tree_floor(&aspace->mappings, address));
        if (!mapping || mapping_end(mapping) <= address)
            return -EFAULT;
        if (access & ~mapping->allowed)
            return -EPERM;
        address = mapping_end(mapping);
    }
    return 0;
}

i64 aspace_protect(struct aspace *aspace, u64 address, u64 length, u32 access)
{
    u64 end = address + length;
    spin_lock(&aspace->lock);
    i64 error = check_protect(aspace, address, end, access);
    if (!error && (!split(aspace, address) || !split(aspace, end)))
        error = -ENOMEM;
    for (u64 at = address; !error && at < end;) {
        struct mapping *mapping = mapping_of(tree_floor(&aspace->mappings, at));
        spin_lock(&mapping->vmo->lock);
        mapping->access = access;
        /* Faults enter them anew, with the new access. */
        clear_range(mapping, mapping->node.key, mapping_end(mapping), false);
        spin_unlock(&mapping->vmo->lock);
        at = mapping_end(mapping);
    }
    spin_unlock(&aspace->lock);
    return error;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void aspace_free(struct quiesce_node *node)
{
    struct aspace *aspace = container_of(node, struct aspace, quiesce);
    struct budget *budget = aspace->budget;
    slab_free(&aspace_cache, aspace, budget);
    budget_put(budget);
}

bool aspace_destroy_piece(struct aspace *aspace)
{
    for (u32 i = 0; i < DESTROY_MAPPINGS; i++) {
        spin_lock(&aspace->lock);
        struct mapping *mapping = mapping_of(tree_first(&aspace->mappings));
        if (mapping)
            unlink_mapping(mapping);
        spin_unlock(&aspace->lock);
        if (!mapping) {
            if (!pagetable_free(aspace, DESTROY_TABLES))
                return false;
            quiesce_free(&aspace->quiesce, aspace_free);
            return true;
        }
        mapping_free(mapping);
    }
    return false;
}
