/*
 * The heap: what newlib's malloc gets from sbrk.
 *
 * One VM object, larger than anybody needs, whose pages are made resident and mapped before they
 * are handed out.  So a budget that is used up shows as ENOMEM here, and not as a fault at some
 * later store, and no page faults when it is first touched.  Shrinking gives pages back.
 *
 *     start ...... end ............. resident ............... start + HEAP_MAX
 *     handed out      ready, if not trimmed     nothing
 */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "fork_hooks.h"
#include "lock.h"
#include "memory.h"
#include "process_call.h"
#include "syscall.h"

#define HEAP_MAX (64ul << 30)
#define HEAP_ADDRESS (MEMORY_BASE + MEMORY_BASE_SIZE)
/* Made resident at a time: an eighth of what there is, within these. */
#define STEP_MIN 0x4000ul
#define STEP_MAX 0x400000ul

static struct __lock_word lock;
static struct memory_region region;
static size_t end, resident; /* offsets in the region */

static size_t page_round(size_t length)
{
    return (length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static size_t step(void)
{
    size_t wanted = page_round(resident / 8);
    return wanted < STEP_MIN ? STEP_MIN : wanted > STEP_MAX ? STEP_MAX : wanted;
}

static bool try_resident(size_t until)
{
    size_t length = until - resident;
    if (sys_vmo_commit(region.vmo, resident, length) == 0 &&
        sys_map(HANDLE_NONE, region.vmo, resident, length, region.address + resident,
                KERNEL_MAP_READ | KERNEL_MAP_WRITE | KERNEL_MAP_FIXED | KERNEL_MAP_POPULATE) >= 0) {
        resident = until;
        return true;
    }
    /* Some of it may have been possible. */
    sys_vmo_decommit(region.vmo, resident, length);
    return false;
}

/* The process is given more memory if it may have it. */
static bool make_resident(size_t until)
{
    if (until > HEAP_MAX)
        return false;
    return try_resident(until) ||
           (__libc_process_grow(until - resident + PAGE_SIZE) && try_resident(until));
}

/* Some beyond what is needed, if there is enough for that. */
static bool grow(size_t until)
{
    size_t needed = page_round(until);
    if (until > HEAP_MAX)
        return false;
    if (needed <= resident)
        return true;
    return make_resident(needed - resident < step() ? resident + step() : needed) ||
           make_resident(needed);
}

static void shrink(void)
{
    size_t kept = page_round(end) + step();
    if (kept >= resident)
        return;
    sys_unmap(HANDLE_NONE, region.address + kept, resident - kept);
    sys_vmo_decommit(region.vmo, kept, resident - kept);
    resident = kept;
}

static bool open(void)
{
    int64_t vmo = sys_vmo_create(VMO_ANONYMOUS, HEAP_MAX, 0, 0);
    if (vmo < 0)
        return false;
    region = (struct memory_region){.address = HEAP_ADDRESS,
                                    .length = HEAP_MAX,
                                    .vmo = (handle_t)vmo,
                                    .flags = MEMORY_HEAP,
                                    .access = KERNEL_MAP_READ | KERNEL_MAP_WRITE};
    __libc_memory_enter(&region);
    return true;
}

static bool move_end(ptrdiff_t by)
{
    if (region.length == 0 && !open())
        return false;
    if (by < 0 ? (size_t)-by > end : !grow(end + (size_t)by))
        return false;
    end += (size_t)by;
    if (by < 0)
        shrink();
    return true;
}

void *sbrk(ptrdiff_t by)
{
    __libc_lock(&lock);
    bool moved = move_end(by);
    void *before = (void *)(region.address + end - (size_t)by);
    __libc_unlock(&lock);
    if (!moved) {
        errno = ENOMEM;
        return (void *)-1;
    }
    return before;
}

size_t __libc_heap_resident(void)
{
    return resident;
}

void __libc_heap_reset(handle_t vmo)
{
    lock = (struct __lock_word){0};
    region.vmo = vmo;
}
