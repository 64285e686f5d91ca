/*
 * The process's memory beyond its program: what fork has to copy and exec to leave behind.
 *
 * Every mapping that libc makes is a struct memory_region in one list; its owner provides the
 * struct.  The VM object's handle stays open as long as the region is there.
 */
#ifndef LIBC_MEMORY_H
#define LIBC_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <portolan/types.h>

struct memory_region {
    uintptr_t address;
    size_t length; /* aligned; 0: nothing is mapped */
    handle_t vmo;
    uint32_t flags; /* MEMORY_* */
    struct memory_region *next, *previous;
};
enum {
    MEMORY_SHARED = 1u << 0, /* fork shares it */
    MEMORY_THREAD = 1u << 1, /* of a thread: fork copies only its caller's */
    MEMORY_HEAP = 1u << 2,   /* the heap: see __libc_heap_resident */
};

/* A fresh anonymous VM object of `length` bytes, mapped readable and writable where there is room
 * at or above `hint`; not yet in the list.  0 or an error number (ENOMEM, EAGAIN). */
int __libc_memory_map(struct memory_region *region, size_t length, uintptr_t hint, uint32_t flags);
/* Into the list, where the struct stays until it is unmapped. */
void __libc_memory_enter(struct memory_region *region);
/* Takes out of the list, unmaps, closes. */
void __libc_memory_unmap(struct memory_region *region);

/* The list, for fork: lock, walk from first by next, unlock. */
struct memory_region *__libc_memory_lock(void);
void __libc_memory_unlock(void);
/* In the child of a fork. */
void __libc_memory_reset(void);

#endif
