/*
 * open() and its relatives.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "descriptor.h"
#include "path.h"
#include "process.h"
#include "syscall.h"

#define KEPT_FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_EXEC)

mode_t umask(mode_t mask)
{
    return __atomic_exchange_n(&__libc_process.umask, mask & 0777, __ATOMIC_RELAXED);
}

static int64_t to_open_flags(int flags, bool directory)
{
    static const struct {
        int posix;
        uint32_t io;
    } pairs[] = {
        {O_CREAT, IO_OPEN_CREATE},        {O_EXCL, IO_OPEN_EXCLUSIVE},
        {O_TRUNC, IO_OPEN_TRUNCATE},      {O_APPEND, IO_OPEN_APPEND},
        {O_DIRECTORY, IO_OPEN_DIRECTORY}, {O_NOFOLLOW, IO_OPEN_NOFOLLOW},
        {O_EXEC, IO_OPEN_EXECUTE},        {O_NONBLOCK, IO_OPEN_NONBLOCK},
    };
    uint32_t result = directory ? IO_OPEN_DIRECTORY : 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        result |= flags & pairs[i].posix ? pairs[i].io : 0;
    if ((flags & O_EXCL) && !(flags & O_CREAT))
        result &= ~(uint32_t)IO_OPEN_EXCLUSIVE;
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return flags & O_EXEC ? result : result | IO_OPEN_READ;
    case O_WRONLY:
        return result | IO_OPEN_WRITE;
    case O_RDWR:
        return result | IO_OPEN_READ | IO_OPEN_WRITE;
    default:
        return -EINVAL;
    }
}

/* What an opening brought. */
struct opened {
    handle_t handle;
    uint32_t mode;
};

/* The session; path becomes that of what was opened. */
static int64_t open_path(struct path *path, uint32_t flags, mode_t mode, struct opened *opened)
{
    struct io_info info;
    struct path_call call = {
        .head = {.op = IO_OPEN, .arg = {flags, mode, 0}}, .first = path, .flags = CALL_SLOW};
    struct message_area *area = call_begin();
    int64_t result = __libc_path_do(&call);
    memcpy(&info, area->bytes, sizeof info);
    handle_t handle = area->handles[0].handle;
    bool whole = MESSAGE_FLAG_BYTES(call.head.flags) >= sizeof info &&
                 MESSAGE_FLAG_HANDLES(call.head.flags) == 1;
    call_end();
    if (result >= 0 && !whole)
        result = -EIO;
    *opened = (struct opened){handle, info.mode};
    return result;
}

static int64_t keep(const struct opened *opened, const struct path *path, int flags)
{
    char *text = NULL;
    uint32_t kept = (uint32_t)flags & KEPT_FLAGS;
    kept &= ~(uint32_t)O_DIRECTORY;
    if ((opened->mode & IO_MODE_TYPE) == IO_MODE_DIRECTORY) {
        kept |= O_DIRECTORY;
        text = __libc_path_text(path);
        if (text == NULL) {
            sys_handle_close(opened->handle);
            return -ENOMEM;
        }
    }
    struct open_file *file = __libc_open_file_make(opened->handle, kept, text);
    if (file == NULL)
        return -ENFILE;
    int descriptor = __libc_descriptor_add(file, 0, flags & O_CLOEXEC);
    if (descriptor < 0)
        __libc_open_file_put(file);
    return descriptor;
}

static int64_t open_at(int directory, const char *text, int flags, mode_t mode)
{
    struct path path;
    struct opened opened;
    int64_t open_flags, result = __libc_path_make(&path, directory, text);
    if (result < 0)
        return result;
    if (path.directory && (flags & O_CREAT))
        return -EISDIR;
    open_flags = to_open_flags(flags, path.directory);
    if (open_flags < 0)
        return open_flags;
    mode &= ~__atomic_load_n(&__libc_process.umask, __ATOMIC_RELAXED) & 07777;
    do
        result = open_path(&path, (uint32_t)open_flags, mode, &opened);
    while (result == -EINTR && __libc_call_again());
    return result < 0 ? result : keep(&opened, &path, flags);
}

static mode_t mode_argument(int flags, va_list arguments)
{
    return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

int open(const char *text, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return (int)call_return(open_at(AT_FDCWD, text, flags, mode));
}

int openat(int directory, const char *text, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return (int)call_return(open_at(directory, text, flags, mode));
}

int creat(const char *text, mode_t mode)
{
    return open(text, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
