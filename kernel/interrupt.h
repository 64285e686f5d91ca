/*
 * Called by entry.S.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "frame.h"

/* From user mode: the registers are in the current thread's frame. */
void interrupt_user(u64 vector);
/* From the kernel: while it idles, or a mistake of its own. */
void interrupt_from_kernel(struct frame *frame);
/* NMI, double fault, machine check. */
void interrupt_paranoid(struct frame *frame);

#endif
