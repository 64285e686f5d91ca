/*
 * System calls on memory: checks of handles, rights and ranges; the work is done by the objects.
 */
#include "sys_memory.h"

#include "handle.h"
#include "page.h"
#include "pager.h"
#include "port.h"
#include "resource.h"
#include "task.h"
#include "thread.h"
#include "vmo_internal.h"

#define VMO_SIZE_MAX (1ull << 46)
#define PHYSICAL_MAX (1ull << 52)
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

/* ---- Objects
 * ------------------------------------------------------------------------------------------------
 */

static i64 create_contiguous(u64 size, u64 align, struct task *task)
{
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

i64 sys_vmo_create(u64 kind, u64 size, u64 argument, u64 flags, u64 payer)
{
    i64 error;
    struct task *task = task_of(payer, &error);
    if (!task)
        return error;
    if (kind > VMO_PAGED || !size || size > VMO_SIZE_MAX || flags & ~(u64)VMO_LARGE_PAGES)
        return -EINVAL;
    if (kind == VMO_CONTIGUOUS)
        return argument & (argument - 1) ? -EINVAL
                                         : create_contiguous(page_up(size), argument, task);
    if (kind != VMO_ANONYMOUS)
        return -ENOTSUP;
    struct vmo *vmo = vmo_create_anonymous(size, task->budget);
    if (!vmo)
        return -ENOMEM;
    vmo->flags = (u8)flags;
    return enter(vmo_object(vmo), RIGHTS_ALL);
}

/* Whether there is RAM or the kernel in a range that is no device's. */
static bool has_memory(u64 address, u64 size)
{
    extern char __text_start[], __data_end[];
    u64 kernel = (u64)__text_start - KERNEL_BASE, kernel_end = (u64)__data_end - KERNEL_BASE;
    if (address < kernel_end && kernel < address + size)
        return true;
    u64 end = address + size, ram_end = page_count * PAGE_SIZE;
    for (u64 at = address; at < end && at < ram_end; at += PAGE_SIZE)
        if (phys_to_page(at)->kind != PAGE_RESERVED || memory_is_direct(at))
            return true;
    return false;
}

i64 sys_vmo_create_physical(u64 resource, u64 address, u64 size, u64 cache)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_PHYSICAL, address, size);
    if (error)
        return error == -ERANGE ? -EPERM : error;
    if (!is_page_aligned(address) || !is_page_aligned(size) || !size ||
        cache > VMO_WRITE_COMBINING || range_exceeds(address, size, PHYSICAL_MAX))
        return -EINVAL;
    if (resource_check((handle_t)resource, RESOURCE_ROOT, 0, 0) && has_memory(address, size))
        return -EPERM;
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
    /* How long a file is is for its server to say. */
    if (vmo->pager && !(span.rights & RIGHT_MANAGE))
        return -EPERM;
    return vmo_resize(vmo, page_up(size));
}

/*
 * Copies one page's worth between a span and memory.  Through a loan it is done under the loan's
 * lock, so that none is under way when the loan has ended.
 */
static i64 copy_page(const struct span *span, u64 at, u8 *bytes, u64 length, bool write)
{
    struct vmo *vmo = span->vmo;
    struct loan *loan = span->loan;
    u64 *entry, physical, index = at / PAGE_SIZE;
    i64 error = -ERANGE;
    if (unlikely(loan))
        spin_lock(&loan->lock);
    spin_lock(&vmo->lock);
    if (unlikely(loan && !loan->slice))
        error = loan_page(loan, index, write, &physical);
    else if (at < vmo->size)
        error = vmo_page(vmo, index, write, &entry, &physical);
    if (!error) {
        u8 *page = (u8 *)phys_to_virt(physical) + at % PAGE_SIZE;
        memcpy(write ? page : bytes, write ? bytes : page, length);
    }
    spin_unlock(&vmo->lock);
    if (unlikely(loan))
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

i64 sys_vmo_clone(u64 handle, u64 offset, u64 length, u64 payer)
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
    return vmo_clone(&span, offset, length, payer);
}

i64 sys_vmo_slice(u64 handle, u64 offset, u64 length)
{
    struct span span;
    i64 error = span_lookup((handle_t)handle, RIGHT_DUPLICATE, &span);
    if (error)
        return error;
    /* Of a loan's partial pages there is no slice. */
    if (!is_page_aligned(span.offset + offset) || !is_page_aligned(length) || !length)
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
    if (vmo->pager)
        pager_expect(vmo, page_up(stop) / PAGE_SIZE);
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
    u64 start = page_up(span.offset + offset), end = page_down(span.offset + offset + length),
        done = 0;
    if (start < end)
        error = vmo_decommit(span.vmo, start / PAGE_SIZE, end / PAGE_SIZE, &done);
    start += done * PAGE_SIZE;
    if (start >= end || (error && error != -PARKED))
        return error;
    restart_with(handle, start - span.offset, end - start);
    return error ? error : -RESTART;
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

/* ---- For pagers
 * ------------------------------------------------------------------------------------------------
 */

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

/* What is left of a call on a range, a piece of which is done. */
static i64 go_on(u64 handle, u64 offset, u64 length, u64 done, i64 error)
{
    done *= PAGE_SIZE;
    if (error && error != -PARKED)
        return error;
    if (done < length)
        restart_with(handle, offset + done, length - done);
    return error ? error : done < length ? -RESTART : 0;
}

i64 sys_vmo_supply(u64 handle, u64 offset, u64 length, u64 source_handle, u64 source_offset)
{
    i64 error;
    u64 done;
    struct span source;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    if (!source_handle) {
        error = pager_declare_loaded(vmo, offset / PAGE_SIZE, length / PAGE_SIZE, &done);
        return go_on(handle, offset, length, done, error);
    }
    if ((error = span_lookup((handle_t)source_handle, RIGHT_READ | RIGHT_WRITE, &source)))
        return error;
    if (source.vmo->kind != VMO_ANONYMOUS)
        return -ENOTSUP;
    source.offset += source_offset;
    if (!is_page_aligned(source_offset) || !is_page_aligned(source.offset))
        return -EINVAL;
    if (range_exceeds(source_offset, length, source.size) ||
        range_exceeds(source.offset, length, source.vmo->size))
        return -ERANGE;
    error = pager_supply(vmo, offset / PAGE_SIZE, length / PAGE_SIZE, source.vmo,
                         source.offset / PAGE_SIZE, &done);
    current_thread()->user.r8 = source_offset + done * PAGE_SIZE;
    return go_on(handle, offset, length, done, error);
}

i64 sys_vmo_fail(u64 handle, u64 offset, u64 length, u64 error_number)
{
    i64 error;
    u64 done;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    /* ENOMEM is the kernel's own to say: it is tried again after reclaiming. */
    if (error_number < 1 || error_number >= RESTART || error_number == ENOMEM)
        return -EINVAL;
    error = pager_fail(vmo, offset / PAGE_SIZE, length / PAGE_SIZE, (int)error_number, &done);
    return go_on(handle, offset, length, done, error);
}

i64 sys_vmo_dirty_query(u64 handle, u64 offset, u64 length)
{
    i64 error;
    u64 done;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    u64 count =
        pager_dirty_query(vmo, offset / PAGE_SIZE, length / PAGE_SIZE, current_message_bytes(),
                          MESSAGE_BYTES_MAX / sizeof(struct vmo_dirty_range), &done);
    set_result2(offset + done * PAGE_SIZE);
    return (i64)count;
}

i64 sys_vmo_writeback_begin(u64 handle, u64 offset, u64 length)
{
    i64 error;
    u64 done;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    error = pager_writeback_begin(vmo, offset / PAGE_SIZE, length / PAGE_SIZE, &done);
    return go_on(handle, offset, length, done, error);
}

i64 sys_vmo_writeback_end(u64 handle, u64 offset, u64 length)
{
    i64 error;
    u64 done;
    struct vmo *vmo = paged(handle, offset, length, &error);
    if (!vmo)
        return error;
    error = pager_writeback_end(vmo, offset / PAGE_SIZE, length / PAGE_SIZE, &done);
    return go_on(handle, offset, length, done, error);
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
    return pager_replace(vmo, container_of(port, struct port, object), key);
}
