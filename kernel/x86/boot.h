/*
 * What the boot loader said, before anything is made of it; see boot.c.
 */
#ifndef BOOT_H
#define BOOT_H

#include "platform.h"

/* Kinds of memory as firmware numbers them (ACPI 6.4 table 15.8); others are not RAM. */
enum { MEMORY_RAM = 1, MEMORY_ACPI = 3, MEMORY_ACPI_NVS = 4 };

struct memory_range {
    u64 start, end; /* bytes, not aligned */
    u32 kind;
};

#define BOOT_MEMORY_MAX 256
extern struct memory_range boot_memory[BOOT_MEMORY_MAX];
extern u32 boot_memory_count;

/* Fills boot_facts and boot_memory.  Runs on the early page tables: all below 4 GiB is mapped. */
void boot_parse(u32 magic, u64 info);

/* True if the command line holds this word. */
bool boot_has_word(const char *word);

/* Reports end of test to QEMU if this is a test boot; stops this CPU. */
noreturn void boot_stop(void);

#endif
