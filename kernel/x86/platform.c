/*
 * From the boot loader to the first task: the order in which the machine comes up.
 *
 * Each step relies on those before it only.  Until memory_start the early page tables are in use;
 * until smp_start there is one CPU.
 */
#include "platform.h"

#include <portolan/syscall.h>

#include "../log.h"
#include "../sched.h"
#include "../trace.h"
#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "console.h"
#include "ioapic.h"
#include "memory.h"
#include "smp.h"
#include "vtd.h"

extern u8 boot_stack_top[];
static u8 boot_ist[IST_STACKS][IST_STACK_SIZE] __attribute__((aligned(16)));

static void start_boot_cpu(void)
{
    u64 tops[IST_STACKS];
    for (u32 i = 0; i < IST_STACKS; i++)
        tops[i] = (u64)boot_ist[i] + IST_STACK_SIZE;
    cpu_start(&cpus[0], 0, (u64)boot_stack_top, tops);
    cpus[0].online = 1;
}

noreturn void platform_start(u32 magic, u64 info)
{
    console_start();
    boot_parse(magic, info);
    console_start_screen();
    cpu_check_features();
    start_boot_cpu();
    memory_start();
    console_remap();
    trace_start_cpu(0);
    acpi_start();
    apic_start();
    clock_start();
    ioapic_start();
    vtd_start();
    smp_start();
    clock_page->cpus = cpu_count;
    log_print("portolan: %u cpus, %lu MiB\n", cpu_count, boot_facts.memory_total >> 20);
    kernel_init();
    smp_release();
    cpu_main();
}
