/*
 * close, dup, fcntl: POSIX's functions over the descriptor table.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "call.h"
#include "descriptor.h"

int close(int descriptor)
{
    pthread_testcancel();
    return (int)call_return(__libc_descriptor_close(descriptor));
}

static int64_t duplicate(int descriptor, int lowest, bool close_on_exec)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    int copy = __libc_descriptor_add(file, lowest, close_on_exec);
    if (copy < 0)
        __libc_open_file_put(file);
    return copy;
}

static int64_t duplicate_to(int descriptor, int to, bool close_on_exec)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    int copy = __libc_descriptor_set(to, file, close_on_exec);
    if (copy < 0)
        __libc_open_file_put(file);
    return copy;
}

int dup(int descriptor)
{
    return (int)call_return(duplicate(descriptor, 0, false));
}

int dup2(int descriptor, int to)
{
    if (descriptor == to)
        return fcntl(descriptor, F_GETFD) < 0 ? -1 : to;
    return (int)call_return(duplicate_to(descriptor, to, false));
}

int dup3(int descriptor, int to, int flags)
{
    if (descriptor == to || (flags & ~O_CLOEXEC))
        return (int)call_return(-EINVAL);
    return (int)call_return(duplicate_to(descriptor, to, flags & O_CLOEXEC));
}

static int64_t get_flags(int descriptor)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    uint32_t flags = __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
    __libc_open_file_put(file);
    return flags & ~(OPEN_FILE_LOG | O_DIRECTORY);
}

/* O_APPEND is the server's to know, and it knows it from the opening. */
static int64_t set_flags(int descriptor, int wanted)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    int64_t result = 0;
    if (((uint32_t)wanted ^ __atomic_load_n(&file->flags, __ATOMIC_RELAXED)) & O_APPEND)
        result = -EINVAL;
    else if (wanted & O_NONBLOCK)
        __atomic_or_fetch(&file->flags, O_NONBLOCK, __ATOMIC_RELAXED);
    else
        __atomic_and_fetch(&file->flags, ~(uint32_t)O_NONBLOCK, __ATOMIC_RELAXED);
    __libc_open_file_put(file);
    return result;
}

static int64_t get_close_on_exec(int descriptor)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    __libc_open_file_put(file);
    return __libc_descriptor_close_on_exec(descriptor) ? FD_CLOEXEC : 0;
}

static int64_t control(int descriptor, int command, va_list arguments)
{
    switch (command) {
    case F_DUPFD:
        return duplicate(descriptor, va_arg(arguments, int), false);
    case F_DUPFD_CLOEXEC:
        return duplicate(descriptor, va_arg(arguments, int), true);
    case F_GETFD:
        return get_close_on_exec(descriptor);
    case F_SETFD:
        return __libc_descriptor_set_close_on_exec(descriptor, va_arg(arguments, int) & FD_CLOEXEC);
    case F_GETFL:
        return get_flags(descriptor);
    case F_SETFL:
        return set_flags(descriptor, va_arg(arguments, int));
    default: /* record locks and owners: servers know of none */
        return -EINVAL;
    }
}

int fcntl(int descriptor, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    int64_t result = control(descriptor, command, arguments);
    va_end(arguments);
    return (int)call_return(result);
}
