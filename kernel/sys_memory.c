/*
 * System calls on memory: checks of handles, rights and ranges; the work is done by the objects.
 */
#include "sys_memory.h"

#include "handle.h"
#include "pager.h"
#include "pin.h"
#include "port.h"
#include "resource.h"
#include "task.h"
#include "thread.h"
#include "vmo_internal.h"
#include "x86/domain.h"

#define VMO_SIZE_MAX (1ull << 46)
#define PHYSICAL_MAX (1ull << 52)
#define PIN_PAGES_MAX (MESSAGE_BYTES_MAX / sizeof(u64))
/* Pages that commit, decommit, supply deal with at once. */
#define PIECE 64u

/* Enters an object's first reference; gives it up if there is no room. */
static i64 enter(struct object *object, u32 rights)
{
    handle_t handle = handle_insert(&current_task()->handles, object, rights, 0);
    if (handle)
        return handle;
    object_put(object);
    return -EMFILE;
}

/* The task a call on an address space is for; HANDLE_NONE: the caller's. */
static struct task *space_of(u64 handle, i64 *error)
{
    *error = 0;
    if (!handle)
        return current_task();
    struct object *object = handle_object((handle_t)handle, OBJECT_TASK, RIGHT_MANAGE, error);
    struct task *task = object ? container_of(object, struct task, object) : NULL;
    if (task && task->object.dead) {
        *error = -EDEAD;
        return NULL;
    }
    return task;
}

static i64 check_access(u64 access)
{
    return (access & MAP_WRITE) && (access & MAP_EXECUTE) ? -EINVAL : 0;
}

static i64 check_user_range(u64 address, u64 length)
{
    if (!is_page_aligned(address) || !is_page_aligned(length) || !length)
        return -EINVAL;
    return address < USER_BASE || range_exceeds(address, length, USER_LIMIT) ? -EFAULT : 0;
}

i64 sys_map(u64 task_handle, u64 vmo, u64 offset, u64 length, u64 address, u64 flags)
{
    i64 error;
    struct task *task = space_of(task_handle, &error);
    if (!task)
        return error;
    struct span span;
    u32 rights = RIGHT_MAP | (flags & MAP_READ ? RIGHT_READ : 0) |
                 (flags & MAP_WRITE ? RIGHT_WRITE : 0) | (flags & MAP_EXECUTE ? RIGHT_EXECUTE : 0);
    if ((error = span_lookup((handle_t)vmo, rights, &span)))
        return error;
    if (!is_page_aligned(offset) || !is_page_aligned(length) || !length ||
        !is_page_aligned(address) ||
        flags & ~(u64)(MAP_READ | MAP_WRITE | MAP_EXECUTE | MAP_FIXED | MAP_POPULATE) ||
        check_access(flags))
        return -EINVAL;
    if ((rights & ~span.rights) != 0)
        return -EPERM;
    /* A loan is mapped from its first page on, wherever in that it starts. */
    u64 within = span.offset % PAGE_SIZE;
    span.offset -= within;
    if (range_exceeds(offset, length, page_up(span.size + within)))
        return -ERANGE;
    if ((flags & MAP_FIXED) && (error = check_user_range(address, length)))
        return error;
    i64 place = aspace_map(task->aspace, &span, offset, length, address, (u32)flags);
    if (place > 0 && (flags & MAP_POPULATE))
        aspace_populate(task->aspace, (u64)place, min(length, PIECE * PAGE_SIZE));
    return place;
}

i64 sys_unmap(u64 task_handle, u64 address, u64 length)
{
    i64 error;
    u64 done;
    struct task *task = space_of(task_handle, &error);
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
    struct task *task = space_of(task_handle, &error);
    if (!task)
        return error;
    if (flags & ~(u64)(MAP_READ | MAP_WRITE | MAP_EXECUTE) || check_access(flags))
        return -EINVAL;
    if ((error = check_user_range(address, length)))
        return error;
    return aspace_protect(task->aspace, address, length, (u32)flags);
}

/* ---- Objects --------------------------------------------------------------------------------- */

static i64 create_contiguous(u64 size, u64 align)
{
    struct task *task = current_task();
    u32 order = 0;
    while ((PAGE_SIZE << order) < size || (PAGE_SIZE << order) < align)
        order++;
    if (order > PAGE_ORDER_MAX)
        return -EINVAL;
    struct vmo *vmo = vmo_create(VMO_CONTIGUOUS, size, task->budget);
    if (!vmo)
        return -ENOMEM;
    u64 block =
        budget_charge(task->budget, PAGE_SIZE << order) ? page_alloc_zeroed(order, PAGE_USER) : 0;
    if (!block) {
        object_put(vmo_object(vmo));
        return -ENOMEM;
    }
    vmo->physical = block;
    vmo->order = order;
    return enter(vmo_object(vmo), RIGHTS_ALL);
}

i64 sys_vmo_create(u64 kind, u64 size, u64 argument, u64 flags)
{
    if (kind > VMO_PAGED || !size || size > VMO_SIZE_MAX || flags & ~(u64)VMO_LARGE_PAGES)
        return -EINVAL;
    if (kind == VMO_CONTIGUOUS)
        return argument & (argument - 1) ? -EINVAL : create_contiguous(page_up(size), argument);
    if (kind != VMO_ANONYMOUS)
        return -ENOTSUP;
    struct vmo *vmo = vmo_create_anonymous(size, current_task()->budget);
    if (!vmo)
        return -ENOMEM;
    vmo->flags = (u8)flags;
    return enter(vmo_object(vmo), RIGHTS_ALL);
}

i64 sys_vmo_create_physical(u64 resource, u64 address, u64 size, u64 cache)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_PHYSICAL, address, size);
    if (error)
        return error == -ERANGE ? -EPERM : error;
    if (!is_page_aligned(address) || !is_page_aligned(size) || !size ||
        cache > VMO_WRITE_COMBINING || range_exceeds(address, size, PHYSICAL_MAX))
        return -EINVAL;
    struct vmo *vmo = vmo_create(VMO_PHYSICAL, size, current_task()->budget);
    if (!vmo)
        return -ENOMEM;
    vmo->physical = address;
    vmo->cache = (u8)cache;
    return enter(vmo_object(vmo), RIGHTS_ALL);
}

i64 sys_vmo_create_paged(u64 port_handle, u64 size, u64 key, u64 dirty_room)
{
    i64 error;
    struct object *port = handle_object((handle_t)port_handle, OBJECT_PORT, RIGHT_SEND, &error);
    if (!port)
        return error;
    if (!size || size > VMO_SIZE_MAX)
        return -EINVAL;
    struct vmo *vmo = pager_create(container_of(port, struct port, object), size, key, dirty_room,
                                   current_task()->budget);
    return vmo ? enter(vmo_object(vmo), RIGHTS_ALL) : -ENOMEM;
}

i64 sys_vmo_resize(u64 handle, u64 size)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_WRITE, &span);
    if (error)
        return error;
    struct vmo *vmo = span.vmo;
    if (span.loan || (vmo->kind != VMO_ANONYMOUS && vmo->kind != VMO_PAGED))
        return -ENOTSUP;
    if (!size || size > VMO_SIZE_MAX)
        return -EINVAL;
    u64 dropped;
    error = vmo_drop_range(vmo, page_up(size) / PAGE_SIZE, UINT64_MAX / PAGE_SIZE, PIECE, &dropped,
                           true);
    if (error)
        return error;
    if (dropped == PIECE)
        return -RESTART;
    spin_lock(&vmo->lock);
    vmo->size = page_up(size);
    spin_unlock(&vmo->lock);
    return 0;
}

/*
 * Copies one page's worth between an object and memory. Through a loan it is done under the loan's
 * lock, so that none is under way when the loan has been revoked.
 */
static i64 copy_page(const struct span *span, u64 offset, u8 *bytes, u64 length, bool write)
{
    u64 *entry, physical;
    struct vmo *vmo = span->vmo;
    struct loan *loan = span->loan;
    if (loan) {
        spin_lock(&loan->lock);
        if (loan->revoked) {
            spin_unlock(&loan->lock);
            return -EREVOKED;
        }
    }
    spin_lock(&vmo->lock);
    i64 error =
        offset < vmo->size ? vmo_page(vmo, offset / PAGE_SIZE, write, &entry, &physical) : -ERANGE;
    if (!error) {
        u8 *at = (u8 *)phys_to_virt(physical) + offset % PAGE_SIZE;
        memcpy(write ? at : bytes, write ? bytes : at, length);
    }
    spin_unlock(&vmo->lock);
    if (loan)
        spin_unlock(&loan->lock);
    return error;
}

static i64 copy_span(u64 handle, u64 offset, u64 length, bool write)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, write ? RIGHT_WRITE : RIGHT_READ, &span);
    if (error)
        return error;
    if (length > MESSAGE_BYTES_MAX)
        return -E2BIG;
    if (range_exceeds(offset, length, span.size))
        return -ERANGE;
    if (!vmo_is_memory(span.vmo))
        return -ENOTSUP;
    u8 *bytes = current_message_bytes();
    u64 at = span.offset + offset, first = min(length, PAGE_SIZE - at % PAGE_SIZE);
    if (first && (error = copy_page(&span, at, bytes, first, write)))
        return error;
    if (length > first)
        error = copy_page(&span, at + first, bytes + first, length - first, write);
    return error;
}

i64 sys_vmo_read(u64 vmo, u64 offset, u64 length)
{
    return copy_span(vmo, offset, length, false);
}

i64 sys_vmo_write(u64 vmo, u64 offset, u64 length)
{
    return copy_span(vmo, offset, length, true);
}

i64 sys_vmo_clone(u64 handle, u64 offset, u64 length)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_READ | RIGHT_DUPLICATE, &span);
    if (error)
        return error;
    if (!is_page_aligned(span.offset + offset) || !is_page_aligned(length) || !length)
        return -EINVAL;
    if (range_exceeds(offset, length, span.size))
        return -ERANGE;
    if (span.vmo->kind != VMO_ANONYMOUS && span.vmo->kind != VMO_PAGED)
        return -ENOTSUP;
    return vmo_clone(&span, offset, length);
}

i64 sys_vmo_slice(u64 handle, u64 offset, u64 length)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_DUPLICATE, &span);
    if (error)
        return error;
    if (span.loan && span.loan->pinned)
        return -ENOTSUP;
    if (!is_page_aligned(offset) || !is_page_aligned(length) || !length)
        return -EINVAL;
    if (range_exceeds(offset, length, span.size))
        return -ERANGE;
    struct loan *slice = slice_create(&span, offset, length, current_task()->budget);
    return slice ? enter(loan_object(slice), span.rights) : -ENOMEM;
}

i64 sys_vmo_commit(u64 handle, u64 offset, u64 length)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_WRITE, &span);
    if (error)
        return error;
    if (range_exceeds(offset, length, span.size))
        return -ERANGE;
    struct vmo *vmo = span.vmo;
    u64 start = span.offset + offset, end = start + length;
    u64 stop = min(end, page_down(start) + PIECE * PAGE_SIZE);
    spin_lock(&vmo->lock);
    for (u64 at = page_down(start); !error && at < stop; at += PAGE_SIZE) {
        u64 *entry, physical;
        error = at < vmo->size ? vmo_page(vmo, at / PAGE_SIZE, false, &entry, &physical) : -ERANGE;
    }
    spin_unlock(&vmo->lock);
    if (error || stop == end)
        return error;
    restart_with(handle, stop - span.offset, end - stop);
    return -RESTART;
}

i64 sys_vmo_decommit(u64 handle, u64 offset, u64 length)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_WRITE, &span);
    if (error)
        return error;
    if (range_exceeds(offset, length, span.size))
        return -ERANGE;
    if (span.vmo->kind != VMO_ANONYMOUS || span.vmo->origin)
        return -ENOTSUP;
    u64 first = page_up(span.offset + offset) / PAGE_SIZE;
    u64 end = (span.offset + offset + length) / PAGE_SIZE, dropped = 0;
    if (first < end)
        error = vmo_drop_range(span.vmo, first, end, PIECE, &dropped, false);
    return error ? error : dropped == PIECE ? -RESTART : 0;
}

i64 sys_pin(u64 handle, u64 offset, u64 length, u64 domain_handle)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_PIN, &span);
    if (error)
        return error;
    struct object *domain =
        handle_object((handle_t)domain_handle, OBJECT_DOMAIN, RIGHT_MANAGE, &error);
    if (!domain)
        return error;
    if (!(span.rights & (RIGHT_READ | RIGHT_WRITE)))
        return -EPERM;
    if (!length || range_exceeds(offset, length, span.size))
        return -ERANGE;
    u64 start = (span.offset + offset) % PAGE_SIZE;
    if (length > PIN_PAGES_MAX * PAGE_SIZE || page_up(start + length) / PAGE_SIZE > PIN_PAGES_MAX)
        return -E2BIG;
    u64 id;
    i64 count = pin_create(&span, offset, length, container_of(domain, struct domain, object),
                           span.rights & (RIGHT_READ | RIGHT_WRITE), current_task()->budget,
                           current_message_bytes(), &id);
    if (count > 0)
        set_result2(id);
    return count;
}

i64 sys_unpin(u64 domain_handle, u64 id)
{
    i64 error;
    struct object *domain =
        handle_object((handle_t)domain_handle, OBJECT_DOMAIN, RIGHT_MANAGE, &error);
    return domain ? pin_remove(container_of(domain, struct domain, object), id) : error;
}

i64 sys_vmo_info(u64 handle)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, 0, &span);
    if (error)
        return error;
    set_result2(span.size);
    set_result3(span.vmo->kind == VMO_CONTIGUOUS || span.vmo->kind == VMO_PHYSICAL
                    ? span.vmo->size / PAGE_SIZE
                    : span.vmo->resident);
    set_result4(span.vmo->kind | (u64)span.vmo->cache << 8);
    return 0;
}

/* ---- For pagers ------------------------------------------------------------------------------ */

/* The paged object itself and a range of its pages. */
static struct vmo *paged(u64 handle, u64 offset, u64 length, i64 *error)
{
    struct object *object = handle_object((handle_t)handle, OBJECT_VMO, RIGHT_MANAGE, error);
    if (!object)
        return NULL;
    struct vmo *vmo = container_of(object, struct vmo, object);
    *error = !vmo->pager                                            ? -ENOTSUP
             : !is_page_aligned(offset) || !is_page_aligned(length) ? -EINVAL
             : range_exceeds(offset, length, vmo->size)             ? -ERANGE
                                                                    : 0;
    return *error ? NULL : vmo;
}

static i64 supply_piece(struct vmo *vmo, u64 first, u64 pages, struct span *source,
                        u64 source_offset)
{
    for (u64 i = 0; i < pages; i++) {
        u64 physical;
        i64 error = 0;
        if (source) {
            error = vmo_take_page(source->vmo, (source->offset + source_offset) / PAGE_SIZE + i,
                                  &physical);
            if (!error)
                error = pager_supply_page(vmo, first + i, physical);
        } else {
            pager_declare_loaded(vmo, first + i);
        }
        if (error)
            return error;
    }
    pager_answered(vmo, first, first + pages - 1, 0);
    return 0;
}

i64 sys_vmo_supply(u64 handle, u64 offset, u64 length, u64 source_handle, u64 source_offset)
{
    i64 error;
    struct span source = {0};
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    if (source_handle) {
        error = span_lookup((handle_t)source_handle, RIGHT_READ | RIGHT_WRITE, &source);
        if (error)
            return error;
        if (source.vmo->kind != VMO_ANONYMOUS || source.vmo == vmo)
            return -ENOTSUP;
        if (!is_page_aligned(source_offset))
            return -EINVAL;
        if (range_exceeds(source_offset, length, source.size))
            return -ERANGE;
    }
    u64 pages = min(length / PAGE_SIZE, PIECE);
    if (pages)
        error = supply_piece(vmo, offset / PAGE_SIZE, pages, source_handle ? &source : NULL,
                             source_offset);
    if (error || pages == length / PAGE_SIZE)
        return error;
    restart_with(handle, offset + pages * PAGE_SIZE, length - pages * PAGE_SIZE);
    current_thread()->user.r8 = source_offset + pages * PAGE_SIZE;
    return -RESTART;
}

i64 sys_vmo_fail(u64 handle, u64 offset, u64 length, u64 error_number)
{
    i64 error;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    if (error_number < 1 || error_number > 4000)
        return -EINVAL;
    if (length)
        pager_fail(vmo, offset / PAGE_SIZE, (offset + length) / PAGE_SIZE - 1, (int)error_number);
    return 0;
}

i64 sys_vmo_dirty_query(u64 handle, u64 offset, u64 length)
{
    i64 error;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    u64 first = offset / PAGE_SIZE, end = (offset + length) / PAGE_SIZE, count = 0;
    if (first < end)
        count = pager_dirty_query(vmo, &first, end - 1, current_message_bytes(),
                                  MESSAGE_BYTES_MAX / sizeof(struct vmo_dirty_range));
    set_result2(first * PAGE_SIZE);
    return (i64)count;
}

static i64 writeback(u64 handle, u64 offset, u64 length, bool begin)
{
    i64 error;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    u64 piece = min(length, PIECE * PAGE_SIZE);
    if (piece)
        pager_writeback(vmo, offset / PAGE_SIZE, (offset + piece) / PAGE_SIZE - 1, begin);
    if (piece == length)
        return 0;
    restart_with(handle, offset + piece, length - piece);
    return -RESTART;
}

i64 sys_vmo_writeback_begin(u64 vmo, u64 offset, u64 length)
{
    return writeback(vmo, offset, length, true);
}

i64 sys_vmo_writeback_end(u64 vmo, u64 offset, u64 length)
{
    return writeback(vmo, offset, length, false);
}

i64 sys_vmo_dirty_room(u64 handle, u64 pages)
{
    i64 error;
    struct vmo *vmo = paged(handle, 0, 0, &error);
    if (!vmo)
        return error;
    pager_add_room(vmo, pages);
    return 0;
}

i64 sys_vmo_set_pager(u64 handle, u64 port_handle, u64 key)
{
    i64 error;
    struct vmo *vmo = paged(handle, 0, 0, &error);
    if (!vmo)
        return error;
    struct object *port = handle_object((handle_t)port_handle, OBJECT_PORT, RIGHT_SEND, &error);
    if (!port)
        return error;
    pager_replace(vmo, container_of(port, struct port, object), key);
    return 0;
}
