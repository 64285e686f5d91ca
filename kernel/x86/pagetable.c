/*
 * Four-level page tables (Intel SDM vol. 3, 4.5).  The kernel's half is shared by all: its 256 top
 * entries are there from boot on and never change.  An entry for a page changes only under the lock
 * of the object that it maps; a missing table is added by compare-exchange, and tables are freed
 * with the address space.
 */
#include "vmo_internal.h"

#define ENTRIES 512u
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER)

static u32 slot_of(u64 address, u32 level)
{
    return address >> (PAGE_SHIFT + 9 * level) & (ENTRIES - 1);
}

bool pagetable_init(struct aspace *aspace)
{
    if (!budget_charge(aspace->budget, PAGE_SIZE))
        return false;
    u64 root = page_alloc(0, PAGE_TABLE);
    if (!root) {
        budget_uncharge(aspace->budget, PAGE_SIZE);
        return false;
    }
    aspace->root = phys_to_virt(root);
    aspace->cr3 = root;
    aspace->tables = 1;
    const u64 *kernel = phys_to_virt(kernel_cr3);
    memset(aspace->root, 0, PAGE_SIZE / 2);
    memcpy(aspace->root + ENTRIES / 2, kernel + ENTRIES / 2, PAGE_SIZE / 2);
    return true;
}

/* A new table in an empty entry, unless another CPU was first. */
static bool add_table(struct aspace *aspace, u64 *entry)
{
    if (!budget_charge(aspace->budget, PAGE_SIZE))
        return false;
    u64 table = page_alloc_zeroed(0, PAGE_TABLE);
    if (!table) {
        budget_uncharge(aspace->budget, PAGE_SIZE);
        return false;
    }
    u64 empty = 0;
    if (atomic_compare_exchange(entry, &empty, table | TABLE_FLAGS)) {
        atomic_add(&aspace->tables, 1);
    } else {
        page_free(table, 0);
        budget_uncharge(aspace->budget, PAGE_SIZE);
    }
    return true;
}

u64 *pagetable_slot(struct aspace *aspace, u64 address, bool create)
{
    u64 *table = aspace->root;
    for (u32 level = 3; level; level--) {
        u64 *entry = &table[slot_of(address, level)];
        u64 value = atomic_load(entry);
        if (unlikely(!value)) {
            if (!create || !add_table(aspace, entry))
                return NULL;
            value = atomic_load(entry);
        }
        table = phys_to_virt(value & PTE_ADDRESS);
    }
    return &table[slot_of(address, 0)];
}

u64 pagetable_entry(u64 physical, u32 access, enum vmo_cache cache)
{
    static const u64 cache_bits[] = {
        [VMO_CACHED] = 0, [VMO_UNCACHED] = PTE_PCD | PTE_PWT, [VMO_WRITE_COMBINING] = PTE_PWT};
    return physical | PTE_PRESENT | PTE_USER | (access & MAP_WRITE ? PTE_WRITE : 0) |
           (access & MAP_EXECUTE ? 0 : PTE_NX) | cache_bits[cache];
}

/* Frees the lowest tables first, so that it can stop anywhere. */
static bool free_below(struct aspace *aspace, u64 *table, u32 level, u32 entries, u32 *most)
{
    for (u32 i = 0; i < entries; i++) {
        if (!table[i])
            continue;
        u64 below = table[i] & PTE_ADDRESS;
        if (level > 1 && !free_below(aspace, phys_to_virt(below), level - 1, ENTRIES, most))
            return false;
        if (*most == 0)
            return false;
        --*most;
        table[i] = 0;
        page_free(below, 0);
        budget_uncharge(aspace->budget, PAGE_SIZE);
    }
    return true;
}

bool pagetable_free(struct aspace *aspace, u32 most)
{
    if (!free_below(aspace, aspace->root, 3, ENTRIES / 2, &most))
        return false;
    page_free(aspace->cr3, 0);
    budget_uncharge(aspace->budget, PAGE_SIZE);
    return true;
}
