/*
 * I/O APICs: the lines of the machine, by global number; see ioapic.c.
 */
#ifndef IOAPIC_H
#define IOAPIC_H

#include "../kernel.h"

void ioapic_start(void); /* maps them, masks all lines; boot CPU, after acpi_start */

bool ioapic_has(u32 gsi);

/* IRQ_LEVEL and IRQ_ACTIVE_LOW as ACPI gives them for a line. */
u32 ioapic_default_flags(u32 gsi);

/* What the IOMMU sees a line's interrupts come from: bus << 8 | devfn, or VTD_SOURCE_ANY if the
 * firmware does not say. */
u32 ioapic_source(u32 gsi);

/* Routes a line, masked, to a vector of one CPU; with interrupt remapping, to the vector's entry.
 * The caller holds the irq lock, here and below. */
void ioapic_route(u32 gsi, u32 vector, u32 apic_id, u32 flags);
void ioapic_mask(u32 gsi, bool masked);

#endif
