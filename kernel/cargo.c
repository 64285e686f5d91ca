/*
 * Cargo of messages; see cargo.h.
 */
#include "cargo.h"

#include "page.h"
#include "slab.h"
#include "thread.h"
#include "vmo.h"

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
}

/* ---- Taking, from the current thread ------------------------------------------------------------
 */

int cargo_take_loans(struct cargo *cargo, u32 flags, u32 *which)
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
        if (!error)
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

int cargo_give_loans(struct cargo *cargo, struct thread *to)
{
    for (u32 i = 0; i < cargo->loan_count; i++) {
        struct object *object = loan_object(cargo->loans[i]);
        object_get(object);
        handle_t handle = handle_insert(&to->task->handles, object, cargo->loan_rights[i], 0);
        if (!handle) {
            object_put(object);
            while (i--)
                take_back(to->task, cargo->loan_handles[i]);
            return -EMFILE;
        }
        cargo->loan_handles[i] = handle;
        to->message_tail->ranges[i] =
            (struct message_range){handle, cargo->loan_rights[i], 0, cargo->loan_lengths[i]};
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
        if (holder && handle_take(&holder->handles, cargo->loan_handles[i], &entry))
            handle_release(holder, &entry);
        if (cargo->loan_handles[i])
            loan_recall(cargo->loans[i]);
        cargo->loan_handles[i] = HANDLE_NONE;
    }
}

void cargo_drop_loans(struct cargo *cargo, struct task *holder)
{
    cargo_recall_loans(cargo, holder);
    for (u32 i = 0; i < cargo->loan_count; i++) {
        loan_revoke(cargo->loans[i]);
        object_put(loan_object(cargo->loans[i]));
    }
    cargo->loan_count = 0;
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
