/*
 * I/O APICs (82093AA data sheet): where interrupt lines become vectors.
 *
 * Each has an index and a data register, so an access is two, under irq.c's lock.  A line's low
 * word is kept here as well, so that masking does not read the device.
 */
#include "ioapic.h"

#include <portolan/syscall.h>

#include "acpi.h"
#include "memory.h"
#include "vtd.h"

enum { INDEX = 0x00, DATA = 0x10 };
enum { REGISTER_VERSION = 1, REGISTER_REDIRECTION = 0x10 };
enum { ENTRY_ACTIVE_LOW = 1u << 13, ENTRY_LEVEL = 1u << 15, ENTRY_MASKED = 1u << 16 };
enum {
    ENTRY_REMAPPABLE = 1u << 16
}; /* of the high word; the number above it (VT-d 4.0, 5.1.2.1) */
#define LINES_MAX 240u

static struct ioapic {
    volatile u8 *registers;
    u32 gsi_base, lines;
    u32 source; /* see ioapic_source */
} ioapics[ACPI_IOAPICS_MAX];
static u32 ioapic_count;

static u32 low_word[LINES_MAX]; /* by global number */

static u32 read(const struct ioapic *ioapic, u32 which)
{
    *(volatile u32 *)(ioapic->registers + INDEX) = which;
    return *(volatile u32 *)(ioapic->registers + DATA);
}

static void write(const struct ioapic *ioapic, u32 which, u32 value)
{
    *(volatile u32 *)(ioapic->registers + INDEX) = which;
    *(volatile u32 *)(ioapic->registers + DATA) = value;
}

static const struct ioapic *ioapic_of(u32 gsi)
{
    for (u32 i = 0; i < ioapic_count; i++) {
        if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].lines)
            return &ioapics[i];
    }
    return NULL;
}

static void write_low(u32 gsi, u32 value)
{
    const struct ioapic *ioapic = ioapic_of(gsi);
    low_word[gsi] = value;
    write(ioapic, REGISTER_REDIRECTION + 2 * (gsi - ioapic->gsi_base), value);
}

static u32 find_source(u32 id)
{
    for (u32 i = 0; i < acpi.scope_count; i++) {
        if (acpi.scopes[i].ioapic == id)
            return acpi.scopes[i].source;
    }
    return VTD_SOURCE_ANY;
}

void ioapic_start(void)
{
    for (u32 i = 0; i < acpi.ioapic_count; i++) {
        struct ioapic *ioapic = &ioapics[ioapic_count];
        u32 base = acpi.ioapics[i].gsi_base;
        ioapic->registers = platform_map_mmio(acpi.ioapics[i].address, 0x20);
        if (!ioapic->registers || base >= LINES_MAX)
            continue;
        ioapic->gsi_base = base;
        ioapic->source = find_source(acpi.ioapics[i].id);
        ioapic->lines = min((read(ioapic, REGISTER_VERSION) >> 16 & 0xff) + 1, LINES_MAX - base);
        ioapic_count++;
        for (u32 line = 0; line < ioapic->lines; line++)
            write_low(base + line, ENTRY_MASKED);
    }
}

u32 ioapic_source(u32 gsi)
{
    return ioapic_of(gsi)->source;
}

bool ioapic_has(u32 gsi)
{
    return ioapic_of(gsi) != NULL;
}

/* ISA lines are edge-triggered and active high, others the reverse, unless an override speaks
 * (ACPI 6.4, 5.2.12.5; flags in table 5.26: 0 means as the bus does, 1 high or edge, 3 low or
 * level). */
u32 ioapic_default_flags(u32 gsi)
{
    u32 polarity = 0, trigger = 0;
    for (u32 i = 0; i < acpi.override_count; i++) {
        if (acpi.overrides[i].gsi == gsi) {
            polarity = acpi.overrides[i].flags & 3;
            trigger = acpi.overrides[i].flags >> 2 & 3;
        }
    }
    bool isa = gsi < 16;
    bool low = polarity ? polarity == 3 : !isa, level = trigger ? trigger == 3 : !isa;
    return (level ? IRQ_LEVEL : 0) | (low ? IRQ_ACTIVE_LOW : 0);
}

void ioapic_route(u32 gsi, u32 vector, u32 apic_id, u32 flags)
{
    const struct ioapic *ioapic = ioapic_of(gsi);
    write_low(gsi, ENTRY_MASKED);
    write(ioapic, REGISTER_REDIRECTION + 2 * (gsi - ioapic->gsi_base) + 1,
          vtd.remaps ? vector << 17 | ENTRY_REMAPPABLE : apic_id << 24);
    write_low(gsi, ENTRY_MASKED | vector | (flags & IRQ_LEVEL ? ENTRY_LEVEL : 0) |
                       (flags & IRQ_ACTIVE_LOW ? ENTRY_ACTIVE_LOW : 0));
}

void ioapic_mask(u32 gsi, bool masked)
{
    u32 value = masked ? low_word[gsi] | ENTRY_MASKED : low_word[gsi] & ~(u32)ENTRY_MASKED;
    if (value != low_word[gsi])
        write_low(gsi, value);
}
