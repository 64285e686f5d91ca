/*
 * The page allocator; see page.h.
 *
 * Free blocks are linked through their struct page, so that memory is not touched before it is
 * used.  Single pages pass through a small stock per CPU, which is filled and emptied in batches
 * under the allocator's lock (level 7).
 */
#include "page.h"

#include "cpu.h"
#include "spinlock.h"

#define STOCK_MAX 32u
#define STOCK_BATCH 16u

struct page *page_array;
u64 page_count;

static struct spinlock lock;
static u32 free_blocks[PAGE_ORDER_MAX + 1]; /* page numbers; 0: none */
static u64 free_pages, total_pages;
static struct stock {
    u64 count;
    u64 pages[STOCK_MAX];
    u64 unused[64 - STOCK_MAX - 1]; /* a CPU's stock is found by a shift */
} stocks[CPUS_MAX];

seldom void page_init(struct page *array, u64 count)
{
    page_array = array;
    page_count = count;
    memset(free_blocks, 0, sizeof(free_blocks));
}

static void link_block(u64 physical, u32 order)
{
    struct page *page = phys_to_page(physical);
    u32 number = (u32)(physical >> PAGE_SHIFT), next = free_blocks[order];
    page->kind = PAGE_FREE;
    page->order = (u8)order;
    page->free.next = next;
    page->free.previous = 0;
    if (next)
        page_array[next].free.previous = number;
    free_blocks[order] = number;
}

static void unlink_block(u64 physical)
{
    struct page *page = phys_to_page(physical);
    u32 next = page->free.next, previous = page->free.previous;
    if (next)
        page_array[next].free.previous = previous;
    if (previous)
        page_array[previous].free.next = next;
    else
        free_blocks[page->order] = next;
    page->kind = PAGE_RESERVED;
}

static u64 buddy_of(u64 physical, u32 order)
{
    return physical ^ (PAGE_SIZE << order);
}

/* Puts a block back, joined with its free buddies. Lock held. */
static seldom void put_block(u64 physical, u32 order)
{
    free_pages += 1ul << order;
    for (; order < PAGE_ORDER_MAX; order++) {
        u64 buddy = buddy_of(physical, order);
        struct page *page = phys_to_page(buddy);
        if (buddy >> PAGE_SHIFT >= page_count || page->kind != PAGE_FREE || page->order != order)
            break;
        unlink_block(buddy);
        physical = min(physical, buddy);
    }
    link_block(physical, order);
}

/* Takes a block, split from a larger one if need be; 0: none. Lock held. */
static seldom u64 take_block(u32 order)
{
    u32 have = order;
    while (have <= PAGE_ORDER_MAX && !free_blocks[have])
        have++;
    if (have > PAGE_ORDER_MAX)
        return 0;
    u64 physical = (u64)free_blocks[have] << PAGE_SHIFT;
    unlink_block(physical);
    free_pages -= 1ul << have;
    while (have > order) {
        have--;
        put_block(physical + (PAGE_SIZE << have), have);
    }
    return physical;
}

seldom void page_add_free(u64 physical, u64 bytes)
{
    u64 end = page_down(physical + bytes);
    physical = page_up(physical);
    if (physical >= end)
        return;
    spin_lock(&lock);
    total_pages += (end - physical) >> PAGE_SHIFT;
    while (physical < end) {
        u32 order = 0;
        while (order < PAGE_ORDER_MAX && !(physical & (PAGE_SIZE << order)) &&
               physical + (PAGE_SIZE << (order + 1)) <= end)
            order++;
        put_block(physical, order);
        physical += PAGE_SIZE << order;
    }
    spin_unlock(&lock);
}

static seldom void fill_stock(struct stock *stock)
{
    spin_lock(&lock);
    while (stock->count < STOCK_BATCH) {
        u64 page = take_block(0);
        if (!page)
            break;
        stock->pages[stock->count++] = page;
    }
    spin_unlock(&lock);
}

static rarely void empty_stock(struct stock *stock, u32 down_to)
{
    spin_lock(&lock);
    while (stock->count > down_to)
        put_block(stock->pages[--stock->count], 0);
    spin_unlock(&lock);
}

/* A page, with the stock filled again. */
static rarely u64 refill_and_take(struct stock *stock)
{
    fill_stock(stock);
    if (!stock->count)
        pager_reclaim(STOCK_BATCH, NULL); /* into the stock */
    return stock->count ? stock->pages[--stock->count] : 0;
}

static rarely u64 take_large(u32 order)
{
    if (order > PAGE_ORDER_MAX)
        return 0;
    for (u32 attempt = 0;; attempt++) {
        spin_lock(&lock);
        u64 physical = take_block(order);
        spin_unlock(&lock);
        if (physical || attempt == 2)
            return physical;
        if (attempt)
            pager_reclaim(2ul << order, NULL);
        empty_stock(&stocks[this_cpu()->id], 0);
    }
}

u64 page_alloc(u32 order, enum page_kind kind)
{
    struct stock *stock = &stocks[this_cpu()->id];
    u64 physical;
    if (unlikely(order))
        physical = take_large(order);
    else if (likely(stock->count))
        physical = stock->pages[--stock->count];
    else
        physical = refill_and_take(stock);
    if (unlikely(!physical))
        return 0;
    struct page *page = phys_to_page(physical);
    page->kind = (u8)kind;
    page->order = (u8)order;
    page->references = 1;
    page->pins = 0;
    return physical;
}

u64 page_alloc_zeroed(u32 order, enum page_kind kind)
{
    u64 physical = page_alloc(order, kind);
    if (physical)
        memset(phys_to_virt(physical), 0, PAGE_SIZE << order);
    return physical;
}

void page_free(u64 physical, u32 order)
{
    phys_to_page(physical)->kind = PAGE_RESERVED;
    if (likely(order == 0)) {
        struct stock *stock = &stocks[this_cpu()->id];
        if (unlikely(stock->count == STOCK_MAX))
            empty_stock(stock, STOCK_MAX - STOCK_BATCH);
        stock->pages[stock->count++] = physical;
        return;
    }
    spin_lock(&lock);
    put_block(physical, order);
    spin_unlock(&lock);
}

seldom u64 page_free_count(void)
{
    u64 count = free_pages;
    for (u32 i = 0; i < CPUS_MAX; i++)
        count += stocks[i].count;
    return count;
}

u64 page_total_count(void)
{
    return total_pages;
}
