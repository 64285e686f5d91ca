/*
 * Page faults: enters the page that a mapping shows, or says why not.
 */
#include "vmo_internal.h"
#include "x86/tlb.h"

/* Finds the mapping of an address; leaves its object locked and the address space unlocked. NULL:
 * none. */
static struct mapping *lock_mapping(struct aspace *aspace, u64 address)
{
    spin_lock(&aspace->lock);
    struct tree_node *node = tree_floor(&aspace->mappings, address);
    struct mapping *mapping = node ? container_of(node, struct mapping, node) : NULL;
    if (mapping && address - node->key >= mapping->length)
        mapping = NULL;
    if (mapping)
        spin_lock(&mapping->vmo->lock);
    spin_unlock(&aspace->lock);
    return mapping;
}

static int enter(struct mapping *mapping, u64 address, u64 physical, bool writable)
{
    u64 *slot = pagetable_slot(mapping->aspace, address, true);
    if (unlikely(!slot))
        return -ENOMEM;
    u32 access = writable ? mapping->access : mapping->access & ~(u32)MAP_WRITE;
    u64 old = *slot;
    atomic_store(slot, pagetable_entry(physical, access, mapping->vmo->cache));
    /* A read-only entry may be cached; one for another page would be wrong to keep. */
    if (old & PTE_PRESENT)
        tlb_flush(mapping->aspace, address, 1);
    return 0;
}

static int map_page(struct mapping *mapping, u64 address, bool write)
{
    struct vmo *vmo = mapping->vmo;
    u64 offset = address - mapping->node.key + mapping->offset, *entry, physical;
    if (unlikely(offset >= vmo->size))
        return -ERANGE;
    u64 index = offset / PAGE_SIZE, edge = 0;
    if (mapping->loan) {
        if (mapping->loan->revoked)
            return -EFAULT;
        edge = loan_edge(mapping->loan, index);
    }
    if (edge)
        return enter(mapping, address, edge, true);
    int error = vmo_page(vmo, index, write, &entry, &physical);
    if (unlikely(error))
        return error;
    return enter(mapping, address, physical, !entry || (write || vmo_may_write(vmo, *entry)));
}

void aspace_populate(struct aspace *aspace, u64 address, u64 length)
{
    for (u64 end = address + length; address < end; address += PAGE_SIZE) {
        struct mapping *mapping = lock_mapping(aspace, address);
        if (!mapping)
            return;
        struct vmo *vmo = mapping->vmo;
        u64 index = (address - mapping->node.key + mapping->offset) / PAGE_SIZE;
        u64 *entry = pagetree_slot(&vmo->pages, index, false);
        bool there = vmo->kind == VMO_PHYSICAL || vmo->kind == VMO_CONTIGUOUS ||
                     (entry && (*entry & ~(u64)ENTRY_FLAGS) && !(*entry & ENTRY_LOADING));
        if (there && !(mapping->loan && mapping->loan->revoked))
            map_page(mapping, address, false);
        spin_unlock(&vmo->lock);
    }
}

int aspace_fault(struct aspace *aspace, u64 address, u32 error_code)
{
    if (unlikely(address >= USER_LIMIT))
        return -EFAULT;
    address = page_down(address);
    struct mapping *mapping = lock_mapping(aspace, address);
    if (unlikely(!mapping))
        return -EFAULT;
    bool write = error_code & FAULT_WRITE;
    u32 needed = write ? MAP_WRITE : error_code & FAULT_FETCH ? MAP_EXECUTE : MAP_READ;
    struct vmo *vmo = mapping->vmo;
    int error = mapping->access & needed ? map_page(mapping, address, write) : -EFAULT;
    spin_unlock(&vmo->lock);
    return error;
}
