/*
 * What the memory files share: vmo.c, loan.c, pager.c, clone.c, pin.c, aspace.c, fault.c.
 */
#ifndef VMO_INTERNAL_H
#define VMO_INTERNAL_H

#include "page.h"
#include "pagetree.h"
#include "reap.h"
#include "tree.h"
#include "vmo.h"

/* Flags of an entry in a page tree.  REQUESTED may stand alone, for a page to come. */
enum {
    ENTRY_DIRTY = 1u << 0, /* paged: written to since it was last clean */
    ENTRY_WRITEBACK =
        1u << 1,             /* paged: being written back; DIRTY as well if written to meanwhile */
    ENTRY_LOADING = 1u << 2, /* paged: the pager's device fills it; nobody else sees it yet */
    ENTRY_REQUESTED = 1u << 3, /* paged: the pager has been asked for it */
    ENTRY_USED = 1u << 4,      /* paged: touched since the reclaimer last looked */
    ENTRY_LARGE = 1u << 5,     /* this and the next 511 are one block, shared with nobody */
    ENTRY_FLAGS = 0xfff
};
#define LARGE_PAGES 512ul /* pages in a large one */

/* object_get_live, inline. */
static inline bool object_get_if_live(struct object *object)
{
    u32 references = atomic_load_relaxed(&object->references);
    return likely(references) &&
           (likely(atomic_compare_exchange(&object->references, &references, references + 1)) ||
            object_get_live(object));
}

static inline u64 entry_page(u64 entry)
{
    return entry & ~(u64)ENTRY_FLAGS;
}

struct pager;

/* FROZEN: being cloned, so that no page becomes writable, or goes.  DYING: no page comes any more.
 */
enum { VMO_FROZEN = 1, VMO_DYING = 2 };

/* Lock order among objects: an anonymous one before a paged one (a clone before its origin). */
struct vmo {
    struct object object;
    struct spinlock lock;
    u8 kind, cache;
    u8 closed; /* VMO_FROZEN, VMO_DYING, or 0 */
    u8 flags;  /* VMO_LARGE_PAGES */
    u64 size;  /* bytes, whole pages */
    struct pagetree pages;
    u64 resident; /* pages in the tree, each charged to budget */
    u64 physical; /* PHYSICAL, CONTIGUOUS: where it starts */
    u32 order;    /* CONTIGUOUS: of the block */
    u32 reserved;
    struct list mappings;      /* struct mapping by vmo_link */
    struct wait_queue waiters; /* by page number; a clone's maker by its job's address */
    struct vmo *origin;        /* a clone's paged original, a reference; or NULL */
    u64 origin_first;          /* the page of it that is this one's first */
    u64 origin_pages;          /* so many are taken from there; what lies behind them is zero */
    struct pager *pager;
    struct budget *budget;
    struct reap reap;
    struct quiesce_node quiesce;
};

/* Whether an object's pages lie in one run and are no page tree's. */
static inline bool vmo_is_flat(const struct vmo *vmo)
{
    return vmo->kind == VMO_PHYSICAL || vmo->kind == VMO_CONTIGUOUS;
}

/* Pins whole pages that are lent to a device alone (pin.c); by_pager: the pager's own object.
 * 0, -ERANGE, -ENOTSUP, or as vmo_pin_pages. */
int vmo_lend_pages(struct vmo *vmo, u64 first, u64 last, u32 rights, bool by_pager);

/* A range of an address space that shows a range of an object. Changed under both locks. */
struct mapping {
    struct tree_node node; /* key: address */
    struct aspace *aspace;
    struct vmo *vmo;     /* a reference */
    struct loan *loan;   /* a reference, or NULL */
    u64 length, offset;  /* bytes; offset into vmo */
    u32 access, allowed; /* MAP_READ|WRITE|EXECUTE now, and at most */
    bool entered;        /* there may be page-table entries; under the object's lock */
    struct list vmo_link, loan_link;
};

struct aspace {
    u64 cr3; /* first: the fast path reads it */
    u64 *root;
    struct spinlock lock;
    bool dying;
    struct tree mappings;
    struct mapping *recent; /* the one looked up last, or NULL */
    u64 mapped;             /* bytes */
    u64 full_below;         /* no gap lies below this address */
    u32 tables;             /* the first page table but the root, linked by page->free.next */
    struct budget *budget;
    struct quiesce_node quiesce;
};

static inline u64 mapping_end(const struct mapping *mapping)
{
    return mapping->node.key + mapping->length;
}

/* The mapping that contains an address, or NULL. Address space locked. */
static inline struct mapping *mapping_at(struct aspace *aspace, u64 address)
{
    struct mapping *mapping = aspace->recent;
    if (likely(mapping) && likely(address - mapping->node.key < mapping->length))
        return mapping;
    struct tree_node *node = tree_floor(&aspace->mappings, address);
    mapping = node ? container_of(node, struct mapping, node) : NULL;
    if (!mapping || address - mapping->node.key >= mapping->length)
        return NULL;
    return aspace->recent = mapping;
}

enum loan_state { LOAN_LIVE = 0, LOAN_ENDING, LOAN_DEAD };

/* Lock order among loans: the one lent from before those lent on from it. */
struct loan {
    struct object object;
    struct spinlock lock; /* level 3: state, mappings, children */
    u8 state;             /* enum loan_state */
    bool slice;           /* made to keep; nothing of it is pinned */
    bool pinned;          /* its pages are, once, until it ends */
    bool edged;           /* it, or what it was lent from, has edges */
    u8 depth;             /* how often it has been lent on */
    u32 rights;
    struct vmo *vmo;      /* a reference */
    struct loan *parent;  /* the loan it was lent on from and ends with, a reference; or NULL */
    u64 offset, size;     /* bytes, of vmo */
    u64 mapped;           /* bytes mapped through it */
    u64 single;           /* the only page, if there is just one; else 0 */
    u64 edges[2];         /* pages that stand in for a partial first and last one; or 0 */
    struct list mappings; /* struct mapping by loan_link */
    struct list children, sibling;
    struct budget *budget; /* a reference */
    struct quiesce_node quiesce;
};

/* ---- vmo.c ----------------------------------------------------------------------------------- */

struct vmo *vmo_create(enum vmo_kind kind, u64 size, struct budget *budget);

/*
 * The page of a locked object at a page number below its size, made resident; for writing: its own,
 * and dirty.  0 and *entry (NULL for a flat object's) and *physical; or -ENOMEM, -PARKED, -ERANGE
 * (its origin has shrunk), -EIO, -ETIMEDOUT or what else the pager says.
 */
int vmo_page(struct vmo *vmo, u64 index, bool write, u64 **entry, u64 *physical);

bool memory_is_direct(u64 physical); /* x86/memory.c */

/* Whether all of it is memory that the kernel has mapped, and not a device's. */
bool vmo_is_memory(const struct vmo *vmo);

/* A page of a locked object that is known to be there, whatever its state. */
u64 vmo_resident_page(struct vmo *vmo, u64 index);

/* Charges a page to the object; gives it back. */
bool vmo_charge_page(struct vmo *vmo);
void vmo_uncharge_page(struct vmo *vmo);

/* Puts a new zeroed page with flags into an entry that has none. 0 or -ENOMEM. */
int vmo_new_page(struct vmo *vmo, u64 *entry, u64 flags);

/* Takes a page out of the tree of a locked object, and out of its mappings. */
void vmo_drop_page(struct vmo *vmo, u64 index, u64 *entry);

/* Gives a locked object a page of its own in place of one shared with a clone. 0 or -ENOMEM. */
int vmo_own_page(struct vmo *vmo, u64 index, u64 *entry);

/* The large page that holds page number index, if there is one, is to be seen as single pages. */
void vmo_break_large(struct vmo *vmo, u64 index);

/* Whether a page may be mapped writable: nobody shares it or needs to hear of the first write. */
bool vmo_may_write(const struct vmo *vmo, u64 entry);

/* One page's reference, or the page, given up. */
void vmo_release_page(u64 physical);

/* Sets a new size: 0, -RESTART (a piece is done), -EBUSY, -PARKED. */
i64 vmo_resize(struct vmo *vmo, u64 size);

/* Drops the pages [first, end), of which *done are dealt with: 0, -EBUSY (one is pinned), -PARKED.
 */
i64 vmo_decommit(struct vmo *vmo, u64 first, u64 end, u64 *done);

/*
 * Pins pages [first, last] of a locked object: resident, its own, not to be freed or replaced;
 * their addresses in addresses[], if given.  All or nothing: 0, -EAGAIN (pinned too often), or as
 * vmo_page.
 */
int vmo_pin_pages(struct vmo *vmo, u64 first, u64 last, bool write, u64 *addresses);
void vmo_unpin_pages(struct vmo *vmo, u64 first, u64 last);

/* Pins a page that cannot go meanwhile. 0 or -EAGAIN. */
#define PINS_MAX 0xf000u
static inline int page_pin(u64 physical)
{
    struct page *page = phys_to_page(physical);
    if (likely(atomic_add(&page->pins, 1) <= PINS_MAX))
        return 0;
    atomic_sub(&page->pins, 1);
    return -EAGAIN;
}

/*
 * The usual page to lend: of an anonymous object, there and shared with nobody.  Pins it and gives
 * its address; 0: anything else, and nothing done.
 */
static inline u64 vmo_pin_usual(struct vmo *vmo, u64 index)
{
    if (unlikely(vmo->kind != VMO_ANONYMOUS))
        return 0;
    spin_lock(&vmo->lock);
    u64 *entry = pagetree_find(&vmo->pages, index);
    u64 page = likely(entry) ? entry_page(*entry) : 0;
    if (unlikely(!page) || unlikely(index >= vmo->size / PAGE_SIZE) || unlikely(vmo->closed) ||
        unlikely(atomic_load(&phys_to_page(page)->references) != 1) || unlikely(page_pin(page)))
        page = 0;
    spin_unlock(&vmo->lock);
    return page;
}

static inline void page_unpin(u64 physical)
{
    atomic_sub(&phys_to_page(physical)->pins, 1);
}

/* ---- clone.c --------------------------------------------------------------------------------- */

/* A clone's handle in the current task, -PARKED, -ENOMEM, -EMFILE. The range is aligned. */
i64 vmo_clone(const struct span *span, u64 offset, u64 length, u64 payer);

/* ---- aspace.c -------------------------------------------------------------------------------- */

/* Takes pages [first, last] of a locked object out of all its mappings, or write-protects them
 * there, and out of every TLB. */
void vmo_unmap_pages(struct vmo *vmo, u64 first, u64 last, bool only_write);

/* The first part of a user range, small enough to be done at once; *done: how many bytes it was. */
i64 aspace_unmap(struct aspace *aspace, u64 address, u64 length, u64 *done);
i64 aspace_protect(struct aspace *aspace, u64 address, u64 length, u32 access, u64 *done);

/* Removes all mappings that were made through a loan. */
void aspace_unmap_loan(struct loan *loan);

/* ---- fault.c
 * ------------------------------------------------------------------------------------- */

/* Enters the pages of a range that are there already. */
void aspace_populate(struct aspace *aspace, u64 address, u64 length);

/* ---- pager.c
 * -------------------------------------------------------------------------------------- */

/* A page of a locked paged object, as vmo_page says. */
int pager_page(struct vmo *vmo, u64 index, bool write, u64 *entry);
/* The caller will want pages [index, end) next: they may be asked for together. Object locked. */
void pager_expect(struct vmo *vmo, u64 end);
/* pager_reclaim's part for a paged object that is locked by the caller, who relies on none of its
 * pages that is neither pinned nor dirty. How many pages have gone. */
u64 pager_reclaim_own(struct vmo *vmo);
void pager_destroy(struct vmo *vmo);

/* ---- loan.c ---------------------------------------------------------------------------------- */

/* The page that stands in for page number index of the loan's object, or 0. */
u64 loan_edge(const struct loan *loan, u64 index);
/* A page of a loan that is no slice, its object locked: it is pinned, so whatever its state it is
 * there for the borrower.  0, -EREVOKED, -PARKED. */
int loan_page(const struct loan *loan, u64 index, bool write, u64 *physical);
/* A part of an object or loan, to keep. NULL: no memory, or the loan has ended. */
struct loan *slice_create(const struct span *span, u64 offset, u64 length, struct budget *budget);

/* ---- x86/pagetable.c
 * ----------------------------------------------------------------------------- */

enum { PTE_PRESENT = 1, PTE_WRITE = 2, PTE_USER = 4, PTE_PWT = 8, PTE_PCD = 16, PTE_LARGE = 128 };
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

/* The entry that maps the page, or with `large` the large page, at an address; its tables are made
 * if need be.  NULL: no memory, or a table is where a large page's entry would be. */
u64 *pagetable_slot(struct aspace *aspace, u64 address, bool large);
/* The entry of a page whose tables are there; NULL if they are not. */
static inline u64 *pagetable_walk(struct aspace *aspace, u64 address)
{
    u64 *table = aspace->root;
    for (u32 shift = PAGE_SHIFT + 9 * 3; shift > PAGE_SHIFT; shift -= 9) {
        u64 value = atomic_load(&table[address >> shift & 511]);
        if (unlikely((value & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT))
            return NULL;
        table = phys_to_virt(value & PTE_ADDRESS);
    }
    return &table[address >> PAGE_SHIFT & 511];
}

/* The first entry that maps something at *address (which moves there) or above, below end; it maps
 * *bytes. NULL: none. */
u64 *pagetable_next(struct aspace *aspace, u64 *address, u64 end, u64 *bytes);
/* What an entry for a mapping looks like. */
u64 pagetable_entry(u64 physical, u32 access, enum vmo_cache cache);
bool pagetable_init(struct aspace *aspace);
/* Frees up to `most` tables of the user half; true when none is left. */
bool pagetable_free(struct aspace *aspace, u32 most);

#endif
