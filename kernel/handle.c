/*
 * Handle tables; see handle.h.
 */
#include "handle.h"

#include "page.h"
#include "port.h"
#include "session.h"
#include "task.h"
#include "thread.h"

/* Stands for every leaf that is not there: no handle names an entry of it. */
static struct handle_entry empty_leaf[HANDLE_LEAF_ENTRIES] = {
    [0] = {.send_tag = HANDLE_NO_PORT(0), .receive_tag = HANDLE_NO_PORT(0)}};

static handle_t handle_of_index(u32 index)
{
    return (index >> 7) << 23 | (index & (HANDLE_LEAF_ENTRIES - 1)) << 5;
}

static u32 index_of_handle(handle_t handle)
{
    return (handle >> 23) << 7 | (handle >> 5 & (HANDLE_LEAF_ENTRIES - 1));
}

/* The next generation of a handle; never zero. */
static handle_t next_generation(handle_t handle)
{
    u32 generation = (handle >> 12 & 0x7ff) << 5 | (handle & 0x1f);
    generation = generation == 0xfffe ? 1 : generation + 1;
    return (handle & ~HANDLE_GENERATION_BITS) | (generation >> 5) << 12 | (generation & 0x1f);
}

int handle_table_init(struct handle_table *table, struct budget *budget)
{
    if (!budget_charge(budget, PAGE_SIZE))
        return -ENOMEM;
    u64 page = page_alloc(0, PAGE_KERNEL);
    if (!page) {
        budget_uncharge(budget, PAGE_SIZE);
        return -ENOMEM;
    }
    table->leaves = phys_to_virt(page);
    fill_words(table->leaves, (u64)empty_leaf, HANDLE_LEAVES);
    table->budget = budget;
    table->lock = (struct spinlock){0};
    table->first_free = table->used_leaves = table->count = 0;
    table->closed = false;
    return 0;
}

/* Adds a leaf and threads its entries onto the free list, the lowest index first. */
static bool add_leaf(struct handle_table *table)
{
    u32 leaf = table->used_leaves;
    if (leaf == HANDLE_LEAVES || !budget_charge(table->budget, PAGE_SIZE))
        return false;
    u64 page = page_alloc(0, PAGE_KERNEL);
    if (!page) {
        budget_uncharge(table->budget, PAGE_SIZE);
        return false;
    }
    struct handle_entry *entries = phys_to_virt(page);
    u32 first = leaf * HANDLE_LEAF_ENTRIES;
    for (u32 i = 0; i < HANDLE_LEAF_ENTRIES; i++)
        entries[i] = (struct handle_entry){
            .handle = next_generation(handle_of_index(first + i)),
            .badge = i + 1 < HANDLE_LEAF_ENTRIES ? first + i + 1 : 0,
            .send_tag = HANDLE_NO_PORT(i),
            .receive_tag = HANDLE_NO_PORT(i),
        };
    table->first_free = first ? first : 1; /* 0 ends the list */
    atomic_store(&table->leaves[leaf], entries);
    table->used_leaves++;
    return true;
}

handle_t handle_insert(struct handle_table *table, struct object *object, u32 rights, u64 badge)
{
    spin_lock(&table->lock);
    if (unlikely(table->closed) || (unlikely(!table->first_free) && !add_leaf(table))) {
        spin_unlock(&table->lock);
        return HANDLE_NONE;
    }
    struct handle_entry *entry = handle_slot(table, handle_of_index(table->first_free));
    handle_t handle = entry->handle;
    table->first_free = (u32)entry->badge;
    table->count++;
    entry->object = object;
    entry->badge = badge;
    if (object->type == OBJECT_PORT) {
        if (rights & RIGHT_SEND)
            entry->send_tag = handle;
        if (rights & RIGHT_RECEIVE)
            entry->receive_tag = handle;
    }
    atomic_store(&entry->rights_and_type, rights << 8 | object->type);
    spin_unlock(&table->lock);
    return handle;
}

static bool entry_matches(const struct handle_entry *entry, handle_t handle)
{
    return entry->handle == handle && handle_type(entry) != OBJECT_NONE;
}

/* Frees the slot; the next handle to it has another generation. Lock held. */
static void vacate(struct handle_table *table, struct handle_entry *entry)
{
    if (entry->receive_tag == entry->handle)
        task_forget_handle(container_of(table, struct task, handles), entry->handle);
    u32 index = index_of_handle(entry->handle);
    atomic_store(&entry->rights_and_type, 0);
    entry->send_tag = entry->receive_tag = HANDLE_NO_PORT(index);
    atomic_store(&entry->handle, next_generation(entry->handle));
    entry->object = NULL;
    entry->badge = table->first_free;
    table->first_free = index;
    table->count--;
}

bool handle_take(struct handle_table *table, handle_t handle, struct handle_entry *out)
{
    spin_lock(&table->lock);
    struct handle_entry *entry = handle_slot(table, handle);
    bool there = entry_matches(entry, handle);
    if (there) {
        *out = *entry;
        vacate(table, entry);
    }
    spin_unlock(&table->lock);
    return there;
}

bool handle_reduce(u32 have, u32 want, u32 *rights)
{
    *rights = want == RIGHTS_SAME ? have : want;
    return (*rights & ~have) == 0;
}

static int check_moves(struct handle_table *table, const struct message_handle *list, u32 count,
                       u32 *which)
{
    for (u32 i = 0; i < count; i++) {
        *which = i;
        struct handle_entry *entry = handle_slot(table, list[i].handle);
        u32 rights;
        if (!entry_matches(entry, list[i].handle))
            return -EBADF;
        if (!(handle_rights(entry) & RIGHT_TRANSFER))
            return -EPERM;
        if (!handle_reduce(handle_rights(entry), list[i].rights, &rights))
            return -EINVAL;
        /* A move may not end a port, which waits for messages that are on the move. */
        if (handle_type(entry) == OBJECT_PORT && handle_rights(entry) & ~rights & RIGHT_RECEIVE)
            return -EINVAL;
        for (u32 j = 0; j < i; j++)
            if (list[j].handle == list[i].handle)
                return -EINVAL;
    }
    return 0;
}

int handle_take_moves(struct handle_table *table, const struct message_handle *list, u32 count,
                      struct handle_entry *out, u32 *which)
{
    spin_lock(&table->lock);
    int error = check_moves(table, list, count, which);
    for (u32 i = 0; !error && i < count; i++) {
        struct handle_entry *entry = handle_slot(table, list[i].handle);
        u32 rights;
        out[i] = *entry;
        handle_reduce(handle_rights(entry), list[i].rights, &rights);
        out[i].rights_and_type = rights << 8 | handle_type(entry);
        vacate(table, entry);
    }
    spin_unlock(&table->lock);
    return error;
}

int handle_lookup(struct handle_table *table, handle_t handle, enum object_type type, u32 rights,
                  struct handle_entry *out)
{
    struct handle_entry *entry = handle_slot(table, handle);
    *out = *(volatile struct handle_entry *)entry;
    /* Read the handle again: the entry may have been closed while it was copied. */
    if (!entry_matches(out, handle) || atomic_load(&entry->handle) != handle || !out->object)
        return -EBADF;
    if (type != OBJECT_NONE && handle_type(out) != type)
        return -EBADF;
    return rights & ~handle_rights(out) ? -EPERM : 0;
}

void *handle_object(handle_t handle, enum object_type type, u32 rights, i64 *error)
{
    struct handle_entry *entry = current_slot(handle);
    struct object *object = atomic_load(&entry->object);
    u32 have = atomic_load(&entry->rights_and_type);
    *error = -EBADF;
    /* Read last: a slot that was closed meanwhile has another handle. */
    if ((u8)have != type || atomic_load(&entry->handle) != handle || !object)
        return NULL;
    *error = -EPERM;
    return rights & ~(have >> 8) ? NULL : object;
}

void handle_release(struct task *task, const struct handle_entry *entry)
{
    if (handle_type(entry) == OBJECT_PORT) {
        struct port *port = container_of(entry->object, struct port, object);
        if (badge_is_counted(entry->badge))
            session_remove(port, entry->badge);
        if (handle_rights(entry) & RIGHT_RECEIVE)
            port_receiver_gone(port, task);
    }
    object_put(entry->object);
}

void handle_table_free(struct handle_table *table)
{
    for (u32 i = 0; i < table->used_leaves; i++)
        page_free(virt_to_phys(table->leaves[i]), 0);
    page_free(virt_to_phys(table->leaves), 0);
    budget_uncharge(table->budget, (table->used_leaves + 1) * PAGE_SIZE);
}

bool handle_table_clear(struct handle_table *table, struct task *task, u32 most)
{
    /* Nothing is entered any more. */
    spin_lock(&table->lock);
    table->closed = true;
    spin_unlock(&table->lock);
    for (u32 leaf = 0; leaf < table->used_leaves && table->count; leaf++) {
        for (u32 i = 0; i < HANDLE_LEAF_ENTRIES && table->count; i++) {
            struct handle_entry entry, *slot = &table->leaves[leaf][i];
            if (handle_type(slot) == OBJECT_NONE)
                continue;
            if (most-- == 0)
                return false;
            if (handle_take(table, slot->handle, &entry))
                handle_release(task, &entry);
        }
    }
    return true;
}
