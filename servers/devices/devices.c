/*
 * The devices that are no hardware: null, zero, full, random, urandom.
 *
 * See <portolan/devices.h>.  Sessions are counted badges that say all there is to know, the node
 * and what it was opened for, so nothing is kept for them.  Handles: "port", "log".
 */
#include <portolan/devices.h>

#include "answer.h"
#include "clock.h"
#include "print.h"
#include "region.h"
#include "start.h"
#include "syscall.h"

#define QUEUE 64u

static const char *const names[DEVICES_END] = {"", "null", "zero", "full", "random", "urandom"};
static uint64_t device_number, start_time;
static struct path path;

/* A session's badge: DEVICES_BADGE | flags << 16; all of one node that are opened alike are one. */
#define FLAGS_SHIFT 16u
#define FLAGS_KEPT (IO_OPEN_READ | IO_OPEN_WRITE)

static enum devices_node device_of(const struct request *request)
{
    uint64_t device = request_badge(request) >> 8 & 0xff;
    return device < DEVICES_END ? (enum devices_node)device : DEVICES_TREE;
}

/* Whether a session was opened with a flag; what is no session was opened for nothing. */
static bool opened_for(const struct request *request, uint64_t flag)
{
    return request->badge & BADGE_COUNTED && request_badge(request) >> FLAGS_SHIFT & flag;
}

/* Which device the request's path names. 0, -ENOENT, -ENOTDIR. */
static int64_t find(const struct request *request, enum devices_node *found)
{
    int64_t error = request_path(request, &path);
    *found = device_of(request);
    if (error || !path.length)
        return error;
    if (*found != DEVICES_TREE)
        return -ENOTDIR;
    for (uint32_t i = DEVICES_TREE + 1; i < DEVICES_END; i++) {
        uint32_t length = (uint32_t)strlen(names[i]);
        if (!path_is_below(path.text, path.length, names[i], length))
            continue;
        *found = (enum devices_node)i;
        return path.length == length ? 0 : -ENOTDIR;
    }
    return -ENOENT;
}

static void answer_info(struct request *request, enum devices_node device)
{
    struct io_info info = {.node = device + 1u,
                           .device = device_number,
                           .access_ns = start_time,
                           .modify_ns = start_time,
                           .change_ns = start_time,
                           .mode = device ? IO_MODE_CHARACTER | 0666 : IO_MODE_DIRECTORY | 0755,
                           .links = device ? 1 : 2,
                           .block_size = PAGE_SIZE};
    answer_bytes(request, &info, sizeof(info));
}

static int64_t do_info(struct server *server, struct request *request)
{
    (void)server;
    enum devices_node device;
    int64_t error = find(request, &device);
    if (!error)
        answer_info(request, device);
    return error;
}

static int64_t do_open(struct server *server, struct request *request)
{
    enum devices_node device;
    uint64_t flags = request->head.arg[0];
    if (flags & ~(uint64_t)IO_OPEN_ALL)
        return -EINVAL;
    if (!(request->head.flags & MESSAGE_ROOM) && !(sys_message_info(request->token) & 2))
        return -EMSGSIZE;
    int64_t error = find(request, &device);
    if (error)
        return error == -ENOENT && flags & IO_OPEN_CREATE ? -EACCES : error;
    if (flags & IO_OPEN_CREATE && flags & IO_OPEN_EXCLUSIVE)
        return -EEXIST;
    if (device && flags & IO_OPEN_DIRECTORY)
        return -ENOTDIR;
    if (!device && flags & (IO_OPEN_WRITE | IO_OPEN_TRUNCATE))
        return -EISDIR;
    if (flags & IO_OPEN_EXECUTE)
        return -EACCES;
    int64_t handle =
        server_session(server, DEVICES_BADGE(device) | (flags & FLAGS_KEPT) << FLAGS_SHIFT);
    if (handle < 0)
        return handle;
    answer_info(request, device);
    answer_handle(request, (handle_t)handle);
    return 0;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static int64_t fill(enum devices_node device, uint64_t length)
{
    if (device == DEVICES_RANDOM || device == DEVICES_URANDOM)
        return sys_random(length);
    memset(message_area()->bytes, 0, length);
    return 0;
}

static int64_t fill_loan(enum devices_node device, handle_t loan, uint64_t length)
{
    uint64_t done = 0;
    while (done < length) {
        uint64_t piece = length - done < PAGE_SIZE ? length - done : PAGE_SIZE;
        int64_t error = fill(device, piece);
        if (error == 0)
            error = sys_vmo_write(loan, done, piece);
        if (error < 0)
            return done ? (int64_t)done : error == -EPERM ? -EINVAL : -EIO;
        done += piece;
    }
    return (int64_t)done;
}

static int64_t do_read(struct server *server, struct request *request)
{
    (void)server;
    enum devices_node device = device_of(request);
    uint64_t most = MESSAGE_BYTES_MAX, length = request->head.length;
    handle_t loan = request_loan(request, &most);
    if (!opened_for(request, IO_OPEN_READ))
        return -EBADF;
    if (device == DEVICES_TREE)
        return -EISDIR;
    if (loan && length > most)
        return -EINVAL;
    if (device == DEVICES_NULL || !length)
        return 0;
    if (loan)
        return fill_loan(device, loan, length);
    length = length < most ? length : most;
    if (fill(device, length) < 0)
        return -EIO;
    answer_length(request, length);
    return (int64_t)length;
}

static int64_t do_write(struct server *server, struct request *request)
{
    (void)server;
    uint64_t most = MESSAGE_FLAG_BYTES(request->head.flags);
    request_loan(request, &most);
    if (!opened_for(request, IO_OPEN_WRITE))
        return -EBADF;
    if (request->head.length > most)
        return -EINVAL;
    if (device_of(request) == DEVICES_FULL && request->head.length)
        return -ENOSPC;
    return (int64_t)request->head.length;
}

/* There is no offset to move, but programs may ask. */
static int64_t do_seek(struct server *server, struct request *request)
{
    (void)server;
    (void)request;
    return 0;
}

/* ---- The rest -------------------------------------------------------------------------------- */

static int64_t do_list(struct server *server, struct request *request)
{
    (void)server;
    uint64_t position = request->head.offset, length = 0;
    if (!opened_for(request, IO_OPEN_READ))
        return -EBADF;
    if (device_of(request) != DEVICES_TREE)
        return -ENOTDIR;
    for (; position < DEVICES_END - 1; position++) {
        const char *name = names[position + 1];
        uint8_t *to = message_area()->bytes + length;
        struct io_entry entry = {.node = position + 2,
                                 .next = position + 1,
                                 .name_length = (uint16_t)strlen(name),
                                 .type = IO_MODE_CHARACTER >> 12};
        uint64_t size = (sizeof(entry) + entry.name_length + 7) & ~7ul;
        memset(to, 0, size);
        memcpy(to, &entry, sizeof(entry));
        memcpy(to + sizeof(entry), name, entry.name_length);
        length += size;
    }
    answer_length(request, length);
    request->reply.offset = position;
    return (int64_t)length;
}

static int64_t do_control(struct server *server, struct request *request)
{
    (void)server;
    (void)request;
    return -ENOTTY;
}

static int64_t do_map(struct server *server, struct request *request)
{
    (void)server;
    (void)request;
    return -ENODEV;
}

static int64_t do_sync(struct server *server, struct request *request)
{
    (void)server;
    (void)request;
    return 0;
}

static int64_t do_poll(struct server *server, struct request *request)
{
    (void)server;
    return (int64_t)(request->head.arg[0] & (IO_READY_READ | IO_READY_WRITE));
}

/* Whatever would change the directory. */
static int64_t refuse(struct server *server, struct request *request)
{
    (void)server;
    (void)request;
    return -EROFS;
}

static server_handler *const handlers[] = {
    [IO_OPEN - IO_OPEN] = do_open,     [IO_READ - IO_OPEN] = do_read,
    [IO_WRITE - IO_OPEN] = do_write,   [IO_SEEK - IO_OPEN] = do_seek,
    [IO_INFO - IO_OPEN] = do_info,     [IO_CHANGE - IO_OPEN] = refuse,
    [IO_LIST - IO_OPEN] = do_list,     [IO_MAKE_DIRECTORY - IO_OPEN] = refuse,
    [IO_REMOVE - IO_OPEN] = refuse,    [IO_RENAME - IO_OPEN] = refuse,
    [IO_LINK - IO_OPEN] = refuse,      [IO_MAKE_LINK - IO_OPEN] = refuse,
    [IO_MAKE_NODE - IO_OPEN] = refuse, [IO_SYNC - IO_OPEN] = do_sync,
    [IO_MAP - IO_OPEN] = do_map,       [IO_CONTROL - IO_OPEN] = do_control,
    [IO_POLL - IO_OPEN] = do_poll,
};

static struct server server = {
    .first_op = IO_OPEN,
    .op_count = sizeof(handlers) / sizeof(handlers[0]),
    .handlers = handlers,
};

int main(const struct startup *startup)
{
    uint64_t rights;
    startup_open(startup);
    touch_program();
    if (startup->clock_address)
        start_time = ((const struct clock_page *)startup->clock_address)->boot_realtime_ns;
    start_time += clock_now();
    server.port = startup_handle(startup, "port");
    int64_t error = server_open(&server, QUEUE);
    sys_handle_info(server.port, &rights, &device_number);
    if (error == 0)
        error = server_run(&server);
    print("devices: ends: error %ld\n", -error);
    return 1;
}
