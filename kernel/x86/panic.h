/*
 * Stopping the machine and saying why; see panic.c.
 */
#ifndef PANIC_H
#define PANIC_H

#include "../frame.h"

noreturn void panic_formatted(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An exception in the kernel: prints it as panic does. */
noreturn void panic_frame(const struct frame *frame, const char *what);

/* True once a CPU has panicked: locks may be held by those that stopped. */
bool panicking(void);

/* A non-maskable interrupt: another CPU's panic, or somebody's request for one. */
void platform_nmi(struct frame *frame);

#endif
