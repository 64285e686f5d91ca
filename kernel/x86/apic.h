/*
 * The local APIC and the clocks; see apic.c.
 */
#ifndef APIC_H
#define APIC_H

#include "../kernel.h"

void apic_start(void);     /* finds the local APIC; boot CPU, after acpi_start */
void apic_start_cpu(void); /* switches this CPU's on */
void clock_start(void);    /* measures the TSC and the APIC timer; boot CPU */

u32 apic_id(void); /* this CPU's */

/* Sends an interrupt command (SDM vol. 3, 10.6.1) to one APIC. */
enum { APIC_NMI = 0x4400, APIC_INIT = 0x4500, APIC_STARTUP = 0x4600, APIC_FIXED = 0x4000 };
void apic_send(u32 to, u32 command);

/* The monotonic time, in ns, when the TSC stood at tsc; 0 before clock_start. */
u64 clock_of_tsc(u64 tsc);

/* Waits, from boot on (clock_start done). */
void clock_delay(u64 nanoseconds);

#endif
