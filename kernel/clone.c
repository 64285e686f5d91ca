/*
 * Copy-on-write clones.
 *
 * A clone is a snapshot of one moment: first the original is frozen (no page becomes writable; who
 * would write waits) and what is mapped writable is write-protected, then the pages are shared one
 * by one, then it thaws.  A small original is dealt with at once; a large one in pieces, by the
 * reaper, so that neither interrupts nor those that wait for the thaw depend on when the caller
 * runs.  The caller waits for its job's end, which wakes it with the clone's handle.
 *
 * A page that is pinned is copied, not shared, since a device or a loan may write to it.  Of a
 * paged object nothing is taken now: the clone has a link to it and takes each page when it is
 * first touched.
 */
#include "handle.h"
#include "slab.h"
#include "sys_memory.h"
#include "task.h"
#include "thread.h"
#include "vmo_internal.h"

#define PIECE 64u

struct clone_job {
    struct reap reap;
    struct vmo *original, *clone; /* references */
    struct task *task;            /* for which it is; a reference */
    struct budget *budget;        /* a reference */
    u64 first, cursor, end;       /* pages of the original */
    bool sharing;                 /* all is write-protected */
};

static struct slab_cache job_cache = SLAB_CACHE("clone", sizeof(struct clone_job), 16);

/* ---- Pieces; the original is locked, the clone nobody else's
 * ----------------------------------------- */

/* Write-protects some pages; true when all are. */
static bool protect_piece(struct vmo *original, u64 *cursor, u64 end)
{
    for (u32 i = 0; i < PIECE / 8; i++) {
        if (!pagetree_next(&original->pages, cursor, end))
            return true;
        u64 last = min(*cursor | 7, end - 1);
        vmo_unmap_pages(original, *cursor, last, true);
        *cursor = last + 1;
    }
    return false;
}

static int share_page(struct vmo *original, u64 index, u64 entry, struct vmo *clone,
                      u64 clone_index)
{
    u64 physical = entry_page(entry), *slot = pagetree_slot(&clone->pages, clone_index, true);
    if (!slot || !vmo_charge_page(clone))
        return -ENOMEM;
    struct page *page = phys_to_page(physical);
    if (atomic_load(&page->pins)) {
        u64 copy = page_alloc(0, PAGE_USER);
        if (!copy) {
            vmo_uncharge_page(clone);
            return -ENOMEM;
        }
        memcpy(phys_to_virt(copy), phys_to_virt(physical), PAGE_SIZE);
        physical = copy;
    } else {
        atomic_add(&page->references, 1);
        vmo_break_large(original, index);
    }
    *slot = physical;
    clone->resident++;
    return 0;
}

/* Shares some pages: 1 when all are, 0 if some are left, or -ENOMEM. */
static int share_piece(struct vmo *original, u64 first, u64 *cursor, u64 end, struct vmo *clone)
{
    for (u32 i = 0; i < PIECE; i++, ++*cursor) {
        u64 *entry = pagetree_next(&original->pages, cursor, end);
        if (!entry)
            return 1;
        int error = share_page(original, *cursor, *entry, clone, *cursor - first);
        if (error)
            return error;
    }
    return 0;
}

static void thaw(struct vmo *original)
{
    original->closed = 0;
    wait_queue_wake(&original->waiters, 0, UINT64_MAX / PAGE_SIZE, 0);
}

/* ---- Large ones
 * ----------------------------------------------------------------------------------------- */

/* The clone's handle in a task, or -EMFILE; takes the reference. */
static i64 enter_clone(struct task *task, struct vmo *clone)
{
    handle_t handle = handle_insert(&task->handles, &clone->object, RIGHTS_ALL, 0);
    if (!handle)
        object_put(&clone->object);
    return handle ? (i64)handle : -EMFILE;
}

/* Ends a job: its caller is woken with what a wait status can hold of the result, its low half. */
static void end_job(struct clone_job *job, i64 result)
{
    struct vmo *original = job->original;
    struct budget *budget = job->budget;
    if (result > 0)
        result = enter_clone(job->task, job->clone);
    else
        object_put(&job->clone->object);
    spin_lock(&original->lock);
    thaw(original);
    wait_queue_wake(&original->waiters, (u64)job, (u64)job, (int)result);
    spin_unlock(&original->lock);
    object_put(&original->object);
    object_put(&job->task->object);
    slab_free(&job_cache, job, budget);
    budget_put(budget);
}

static bool job_piece(struct reap *reap)
{
    struct clone_job *job = container_of(reap, struct clone_job, reap);
    struct vmo *original = job->original;
    int result = 0;
    spin_lock(&original->lock);
    if (job->sharing) {
        result = share_piece(original, job->first, &job->cursor, job->end, job->clone);
    } else if (protect_piece(original, &job->cursor, job->end)) {
        job->sharing = true;
        job->cursor = job->first;
    }
    spin_unlock(&original->lock);
    if (result)
        end_job(job, result);
    return result != 0;
}

/* Freezes the original and hands the rest to the reaper. Original locked. -PARKED or -ENOMEM. */
static i64 start_job(struct vmo *original, u64 first, u64 end, struct vmo *clone)
{
    struct task *task = current_task();
    struct clone_job *job = slab_alloc(&job_cache, task->budget);
    if (!job)
        return -ENOMEM;
    original->closed = VMO_FROZEN;
    job->original = original;
    object_get(&original->object);
    job->clone = clone;
    job->task = task;
    object_get(&task->object);
    job->budget = task->budget;
    budget_get(task->budget);
    job->first = job->cursor = first;
    job->end = end;
    wait_queue_park(&original->waiters, (u64)job);
    reaper_add(&job->reap, job_piece);
    return -PARKED;
}

/* ---- The call
 * --------------------------------------------------------------------------------------------- */

/* Pages that are not there now come from the paged object at the bottom, if there is one. */
static void link_origin(struct vmo *original, u64 first, u64 end, struct vmo *clone)
{
    struct vmo *origin = original->pager ? original : original->origin;
    if (!origin)
        return;
    u64 limit = original->pager ? end : min(end, original->origin_pages);
    if (limit <= first)
        return;
    object_get(&origin->object);
    clone->origin = origin;
    clone->origin_first = first + original->origin_first;
    clone->origin_pages = limit - first;
}

/* Original locked: 0, -PARKED (the clone is then the job's), or an error. */
static i64 take_snapshot(struct vmo *original, u64 first, u64 end, struct vmo *clone)
{
    if (original->closed == VMO_FROZEN) {
        wait_queue_park(&original->waiters, 0);
        return -EAGAIN;
    }
    if (range_exceeds(first * PAGE_SIZE, (end - first) * PAGE_SIZE, original->size))
        return -ERANGE;
    link_origin(original, first, end, clone);
    if (original->pager)
        return 0;
    if (original->resident > PIECE && end - first > PIECE)
        return start_job(original, first, end, clone);
    vmo_unmap_pages(original, first, end - 1, true);
    for (u64 cursor = first;;) {
        int result = share_piece(original, first, &cursor, end, clone);
        if (result)
            return min(result, 0);
    }
}

i64 vmo_clone(const struct span *span, u64 offset, u64 length, u64 payer)
{
    struct thread *self = current_thread();
    int status = wait_status_take();
    /* Its key was an address: the caller had a job, which has ended. */
    if (self->park_key > UINT64_MAX / PAGE_SIZE && status) {
        self->park_key = 0;
        return -status >= 1 && -status < PARKED ? status : (i64)(u32)status;
    }
    i64 error;
    struct task *task = task_of(payer, &error);
    if (!task)
        return error;
    struct vmo *original = span->vmo, *clone = vmo_create(VMO_ANONYMOUS, length, task->budget);
    u64 first = (span->offset + offset) / PAGE_SIZE;
    if (!clone)
        return -ENOMEM;
    if (!object_get_live(&original->object)) {
        object_put(&clone->object);
        return -EBADF;
    }
    clone->flags = original->flags;
    spin_lock(&original->lock);
    error = take_snapshot(original, first, first + length / PAGE_SIZE, clone);
    spin_unlock(&original->lock);
    object_put(&original->object);
    if (!error)
        return enter_clone(self->task, clone);
    if (error != -PARKED)
        object_put(&clone->object);
    return error == -EAGAIN ? -PARKED : error;
}
