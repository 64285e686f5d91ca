/*
 * Advice on how files and memory will be used.  POSIX lets a system act on none of it, and this one
 * does not: only the arguments are checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

#include "call.h"
#include "descriptor.h"

/* These give the error instead of setting errno. */
int posix_fadvise(int descriptor, off_t offset, off_t length, int advice)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    (void)offset;
    if (file == NULL)
        return EBADF;
    __libc_open_file_put(file);
    return advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE || length < 0 ? EINVAL : 0;
}

int posix_madvise(void *address, size_t length, int advice)
{
    (void)length;
    return advice < POSIX_MADV_NORMAL || advice > POSIX_MADV_DONTNEED || (uintptr_t)address % 4096
               ? EINVAL
               : 0;
}

int madvise(void *address, size_t length, int advice)
{
    return (int)call_return(-posix_madvise(address, length, advice));
}
