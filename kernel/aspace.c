/*
 * Address spaces: which ranges of which objects a task sees where.
 *
 * Mappings lie in a tree by address, under aspace->lock (level 2).  Page-table entries are entered
 * by faults (fault.c) and taken away here, under the object's lock (level 4): whoever finds a
 * mapping under the first and takes the second before letting go can rely on it.
 *
 * Taking entries away is cut into pieces: each function that does so says how far it has come.
 */
#include "cpu.h"
#include "slab.h"
#include "vmo_internal.h"
#include "x86/tlb.h"

static struct slab_cache aspace_cache = SLAB_CACHE("aspace", sizeof(struct aspace), 16);
static struct slab_cache mapping_cache = SLAB_CACHE("mapping", sizeof(struct mapping), 16);

/* Page-table entries that are taken away at once. */
#define PIECE 64u
/* What a dying address space gives up at once. */
#define DESTROY_ENTRIES 256u
#define DESTROY_TABLES 64u

seldom struct aspace *aspace_create(struct budget *budget)
{
    struct aspace *aspace = slab_alloc(&aspace_cache, budget);
    if (!aspace)
        return NULL;
    aspace->budget = budget;
    aspace->full_below = USER_BASE;
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

static struct mapping *mapping_of(struct tree_node *node)
{
    return node ? container_of(node, struct mapping, node) : NULL;
}

/* ---- Taking page-table entries away
 * -------------------------------------------------------------- */

/*
 * Clears or write-protects at most *left entries from `at` up to `end`, all of one locked object,
 * and flushes.  Where it stopped.  A large page's entry goes as a whole: faults enter again what is
 * left.
 */
static u64 clear_range(struct aspace *aspace, u64 at, u64 end, bool only_write, u32 *left)
{
    u64 first = 0, last = 0, bytes, *slot;
    while ((slot = pagetable_next(aspace, &at, end, &bytes)) && *left) {
        u64 entry = *slot;
        --*left;
        if (!only_write || (entry & PTE_WRITE)) {
            atomic_store(slot, only_write && bytes == PAGE_SIZE ? entry & ~(u64)PTE_WRITE : 0);
            if (!last)
                first = at;
            last = at + PAGE_SIZE;
        }
        at = (at & ~(bytes - 1)) + bytes;
    }
    if (last)
        tlb_flush(aspace, first, (last - first) / PAGE_SIZE);
    return slot ? at : end;
}

void vmo_unmap_pages(struct vmo *vmo, u64 first, u64 last, bool only_write)
{
    u64 from = first * PAGE_SIZE, to = (last + 1) * PAGE_SIZE;
    list_for_each (node, &vmo->mappings) {
        struct mapping *mapping = list_entry(node, struct mapping, vmo_link);
        u64 start = max(from, mapping->offset), end = min(to, mapping->offset + mapping->length);
        u64 move = mapping->node.key - mapping->offset;
        u32 all = UINT32_MAX;
        if (mapping->entered && start < end)
            clear_range(mapping->aspace, start + move, end + move, only_write, &all);
    }
}

/* ---- Mappings
 * ------------------------------------------------------------------------------------ */

/* A mapping of what is alive; it takes references. NULL with *error set. */
static struct mapping *mapping_new(struct aspace *aspace, struct vmo *vmo, struct loan *loan,
                                   i64 *error)
{
    struct mapping *mapping = slab_alloc_unset(&mapping_cache, aspace->budget);
    *error = -ENOMEM;
    if (unlikely(!mapping))
        return NULL;
    *error = -EBADF;
    if (unlikely(loan && !object_get_live(&loan->object)))
        goto free;
    if (unlikely(!object_get_if_live(&vmo->object)))
        goto put;
    mapping->node.height = 0;
    mapping->aspace = aspace;
    mapping->vmo = vmo;
    mapping->loan = loan;
    mapping->entered = false;
    list_init(&mapping->loan_link);
    *error = 0;
    return mapping;
put:
    if (loan)
        object_put(&loan->object);
free:
    slab_free(&mapping_cache, mapping, aspace->budget);
    return NULL;
}

/* Gives up what a mapping that is linked nowhere referred to. No locks held. */
static void mapping_free(struct mapping *mapping)
{
    struct loan *loan = mapping->loan;
    struct vmo *vmo = mapping->vmo;
    slab_free_hot(&mapping_cache, mapping, mapping->aspace->budget);
    if (unlikely(loan))
        object_put(&loan->object);
    object_put(&vmo->object);
}

/* Links a mapping to its loan: 0, -EREVOKED, or -ENOMEM if so much of it is mapped already. */
static rarely i64 link_to_loan(struct mapping *mapping)
{
    struct loan *loan = mapping->loan;
    spin_lock(&loan->lock);
    i64 error = loan->state != LOAN_LIVE ? -EREVOKED : 0;
    if (!loan->slice && loan->mapped + mapping->length > 2 * LOAN_BYTES_MAX)
        error = error ? error : -ENOMEM;
    if (!error) {
        list_append(&loan->mappings, &mapping->loan_link);
        loan->mapped += mapping->length;
    }
    spin_unlock(&loan->lock);
    return error;
}

/* Links a filled mapping everywhere, in the tree right behind another (NULL: first). Address space
 * locked. */
static inline i64 link_mapping(struct mapping *mapping, struct tree_node *previous)
{
    struct vmo *vmo = mapping->vmo;
    i64 error = unlikely(mapping->loan) ? link_to_loan(mapping) : 0;
    if (unlikely(error))
        return error;
    spin_lock(&vmo->lock);
    list_append(&vmo->mappings, &mapping->vmo_link);
    spin_unlock(&vmo->lock);
    tree_insert_behind(&mapping->aspace->mappings, previous, &mapping->node);
    mapping->aspace->mapped += mapping->length;
    mapping->aspace->recent = mapping;
    return 0;
}

/* Changes where a mapping starts and how long it is, its entries elsewhere gone. All locked. */
static rarely void reshape(struct mapping *mapping, u64 skip, u64 length)
{
    struct loan *loan = mapping->loan;
    u64 less = mapping->length - length;
    spin_lock(&mapping->vmo->lock);
    mapping->node.key += skip;
    mapping->offset += skip;
    mapping->length = length;
    spin_unlock(&mapping->vmo->lock);
    mapping->aspace->mapped -= less;
    if (loan) {
        spin_lock(&loan->lock);
        loan->mapped -= less;
        spin_unlock(&loan->lock);
    }
}

/* Takes a mapping out of the tree. Address space locked. */
static inline void forget(struct mapping *mapping)
{
    struct aspace *aspace = mapping->aspace;
    tree_remove(&aspace->mappings, &mapping->node);
    aspace->mapped -= mapping->length;
    aspace->recent = NULL;
    aspace->full_below = min(aspace->full_below, mapping->node.key);
}

/* Takes a mapping through a loan out of the tree and all lists, and its entries. Address space
 * locked. */
static rarely void unlink_from_loan(struct mapping *mapping)
{
    struct loan *loan = mapping->loan;
    u32 all = UINT32_MAX;
    forget(mapping);
    /* With the loan locked all the while, who ends it finds either the mapping or its entries gone.
     */
    spin_lock(&loan->lock);
    list_remove(&mapping->loan_link);
    loan->mapped -= mapping->length;
    spin_lock(&mapping->vmo->lock);
    clear_range(mapping->aspace, mapping->node.key, mapping_end(mapping), false, &all);
    list_remove(&mapping->vmo_link);
    spin_unlock(&mapping->vmo->lock);
    spin_unlock(&loan->lock);
}

/*
 * Clears entries of [from, to), which a mapping starts with; takes it away as far as that came: the
 * whole of it if it is returned, to be freed.  *reached: where.  Address space locked.
 */
static struct mapping *unmap_front(struct mapping *mapping, u64 to, u32 *left, u64 *reached)
{
    struct aspace *aspace = mapping->aspace;
    struct vmo *vmo = mapping->vmo;
    u64 from = mapping->node.key, at = to;
    spin_lock(&vmo->lock);
    if (mapping->entered)
        at = clear_range(aspace, from, to, false, left);
    bool all = at == mapping_end(mapping);
    if (likely(all) && likely(!mapping->loan))
        list_remove(&mapping->vmo_link);
    spin_unlock(&vmo->lock);
    *reached = at;
    if (likely(all)) {
        if (unlikely(mapping->loan))
            unlink_from_loan(mapping);
        else
            forget(mapping);
        return mapping;
    }
    /* Its place among the others stays the same, whatever the key. */
    reshape(mapping, at - from, mapping->length - (at - from));
    aspace->full_below = min(aspace->full_below, from);
    return NULL;
}

/* ---- Mapping
 * -------------------------------------------------------------------------------------- */

/* The first gap of `length` bytes at or above `from`, and what it is behind; 0: none. Address space
 * locked. */
static u64 find_gap(struct aspace *aspace, u64 from, u64 length, struct tree_node **previous)
{
    u64 at = max(from, aspace->full_below);
    struct tree_node *node = tree_floor(&aspace->mappings, at), *next;
    if (node)
        at = max(at, mapping_end(mapping_of(node)));
    next = node ? tree_next(node) : tree_first(&aspace->mappings);
    for (; next && next->key - at < length; next = tree_next(next)) {
        at = mapping_end(mapping_of(next));
        node = next;
    }
    *previous = node;
    return range_exceeds(at, length, USER_LIMIT) ? 0 : at;
}

static bool is_free(struct aspace *aspace, u64 address, u64 length, struct tree_node **previous)
{
    struct tree_node *before = tree_floor(&aspace->mappings, address);
    *previous = before;
    if (before && mapping_end(mapping_of(before)) > address)
        return false;
    struct tree_node *after = before ? tree_next(before) : tree_first(&aspace->mappings);
    return !after || after->key >= address + length;
}

/* Where a mapping may go, and what it is behind; 0 with *error set if nowhere. Address space
 * locked. */
static u64 choose_place(struct aspace *aspace, u64 address, u64 length, u32 flags,
                        struct tree_node **previous, i64 *error)
{
    if (flags & MAP_FIXED) {
        *error = is_free(aspace, address, length, previous) ? 0 : -EEXIST;
        return address;
    }
    u64 place = find_gap(aspace, address, length, previous);
    if (!place && address)
        place = find_gap(aspace, 0, length, previous);
    *error = place ? 0 : -ENOMEM;
    /* Gaps below are too short for this one only; there is none at all if this closes the first. */
    if (place == aspace->full_below)
        aspace->full_below = place + length;
    return place;
}

static u32 allowed_access(u32 rights)
{
    return (rights & RIGHT_READ ? MAP_READ : 0) | (rights & RIGHT_WRITE ? MAP_WRITE : 0) |
           (rights & RIGHT_EXECUTE ? MAP_EXECUTE : 0);
}

i64 aspace_map(struct aspace *aspace, const struct span *span, u64 offset, u64 length, u64 address,
               u32 flags)
{
    i64 error;
    struct mapping *mapping = mapping_new(aspace, span->vmo, span->loan, &error);
    if (unlikely(!mapping))
        return error;
    mapping->length = length;
    mapping->offset = span->offset + offset;
    mapping->access = flags & (MAP_READ | MAP_WRITE | MAP_EXECUTE);
    mapping->allowed = allowed_access(span->rights);
    error = -EDEAD;
    spin_lock(&aspace->lock);
    if (likely(!aspace->dying)) {
        struct tree_node *previous;
        mapping->node.key = choose_place(aspace, address, length, flags, &previous, &error);
        if (likely(!error)) {
            error = link_mapping(mapping, previous);
            if (unlikely(error))
                aspace->full_below = min(aspace->full_below, mapping->node.key);
        }
    }
    i64 place = (i64)mapping->node.key;
    spin_unlock(&aspace->lock);
    if (likely(!error))
        return place;
    mapping_free(mapping);
    return error;
}

/* Splits the mapping that contains `at` inside, so that one begins there: 0 or -ENOMEM. Address
 * space locked. */
static rarely i64 split(struct aspace *aspace, u64 at)
{
    i64 error;
    struct mapping *mapping = mapping_at(aspace, at), *upper;
    if (!mapping || mapping->node.key == at)
        return 0;
    upper = mapping_new(aspace, mapping->vmo, mapping->loan, &error);
    if (!upper)
        return error;
    u64 lower_length = at - mapping->node.key;
    upper->node.key = at;
    upper->length = mapping->length - lower_length;
    upper->offset = mapping->offset + lower_length;
    upper->access = mapping->access;
    upper->allowed = mapping->allowed;
    upper->entered = true;
    if (mapping->loan) {
        /* Though the loan may be ending: who ends it has not found the lower part yet, and finds
         * both. */
        spin_lock(&mapping->loan->lock);
        list_append(&mapping->loan->mappings, &upper->loan_link);
        spin_unlock(&mapping->loan->lock);
    }
    spin_lock(&mapping->vmo->lock);
    mapping->length = lower_length;
    list_append(&mapping->vmo->mappings, &upper->vmo_link);
    spin_unlock(&mapping->vmo->lock);
    tree_insert_behind(&aspace->mappings, &mapping->node, &upper->node);
    return 0;
}

/* ---- Unmapping and protecting
 * --------------------------------------------------------------------- */

i64 aspace_unmap(struct aspace *aspace, u64 address, u64 length, u64 *done)
{
    struct mapping *gone = NULL;
    u64 end = address + length, reached = end;
    u32 left = PIECE;
    i64 error = 0;
    spin_lock(&aspace->lock);
    struct mapping *mapping = mapping_at(aspace, address);
    if (!mapping)
        mapping = mapping_of(tree_ceiling(&aspace->mappings, address));
    if (mapping && mapping->node.key < end) {
        u64 from = max(mapping->node.key, address), to = min(mapping_end(mapping), end);
        if (from != mapping->node.key) {
            error = split(aspace, from);
            mapping = mapping_at(aspace, from);
        }
        reached = to;
        if (!error && mapping)
            gone = unmap_front(mapping, to, &left, &reached);
    }
    spin_unlock(&aspace->lock);
    *done = reached - address;
    if (gone)
        mapping_free(gone);
    return error;
}

/* Whether all of a range is mapped and may have this access. Address space locked. */
static seldom i64 check_protect(struct aspace *aspace, u64 address, u64 end, u32 access)
{
    struct mapping *mapping = mapping_at(aspace, address);
    for (; address < end; mapping = mapping_of(tree_next(&mapping->node))) {
        if (!mapping || mapping->node.key > address)
            return -EFAULT;
        if (access & ~mapping->allowed)
            return -EPERM;
        address = mapping_end(mapping);
        if (address >= end)
            break;
    }
    return 0;
}

/* Makes the mapping at a boundary of the range begin there, unless its access is the new one
 * already. */
static seldom i64 split_unless(struct aspace *aspace, u64 at, u32 access)
{
    struct mapping *mapping = mapping_at(aspace, at);
    return !mapping || mapping->access == access ? 0 : split(aspace, at);
}

seldom i64 aspace_protect(struct aspace *aspace, u64 address, u64 length, u32 access, u64 *done)
{
    u64 end = address + length, at = address;
    u32 left = PIECE;
    spin_lock(&aspace->lock);
    i64 error = check_protect(aspace, address, end, access);
    if (!error)
        error = split_unless(aspace, address, access);
    if (!error)
        error = split_unless(aspace, end, access);
    /* Faults enter the pages again, with the new access. */
    while (!error && at < end && left) {
        struct mapping *mapping = mapping_at(aspace, at);
        if (!mapping) {
            error = -EFAULT;
            break;
        }
        u64 to = min(mapping_end(mapping), end);
        spin_lock(&mapping->vmo->lock);
        mapping->access = access;
        at = clear_range(aspace, at, to, false, &left);
        spin_unlock(&mapping->vmo->lock);
        if (left)
            left--;
    }
    spin_unlock(&aspace->lock);
    *done = at - address;
    return error;
}

/* ---- What a loan was mapped by
 * --------------------------------------------------------------------- */

/* Removes the mapping of a loan at an address, if it is still there. */
static seldom void unmap_loan_at(struct aspace *aspace, u64 address, struct loan *loan)
{
    spin_lock(&aspace->lock);
    struct mapping *mapping = mapping_at(aspace, address);
    bool found = mapping && mapping->loan == loan;
    if (found)
        unlink_from_loan(mapping);
    spin_unlock(&aspace->lock);
    if (found)
        mapping_free(mapping);
}

seldom void aspace_unmap_loan(struct loan *loan)
{
    for (;;) {
        /* The lists lead from the loan to the address space, whose lock comes first: so look again.
         */
        spin_lock(&loan->lock);
        bool found = !list_empty(&loan->mappings);
        struct mapping *mapping = list_first(&loan->mappings, struct mapping, loan_link);
        struct aspace *aspace = found ? mapping->aspace : NULL;
        u64 address = found ? mapping->node.key : 0;
        spin_unlock(&loan->lock);
        if (!found)
            return;
        unmap_loan_at(aspace, address, loan);
    }
}

/* ---- The end
 * --------------------------------------------------------------------------------------- */

static void aspace_free(struct quiesce_node *node)
{
    struct aspace *aspace = container_of(node, struct aspace, quiesce);
    struct budget *budget = aspace->budget;
    slab_free(&aspace_cache, aspace, budget);
    budget_put(budget);
}

seldom bool aspace_destroy_piece(struct aspace *aspace)
{
    for (u32 left = DESTROY_ENTRIES; left;) {
        u64 reached;
        struct mapping *gone = NULL;
        spin_lock(&aspace->lock);
        struct mapping *mapping = mapping_of(tree_first(&aspace->mappings));
        if (mapping)
            gone = unmap_front(mapping, mapping_end(mapping), &left, &reached);
        spin_unlock(&aspace->lock);
        if (!mapping) {
            if (!pagetable_free(aspace, DESTROY_TABLES))
                return false;
            quiesce_free(&aspace->quiesce, aspace_free);
            return true;
        }
        if (gone) {
            mapping_free(gone);
            left -= min(left, 16u);
        }
    }
    return false;
}
