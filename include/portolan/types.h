/*
 * The words every Portolan interface is written in: fixed-width scalars, handles, rights and
 * object types.  Shared by the kernel and by user space; holds no code.
 */
#ifndef PORTOLAN_TYPES_H
#define PORTOLAN_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A handle is a task's number for an object: a slot in its table and a generation.  A closed
 * handle's number is not valid again until its slot has been reused 65,535 times.  Zero is never a
 * handle.
 */
typedef uint32_t handle_t;

#define HANDLE_NONE 0u

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define LARGE_PAGE_SIZE 0x200000ul

/* User addresses lie in [USER_BASE, USER_LIMIT). */
#define USER_BASE 0x10000ul
#define USER_LIMIT 0x7ffffffff000ul

/* A deadline is an absolute time in nanoseconds of the monotonic clock. */
#define DEADLINE_NEVER UINT64_MAX
#define DEADLINE_NOW 0ul

/* Thread priorities: 0 is the lowest, 63 the highest. */
#define PRIORITY_COUNT 64
#define PRIORITY_DEFAULT 24

enum object_type {
    OBJECT_NONE = 0,
    OBJECT_TASK,
    OBJECT_THREAD,
    OBJECT_PORT,
    OBJECT_VMO,
    OBJECT_LOAN, /* a range of a VM object inside a message, or a slice made to keep */
    OBJECT_IRQ,
    OBJECT_DOMAIN,   /* the memory one device may reach by DMA */
    OBJECT_RESOURCE, /* a right to name hardware: I/O ports, physical memory, interrupts, power */
    OBJECT_TYPES
};

/* Rights of a handle.  A copy has the rights of its original or fewer. */
enum {
    RIGHT_SEND = 1u << 0,      /* port: do, send, notify, forward to */
    RIGHT_RECEIVE = 1u << 1,   /* port: get, reply+get, timer */
    RIGHT_READ = 1u << 2,      /* VM object: read, map readable, lend for reading */
    RIGHT_WRITE = 1u << 3,     /* VM object: write, map writable, lend for writing, resize */
    RIGHT_EXECUTE = 1u << 4,   /* VM object: map executable */
    RIGHT_MAP = 1u << 5,       /* VM object: map at all */
    RIGHT_DUPLICATE = 1u << 6, /* handle_duplicate */
    RIGHT_TRANSFER = 1u << 7,  /* may travel in a message or be granted to another task */
    RIGHT_MANAGE = 1u << 8,    /* control: kill, suspend, set badge, supply pages, bind */
    RIGHT_PIN = 1u << 9,       /* VM object: learn device addresses (DMA) */
    RIGHTS_ALL = (1u << 10) - 1,
    RIGHTS_SAME = 1u << 31 /* handle_duplicate: keep the original's rights */
};

/* A bit of a badge: the handles that have it are counted (handle_duplicate in syscall.h). */
#define BADGE_COUNTED (1ull << 63)

#endif
