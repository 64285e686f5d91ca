/*
 * The local APIC (SDM vol. 3, chapter 10), its timer, and time.
 *
 * Registers are reached through memory, or by MSR where the firmware left x2APIC mode on or the CPU
 * has it.  Time is the TSC's, whose rate is measured once, at boot, against the HPET, or else the
 * ACPI timer, or else the PIT; the APIC timer, one-shot, is measured in the same stretch.  All CPUs
 * are taken to count alike; smp.c checks.
 */
#include "apic.h"

#include <portolan/syscall.h>

#include "../log.h"
#include "../page.h"
#include "../timer.h"
#include "acpi.h"
#include "instructions.h"
#include "memory.h"
#include "platform.h"

/* Register offsets in memory; the MSR is MSR_X2APIC + offset / 16. */
enum {
    APIC_ID = 0x20,
    APIC_TASK_PRIORITY = 0x80,
    APIC_END_OF_INTERRUPT = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_COMMAND = 0x300,
    APIC_COMMAND_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_INITIAL_COUNT = 0x380,
    APIC_CURRENT_COUNT = 0x390,
    APIC_DIVIDE = 0x3e0,
};
enum {
    APIC_MASKED = 1u << 16,
    APIC_SOFTWARE_ENABLE = 1u << 8,
    APIC_BUSY = 1u << 12,
    APIC_DIVIDE_BY_1 = 0xb,
};
#define APIC_BASE_ENABLE (1ul << 11)
#define APIC_BASE_X2APIC (1ul << 10)

static volatile u8 *registers; /* NULL: x2APIC mode */

static u32 apic_read(u32 offset)
{
    if (registers)
        return *(volatile u32 *)(registers + offset);
    return (u32)rdmsr(MSR_X2APIC + offset / 16);
}

static void apic_write(u32 offset, u32 value)
{
    if (likely(registers))
        *(volatile u32 *)(registers + offset) = value;
    else
        wrmsr(MSR_X2APIC + offset / 16, value);
}

u32 apic_id(void)
{
    return registers ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

void apic_send(u32 to, u32 command)
{
    if (!registers) {
        atomic_fence(); /* WRMSR to x2APIC does not wait for earlier stores (SDM vol. 3, 10.12.3) */
        wrmsr(MSR_X2APIC + APIC_COMMAND / 16, (u64)to << 32 | command);
        return;
    }
    while (apic_read(APIC_COMMAND) & APIC_BUSY)
        pause();
    apic_write(APIC_COMMAND_HIGH, to << 24);
    apic_write(APIC_COMMAND, command);
}

void platform_send_ipi(struct cpu *cpu, u32 vector)
{
    this_cpu()->ipis_sent++;
    apic_send(cpu->apic_id, APIC_FIXED | vector);
}

void platform_end_of_interrupt(void)
{
    apic_write(APIC_END_OF_INTERRUPT, 0);
}

/*
 * The 8259s' lines lead nowhere: remapped out of the exceptions' way and masked.  Before the local
 * APIC closes LINT0, so that no request of theirs is left half way to the CPU.
 */
static void mask_8259(void)
{
    static const u8 writes[][2] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 32}, {0xa1, 40},
                                   {0x21, 4},    {0xa1, 2},    {0x21, 1},  {0xa1, 1},
                                   {0x21, 0xff}, {0xa1, 0xff}};
    for (u32 i = 0; i < ARRAY_SIZE(writes); i++)
        outb(writes[i][0], writes[i][1]);
}

void apic_start(void)
{
    mask_8259();
    u64 base = rdmsr(MSR_APIC_BASE);
    if (!(base & APIC_BASE_X2APIC) && !(cpuid(1, 0).ecx >> 21 & 1)) {
        u64 physical = acpi.local_apic ? acpi.local_apic : base & PTE_ADDRESS;
        registers = platform_map_mmio(physical, PAGE_SIZE);
        if (!registers)
            boot_failure("too little memory for the local APIC");
    }
    apic_start_cpu();
}

void apic_start_cpu(void)
{
    wrmsr(MSR_APIC_BASE,
          rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | (registers ? 0 : APIC_BASE_X2APIC));
    apic_write(APIC_SPURIOUS, APIC_SOFTWARE_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_LVT_LINT0, APIC_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_NMI & 0x700); /* not masked: the board's NMI */
    apic_write(APIC_LVT_ERROR, APIC_MASKED);
    apic_write(APIC_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
    apic_write(APIC_INITIAL_COUNT, 0);
    this_cpu()->apic_id = apic_id();
}

/* ---- A reference clock ----------------------------------------------------------------------- */

#define PIT_HZ 1193182ul
#define PM_TIMER_HZ 3579545ul
#define MEASURE_NS 10000000ul
#define REFERENCE_PATIENCE 20000000000ul /* TSC cycles: some seconds */

static volatile u8 *hpet; /* registers, or NULL */
enum { HPET_CAPABILITIES = 0, HPET_CONFIGURATION = 0x10, HPET_COUNTER = 0xf0 };

enum { PIT_GATE = 0x61, PIT_CHANNEL_2 = 0x42, PIT_COMMAND = 0x43 };

/* PIT channel 2 counting down from 65535, not heard (82C54 data sheet, mode 0). */
static void pit_start(void)
{
    outb(PIT_GATE, (inb(PIT_GATE) & 0xfc) | 1);
    outb(PIT_COMMAND, 0xb0);
    outb(PIT_CHANNEL_2, 0xff);
    outb(PIT_CHANNEL_2, 0xff);
}

static u32 pit_read(void)
{
    outb(PIT_COMMAND, 0x80); /* latch */
    u32 low = inb(PIT_CHANNEL_2);
    return 0xffff - (low | (u32)inb(PIT_CHANNEL_2) << 8);
}

/* Counts up, at least to MEASURE_NS without going around. */
static u32 reference_read(void)
{
    if (hpet)
        return *(volatile u32 *)(hpet + HPET_COUNTER);
    return acpi.pm_timer ? inl(acpi.pm_timer) & 0xffffff : pit_read();
}

/* Starts the best there is; its rate in Hz. */
static u64 reference_start(void)
{
    hpet = acpi.hpet ? platform_map_mmio(acpi.hpet, PAGE_SIZE) : NULL;
    u64 femtoseconds = hpet ? *(volatile u64 *)(hpet + HPET_CAPABILITIES) >> 32 : 0;
    if (femtoseconds >= 1000000 && femtoseconds <= 100000000) { /* IA-PC HPET 1.0a, 2.3.4 */
        *(volatile u64 *)(hpet + HPET_CONFIGURATION) |= 1;
        return 1000000000000000ul / femtoseconds;
    }
    hpet = NULL;
    if (acpi.pm_timer)
        return PM_TIMER_HZ;
    pit_start();
    return PIT_HZ;
}

struct sample {
    u64 tsc;
    u32 reference, apic;
};

/* All three at one moment: of a few tries, the one that took least. */
static struct sample sample(void)
{
    struct sample best = {0};
    u64 shortest = UINT64_MAX;
    for (u32 i = 0; i < 5; i++) {
        u64 start = rdtsc();
        struct sample s = {.reference = reference_read()};
        u64 end = rdtsc();
        s.tsc = start + (end - start) / 2;
        s.apic = apic_read(APIC_CURRENT_COUNT); /* counts down */
        if (end - start < shortest) {
            shortest = end - start;
            best = s;
        }
    }
    return best;
}

/* ---- Time ------------------------------------------------------------------------------------ */

static union {
    struct clock_page clock;
    u8 page[PAGE_SIZE];
} clock_memory __attribute__((aligned(PAGE_SIZE)));
struct clock_page *clock_page = &clock_memory.clock;

static u64 apic_multiplier; /* APIC timer ticks = ns * this >> 32 */

u64 clock_page_physical(void)
{
    return (u64)&clock_memory - KERNEL_BASE;
}

static u64 scale(u64 value, u64 multiplier)
{
    return (u64)((unsigned __int128)value * multiplier >> 32);
}

/* 2^32 * numerator / denominator */
static u64 ratio(u64 numerator, u64 denominator)
{
    u64 whole = numerator / denominator, rest = numerator % denominator;
    return (whole << 32) + (rest << 32) / denominator;
}

u64 clock_of_tsc(u64 tsc)
{
    return clock_page->base_ns + scale(tsc - clock_page->base_tsc, clock_page->multiplier);
}

u64 clock_now(void)
{
    return clock_of_tsc(rdtsc());
}

void clock_delay(u64 nanoseconds)
{
    u64 end = clock_now() + nanoseconds;
    while (clock_now() < end)
        pause();
}

void clock_start(void)
{
    u64 reference_hz = reference_start();
    apic_write(APIC_LVT_TIMER, APIC_MASKED | VECTOR_TIMER);
    apic_write(APIC_INITIAL_COUNT, UINT32_MAX);
    struct sample first = sample(), last;
    u32 mask = !hpet && acpi.pm_timer ? 0xffffff : !hpet ? 0xffff : UINT32_MAX;
    u64 ticks = reference_hz * (MEASURE_NS / 1000) / 1000000, passed;
    do {
        while (((reference_read() - first.reference) & mask) < ticks) {
            if (rdtsc() - first.tsc > REFERENCE_PATIENCE)
                boot_failure("the reference clock stands still");
        }
        last = sample();
        passed = (last.reference - first.reference) & mask;
    } while (passed < ticks);
    apic_write(APIC_INITIAL_COUNT, 0);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER);

    u64 tsc_hz = (last.tsc - first.tsc) * reference_hz / passed;
    u64 apic_hz = (u64)(first.apic - last.apic) * reference_hz / passed;
    if (!tsc_hz || !apic_hz)
        boot_failure("the CPU's timers stand still (TSC %lu Hz, APIC %lu Hz)", tsc_hz, apic_hz);
    apic_multiplier = ratio(apic_hz, 1000000000);
    *clock_page = (struct clock_page){.base_tsc = first.tsc,
                                      .multiplier = ratio(1000000000, tsc_hz),
                                      .tsc_hz = tsc_hz,
                                      .cpus = 1};
}

/* A deadline farther off than the counter reaches interrupts early; timer_interrupt arms it again.
 */
void platform_arm_timer(u64 deadline)
{
    u32 count = 0; /* stops it */
    if (deadline != DEADLINE_NEVER) {
        u64 now = clock_now();
        u64 distance = deadline > now ? min(deadline - now, 1000000000ul) : 0;
        count = (u32)min(scale(distance, apic_multiplier) + 1, (u64)UINT32_MAX);
    }
    apic_write(APIC_INITIAL_COUNT, count);
}
