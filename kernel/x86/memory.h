/*
 * The kernel's own mappings; see memory.c.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "../kernel.h"

/* Page table entry bits (SDM vol. 3, 4.5). */
#define PTE_PRESENT (1ul << 0)
#define PTE_WRITE (1ul << 1)
#define PTE_USER (1ul << 2)
#define PTE_LARGE (1ul << 7)
#define PTE_GLOBAL (1ul << 8)
#define PTE_NO_EXECUTE (1ul << 63)
#define PTE_ADDRESS 0x000ffffffffff000ul

/* Memory types, as PAT entries: see cpu.c. */
#define PTE_CACHED 0ul
#define PTE_WRITE_COMBINING (1ul << 3)
#define PTE_UNCACHED (3ul << 3)

/* Leaves the early page tables for the kernel's, and gives free memory to the page allocator.
 * Boot fails if there is too little, or if the boot module is missing or out of place. */
void memory_start(void);

/* True if this page is in the direct map: RAM, but not the kernel's code or constants.  Device
 * memory is not, and touching it there is a fault in the kernel. */
bool memory_is_direct(u64 physical);

/*
 * Maps physical memory for the kernel's use, for good; `type` is one of the memory types above.
 * NULL: no memory for page tables.  Boot only (one CPU), and so without a lock.
 */
void *platform_map(u64 physical, u64 bytes, u64 type);
/* The same, for device registers: uncached. */
void *platform_map_mmio(u64 physical, u64 bytes);

/* A stack of `bytes` (whole pages) with an unmapped page below.  Its top, or 0: no memory. */
u64 platform_map_stack(u64 bytes);

#endif
