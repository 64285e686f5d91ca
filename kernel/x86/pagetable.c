/*
 * Four-level page tables (Intel SDM vol. 3, 4.5).  The kernel's half is shared by all: its 256 top
 * entries are there from boot on and never change.  An entry for a page changes only under the lock
 * of the object that it maps; a missing table is added by compare-exchange, and tables are freed
 * with the address space.
 */
#include "tlb.h"
#include "vmo_internal.h"

#define ENTRIES 512u
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER)

seldom bool pagetable_init(struct aspace *aspace)
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

/*
 * Makes a table for an entry that has none, unless another CPU is first.  The entry's value, or 0:
 * no memory.
 */
static rarely u64 make_table(struct aspace *aspace, u64 *entry, u64 address)
{
    u64 value = atomic_load(entry);
    if (value & PTE_LARGE) {
        /* Of the object that shows this page too: the rest will be entered again in single pages.
         */
        atomic_store(entry, 0);
        tlb_flush(aspace, address, 1);
    }
    if (!budget_charge(aspace->budget, PAGE_SIZE))
        return 0;
    u64 table = page_alloc_zeroed(0, PAGE_TABLE), empty = 0;
    if (table && atomic_compare_exchange(entry, &empty, table | TABLE_FLAGS)) {
        atomic_add(&aspace->tables, 1);
        return table | TABLE_FLAGS;
    }
    if (table)
        page_free(table, 0);
    budget_uncharge(aspace->budget, PAGE_SIZE);
    return table ? empty : 0;
}

u64 *pagetable_slot(struct aspace *aspace, u64 address, bool large)
{
    u64 *table = aspace->root;
    u32 shift = PAGE_SHIFT + 9 * 3, last = large ? PAGE_SHIFT + 9 : PAGE_SHIFT;
    for (;; shift -= 9) {
        u64 *entry = &table[address >> shift & (ENTRIES - 1)], value = atomic_load(entry);
        if (shift == last)
            return large && (value & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT ? NULL : entry;
        if (unlikely((value & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT)) {
            value = make_table(aspace, entry, address);
            if (!value)
                return NULL;
        }
        table = phys_to_virt(value & PTE_ADDRESS);
    }
}

u64 *pagetable_next(struct aspace *aspace, u64 *address, u64 end, u64 *bytes)
{
    for (u64 at = *address; at < end;) {
        u64 *table = aspace->root;
        u32 shift = PAGE_SHIFT + 9 * 3;
        for (;; shift -= 9) {
            u64 *entry = &table[at >> shift & (ENTRIES - 1)], value = atomic_load(entry);
            while (!value) {
                at = ((at >> shift) + 1) << shift;
                if (at >= end || !(at >> shift & (ENTRIES - 1)))
                    break;
                entry++;
                value = atomic_load(entry);
            }
            if (!value)
                break;
            if (shift == PAGE_SHIFT || unlikely(value & PTE_LARGE)) {
                *address = at;
                *bytes = 1ul << shift;
                return entry;
            }
            table = phys_to_virt(value & PTE_ADDRESS);
        }
    }
    return NULL;
}

u64 pagetable_entry(u64 physical, u32 access, enum vmo_cache cache)
{
    static const u64 cache_bits[] = {
        [VMO_CACHED] = 0, [VMO_UNCACHED] = PTE_PCD | PTE_PWT, [VMO_WRITE_COMBINING] = PTE_PWT};
    return physical | PTE_PRESENT | PTE_USER | (access & MAP_WRITE ? PTE_WRITE : 0) |
           (access & MAP_EXECUTE ? 0 : PTE_NX) | cache_bits[cache];
}

/* Frees the lowest tables first, so that it can stop anywhere. */
static seldom bool free_below(struct aspace *aspace, u64 *table, u32 level, u32 entries, u32 *most)
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

seldom bool pagetable_free(struct aspace *aspace, u32 most)
{
    if (!free_below(aspace, aspace->root, 3, ENTRIES / 2, &most))
        return false;
    page_free(aspace->cr3, 0);
    budget_uncharge(aspace->budget, PAGE_SIZE);
    return true;
}
