/*
 * Pagers; see pager.h and the rules in DESIGN §3.2.
 *
 * A page of a paged object is absent, LOADING, clean, DIRTY, being written back (WRITEBACK), or
 * both of these: written to again meanwhile.  Clean and WRITEBACK pages are mapped read-only, so
 * that the first write is noticed; it takes a page of the room for dirty ones that the pager has
 * lent.
 *
 * A request is a kernel message for some pages, or for room.  It is answered by supplying those
 * pages, failing them, or adding room; until then whoever needs one waits on the object.  There are
 * few: who finds none free waits for that too.  A request that is not answered in time fails.  A
 * pager that dies leaves them open: a successor gets them again, without one they fail after a
 * grace period.
 *
 * All under the object's lock, but for the list of all paged objects (see reclaim).
 */
#include "pager.h"

#include "port.h"
#include "slab.h"
#include "thread.h"

#define REQUESTS 6u       /* for pages; two pagers fit a slab */
#define REQUEST_PAGES 64u /* asked for at once, at most */
#define PIECE 64u
#define QUERY_PIECE 512u
#define TICK_NS 500000000ull /* how often open requests are looked at */

struct request {
    struct envelope envelope;
    u64 first, pages;
    u64 since; /* when it was asked */
    bool open; /* some of its pages are REQUESTED still; else it is free */
};

struct pager {
    struct port *port; /* a reference */
    u64 key, dirty_room;
    struct request requests[REQUESTS + 1]; /* the last asks for room */
    struct timer timer;                    /* runs while requests are open */
    bool ticking;
    bool starved;     /* someone waits for a free request */
    u64 orphaned;     /* when its port was found dead; 0: alive */
    u64 expected_end; /* pages up to here will be wanted next */
    u64 takeover;     /* how far a successor has come; see pager_replace */
    u64 clock;        /* where the reclaimer looks next */
    struct vmo *vmo;
    struct list link;      /* in all_pagers */
    struct budget *budget; /* a reference: the object may go first */
    struct quiesce_node quiesce;
};

static struct slab_cache pager_cache = SLAB_CACHE("pager", sizeof(struct pager), 16);
_Static_assert(sizeof(struct pager) <= 2016, "two to a slab");

/* All pagers, in the order the reclaimer goes through them. */
static struct list all_pagers = {&all_pagers, &all_pagers};
static struct spinlock all_lock; /* level 7 */

/* ---- Requests -------------------------------------------------------------------------------- */

static void tick(struct timer *timer);

/* Locks a paged object that may be dying. False, and not locked: it has no pager any more. */
static bool lock_paged(struct vmo *vmo)
{
    spin_lock(&vmo->lock);
    if (likely(vmo->pager))
        return true;
    spin_unlock(&vmo->lock);
    return false;
}

static struct request *room_request(struct pager *pager)
{
    return &pager->requests[REQUESTS];
}

/* Tells the pager; one that is dead will not hear. */
static void post(struct pager *pager, struct request *request)
{
    request->envelope.head.cookie = pager->key;
    request->since = clock_now();
    if (!port_post(pager->port, &request->envelope) && !pager->orphaned)
        pager->orphaned = request->since;
    if (!pager->ticking) {
        pager->ticking = true;
        timer_set(&pager->timer, request->since + TICK_NS);
    }
}

static void start(struct pager *pager, struct request *request, enum kernel_op op, u64 first,
                  u64 pages)
{
    request->first = first;
    request->pages = pages;
    request->open = true;
    request->envelope.head =
        (struct message){.op = op, .offset = first * PAGE_SIZE, .length = pages * PAGE_SIZE};
    post(pager, request);
}

static void finish(struct vmo *vmo, struct request *request)
{
    request->open = false;
    port_unpost(&request->envelope);
    if (vmo->pager->starved) {
        vmo->pager->starved = false;
        wait_queue_wake(&vmo->waiters, 0, UINT64_MAX, 0);
    }
}

/* Finishes the requests none of whose pages is REQUESTED any more. */
static void settle(struct vmo *vmo)
{
    for (u32 i = 0; i < REQUESTS; i++) {
        struct request *request = &vmo->pager->requests[i];
        u64 index = request->first, end = index + request->pages, *entry;
        if (!request->open)
            continue;
        while ((entry = pagetree_next(&vmo->pages, &index, end)) && !(*entry & ENTRY_REQUESTED))
            index++;
        if (!entry)
            finish(vmo, request);
    }
}

/* Ends a request without an answer; status is what those that wait get. */
static void give_up(struct vmo *vmo, struct request *request, int status)
{
    u64 index = request->first, last = index + request->pages - 1, *entry;
    if (request != room_request(vmo->pager))
        for (; (entry = pagetree_next(&vmo->pages, &index, last + 1)); index++)
            *entry &= ~(u64)ENTRY_REQUESTED;
    finish(vmo, request);
    wait_queue_wake(&vmo->waiters, request->first, last, status);
}

/* Looks at the requests of a locked object that have been open for long; true if there are others.
 */
static bool check_requests(struct vmo *vmo, u64 now)
{
    struct pager *pager = vmo->pager;
    bool open = false;
    settle(vmo);
    if (atomic_load(&pager->port->dead) && !pager->orphaned)
        pager->orphaned = now;
    for (u32 i = 0; i <= REQUESTS; i++) {
        struct request *request = &pager->requests[i];
        if (!request->open)
            continue;
        if (pager->orphaned && now - pager->orphaned >= PAGER_GRACE_NS)
            give_up(vmo, request, -EIO);
        else if (!pager->orphaned && now - request->since >= PAGER_DEADLINE_NS)
            give_up(vmo, request, -ETIMEDOUT);
        open |= request->open;
    }
    return open;
}

static void tick(struct timer *timer)
{
    struct pager *pager = container_of(timer, struct pager, timer);
    struct vmo *vmo = pager->vmo;
    spin_lock(&vmo->lock);
    if (vmo->pager == pager) {
        u64 now = clock_now();
        pager->ticking = check_requests(vmo, now);
        if (pager->ticking)
            timer_set(&pager->timer, now + TICK_NS);
    }
    spin_unlock(&vmo->lock);
}

/* ---- Making and ending
 * ----------------------------------------------------------------------------- */

struct vmo *pager_create(struct port *port, u64 size, u64 key, u64 dirty_room,
                         struct budget *budget)
{
    struct vmo *vmo = vmo_create(VMO_PAGED, size, budget);
    struct pager *pager = vmo ? slab_alloc(&pager_cache, budget) : NULL;
    if (!pager || !object_get_live(port_object(port)))
        goto fail;
    pager->port = port;
    pager->key = key;
    pager->dirty_room = dirty_room;
    pager->vmo = vmo;
    pager->budget = budget;
    budget_get(budget);
    pager->timer.fire = tick;
    for (u32 i = 0; i <= REQUESTS; i++)
        envelope_init_kernel(&pager->requests[i].envelope);
    vmo->pager = pager;
    spin_lock(&all_lock);
    list_append(&all_pagers, &pager->link);
    spin_unlock(&all_lock);
    return vmo;
fail:
    if (pager)
        slab_free(&pager_cache, pager, budget);
    if (vmo)
        object_put(&vmo->object);
    return NULL;
}

static void pager_free(struct quiesce_node *node)
{
    struct pager *pager = container_of(node, struct pager, quiesce);
    struct budget *budget = pager->budget;
    slab_free(&pager_cache, pager, budget);
    budget_put(budget);
}

void pager_destroy(struct vmo *vmo)
{
    struct pager *pager = vmo->pager;
    spin_lock(&all_lock);
    list_remove(&pager->link);
    spin_unlock(&all_lock);
    spin_lock(&vmo->lock);
    for (u32 i = 0; i <= REQUESTS; i++)
        if (pager->requests[i].open)
            give_up(vmo, &pager->requests[i], -EIO);
    wait_queue_wake(&vmo->waiters, 0, UINT64_MAX, -EIO);
    /* A tick that is on its way finds that it is not wanted. */
    vmo->pager = NULL;
    spin_unlock(&vmo->lock);
    timer_cancel(&pager->timer);
    object_put(port_object(pager->port));
    quiesce_free(&pager->quiesce, pager_free);
}

/* ---- What faults, copies and loans ask for
 * ----------------------------------------------------------- */

/* How the wait for a page that the current thread has behind it ended. */
static int wait_result(u64 index)
{
    int status = wait_status_take();
    return current_thread()->park_key == index ? status : 0;
}

static bool grace_is_over(const struct pager *pager)
{
    return pager->orphaned && clock_now() - pager->orphaned >= PAGER_GRACE_NS;
}

void pager_expect(struct vmo *vmo, u64 end)
{
    vmo->pager->expected_end = end;
}

/* Asks for the absent pages from index on that are expected to be wanted; false: no request is
 * free. */
static bool ask(struct vmo *vmo, u64 index, u64 *entry)
{
    struct pager *pager = vmo->pager;
    u64 end = min(pager->expected_end, index + REQUEST_PAGES), pages = 0;
    struct request *request = pager->requests;
    while (request->open && request < room_request(pager))
        request++;
    if (request == room_request(pager))
        return false;
    do {
        *entry |= ENTRY_REQUESTED;
        pages++;
        entry = index + pages < end ? pagetree_slot(&vmo->pages, index + pages, true) : NULL;
    } while (entry && !*entry);
    start(pager, request, KERNEL_PAGE_READ, index, pages);
    return true;
}

static int wait_for_page(struct vmo *vmo, u64 index, u64 *entry)
{
    struct pager *pager = vmo->pager;
    int status = wait_result(index);
    if (status)
        return status;
    if (grace_is_over(pager))
        return -EIO;
    if (!(*entry & ENTRY_REQUESTED) && !ask(vmo, index, entry))
        pager->starved = true;
    wait_queue_park(&vmo->waiters, index);
    return -PARKED;
}

static int make_dirty(struct vmo *vmo, u64 index, u64 *entry)
{
    struct pager *pager = vmo->pager;
    if (likely(pager->dirty_room)) {
        pager->dirty_room--;
        *entry |= ENTRY_DIRTY;
        return 0;
    }
    int status = wait_result(index);
    if (status)
        return status;
    if (grace_is_over(pager))
        return -EIO;
    if (!room_request(pager)->open)
        start(pager, room_request(pager), KERNEL_PAGE_DIRTY, index, 1);
    wait_queue_park(&vmo->waiters, index);
    return -PARKED;
}

int pager_page(struct vmo *vmo, u64 index, bool write, u64 *entry)
{
    if (unlikely(!entry_page(*entry) || (*entry & ENTRY_LOADING))) {
        /* Who has said what comes next says so each time; a fault wants this page only. */
        if (vmo->pager->expected_end <= index)
            vmo->pager->expected_end = index + 1;
        int error = wait_for_page(vmo, index, entry);
        vmo->pager->expected_end = 0;
        return error;
    }
    *entry |= ENTRY_USED;
    return write && !(*entry & ENTRY_DIRTY) ? make_dirty(vmo, index, entry) : 0;
}

/* ---- Supplying
 * --------------------------------------------------------------------------------------- */

/*
 * A page of an anonymous object that nobody else holds, taken out of it, or a copy; charged to
 * nobody. 0, -ENOMEM, or as vmo_page.  Source locked.
 */
static int take_page(struct vmo *source, u64 index, u64 *physical)
{
    u64 *entry;
    int error = vmo_page(source, index, false, &entry, physical);
    if (error)
        return error;
    struct page *page = phys_to_page(*physical);
    if (atomic_load(&page->references) == 1 && !atomic_load(&page->pins) && !source->closed) {
        atomic_add(&page->references, 1);
        vmo_drop_page(source, index, entry);
        return 0;
    }
    u64 copy = page_alloc(0, PAGE_USER);
    if (!copy)
        return -ENOMEM;
    memcpy(phys_to_virt(copy), phys_to_virt(*physical), PAGE_SIZE);
    *physical = copy;
    return 0;
}

/* Supplies one page, unless it is there. Both locked. */
static int supply_page(struct vmo *vmo, u64 index, struct vmo *source, u64 source_index)
{
    u64 physical,
        *entry = index < vmo->size / PAGE_SIZE ? pagetree_slot(&vmo->pages, index, true) : NULL;
    if (!entry)
        return index < vmo->size / PAGE_SIZE ? -ENOMEM : 0;
    bool loading = *entry & ENTRY_LOADING;
    if (entry_page(*entry) && !loading)
        return 0;
    /* Where both are charged to one budget that is full, there is room once the page has been
     * taken. */
    bool charged = !loading && vmo_charge_page(vmo);
    if (!loading && !charged && vmo->budget != source->budget)
        return -ENOMEM;
    int error = take_page(source, source_index, &physical);
    if (!error && !loading && !charged && !vmo_charge_page(vmo)) {
        vmo_release_page(physical);
        error = -ENOMEM;
    }
    if (error) {
        if (charged)
            vmo_uncharge_page(vmo);
        return error;
    }
    if (loading) {
        memcpy(phys_to_virt(entry_page(*entry)), phys_to_virt(physical), PAGE_SIZE);
        vmo_release_page(physical);
        *entry &= ~(u64)ENTRY_LOADING;
    } else {
        *entry |= physical;
        vmo->resident++;
    }
    *entry &= ~(u64)ENTRY_REQUESTED;
    return 0;
}

/* One page, both objects unlocked. */
static int supply_one(struct vmo *vmo, u64 index, struct vmo *source, u64 source_index)
{
    u64 *entry, physical;
    spin_lock(&source->lock);
    /* A clone has its pages from its origin, which may be this object: not with that locked. */
    int error = vmo_page(source, source_index, false, &entry, &physical);
    if (!error) {
        error = -EBADF;
        if (likely(lock_paged(vmo))) {
            error = supply_page(vmo, index, source, source_index);
            spin_unlock(&vmo->lock);
        }
    }
    spin_unlock(&source->lock);
    return error;
}

/* Pages [first, end) have been answered: whoever waits for them goes on. Locked; unlocks. */
static void answered(struct vmo *vmo, u64 first, u64 end, int status)
{
    settle(vmo);
    if (first < end)
        wait_queue_wake(&vmo->waiters, first, end - 1, status);
    spin_unlock(&vmo->lock);
}

i64 pager_supply(struct vmo *vmo, u64 first, u64 pages, struct vmo *source, u64 source_first,
                 u64 *done)
{
    int error = 0;
    *done = 0;
    if (!pages)
        return 0;
    pages = min(pages, PIECE);
    /* At once, rather than each page as it is taken. */
    spin_lock(&source->lock);
    vmo_unmap_pages(source, source_first, source_first + pages - 1, false);
    spin_unlock(&source->lock);
    for (*done = 0; !error && *done < pages; *done += !error)
        error = supply_one(vmo, first + *done, source, source_first + *done);
    if (*done && lock_paged(vmo))
        answered(vmo, first, first + *done, 0);
    return error;
}

i64 pager_declare_loaded(struct vmo *vmo, u64 first, u64 pages, u64 *done)
{
    u64 index = first, *entry, end = first + min(pages, QUERY_PIECE);
    *done = end - first;
    if (!lock_paged(vmo))
        return -EBADF;
    for (; (entry = pagetree_next(&vmo->pages, &index, end)); index++)
        if (*entry & ENTRY_LOADING)
            *entry &= ~(u64)(ENTRY_LOADING | ENTRY_REQUESTED);
    answered(vmo, first, end, 0);
    return 0;
}

i64 pager_fail(struct vmo *vmo, u64 first, u64 pages, int error, u64 *done)
{
    u64 index = first, *entry, end = first + min(pages, QUERY_PIECE);
    *done = end - first;
    if (!lock_paged(vmo))
        return -EBADF;
    struct request *room = room_request(vmo->pager);
    for (; (entry = pagetree_next(&vmo->pages, &index, end)); index++) {
        *entry &= ~(u64)ENTRY_REQUESTED;
        /* What was being loaded is not to be seen; what a device may still write stays till then.
         */
        if ((*entry & ENTRY_LOADING) && !atomic_load(&phys_to_page(entry_page(*entry))->pins))
            vmo_drop_page(vmo, index, entry);
    }
    if (room->open && room->first >= first && room->first < end)
        finish(vmo, room);
    answered(vmo, first, end, -error);
    return 0;
}

/* ---- Dirty pages
 * ---------------------------------------------------------------------------------------- */

u64 pager_dirty_query(struct vmo *vmo, u64 first, u64 pages, struct vmo_dirty_range *out, u32 room,
                      u64 *done)
{
    /* The last range is kept here: what lies in the caller's page is not read back. */
    struct vmo_dirty_range range = {0, 0};
    u64 count = 0, index = first, end = first + pages, *entry = NULL;
    *done = pages;
    if (!lock_paged(vmo))
        return 0;
    for (u32 left = QUERY_PIECE; left && (entry = pagetree_next(&vmo->pages, &index, end));
         left--, index++) {
        if (!(*entry & ENTRY_DIRTY))
            continue;
        u64 offset = index * PAGE_SIZE;
        if (!count || range.offset + range.length != offset) {
            if (count == room)
                break;
            range = (struct vmo_dirty_range){offset, 0};
            count++;
        }
        range.length += PAGE_SIZE;
        out[count - 1] = range;
    }
    spin_unlock(&vmo->lock);
    *done = (entry ? index : end) - first;
    return count;
}

/*
 * A page that is pinned may be written to without a fault: it stays DIRTY as well, and is written
 * again. Pins for the writing-back itself come later.
 */
i64 pager_writeback_begin(struct vmo *vmo, u64 first, u64 pages, u64 *done)
{
    u64 index = first, *entry, end = first + min(pages, PIECE);
    *done = end - first;
    if (!lock_paged(vmo))
        return -EBADF;
    for (; (entry = pagetree_next(&vmo->pages, &index, end)); index++) {
        if (!(*entry & ENTRY_DIRTY))
            continue;
        *entry |= ENTRY_WRITEBACK;
        if (!atomic_load(&phys_to_page(entry_page(*entry))->pins))
            *entry &= ~(u64)ENTRY_DIRTY;
    }
    if (first < end)
        vmo_unmap_pages(vmo, first, end - 1, true);
    spin_unlock(&vmo->lock);
    return 0;
}

i64 pager_writeback_end(struct vmo *vmo, u64 first, u64 pages, u64 *done)
{
    u64 index = first, *entry, end = first + min(pages, QUERY_PIECE);
    *done = end - first;
    if (!lock_paged(vmo))
        return -EBADF;
    for (; (entry = pagetree_next(&vmo->pages, &index, end)); index++)
        *entry &= ~(u64)ENTRY_WRITEBACK;
    spin_unlock(&vmo->lock);
    return 0;
}

void pager_add_room(struct vmo *vmo, u64 pages)
{
    if (!lock_paged(vmo))
        return;
    struct pager *pager = vmo->pager;
    if (__builtin_add_overflow(pager->dirty_room, pages, &pager->dirty_room))
        pager->dirty_room = UINT64_MAX;
    if (pages && room_request(pager)->open)
        finish(vmo, room_request(pager));
    if (pages)
        wait_queue_wake(&vmo->waiters, 0, UINT64_MAX, 0);
    spin_unlock(&vmo->lock);
}

/* ---- Succession
 * ---------------------------------------------------------------------------------------- */

/* What the old pager had begun is undone in pieces: pages it was writing are dirty again, pages it
 * was loading are absent, unless its device may still write to them. True when all are. Object
 * locked. */
static bool undo_piece(struct vmo *vmo)
{
    u64 *index = &vmo->pager->takeover, *entry;
    for (u32 left = QUERY_PIECE; (entry = pagetree_next(&vmo->pages, index, UINT64_MAX)) && left;
         left--, ++*index) {
        if (*entry & ENTRY_WRITEBACK)
            *entry = (*entry & ~(u64)ENTRY_WRITEBACK) | ENTRY_DIRTY;
        if ((*entry & ENTRY_LOADING) && !atomic_load(&phys_to_page(entry_page(*entry))->pins)) {
            u64 requested = *entry & ENTRY_REQUESTED;
            *entry &= ~(u64)ENTRY_REQUESTED;
            vmo_drop_page(vmo, *index, entry);
            *entry = requested;
        }
    }
    return !entry;
}

i64 pager_replace(struct vmo *vmo, struct port *port, u64 key)
{
    if (!object_get_live(port_object(port)))
        return -EBADF;
    if (!lock_paged(vmo)) {
        object_put(port_object(port));
        return -EBADF;
    }
    struct pager *pager = vmo->pager;
    struct port *old = port;
    bool done = undo_piece(vmo);
    if (done) {
        old = pager->port;
        pager->takeover = 0;
        pager->orphaned = 0;
        for (u32 i = 0; i <= REQUESTS; i++)
            port_unpost(&pager->requests[i].envelope);
        pager->port = port;
        pager->key = key;
        for (u32 i = 0; i <= REQUESTS; i++)
            if (pager->requests[i].open)
                post(pager, &pager->requests[i]);
    }
    spin_unlock(&vmo->lock);
    object_put(port_object(old));
    return done ? 0 : -RESTART;
}

/* ---- Reclaim
 * --------------------------------------------------------------------------------------------- */

/*
 * Called when memory is short, under whatever locks: so all locks here are tried, and what is
 * locked is passed over.  A page that was used since the last look gets a second chance, and is
 * unmapped, so that its next use is seen; but not if so many were used that looking on would take
 * too long.
 */

enum { CLOCK_STEPS = 1024, RUTHLESS_STEPS = 512, ATTEMPTS = 8, OWN_BATCH = 16, RECOVER_BATCH = 64 };

/* Object locked. */
static bool may_go(struct vmo *vmo, u64 index, u64 *entry, bool ruthless)
{
    if (!entry_page(*entry) || (*entry & (ENTRY_DIRTY | ENTRY_WRITEBACK | ENTRY_LOADING)))
        return false;
    struct page *page = phys_to_page(entry_page(*entry));
    if (atomic_load(&page->pins) || atomic_load(&page->references) != 1)
        return false;
    if (ruthless || !(*entry & ENTRY_USED))
        return true;
    *entry &= ~(u64)ENTRY_USED;
    vmo_unmap_pages(vmo, index, index, false);
    return false;
}

/* Goes on from where the object's clock stands; stops at its end. */
static u64 reclaim_from(struct vmo *vmo, u64 wanted, u32 *steps)
{
    u64 freed = 0, *index = &vmo->pager->clock, *entry = NULL;
    while (freed < wanted && *steps && (entry = pagetree_next(&vmo->pages, index, UINT64_MAX))) {
        --*steps;
        if (may_go(vmo, *index, entry, *steps < RUTHLESS_STEPS)) {
            vmo_drop_page(vmo, *index, entry);
            freed++;
        }
        ++*index;
    }
    if (!entry)
        *index = 0;
    return freed;
}

u64 pager_reclaim_own(struct vmo *vmo)
{
    u32 steps = CLOCK_STEPS;
    u64 freed = reclaim_from(vmo, OWN_BATCH, &steps);
    return freed ? freed : reclaim_from(vmo, OWN_BATCH, &steps);
}

/* Once around; without `wait`, what is locked is passed over, and *busy set. List locked. */
static u64 reclaim_round(u64 wanted, const struct budget *budget, bool wait, bool *busy)
{
    u64 freed = 0;
    u32 steps = CLOCK_STEPS;
    /* Often enough around for each page to lose its mark and go. */
    struct list *last = all_pagers.previous;
    for (u32 rounds = 0; rounds < 3 && freed < wanted && steps; steps -= steps != 0) {
        struct list *node = all_pagers.next;
        struct vmo *vmo = list_entry(node, struct pager, link)->vmo;
        rounds += node == last;
        list_remove(node);
        list_append(&all_pagers, node);
        if (budget && vmo->budget != budget)
            continue;
        if (wait) {
            spin_lock(&vmo->lock);
        } else if (!spin_try_lock(&vmo->lock)) {
            *busy = true;
            continue;
        }
        if (vmo->pager)
            freed += reclaim_from(vmo, wanted - freed, &steps);
        spin_unlock(&vmo->lock);
    }
    return freed;
}

u64 pager_reclaim(u64 wanted, const struct budget *budget)
{
    u64 freed = 0;
    if (list_empty(&all_pagers))
        return 0;
    /* What is locked may be so by this CPU, or by one that waits for it; or it will be free soon.
     */
    for (u32 attempt = 0; attempt < ATTEMPTS && !freed; attempt++) {
        bool busy = !spin_try_lock(&all_lock);
        if (!busy) {
            freed = reclaim_round(wanted, budget, false, &busy);
            spin_unlock(&all_lock);
        }
        if (!busy)
            break;
        for (u32 i = 0; i < 32 && !freed; i++)
            cpu_relax_poll();
    }
    return freed;
}

bool pager_recover(const struct budget *budget)
{
    bool busy = false;
    u64 freed = 0;
    if (list_empty(&all_pagers))
        return false;
    /* Before any object's here, unlike in the reclaimer proper, which does not wait for those. */
    spin_lock(&all_lock);
    if (page_free_count() < RECOVER_BATCH)
        budget = NULL; /* it is the machine that is short */
    freed = reclaim_round(RECOVER_BATCH, budget, true, &busy);
    spin_unlock(&all_lock);
    return freed;
}
