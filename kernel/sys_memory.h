/*
 * System calls on memory; each as include/portolan/syscall.h says.
 */
#ifndef SYS_MEMORY_H
#define SYS_MEMORY_H

#include "kernel.h"
#include "thread.h"

i64 sys_map(u64 task, u64 vmo, u64 offset, u64 length, u64 address, u64 flags);
i64 sys_unmap(u64 task, u64 address, u64 length);
i64 sys_protect(u64 task, u64 address, u64 length, u64 flags);
i64 sys_vmo_create(u64 kind, u64 size, u64 argument, u64 flags, u64 payer);
i64 sys_vmo_create_physical(u64 resource, u64 address, u64 size, u64 cache);
i64 sys_vmo_create_paged(u64 port, u64 size, u64 key, u64 dirty_room);
i64 sys_vmo_resize(u64 vmo, u64 size);
i64 sys_vmo_read(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_write(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_clone(u64 vmo, u64 offset, u64 length, u64 payer);
i64 sys_vmo_slice(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_commit(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_decommit(u64 vmo, u64 offset, u64 length);
i64 sys_pin(u64 vmo, u64 offset, u64 length, u64 domain);
i64 sys_unpin(u64 domain, u64 id);
i64 sys_vmo_info(u64 vmo);
i64 sys_vmo_supply(u64 vmo, u64 offset, u64 length, u64 source, u64 source_offset);
i64 sys_vmo_fail(u64 vmo, u64 offset, u64 length, u64 error);
i64 sys_vmo_dirty_query(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_writeback_begin(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_writeback_end(u64 vmo, u64 offset, u64 length);
i64 sys_vmo_dirty_room(u64 vmo, u64 pages);
i64 sys_vmo_set_pager(u64 vmo, u64 port, u64 key);

/* The task that a handle names (MANAGE), alive; HANDLE_NONE: the caller's. */
struct task *other_task(u64 handle, i64 *error);

static inline struct task *task_of(u64 handle, i64 *error)
{
    return likely(!handle) ? current_thread()->task : other_task(handle, error);
}

#endif
