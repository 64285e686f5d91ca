/*
 * Intel's IOMMU (Virtualization Technology for Directed I/O, revision 4.0; "VT-d" below).
 *
 * A machine has one unit or more.  All share one root table, one interrupt remapping table and the
 * domains' page tables, so it does not matter which unit a device is behind; what is changed is
 * flushed in all of them.  If one unit lacks what is needed here, none is used.  Reserved memory
 * that firmware names for devices (8.4) is not let through: their drivers are ours.
 *
 * A root entry is written once, when a bus gets its first domain; its context table (4 KiB, the
 * kernel's own, at most 256 of them) stays.  A context entry is its domain's, one of the interrupt
 * remapping table the vector's irq's; they are changed by these only, and so without a lock.
 *
 * Flushing goes through each unit's queue (6.5.2), under its lock, to the end: what was asked for
 * is done when the lock is let go, and the queue never fills.
 *
 * Faults come as an interrupt to the boot CPU, which writes one line and masks it, to look again
 * after a while that doubles as long as faults keep coming.
 */
#include "vtd.h"

#include "../cpu.h"
#include "../log.h"
#include "../page.h"
#include "../spinlock.h"
#include "../timer.h"
#include "acpi.h"
#include "boot.h"
#include "instructions.h"
#include "memory.h"
#include "platform.h"

/* Registers (11.4). */
enum {
    CAPABILITY = 0x08,
    EXTENDED_CAPABILITY = 0x10,
    COMMAND = 0x18,
    STATUS = 0x1c,
    ROOT_TABLE = 0x20,
    FAULT_STATUS = 0x34,
    FAULT_CONTROL = 0x38,
    FAULT_DATA = 0x3c,
    FAULT_ADDRESS = 0x40,
    FAULT_ADDRESS_HIGH = 0x44,
    PROTECTED_MEMORY = 0x64,
    QUEUE_TAIL = 0x88,
    QUEUE_ADDRESS = 0x90,
    INTERRUPT_TABLE = 0xb8,
};

/* The same bits in COMMAND and in STATUS (11.4.4). */
#define TRANSLATE (1u << 31)
#define SET_ROOT_TABLE (1u << 30)
#define QUEUE_ON (1u << 26)
#define REMAP_INTERRUPTS (1u << 25)
#define SET_INTERRUPT_TABLE (1u << 24)
#define COMPATIBILITY_FORMAT (1u << 23)
#define STATUS_KEPT 0x96ffffffu /* without what asks for something once */

/* CAPABILITY (11.4.2). */
#define CAP_WRITE_BUFFER (1ul << 4)
#define CAP_PROTECTED_MEMORY (3ul << 5)
#define CAP_CACHING (1ul << 7)
#define CAP_PAGE_FLUSH (1ul << 39)
#define CAP_DRAIN_SHIFT 54 /* writes, reads */

/* EXTENDED_CAPABILITY (11.4.3). */
#define ECAP_COHERENT (1ul << 0)
#define ECAP_QUEUE (1ul << 1)
#define ECAP_REMAP (1ul << 3)
#define ECAP_X2APIC (1ul << 4)

/* Faults (11.4.9, 11.4.10, 11.4.14). */
#define FAULT_OVERFLOW (1u << 0)
#define FAULT_QUEUE (7u << 4) /* a descriptor refused, a completion missing */
#define FAULT_MASKED (1u << 31)
#define FAULT_VALID (1ul << 63) /* of a record's upper half */
#define FAULT_READ (1ul << 62)

/* Context entries (9.3). */
#define CONTEXT_PRESENT (1ul << 0)
#define CONTEXT_QUIET (1ul << 1) /* faults are not recorded */

/* Interrupt remapping entries (9.10), which are as many as vectors. */
#define REMAP_PRESENT (1ul << 0)
#define REMAP_LEVEL (1ul << 4)
#define REMAP_CHECK_SOURCE (1ul << 18) /* of the upper half: all 16 bits */
#define REMAP_TABLE_SIZE 7ul           /* 2^(7+1) entries */
#define REMAP_TABLE_X2APIC (1ul << 11)

#define ANSWER_LIMIT_NS 1000000000ul
#define FAULT_PAUSE_NS 100000000ul
#define FAULT_PAUSE_MAX_NS 10000000000ul

struct pair { /* an entry of a root, context or interrupt remapping table; a descriptor */
    u64 low, high;
};
#define PAIRS_PER_PAGE (PAGE_SIZE / sizeof(struct pair))

struct unit {
    volatile u8 *registers;
    u64 address, capability, extended;
    struct spinlock lock; /* level 7: all below, and the queue */
    struct pair *queue;   /* PAIRS_PER_PAGE of them */
    u32 tail;
    u32 asked; /* number of the last wait descriptor */
    u32 done;  /* the last one reached: written by the unit */
};

struct vtd vtd;
static struct unit units[ACPI_IOMMUS_MAX];
static u32 unit_count;
static bool coherent, x2apic;
static struct pair *root_table, *remap_table;

static u32 read32(const struct unit *unit, u32 offset)
{
    return *(volatile u32 *)(unit->registers + offset);
}

static void write32(const struct unit *unit, u32 offset, u32 value)
{
    *(volatile u32 *)(unit->registers + offset) = value;
}

static u64 read64(const struct unit *unit, u32 offset)
{
    return *(volatile u64 *)(unit->registers + offset);
}

static void write64(const struct unit *unit, u32 offset, u64 value)
{
    *(volatile u64 *)(unit->registers + offset) = value;
}

void vtd_publish(const void *start, u64 bytes)
{
    for (u64 line = (u64)start & ~63ul; !coherent && line < (u64)start + bytes; line += 64)
        __asm__ volatile("clflush %0" : : "m"(*(const u8 *)line) : "memory");
    atomic_fence();
}

void vtd_write(u64 *entry, u64 value)
{
    atomic_store(entry, value);
    vtd_publish(entry, sizeof(*entry));
}

/* Makes an entry valid, or invalid, by its lower half. */
static void write_pair(struct pair *entry, u64 low, u64 high)
{
    vtd_write(&entry->low, 0);
    vtd_write(&entry->high, high);
    vtd_write(&entry->low, low);
}

/* ---- The queue (6.5.2) ----------------------------------------------------------------------- */

enum { FLUSH_CONTEXT = 1, FLUSH_PAGES = 2, FLUSH_INTERRUPTS = 4, WAIT = 5 };
#define FLUSH_ALL (1ul << 4) /* how much: of contexts and pages */
#define FLUSH_DOMAIN (2ul << 4)
#define FLUSH_ONE (3ul << 4)
#define FLUSH_ONE_INTERRUPT (1ul << 4)
#define FLUSH_DRAIN_SHIFT 6
#define WAIT_WRITES (1ul << 5)

/* Unit locked. */
static void put(struct unit *unit, struct pair descriptor)
{
    unit->queue[unit->tail] = descriptor;
    vtd_publish(&unit->queue[unit->tail], sizeof(descriptor));
    unit->tail = (unit->tail + 1) % PAIRS_PER_PAGE;
}

static void flush_unit(struct unit *unit, const struct pair *descriptors, u32 count)
{
    u64 drain = unit->capability >> CAP_DRAIN_SHIFT & 3;
    spin_lock(&unit->lock);
    for (u32 i = 0; i < count; i++) {
        struct pair descriptor = descriptors[i];
        if ((descriptor.low & 15) == FLUSH_PAGES)
            descriptor.low |= drain << FLUSH_DRAIN_SHIFT;
        put(unit, descriptor);
    }
    u32 asked = ++unit->asked;
    put(unit, (struct pair){WAIT | WAIT_WRITES | (u64)asked << 32, (u64)&unit->done - KERNEL_BASE});
    write64(unit, QUEUE_TAIL, unit->tail * sizeof(struct pair));
    u64 limit = clock_now() + ANSWER_LIMIT_NS;
    while (atomic_load(&unit->done) != asked) {
        u32 status = read32(unit, FAULT_STATUS);
        if (status & FAULT_QUEUE || clock_now() > limit)
            panic("IOMMU at %lx does not flush (fault status %x)", unit->address, status);
        cpu_relax_poll();
    }
    spin_unlock(&unit->lock);
}

static void flush(const struct pair *descriptors, u32 count)
{
    for (u32 i = 0; i < unit_count; i++)
        flush_unit(&units[i], descriptors, count);
}

static bool all_have(u64 capability)
{
    for (u32 i = 0; i < unit_count; i++) {
        if (~units[i].capability & capability)
            return false;
    }
    return true;
}

void vtd_flush(u32 id, const u64 *addresses, u32 count)
{
    struct pair descriptors[VTD_PAGES_MAX];
    u64 domain = FLUSH_PAGES | (u64)id << 16;
    if (count > VTD_PAGES_MAX || !all_have(CAP_PAGE_FLUSH)) {
        count = 1;
        descriptors[0] = (struct pair){domain | FLUSH_DOMAIN, 0};
    } else {
        for (u32 i = 0; i < count; i++)
            descriptors[i] = (struct pair){domain | FLUSH_ONE, addresses[i]};
    }
    flush(descriptors, count);
}

/* ---- Devices --------------------------------------------------------------------------------- */

/* The entry of a device; NULL: its bus has none, and there is no memory to make them. */
static struct pair *context_of(u32 device)
{
    u64 *root = &root_table[device >> 8].low;
    u64 table = atomic_load(root), none = 0;
    if (!table) {
        u64 page = page_alloc_zeroed(0, PAGE_TABLE);
        if (!page)
            return NULL;
        vtd_publish(phys_to_virt(page), PAGE_SIZE);
        table = page | CONTEXT_PRESENT;
        if (!atomic_compare_exchange(root, &none, table)) {
            page_free(page, 0);
            table = none;
        }
        vtd_publish(root, sizeof(*root));
    }
    struct pair *contexts = phys_to_virt(table & PTE_ADDRESS);
    return &contexts[device & 255];
}

/* The entry, and what was reached through it.  A unit in caching mode may know an absent entry as
 * one of domain 0 (6.1), which is why all of the device's are flushed. */
static void flush_context(u32 device, u32 id)
{
    const struct pair both[] = {{FLUSH_CONTEXT | FLUSH_ONE | (u64)device << 32 | (u64)id << 16, 0},
                                {FLUSH_CONTEXT | FLUSH_ONE | (u64)device << 32, 0},
                                {FLUSH_PAGES | FLUSH_DOMAIN | (u64)id << 16, 0}};
    flush(both, ARRAY_SIZE(both));
}

int vtd_set_domain(u32 device, u64 top, u32 id)
{
    struct pair *context = context_of(device);
    if (!context)
        return -ENOMEM;
    write_pair(context, top ? top | CONTEXT_PRESENT : CONTEXT_QUIET,
               (u64)id << 8 | (vtd.levels - 2));
    flush_context(device, id);
    return 0;
}

void vtd_clear_domain(u32 device, u32 id)
{
    write_pair(context_of(device), 0, 0);
    flush_context(device, id);
}

/* ---- Interrupts (chapter 5) ------------------------------------------------------------------ */

static void flush_interrupt(u32 vector)
{
    const struct pair one = {FLUSH_INTERRUPTS | FLUSH_ONE_INTERRUPT | (u64)vector << 32, 0};
    flush(&one, 1);
}

void vtd_route_interrupt(u32 vector, u32 apic_id, bool level, u32 source)
{
    u64 destination = x2apic ? apic_id : (apic_id & 255) << 8;
    write_pair(&remap_table[vector],
               REMAP_PRESENT | (level ? REMAP_LEVEL : 0) | (u64)vector << 16 | destination << 32,
               source == VTD_SOURCE_ANY ? 0 : REMAP_CHECK_SOURCE | source);
    flush_interrupt(vector);
}

void vtd_forget_interrupt(u32 vector)
{
    write_pair(&remap_table[vector], 0, 0);
    flush_interrupt(vector);
}

/* Remappable format, with a sub-handle: the entry's number is this plus the data (5.1.2.2). */
u64 vtd_message_address(u32 vector)
{
    return 0xfee00018ul | (u64)vector << 5;
}

/* ---- Faults (chapter 7) ---------------------------------------------------------------------- */

static void look_for_faults(struct timer *timer);
static struct timer fault_timer = {.fire = look_for_faults};
static u64 fault_pause = FAULT_PAUSE_NS, faults_seen; /* boot CPU */

static u32 record_at(const struct unit *unit)
{
    return (u32)(unit->capability >> 24 & 0x3ff) * 16;
}

static u32 record_count(const struct unit *unit)
{
    return (u32)(unit->capability >> 40 & 0xff) + 1;
}

static void print_fault(u64 low, u64 high)
{
    u32 source = (u32)high & 0xffff, reason = (u32)(high >> 32) & 0xff;
    bool interrupt = reason >= 0x20 && reason < 0x30;
    log_print("iommu: %02x:%02x.%u: %s %lx refused: reason %x\n", source >> 8, source >> 3 & 31,
              source & 7,
              interrupt           ? "interrupt"
              : high & FAULT_READ ? "read of"
                                  : "write to",
              interrupt ? low >> 48 : low & ~0xffful, reason);
}

/* Takes all faults out of a unit's records; prints the first if it is the first. */
static u32 take_faults(const struct unit *unit, u32 found)
{
    u32 at = record_at(unit), end = at + record_count(unit) * 16;
    for (; at < end; at += 16) {
        u64 high = read64(unit, at + 8);
        if (!(high & FAULT_VALID))
            continue;
        if (!found++)
            print_fault(read64(unit, at), high);
        write32(unit, at + 12, FAULT_VALID >> 32);
    }
    write32(unit, FAULT_STATUS, FAULT_OVERFLOW);
    return found;
}

static void mask_faults(u32 masked)
{
    for (u32 i = 0; i < unit_count; i++)
        write32(&units[i], FAULT_CONTROL, masked);
}

static void look_for_faults(struct timer *timer)
{
    u32 found = 0;
    for (u32 i = 0; i < unit_count; i++)
        found = take_faults(&units[i], found);
    if (!found) {
        mask_faults(0);
        return;
    }
    u64 now = clock_now();
    if (now - faults_seen > 2 * fault_pause)
        fault_pause = FAULT_PAUSE_NS;
    timer_set(timer, now + fault_pause);
    fault_pause = min(fault_pause * 2, FAULT_PAUSE_MAX_NS);
    faults_seen = now;
}

void vtd_interrupt(void)
{
    mask_faults(FAULT_MASKED);
    if (!fault_timer.cpu)
        look_for_faults(&fault_timer);
}

/* ---- Starting -------------------------------------------------------------------------------- */

/* Sets or clears a bit of COMMAND and waits for it; false: it does not come (11.4.4). */
static bool command(const struct unit *unit, u32 bit, bool set)
{
    u32 now = read32(unit, STATUS) & STATUS_KEPT & ~COMPATIBILITY_FORMAT;
    write32(unit, COMMAND, set ? now | bit : now & ~bit);
    u64 limit = clock_now() + ANSWER_LIMIT_NS;
    while (!(read32(unit, STATUS) & bit) == set) {
        if (clock_now() > limit) {
            log_print("iommu: unit at %lx does not obey command %x\n", unit->address, bit);
            return false;
        }
        pause();
    }
    return true;
}

/* Maps a unit's registers and reads what it can do. */
static bool find_unit(struct unit *unit, u64 address)
{
    unit->address = address;
    unit->registers = platform_map_mmio(address, PAGE_SIZE);
    if (!unit->registers || !is_page_aligned(address))
        return false;
    unit->capability = read64(unit, CAPABILITY);
    unit->extended = read64(unit, EXTENDED_CAPABILITY);
    u32 end = record_at(unit) + record_count(unit) * 16;
    if (end > PAGE_SIZE)
        unit->registers = platform_map_mmio(address, end);
    u64 queue = page_alloc_zeroed(0, PAGE_KERNEL);
    unit->queue = phys_to_virt(queue);
    return unit->registers && queue && unit->capability != UINT64_MAX &&
           unit->extended & ECAP_QUEUE && !(unit->capability & CAP_WRITE_BUFFER);
}

/* What all units have in common; false: not enough (levels: SAGAW in 11.4.2). */
static bool agree(void)
{
    u64 capability = UINT64_MAX, extended = UINT64_MAX;
    vtd.domains = 1024;
    u32 bits = 64;
    for (u32 i = 0; i < unit_count; i++) {
        capability &= units[i].capability;
        extended &= units[i].extended;
        vtd.domains = min(vtd.domains, 1u << (4 + 2 * (units[i].capability & 7)));
        vtd.caching |= units[i].capability & CAP_CACHING;
        bits = min(bits, (u32)(units[i].capability >> 16 & 63) + 1);
    }
    u32 levels = capability >> 10 & 1 ? 4 : capability >> 9 & 1 ? 3 : 0;
    vtd.address_bits = min(bits, 12 + 9 * levels);
    coherent = extended & ECAP_COHERENT;
    vtd.remaps = acpi.iommu_remaps && extended & ECAP_REMAP;
    x2apic = rdmsr(MSR_APIC_BASE) >> 10 & 1 && extended & ECAP_X2APIC;
    vtd.levels = levels;
    return levels;
}

/* Translation may be on already: then the firmware's tables count until ours are set. */
static bool start_unit(struct unit *unit)
{
    static const struct pair all[] = {{FLUSH_CONTEXT | FLUSH_ALL, 0}, {FLUSH_PAGES | FLUSH_ALL, 0}};
    static const struct pair interrupts = {FLUSH_INTERRUPTS, 0};
    write32(unit, FAULT_CONTROL, FAULT_MASKED);
    if (read32(unit, STATUS) & QUEUE_ON && !command(unit, QUEUE_ON, false))
        return false;
    write64(unit, QUEUE_TAIL, 0);
    write64(unit, QUEUE_ADDRESS, virt_to_phys(unit->queue));
    write64(unit, ROOT_TABLE, virt_to_phys(root_table));
    if (!command(unit, QUEUE_ON, true) || !command(unit, SET_ROOT_TABLE, true))
        return false;
    take_faults(unit, 1);
    flush_unit(unit, all, ARRAY_SIZE(all));
    if (!command(unit, TRANSLATE, true))
        return false;
    if (unit->capability & CAP_PROTECTED_MEMORY)
        write32(unit, PROTECTED_MEMORY, 0);
    if (!vtd.remaps)
        return true;
    write64(unit, INTERRUPT_TABLE,
            virt_to_phys(remap_table) | REMAP_TABLE_SIZE | (x2apic ? REMAP_TABLE_X2APIC : 0));
    if (!command(unit, SET_INTERRUPT_TABLE, true))
        return false;
    flush_unit(unit, &interrupts, 1);
    return command(unit, REMAP_INTERRUPTS, true);
}

/* The event itself is not remapped (5.1.6). */
static void open_faults(const struct unit *unit)
{
    write32(unit, FAULT_DATA, VECTOR_IOMMU);
    write32(unit, FAULT_ADDRESS, 0xfee00000u | (cpus[0].apic_id & 255) << 12);
    write32(unit, FAULT_ADDRESS_HIGH, cpus[0].apic_id & ~255u);
    write32(unit, FAULT_CONTROL, 0);
}

static bool start(void)
{
    u64 root = page_alloc_zeroed(0, PAGE_TABLE), remap = page_alloc_zeroed(0, PAGE_TABLE);
    for (u32 i = 0; i < acpi.iommu_count; i++) {
        if (!find_unit(&units[i], acpi.iommus[i])) {
            log_print("iommu: unit at %lx cannot be used\n", acpi.iommus[i]);
            return false;
        }
    }
    unit_count = acpi.iommu_count;
    if (!root || !remap || !unit_count || !agree())
        return false;
    root_table = phys_to_virt(root);
    remap_table = phys_to_virt(remap);
    vtd_publish(root_table, PAGE_SIZE);
    vtd_publish(remap_table, PAGE_SIZE);
    for (u32 i = 0; i < unit_count; i++) {
        if (start_unit(&units[i]))
            continue;
        for (u32 j = 0; j < unit_count; j++)
            write32(&units[j], COMMAND, 0);
        return false;
    }
    for (u32 i = 0; i < unit_count; i++)
        open_faults(&units[i]);
    return true;
}

void vtd_start(void)
{
    if (boot_has_word("iommu=off") || !start())
        vtd = (struct vtd){0};
    log_print(!vtd.levels  ? "portolan: DMA: no IOMMU, drivers are trusted\n"
              : vtd.remaps ? "portolan: DMA: VT-d, interrupts remapped\n"
                           : "portolan: DMA: VT-d, interrupts not remapped\n");
}
