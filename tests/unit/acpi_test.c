/*
 * ACPI tables are input: what they say is found, and what is wrong in them does no harm.  The
 * tables lie in an arena; platform_map hands out copies of exactly the bytes asked for, so that
 * reading one beyond them is caught.
 */
// sources: kernel/x86/acpi.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log.h"
#include "x86/acpi.h"
#include "x86/boot.h"
#include "x86/memory.h"

enum { RSDP = 128, XSDT = 512, MADT = 1024, FADT = 2048, DSDT = 3072, HPET = 4096, DMAR = 5120 };
enum {
    XSDT_SIZE = 68,
    DMAR_SIZE = 48 + 24 + 16 + 34,
    MADT_SIZE = 44 + 52,
    FADT_SIZE = 244,
    DSDT_SIZE = 80,
    HPET_SIZE = 56
};

struct boot_facts boot_facts;
static uint8_t arena[8192];
static void *mapped[256];
static unsigned mapped_count;

void log_print(const char *format, ...)
{
    (void)format;
}

void *platform_map(u64 physical, u64 bytes, u64 type)
{
    (void)type;
    if (range_exceeds(physical, bytes, sizeof(arena)) || mapped_count == ARRAY_SIZE(mapped))
        return NULL;
    void *copy = malloc(bytes);
    memcpy(copy, arena + physical, bytes);
    return mapped[mapped_count++] = copy;
}

static void put(unsigned at, uint64_t value, unsigned bytes)
{
    memcpy(arena + at, &value, bytes);
}

static void seal(unsigned at, unsigned length, unsigned checksum)
{
    uint8_t sum = 0;
    arena[at + checksum] = 0;
    for (unsigned i = 0; i < length; i++)
        sum = (uint8_t)(sum + arena[at + i]);
    arena[at + checksum] = (uint8_t)-sum;
}

static void table(unsigned at, const char *signature, unsigned length)
{
    memcpy(arena + at, signature, 4);
    put(at + 4, length, 4);
}

static const struct {
    unsigned at, length;
} tables[] = {{XSDT, XSDT_SIZE}, {MADT, MADT_SIZE}, {FADT, FADT_SIZE},
              {DSDT, DSDT_SIZE}, {HPET, HPET_SIZE}, {DMAR, DMAR_SIZE}};

static void seal_all(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
        seal(tables[i].at, tables[i].length, 9);
}

/* A unit with an I/O APIC, reserved memory, and a unit with a device and an I/O APIC
 * behind a bridge. */
static void make_dmar(void)
{
    static const uint8_t scopes[] = {1, 8, 0, 0, 0, 0, 2, 0, 3, 10, 0, 0, 5, 1, 3, 0, 0, 0};
    table(DMAR, "DMAR", DMAR_SIZE);
    put(XSDT + 60, DMAR, 8);
    put(DMAR + 37, 1, 1);
    unsigned at = DMAR + 48;
    put(at + 2, 24, 2);
    put(at + 8, 0xfed90000, 8);
    memcpy(arena + at + 16, "\x03\x08\x00\x00\x09\xf0\x1f\x07", 8);
    at += 24;
    put(at, 1, 2);
    put(at + 2, 16, 2);
    at += 16;
    put(at + 2, 34, 2);
    put(at + 8, 0xfed91000, 8);
    memcpy(arena + at + 16, scopes, sizeof(scopes));
}

/* Two CPUs, one of them disabled, an x2APIC one, an I/O APIC and an override. */
static void make_tables(void)
{
    static const uint8_t madt[52] = {0, 8,  0, 7, 1, 0, 0,    0,    0,  8, 1, 9, 0, 0, 0, 0,
                                     9, 16, 0, 0, 1, 1, 0,    0,    1,  0, 0, 0, 0, 0, 0, 0,
                                     1, 12, 9, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0, 2, 8};
    memset(arena, 0, sizeof(arena));
    table(XSDT, "XSDT", XSDT_SIZE);
    put(XSDT + 36, MADT, 8);
    put(XSDT + 44, FADT, 8);
    put(XSDT + 52, HPET, 8);
    table(MADT, "APIC", MADT_SIZE);
    put(MADT + 36, 0xfee00000, 4);
    memcpy(arena + MADT + 44, madt, sizeof(madt));
    table(FADT, "FACP", FADT_SIZE);
    put(FADT + 40, DSDT, 4);
    put(FADT + 64, 0x604, 4);
    put(FADT + 76, 0x608, 4);
    table(DSDT, "DSDT", DSDT_SIZE);
    memcpy(arena + DSDT + 50, "\x08_S5_\x12\x06\x04\x0a\x05\x01", 11);
    table(HPET, "HPET", HPET_SIZE);
    put(HPET + 44, 0xfed00000, 8);
    make_dmar();
    seal_all();
    memcpy(arena + RSDP, "RSD PTR ", 8);
    arena[RSDP + 15] = 2;
    put(RSDP + 20, 36, 4);
    put(RSDP + 24, XSDT, 8);
    seal(RSDP, 20, 8);
    seal(RSDP, 36, 32);
}

static void start(void)
{
    memset(&acpi, 0, sizeof(acpi));
    boot_facts.rsdp = RSDP;
    acpi_start();
    while (mapped_count)
        free(mapped[--mapped_count]);
}

static void what_they_say_is_found(void **state)
{
    (void)state;
    make_tables();
    start();
    assert_int_equal(acpi.local_apic, 0xfee00000);
    assert_int_equal(acpi.cpu_count, 2);
    assert_int_equal(acpi.cpus[0], 7);
    assert_int_equal(acpi.cpus[1], 0x101);
    assert_int_equal(acpi.ioapic_count, 1);
    assert_int_equal(acpi.ioapics[0].address, 0xfec00000);
    assert_int_equal(acpi.ioapics[0].gsi_base, 24);
    assert_int_equal(acpi.ioapics[0].id, 9);
    assert_int_equal(acpi.iommu_count, 2);
    assert_int_equal(acpi.iommus[0], 0xfed90000);
    assert_int_equal(acpi.iommus[1], 0xfed91000);
    assert_true(acpi.iommu_remaps);
    assert_int_equal(acpi.scope_count, 1);
    assert_int_equal(acpi.scopes[0].ioapic, 9);
    assert_int_equal(acpi.scopes[0].source, 0xf0ff);
    assert_int_equal(acpi.hpet, 0xfed00000);
    assert_int_equal(acpi.pm_timer, 0x608);
    assert_true(acpi.can_sleep);
    assert_int_equal(acpi.sleep_type_a, 5);
    assert_int_equal(acpi.sleep_type_b, 1);
}

static void a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    make_tables();
    arena[MADT + 9]++;
    start();
    assert_int_equal(acpi.cpu_count, 0);
    assert_int_equal(acpi.hpet, 0xfed00000);
    make_tables();
    arena[RSDP + 8]++;
    start();
    assert_int_equal(acpi.hpet, 0);
}

static void a_length_beyond_the_table_is_not_followed(void **state)
{
    (void)state;
    make_tables();
    arena[MADT + 44 + 8 + 1] = 200; /* the second entry */
    seal_all();
    start();
    assert_int_equal(acpi.cpu_count, 1);
    make_tables();
    arena[MADT + 44 + 1] = 0; /* would go round for ever */
    seal_all();
    start();
    assert_int_equal(acpi.cpu_count, 0);
    make_tables();
    put(DMAR + 48 + 24 + 16 + 2, 400, 2); /* the second unit */
    put(DMAR + 48 + 16 + 1, 9, 1);        /* the first one's I/O APIC */
    seal_all();
    start();
    assert_int_equal(acpi.iommu_count, 1);
    assert_int_equal(acpi.scope_count, 0);
    make_tables();
    put(DMAR + 48 + 2, 0, 2);
    seal_all();
    start();
    assert_int_equal(acpi.iommu_count, 0);
    make_tables();
    put(XSDT + 36, UINT64_MAX - 3, 8);
    seal_all();
    start();
    assert_int_equal(acpi.cpu_count, 0);
}

static void random_damage_does_no_harm(void **state)
{
    (void)state;
    unsigned seed = 20240914;
    print_message("seed %u\n", seed);
    for (unsigned round = 0; round < 20000; round++) {
        make_tables();
        for (unsigned i = rand_r(&seed) % 6; i; i--) {
            unsigned which = (unsigned)rand_r(&seed) % ARRAY_SIZE(tables);
            unsigned at = 4 + (unsigned)rand_r(&seed) % (tables[which].length - 4);
            arena[tables[which].at + at] = (uint8_t)rand_r(&seed);
        }
        if (rand_r(&seed) % 8)
            seal_all();
        start();
        assert_true(acpi.iommu_count <= ACPI_IOMMUS_MAX && acpi.scope_count <= ACPI_IOAPICS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_they_say_is_found),
        cmocka_unit_test(a_wrong_checksum_is_refused),
        cmocka_unit_test(a_length_beyond_the_table_is_not_followed),
        cmocka_unit_test(random_damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
