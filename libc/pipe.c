/*
 * Pipes, made by the pipe server.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <portolan/pipe.h>

#include "call.h"
#include "descriptor.h"
#include "path.h"
#include "process.h"
#include "syscall.h"

#define SERVER_PATH "/dev/pipe"

/* A session with the server, which is the caller's to close. */
static int64_t open_server(void)
{
    struct path path;
    struct path_call call = {.head = {.op = IO_OPEN, .arg = {IO_OPEN_READ | IO_OPEN_WRITE, 0, 0}},
                             .first = &path};
    int64_t result = __libc_path_make(&path, AT_FDCWD, SERVER_PATH);
    if (result < 0)
        return result;
    struct message_area *area = call_begin();
    result = __libc_path_do(&call);
    if (result >= 0)
        result =
            MESSAGE_FLAG_HANDLES(call.head.flags) == 1 ? (int64_t)area->handles[0].handle : -EIO;
    call_end();
    return result;
}

/* The two ends: [0] reads, [1] writes. */
static int64_t ask(handle_t ends[2])
{
    struct message head = {.op = IO_CONTROL, .flags = MESSAGE_ROOM, .arg = {PIPE_CREATE, 0, 0}};
    int64_t server = open_server();
    if (server < 0)
        return server;
    struct message_area *area = call_begin();
    int64_t result = call_do((handle_t)server, &head, 0);
    if (result >= 0 && MESSAGE_FLAG_HANDLES(head.flags) != 2)
        result = -EIO;
    ends[0] = area->handles[0].handle;
    ends[1] = area->handles[1].handle;
    call_end();
    sys_handle_close((handle_t)server);
    return result;
}

static int64_t make(int descriptors[2], int flags)
{
    handle_t ends[2];
    struct open_file *files[2];
    uint32_t kept = (uint32_t)flags & O_NONBLOCK;
    int64_t result = flags & ~(O_CLOEXEC | O_NONBLOCK) ? -EINVAL : ask(ends);
    if (result < 0)
        return result;
    files[0] = __libc_open_file_make(ends[0], O_RDONLY | kept, NULL);
    files[1] = __libc_open_file_make(ends[1], O_WRONLY | kept, NULL);
    result = -ENFILE;
    if (files[0] && files[1])
        result = __libc_descriptor_add_pair(files, flags & O_CLOEXEC, descriptors);
    for (int i = 0; i < 2 && result < 0; i++) {
        if (files[i])
            __libc_open_file_put(files[i]);
    }
    return result;
}

int pipe2(int descriptors[2], int flags)
{
    return (int)call_return(make(descriptors, flags));
}

int pipe(int descriptors[2])
{
    return pipe2(descriptors, 0);
}
