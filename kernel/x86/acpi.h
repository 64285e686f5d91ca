/*
 * What the ACPI tables say about the machine; see acpi.c.
 */
#ifndef ACPI_H
#define ACPI_H

#include "../kernel.h"

#define ACPI_CPUS_MAX 256
#define ACPI_IOAPICS_MAX 16
#define ACPI_OVERRIDES_MAX 32
#define ACPI_IOMMUS_MAX 16

struct acpi_ioapic {
    u64 address;
    u32 gsi_base;
    u8 id;
};

struct acpi_scope { /* an I/O APIC, as an IOMMU sees it (VT-d 4.0, 8.3.1) */
    u8 ioapic;      /* id */
    u16 source;     /* bus << 8 | devfn */
};

struct acpi_override { /* a line that is not what its number says (ACPI 6.4, 5.2.12.5) */
    u32 gsi;
    u16 flags; /* polarity in bits 0..1, trigger in bits 2..3 */
};

struct acpi_facts {
    u64 local_apic; /* physical */
    u32 cpu_count, ioapic_count, override_count;
    u32 cpus[ACPI_CPUS_MAX]; /* APIC ids of those that may be started */
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    struct acpi_override overrides[ACPI_OVERRIDES_MAX];
    u32 iommu_count, scope_count;
    u64 iommus[ACPI_IOMMUS_MAX]; /* physical */
    struct acpi_scope scopes[ACPI_IOAPICS_MAX];
    bool iommu_remaps; /* interrupt remapping is supported by the machine */
    u64 hpet;          /* physical, 0: none */
    u16 pm_timer;      /* I/O port, 0: none */
    bool pm_timer_32;
    /* For power. */
    u16 pm1a_control, pm1b_control; /* I/O ports, 0: none */
    u16 sleep_type_a, sleep_type_b; /* of S5 */
    bool can_sleep;
    u16 smi_command;
    u8 acpi_enable;
    bool can_reset;
    u8 reset_space, reset_value; /* space: 0 memory, 1 I/O */
    u64 reset_address;
};
extern struct acpi_facts acpi;

void acpi_start(void);

#endif
