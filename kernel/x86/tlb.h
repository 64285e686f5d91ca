/*
 * TLB shootdown.
 */
#ifndef TLB_H
#define TLB_H

#include "kernel.h"

struct aspace;

/* After page-table entries for [address, address + pages * PAGE_SIZE) have been taken away or
 * reduced: no CPU uses the old ones when this returns. May wait for other CPUs; locks may be held.
 */
void tlb_flush(struct aspace *aspace, u64 address, u64 pages);

/* Answers what other CPUs ask of this one. */
void tlb_poll(void);

/* No CPU has the address space loaded any more when this returns; none of its threads is left. */
void tlb_leave(struct aspace *aspace);

#endif
