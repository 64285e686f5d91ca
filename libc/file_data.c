/*
 * Moving bytes: read, write and their relatives.
 *
 * Up to a page travels in the message.  More is lent: a range of the VM object behind the buffer,
 * into which the server writes or from which it reads by itself.  What libc does not know the VM
 * object of goes in pieces of a page.  After the first message a call does not wait again: what is
 * there is enough.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <portolan/io.h>

#include "file.h"
#include "memory.h"
#include "process.h"
#include "process_call.h"
#include "syscall.h"

struct transfer {
    struct open_file *file;
    char *at;
    size_t left, piece; /* of `left`, how much was asked for last */
    uint64_t offset;    /* IO_OFFSET_CURRENT, or moves on */
    bool writes, nonblock;
    uint32_t group;
};

int64_t __libc_file_call(struct open_file *file, struct message *head, uint32_t flags)
{
    int64_t result = -ENOTTY;
    if (file->flags & OPEN_FILE_LOG)
        return result;
    call_begin();
    result = call_do(file->handle, head, flags);
    call_end();
    return result;
}

static struct message head_of(const struct transfer *t, size_t length)
{
    return (struct message){.op = t->writes ? IO_WRITE : IO_READ,
                            .offset = t->offset,
                            .length = length,
                            .arg = {t->nonblock ? IO_NONBLOCK : 0, t->group, 0}};
}

/* Length beyond what was asked for is a lie. */
static int64_t check(int64_t result, size_t length)
{
    return result > (int64_t)length ? -EIO : result;
}

static int64_t move_bytes(struct transfer *t)
{
    size_t length = t->left < MESSAGE_BYTES_MAX ? t->left : MESSAGE_BYTES_MAX;
    struct message head = head_of(t, length);
    t->piece = length;
    struct message_area *area = call_begin();
    head.flags = t->writes ? MESSAGE_FLAGS(length, 0, 0) : MESSAGE_ROOM;
    if (t->writes)
        memcpy(area->bytes, t->at, length);
    int64_t result = check(call_do(t->file->handle, &head, CALL_SLOW), length);
    if (!t->writes && result > 0) {
        if (MESSAGE_FLAG_BYTES(head.flags) >= result)
            memcpy(t->at, area->bytes, (size_t)result);
        else
            result = -EIO;
    }
    call_end();
    return result;
}

static int64_t lend(struct transfer *t, const struct memory_range *range)
{
    size_t length = range->length < LOAN_BYTES_MAX ? range->length : LOAN_BYTES_MAX;
    struct message head = head_of(t, length);
    t->piece = length;
    struct message_area *area = call_begin();
    head.flags = MESSAGE_FLAGS(0, 0, 1);
    area->ranges[0] = (struct message_range){
        .vmo = range->vmo, .rights = range->rights, .offset = range->offset, .length = length};
    int64_t result = check(call_do(t->file->handle, &head, CALL_SLOW), length);
    call_end();
    return result;
}

static int64_t move_piece(struct transfer *t)
{
    if (t->left > MESSAGE_BYTES_MAX) {
        struct memory_range range = __libc_memory_find(t->at, t->left, !t->writes);
        if (range.length > MESSAGE_BYTES_MAX)
            return lend(t, &range);
    }
    return move_bytes(t);
}

/* move_piece, through what only libc has to know of. */
static int64_t move_once(struct transfer *t)
{
    for (;;) {
        int64_t result = move_piece(t);
        if (result == -EAGAIN && t->writes && !t->nonblock)
            result = __libc_file_wait(t->file, IO_READY_WRITE);
        else if (result == -EBUSY && t->group) {
            result = __libc_background(t->writes);
            t->group = result == 0 ? 0 : __libc_process.group;
        } else if (result != -EINTR)
            return result;
        if (result < 0 && !(result == -EINTR && __libc_call_again()))
            return result;
    }
}

static int64_t move(struct transfer *t)
{
    size_t asked = t->left;
    do {
        int64_t result = move_once(t);
        if (result <= 0)
            return t->left < asked ? (int64_t)(asked - t->left) : result;
        t->at += result;
        t->left -= (size_t)result;
        if (t->offset != IO_OFFSET_CURRENT)
            t->offset += (size_t)result;
        if (!t->writes && (size_t)result < t->piece)
            break;
        /* A read has enough now; a write goes on until all is written, unless asked not to. */
        t->nonblock |= !t->writes;
    } while (t->left > 0);
    return (int64_t)(asked - t->left);
}

/* ---- The log --------------------------------------------------------------------------------- */

static int64_t write_log(handle_t log, const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        size_t piece = length - done < MESSAGE_BYTES_MAX ? length - done : MESSAGE_BYTES_MAX;
        struct message_area *area = call_begin();
        memcpy(area->bytes, bytes + done, piece);
        int64_t result = sys_debug_write(log, piece);
        call_end();
        if (result < 0)
            return result;
        done += piece;
    }
    return (int64_t)length;
}

/* ---- Reading and writing --------------------------------------------------------------------- */

static struct transfer transfer_of(struct open_file *file, const void *buffer, size_t length,
                                   uint64_t offset, bool writes)
{
    return (struct transfer){.file = file,
                             .at = (char *)buffer,
                             .left = length < SSIZE_MAX ? length : SSIZE_MAX,
                             .offset = offset,
                             .writes = writes,
                             .nonblock =
                                 __atomic_load_n(&file->flags, __ATOMIC_RELAXED) & O_NONBLOCK,
                             .group = __libc_process.group};
}

int64_t __libc_file_read(struct open_file *file, void *buffer, size_t length, uint64_t offset)
{
    if ((file->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if ((file->flags & OPEN_FILE_LOG) || length == 0)
        return 0;
    struct transfer t = transfer_of(file, buffer, length, offset, false);
    return move(&t);
}

int64_t __libc_file_write(struct open_file *file, const void *buffer, size_t length,
                          uint64_t offset)
{
    if ((file->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (file->flags & OPEN_FILE_LOG)
        return offset == IO_OFFSET_CURRENT ? write_log(file->handle, buffer, length) : -ESPIPE;
    struct transfer t = transfer_of(file, buffer, length, offset, true);
    int64_t result = move(&t);
    if (result == -EPIPE)
        raise(SIGPIPE);
    return result;
}

ssize_t read(int descriptor, void *buffer, size_t length)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return call_return(-EBADF);
    int64_t result = __libc_file_read(file, buffer, length, IO_OFFSET_CURRENT);
    __libc_open_file_put(file);
    return call_return(result);
}

ssize_t write(int descriptor, const void *buffer, size_t length)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return call_return(-EBADF);
    int64_t result = __libc_file_write(file, buffer, length, IO_OFFSET_CURRENT);
    __libc_open_file_put(file);
    return call_return(result);
}

ssize_t pread(int descriptor, void *buffer, size_t length, off_t offset)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return call_return(-EBADF);
    int64_t result =
        offset < 0 ? -EINVAL : __libc_file_read(file, buffer, length, (uint64_t)offset);
    __libc_open_file_put(file);
    return call_return(result);
}

ssize_t pwrite(int descriptor, const void *buffer, size_t length, off_t offset)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return call_return(-EBADF);
    int64_t result =
        offset < 0 ? -EINVAL : __libc_file_write(file, buffer, length, (uint64_t)offset);
    __libc_open_file_put(file);
    return call_return(result);
}

off_t lseek(int descriptor, off_t offset, int whence)
{
    struct message head = {.op = IO_SEEK, .offset = (uint64_t)offset};
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return call_return(-EBADF);
    int64_t result = -ESPIPE;
    head.arg[0] = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? 1 : 2;
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
        result = -EINVAL;
    else if (!(file->flags & OPEN_FILE_LOG))
        result = __libc_file_call(file, &head, 0);
    __libc_open_file_put(file);
    return call_return(result);
}
