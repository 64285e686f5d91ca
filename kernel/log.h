/*
 * The kernel's log: a ring in memory, copied to the boot console.  printf-like: %s %c %d %u %x %lx
 * %lu %ld %p, widths and zero padding.
 */
#ifndef LOG_H
#define LOG_H

#include <stdarg.h>

#include "kernel.h"

void log_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, given the arguments as a list. */
void log_print_list(const char *format, va_list arguments);
void log_write(const char *bytes, size_t length); /* from any CPU */
/* Copies out at most `room` bytes from `*position` on; moves it. Returns how many. */
size_t log_read(u64 *position, char *to, size_t room);

/* Switches consoles (CONSOLE_*) off and on; those that are on then.  *unseen: the position from
 * which on the serial one has not been given everything. */
u32 log_consoles(u32 off, u32 on, u64 *unseen);

/* Prints "portolan: cannot boot: ..." on every console there is, and stops. */
noreturn void boot_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
