/*
 * One-shot timers, in a queue per CPU ordered by deadline; the CPU's hardware timer is armed for
 * the first (tickless).  `fire` runs on the queue's CPU, interrupts off, no locks held.
 *
 * A timer belongs to the CPU it was set on until it fires or is cancelled.  timer_cancel may be
 * called from any CPU; it returns false if the timer is not queued: then fire has run, or is about
 * to run on that CPU, and must find out for itself (under its owner's lock) that it is not wanted.
 */
#ifndef TIMER_H
#define TIMER_H

#include "tree.h"

struct cpu;
struct timer {
    struct tree_node node; /* key: deadline, ns */
    void (*fire)(struct timer *timer);
    struct cpu *cpu; /* whose queue it is in, or NULL */
};

/* Once, before the first timer is set, for all CPUs there may be. */
void timer_init(void);

/* Sets or moves a timer onto this CPU's queue. */
void timer_set(struct timer *timer, u64 deadline);
bool timer_cancel(struct timer *timer);

/* Fires what is due and re-arms the hardware.  Called by the timer interrupt. */
void timer_interrupt(void);

u64 clock_now(void); /* monotonic nanoseconds */

#endif
