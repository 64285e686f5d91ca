/*
 * For fork(): see fork_hooks.c.
 */
#ifndef LIBC_FORK_HOOKS_H
#define LIBC_FORK_HOOKS_H

#include <portolan/types.h>

void __libc_fork_prepare(void);
void __libc_fork_parent(void);
void __libc_fork_child(void);

/* Each file's part of __libc_fork_child. */
void __libc_create_reset(void);
void __libc_newlib_locks_reset(void);
/* Of the heap's region only this much, from its start, is mapped: fork copies no more. */
size_t __libc_heap_resident(void);
/* fork calls this itself, with the handle that the heap's copy has in the child. */
void __libc_heap_reset(handle_t vmo);

#endif
