/*
 * What the machine offers the rest of the kernel: boot facts, clocks, interrupts between CPUs.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <portolan/boot.h>

#include "cpu.h"
#include "kernel.h"

/* Vectors.  32..47 legacy (masked), 48..239 devices, 240.. the kernel's own. */
enum {
    VECTOR_DEVICE_FIRST = 48,
    VECTOR_DEVICE_LAST = 239,
    VECTOR_MAIL = 240,
    VECTOR_TLB = 241,
    VECTOR_TIMER = 242,
    VECTOR_IOMMU = 243,
    VECTOR_SPURIOUS = 255
};

struct boot_facts {
    u64 module_start, module_size; /* the boot module, physical */
    u64 rsdp;                      /* physical, 0: none */
    u64 memory_total;              /* bytes of RAM */
    struct boot_framebuffer framebuffer;
    char command_line[BOOT_COMMAND_LINE_MAX];
};
extern struct boot_facts boot_facts;

/* Called by boot.S on the first CPU's stack in long mode; never returns. */
noreturn void platform_start(u32 magic, u64 info);

/* Called by platform_start when memory, CPUs' basics, clock and interrupts work, other CPUs not yet
 * started: makes the first task (init.c).  Then platform starts the others and enters
 * cpu_main() on each. */
void kernel_init(void);

/* Every CPU ends here, interrupts off, GS set: schedules for ever (sched.c). */
noreturn void cpu_main(void);

/* The local APIC's one-shot timer, for this CPU; DEADLINE_NEVER stops it. */
void platform_arm_timer(u64 deadline);

void platform_send_ipi(struct cpu *cpu, u32 vector);
void platform_end_of_interrupt(void);

/* ns = base_ns + (tsc - base_tsc) * multiplier >> 32 */
extern struct clock_page *clock_page; /* a whole page of its own */
u64 clock_page_physical(void);

noreturn void platform_power(u32 action, u64 argument);

/* Fills with random bytes (RDRAND where there is one, mixed with timing). */
void platform_random(void *to, size_t length);

/* Size of an XSAVE area for the features enabled, and the mask of those. */
extern u32 fpu_area_size;
extern u64 fpu_features;
extern u8 fpu_initial_area[]; /* what a new thread's registers look like; fpu_area_size bytes */

/* Stops the other CPUs by NMI and makes each print its state; for panic. */
void platform_stop_others(void);

#endif
