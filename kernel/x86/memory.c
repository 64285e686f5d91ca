/*
 * The kernel's address space and the division of physical memory at boot.
 *
 *   DIRECT_MAP      all RAM and ACPI memory at its physical address, never executable; without the
 *                   kernel's code and constants, so that these are writable nowhere
 *   KERNEL_WINDOW   device registers, framebuffer, stacks with guard pages: platform_map
 *   KERNEL_BASE     the kernel's image, each section with its own rights
 *
 * Address spaces copy entries 256..511 of the kernel's PML4 when they are made; so every entry that
 * is ever used is there from the start, and what is mapped later goes into tables below them.  All
 * is mapped global, and nothing is unmapped again: no TLB entry ever needs shooting down.
 *
 * Free memory is what the loader calls RAM and no other entry of its map denies, whole pages, less
 * the first MiB (real mode starts there), the kernel's image and the boot module.
 */
#include "memory.h"

#include "../log.h"
#include "../page.h"
#include "../vmo.h"
#include "boot.h"
#include "instructions.h"

#define KERNEL_WINDOW 0xffffff0000000000ul /* PML4 entry 510 */
#define EARLY_LIMIT (4ul << 30)            /* what the early page tables reach */
#define LOW_MEMORY 0x100000ul
#define MEMORY_LEAST (40ul << 20)
#define MODULE_LEAST 110ul /* the header of one cpio member */
#define HUGE_PAGE_SIZE (1ul << 30)

extern u8 __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[];
extern u8 __data_end[], boot_stack_guard[];

u64 kernel_cr3;
static u64 kernel_pml4[512] __attribute__((aligned(PAGE_SIZE), section(".bss.page")));
static bool has_huge_pages;
static bool pages_ready; /* the page allocator works */
static u64 window_next = KERNEL_WINDOW;

static u64 image_to_phys(const void *address)
{
    return (u64)address - KERNEL_BASE;
}

/* ---- Free ranges ----------------------------------------------------------------------------- */

struct range {
    u64 start, end; /* whole pages */
};
#define RANGES_MAX (2 * BOOT_MEMORY_MAX)
static struct range ranges[RANGES_MAX];
static u32 range_count;

static void range_add(u64 start, u64 end)
{
    if (start < end && range_count < RANGES_MAX)
        ranges[range_count++] = (struct range){start, end};
}

/* Takes [start, end) out of all ranges. */
static void range_remove(u64 start, u64 end)
{
    for (u32 i = 0; i < range_count; i++) {
        struct range *range = &ranges[i], whole = *range;
        if (end <= whole.start || whole.end <= start)
            continue;
        range->end = max(start, whole.start);
        range_add(end, whole.end);
    }
}

static void find_free_ranges(void)
{
    for (u32 i = 0; i < boot_memory_count; i++) {
        const struct memory_range *memory = &boot_memory[i];
        u64 start = page_up(memory->start), end = page_down(memory->end);
        if (memory->kind != MEMORY_RAM)
            continue;
        range_remove(start, end); /* said twice */
        range_add(start, end);
    }
    for (u32 i = 0; i < boot_memory_count; i++) {
        const struct memory_range *memory = &boot_memory[i];
        if (memory->kind != MEMORY_RAM)
            range_remove(page_down(memory->start), page_up(memory->end));
    }
}

/* `bytes` (whole pages) from the start of the first range that has them below `limit`; 0: none. */
static u64 range_take(u64 bytes, u64 limit)
{
    for (u32 i = 0; i < range_count; i++) {
        u64 start = ranges[i].start;
        if (range_exceeds(start, bytes, min(ranges[i].end, limit)))
            continue;
        ranges[i].start += bytes;
        return start;
    }
    return 0;
}

/* ---- Page tables ----------------------------------------------------------------------------- */

/* A zeroed page for a page table; 0: none. */
static u64 table_page(void)
{
    if (pages_ready)
        return page_alloc_zeroed(0, PAGE_KERNEL);
    u64 page = range_take(PAGE_SIZE, EARLY_LIMIT);
    if (page)
        memset(phys_to_virt(page), 0, PAGE_SIZE);
    return page;
}

/*
 * The entry for an address in a page table of the level with entries of 2^shift bytes, making the
 * tables above it.  NULL: no memory, or a larger page lies there already.
 */
static u64 *entry_for(u64 address, u32 shift)
{
    u64 *table = kernel_pml4;
    for (u32 level = 39; level > shift; level -= 9) {
        u64 *entry = &table[address >> level & 511];
        if (!(*entry & PTE_PRESENT)) {
            u64 page = table_page();
            if (!page)
                return NULL;
            *entry = page | PTE_PRESENT | PTE_WRITE;
        }
        if (*entry & PTE_LARGE)
            return NULL;
        table = phys_to_virt(*entry & PTE_ADDRESS);
    }
    return &table[address >> shift & 511];
}

/* Maps whole pages, the largest that fit; what is mapped already stays. False: no memory. */
static bool map(u64 address, u64 physical, u64 bytes, u64 bits)
{
    while (bytes) {
        u32 shift = 12;
        if (has_huge_pages && !((address | physical) % HUGE_PAGE_SIZE) && bytes >= HUGE_PAGE_SIZE)
            shift = 30;
        else if (!((address | physical) % LARGE_PAGE_SIZE) && bytes >= LARGE_PAGE_SIZE)
            shift = 21;
        u64 *entry = entry_for(address, shift);
        if (!entry)
            return false;
        if (!(*entry & PTE_PRESENT))
            *entry = physical | bits | PTE_PRESENT | PTE_GLOBAL | (shift > 12 ? PTE_LARGE : 0);
        address += 1ul << shift;
        physical += 1ul << shift;
        bytes -= 1ul << shift;
    }
    return true;
}

static void map_or_fail(u64 address, u64 physical, u64 bytes, u64 bits)
{
    if (!map(address, physical, bytes, bits))
        boot_failure("too little memory for page tables");
}

static void map_direct(u64 start, u64 end)
{
    u64 hole_start = image_to_phys(__text_start), hole_end = image_to_phys(__rodata_end);
    u64 bits = PTE_WRITE | PTE_NO_EXECUTE;
    if (start < hole_start && hole_start < end) {
        map_direct(start, hole_start);
        start = hole_start;
    }
    if (start >= hole_start && start < hole_end)
        start = min(hole_end, end);
    if (start < end)
        map_or_fail(DIRECT_MAP + start, start, end - start, bits);
}

static void map_image(const u8 *start, const u8 *end, u64 bits)
{
    map_or_fail((u64)start, image_to_phys(start), (u64)(end - start), bits);
}

static void build_page_tables(void)
{
    has_huge_pages = cpuid(0x80000001, 0).edx >> 26 & 1;
    /* Mapping takes memory from the very ranges that are being mapped: go by a copy of them. */
    static struct range all[RANGES_MAX];
    u32 count = range_count;
    memcpy(all, ranges, sizeof all);
    range_remove(0, LOW_MEMORY);
    range_remove(image_to_phys(__text_start), image_to_phys(__data_end));
    range_remove(page_down(boot_facts.module_start),
                 page_up(boot_facts.module_start + boot_facts.module_size));

    map_image(__text_start, __text_end, 0);
    map_image(__rodata_start, __rodata_end, PTE_NO_EXECUTE);
    map_image(__data_start, boot_stack_guard, PTE_WRITE | PTE_NO_EXECUTE);
    map_image(boot_stack_guard + PAGE_SIZE, __data_end, PTE_WRITE | PTE_NO_EXECUTE);
    if (!entry_for(KERNEL_WINDOW, 30))
        boot_failure("too little memory for page tables");
    for (u32 i = 0; i < count; i++)
        map_direct(all[i].start, all[i].end);
    for (u32 i = 0; i < boot_memory_count; i++) {
        const struct memory_range *memory = &boot_memory[i];
        if (memory->kind == MEMORY_ACPI || memory->kind == MEMORY_ACPI_NVS)
            map_direct(page_down(memory->start), page_up(memory->end));
    }
}

/* ---- Starting -------------------------------------------------------------------------------- */

static void check_module(void)
{
    u64 start = boot_facts.module_start, size = boot_facts.module_size;
    if (!size)
        boot_failure("the boot module is missing");
    if (size < MODULE_LEAST || size > boot_facts.memory_total / 2)
        boot_failure("the boot module has %lu bytes", size);
    if (!is_page_aligned(start))
        boot_failure("the boot module lies at %lx, not on a page boundary", start);
    for (u32 i = 0; i < range_count; i++) {
        if (start >= ranges[i].start && !range_exceeds(start, size, ranges[i].end))
            return;
    }
    boot_failure("the boot module lies at %lx, outside of memory", start);
}

static void start_page_allocator(void)
{
    u64 count = 0;
    for (u32 i = 0; i < range_count; i++)
        count = max(count, ranges[i].end >> PAGE_SHIFT);
    u64 module_end = page_up(boot_facts.module_start + boot_facts.module_size) >> PAGE_SHIFT;
    count = max(count, module_end);
    u64 bytes = page_up(count * sizeof(struct page));
    u64 array = range_take(bytes, UINT64_MAX);
    if (!array)
        boot_failure("too little memory for %lu page descriptors", count);
    memset(phys_to_virt(array), 0, bytes);
    page_init(phys_to_virt(array), count);
    for (u32 i = 0; i < range_count; i++) {
        if (ranges[i].start < ranges[i].end)
            page_add_free(ranges[i].start, ranges[i].end - ranges[i].start);
    }
    pages_ready = true;
}

void memory_start(void)
{
    if (boot_facts.memory_total < MEMORY_LEAST)
        boot_failure("needs at least %lu MiB of memory, found %lu", MEMORY_LEAST >> 20,
                     boot_facts.memory_total >> 20);
    find_free_ranges();
    check_module();
    build_page_tables();
    kernel_cr3 = image_to_phys(kernel_pml4);
    write_cr3(kernel_cr3);
    start_page_allocator();
}

bool memory_is_direct(u64 physical)
{
    const u64 *table = kernel_pml4;
    u64 address = DIRECT_MAP + physical;
    for (u32 level = 39;; level -= 9) {
        u64 entry = table[address >> level & 511];
        if (!(entry & PTE_PRESENT))
            return false;
        if (level == 12 || entry & PTE_LARGE)
            return true;
        table = phys_to_virt(entry & PTE_ADDRESS);
    }
}

/* ---- The kernel window ----------------------------------------------------------------------- */

void *platform_map(u64 physical, u64 bytes, u64 type)
{
    u64 start = page_down(physical), length = page_up(physical + bytes) - start;
    u64 address = window_next;
    if (!map(address, start, length, type | PTE_WRITE | PTE_NO_EXECUTE))
        return NULL;
    window_next += length + PAGE_SIZE;
    return (void *)(address + (physical - start));
}

void *platform_map_mmio(u64 physical, u64 bytes)
{
    return platform_map(physical, bytes, PTE_UNCACHED);
}

u64 platform_map_stack(u64 bytes)
{
    u64 address = window_next;
    for (u64 i = 0; i < bytes; i += PAGE_SIZE) {
        u64 page = page_alloc_zeroed(0, PAGE_KERNEL);
        if (!page || !map(address + i, page, PAGE_SIZE, PTE_WRITE | PTE_NO_EXECUTE))
            return 0;
    }
    window_next += bytes + PAGE_SIZE; /* the next one's guard */
    return address + bytes;
}
