/*
 * Page faults: enters the page that a mapping shows, or says why not.
 */
#include "vmo_internal.h"
#include "x86/tlb.h"

/* The mapping of an address; its object is locked then, the address space not. NULL: none. */
static struct mapping *lock_mapping(struct aspace *aspace, u64 address)
{
    spin_lock(&aspace->lock);
    struct mapping *mapping = mapping_at(aspace, address);
    if (likely(mapping))
        spin_lock(&mapping->vmo->lock);
    spin_unlock(&aspace->lock);
    return mapping;
}

/* Enters a page, or a large page. False: no table for it. */
static inline bool enter(struct mapping *mapping, u64 address, u64 physical, bool writable,
                         bool large)
{
    u64 *slot = likely(!large) ? pagetable_walk(mapping->aspace, address) : NULL;
    if (unlikely(!slot))
        slot = pagetable_slot(mapping->aspace, address, large);
    if (unlikely(!slot))
        return false;
    mapping->entered = true;
    u32 access = writable ? mapping->access : mapping->access & ~(u32)MAP_WRITE;
    u64 old = *slot;
    u64 entry = pagetable_entry(physical, access, mapping->vmo->cache) | (large ? PTE_LARGE : 0);
    atomic_store(slot, entry);
    /* One that allows more needs no flush: whoever still has the old one faults, and looks again.
     */
    if (unlikely(old & PTE_PRESENT) && (old & PTE_ADDRESS) != (entry & PTE_ADDRESS))
        tlb_flush(mapping->aspace, address, 1);
    return true;
}

/* Enters the large page around an address, where all of one is there and shown. */
static rarely bool enter_large(struct mapping *mapping, u64 address, u64 index, u64 physical)
{
    struct vmo *vmo = mapping->vmo;
    u64 base = address & ~(LARGE_PAGE_SIZE - 1), within = address - base;
    if (base < mapping->node.key || base + LARGE_PAGE_SIZE > mapping->node.key + mapping->length)
        return false;
    u64 first = index - within / PAGE_SIZE;
    physical -= within;
    if ((physical & (LARGE_PAGE_SIZE - 1)) || first + LARGE_PAGES > vmo->size / PAGE_SIZE)
        return false;
    if (!vmo_is_flat(vmo)) {
        u64 *entry = pagetree_slot(&vmo->pages, first, false);
        if (!entry || !(*entry & ENTRY_LARGE) || entry_page(*entry) != physical || vmo->closed)
            return false;
    }
    return enter(mapping, base, physical, true, true);
}

static int map_page(struct mapping *mapping, u64 address, bool write)
{
    struct vmo *vmo = mapping->vmo;
    u64 offset = address - mapping->node.key + mapping->offset, *entry, physical;
    if (unlikely(offset >= vmo->size))
        return -ERANGE;
    u64 index = offset / PAGE_SIZE;
    struct loan *loan = mapping->loan;
    bool writable = true;
    int error;
    if (unlikely(loan && !loan->slice)) {
        error = loan_page(loan, index, write, &physical);
        writable = write || !vmo->closed;
    } else {
        error = vmo_page(vmo, index, write, &entry, &physical);
        if (likely(!error && entry && !write))
            writable = vmo_may_write(vmo, *entry);
    }
    if (unlikely(error))
        return error;
    if (unlikely((vmo->flags & VMO_LARGE_PAGES) || vmo_is_flat(vmo)) && !loan &&
        enter_large(mapping, address, index, physical))
        return 0;
    return enter(mapping, address, physical, writable, false) ? 0 : -ENOMEM;
}

static int fault(struct aspace *aspace, u64 address, u32 error_code, struct budget **budget)
{
    struct mapping *mapping = lock_mapping(aspace, address);
    if (unlikely(!mapping))
        return -EFAULT;
    bool write = error_code & FAULT_WRITE;
    u32 needed = write ? MAP_WRITE : error_code & FAULT_FETCH ? MAP_EXECUTE : MAP_READ;
    struct vmo *vmo = mapping->vmo;
    *budget = vmo->budget;
    int error = likely(mapping->access & needed) ? map_page(mapping, address, write) : -EFAULT;
    spin_unlock(&vmo->lock);
    return error;
}

int aspace_fault(struct aspace *aspace, u64 address, u32 error_code)
{
    struct budget *budget;
    if (unlikely(address >= USER_LIMIT))
        return -EFAULT;
    for (;;) {
        int error = fault(aspace, page_down(address), error_code, &budget);
        if (likely(error != -ENOMEM) || !pager_recover(budget))
            return error;
    }
}

/* Whether a page is there for a reader. Object locked. */
static bool is_present(struct vmo *vmo, u64 index)
{
    if (index >= vmo->size / PAGE_SIZE)
        return false;
    if (vmo_is_flat(vmo))
        return true;
    u64 *entry = pagetree_slot(&vmo->pages, index, false);
    return entry && entry_page(*entry) && !(*entry & ENTRY_LOADING);
}

void aspace_populate(struct aspace *aspace, u64 address, u64 length)
{
    for (u64 end = address + length; address < end; address += PAGE_SIZE) {
        struct mapping *mapping = lock_mapping(aspace, address);
        if (!mapping)
            return;
        struct vmo *vmo = mapping->vmo;
        u64 index = (address - mapping->node.key + mapping->offset) / PAGE_SIZE;
        bool there = (mapping->loan && !mapping->loan->slice) || is_present(vmo, index);
        bool more = !there || !map_page(mapping, address, false);
        spin_unlock(&vmo->lock);
        if (!more)
            return;
    }
}
