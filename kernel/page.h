/*
 * Physical pages.  A buddy allocator (orders 0..10, 4 KiB..4 MiB) with a small stock of single
 * pages per CPU.  Every physical page of RAM has a struct page; all RAM is mapped writable and
 * not executable at DIRECT_MAP.
 */
#ifndef PAGE_H
#define PAGE_H

#include "kernel.h"

#ifdef UNIT_TEST
__attribute__((weak)) u64 direct_map = 0xffff800000000000ul; /* a test may set another */
#define DIRECT_MAP direct_map
#else
#define DIRECT_MAP 0xffff800000000000ul
#endif
#define KERNEL_BASE 0xffffffff80000000ul
#define PAGE_ORDER_MAX 10

enum page_kind { PAGE_RESERVED = 0, PAGE_FREE, PAGE_KERNEL, PAGE_SLAB, PAGE_TABLE, PAGE_USER };

struct page {
    u32 references; /* PAGE_USER: VM objects that hold it (copy-on-write); atomic */
    u16 pins;       /* PAGE_USER: loans and DMA that need it to stay; atomic */
    u8 kind;
    u8 order; /* of a free or allocated block's first page */
    struct {
        u32 next, previous; /* PAGE_FREE: page numbers; 0 ends the list */
    } free;
};

extern struct page *page_array; /* indexed by physical address >> PAGE_SHIFT */
extern u64 page_count;          /* length of page_array: highest RAM page + 1 */

static inline void *phys_to_virt(u64 physical)
{
    return (void *)(DIRECT_MAP + physical);
}

static inline u64 virt_to_phys(const void *direct)
{
    return (u64)direct - DIRECT_MAP;
}

static inline struct page *phys_to_page(u64 physical)
{
    return &page_array[physical >> PAGE_SHIFT];
}

static inline u64 page_to_phys(const struct page *page)
{
    return (u64)(page - page_array) << PAGE_SHIFT;
}

/* At boot, one CPU: declares page_array (already allocated, zeroed) and then each free range. */
void page_init(struct page *array, u64 count);
void page_add_free(u64 physical, u64 bytes);

/*
 * 2^order contiguous pages, not zeroed, as a physical address aligned to their size; 0 when there
 * are none (after clean pages of paged objects have been reclaimed).  Not charged to anyone.
 */
u64 page_alloc(u32 order, enum page_kind kind);
u64 page_alloc_zeroed(u32 order, enum page_kind kind);
void page_free(u64 physical, u32 order);

/*
 * pager.c: frees about so many clean pages of paged objects that can be locked at once, only those
 * charged to a budget if one is given; how many it was.  Any lock may be held.
 */
struct budget;
u64 pager_reclaim(u64 wanted, const struct budget *budget);

/* The same with no locks held, so that it can wait for what is locked: called when something has
 * failed for want of memory, which can be tried again if this is true. */
bool pager_recover(const struct budget *budget);

u64 page_free_count(void);  /* pages, stocks included; exact only when the other CPUs are still */
u64 page_total_count(void); /* pages given with page_add_free */

#endif
