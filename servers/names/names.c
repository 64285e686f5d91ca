/*
 * The name server; see <portolan/names.h>.  It keeps no state for its clients, and answers nothing
 * itself but its own operations and what it has to refuse: the rest is forwarded, and the mounted
 * server answers the client.
 *
 * Handles: "port" (may be missing: then nobody but a mount could reach it), "log".
 */
#include "answer.h"
#include "mounts.h"
#include "print.h"
#include "region.h"
#include "start.h"
#include "syscall.h"

#define QUEUE 64u

static struct mounts mounts;
static struct path path, second;

/* ---- Forwarding ------------------------------------------------------------------------------ */

/*
 * Handles that came along are put back, to go on; a forward that fails has moved none.  -EDEAD: the
 * mount's port has died, and the mount is gone: what lies under it is to be asked.
 */
static int64_t forward(const struct mount *mount, struct request *request, uint64_t bytes)
{
    struct message head = request->head;
    uint32_t count = MESSAGE_FLAG_HANDLES(head.flags);
    for (uint32_t i = 0; i < count; i++)
        message_area()->handles[i] = (struct message_handle){request->handles[i], RIGHTS_SAME, 0};
    head.flags = MESSAGE_FLAGS(bytes, count, 0) | (head.flags & ~MESSAGE_EXTRAS & ~MESSAGE_ROOM);
    int64_t error = sys_forward(mount->handle, request->token, &head);
    if (error == -EDEAD)
        sys_handle_close(mounts_remove_number(&mounts, mount->number));
    if (error == -EDEAD)
        return -EDEAD;
    if (error < 0)
        return error == -EAGAIN ? -EAGAIN : -EIO;
    for (uint32_t i = 0; i < count; i++)
        request_take(request, i);
    return EASYNC;
}

/* Where a path is answered; 0, -ENOENT nothing is mounted there, -ENOTDIR below a single node. */
static int64_t find(const struct path *what, const struct mount **mount, uint32_t *rest)
{
    *mount = mounts_find(&mounts, what, rest);
    if (!*mount)
        return -ENOENT;
    if ((*mount)->node && *rest != what->length)
        return -ENOTDIR;
    return 0;
}

/* `before` bytes of the message page, and then what is left of the path. */
static int64_t forward_path(struct request *request, uint64_t before)
{
    int64_t result;
    do {
        const struct mount *mount;
        uint32_t rest;
        result = find(&path, &mount, &rest);
        if (result)
            return result;
        memcpy(message_area()->bytes + before, path.text + rest, path.length - rest);
        result = forward(mount, request, before + path.length - rest);
    } while (result == -EDEAD);
    return result;
}

static int64_t on_path(struct server *server, struct request *request)
{
    (void)server;
    int64_t error = request_path(request, &path);
    return error ? error : forward_path(request, 0);
}

static int64_t on_own_path(struct server *server, struct request *request)
{
    int64_t error = request_path(request, &path);
    if (error)
        return error;
    return mounts_any_below(&mounts, &path) ? -EBUSY : on_path(server, request);
}

static int64_t forward_two(struct request *request)
{
    const struct mount *mount, *other;
    uint32_t rest, other_rest;
    int64_t error = find(&path, &mount, &rest);
    if (!error)
        error = find(&second, &other, &other_rest);
    if (error)
        return error;
    if (mount != other)
        return -EXDEV;
    uint32_t first_length = path.length - rest, second_length = second.length - other_rest;
    memcpy(message_area()->bytes, path.text + rest, first_length);
    memcpy(message_area()->bytes + first_length, second.text + other_rest, second_length);
    request->head.arg[2] = first_length;
    return forward(mount, request, first_length + second_length);
}

static int64_t on_two_paths(struct server *server, struct request *request)
{
    (void)server;
    int64_t result = request_two_paths(request, &path, &second);
    if (result)
        return result;
    if (request->head.op == IO_RENAME &&
        (mounts_any_below(&mounts, &path) || mounts_any_below(&mounts, &second)))
        return -EBUSY;
    do
        result = forward_two(request);
    while (result == -EDEAD);
    return result;
}

/* The target's text is passed on as it is. */
static int64_t on_make_link(struct server *server, struct request *request)
{
    (void)server;
    uint64_t length = MESSAGE_FLAG_BYTES(request->head.flags), cut = request->head.arg[2];
    if (cut > length)
        return -EINVAL;
    int64_t error = path_take(&path, message_area()->bytes + cut, length - cut);
    return error ? error : forward_path(request, cut);
}

/* ---- Mounts ---------------------------------------------------------------------------------- */

static int64_t do_mount(struct server *server, struct request *request)
{
    if (!(request->badge & NAMES_BADGE_MOUNT))
        return -EPERM;
    int64_t error = request_path(request, &path);
    uint64_t number, rights, koid, own_koid;
    if (error || request->head.arg[0] & ~(uint64_t)NAMES_NODE ||
        MESSAGE_FLAG_HANDLES(request->head.flags) != 1)
        return error ? error : -EINVAL;
    handle_t tree = request->handles[0];
    if (sys_handle_info(tree, &rights, &koid) != OBJECT_PORT || !(rights & RIGHT_SEND))
        return -EBADF;
    sys_handle_info(server->port, &rights, &own_koid);
    if (koid == own_koid)
        return -ELOOP;
    error = mounts_add(&mounts, &path, tree, request->head.arg[0] & NAMES_NODE, &number);
    if (error)
        return error;
    error = sys_watch(tree, server->port, number);
    if (error < 0) {
        mounts_remove_number(&mounts, number);
        return error;
    }
    request_take(request, 0);
    return 0;
}

static int64_t do_unmount(struct server *server, struct request *request)
{
    (void)server;
    if (!(request->badge & NAMES_BADGE_MOUNT))
        return -EPERM;
    int64_t error = request_path(request, &path);
    if (error)
        return error;
    handle_t tree = mounts_remove(&mounts, &path);
    if (!tree)
        return -ENOENT;
    sys_handle_close(tree);
    return 0;
}

static int64_t do_list(struct server *server, struct request *request)
{
    (void)server;
    uint8_t *bytes = message_area()->bytes;
    uint64_t length = 0, position = request->head.offset;
    const struct mount *mount;
    while ((mount = mounts_next(&mounts, position))) {
        struct io_entry entry = {.node = mount->number,
                                 .next = mount->number,
                                 .name_length = (uint16_t)mount->path.length,
                                 .type = mount->node ? 0 : IO_MODE_DIRECTORY >> 12};
        uint64_t size = (sizeof(entry) + mount->path.length + 7) & ~7ul;
        if (length + size > MESSAGE_BYTES_MAX)
            break;
        memset(bytes + length, 0, size);
        memcpy(bytes + length, &entry, sizeof(entry));
        memcpy(bytes + length + sizeof(entry), mount->path.text, mount->path.length);
        length += size;
        position = mount->number;
    }
    answer_length(request, length);
    request->reply.offset = position;
    return (int64_t)length;
}

/* A mount's port has died: cookie is the mount's number. */
static void told(struct server *server, const struct message *head)
{
    (void)server;
    if (head->op != KERNEL_DEATH)
        return;
    handle_t tree = mounts_remove_number(&mounts, head->cookie);
    if (tree)
        sys_handle_close(tree);
}

/* ---- The server ------------------------------------------------------------------------------ */

static server_handler *const io_handlers[IO_USAGE - IO_OPEN + 1] = {
    [IO_OPEN - IO_OPEN] = on_path,       [IO_INFO - IO_OPEN] = on_path,
    [IO_CHANGE - IO_OPEN] = on_path,     [IO_MAKE_DIRECTORY - IO_OPEN] = on_path,
    [IO_REMOVE - IO_OPEN] = on_own_path, [IO_RENAME - IO_OPEN] = on_two_paths,
    [IO_LINK - IO_OPEN] = on_two_paths,  [IO_MAKE_LINK - IO_OPEN] = on_make_link,
    [IO_READ_LINK - IO_OPEN] = on_path,  [IO_MAKE_NODE - IO_OPEN] = on_path,
    [IO_USAGE - IO_OPEN] = on_path,
};

static int64_t own_operations(struct server *server, struct request *request)
{
    switch (request->head.op) {
    case NAMES_MOUNT:
        return do_mount(server, request);
    case NAMES_UNMOUNT:
        return do_unmount(server, request);
    case NAMES_LIST:
        return do_list(server, request);
    default:
        return -ENOSYS;
    }
}

static struct server server = {
    .first_op = IO_OPEN,
    .op_count = sizeof(io_handlers) / sizeof(io_handlers[0]),
    .handlers = io_handlers,
    .other = own_operations,
    .told = told,
};

int main(const struct startup *startup)
{
    startup_open(startup);
    touch_program();
    server.port = startup_handle(startup, "port");
    int64_t error = server_open(&server, QUEUE);
    if (error == 0)
        error = server_run(&server);
    print("names: ends: error %ld\n", -error);
    return 1;
}
