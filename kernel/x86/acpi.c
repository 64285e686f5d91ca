/*
 * What the ACPI tables say about processors, interrupt controllers, timers, power (ACPI 6.4,
 * chapters 4 and 5) and IOMMUs.
 *
 * Read once, at boot.  Tables are input: each is mapped to the length it states, summed, and read
 * no further than that; what is wrong or too much is left out and noted in the log.  AML is not
 * interpreted: of the DSDT only the package _S5_ is looked for, whose form is fixed (7.4.2).
 */
#include "acpi.h"

#include "../log.h"
#include "boot.h"
#include "memory.h"

#define TABLE_MAX (1u << 20)

struct table {
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem[18];
    u32 creator, creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct table) == 36, "ACPI 6.4, 5.2.6");

struct acpi_facts acpi;

static bool sum_is_zero(const void *bytes, u32 length)
{
    u8 sum = 0;
    for (u32 i = 0; i < length; i++)
        sum = (u8)(sum + ((const u8 *)bytes)[i]);
    return sum == 0;
}

/* The table at a physical address, if it is whole. */
static const struct table *table_at(u64 physical)
{
    const struct table *table = platform_map(physical, sizeof *table, PTE_CACHED);
    if (!table)
        return NULL;
    u32 length = table->length;
    if (length < sizeof *table || length > TABLE_MAX) {
        log_print("acpi: table at %lx has length %u\n", physical, length);
        return NULL;
    }
    table = platform_map(physical, length, PTE_CACHED);
    if (!table || table->length != length || !sum_is_zero(table, length)) {
        log_print("acpi: table at %lx has a wrong checksum\n", physical);
        return NULL;
    }
    return table;
}

/* Unaligned fields, by their offset; 0 beyond the end of the table. */
static u64 field(const struct table *table, u32 offset, u32 bytes)
{
    u64 value = 0;
    if (!range_exceeds(offset, bytes, table->length))
        memcpy(&value, (const u8 *)table + offset, bytes);
    return value;
}

/* ---- MADT (5.2.12) --------------------------------------------------------------------------- */

enum {
    MADT_LOCAL_APIC = 0,
    MADT_IO_APIC = 1,
    MADT_OVERRIDE = 2,
    MADT_ADDRESS = 5,
    MADT_X2APIC = 9
};

static void add_cpu(u32 id, u64 flags)
{
    if (flags & 1 && acpi.cpu_count < ACPI_CPUS_MAX) /* enabled */
        acpi.cpus[acpi.cpu_count++] = id;
}

static void read_madt_entry(const struct table *madt, u32 at)
{
    switch (field(madt, at, 1)) {
    case MADT_LOCAL_APIC:
        add_cpu((u32)field(madt, at + 3, 1), field(madt, at + 4, 4));
        break;
    case MADT_X2APIC:
        add_cpu((u32)field(madt, at + 4, 4), field(madt, at + 8, 4));
        break;
    case MADT_IO_APIC:
        if (acpi.ioapic_count < ACPI_IOAPICS_MAX)
            acpi.ioapics[acpi.ioapic_count++] =
                (struct acpi_ioapic){.address = field(madt, at + 4, 4),
                                     .gsi_base = (u32)field(madt, at + 8, 4),
                                     .id = (u8)field(madt, at + 2, 1)};
        break;
    case MADT_OVERRIDE:
        if (acpi.override_count < ACPI_OVERRIDES_MAX)
            acpi.overrides[acpi.override_count++] = (struct acpi_override){
                .gsi = (u32)field(madt, at + 4, 4), .flags = (u16)field(madt, at + 8, 2)};
        break;
    case MADT_ADDRESS:
        acpi.local_apic = field(madt, at + 4, 8);
        break;
    }
}

static void read_madt(const struct table *madt)
{
    acpi.local_apic = field(madt, 36, 4);
    for (u32 at = 44; at + 2 <= madt->length;) {
        u32 length = (u32)field(madt, at + 1, 1);
        if (length < 2 || length > madt->length - at)
            return;
        read_madt_entry(madt, at);
        at += length;
    }
}

/* ---- DMAR (VT-d 4.0, chapter 8) -------------------------------------------------------------- */

enum { DMAR_UNIT = 0, DMAR_SCOPE_IOAPIC = 3, DMAR_INTERRUPT_REMAPPING = 1u << 0 };

/* Of the devices in [at, end) that a unit serves: the I/O APICs on a bus of the root complex, which
 * is where they are. */
static void read_scopes(const struct table *dmar, u32 at, u32 end)
{
    while (at + 8 <= end) {
        u32 length = (u32)field(dmar, at + 1, 1);
        if (length < 8 || length > end - at)
            return;
        u32 bus = (u32)field(dmar, at + 5, 1), device = (u32)field(dmar, at + 6, 1) & 31,
            function = (u32)field(dmar, at + 7, 1) & 7;
        if (field(dmar, at, 1) == DMAR_SCOPE_IOAPIC && length == 8 &&
            acpi.scope_count < ACPI_IOAPICS_MAX)
            acpi.scopes[acpi.scope_count++] =
                (struct acpi_scope){.ioapic = (u8)field(dmar, at + 4, 1),
                                    .source = (u16)(bus << 8 | device << 3 | function)};
        at += length;
    }
}

static void read_unit(const struct table *dmar, u32 at, u32 end)
{
    u64 segment = field(dmar, at + 6, 2), address = field(dmar, at + 8, 8);
    if (segment || acpi.iommu_count == ACPI_IOMMUS_MAX) {
        log_print("acpi: IOMMU at %lx of segment %lu is left out\n", address, segment);
        return;
    }
    acpi.iommus[acpi.iommu_count++] = address;
    read_scopes(dmar, at + 16, end);
}

static void read_dmar(const struct table *dmar)
{
    acpi.iommu_remaps = field(dmar, 37, 1) & DMAR_INTERRUPT_REMAPPING;
    for (u32 at = 48; at + 4 <= dmar->length;) {
        u32 length = (u32)field(dmar, at + 2, 2);
        if (length < 4 || length > dmar->length - at)
            return;
        if (field(dmar, at, 2) == DMAR_UNIT && length >= 16)
            read_unit(dmar, at, at + length);
        at += length;
    }
}

/* ---- FADT (5.2.9) and what it points at ------------------------------------------------------ */

enum {
    FADT_DSDT = 40,
    FADT_SMI_COMMAND = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_FLAGS = 112,
    FADT_RESET_SPACE = 116,
    FADT_RESET_ADDRESS = 120,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_TIMER_32_BITS = 1u << 8,
    FADT_RESET_SUPPORTED = 1u << 10,
};

/* An integer constant of AML (20.2.3) at *at, which moves past it. */
static u16 aml_integer(const struct table *table, u32 *at)
{
    u32 op = (u32)field(table, *at, 1), bytes = op == 0x0a ? 1 : op == 0x0b ? 2 : 0;
    u64 value = bytes ? field(table, *at + 1, bytes) : op;
    *at += 1 + bytes;
    return (u16)value;
}

/* Name (_S5_, Package {SLP_TYPa, SLP_TYPb, ...}): op 8, name, op 0x12, length, count, integers. */
static void read_s5(const struct table *dsdt)
{
    const u8 *bytes = (const u8 *)dsdt;
    for (u32 at = sizeof *dsdt; at + 12 < dsdt->length; at++) {
        if (memcmp(bytes + at, "_S5_\x12", 5))
            continue;
        u32 element = at + 5 + 1 + (bytes[at + 5] >> 6) + 1;
        acpi.sleep_type_a = aml_integer(dsdt, &element) & 7;
        acpi.sleep_type_b = aml_integer(dsdt, &element) & 7;
        acpi.can_sleep = acpi.pm1a_control;
        return;
    }
}

static void read_fadt(const struct table *fadt)
{
    u64 flags = field(fadt, FADT_FLAGS, 4);
    acpi.smi_command = (u16)field(fadt, FADT_SMI_COMMAND, 4);
    acpi.acpi_enable = (u8)field(fadt, FADT_ACPI_ENABLE, 1);
    acpi.pm1a_control = (u16)field(fadt, FADT_PM1A_CONTROL, 4);
    acpi.pm1b_control = (u16)field(fadt, FADT_PM1B_CONTROL, 4);
    acpi.pm_timer = (u16)field(fadt, FADT_PM_TIMER, 4);
    acpi.pm_timer_32 = flags & FADT_TIMER_32_BITS;
    acpi.can_reset = flags & FADT_RESET_SUPPORTED;
    acpi.reset_space = (u8)field(fadt, FADT_RESET_SPACE, 1);
    acpi.reset_address = field(fadt, FADT_RESET_ADDRESS, 8);
    acpi.reset_value = (u8)field(fadt, FADT_RESET_VALUE, 1);
    u64 address = field(fadt, FADT_X_DSDT, 8);
    if (!address)
        address = field(fadt, FADT_DSDT, 4);
    const struct table *dsdt = address ? table_at(address) : NULL;
    if (dsdt)
        read_s5(dsdt);
}

/* ---- The root (5.2.5, 5.2.7, 5.2.8) ---------------------------------------------------------- */

static void read_table(const struct table *table)
{
    if (!memcmp(table->signature, "APIC", 4))
        read_madt(table);
    else if (!memcmp(table->signature, "FACP", 4))
        read_fadt(table);
    else if (!memcmp(table->signature, "DMAR", 4))
        read_dmar(table);
    else if (!memcmp(table->signature, "HPET", 4) && !field(table, 40, 1)) /* in memory space */
        acpi.hpet = field(table, 44, 8);
}

static void read_root(const struct table *root, u32 entry_size)
{
    for (u32 at = sizeof *root; at + entry_size <= root->length; at += entry_size) {
        u64 address = field(root, at, entry_size);
        const struct table *table = address ? table_at(address) : NULL;
        if (table)
            read_table(table);
    }
}

struct rsdp {
    char signature[8];
    u8 checksum;
    char oem[6];
    u8 revision;
    u32 rsdt, length;
    u64 xsdt;
    u8 extended_checksum, reserved[3];
} __attribute__((packed));

void acpi_start(void)
{
    const struct rsdp *rsdp =
        boot_facts.rsdp ? platform_map(boot_facts.rsdp, sizeof *rsdp, PTE_CACHED) : NULL;
    const struct table *root = NULL;
    if (rsdp && !memcmp(rsdp->signature, "RSD PTR ", 8) && sum_is_zero(rsdp, 20)) {
        if (rsdp->revision >= 2 && rsdp->xsdt && sum_is_zero(rsdp, sizeof *rsdp) &&
            (root = table_at(rsdp->xsdt)))
            read_root(root, 8);
        else if ((root = table_at(rsdp->rsdt)))
            read_root(root, 4);
    }
    if (!root)
        log_print("acpi: no tables: one CPU, no device interrupts\n");
}
