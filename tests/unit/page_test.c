/*
 * Page allocation: blocks are aligned, never overlap, keep what is written in them, are all
 * counted, and join again when they are free.
 */
// sources: kernel/page.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu.h"
#include "page.h"
#include "spinlock.h"

#define ARENA_PAGES                                                                                \
    8192ul /* 32 MiB, of which the first page is a hole and one in the middle another */
#define HOLE 5000ul
#define BLOCKS 700u

static struct cpu test_cpus[3];
static u32 current_cpu;
static u64 initial_free;
static u64 reclaimable[64]; /* pages that pager_reclaim may free */
static u32 reclaimable_count;

struct cpu *this_cpu(void)
{
    test_cpus[current_cpu].id = current_cpu;
    return &test_cpus[current_cpu];
}
void cpu_relax_poll(void)
{
    fail_msg("a lock is taken twice");
}
noreturn void panic(const char *format, ...)
{
    (void)format;
    abort();
}
u64 pager_reclaim(u64 wanted, const struct budget *budget)
{
    u64 freed = 0;
    (void)budget;
    for (; freed < wanted && reclaimable_count; freed++)
        page_free(reclaimable[--reclaimable_count], 0);
    return freed;
}

static int set_up(void **state)
{
    (void)state;
    direct_map = (u64)aligned_alloc(PAGE_SIZE << PAGE_ORDER_MAX, ARENA_PAGES * PAGE_SIZE);
    page_init(calloc(ARENA_PAGES, sizeof(struct page)), ARENA_PAGES);
    /* Given as a firmware's map would: odd ends are cut to whole pages. */
    page_add_free(PAGE_SIZE - 5, (HOLE - 1) * PAGE_SIZE + 5 + 100);
    page_add_free((HOLE + 1) * PAGE_SIZE - 1, 1);
    page_add_free((HOLE + 1) * PAGE_SIZE, (ARENA_PAGES - HOLE - 1) * PAGE_SIZE);
    initial_free = page_free_count();
    assert_int_equal(initial_free, ARENA_PAGES - 2);
    assert_int_equal(page_total_count(), initial_free);
    return 0;
}

/* All stocks go back to the buddies when a large block is wanted and there is none. */
static void empty_all_stocks(void)
{
    for (current_cpu = 0; current_cpu < ARRAY_SIZE(test_cpus); current_cpu++) {
        u64 block, blocks[16], count = 0;
        while ((block = page_alloc(PAGE_ORDER_MAX, PAGE_KERNEL)))
            blocks[count++] = block;
        while (count)
            page_free(blocks[--count], PAGE_ORDER_MAX);
    }
    current_cpu = 0;
}

/* How many blocks of the largest size there are: all that fit, if everything has joined. */
static u64 largest_blocks(void)
{
    u64 blocks[16], count = 0;
    empty_all_stocks();
    while ((blocks[count] = page_alloc(PAGE_ORDER_MAX, PAGE_KERNEL)))
        count++;
    for (u64 i = 0; i < count; i++)
        page_free(blocks[i], PAGE_ORDER_MAX);
    return count;
}

static struct block {
    u64 physical;
    u32 order;
} blocks[BLOCKS];
static u8 owner[ARENA_PAGES]; /* 1: in some block */

static void mark(const struct block *block, u8 value)
{
    for (u64 i = 0; i < 1ul << block->order; i++) {
        u64 page = (block->physical >> PAGE_SHIFT) + i;
        assert_in_range(page, 1, ARENA_PAGES - 1);
        assert_int_not_equal(page, HOLE);
        assert_int_not_equal(owner[page], value);
        owner[page] = value;
    }
}

static void take(struct block *block, u32 order)
{
    u64 physical = page_alloc(order, PAGE_USER);
    if (!physical)
        return;
    *block = (struct block){physical, order};
    assert_int_equal(physical & ((PAGE_SIZE << order) - 1), 0);
    struct page *page = phys_to_page(physical);
    assert_int_equal(page->kind, PAGE_USER);
    assert_int_equal(page->references, 1);
    assert_int_equal(page->pins, 0);
    assert_ptr_equal(page, &page_array[physical >> PAGE_SHIFT]);
    assert_int_equal(page_to_phys(page), physical);
    mark(block, 1);
    u64 *words = phys_to_virt(physical);
    words[0] = physical;
    words[(PAGE_SIZE << order) / 8 - 1] = ~physical;
}

static void give(struct block *block)
{
    u64 *words = phys_to_virt(block->physical);
    assert_int_equal(words[0], block->physical);
    assert_int_equal(words[(PAGE_SIZE << block->order) / 8 - 1], ~block->physical);
    mark(block, 0);
    page_free(block->physical, block->order);
    block->physical = 0;
}

static void random_use_keeps_blocks_apart(void **state)
{
    (void)state;
    u64 whole = largest_blocks();
    srandom(3);
    for (u32 round = 0; round < 100000; round++) {
        struct block *block = &blocks[(u32)random() % BLOCKS];
        current_cpu = (u32)random() % ARRAY_SIZE(test_cpus);
        if (block->physical)
            give(block);
        else
            take(block, random() % 2 ? 0 : (u32)random() % (PAGE_ORDER_MAX + 1));
        if (round % 1000 == 0) {
            u64 taken = 0;
            for (u64 i = 0; i < ARENA_PAGES; i++)
                taken += owner[i];
            assert_int_equal(page_free_count(), initial_free - taken);
        }
    }
    for (u32 i = 0; i < BLOCKS; i++)
        if (blocks[i].physical)
            give(&blocks[i]);
    assert_int_equal(page_free_count(), initial_free);
    assert_int_equal(largest_blocks(), whole);
}

static void every_page_can_be_had(void **state)
{
    (void)state;
    u64 first = 0, page, count = 0;
    empty_all_stocks();
    while ((page = page_alloc(0, PAGE_KERNEL))) {
        *(u64 *)phys_to_virt(page) = first;
        first = page;
        count++;
    }
    assert_int_equal(count, initial_free);
    assert_int_equal(page_free_count(), 0);
    assert_int_equal(page_alloc(3, PAGE_KERNEL), 0);
    while (first) {
        page = first;
        first = *(u64 *)phys_to_virt(page);
        page_free(page, 0);
    }
    assert_int_equal(page_free_count(), initial_free);
}

static void clean_pages_are_reclaimed_when_there_is_nothing_else(void **state)
{
    (void)state;
    u64 kept[16], count = 0, rest = 0, page;
    empty_all_stocks();
    while ((page = page_alloc(PAGE_ORDER_MAX, PAGE_KERNEL)))
        kept[count++] = page;
    while ((page = page_alloc(0, PAGE_KERNEL))) {
        *(u64 *)phys_to_virt(page) = rest;
        rest = page;
    }
    /* Give up an aligned run of eight from the first kept block, as if a pager's. */
    u64 block = kept[--count];
    for (u64 i = 0; i < 1024; i++) {
        if (i < 8)
            reclaimable[reclaimable_count++] = block + i * PAGE_SIZE;
    }
    page = page_alloc(3, PAGE_KERNEL);
    assert_int_equal(page, block);
    assert_int_equal(reclaimable_count, 0);
    page_free(page, 3);
    for (u64 i = 8; i < 1024; i++)
        page_free(block + i * PAGE_SIZE, 0);
    while (count)
        page_free(kept[--count], PAGE_ORDER_MAX);
    while (rest) {
        page = rest;
        rest = *(u64 *)phys_to_virt(page);
        page_free(page, 0);
    }
    assert_int_equal(page_free_count(), initial_free);
}

static void zeroed_means_all_of_it(void **state)
{
    (void)state;
    u64 dirty = page_alloc(4, PAGE_USER);
    memset(phys_to_virt(dirty), 0xff, PAGE_SIZE << 4);
    page_free(dirty, 4);
    u64 clean = page_alloc_zeroed(4, PAGE_USER);
    assert_int_equal(clean, dirty);
    for (u64 i = 0; i < (PAGE_SIZE << 4) / 8; i++)
        assert_int_equal(((u64 *)phys_to_virt(clean))[i], 0);
    page_free(clean, 4);
    assert_int_equal(page_alloc(PAGE_ORDER_MAX + 1, PAGE_USER), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_use_keeps_blocks_apart),
        cmocka_unit_test(every_page_can_be_had),
        cmocka_unit_test(clean_pages_are_reclaimed_when_there_is_nothing_else),
        cmocka_unit_test(zeroed_means_all_of_it),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
