/*
 * What the first task finds.  It starts with RSP at the top of a stack of BOOT_STACK_SIZE, RDI =
 * address of its struct boot_info (read-only), RSI = address of its message page.
 */
#ifndef PORTOLAN_BOOT_H
#define PORTOLAN_BOOT_H

#include <portolan/types.h>

#define BOOT_INFO_ADDRESS 0x7fff00000000ul
#define BOOT_STACK_TOP 0x7ffe00000000ul
#define BOOT_STACK_SIZE 0x10000ul
#define BOOT_MESSAGE_ADDRESS 0x7ffd00000000ul
#define BOOT_COMMAND_LINE_MAX 1024

struct boot_framebuffer {
    uint64_t address; /* physical; 0: none */
    uint32_t pitch, width, height, bits_per_pixel;
    uint8_t red_position, red_size, green_position, green_size, blue_position, blue_size;
    uint8_t reserved[2];
};

struct boot_info {
    /* Handles in the first task's table. */
    handle_t task, thread, resource; /* itself, its thread, the root resource */
    handle_t module;                 /* VM object: the boot module, a cpio archive */
    handle_t clock;                  /* VM object: struct clock_page */
    uint32_t cpus;
    uint64_t module_size;  /* bytes */
    uint64_t acpi_rsdp;    /* physical address, or 0 */
    uint64_t memory_total; /* bytes */
    struct boot_framebuffer framebuffer;
    char command_line[BOOT_COMMAND_LINE_MAX]; /* NUL-terminated */
};

#endif
