/*
 * Starting and reaching the other CPUs; see smp.c.  Setting up one CPU: cpu.c.
 */
#ifndef SMP_H
#define SMP_H

#include "../cpu.h"

#define KERNEL_STACK_SIZE 0x4000ul
#define IST_STACK_SIZE 0x1000ul
#define IST_STACKS 3

void cpu_check_features(void); /* boot fails if one is missing */

/* Loads this CPU's control registers, tables and GS; its stacks' tops are in stack_top and in
 * ist_top (each with room for the struct cpu pointer already taken off). */
void cpu_start(struct cpu *cpu, u32 id, u64 stack_top, const u64 ist_top[IST_STACKS]);

void smp_start(void);   /* starts the others; they wait */
void smp_release(void); /* lets them go on to cpu_main */

#endif
