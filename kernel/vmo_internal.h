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

/* Flags of an entry in a page tree.  Without a page, REQUESTED stands for one to come. */
enum {
    ENTRY_DIRTY = 1u << 0,     /* paged: written to since it was last clean */
    ENTRY_WRITEBACK = 1u << 1, /* paged: being written back; DIRTY again if written to meanwhile */
    ENTRY_LOADING = 1u << 2,   /* paged: the pager's device fills it; nobody else sees it yet */
    ENTRY_REQUESTED = 1u << 3, /* paged: the pager has been asked for it */
    ENTRY_USED = 1u << 4,      /* paged: touched since the reclaimer last looked */
    ENTRY_FLAGS = 0xfff
};

struct pager;

/* Lock order among objects: a clone before its origin. */
struct vmo {
    struct object object;
    struct spinlock lock;
    u8 kind, cache;
    bool frozen; /* being cloned: no page becomes writable */
    u8 flags;    /* VMO_LARGE_PAGES */
    u64 size;    /* bytes, whole pages */
    struct pagetree pages;
    u64 resident; /* pages in the tree, each charged to budget */
    u64 physical; /* PHYSICAL, CONTIGUOUS: where it starts */
    u32 order;    /* CONTIGUOUS: of the block */
    u32 reserved;
    struct list mappings; /* struct mapping by vmo_link */
    struct wait_queue waiters;
    struct vmo *origin; /* a clone's paged original, a reference; or NULL */
    u64 origin_offset;  /* bytes */
    struct pager *pager;
    struct budget *budget;
    struct reap reap;
    struct quiesce_node quiesce;
};

/* A range of an address space that shows a range of an object. Changed under both locks. */
struct mapping {
    struct tree_node node; /* key: address */
    struct aspace *aspace;
    struct vmo *vmo;     /* a reference */
    struct loan *loan;   /* a reference, or NULL */
    u64 length, offset;  /* bytes; offset into vmo */
    u32 access, allowed; /* MAP_READ|WRITE|EXECUTE now, and at most */
    struct list vmo_link, loan_link;
};

struct aspace {
    u64 cr3; /* first: the fast path reads it */
    u64 *root;
    struct spinlock lock;
    bool dying;
    struct tree mappings;
    u64 mapped; /* bytes */
    u64 tables; /* page-table pages, charged to budget */
    struct budget *budget;
    struct quiesce_node quiesce;
};

struct loan {
    struct object object;
    struct spinlock lock; /* level 3: revoked, mappings */
    bool revoked;
    bool pinned; /* a loan in a message; else a slice */
    u32 rights;
    struct vmo *vmo;  /* a reference */
    u64 offset, size; /* bytes, of vmo */
    u64 mapped;       /* bytes mapped through it */
    u64 edges[2];     /* physical pages that stand in for a partial first and last page; or 0 */
    struct list mappings;
    struct budget *budget;
    struct quiesce_node quiesce;
};

/* ---- vmo.c ------------------------------------------------------------------------------------
 */

struct vmo *vmo_create(enum vmo_kind kind, u64 size, struct budget *budget);

/*
 * The page of a locked object at a page number below its size, made resident; for writing: its own,
 * and dirty.  0 and *entry (NULL for physical memory) and *physical; or -ENOMEM, -PARKED, -EIO,
 * -ETIMEDOUT.
 */
int vmo_page(struct vmo *vmo, u64 index, bool write, u64 **entry, u64 *physical);

bool memory_is_direct(u64 physical); /* x86/memory.c */

/* Whether all of it is memory that the kernel has mapped, and not a device's. */
bool vmo_is_memory(const struct vmo *vmo);

/* Puts a new zeroed page with flags into an entry that has none. 0 or -ENOMEM. */
int vmo_new_page(struct vmo *vmo, u64 *entry, u64 flags);

/* Drops a page from the tree of a locked object; unmapped already. */
void vmo_drop_page(struct vmo *vmo, u64 *entry);

/* Drops at most `most` resident pages in [first, end); *dropped: how many. -EBUSY (and nothing done
 * in this piece) if one of all is pinned. With wake, who waits for them is told -ERANGE. Not
 * locked. */
i64 vmo_drop_range(struct vmo *vmo, u64 first, u64 end, u64 most, u64 *dropped, bool wake);

/* Takes a page out of an anonymous object (a new zeroed one where there is none): nobody's then,
 * and charged to nobody. 0, -ENOMEM, -PARKED, -EBUSY. */
int vmo_take_page(struct vmo *vmo, u64 index, u64 *physical);

/* Gives a locked object a page of its own in place of one shared with a clone. 0 or -ENOMEM. */
int vmo_own_page(struct vmo *vmo, u64 index, u64 *entry);

/* Whether a page may be mapped writable: nobody shares it, nobody needs to hear of the first write.
 */
bool vmo_may_write(const struct vmo *vmo, u64 entry);

/* ---- aspace.c ---------------------------------------------------------------------------------
 */

/* Takes pages [first, last] of a locked object out of all its mappings, or write-protects them
 * there, and out of every TLB. */
void vmo_unmap_pages(struct vmo *vmo, u64 first, u64 last, bool only_write);

/* Unmaps the first part of a user range, at most UNMAP_PIECE of it; *done: how many bytes are dealt
 * with. */
#define UNMAP_PIECE (64ul * PAGE_SIZE)
i64 aspace_unmap(struct aspace *aspace, u64 address, u64 length, u64 *done);
i64 aspace_protect(struct aspace *aspace, u64 address, u64 length, u32 access);

/* Enters what is resident in a range that was just mapped; does what it can. */
void aspace_populate(struct aspace *aspace, u64 address, u64 length);

/* Takes away the page-table entries of a mapping that was made through a loan, which is revoked. */
void mapping_revoke(struct mapping *mapping);

/* ---- pager.c ----------------------------------------------------------------------------------
 */

int pager_page(struct vmo *vmo, u64 index, bool write, u64 *entry);
void pager_destroy(struct vmo *vmo);

/*
 * Pins pages [first, last] of a locked object: resident, its own, not to be freed or replaced;
 * their physical addresses in addresses[], if given. All or nothing: 0, -PARKED, -ENOMEM, -EAGAIN
 * (pinned too often), -EIO.
 */
int vmo_pin_pages(struct vmo *vmo, u64 first, u64 last, bool write, u64 *addresses);
void vmo_unpin_pages(struct vmo *vmo, u64 first, u64 last);
/* Where a page is that is pinned, whatever its state. Object locked. */
u64 vmo_pinned_page(struct vmo *vmo, u64 index);

/* ---- clone.c ----------------------------------------------------------------------------------
 */

/* SYS_VMO_CLONE for the current thread: a handle, -RESTART, -PARKED, or an error. */
i64 vmo_clone(const struct span *span, u64 offset, u64 length);

/* ---- loan.c -----------------------------------------------------------------------------------
 */

/* The page that stands in for page number index of the loan's object, or 0. */
u64 loan_edge(const struct loan *loan, u64 index);
struct loan *slice_create(const struct span *span, u64 offset, u64 length, struct budget *budget);

/* ---- x86/pagetable.c --------------------------------------------------------------------------
 */

enum { PTE_PRESENT = 1, PTE_WRITE = 2, PTE_USER = 4, PTE_PWT = 8, PTE_PCD = 16, PTE_LARGE = 128 };
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

/* The entry that maps an address, its tables made if need be; NULL: none, or no memory. */
u64 *pagetable_slot(struct aspace *aspace, u64 address, bool create);
/* What an entry for a mapping looks like. */
u64 pagetable_entry(u64 physical, u32 access, enum vmo_cache cache);
bool pagetable_init(struct aspace *aspace);
/* Frees up to `most` tables of the user half; true when none is left. */
bool pagetable_free(struct aspace *aspace, u32 most);

#endif
