/*
 * See fs_server.h.  A session's badge is its place + 1 | generation << 16; badge 0 is the root.
 */
#include "fs_server.h"

#include "string.h"
#include "thread.h"

static struct fs_driver *driver_of(struct server *server)
{
    return (struct fs_driver *)((uint8_t *)server - offsetof(struct fs_driver, server));
}

static struct fs_session *session_of(struct fs_driver *driver, uint64_t badge)
{
    uint64_t place = (badge & 0xffff) - 1;
    if (place >= FS_SESSIONS_MAX)
        return NULL;
    struct fs_session *session = &driver->sessions[place];
    return session->open && session->generation == badge >> 16 ? session : NULL;
}

/* -EBADF a badge that names no session. */
static int64_t begin(struct fs_driver *driver, struct request *request, struct fs_call *call)
{
    uint64_t badge = request_badge(request);
    call->request = request;
    call->session = session_of(driver, badge);
    call->node = call->session ? call->session->node : driver->root;
    return badge && !call->session ? -EBADF : 0;
}

static int64_t copy_path(struct fs_call *call)
{
    return io_path_copy(&call->path, message_area()->bytes,
                        MESSAGE_FLAG_BYTES(call->request->head.flags));
}

/* Two of them: arg[2] bytes of the first; its text is only bounded if it is a link's target. */
static int64_t copy_two_paths(struct fs_call *call, bool is_target)
{
    const uint8_t *bytes = message_area()->bytes;
    uint64_t all = MESSAGE_FLAG_BYTES(call->request->head.flags);
    uint64_t first = call->request->head.arg[2];
    if (first > all)
        return -EINVAL;
    int64_t error = io_path_copy(&call->second, bytes + first, all - first);
    if (error < 0 || !is_target)
        return error < 0 ? error : io_path_copy(&call->path, bytes, first);
    if (first == 0 || first > IO_PATH_MAX)
        return first ? -ENAMETOOLONG : -EINVAL;
    memcpy(call->path.text, bytes, first);
    call->path.text[first] = 0;
    call->path.length = (uint32_t)first;
    return strlen(call->path.text) == first ? 0 : -EINVAL;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static int64_t give_session(struct fs_driver *driver, struct fs_call *call)
{
    uint32_t place = 0;
    while (place < FS_SESSIONS_MAX && driver->sessions[place].open)
        place++;
    if (place == FS_SESSIONS_MAX)
        return -EAGAIN;
    struct fs_session *session = &driver->sessions[place];
    uint32_t generation = session->generation + 1;
    int64_t handle = server_session(&driver->server, (uint64_t)generation << 16 | (place + 1));
    if (handle < 0)
        return handle;
    *session = (struct fs_session){.node = call->node,
                                   .flags = (uint32_t)call->request->head.arg[0],
                                   .generation = generation,
                                   .open = true};
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    call->request->reply.flags = MESSAGE_FLAGS(sizeof(struct io_info), 1, 0);
    return 0;
}

static int64_t do_open(struct server *server, struct request *request)
{
    struct fs_driver *driver = driver_of(server);
    struct fs_call call;
    int64_t result = begin(driver, request, &call);
    if (result == 0)
        result = copy_path(&call);
    if (result == 0)
        result = driver->open(driver, &call);
    if (result != 0)
        return result; /* EASYNC is not for opening: a session has to be made */
    result = give_session(driver, &call);
    if (result < 0 && driver->closed)
        driver->closed(driver, call.node);
    return result;
}

static void told(struct server *server, const struct message *head)
{
    struct fs_driver *driver = driver_of(server);
    struct fs_session *session = session_of(driver, head->cookie);
    if (head->op != KERNEL_UNREFERENCED || !session)
        return;
    session->open = false;
    if (driver->closed)
        driver->closed(driver, session->node);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static int64_t transfer(struct fs_driver *driver, struct request *request, fs_function *function,
                        uint32_t needed)
{
    struct fs_call call;
    int64_t result = begin(driver, request, &call);
    if (result < 0)
        return result;
    struct fs_session *session = call.session;
    if (!session || !(session->flags & needed))
        return -EBADF;
    if (!function)
        return -EINVAL;
    uint64_t length = request->head.length;
    if (MESSAGE_FLAG_RANGES(request->head.flags)) {
        if (length > request->ranges[0].length)
            return -EINVAL;
    } else if (length > (needed == IO_OPEN_READ ? MESSAGE_BYTES_MAX
                                                : MESSAGE_FLAG_BYTES(request->head.flags))) {
        return -EINVAL;
    }
    bool current = request->head.offset == IO_OFFSET_CURRENT;
    bool appends = current && needed == IO_OPEN_WRITE && (session->flags & IO_OPEN_APPEND);
    call.offset = appends ? UINT64_MAX : current ? session->offset : request->head.offset;
    result = function(driver, &call);
    if (result >= 0 && result != EASYNC && current)
        session->offset = call.offset + (uint64_t)result;
    return result;
}

static int64_t do_read(struct server *server, struct request *request)
{
    return transfer(driver_of(server), request, driver_of(server)->read, IO_OPEN_READ);
}

static int64_t do_write(struct server *server, struct request *request)
{
    return transfer(driver_of(server), request, driver_of(server)->write, IO_OPEN_WRITE);
}

static int64_t do_seek(struct server *server, struct request *request)
{
    struct fs_driver *driver = driver_of(server);
    struct fs_call call;
    int64_t base = begin(driver, request, &call), to;
    if (base < 0)
        return base;
    if (!call.session)
        return -EBADF;
    if (request->head.arg[0] == 1)
        base = (int64_t)call.session->offset;
    else if (request->head.arg[0] == 2)
        base = driver->size ? driver->size(driver, call.node) : -ESPIPE;
    else if (request->head.arg[0])
        return -EINVAL;
    if (base < 0)
        return base;
    if (__builtin_add_overflow(base, (int64_t)request->head.offset, &to) || to < 0)
        return -EINVAL;
    call.session->offset = (uint64_t)to;
    return to;
}

/* ---- The others ------------------------------------------------------------------------------ */

enum paths { NO_PATH, ONE_PATH, TWO_PATHS, TARGET_AND_PATH };

static int64_t call_with(struct fs_driver *driver, struct request *request, fs_function *function,
                         enum paths paths)
{
    struct fs_call call;
    int64_t result = begin(driver, request, &call);
    if (result < 0)
        return result;
    if (!function)
        return -ENOSYS;
    if (paths == ONE_PATH)
        result = copy_path(&call);
    else if (paths != NO_PATH)
        result = copy_two_paths(&call, paths == TARGET_AND_PATH);
    return result < 0 ? result : function(driver, &call);
}

static int64_t do_other(struct server *server, struct request *request)
{
    struct fs_driver *driver = driver_of(server);
    switch (request->head.op) {
    case IO_INFO:
        return call_with(driver, request, driver->info, ONE_PATH);
    case IO_CHANGE:
        return call_with(driver, request, driver->change, ONE_PATH);
    case IO_LIST:
        return call_with(driver, request, driver->list, NO_PATH);
    case IO_MAKE_DIRECTORY:
        return call_with(driver, request, driver->make_directory, ONE_PATH);
    case IO_REMOVE:
        return call_with(driver, request, driver->remove, ONE_PATH);
    case IO_RENAME:
        return call_with(driver, request, driver->rename, TWO_PATHS);
    case IO_LINK:
        return call_with(driver, request, driver->link, TWO_PATHS);
    case IO_MAKE_LINK:
        return call_with(driver, request, driver->make_link, TARGET_AND_PATH);
    case IO_READ_LINK:
        return call_with(driver, request, driver->read_link, ONE_PATH);
    case IO_MAKE_NODE:
        return call_with(driver, request, driver->make_node, ONE_PATH);
    case IO_SYNC:
        return call_with(driver, request, driver->sync, NO_PATH);
    case IO_MAP:
        return call_with(driver, request, driver->map, NO_PATH);
    case IO_CONTROL:
        return driver->control ? call_with(driver, request, driver->control, NO_PATH) : -ENOTTY;
    case IO_POLL: /* files are always ready */
        return driver->poll ? call_with(driver, request, driver->poll, NO_PATH)
                            : (int64_t)(request->head.arg[0] & (IO_READY_READ | IO_READY_WRITE));
    case IO_USAGE:
        return call_with(driver, request, driver->usage, ONE_PATH);
    default:
        return -ENOSYS;
    }
}

static server_handler *const handlers[] = {
    [IO_OPEN - IO_OPEN] = do_open,
    [IO_READ - IO_OPEN] = do_read,
    [IO_WRITE - IO_OPEN] = do_write,
    [IO_SEEK - IO_OPEN] = do_seek,
};

void fs_prepare(struct fs_driver *driver)
{
    struct server *server = &driver->server;
    server->first_op = IO_OPEN;
    server->op_count = sizeof(handlers) / sizeof(handlers[0]);
    server->handlers = handlers;
    server->other = do_other;
    server->events = &driver->events;
    if (!server->told)
        server->told = told;
}

int64_t fs_open(struct fs_driver *driver)
{
    fs_prepare(driver);
    return server_open(&driver->server, FS_SESSIONS_MAX);
}

int64_t fs_serve(struct fs_driver *driver)
{
    int64_t error = fs_open(driver);
    return error < 0 ? error : server_run(&driver->server);
}
