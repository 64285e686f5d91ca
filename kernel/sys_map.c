/*
 * The system calls on address spaces; each as include/portolan/syscall.h says.
 */
#include "sys_memory.h"
#include "thread.h"
#include "vmo_internal.h"

#define POPULATE_MAX (512 * PAGE_SIZE)

rarely struct task *other_task(u64 handle, i64 *error)
{
    struct object *object = handle_object((handle_t)handle, OBJECT_TASK, RIGHT_MANAGE, error);
    struct task *task = object ? container_of(object, struct task, object) : NULL;
    if (task && task->object.dead) {
        *error = -EDEAD;
        return NULL;
    }
    return task;
}

/* MAP_* in the order of RIGHT_*. */
_Static_assert(MAP_READ *RIGHT_READ == RIGHT_READ && MAP_WRITE * RIGHT_READ == RIGHT_WRITE &&
                   MAP_EXECUTE * RIGHT_READ == RIGHT_EXECUTE,
               "see sys_map");

static i64 check_access(u64 access)
{
    return (access & MAP_WRITE) && (access & MAP_EXECUTE) ? -EINVAL : 0;
}

static inline i64 check_user_range(u64 address, u64 length)
{
    if (!is_page_aligned(address) || !is_page_aligned(length) || !length)
        return -EINVAL;
    return address < USER_BASE || range_exceeds(address, length, USER_LIMIT) ? -EFAULT : 0;
}

i64 sys_map(u64 task_handle, u64 vmo, u64 offset, u64 length, u64 address, u64 flags)
{
    i64 error;
    struct task *task = task_of(task_handle, &error);
    if (!task)
        return error;
    struct span span;
    u32 rights = RIGHT_MAP | (u32)(flags & (MAP_READ | MAP_WRITE | MAP_EXECUTE)) * RIGHT_READ;
    if ((error = span_lookup((handle_t)vmo, rights, &span)))
        return error;
    if (unlikely(((offset | length | address) % PAGE_SIZE) || !length ||
                 (flags & ~(u64)(MAP_READ | MAP_WRITE | MAP_EXECUTE | MAP_FIXED | MAP_POPULATE)) ||
                 check_access(flags)))
        return -EINVAL;
    /* A loan is mapped from its first page on, wherever in that it starts. */
    u64 within = span.offset % PAGE_SIZE;
    span.offset -= within;
    if (range_exceeds(offset, length, page_up(span.size + within)))
        return -ERANGE;
    if ((flags & MAP_FIXED) && (error = check_user_range(address, length)))
        return error;
    i64 place = aspace_map(task->aspace, &span, offset, length, address, (u32)flags);
    if (place <= 0)
        return place;
    if (unlikely(flags & MAP_POPULATE))
        aspace_populate(task->aspace, (u64)place, min(length, POPULATE_MAX));
    if (unlikely(span.loan) && current_slot((handle_t)vmo)->handle != (handle_t)vmo) {
        /* It was taken from this task meanwhile, by one who saw nothing to undo yet. */
        u64 done;
        while (aspace_unmap(task->aspace, (u64)place, length, &done) == 0 && done < length)
            place += (i64)done, length -= done;
        return -EBADF;
    }
    if (unlikely(span.loan))
        set_result2(within);
    return place;
}

i64 sys_unmap(u64 task_handle, u64 address, u64 length)
{
    i64 error;
    u64 done;
    struct task *task = task_of(task_handle, &error);
    if (!task)
        return error;
    if ((error = check_user_range(address, length)))
        return error;
    if ((error = aspace_unmap(task->aspace, address, length, &done)) || done == length)
        return error;
    restart_with(task_handle, address + done, length - done);
    return -RESTART;
}

i64 sys_protect(u64 task_handle, u64 address, u64 length, u64 flags)
{
    i64 error;
    struct task *task = task_of(task_handle, &error);
    if (!task)
        return error;
    if (flags & ~(u64)(MAP_READ | MAP_WRITE | MAP_EXECUTE) || check_access(flags))
        return -EINVAL;
    if ((error = check_user_range(address, length)))
        return error;
    u64 done;
    if ((error = aspace_protect(task->aspace, address, length, (u32)flags, &done)) ||
        done == length)
        return error;
    restart_with(task_handle, address + done, length - done);
    return -RESTART;
}
