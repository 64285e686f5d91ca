/*
 * Names in directories: making, removing, renaming and linking them.
 */
#include <errno.h>
#include <fcntl.h>
#include <reent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <portolan/io.h>

#include "call.h"
#include "path.h"
#include "process.h"

static mode_t masked(mode_t mode)
{
    return mode & ~__atomic_load_n(&__libc_process.umask, __ATOMIC_RELAXED) & 07777;
}

/* ---- Directories and nodes ------------------------------------------------------------------- */

int mkdirat(int directory, const char *text, mode_t mode)
{
    struct path path;
    struct path_call call = {.head = {.op = IO_MAKE_DIRECTORY, .arg = {0, masked(mode), 0}},
                             .first = &path};
    int error = __libc_path_make(&path, directory, text);
    if (error == 0 && path.length == 0)
        error = -EEXIST;
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

int mkdir(const char *text, mode_t mode)
{
    return mkdirat(AT_FDCWD, text, mode);
}

/* FIFOs and, by creating them, ordinary files: other nodes are servers' to make. */
int mknodat(int directory, const char *text, mode_t mode, dev_t device)
{
    struct path path;
    struct path_call call = {.head = {.op = IO_MAKE_NODE, .arg = {0, S_IFIFO | masked(mode), 0}},
                             .first = &path};
    (void)device;
    if (S_ISREG(mode) || (mode & S_IFMT) == 0) {
        int descriptor = openat(directory, text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        return descriptor < 0 ? -1 : close(descriptor);
    }
    if (!S_ISFIFO(mode))
        return (int)call_return(-EPERM);
    int error = __libc_path_make(&path, directory, text);
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

int mknod(const char *text, mode_t mode, dev_t device)
{
    return mknodat(AT_FDCWD, text, mode, device);
}

int mkfifoat(int directory, const char *text, mode_t mode)
{
    return mknodat(directory, text, S_IFIFO | (mode & 07777), 0);
}

int mkfifo(const char *text, mode_t mode)
{
    return mkfifoat(AT_FDCWD, text, mode);
}

/* ---- Removing and renaming ------------------------------------------------------------------- */

int unlinkat(int directory, const char *text, int flags)
{
    struct path path;
    bool is_directory = flags & AT_REMOVEDIR;
    struct path_call call = {.head = {.op = IO_REMOVE, .arg = {is_directory, 0, 0}},
                             .first = &path};
    if (flags & ~AT_REMOVEDIR)
        return (int)call_return(-EINVAL);
    int error = __libc_path_make(&path, directory, text);
    size_t length = strlen(text);
    if (error == 0 && path.length == 0)
        error = is_directory ? -EBUSY : -EISDIR;
    else if (error == 0 && is_directory && text[length - 1] == '.' &&
             (length == 1 || text[length - 2] == '/'))
        error = -EINVAL;
    else if (error == 0 && !is_directory && path.directory)
        error = -ENOTDIR;
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

int unlink(const char *text)
{
    return unlinkat(AT_FDCWD, text, 0);
}

int rmdir(const char *text)
{
    return unlinkat(AT_FDCWD, text, AT_REMOVEDIR);
}

/* newlib's own does not know directories; it has both names in one file. */
int _remove_r(struct _reent *reent, const char *text)
{
    (void)reent;
    if (unlink(text) == 0)
        return 0;
    return errno == EISDIR ? rmdir(text) : -1;
}

int remove(const char *text)
{
    return _remove_r(NULL, text);
}

int renameat(int old_directory, const char *old, int new_directory, const char *new)
{
    struct path from, to;
    struct path_call call = {.head = {.op = IO_RENAME}, .first = &from, .second = &to};
    int error = __libc_path_make(&from, old_directory, old);
    if (error == 0)
        error = __libc_path_make(&to, new_directory, new);
    if (error == 0 && (from.length == 0 || to.length == 0))
        error = -EBUSY;
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

int rename(const char *old, const char *new)
{
    return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

/* ---- Links ----------------------------------------------------------------------------------- */

int linkat(int old_directory, const char *old, int new_directory, const char *new, int flags)
{
    struct path from, to;
    struct path_call call = {.head = {.op = IO_LINK}, .first = &from, .second = &to};
    if (flags & ~AT_SYMLINK_FOLLOW)
        return (int)call_return(-EINVAL);
    int error = __libc_path_make(&from, old_directory, old);
    if (error == 0)
        error = __libc_path_make(&to, new_directory, new);
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

int link(const char *old, const char *new)
{
    return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int symlinkat(const char *target, int directory, const char *text)
{
    struct path path;
    struct path_call call = {.head = {.op = IO_MAKE_LINK}, .first = &path, .text = target};
    int error = __libc_path_make(&path, directory, text);
    if (error == 0 && *target == '\0')
        error = -ENOENT;
    else if (error == 0 && strlen(target) > IO_PATH_MAX)
        error = -ENAMETOOLONG;
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

int symlink(const char *target, const char *text)
{
    return symlinkat(target, AT_FDCWD, text);
}

ssize_t readlinkat(int directory, const char *restrict text, char *restrict buffer, size_t size)
{
    struct path path;
    struct path_call call = {.head = {.op = IO_READ_LINK}, .first = &path};
    int64_t result = __libc_path_make(&path, directory, text);
    if (result < 0)
        return call_return(result);
    struct message_area *area = call_begin();
    result = __libc_path_do(&call);
    if (result > MESSAGE_FLAG_BYTES(call.head.flags))
        result = -EIO;
    if (result > (int64_t)size)
        result = (int64_t)size;
    if (result > 0)
        memcpy(buffer, area->bytes, (size_t)result);
    call_end();
    return call_return(result);
}

ssize_t readlink(const char *restrict text, char *restrict buffer, size_t size)
{
    return readlinkat(AT_FDCWD, text, buffer, size);
}
