/*
 * See char_server.h.  A session's badge is its place + 1 | generation << 16; the badge 0 is the
 * node itself, that of who found it by name: it can be opened and read, and has no offset of its
 * own.
 */
#include "char_server.h"

#include "string.h"
#include "thread.h"

static struct char_driver *driver_of(struct server *server)
{
    return (struct char_driver *)((uint8_t *)server - offsetof(struct char_driver, server));
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static struct char_session *session_of(struct char_driver *driver, uint64_t badge)
{
    uint64_t place = (badge & 0xffff) - 1;
    if (place >= CHAR_SESSIONS_MAX)
        return NULL;
    struct char_session *session = &driver->sessions[place];
    return session->open && session->generation == badge >> 16 ? session : NULL;
}

static void fill_info(const struct char_driver *driver, struct io_info *info)
{
    *info = (struct io_info){.size = driver->size,
                             .mode = IO_MODE_CHARACTER | (driver->mode ? driver->mode : 0666),
                             .links = 1,
                             .block_size = CHAR_BYTES_MAX,
                             .terminal = driver->terminal};
}

/* The only path there is. */
static bool is_self(const struct request *request)
{
    return MESSAGE_FLAG_BYTES(request->head.flags) == 0;
}

static int64_t do_open(struct server *server, struct request *request)
{
    struct char_driver *driver = driver_of(server);
    uint64_t flags = request->head.arg[0];
    uint32_t place = 0;
    if (!is_self(request))
        return -ENOENT;
    if (flags & IO_OPEN_DIRECTORY)
        return -ENOTDIR;
    if (flags & IO_OPEN_EXCLUSIVE)
        return -EEXIST;
    while (place < CHAR_SESSIONS_MAX && driver->sessions[place].open)
        place++;
    if (place == CHAR_SESSIONS_MAX)
        return -EAGAIN;
    struct char_session *session = &driver->sessions[place];
    uint32_t generation = session->generation + 1;
    int64_t handle = server_session(server, (uint64_t)generation << 16 | (place + 1));
    if (handle < 0)
        return handle;
    *session = (struct char_session){.open = true, .generation = generation};
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    fill_info(driver, (struct io_info *)message_area()->bytes);
    request->reply.flags = MESSAGE_FLAGS(sizeof(struct io_info), 1, 0);
    return 0;
}

static int64_t do_info(struct server *server, struct request *request)
{
    if (!is_self(request))
        return -ENOENT;
    fill_info(driver_of(server), (struct io_info *)message_area()->bytes);
    request->reply.flags = MESSAGE_FLAGS(sizeof(struct io_info), 0, 0);
    return 0;
}

static void told(struct server *server, const struct message *head)
{
    if (head->op != KERNEL_UNREFERENCED)
        return;
    struct char_session *session = session_of(driver_of(server), head->cookie);
    if (session)
        session->open = false;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static struct char_request *allocate(struct char_driver *driver)
{
    struct char_request *request = driver->free;
    if (request)
        driver->free = request->next;
    return request;
}

static void release(struct char_driver *driver, struct char_request *request)
{
    request->kept = false;
    request->next = driver->free;
    driver->free = request;
}

/* Of a request that the driver is done with: the bytes go where they belong, the session moves
 * on. */
static int64_t finish(struct char_driver *driver, struct char_request *request, int64_t result,
                      struct message *reply)
{
    struct char_session *session = session_of(driver, request->badge);
    if (result < 0)
        return result;
    if ((uint64_t)result > request->length)
        return -EIO; /* the driver's mistake: not the client's memory's */
    if (!request->write) {
        memcpy(message_area()->bytes, request->bytes, (uint64_t)result);
        if (!request->range.length)
            reply->flags = MESSAGE_FLAGS(result, 0, 0);
        else if (result) {
            int64_t error =
                sys_vmo_write(request->range.vmo, request->range.offset, (uint64_t)result);
            if (error < 0)
                return error;
        }
    }
    if (session && request->moves_on)
        session->offset += (uint64_t)result;
    return result;
}

void char_done(struct char_driver *driver, struct char_request *request, int64_t result)
{
    struct message reply = {0};
    uint64_t token = request->token;
    reply.result = finish(driver, request, result, &reply);
    release(driver, request);
    if (server_reply(token, &reply) == -EMSGSIZE) {
        reply.flags = 0; /* it made no room for bytes */
        reply.result = -EMSGSIZE;
        server_reply(token, &reply);
    }
}

/* What there is to write: at most one buffer of it. */
static int64_t fetch(const struct request *from, struct char_request *request)
{
    uint64_t bytes = MESSAGE_FLAG_BYTES(from->head.flags);
    if (MESSAGE_FLAG_RANGES(from->head.flags)) {
        int64_t error = request_range_read(from, 0, 0, request->length);
        if (error < 0)
            return error;
    } else if (from->head.length > bytes) {
        return -EINVAL;
    }
    memcpy(request->buffer, message_area()->bytes, request->length);
    return 0;
}

static int64_t set_up(struct char_driver *driver, const struct request *from,
                      struct char_request *request, bool write)
{
    struct char_session *session = session_of(driver, request_badge(from));
    uint64_t offset = from->head.offset, length = from->head.length;
    if (MESSAGE_FLAG_RANGES(from->head.flags) && from->ranges[0].length < length)
        return -EINVAL;
    request->moves_on = offset == IO_OFFSET_CURRENT;
    request->offset = !request->moves_on ? offset : session ? session->offset : 0;
    request->length = length < CHAR_BYTES_MAX ? length : CHAR_BYTES_MAX;
    request->bytes = request->buffer;
    request->write = write;
    request->nonblock = from->head.arg[0] & IO_NONBLOCK;
    request->token = from->token;
    request->badge = request_badge(from);
    request->range = (struct message_range){0};
    if (!write && MESSAGE_FLAG_RANGES(from->head.flags))
        request->range = from->ranges[0];
    return write ? fetch(from, request) : 0;
}

static int64_t transfer(struct char_driver *driver, struct request *from, bool write)
{
    char_function *function = write ? driver->write : driver->read;
    if (!function)
        return -EPERM;
    if (!from->head.length)
        return 0;
    struct char_request *request = allocate(driver);
    if (!request)
        return -EAGAIN;
    int64_t result = set_up(driver, from, request, write);
    if (result == 0)
        result = function(driver, request);
    if (result == EASYNC || result == -EASYNC) {
        request->kept = true;
        return EASYNC;
    }
    result = finish(driver, request, result, &from->reply);
    release(driver, request);
    return result;
}

static int64_t do_read(struct server *server, struct request *request)
{
    return transfer(driver_of(server), request, false);
}

static int64_t do_write(struct server *server, struct request *request)
{
    return transfer(driver_of(server), request, true);
}

static void aborted(struct server *server, uint64_t token)
{
    struct char_driver *driver = driver_of(server);
    for (uint32_t i = 0; i < CHAR_REQUESTS_MAX; i++) {
        struct char_request *request = &driver->requests[i];
        if (request->kept && request->token == token && driver->abort)
            driver->abort(driver, request);
    }
}

/* ---- The rest -------------------------------------------------------------------------------- */

static int64_t do_seek(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return -ESPIPE;
}

static int64_t do_control(struct server *server, struct request *request)
{
    struct char_driver *driver = driver_of(server);
    return driver->control ? driver->control(driver, request) : -ENOTTY;
}

static uint32_t readiness(struct char_driver *driver)
{
    return driver->ready ? driver->ready(driver) : IO_READY_READ | IO_READY_WRITE;
}

static int64_t do_poll(struct server *server, struct request *request)
{
    struct char_driver *driver = driver_of(server);
    uint32_t wanted = (uint32_t)request->head.arg[0] | IO_READY_HANGUP;
    uint32_t now = readiness(driver) & wanted;
    if (now || !request->handles[0])
        return now;
    for (uint32_t i = 0; i < CHAR_POLLS_MAX; i++) {
        struct char_poll *poll = &driver->polls[i];
        if (poll->port)
            continue;
        *poll = (struct char_poll){request_take(request, 0), wanted, request->head.arg[1]};
        return 0;
    }
    return -EAGAIN;
}

void char_ready(struct char_driver *driver)
{
    uint32_t now = readiness(driver);
    for (uint32_t i = 0; i < CHAR_POLLS_MAX; i++) {
        struct char_poll *poll = &driver->polls[i];
        if (!poll->port || !(poll->wanted & now))
            continue;
        sys_notify(poll->port, poll->bits);
        sys_handle_close(poll->port);
        poll->port = HANDLE_NONE;
    }
}

static int64_t do_nothing(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return 0;
}

static server_handler *const handlers[IO_USAGE + 1 - IO_OPEN] = {
    [IO_OPEN - IO_OPEN] = do_open,       [IO_READ - IO_OPEN] = do_read,
    [IO_WRITE - IO_OPEN] = do_write,     [IO_SEEK - IO_OPEN] = do_seek,
    [IO_INFO - IO_OPEN] = do_info,       [IO_SYNC - IO_OPEN] = do_nothing,
    [IO_CONTROL - IO_OPEN] = do_control, [IO_POLL - IO_OPEN] = do_poll,
};

void char_prepare(struct char_driver *driver)
{
    struct server *server = &driver->server;
    server->first_op = IO_OPEN;
    server->op_count = IO_USAGE + 1 - IO_OPEN;
    server->handlers = handlers;
    server->events = &driver->events;
    server->aborted = aborted;
    if (!server->told)
        server->told = told;
    driver->free = NULL;
    for (uint32_t i = 0; i < CHAR_REQUESTS_MAX; i++)
        release(driver, &driver->requests[i]);
}

int64_t char_open(struct char_driver *driver)
{
    char_prepare(driver);
    return server_open(&driver->server, CHAR_SESSIONS_MAX);
}

int64_t char_serve(struct char_driver *driver)
{
    int64_t error = char_open(driver);
    return error < 0 ? error : server_run(&driver->server);
}
