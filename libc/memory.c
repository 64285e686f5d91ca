/*
 * Mapping fresh memory and keeping account of it; see memory.h.
 */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>

#include "lock.h"
#include "process.h"
#include "process_call.h"
#include "syscall.h"

static struct __lock_word regions_lock;
static struct memory_region *regions;

void __libc_memory_enter(struct memory_region *region)
{
    __libc_lock(&regions_lock);
    region->previous = NULL;
    region->next = regions;
    if (regions)
        regions->previous = region;
    regions = region;
    __libc_unlock(&regions_lock);
}

static void leave(struct memory_region *region)
{
    __libc_lock(&regions_lock);
    if (region->next)
        region->next->previous = region->previous;
    if (region->previous)
        region->previous->next = region->next;
    else
        regions = region->next;
    __libc_unlock(&regions_lock);
}

/* What has been refused for want of memory may be asked for again, if the process gets some. */
static bool grown(int64_t result)
{
    return result == -ENOMEM && __libc_process_grow(PROCESS_GROW_STEP);
}

int __libc_memory_map(struct memory_region *region, size_t length, uintptr_t hint, uint32_t flags)
{
    int64_t vmo;
    do
        vmo = sys_vmo_create(VMO_ANONYMOUS, length, 0, 0);
    while (grown(vmo));
    if (vmo < 0)
        return vmo == -EMFILE ? EAGAIN : ENOMEM;
    int64_t address =
        sys_map(HANDLE_NONE, (handle_t)vmo, 0, length, hint, KERNEL_MAP_READ | KERNEL_MAP_WRITE);
    if (address < 0) {
        sys_handle_close((handle_t)vmo);
        return ENOMEM;
    }
    *region = (struct memory_region){.address = (uintptr_t)address,
                                     .length = length,
                                     .vmo = (handle_t)vmo,
                                     .flags = flags,
                                     .access = KERNEL_MAP_READ | KERNEL_MAP_WRITE};
    return 0;
}

void __libc_memory_unmap(struct memory_region *region)
{
    /* The struct may lie in what is unmapped. */
    struct memory_region copy = *region;
    leave(region);
    sys_unmap(HANDLE_NONE, copy.address, copy.length);
    sys_handle_close(copy.vmo);
    if (copy.session != HANDLE_NONE)
        sys_handle_close(copy.session);
}

/* The part of [address, address + length) that begins at address and lies in the region. */
static struct memory_range part_of(uintptr_t address, size_t length, uintptr_t start, size_t size,
                                   handle_t vmo, uint64_t offset, uint32_t rights)
{
    if (address < start || address - start >= size)
        return (struct memory_range){0};
    size_t left = size - (address - start);
    return (struct memory_range){vmo, offset + (address - start), length < left ? length : left,
                                 rights};
}

static struct memory_range find_in_program(uintptr_t address, size_t length, uint32_t access,
                                           uint32_t rights)
{
    const struct startup *startup = __libc_process.startup;
    struct memory_range range = {0};
    for (uint32_t i = 0; i < startup->segment_count && i < STARTUP_SEGMENTS_MAX; i++) {
        const struct startup_segment *segment = &startup->segments[i];
        if ((segment->flags & access) == access)
            range = part_of(address, length, segment->address, segment->length, segment->vmo, 0,
                            rights);
        if (range.length)
            break;
    }
    return range;
}

struct memory_range __libc_memory_find(const void *pointer, size_t length, bool write)
{
    uint32_t access = KERNEL_MAP_READ | (write ? KERNEL_MAP_WRITE : 0);
    uint32_t rights = RIGHT_READ | (write ? RIGHT_WRITE : 0) | RIGHT_MAP | RIGHT_PIN;
    uintptr_t address = (uintptr_t)pointer;
    struct memory_range range = {0};
    __libc_lock(&regions_lock);
    for (struct memory_region *at = regions; at && !range.length; at = at->next) {
        if ((at->access & access) == access)
            range = part_of(address, length, at->address, at->length, at->vmo, at->offset,
                            /* A file's own object: the server has not given PIN. */
                            at->session == HANDLE_NONE ? rights : rights & ~(uint32_t)RIGHT_PIN);
    }
    __libc_unlock(&regions_lock);
    return range.length ? range : find_in_program(address, length, access, rights);
}

bool __libc_memory_covers(uintptr_t start, uintptr_t end)
{
    while (start < end) {
        uintptr_t next = start;
        __libc_lock(&regions_lock);
        for (struct memory_region *at = regions; at && next == start; at = at->next) {
            if (start >= at->address && start - at->address < at->length)
                next = at->address + at->length;
        }
        __libc_unlock(&regions_lock);
        if (next == start)
            return false;
        start = next;
    }
    return true;
}

struct memory_region *__libc_memory_lock(void)
{
    __libc_lock(&regions_lock);
    return regions;
}

void __libc_memory_unlock(void)
{
    __libc_unlock(&regions_lock);
}

struct memory_region *__libc_memory_first(void)
{
    return regions;
}

void __libc_memory_forget(void)
{
    regions_lock = (struct __lock_word){0};
    regions = NULL;
}

void __libc_memory_reset(void)
{
    regions_lock = (struct __lock_word){0};
}
