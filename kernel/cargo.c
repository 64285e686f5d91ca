/*
 * Cargo of messages; see cargo.h.
 */
#include "cargo.h"

#include "page.h"
#include "pin.h"
#include "port.h"
#include "slab.h"
#include "thread.h"
#include "vmo.h"
#include "x86/domain.h"

static struct slab_cache cargo_cache = SLAB_CACHE("cargo", sizeof(struct cargo), 16);

struct cargo *cargo_create(struct budget *budget, bool with_page)
{
    struct cargo *cargo = slab_alloc(&cargo_cache, budget);
    if (!cargo)
        return NULL;
    cargo->budget = budget;
    if (with_page) {
        u64 page = budget_charge(budget, PAGE_SIZE) ? page_alloc(0, PAGE_KERNEL) : 0;
        if (!page) {
            slab_free(&cargo_cache, cargo, budget);
            return NULL;
        }
        cargo->bytes = phys_to_virt(page);
    }
    return cargo;
}

void cargo_free(struct cargo *cargo)
{
    if (cargo->bytes) {
        page_free(virt_to_phys(cargo->bytes), 0);
        budget_uncharge(cargo->budget, PAGE_SIZE);
    }
    slab_free(&cargo_cache, cargo, cargo->budget);
}

void cargo_move(struct cargo *from, struct cargo *to)
{
    if (!from)
        return;
    u8 *bytes = to->bytes;
    struct budget *budget = to->budget;
    *to = *from;
    to->bytes = bytes;
    to->budget = budget;
    from->handle_count = from->loan_count = 0;
    from->pin_count = from->pinned_pages = 0;
    from->domain = NULL;
}

/* ---- Taking, from the current thread ------------------------------------------------------------
 */

/* Whether a range is lent to the device of the port's domain alone, and the receiver's page has
 * room for its addresses. */
static inline bool is_for_device(const struct cargo *cargo, const struct port *port,
                                 const struct message_range *range, const struct span *span)
{
    return unlikely(port->domain) && (range->rights & (RIGHT_PIN | RIGHT_MAP)) == RIGHT_PIN &&
           !((range->offset | range->length) % PAGE_SIZE) && range->length && !span->loan &&
           !range_exceeds(range->offset, range->length, span->size) &&
           range->length / PAGE_SIZE <= MESSAGE_ADDRESSES_MAX - cargo->pinned_pages;
}

static int lend_pinned(struct cargo *cargo, u32 i, const struct message_range *range,
                       const struct span *span)
{
    int error =
        pin_lend(span, range->offset, range->length, range->rights & (RIGHT_READ | RIGHT_WRITE),
                 cargo->budget, &cargo->pins[i]);
    if (!error) {
        cargo->pin_count++;
        cargo->pinned_pages += (u32)(range->length / PAGE_SIZE);
    }
    return error;
}

int cargo_take_loans(struct cargo *cargo, struct port *port, u32 flags, u32 *which)
{
    struct thread *self = current_thread();
    for (u32 i = 0; i < MESSAGE_FLAG_RANGES(flags); i++) {
        /* Copied once: the page is the task's to change at any moment. */
        struct message_range range =
            *(volatile struct message_range *)&self->message_tail->ranges[i];
        struct span span;
        *which = i;
        int error = -EINVAL;
        if (!(range.rights & ~(RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_PIN)) &&
            (range.rights & (RIGHT_READ | RIGHT_WRITE)))
            error = span_lookup(range.vmo, range.rights & ~RIGHT_PIN, &span);
        if (!error && (range.rights & ~span.rights))
            error = -EPERM;
        cargo->pins[i] = NULL;
        if (!error && is_for_device(cargo, port, &range, &span))
            error = lend_pinned(cargo, i, &range, &span);
        else if (!error)
            error = loan_create(&span, range.offset, range.length, range.rights, self->budget,
                                &cargo->loans[i]);
        if (error) {
            cargo_drop_loans(cargo, NULL);
            return error;
        }
        cargo->loan_rights[i] = range.rights;
        cargo->loan_lengths[i] = range.length;
        cargo->loan_count = i + 1;
    }
    return 0;
}

int cargo_take_handles(struct cargo *cargo, u32 flags, u32 *which)
{
    struct thread *self = current_thread();
    struct message_handle list[MESSAGE_HANDLES_MAX];
    struct handle_entry entries[MESSAGE_HANDLES_MAX];
    u32 count = MESSAGE_FLAG_HANDLES(flags);
    memcpy(list, self->message_tail->handles, count * sizeof(list[0]));
    int error = handle_take_moves(&self->task->handles, list, count, entries, which);
    if (error)
        return error;
    for (u32 i = 0; i < count; i++) {
        cargo->handle_objects[i] = entries[i].object;
        cargo->handle_badges[i] = entries[i].badge;
        cargo->handle_rights[i] = entries[i].rights_and_type;
    }
    cargo->handle_count = count;
    return 0;
}

/* ---- Giving -------------------------------------------------------------------------------------
 */

static void take_back(struct task *task, handle_t handle)
{
    struct handle_entry entry;
    if (handle_take(&task->handles, handle, &entry))
        object_put(entry.object);
}

/* Undoes what cargo_give_loans has done for the first `count` ranges. */
static rarely void take_loans_back(struct cargo *cargo, struct thread *from, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (cargo->pins[i])
            pin_recall(cargo->pins[i], cargo->domain);
        else
            take_back(from->task, cargo->loan_handles[i]);
    }
}

/* The pins' domain becomes the port's. */
static inline int enter_domain(struct cargo *cargo, struct port *port)
{
    if (!port->domain)
        return -EINVAL; /* message_forward has seen that it has one: it never loses it */
    if (cargo->domain)
        object_put(&cargo->domain->object);
    cargo->domain = port->domain;
    object_get(&cargo->domain->object);
    return 0;
}

int cargo_give_loans(struct cargo *cargo, struct port *port, struct thread *to)
{
    u64 pages = 0;
    int error = unlikely(cargo->pin_count) ? enter_domain(cargo, port) : 0;
    if (unlikely(error))
        return error;
    for (u32 i = 0; i < cargo->loan_count; i++) {
        struct message_range *range = &to->message_tail->ranges[i];
        if (cargo->pins[i]) {
            u64 id;
            error = pin_deliver(cargo->pins[i], cargo->domain, &to->message_tail->addresses[pages],
                                &id);
            if (unlikely(error)) {
                take_loans_back(cargo, to, i);
                return error;
            }
            pages += cargo->loan_lengths[i] / PAGE_SIZE;
            *range = (struct message_range){HANDLE_NONE, cargo->loan_rights[i], id,
                                            cargo->loan_lengths[i]};
            continue;
        }
        struct object *object = loan_object(cargo->loans[i]);
        object_get(object);
        handle_t handle = handle_insert(&to->task->handles, object, cargo->loan_rights[i], 0);
        if (!handle) {
            object_put(object);
            take_loans_back(cargo, to, i);
            return -EMFILE;
        }
        cargo->loan_handles[i] = handle;
        *range = (struct message_range){handle, cargo->loan_rights[i], 0, cargo->loan_lengths[i]};
    }
    return 0;
}

int cargo_give_handles(struct cargo *cargo, struct thread *to)
{
    handle_t given[MESSAGE_HANDLES_MAX];
    for (u32 i = 0; i < cargo->handle_count; i++) {
        given[i] = handle_insert(&to->task->handles, cargo->handle_objects[i],
                                 cargo->handle_rights[i] >> 8, cargo->handle_badges[i]);
        if (!given[i]) {
            struct handle_entry entry;
            while (i--)
                handle_take(&to->task->handles, given[i], &entry);
            return -EMFILE;
        }
        to->message_tail->handles[i] = (struct message_handle){
            given[i], cargo->handle_rights[i] >> 8, (u8)cargo->handle_rights[i]};
    }
    cargo->handle_count = 0;
    return 0;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

void cargo_recall_loans(struct cargo *cargo, struct task *holder)
{
    for (u32 i = 0; i < cargo->loan_count; i++) {
        struct handle_entry entry;
        if (cargo->pins[i]) {
            if (cargo->domain)
                pin_recall(cargo->pins[i], cargo->domain);
            continue;
        }
        if (holder && handle_take(&holder->handles, cargo->loan_handles[i], &entry))
            handle_release(holder, &entry);
        if (cargo->loan_handles[i])
            loan_recall(cargo->loans[i]);
        cargo->loan_handles[i] = HANDLE_NONE;
    }
}

/* The pins go, and so does what the cargo knows of a domain. */
static inline void end_pins(struct cargo *cargo)
{
    for (u32 i = 0; i < cargo->loan_count; i++)
        if (cargo->pins[i])
            pin_end(cargo->pins[i], cargo->domain);
    if (cargo->domain)
        object_put(&cargo->domain->object);
    cargo->domain = NULL;
    cargo->pinned_pages = 0;
}

static void drop_loan(struct cargo *cargo, u32 i, struct task *holder)
{
    struct handle_entry entry;
    if (holder && handle_take(&holder->handles, cargo->loan_handles[i], &entry))
        handle_release(holder, &entry);
    cargo->loan_handles[i] = HANDLE_NONE;
    loan_revoke(cargo->loans[i]);
    object_put(loan_object(cargo->loans[i]));
}

void cargo_drop_loans(struct cargo *cargo, struct task *holder)
{
    for (u32 i = 0; cargo->pin_count < cargo->loan_count && i < cargo->loan_count; i++)
        if (!cargo->pins[i])
            drop_loan(cargo, i, holder);
    if (cargo->pin_count)
        end_pins(cargo);
    cargo->loan_count = 0;
    cargo->pin_count = 0;
}

void cargo_leave_pins(struct cargo *cargo)
{
    if (!cargo->domain)
        return;
    for (u32 i = 0; i < cargo->loan_count; i++) {
        if (!cargo->pins[i])
            continue;
        pin_leave(cargo->pins[i], cargo->domain);
        /* The last takes its place: nothing is left of it here. */
        u32 last = --cargo->loan_count;
        cargo->pins[i] = cargo->pins[last];
        cargo->loans[i] = cargo->loans[last];
        cargo->loan_handles[i] = cargo->loan_handles[last];
        cargo->pin_count--;
        i--;
    }
    object_put(&cargo->domain->object);
    cargo->domain = NULL;
    cargo->pinned_pages = 0;
}

void cargo_drop_handles(struct cargo *cargo, struct task *task)
{
    for (u32 i = 0; i < cargo->handle_count; i++) {
        struct handle_entry entry = {.object = cargo->handle_objects[i],
                                     .badge = cargo->handle_badges[i],
                                     .rights_and_type = cargo->handle_rights[i]};
        handle_release(task, &entry);
    }
    cargo->handle_count = 0;
}
