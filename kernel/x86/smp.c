/*
 * Starting the other CPUs (SDM vol. 3, 8.4) and checking that their clocks agree.
 *
 * The boot CPU starts one after the other: it leaves the new one's struct cpu and stack in the
 * trampoline's page, sends INIT and STARTUP, and waits until it reports itself online.  The new CPU
 * sets itself up, compares clocks, and waits for smp_release; then all run alike.  One that does
 * not come is left out, and its number goes to the next.
 */
#include "smp.h"

#include "../log.h"
#include "../page.h"
#include "../spinlock.h"
#include "../timer.h"
#include "../trace.h"
#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "instructions.h"
#include "platform.h"
#include "memory.h"
#include "tlb.h"

#define INIT_DELAY_NS 10000000ul
#define STARTUP_DELAY_NS 200000ul
#define ONLINE_LIMIT_NS 500000000ul

extern const u8 trampoline_start[], trampoline_end[], trampoline_cpu[], trampoline_stack[];
noreturn void ap_start(struct cpu *cpu);

static u32 released;
static u64 stack_tops[1 + IST_STACKS]; /* of the CPU being started */

void cpu_relax_poll(void)
{
    pause();
    tlb_poll();
}

/* ---- Do the clocks agree? -------------------------------------------------------------------- */

enum { CLOCK_ROUNDS = 100 };

static struct {
    struct spinlock lock;
    u32 ready;
    u64 last, backwards; /* the latest TSC that either saw; the most it went back by */
} clocks;

/* Both CPUs read in turn: whoever reads less than the other did just before has found a difference.
 */
static void compare_clocks(void)
{
    atomic_add(&clocks.ready, 1);
    while (atomic_load(&clocks.ready) < 2)
        pause();
    for (u32 i = 0; i < CLOCK_ROUNDS; i++) {
        spin_lock(&clocks.lock);
        u64 now = rdtsc();
        if (now < clocks.last)
            clocks.backwards = max(clocks.backwards, clocks.last - now);
        clocks.last = max(clocks.last, now);
        spin_unlock(&clocks.lock);
        pause();
    }
    atomic_add(&clocks.ready, 1);
    while (atomic_load(&clocks.ready) < 4)
        pause();
}

/* ---- A CPU on its way up --------------------------------------------------------------------- */

/* On the new CPU: its own stack, the kernel's page tables, interrupts off. */
noreturn void ap_start(struct cpu *cpu)
{
    cpu_start(cpu, cpu->id, stack_tops[0], stack_tops + 1);
    apic_start_cpu();
    trace_start_cpu(cpu->id);
    atomic_store(&cpu->online, 1);
    compare_clocks();
    while (!atomic_load(&released))
        cpu_relax_poll();
    cpu_main();
}

static bool make_stacks(void)
{
    if (stack_tops[0])
        return true; /* left by one that did not come */
    stack_tops[0] = platform_map_stack(KERNEL_STACK_SIZE);
    bool made = stack_tops[0];
    for (u32 i = 1; i <= IST_STACKS; i++)
        made = (stack_tops[i] = platform_map_stack(IST_STACK_SIZE)) && made;
    return made;
}

static bool comes_online(struct cpu *cpu, u64 limit)
{
    u64 end = clock_now() + limit;
    while (!atomic_load(&cpu->online) && clock_now() < end)
        pause();
    return atomic_load(&cpu->online);
}

/* Starts the CPU with this APIC id as number cpu_count. */
static bool start_one(u8 *page, u64 page_address, u32 id)
{
    struct cpu *cpu = &cpus[cpu_count];
    if (!make_stacks()) {
        log_print("smp: no memory for CPU %u\n", cpu_count);
        return false;
    }
    cpu->id = cpu_count;
    *(struct cpu **)(page + (trampoline_cpu - trampoline_start)) = cpu;
    *(u64 *)(page + (trampoline_stack - trampoline_start)) = stack_tops[0];
    memset(&clocks, 0, sizeof clocks);
    u32 startup = APIC_STARTUP | (u32)(page_address >> PAGE_SHIFT);
    apic_send(id, startup);
    if (!comes_online(cpu, STARTUP_DELAY_NS)) {
        apic_send(id, startup);
        if (!comes_online(cpu, ONLINE_LIMIT_NS)) {
            log_print("smp: the CPU with APIC id %u does not start\n", id);
            apic_send(id, APIC_INIT);
            return false;
        }
    }
    compare_clocks();
    if (clocks.backwards)
        log_print("smp: the TSC of CPU %u is off by %lu cycles\n", cpu_count, clocks.backwards);
    memset(stack_tops, 0, sizeof stack_tops);
    atomic_store(&cpu_count, cpu_count + 1);
    return true;
}

/* A page of RAM below 640 KiB, where STARTUP can point and the BIOS keeps nothing it needs. */
static u64 trampoline_place(void)
{
    for (u64 at = 0x8000; at < 0x90000; at += PAGE_SIZE) {
        for (u32 i = 0; i < boot_memory_count; i++) {
            const struct memory_range *memory = &boot_memory[i];
            if (memory->kind == MEMORY_RAM && memory->start <= at && at + PAGE_SIZE <= memory->end)
                return at;
        }
    }
    return 0;
}

static void start_others(u64 address)
{
    u8 *page = phys_to_virt(address);
    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    for (u32 i = 0; i < acpi.cpu_count; i++) {
        if (acpi.cpus[i] != cpus[0].apic_id)
            apic_send(acpi.cpus[i], APIC_INIT);
    }
    clock_delay(INIT_DELAY_NS);
    for (u32 i = 0; i < acpi.cpu_count && cpu_count < CPUS_MAX; i++) {
        if (acpi.cpus[i] != cpus[0].apic_id)
            start_one(page, address, acpi.cpus[i]);
    }
}

void smp_start(void)
{
    u64 address = trampoline_place();
    if (address && acpi.cpu_count > 1)
        start_others(address);
}

void smp_release(void)
{
    atomic_store(&released, 1);
}
