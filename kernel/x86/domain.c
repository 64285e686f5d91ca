/*
 * DMA domains; see domain.h and irq.h.  One per device.
 *
 * Without an IOMMU a device reaches all of memory whatever its domain holds.  With one (vtd.h) it
 * reaches what the domain's page tables say: each address leads to itself, or nowhere.  Behind a
 * page of the lowest tables lies one that counts, for each entry, how many pins let the device read
 * and write there: it may do what any of them allows, and no more when that one is gone.
 *
 * Page tables are charged to the domain's budget and go with it; a pin that another CPU is taking
 * out may need them until then, so that is not before every CPU has left the kernel.  They are
 * listed through their struct page.
 */
#include "domain.h"

#include <portolan/syscall.h>

#include "../irq.h"
#include "../page.h"
#include "../slab.h"
#include "memory.h"

#define LEVEL_BITS 9u
#define TABLE_SIZE (PAGE_SIZE / sizeof(u64))
#define NUMBERS_MAX 1024u

static struct slab_cache domain_cache = SLAB_CACHE("domain", sizeof(struct domain), 16);
static struct list all_domains = {&all_domains, &all_domains};
static u64 numbers_taken[NUMBERS_MAX / 64]; /* a bit for each domain number */
static struct spinlock all_lock;            /* level 6: the list and the numbers */

/* ---- Page tables ----------------------------------------------------------------------------- */

struct uses {
    u32 readers, writers;
};
_Static_assert(sizeof(struct uses) * TABLE_SIZE == PAGE_SIZE, "a page of counts for each table");

/* A new table of 2^order pages, zeroed; 0: no memory.  Domain locked, or not yet known. */
static u64 add_table(struct domain *domain, u32 order)
{
    if (!budget_charge(domain->budget, PAGE_SIZE << order))
        return 0;
    u64 table = page_alloc_zeroed(order, PAGE_TABLE);
    if (!table) {
        budget_uncharge(domain->budget, PAGE_SIZE << order);
        return 0;
    }
    vtd_publish(phys_to_virt(table), PAGE_SIZE);
    phys_to_page(table)->free.next = (u32)domain->tables;
    domain->tables = table >> PAGE_SHIFT;
    return table;
}

/* Gives up some tables; true when none is left. */
static bool drop_tables(struct domain *domain)
{
    for (u32 i = 0; domain->tables && i < 32; i++) {
        struct page *page = &page_array[domain->tables];
        domain->tables = page->free.next;
        u32 order = page->order;
        page_free(page_to_phys(page), order);
        budget_uncharge(domain->budget, PAGE_SIZE << order);
    }
    return !domain->tables;
}

/* A page's entry in the lowest table, which is made if need be; NULL: no memory. */
static u64 *entry_of(struct domain *domain, u64 page)
{
    u64 *table = phys_to_virt(domain->top);
    u32 shift = PAGE_SHIFT + LEVEL_BITS * (vtd.levels - 1);
    for (; shift > PAGE_SHIFT; shift -= LEVEL_BITS) {
        u64 *entry = &table[page >> shift & (TABLE_SIZE - 1)];
        if (!*entry) {
            u64 below = add_table(domain, shift == PAGE_SHIFT + LEVEL_BITS ? 1 : 0);
            if (!below)
                return NULL;
            vtd_write(entry, below | VTD_READ | VTD_WRITE);
        }
        table = phys_to_virt(*entry & PTE_ADDRESS);
    }
    return &table[page >> PAGE_SHIFT & (TABLE_SIZE - 1)];
}

/* Changes the number of pins by which a page may be reached. */
static void count(struct domain *domain, u64 *entry, u64 page, u32 rights, u32 by)
{
    struct uses *uses = (struct uses *)(entry + TABLE_SIZE);
    uses->readers += rights & RIGHT_READ ? by : 0;
    uses->writers += rights & RIGHT_WRITE ? by : 0;
    u64 before = *entry, bits = (uses->readers ? VTD_READ : 0) | (uses->writers ? VTD_WRITE : 0);
    u64 after = bits ? page | bits : 0;
    if (after == before)
        return;
    vtd_write(entry, after);
    if (!before && !vtd.caching)
        return;
    if (domain->stale_count < VTD_PAGES_MAX)
        domain->stale[domain->stale_count] = page;
    domain->stale_count = min(domain->stale_count, VTD_PAGES_MAX) + 1;
}

rarely int domain_map_checked(struct domain *domain, u64 page, u32 rights)
{
    if (domain->object.dead)
        return -EBADF;
    if (page >> vtd.address_bits)
        return -ERANGE;
    u64 *entry = entry_of(domain, page);
    if (!entry)
        return -ENOMEM;
    count(domain, entry, page, rights, 1);
    return 0;
}

rarely void domain_unmap_checked(struct domain *domain, u64 page, u32 rights)
{
    /* The entry is there. */
    if (domain->top)
        count(domain, entry_of(domain, page), page, rights, -1u);
}

rarely void domain_flush_stale(struct domain *domain)
{
    vtd_flush(domain->number, domain->stale, domain->stale_count);
    domain->stale_count = 0;
}

/* ---- The objects ----------------------------------------------------------------------------- */

static bool enter(struct domain *domain)
{
    list_for_each (node, &all_domains) {
        if (list_entry(node, struct domain, link)->device == domain->device)
            return false;
    }
    list_append(&all_domains, &domain->link);
    return true;
}

/* A number for a domain, from 1 on (VT-d 4.0, 9.3: 0 is not used in caching mode); 0: none left. */
static u32 take_number(void)
{
    for (u32 i = 1; i < min(vtd.domains, NUMBERS_MAX); i++) {
        if (numbers_taken[i / 64] >> i % 64 & 1)
            continue;
        numbers_taken[i / 64] |= 1ul << i % 64;
        return i;
    }
    return 0;
}

static void leave(struct domain *domain)
{
    spin_lock(&all_lock);
    list_remove(&domain->link);
    numbers_taken[domain->number / 64] &= ~(1ul << domain->number % 64);
    spin_unlock(&all_lock);
}

/* Page tables, and the device told of them. */
static int start_translation(struct domain *domain)
{
    domain->checked = true;
    domain->top = add_table(domain, 0);
    int error = domain->top ? vtd_set_domain(domain->device, domain->top, domain->number) : -ENOMEM;
    if (error)
        drop_tables(domain);
    return error;
}

int domain_create(u32 device, struct budget *budget, struct object **out)
{
    struct domain *domain = slab_alloc(&domain_cache, budget);
    if (!domain)
        return -ENOMEM;
    object_init(&domain->object, OBJECT_DOMAIN);
    list_init(&domain->pins);
    domain->device = device;
    domain->budget = budget;
    spin_lock(&all_lock);
    int error = enter(domain) ? 0 : -EBUSY;
    if (!error && vtd.levels && !(domain->number = take_number())) {
        list_remove(&domain->link);
        error = -EAGAIN;
    }
    spin_unlock(&all_lock);
    if (!error && vtd.levels) {
        error = start_translation(domain);
        if (error)
            leave(domain);
    }
    if (error) {
        slab_free(&domain_cache, domain, budget);
        return error;
    }
    budget_get(budget);
    *out = &domain->object;
    return 0;
}

void domain_info(struct object *object, u64 *flags, u64 *pinned)
{
    const struct domain *domain = domain_of_object(object);
    *flags = domain->top ? DOMAIN_TRANSLATED : 0;
    *pinned = atomic_load(&domain->pinned_pages);
}

/* Gives the device the page tables or, if top is 0, nothing. */
static void connect(struct domain *domain, u64 top)
{
    spin_lock(&domain->lock);
    if (domain->top && !domain->object.dead)
        vtd_set_domain(domain->device, top, domain->number);
    spin_unlock(&domain->lock);
}

int domain_reset(struct object *object, u32 flags)
{
    struct domain *domain = domain_of_object(object);
    if (flags & ~(u32)DOMAIN_FENCE)
        return -EINVAL;
    if (flags & DOMAIN_FENCE)
        connect(domain, 0);
    pin_release_all(domain);
    if (!(flags & DOMAIN_FENCE))
        connect(domain, domain->top);
    return 0;
}

static bool reap_piece(struct reap *reap)
{
    struct domain *domain = container_of(reap, struct domain, reap);
    struct budget *budget = domain->budget;
    if (!drop_tables(domain))
        return false;
    slab_free(&domain_cache, domain, budget);
    budget_put(budget);
    return true;
}

static void domain_free(struct quiesce_node *node)
{
    struct domain *domain = container_of(node, struct domain, quiesce);
    if (!reap_piece(&domain->reap))
        reaper_add(&domain->reap, reap_piece);
}

void domain_destroy(struct object *object)
{
    struct domain *domain = domain_of_object(object);
    spin_lock(&domain->lock);
    object->dead = domain->checked = true;
    if (domain->top)
        vtd_clear_domain(domain->device, domain->number);
    spin_unlock(&domain->lock);
    pin_release_all(domain);
    leave(domain);
    quiesce_free(&domain->quiesce, domain_free);
}
