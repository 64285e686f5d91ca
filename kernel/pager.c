/*
 * Pagers; see pager.h and the rules in DESIGN §3.2.
 *
 * A request is a kernel message with a deadline. It is answered by supplying pages, by failing
 * them, or, for room to dirty pages, by adding some; until then whoever needs it waits on the
 * object.  A pager that dies leaves its requests open: a successor gets them again; without one
 * they fail after a grace period.
 */
#include "pager.h"

#include "port.h"
#include "slab.h"

#define REQUESTS 8u

struct request {
    struct envelope envelope; /* first page: head.offset */
    struct timer timer;
    struct vmo *vmo; /* whose pager this is in */
    u64 deadline;
    bool busy;
};

struct pager {
    struct port *port; /* a reference */
    u64 key, dirty_room;
    struct request requests[REQUESTS]; /* for pages */
    struct request room_request;
    bool orphaned; /* its port is dead, and it has no successor yet */
    struct list link;
    struct vmo *vmo;
    struct quiesce_node quiesce;
};

static struct slab_cache pager_cache = SLAB_CACHE("pager", sizeof(struct pager), 16);

/* All pagers, for the reclaimer; it tries the lock, so that it may be run under any other. */
static struct list all_pagers = {&all_pagers, &all_pagers};
static struct spinlock all_lock; /* level 7 */

/* ---- Requests -------------------------------------------------------------------------------- */

/* Posts or posts again. Object locked. */
static void post(struct vmo *vmo, struct request *request, u64 patience)
{
    struct pager *pager = vmo->pager;
    request->envelope.head.cookie = pager->key;
    if (!port_post(pager->port, &request->envelope)) {
        pager->orphaned = true;
        patience = min(patience, PAGER_GRACE_NS);
    }
    request->deadline = clock_now() + patience;
    timer_set(&request->timer, request->deadline);
}

static void start(struct vmo *vmo, struct request *request, enum kernel_op op, u64 index)
{
    request->busy = true;
    request->envelope.head =
        (struct message){.op = op, .offset = index * PAGE_SIZE, .length = PAGE_SIZE};
    post(vmo, request, PAGER_DEADLINE_NS);
}

/* The request is answered or given up; those who waited for its page, or for a free request, go on.
 */
static void finish(struct vmo *vmo, struct request *request, int status)
{
    u64 index = request->envelope.head.offset / PAGE_SIZE;
    request->busy = false;
    timer_cancel(&request->timer);
    port_unpost(&request->envelope);
    u64 *entry = pagetree_slot(&vmo->pages, index, false);
    if (entry)
        *entry &= ~(u64)ENTRY_REQUESTED;
    wait_queue_wake(&vmo->waiters, index, index, status);
    wait_queue_wake(&vmo->waiters, 0, UINT64_MAX, 0);
}

static void too_late(struct timer *timer)
{
    struct request *request = container_of(timer, struct request, timer);
    struct vmo *vmo = request->vmo;
    spin_lock(&vmo->lock);
    if (request->busy && request->deadline <= clock_now())
        finish(vmo, request, vmo->pager->orphaned ? -EIO : -ETIMEDOUT);
    spin_unlock(&vmo->lock);
}

static void init_request(struct vmo *vmo, struct request *request)
{
    envelope_init_kernel(&request->envelope);
    request->timer.fire = too_late;
    request->vmo = vmo;
}

struct vmo *pager_create(struct port *port, u64 size, u64 key, u64 dirty_room,
                         struct budget *budget)
{
    struct vmo *vmo = vmo_create(VMO_PAGED, size, budget);
    struct pager *pager = vmo ? slab_alloc(&pager_cache, budget) : NULL;
    if (!pager) {
        if (vmo)
            object_put(&vmo->object);
        return NULL;
    }
    pager->port = port;
    object_get(port_object(port));
    pager->key = key;
    pager->dirty_room = dirty_room;
    pager->vmo = vmo;
    for (u32 i = 0; i < REQUESTS; i++)
        init_request(vmo, &pager->requests[i]);
    init_request(vmo, &pager->room_request);
    vmo->pager = pager;
    spin_lock(&all_lock);
    list_append(&all_pagers, &pager->link);
    spin_unlock(&all_lock);
    return vmo;
}

static void pager_free(struct quiesce_node *node)
{
    struct pager *pager = container_of(node, struct pager, quiesce);
    struct budget *budget = pager->vmo->budget;
    slab_free(&pager_cache, pager, budget);
}

void pager_destroy(struct vmo *vmo)
{
    struct pager *pager = vmo->pager;
    spin_lock(&all_lock);
    list_remove(&pager->link);
    spin_unlock(&all_lock);
    spin_lock(&vmo->lock);
    for (u32 i = 0; i < REQUESTS; i++)
        if (pager->requests[i].busy)
            finish(vmo, &pager->requests[i], -EIO);
    if (pager->room_request.busy)
        finish(vmo, &pager->room_request, -EIO);
    spin_unlock(&vmo->lock);
    object_put(port_object(pager->port));
    quiesce_free(&pager->quiesce, pager_free);
}

/* ---- What faults and copies ask for ---------------------------------------------------------- */

/* Waits for a page; asks for it first if nobody has. Object locked. */
static int wait_for_page(struct vmo *vmo, u64 index, u64 *entry)
{
    struct pager *pager = vmo->pager;
    int status = wait_status_take();
    if (status)
        return status;
    for (u32 i = 0; i < REQUESTS && !(*entry & (ENTRY_REQUESTED | ENTRY_LOADING)); i++)
        if (!pager->requests[i].busy) {
            *entry |= ENTRY_REQUESTED;
            start(vmo, &pager->requests[i], KERNEL_PAGE_READ, index);
        }
    wait_queue_park(&vmo->waiters, index);
    return -PARKED;
}

static int make_dirty(struct vmo *vmo, u64 index, u64 *entry)
{
    struct pager *pager = vmo->pager;
    if (pager->dirty_room) {
        pager->dirty_room--;
        *entry |= ENTRY_DIRTY;
        return 0;
    }
    int status = wait_status_take();
    if (status)
        return status;
    if (!pager->room_request.busy)
        start(vmo, &pager->room_request, KERNEL_PAGE_DIRTY, index);
    wait_queue_park(&vmo->waiters, index);
    return -PARKED;
}

int pager_page(struct vmo *vmo, u64 index, bool write, u64 *entry)
{
    if (!(*entry & ~(u64)ENTRY_FLAGS) || (*entry & ENTRY_LOADING))
        return wait_for_page(vmo, index, entry);
    *entry |= ENTRY_USED;
    return write && !(*entry & ENTRY_DIRTY) ? make_dirty(vmo, index, entry) : 0;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* Pages [first, last] have come or failed. Object locked. */
static void answered(struct vmo *vmo, u64 first, u64 last, int status)
{
    struct pager *pager = vmo->pager;
    for (u32 i = 0; i < REQUESTS; i++) {
        struct request *request = &pager->requests[i];
        u64 index = request->envelope.head.offset / PAGE_SIZE;
        if (request->busy && index >= first && index <= last)
            finish(vmo, request, status);
    }
    wait_queue_wake(&vmo->waiters, first, last, status);
}

void pager_answered(struct vmo *vmo, u64 first, u64 last, int status)
{
    spin_lock(&vmo->lock);
    answered(vmo, first, last, status);
    spin_unlock(&vmo->lock);
}

int pager_supply_page(struct vmo *vmo, u64 index, u64 physical)
{
    spin_lock(&vmo->lock);
    u64 *entry = index < vmo->size / PAGE_SIZE ? pagetree_slot(&vmo->pages, index, true) : NULL;
    int error = entry ? 0 : -ENOMEM;
    bool wanted = entry && !(*entry & ~(u64)ENTRY_FLAGS);
    if (wanted && !budget_charge(vmo->budget, PAGE_SIZE))
        error = -ENOMEM;
    if (!error && wanted) {
        *entry = physical | (*entry & ENTRY_REQUESTED);
        vmo->resident++;
    }
    spin_unlock(&vmo->lock);
    if (error || !wanted)
        page_free(physical, 0);
    return error;
}

int pager_declare_loaded(struct vmo *vmo, u64 index)
{
    spin_lock(&vmo->lock);
    u64 *entry = pagetree_slot(&vmo->pages, index, false);
    bool loading = entry && (*entry & ENTRY_LOADING);
    if (loading)
        *entry &= ~(u64)ENTRY_LOADING;
    spin_unlock(&vmo->lock);
    return loading ? 0 : -ENOENT;
}

void pager_fail(struct vmo *vmo, u64 first, u64 last, int error)
{
    spin_lock(&vmo->lock);
    u64 index = first, *entry;
    for (; (entry = pagetree_next(&vmo->pages, &index, last + 1)); index++) {
        *entry &= ~(u64)ENTRY_REQUESTED;
        /* What was being loaded is not to be seen; if a device may still write it, it stays as it
         * is. */
        if ((*entry & ENTRY_LOADING) && !phys_to_page(*entry & ~(u64)ENTRY_FLAGS)->pins)
            vmo_drop_page(vmo, entry);
    }
    answered(vmo, first, last, -error);
    spin_unlock(&vmo->lock);
}

u64 pager_dirty_query(struct vmo *vmo, u64 *first, u64 last, struct vmo_dirty_range *out, u32 room)
{
    u64 count = 0, *entry;
    spin_lock(&vmo->lock);
    for (; (entry = pagetree_next(&vmo->pages, first, last + 1)); ++*first) {
        if (!(*entry & ENTRY_DIRTY))
            continue;
        u64 offset = *first * PAGE_SIZE;
        if (count && out[count - 1].offset + out[count - 1].length == offset) {
            out[count - 1].length += PAGE_SIZE;
            continue;
        }
        if (count == room)
            break;
        out[count++] = (struct vmo_dirty_range){offset, PAGE_SIZE};
    }
    if (!entry)
        *first = last + 1;
    spin_unlock(&vmo->lock);
    return count;
}

void pager_writeback(struct vmo *vmo, u64 first, u64 last, bool begin)
{
    u64 *entry, index = first;
    spin_lock(&vmo->lock);
    for (; (entry = pagetree_next(&vmo->pages, &index, last + 1)); index++) {
        if (!begin) {
            *entry &= ~(u64)ENTRY_WRITEBACK;
        } else if (*entry & ENTRY_DIRTY) {
            *entry = (*entry & ~(u64)ENTRY_DIRTY) | ENTRY_WRITEBACK;
            /* The next write is to be noticed. */
            vmo_unmap_pages(vmo, index, index, true);
        }
    }
    spin_unlock(&vmo->lock);
}

void pager_add_room(struct vmo *vmo, u64 pages)
{
    spin_lock(&vmo->lock);
    struct pager *pager = vmo->pager;
    if (__builtin_add_overflow(pager->dirty_room, pages, &pager->dirty_room))
        pager->dirty_room = UINT64_MAX;
    if (pager->room_request.busy)
        finish(vmo, &pager->room_request, 0);
    spin_unlock(&vmo->lock);
}

void pager_replace(struct vmo *vmo, struct port *port, u64 key)
{
    object_get(port_object(port));
    spin_lock(&vmo->lock);
    struct pager *pager = vmo->pager;
    struct port *old = pager->port;
    pager->port = port;
    pager->key = key;
    pager->orphaned = false;
    for (u32 i = 0; i <= REQUESTS; i++) {
        struct request *request = i < REQUESTS ? &pager->requests[i] : &pager->room_request;
        if (!request->busy)
            continue;
        port_unpost(&request->envelope);
        post(vmo, request, PAGER_DEADLINE_NS);
    }
    spin_unlock(&vmo->lock);
    object_put(port_object(old));
}

/* ---- Reclaim --------------------------------------------------------------------------------- */

/* A page that is clean, not on the way, wanted by nobody and not pinned; untouched since the last
 * look. */
static bool may_go(u64 *entry)
{
    if (!(*entry & ~(u64)ENTRY_FLAGS) ||
        (*entry & (ENTRY_DIRTY | ENTRY_WRITEBACK | ENTRY_LOADING | ENTRY_REQUESTED)))
        return false;
    struct page *page = phys_to_page(*entry & ~(u64)ENTRY_FLAGS);
    if (atomic_load(&page->pins) || atomic_load(&page->references) != 1)
        return false;
    bool used = *entry & ENTRY_USED;
    *entry &= ~(u64)ENTRY_USED;
    return !used;
}

static u64 reclaim_from(struct vmo *vmo, u64 wanted)
{
    u64 freed = 0, index = 0, *entry;
    for (; freed < wanted && (entry = pagetree_next(&vmo->pages, &index, UINT64_MAX)); index++)
        if (may_go(entry)) {
            vmo_unmap_pages(vmo, index, index, false);
            vmo_drop_page(vmo, entry);
            freed++;
        }
    return freed;
}

u64 pager_reclaim(u64 wanted)
{
    u64 freed = 0;
    if (!spin_try_lock(&all_lock))
        return 0;
    /* Twice around: the first look takes away the marks of use. */
    for (u32 round = 0; round < 2 && freed < wanted; round++)
        list_for_each (node, &all_pagers) {
            struct vmo *vmo = list_entry(node, struct pager, link)->vmo;
            if (freed >= wanted || !spin_try_lock(&vmo->lock))
                continue;
            freed += reclaim_from(vmo, wanted - freed);
            spin_unlock(&vmo->lock);
        }
    spin_unlock(&all_lock);
    return freed;
}
