/*
 * Random numbers from the kernel.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "syscall.h"
#include "thread.h"

#define ENTROPY_MAX 256

static int64_t fill(char *buffer, size_t length)
{
    for (size_t done = 0; done < length;) {
        size_t piece = length - done < MESSAGE_BYTES_MAX ? length - done : MESSAGE_BYTES_MAX;
        int64_t result = sys_random(piece);
        if (result < 0)
            return result;
        memcpy(buffer + done, thread_self()->area->bytes, piece);
        done += piece;
    }
    return 0;
}

int getentropy(void *buffer, size_t length)
{
    int64_t result = length > ENTROPY_MAX ? -EIO : fill(buffer, length);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return 0;
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    int64_t result = flags & ~(GRND_NONBLOCK | GRND_RANDOM) ? -EINVAL : fill(buffer, length);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return (ssize_t)length;
}
