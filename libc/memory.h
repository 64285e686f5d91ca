/*
 * The process's memory beyond its program: what fork has to copy, and what can be lent.
 *
 * fork gives the child a handle for each vmo and each session, or sets the latter to HANDLE_NONE.
 *
 * Every mapping that libc makes is a struct memory_region in one list; its owner provides the
 * struct.  The VM object's handle stays open as long as the region is there.
 */
#ifndef LIBC_MEMORY_H
#define LIBC_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <portolan/types.h>

struct memory_region {
    uintptr_t address;
    size_t length; /* aligned; 0: nothing is mapped */
    handle_t vmo;
    uint32_t flags;   /* MEMORY_* */
    uint64_t offset;  /* of `address` in the VM object, aligned */
    handle_t session; /* of a shared file mapping: for msync; else HANDLE_NONE */
    uint32_t access;  /* what the program may do there: KERNEL_MAP_READ, _WRITE, _EXECUTE */
    struct memory_region *next, *previous;
};
enum {
    MEMORY_SHARED = 1u << 0, /* fork shares it */
    MEMORY_THREAD = 1u << 1, /* of a thread: fork copies only its caller's */
    MEMORY_HEAP = 1u << 2,   /* the heap: see __libc_heap_resident */
    MEMORY_MAPPED = 1u << 3, /* by mmap */
};

/* What every program has, the first stack and the like, lies here, before the heap: near each other
 * things need fewer page tables. */
#define MEMORY_BASE 0x200000000000ul
#define MEMORY_BASE_SIZE (64ul << 20)

/* A fresh anonymous VM object of `length` bytes, mapped readable and writable where there is room
 * at or above `hint`; not yet in the list.  0 or an error number (ENOMEM, EAGAIN). */
int __libc_memory_map(struct memory_region *region, size_t length, uintptr_t hint, uint32_t flags);
/* Into the list, where the struct stays until it is unmapped. */
void __libc_memory_enter(struct memory_region *region);
/* Takes out of the list, unmaps, closes. */
void __libc_memory_unmap(struct memory_region *region);

/*
 * A range of a VM object that is the memory at `address`, if that lies in one region (or segment of
 * the program) which the program may read, or write if `write`; at most `length` bytes of it.
 */
struct memory_range {
    handle_t vmo;
    uint64_t offset, length; /* length 0: there is none */
    uint32_t rights;         /* to lend it with */
};
struct memory_range __libc_memory_find(const void *address, size_t length, bool write);

/* Whether regions cover all of [start, end). */
bool __libc_memory_covers(uintptr_t start, uintptr_t end);

/* The list, for fork: lock, walk from first by next, unlock. */
struct memory_region *__libc_memory_lock(void);
void __libc_memory_unlock(void);
/* The same, by who has the lock. */
struct memory_region *__libc_memory_first(void);
/* In the child of a fork: an empty list, into which fork enters what has been copied. */
void __libc_memory_forget(void);
/* In the child of a fork. */
void __libc_memory_reset(void);
void __libc_mapping_reset(void); /* mmap's */
/* Around a fork: mmap changes nothing in between.  Taken before the list's lock. */
void __libc_mapping_lock(void);
void __libc_mapping_unlock(void);

#endif
