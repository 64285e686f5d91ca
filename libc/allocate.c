/*
 * posix_memalign, over newlib's memalign.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    int before = errno;
    void *block = memalign(alignment, size);
    errno = before; /* not for this one to set */
    if (block == NULL)
        return ENOMEM;
    *out = block;
    return 0;
}
