/*
 * What there is to know of a file and of its filesystem: stat, access, statvfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <portolan/io.h>

#include "file.h"
#include "path.h"

#define NANOSECONDS 1000000000ul

static struct timespec to_time(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / NANOSECONDS), (long)(ns % NANOSECONDS)};
}

static void to_stat(const struct io_info *info, struct stat *status)
{
    *status = (struct stat){.st_dev = info->device,
                            .st_ino = info->node,
                            .st_mode = info->mode,
                            .st_nlink = info->links,
                            .st_uid = info->uid,
                            .st_gid = info->gid,
                            .st_rdev = S_ISCHR(info->mode) ? info->node : 0,
                            .st_size = (off_t)info->size,
                            .st_atim = to_time(info->access_ns),
                            .st_mtim = to_time(info->modify_ns),
                            .st_ctim = to_time(info->change_ns),
                            .st_blksize = info->block_size ? info->block_size : 4096,
                            .st_blocks = (blkcnt_t)info->blocks};
}

/* Copies what came in a reply's bytes; -EIO: too little. */
static int64_t take(int64_t result, const struct message *head, const struct message_area *area,
                    void *to, size_t length)
{
    if (result >= 0 && MESSAGE_FLAG_BYTES(head->flags) < length)
        return -EIO;
    if (result >= 0)
        memcpy(to, area->bytes, length);
    return result < 0 ? result : 0;
}

/* Asks the open file's own node. */
static int64_t ask_file(struct open_file *file, uint32_t op, void *to, size_t length)
{
    struct message head = {.op = op, .flags = MESSAGE_ROOM};
    struct message_area *area = call_begin();
    int64_t result = call_do(file->handle, &head, 0);
    result = take(result, &head, area, to, length);
    call_end();
    return result;
}

static int64_t ask_path(struct path *path, uint32_t op, uint32_t flags, void *to, size_t length)
{
    struct path_call call = {.head = {.op = op, .arg = {flags, 0, 0}}, .first = path};
    struct message_area *area = call_begin();
    int64_t result = take(__libc_path_do(&call), &call.head, area, to, length);
    call_end();
    return result;
}

/* ---- stat ------------------------------------------------------------------------------------ */

int64_t __libc_file_info(struct open_file *file, struct io_info *info)
{
    if (!(file->flags & OPEN_FILE_LOG))
        return ask_file(file, IO_INFO, info, sizeof *info);
    *info = (struct io_info){.mode = IO_MODE_CHARACTER | 0200, .links = 1, .block_size = 4096};
    return 0;
}

int fstat(int descriptor, struct stat *status)
{
    struct io_info info;
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return (int)call_return(-EBADF);
    int64_t result = __libc_file_info(file, &info);
    __libc_open_file_put(file);
    if (result == 0)
        to_stat(&info, status);
    return (int)call_return(result);
}

/* A slash at the end wants a directory, and follows a link. */
static int64_t path_info(int directory, const char *text, bool follow, struct io_info *info)
{
    struct path path;
    int64_t result = __libc_path_make(&path, directory, text);
    if (result == 0)
        result = ask_path(&path, IO_INFO, follow || path.directory ? 0 : IO_OPEN_NOFOLLOW, info,
                          sizeof *info);
    if (result == 0 && path.directory && (info->mode & IO_MODE_TYPE) != IO_MODE_DIRECTORY)
        result = -ENOTDIR;
    return result;
}

int fstatat(int directory, const char *restrict text, struct stat *restrict status, int flags)
{
    struct io_info info;
    if (flags & ~AT_SYMLINK_NOFOLLOW)
        return (int)call_return(-EINVAL);
    int64_t result = path_info(directory, text, !(flags & AT_SYMLINK_NOFOLLOW), &info);
    if (result == 0)
        to_stat(&info, status);
    return (int)call_return(result);
}

int stat(const char *restrict text, struct stat *restrict status)
{
    return fstatat(AT_FDCWD, text, status, 0);
}

int lstat(const char *restrict text, struct stat *restrict status)
{
    return fstatat(AT_FDCWD, text, status, AT_SYMLINK_NOFOLLOW);
}

/* ---- access: everybody is the superuser, who needs an x bit only to execute -------------------
 */

int faccessat(int directory, const char *text, int mode, int flags)
{
    struct io_info info;
    if ((mode & ~(R_OK | W_OK | X_OK)) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW)))
        return (int)call_return(-EINVAL);
    int64_t result = path_info(directory, text, !(flags & AT_SYMLINK_NOFOLLOW), &info);
    if (result == 0 && (mode & X_OK) && !(info.mode & 0111) &&
        (info.mode & IO_MODE_TYPE) != IO_MODE_DIRECTORY)
        result = -EACCES;
    return (int)call_return(result);
}

int access(const char *text, int mode)
{
    return faccessat(AT_FDCWD, text, mode, 0);
}

/* ---- Filesystems ----------------------------------------------------------------------------- */

static void to_statvfs(const struct io_usage *usage, struct statvfs *status)
{
    *status = (struct statvfs){.f_bsize = usage->block_size,
                               .f_frsize = usage->block_size,
                               .f_blocks = usage->blocks,
                               .f_bfree = usage->blocks_free,
                               .f_bavail = usage->blocks_free,
                               .f_files = usage->nodes,
                               .f_ffree = usage->nodes_free,
                               .f_favail = usage->nodes_free,
                               .f_flag = usage->read_only ? ST_RDONLY : 0,
                               .f_namemax = usage->name_max};
}

int statvfs(const char *restrict text, struct statvfs *restrict status)
{
    struct path path;
    struct io_usage usage;
    int64_t result = __libc_path_make(&path, AT_FDCWD, text);
    if (result == 0)
        result = ask_path(&path, IO_USAGE, 0, &usage, sizeof usage);
    if (result == 0)
        to_statvfs(&usage, status);
    return (int)call_return(result);
}

int fstatvfs(int descriptor, struct statvfs *status)
{
    struct io_usage usage;
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return (int)call_return(-EBADF);
    int64_t result = -ENOSYS;
    if (!(file->flags & OPEN_FILE_LOG))
        result = ask_file(file, IO_USAGE, &usage, sizeof usage);
    __libc_open_file_put(file);
    if (result == 0)
        to_statvfs(&usage, status);
    return (int)call_return(result);
}
