/*
 * The boot console: serial port and screen; see console.c.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "../kernel.h"

void console_start(void);        /* the serial port; needs nothing */
void console_start_screen(void); /* the screen that boot_facts names, early page tables */
void console_remap(void);        /* the screen again, once memory_start is done */
/* To those of the consoles (CONSOLE_*) named; the log's lock held. */
void console_write(const char *bytes, size_t length, u32 consoles);

#endif
