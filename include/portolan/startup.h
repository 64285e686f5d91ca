/*
 * What a program finds when it starts, if another program started it (the first task finds a struct
 * boot_info instead): RSP at the top of its stack, RDI = address of a read-only struct startup,
 * RSI = address of its thread's message page.  Written by libmsg's spawn; the kernel knows nothing
 * of it.
 */
#ifndef PORTOLAN_STARTUP_H
#define PORTOLAN_STARTUP_H

#include <portolan/boot.h>
#include <portolan/types.h>

/* Where spawn puts things in the new task: together, so that one page table serves them all. */
#define STARTUP_MESSAGE_ADDRESS 0x7ffd00000000ul
#define STARTUP_CLOCK_ADDRESS 0x7ffd00010000ul
#define STARTUP_ADDRESS 0x7ffd00020000ul
#define STARTUP_STACK_TOP 0x7ffd00100000ul
#define STARTUP_STACK_SIZE BOOT_STACK_SIZE

#define STARTUP_NAME_MAX 16u
#define STARTUP_HANDLES_MAX 32u
#define STARTUP_SEGMENTS_MAX 8u
#define STARTUP_WORDS_MAX 1536u

/* A handle that the new task holds, by the name its maker and it agree on. */
struct startup_handle {
    char name[STARTUP_NAME_MAX]; /* NUL-terminated */
    handle_t handle;
    uint32_t reserved;
};

/* A piece of the program itself, so that it can make other tasks like itself. */
struct startup_segment {
    uint64_t address, length; /* aligned */
    handle_t vmo;
    uint32_t flags; /* MAP_* */
};

struct startup {
    handle_t task, thread; /* this task and its first thread, with all rights */
    handle_t clock;        /* VM object: struct clock_page */
    uint32_t cpus;
    uint64_t clock_address; /* where it is mapped */
    uint32_t handle_count, segment_count, word_count, reserved;
    struct startup_handle handles[STARTUP_HANDLES_MAX];
    struct startup_segment segments[STARTUP_SEGMENTS_MAX];
    char words[STARTUP_WORDS_MAX]; /* word_count words, a NUL after each */
};
_Static_assert(sizeof(struct startup) <= PAGE_SIZE, "one page");

#endif
