/*
 * Intel's IOMMU, VT-d: what domain.c and irq.c need of it; see vtd.c.
 *
 * What changes a structure that the hardware may have cached returns when no cache holds the old
 * any more.  Where the hardware does not answer the kernel panics: it could not say any longer what
 * devices reach.  Locks of level 6 and above may be held.
 */
#ifndef VTD_H
#define VTD_H

#include "../kernel.h"

struct vtd {
    u32 levels;       /* of a domain's page tables: 3 or 4; 0: no IOMMU, and nothing below counts */
    u32 address_bits; /* that a device can name */
    u32 domains;      /* ids are below */
    bool caching;     /* what is not present is cached too (CM: emulated units) */
    bool remaps;      /* interrupts are remapped */
};
extern struct vtd vtd;

/* Finds the units and has all of them translate: nothing, to begin with.  Boot CPU, clock and I/O
 * APICs started, no interrupt line open. */
void vtd_start(void);

/* Entries of a domain's page tables (VT-d 4.0, 9.8). */
#define VTD_READ (1ul << 0)
#define VTD_WRITE (1ul << 1)

/* Writes an entry, and makes memory that was written visible to hardware that does not snoop. */
void vtd_write(u64 *entry, u64 value);
void vtd_publish(const void *start, u64 bytes);

/* Gives a device (bus << 8 | devfn) the page tables at `top`, for domain `id`, or, if top is 0,
 * nothing: its DMA is blocked, and not worth a line in the log.  -ENOMEM. */
int vtd_set_domain(u32 device, u64 top, u32 id);

/* Takes back what vtd_set_domain gave; its DMA is blocked again. */
void vtd_clear_domain(u32 device, u32 id);

/* Translations of some pages have changed, or (count above VTD_PAGES_MAX) of any. */
#define VTD_PAGES_MAX 8u
void vtd_flush(u32 id, const u64 *addresses, u32 count);

/* Any requester may raise it. */
#define VTD_SOURCE_ANY UINT32_MAX

/*
 * The entry of the interrupt remapping table for a vector has the vector's number; it leads to one
 * CPU, for requests of `source` (bus << 8 | devfn) only.  The message that devices must send for
 * `vector + data`.
 */
void vtd_route_interrupt(u32 vector, u32 apic_id, bool level, u32 source);
void vtd_forget_interrupt(u32 vector);
u64 vtd_message_address(u32 vector);

/* VECTOR_IOMMU has come: a unit has recorded faults. */
void vtd_interrupt(void);

#endif
