/*
 * See mounts.h.  There are few mounts; a look-up compares with each.
 */
#include "mounts.h"

#include <portolan/errors.h>

#include "string.h"

static struct mount *find_exactly(struct mounts *table, const struct path *path)
{
    for (uint32_t i = 0; i < table->used; i++) {
        struct mount *mount = &table->mounts[i];
        if (mount->handle && mount->path.length == path->length &&
            memcmp(mount->path.text, path->text, path->length) == 0)
            return mount;
    }
    return NULL;
}

int mounts_add(struct mounts *table, const struct path *path, handle_t handle, bool node,
               uint64_t *number)
{
    if (find_exactly(table, path))
        return -EBUSY;
    for (uint32_t i = 0; i < NAMES_MOUNTS_MAX; i++) {
        struct mount *mount = &table->mounts[i];
        if (mount->handle)
            continue;
        if (i >= table->used)
            table->used = i + 1;
        mount->handle = handle;
        mount->node = node;
        mount->number = *number = ++table->last_number;
        mount->path = *path;
        return 0;
    }
    return -ENOSPC;
}

static handle_t take_out(struct mount *mount)
{
    if (!mount)
        return HANDLE_NONE;
    handle_t handle = mount->handle;
    mount->handle = HANDLE_NONE;
    return handle;
}

handle_t mounts_remove(struct mounts *table, const struct path *path)
{
    return take_out(find_exactly(table, path));
}

handle_t mounts_remove_number(struct mounts *table, uint64_t number)
{
    for (uint32_t i = 0; i < table->used; i++)
        if (table->mounts[i].handle && table->mounts[i].number == number)
            return take_out(&table->mounts[i]);
    return HANDLE_NONE;
}

const struct mount *mounts_find(const struct mounts *table, const struct path *path, uint32_t *rest)
{
    const struct mount *best = NULL;
    for (uint32_t i = 0; i < table->used; i++) {
        const struct mount *mount = &table->mounts[i];
        if (!mount->handle || (best && mount->path.length < best->path.length))
            continue;
        if (path_is_below(path->text, path->length, mount->path.text, mount->path.length))
            best = mount;
    }
    if (!best)
        return NULL;
    *rest = best->path.length;
    if (*rest && *rest < path->length)
        ++*rest; /* the slash */
    return best;
}

bool mounts_any_below(const struct mounts *table, const struct path *path)
{
    for (uint32_t i = 0; i < table->used; i++) {
        const struct mount *mount = &table->mounts[i];
        if (mount->handle &&
            path_is_below(mount->path.text, mount->path.length, path->text, path->length))
            return true;
    }
    return false;
}

const struct mount *mounts_next(const struct mounts *table, uint64_t after)
{
    const struct mount *next = NULL;
    for (uint32_t i = 0; i < table->used; i++) {
        const struct mount *mount = &table->mounts[i];
        if (mount->handle && mount->number > after && (!next || mount->number < next->number))
            next = mount;
    }
    return next;
}
