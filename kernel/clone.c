/*
 * Copy-on-write clones.
 *
 * A clone is a snapshot of one moment: first the original is frozen (no page becomes writable; who
 * would write waits) and what is mapped writable is write-protected, then the pages are shared one
 * by one, then it thaws.  All in pieces: the calling thread holds the unfinished clone and makes
 * its system call again.
 *
 * A page that is pinned is copied, not shared, since a device or a loan may write to it.  Of a
 * paged object nothing is taken now: the clone has a link to it and takes each page when it is
 * first touched.
 */
#include "handle.h"
#include "task.h"
#include "thread.h"
#include "vmo_internal.h"

#define CLONE_PIECE 64u

static void thaw(struct vmo *original)
{
    spin_lock(&original->lock);
    original->frozen = false;
    wait_queue_wake(&original->waiters, 0, UINT64_MAX, 0);
    spin_unlock(&original->lock);
}

void clone_abandon(struct thread *thread)
{
    struct vmo *clone = thread->clone, *original = thread->clone_original;
    if (!clone)
        return;
    thread->clone = thread->clone_original = NULL;
    thaw(original);
    object_put(&clone->object);
    object_put(&original->object);
}

static i64 begin(struct thread *self, const struct span *span, u64 offset, u64 length)
{
    struct vmo *original = span->vmo, *clone = vmo_create(VMO_ANONYMOUS, length, self->budget);
    if (!clone)
        return -ENOMEM;
    spin_lock(&original->lock);
    if (original->frozen) {
        wait_queue_park(&original->waiters, 0);
        spin_unlock(&original->lock);
        object_put(&clone->object);
        return -PARKED;
    }
    original->frozen = true;
    struct vmo *origin = original->pager ? original : original->origin;
    if (origin) {
        object_get(&origin->object);
        clone->origin = origin;
        clone->origin_offset =
            span->offset + offset + (origin == original ? 0 : original->origin_offset);
    }
    spin_unlock(&original->lock);
    object_get(&original->object);
    self->clone = clone;
    self->clone_original = original;
    self->clone_cursor = (span->offset + offset) / PAGE_SIZE;
    self->clone_sharing = false;
    return 0;
}

/* Write-protects the next pages; true when all are. Original locked. */
static bool protect_piece(struct thread *self, struct vmo *original, u64 end)
{
    for (u32 i = 0; i < CLONE_PIECE; i++, self->clone_cursor++) {
        if (!pagetree_next(&original->pages, &self->clone_cursor, end))
            return true;
        vmo_unmap_pages(original, self->clone_cursor, self->clone_cursor, true);
    }
    return false;
}

/* Puts one of the original's pages into the clone; both are as good as locked. */
static i64 share_page(struct vmo *clone, u64 index, u64 entry)
{
    u64 physical = entry & ~(u64)ENTRY_FLAGS, *slot = pagetree_slot(&clone->pages, index, true);
    if (!slot || !budget_charge(clone->budget, PAGE_SIZE))
        return -ENOMEM;
    struct page *page = phys_to_page(physical);
    if (atomic_load(&page->pins)) {
        u64 copy = page_alloc(0, PAGE_USER);
        if (!copy) {
            budget_uncharge(clone->budget, PAGE_SIZE);
            return -ENOMEM;
        }
        memcpy(phys_to_virt(copy), phys_to_virt(physical), PAGE_SIZE);
        physical = copy;
    } else {
        atomic_add(&page->references, 1);
    }
    *slot = physical;
    clone->resident++;
    return 0;
}

/* Shares the next pages: 1 when all are, 0 if some are left, or an error. Original locked. */
static i64 share_piece(struct thread *self, struct vmo *original, u64 start, u64 end)
{
    for (u32 i = 0; i < CLONE_PIECE; i++, self->clone_cursor++) {
        u64 *entry = pagetree_next(&original->pages, &self->clone_cursor, end);
        if (!entry)
            return 1;
        i64 error = *entry & ~(u64)ENTRY_FLAGS
                        ? share_page(self->clone, self->clone_cursor - start, *entry)
                        : 0;
        if (error)
            return error;
    }
    return 0;
}

/* One piece of the calling thread's clone; the finished clone's handle, -RESTART, or an error. */
static i64 go_on(struct thread *self, u64 start, u64 end)
{
    struct vmo *original = self->clone_original;
    i64 done;
    spin_lock(&original->lock);
    if (original->pager) {
        done = 1;
    } else if (!self->clone_sharing) {
        if (protect_piece(self, original, end)) {
            self->clone_sharing = true;
            self->clone_cursor = start;
        }
        done = self->clone_sharing && original->resident < CLONE_PIECE
                   ? share_piece(self, original, start, end)
                   : 0;
    } else {
        done = share_piece(self, original, start, end);
    }
    spin_unlock(&original->lock);
    if (!done)
        return -RESTART;
    handle_t handle = 0;
    if (done > 0) {
        object_get(&self->clone->object);
        handle = handle_insert(&self->task->handles, &self->clone->object, RIGHTS_ALL, 0);
        if (!handle)
            object_put(&self->clone->object);
    }
    clone_abandon(self);
    return done < 0 ? done : handle ? (i64)handle : -EMFILE;
}

i64 vmo_clone(const struct span *span, u64 offset, u64 length)
{
    struct thread *self = current_thread();
    u64 start = (span->offset + offset) / PAGE_SIZE;
    if (self->clone && self->clone_original != span->vmo)
        clone_abandon(self);
    if (!self->clone) {
        i64 error = begin(self, span, offset, length);
        if (error)
            return error;
    }
    return go_on(self, start, start + page_up(length) / PAGE_SIZE);
}
