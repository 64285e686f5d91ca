/*
 * A hash table with open addressing; see attach.h.  An entry that goes leaves its badge behind as a
 * mark, so that searches go past it: an entry with neither badge nor number ends them.
 */
#include "attach.h"

#include "syscall.h"

#define MARK UINT64_MAX /* no badge: it would be a counted one with all bits */
#define ENTRIES_MASK (ATTACHMENTS_MAX - 1)

static uint32_t place_of(uint64_t badge, uint64_t number)
{
    uint64_t mixed = ((badge & ~BADGE_COUNTED) * SERVER_ATTACH_MAX + number) * 0x9e3779b97f4a7c15ul;
    return (uint32_t)(mixed >> 54);
}
_Static_assert(ATTACHMENTS_MAX == 1024, "place_of gives ten bits");

struct attachment *attachment_find(struct attachments *table, uint64_t badge, uint64_t number)
{
    uint32_t place = place_of(badge, number);
    badge &= ~BADGE_COUNTED;
    for (uint32_t i = 0; i < ATTACHMENTS_MAX; i++, place++) {
        struct attachment *entry = &table->entries[place & ENTRIES_MASK];
        if (!entry->number && entry->badge != MARK)
            return NULL;
        if (number && entry->number == number && entry->badge == badge && !entry->ended)
            return entry;
    }
    return NULL;
}

static struct attachment *find_free(struct attachments *table, uint64_t badge, uint64_t number)
{
    uint32_t place = place_of(badge, number);
    for (uint32_t i = 0; i < ATTACHMENTS_MAX; i++, place++)
        if (!table->entries[place & ENTRIES_MASK].number)
            return &table->entries[place & ENTRIES_MASK];
    return NULL;
}

int64_t attachment_add(struct attachments *table, uint64_t badge, uint64_t number, handle_t vmo)
{
    struct vmo_information info;
    uint64_t rights, koid;
    if (number == 0 || number > SERVER_ATTACH_MAX)
        return -EINVAL;
    if (attachment_find(table, badge, number))
        return -EEXIST;
    if (table->count == ATTACHMENTS_MAX / 2) /* so that searches stay short */
        return -ENOMEM;
    int64_t error = sys_vmo_info(vmo, &info);
    if (error >= 0)
        error = sys_handle_info(vmo, &rights, &koid);
    if (error < 0)
        return -EINVAL;
    *find_free(table, badge, number) = (struct attachment){.badge = badge & ~BADGE_COUNTED,
                                                           .size = info.size,
                                                           .vmo = vmo,
                                                           .rights = (uint32_t)rights,
                                                           .number = (uint16_t)number};
    table->count++;
    return 0;
}

static void drop(struct attachments *table, struct attachment *entry)
{
    sys_handle_close(entry->vmo);
    *entry = (struct attachment){.badge = MARK};
    /* Nothing is left to go past when all are gone. */
    if (--table->count == 0)
        for (uint32_t i = 0; i < ATTACHMENTS_MAX; i++)
            table->entries[i].badge = 0;
}

int64_t attachment_remove(struct attachments *table, uint64_t badge, uint64_t number)
{
    struct attachment *entry = attachment_find(table, badge, number);
    if (!entry)
        return -ENOENT;
    if (entry->users)
        return -EBUSY;
    drop(table, entry);
    return 0;
}

void attachments_end(struct attachments *table, uint64_t badge)
{
    for (uint32_t i = 0; i < ATTACHMENTS_MAX; i++) {
        struct attachment *entry = &table->entries[i];
        if (!entry->number || entry->badge != badge)
            continue;
        if (entry->users)
            entry->ended = true;
        else
            drop(table, entry);
    }
}

void attachment_release(struct attachments *table, struct attachment *attachment)
{
    if (--attachment->users == 0 && attachment->ended)
        drop(table, attachment);
}
