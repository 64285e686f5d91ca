/*
 * readv and writev.  What fits in a message goes as one, so that a pipe or terminal sees one read
 * or write; of more each part is moved by itself.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

#include <portolan/io.h>

#include "file.h"

/* The sum of the lengths, or -EINVAL. */
static int64_t total(const struct iovec *parts, int count)
{
    uint64_t sum = 0;
    if (count <= 0 || count > IOV_MAX)
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        if (__builtin_add_overflow(sum, parts[i].iov_len, &sum) || sum > SSIZE_MAX)
            return -EINVAL;
    }
    return (int64_t)sum;
}

static int64_t read_small(struct open_file *file, const struct iovec *parts, int count,
                          size_t length)
{
    char bytes[MESSAGE_BYTES_MAX];
    int64_t result = __libc_file_read(file, bytes, length, IO_OFFSET_CURRENT);
    size_t done = 0;
    for (int i = 0; i < count && (int64_t)done < result; i++) {
        size_t left = (size_t)result - done;
        size_t piece = parts[i].iov_len < left ? parts[i].iov_len : left;
        memcpy(parts[i].iov_base, bytes + done, piece);
        done += piece;
    }
    return result;
}

static int64_t write_small(struct open_file *file, const struct iovec *parts, int count,
                           size_t length)
{
    char bytes[MESSAGE_BYTES_MAX];
    size_t done = 0;
    for (int i = 0; i < count; i++) {
        memcpy(bytes + done, parts[i].iov_base, parts[i].iov_len);
        done += parts[i].iov_len;
    }
    return __libc_file_write(file, bytes, length, IO_OFFSET_CURRENT);
}

static int64_t move_parts(struct open_file *file, const struct iovec *parts, int count, bool writes)
{
    int64_t done = 0;
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len == 0)
            continue;
        int64_t result =
            writes ? __libc_file_write(file, parts[i].iov_base, parts[i].iov_len, IO_OFFSET_CURRENT)
                   : __libc_file_read(file, parts[i].iov_base, parts[i].iov_len, IO_OFFSET_CURRENT);
        if (result < 0)
            return done ? done : result;
        done += result;
        if ((size_t)result < parts[i].iov_len)
            break;
    }
    return done;
}

static ssize_t move(int descriptor, const struct iovec *parts, int count, bool writes)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return call_return(-EBADF);
    int64_t result = total(parts, count);
    if (result > MESSAGE_BYTES_MAX)
        result = move_parts(file, parts, count, writes);
    else if (result >= 0 && writes)
        result = write_small(file, parts, count, (size_t)result);
    else if (result >= 0)
        result = read_small(file, parts, count, (size_t)result);
    __libc_open_file_put(file);
    return call_return(result);
}

ssize_t readv(int descriptor, const struct iovec *parts, int count)
{
    return move(descriptor, parts, count, false);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    return move(descriptor, parts, count, true);
}
