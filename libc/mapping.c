/*
 * mmap and its relatives.
 *
 * Each mapping made here is a struct memory_region in libc's list (memory.h), with a handle to its
 * VM object: anonymous memory has one of its own, a shared file the one its server gave, a private
 * one a copy-on-write clone of that.  Cutting a mapping in two gives each part a handle.
 *
 * Regions come from a pool that grows by a page at a time: not from malloc, whose memory they
 * describe.  One lock is held over each change, so that the list says what is mapped.
 */
#include "syscall.h" /* before <sys/mman.h>: see there */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <portolan/io.h>

#include "file.h"
#include "memory.h"

#define POOL_STEP 4096ul

static struct __lock_word lock; /* over changes; taken before the list's own */
static struct memory_region *pool;

static size_t page_round(size_t length)
{
    return (length + 4095) & ~4095ul;
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* A page of regions, of which the first describes the page itself. */
static bool grow_pool(void)
{
    struct memory_region page;
    if (__libc_memory_map(&page, POOL_STEP, 0, 0) != 0)
        return false;
    struct memory_region *made = (struct memory_region *)page.address;
    made[0] = page;
    __libc_memory_enter(&made[0]);
    for (size_t i = 1; i < POOL_STEP / sizeof *made; i++) {
        made[i].next = pool;
        pool = &made[i];
    }
    return true;
}

static struct memory_region *take_region(void)
{
    if (pool == NULL && !grow_pool())
        return NULL;
    struct memory_region *region = pool;
    pool = region->next;
    return region;
}

static void give_region(struct memory_region *region)
{
    region->next = pool;
    pool = region;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* A region of mmap's that shares an address with [start, end), or NULL. */
static struct memory_region *find(uintptr_t start, uintptr_t end)
{
    struct memory_region *at = __libc_memory_lock();
    while (at &&
           !((at->flags & MEMORY_MAPPED) && at->address < end && start < at->address + at->length))
        at = at->next;
    __libc_memory_unlock();
    return at;
}

/* Gives the region, a copy of another, handles of its own. */
static bool copy_handles(struct memory_region *region)
{
    int64_t vmo = sys_handle_duplicate(region->vmo, RIGHTS_SAME, 0);
    int64_t session = HANDLE_NONE;
    if (vmo < 0)
        return false;
    if (region->session != HANDLE_NONE)
        session = sys_handle_duplicate(region->session, RIGHTS_SAME, 0);
    if (session < 0) {
        sys_handle_close((handle_t)vmo);
        return false;
    }
    region->vmo = (handle_t)vmo;
    region->session = (handle_t)session;
    return true;
}

/* Makes `address` a border between regions; true: there is none within one any more. */
static bool split(uintptr_t address)
{
    struct memory_region *low = find(address, address + 1);
    if (low == NULL || low->address == address)
        return true;
    struct memory_region *high = take_region();
    if (high == NULL)
        return false;
    size_t length = address - low->address;
    *high = *low;
    if (!copy_handles(high)) {
        give_region(high);
        return false;
    }
    high->address = address;
    high->length = low->length - length;
    high->offset = low->offset + length;
    __libc_memory_lock();
    low->length = length;
    __libc_memory_unlock();
    __libc_memory_enter(high);
    return true;
}

static void unmap_parts(uintptr_t start, uintptr_t end)
{
    struct memory_region *region;
    while ((region = find(start, end))) {
        __libc_memory_unmap(region);
        give_region(region);
    }
}

static bool is_range(uintptr_t start, size_t length, uintptr_t *end)
{
    return start % 4096 == 0 && length > 0 && length <= USER_LIMIT &&
           !__builtin_add_overflow(start, page_round(length), end) && *end <= USER_LIMIT;
}

int munmap(void *address, size_t length)
{
    uintptr_t start = (uintptr_t)address, end;
    if (!is_range(start, length, &end))
        return (int)call_return(-EINVAL);
    __libc_lock(&lock);
    bool cut = split(start) && split(end);
    if (cut)
        unmap_parts(start, end);
    __libc_unlock(&lock);
    return (int)call_return(cut ? 0 : -ENOMEM);
}

/* ---- Mapping --------------------------------------------------------------------------------- */

static uint32_t to_access(int protection)
{
    return (protection & PROT_READ ? KERNEL_MAP_READ : 0) |
           (protection & PROT_WRITE ? KERNEL_MAP_READ | KERNEL_MAP_WRITE : 0) |
           (protection & PROT_EXEC ? KERNEL_MAP_EXECUTE : 0);
}

/* The file's own VM object, with as much as mprotect may want later. */
static int64_t ask_for_object(struct open_file *file, uint32_t rights)
{
    struct message head = {.op = IO_MAP, .flags = MESSAGE_ROOM, .arg = {rights, 0, 0}};
    if (file->flags & OPEN_FILE_LOG)
        return -ENODEV;
    struct message_area *area = call_begin();
    int64_t result = call_do(file->handle, &head, 0);
    if (result >= 0)
        result = MESSAGE_FLAG_HANDLES(head.flags) == 1 ? (int64_t)area->handles[0].handle : -EIO;
    call_end();
    return result;
}

static int64_t shared_object(struct open_file *file, int protection)
{
    uint32_t access = file->flags & O_ACCMODE;
    uint32_t rights = RIGHT_READ;
    if ((protection & PROT_WRITE) && access != O_RDWR)
        return -EACCES;
    if (access == O_RDWR)
        rights |= RIGHT_WRITE;
    return ask_for_object(file, rights | (protection & PROT_EXEC ? RIGHT_EXECUTE : 0));
}

/* A clone of the pages wanted: `offset` counts from its start then. */
static int64_t private_object(struct open_file *file, int protection, uint64_t offset,
                              size_t length)
{
    struct vmo_information info;
    int64_t original =
        ask_for_object(file, RIGHT_READ | (protection & PROT_EXEC ? RIGHT_EXECUTE : 0));
    if (original < 0)
        return original;
    int64_t result = sys_vmo_info((handle_t)original, &info);
    if (result == 0 && offset >= info.size)
        result = -ENXIO;
    if (result == 0) {
        uint64_t left = page_round(info.size) - offset;
        result = sys_vmo_clone((handle_t)original, offset, length < left ? length : left);
    }
    sys_handle_close((handle_t)original);
    return result;
}

struct wish {
    uintptr_t address;
    size_t length; /* whole pages */
    int protection, flags;
    struct open_file *file; /* NULL: anonymous */
    uint64_t offset;
};

/* The VM object, and in *offset where in it the mapping begins. */
static int64_t object_of(const struct wish *wish, uint64_t *offset)
{
    *offset = 0;
    if (wish->file == NULL)
        return sys_vmo_create(VMO_ANONYMOUS, wish->length, 0, 0);
    if ((wish->file->flags & O_ACCMODE) == O_WRONLY)
        return -EACCES;
    if (wish->flags & MAP_PRIVATE)
        return private_object(wish->file, wish->protection, wish->offset, wish->length);
    *offset = wish->offset;
    return shared_object(wish->file, wish->protection);
}

/* What of the object is there to map: pages behind its end are not, and touching them is a fault.
 */
static int64_t length_of(const struct wish *wish, handle_t vmo, uint64_t offset)
{
    struct vmo_information info;
    int64_t error = sys_vmo_info(vmo, &info);
    if (error < 0)
        return error;
    if (offset >= info.size)
        return -ENXIO;
    uint64_t left = page_round(info.size) - offset;
    return (int64_t)(wish->length < left ? wish->length : left);
}

static int64_t place(const struct wish *wish, handle_t vmo, uint64_t offset)
{
    uint32_t access = to_access(wish->protection);
    int64_t length = length_of(wish, vmo, offset);
    if (length < 0)
        return length;
    if (wish->flags & MAP_FIXED) {
        if (!split(wish->address) || !split(wish->address + wish->length))
            return -ENOMEM;
        unmap_parts(wish->address, wish->address + wish->length);
        int64_t error = sys_unmap(HANDLE_NONE, wish->address, wish->length);
        if (error < 0)
            return error;
        access |= KERNEL_MAP_FIXED;
    }
    struct memory_region *region = take_region();
    if (region == NULL)
        return -ENOMEM;
    int64_t session = HANDLE_NONE;
    if (wish->file && (wish->flags & MAP_SHARED))
        session = sys_handle_duplicate(wish->file->handle, RIGHTS_SAME, 0);
    int64_t address = session;
    if (session >= 0)
        address = sys_map(HANDLE_NONE, vmo, offset, (uint64_t)length, wish->address, access);
    if (address < 0) {
        if (session > 0)
            sys_handle_close((handle_t)session);
        give_region(region);
        return address;
    }
    *region = (struct memory_region){.address = (uintptr_t)address,
                                     .length = (size_t)length,
                                     .vmo = vmo,
                                     .flags = MEMORY_MAPPED |
                                              (wish->flags & MAP_SHARED ? MEMORY_SHARED : 0),
                                     .offset = offset,
                                     .session = (handle_t)session,
                                     .access = to_access(wish->protection)};
    __libc_memory_enter(region);
    return address;
}

static int64_t map(const struct wish *wish)
{
    uint64_t offset;
    int64_t vmo = object_of(wish, &offset);
    if (vmo < 0)
        return vmo;
    __libc_lock(&lock);
    int64_t address = place(wish, (handle_t)vmo, offset);
    __libc_unlock(&lock);
    if (address < 0)
        sys_handle_close((handle_t)vmo);
    /* The kernel's words for what POSIX calls otherwise. */
    return address == -EFAULT || address == -EEXIST ? -ENOMEM
           : address == -EPERM                      ? -EACCES
                                                    : address;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    uintptr_t end;
    struct wish wish = {.address = (uintptr_t)address,
                        .length = page_round(length),
                        .protection = protection,
                        .flags = flags,
                        .offset = (uint64_t)offset};
    int kind = flags & (MAP_SHARED | MAP_PRIVATE);
    bool fixed = flags & MAP_FIXED;
    int64_t result = -EINVAL;
    if (length > USER_LIMIT)
        return (void *)call_return(-ENOMEM);
    if (!fixed && !is_range(wish.address, length, &end))
        wish.address = 0; /* a hint that cannot be followed */
    if (!is_range(wish.address, length, &end) || (fixed && wish.address < USER_BASE) ||
        offset < 0 || offset % 4096 || (kind != MAP_SHARED && kind != MAP_PRIVATE) ||
        (protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
        goto out;
    result = -ENOTSUP; /* memory is never writable and code at once */
    if ((protection & PROT_WRITE) && (protection & PROT_EXEC))
        goto out;
    if (flags & MAP_ANONYMOUS) {
        result = map(&wish);
        goto out;
    }
    result = -EBADF;
    wish.file = __libc_descriptor_get(descriptor);
    if (wish.file) {
        result = map(&wish);
        __libc_open_file_put(wish.file);
    }
out:
    return result < 0 ? (void *)call_return(result) : (void *)result;
}

/* ---- Changing mappings ----------------------------------------------------------------------- */

static void note_access(uintptr_t start, uintptr_t end, uint32_t access)
{
    for (struct memory_region *at = __libc_memory_lock(); at; at = at->next) {
        if ((at->flags & MEMORY_MAPPED) && at->address < end && start < at->address + at->length)
            at->access = access;
    }
    __libc_memory_unlock();
}

int mprotect(void *address, size_t length, int protection)
{
    uintptr_t start = (uintptr_t)address, end;
    if (start % 4096)
        return (int)call_return(-EINVAL);
    if (length == 0)
        return 0;
    if (!is_range(start, length, &end))
        return (int)call_return(-ENOMEM);
    if ((protection & PROT_WRITE) && (protection & PROT_EXEC))
        return (int)call_return(-ENOTSUP);
    __libc_lock(&lock);
    int64_t result = -ENOMEM;
    if (split(start) && split(end))
        result = sys_protect(HANDLE_NONE, start, end - start, to_access(protection));
    if (result == 0)
        note_access(start, end, to_access(protection));
    __libc_unlock(&lock);
    return (int)call_return(result == -EFAULT ? -ENOMEM : result == -EPERM ? -EACCES : result);
}

/* Pages of a shared file are the file's own: what is written is seen at once by all.  MS_SYNC has
 * the server put them on the disk. */
static int64_t sync_parts(uintptr_t start, uintptr_t end)
{
    int64_t result = 0;
    for (struct memory_region *at; start < end && result >= 0; start = at->address + at->length) {
        struct message head = {.op = IO_SYNC};
        at = find(start, start + 1);
        if (at == NULL)
            return -ENOMEM;
        if (at->session == HANDLE_NONE)
            continue;
        call_begin();
        result = call_do(at->session, &head, 0);
        call_end();
    }
    return result < 0 ? result : 0;
}

int msync(void *address, size_t length, int flags)
{
    uintptr_t start = (uintptr_t)address, end;
    if (start % 4096 || (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE)) ||
        ((flags & MS_ASYNC) && (flags & MS_SYNC)))
        return (int)call_return(-EINVAL);
    if (length == 0)
        return 0;
    int64_t result = -ENOMEM;
    if (is_range(start, length, &end) && __libc_memory_covers(start, end))
        result = 0;
    if (result == 0 && (flags & MS_SYNC)) {
        __libc_lock(&lock);
        result = sync_parts(start, end);
        __libc_unlock(&lock);
    }
    return (int)call_return(result);
}

void __libc_mapping_lock(void)
{
    __libc_lock(&lock);
}

void __libc_mapping_unlock(void)
{
    __libc_unlock(&lock);
}

void __libc_mapping_reset(void)
{
    lock = (struct __lock_word){0};
}
