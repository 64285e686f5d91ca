/*
 * VM objects, loans and the memory behind mappings.
 *
 * struct vmo is the object proper.  struct loan is a range of one: a loan in a message (revoked
 * when the message ends) or a slice (kept).  Every operation takes either, as a `struct span`: the
 * base object, a byte offset added to the caller's, and the loan to respect.
 *
 * Rules: a vmo's page tree, page states and the page-table entries of its mappings change only
 * under vmo->lock.  What must wait for a pager adds the current thread to vmo->waiters under that
 * lock and returns -PARKED through all callers; the system call is then run again from its start
 * when the thread is woken, and a failure found meanwhile is waiting in its wait_status.
 */
#ifndef VMO_H
#define VMO_H

#include <portolan/syscall.h>

#include "budget.h"
#include "object.h"
#include "timer.h"
#include "wait.h"

struct port;
struct aspace;
struct domain;
struct loan;
struct vmo; /* defined in vmo_internal.h */

/* A range of memory as a handle names it. */
struct span {
    struct vmo *vmo;
    struct loan *loan; /* or NULL */
    u64 offset;        /* added to every offset: where the loan or slice starts in vmo */
    u64 size;          /* of the object or loan, bytes */
    u32 rights;
};

/* Resolves a handle of the current task to a span.  0, -EBADF, -EPERM, -EREVOKED. */
int span_lookup(handle_t handle, u32 rights, struct span *out);
int span_of_object(struct object *object, u32 rights, struct span *out);

/* ---- Used outside the memory files ----------------------------------------------------------- */

/* Creates for the kernel itself (the boot module, the clock page).  NULL: no memory. */
struct vmo *vmo_create_kernel_physical(u64 physical, u64 bytes, enum vmo_cache cache);
struct vmo *vmo_create_anonymous(u64 bytes, struct budget *budget);
struct object *vmo_object(struct vmo *vmo);
/* Copies into or out of an anonymous or physical object without waiting (boot only). */
int vmo_copy_in(struct vmo *vmo, u64 offset, const void *from, u64 length);

/* The pages of a thread's message page: made resident, pinned; their direct-map addresses in
 * out[0..1].  0, -PARKED, -ERANGE, -ENOMEM, -EINVAL. Undone by message_area_release. */
struct message_pages {
    struct vmo *vmo; /* holds a reference */
    u64 offset;
    void *page[2];
};
int message_pages_pin(const struct span *span, u64 offset, struct message_pages *out);
void message_pages_unpin(struct message_pages *pages);

/*
 * Lends [offset, offset + length) of span with `rights` (a subset of the span's): resident, pinned,
 * edges bounced where MAP or PIN is lent and the range does not fill its first or last page.
 * The loan has one reference; charged to `budget`.  0, -PARKED, -ERANGE, -E2BIG, -EPERM, -ENOMEM,
 * -EIO, -EREVOKED.
 */
int loan_create(const struct span *span, u64 offset, u64 length, u32 rights, struct budget *budget,
                struct loan **out);
struct object *loan_object(struct loan *loan);
struct loan *loan_of_object(struct object *object);

/*
 * Ends a loan: its mappings are gone from every TLB, its bytes unreachable (-EREVOKED) and its
 * bounced edges copied back when this returns; pages that a device may still write stay pinned
 * until unpin or reset.  Bounded (a loan is small); takes locks 2..4; idempotent.
 */
void loan_revoke(struct loan *loan);

/* The loan leaves its holder and goes on to another: what was mapped through it is gone. */
void loan_recall(struct loan *loan);

/* Object destructors for object_put's table. */
void vmo_destroy(struct object *object);
void loan_destroy(struct object *object);

/* ---- Faults ---------------------------------------------------------------------------------- */

enum { FAULT_WRITE = 1u << 1, FAULT_USER = 1u << 2, FAULT_FETCH = 1u << 4 }; /* CPU error code */

/*
 * A user page fault at address.  0: mapped, go on; -PARKED: current thread waits; -EFAULT: nothing
 * mapped or not allowed; -ERANGE: beyond the object's end; -EIO, -ETIMEDOUT: the pager failed;
 * -ENOMEM.
 */
int aspace_fault(struct aspace *aspace, u64 address, u32 error_code);

/* ---- Address spaces -------------------------------------------------------------------------- */

/* The first word is the CR3 value: the message fast path reads it. */
struct aspace *aspace_create(struct budget *budget);
/* Unmaps up to some thousand pages; true when all is gone and the page tables are freed.  The
 * address space is loaded on no CPU. */
bool aspace_destroy_piece(struct aspace *aspace);
static inline u64 aspace_cr3(const struct aspace *aspace)
{
    return *(const u64 *)aspace;
}
extern u64 kernel_cr3; /* the page table without a user half */

/* Maps for the kernel at boot: as SYS_MAP. */
i64 aspace_map(struct aspace *aspace, const struct span *span, u64 offset, u64 length, u64 address,
               u32 flags);
u64 aspace_mapped_bytes(const struct aspace *aspace);

/* ---- Domains (x86/domain.c, used by pin.c) ------------------------------------------------------
 */

#endif
