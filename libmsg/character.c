/*
 * Reads, writes and polls that wait; see character.h.
 *
 * Each kind waits in an array, in the order of arrival; the first is served first, and nobody
 * behind it before.
 */
#include "character.h"

#include "clock.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"
#include "words.h"

static struct character *of(struct server *server)
{
    return (struct character *)((char *)server - offsetof(struct character, server));
}

/* A badge by which somebody may use the device: not that of a session of an earlier life. */
static bool is_known(const struct character *device, const struct request *request)
{
    if (!(request->badge & BADGE_COUNTED))
        return true;
    return request_badge(request) >> 32 == device->life;
}

/* A session's badge ends in what it was opened for: IO_OPEN_READ and IO_OPEN_WRITE. */
static bool is_opened_for(const struct request *request, uint64_t what)
{
    return !(request->badge & BADGE_COUNTED) || request->badge & what;
}

/* Whether a new request of a kind has to be refused, to begin with. */
static int64_t admit(struct character *device, const struct request *request)
{
    uint32_t op = request->head.op;
    if (!is_known(device, request))
        return -EIO;
    if ((op == IO_READ && !is_opened_for(request, IO_OPEN_READ)) ||
        (op == IO_WRITE && !is_opened_for(request, IO_OPEN_WRITE)))
        return -EBADF;
    return device->operations->permit ? device->operations->permit(device, request) : 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Puts `count` bytes where the reader wants them, and the head for its reply. */
static int64_t deliver(const struct character_read *read, const void *bytes, size_t count,
                       struct message *reply)
{
    memcpy(message_area()->bytes, bytes, count);
    if (read->loan)
        return count ? sys_vmo_write(read->loan, 0, count) : 0;
    reply->flags = MESSAGE_FLAGS(count, 0, 0);
    return 0;
}

/* Tries to answer a read.  False: it has to wait. */
static bool answer_read(struct character *device, const struct character_read *read)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t length = read->length < sizeof(bytes) ? read->length : sizeof(bytes);
    struct message reply = {0};
    int64_t count = device->operations->peek(device, read, bytes, length);
    if (count == -EAGAIN && !read->nonblock)
        return false;
    reply.result = count;
    if (count >= 0) {
        int64_t error = deliver(read, bytes, (size_t)count, &reply);
        if (error < 0)
            reply = (struct message){.result = count = error};
    }
    if (server_reply(read->token, &reply) == 0 && count >= 0)
        device->operations->took(device, (size_t)count);
    return true;
}

static void wake_readers(struct character *device)
{
    uint32_t done = 0;
    while (done < device->reads_waiting && answer_read(device, &device->reads[done]))
        done++;
    device->reads_waiting -= done;
    memmove(device->reads, device->reads + done, device->reads_waiting * sizeof(device->reads[0]));
}

void character_fail_reads(struct character *device, int64_t error)
{
    for (uint32_t i = 0; i < device->reads_waiting; i++)
        server_reply(device->reads[i].token, &(struct message){.result = error});
    device->reads_waiting = 0;
}

static int64_t do_read(struct server *server, struct request *request)
{
    struct character *device = of(server);
    const struct message *head = &request->head;
    int64_t error = admit(device, request);
    if (error)
        return error;
    if (!device->operations->peek)
        return -EBADF;
    if (!head->length)
        return 0;
    struct character_read read = {.token = request->token,
                                  .length = head->length,
                                  .since = clock_now(),
                                  .nonblock = head->arg[0] & IO_NONBLOCK};
    if (MESSAGE_FLAG_RANGES(head->flags)) {
        const struct message_range *range = &message_area()->ranges[0];
        read.loan = range->vmo;
        read.length = head->length < range->length ? head->length : range->length;
    }
    if (device->reads_waiting == 0 && answer_read(device, &read))
        return EASYNC;
    if (read.nonblock || device->reads_waiting == CHARACTER_WAITING)
        return -EAGAIN;
    device->reads[device->reads_waiting++] = read;
    return EASYNC;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Gives the device what it takes of a write.  False: something is left, and nothing is wrong. */
static bool pour(struct character *device, struct character_write *write, int64_t *result)
{
    while (write->done < write->length) {
        uint64_t left = write->length - write->done;
        const uint8_t *from = write->bytes + write->done;
        if (write->loan) {
            left = left < MESSAGE_BYTES_MAX ? left : MESSAGE_BYTES_MAX;
            *result = sys_vmo_read(write->loan, write->done, left);
            if (*result < 0)
                return true;
            from = message_area()->bytes;
        }
        *result = device->operations->put(device, from, left);
        if (*result < 0)
            return true;
        write->done += (uint64_t)*result;
        if (*result == 0)
            return false;
    }
    *result = (int64_t)write->length;
    return true;
}

static void wake_writers(struct character *device)
{
    while (device->writes_waiting) {
        struct character_write *first = &device->writes[0];
        int64_t result;
        if (!pour(device, first, &result))
            return;
        server_reply(first->token, &(struct message){.result = result});
        device->writes_waiting--;
        memmove(device->writes, device->writes + 1,
                device->writes_waiting * sizeof(device->writes[0]));
    }
}

static int64_t do_write(struct server *server, struct request *request)
{
    struct character *device = of(server);
    const struct message *head = &request->head;
    int64_t result = admit(device, request);
    if (result)
        return result;
    if (!device->operations->put)
        return -EBADF;
    if (device->writes_waiting == CHARACTER_WAITING)
        return -EAGAIN;
    struct character_write *write = &device->writes[device->writes_waiting];
    write->token = request->token;
    write->length = MESSAGE_FLAG_BYTES(head->flags);
    write->done = 0;
    write->loan = HANDLE_NONE;
    if (MESSAGE_FLAG_RANGES(head->flags)) {
        const struct message_range *range = &message_area()->ranges[0];
        write->loan = range->vmo;
        write->length = range->length;
    } else {
        memcpy(write->bytes, message_area()->bytes, write->length);
    }
    if (head->length < write->length)
        write->length = head->length;
    if (device->writes_waiting == 0 && pour(device, write, &result)) {
        wake_readers(device); /* some devices answer */
        return result;
    }
    if (head->arg[0] & IO_NONBLOCK)
        return device->writes_waiting == 0 && write->done ? (int64_t)write->done : -EAGAIN;
    device->writes_waiting++;
    return EASYNC;
}

/* ---- All has been sent ----------------------------------------------------------------------- */

static bool is_drained(struct character *device)
{
    return !device->writes_waiting &&
           (!device->operations->drained || device->operations->drained(device));
}

static void wake_syncs(struct character *device)
{
    if (!is_drained(device))
        return;
    for (uint32_t i = 0; i < device->syncs_waiting; i++)
        server_reply(device->syncs[i], &(struct message){0});
    device->syncs_waiting = 0;
}

int64_t character_drain(struct character *device, const struct request *request)
{
    if (is_drained(device))
        return 0;
    if (device->syncs_waiting == CHARACTER_WAITING)
        return -EAGAIN;
    device->syncs[device->syncs_waiting++] = request->token;
    return EASYNC;
}

static int64_t do_sync(struct server *server, struct request *request)
{
    struct character *device = of(server);
    return is_known(device, request) ? character_drain(device, request) : -EIO;
}

/* ---- Polling --------------------------------------------------------------------------------- */

static void wake_polls(struct character *device)
{
    uint32_t ready = device->operations->ready(device);
    for (uint32_t i = 0; i < CHARACTER_WAITING; i++) {
        struct character_poll *poll = &device->polls[i];
        if (!poll->port || !(poll->interest & ready))
            continue;
        sys_notify(poll->port, poll->bits);
        sys_handle_close(poll->port);
        poll->port = HANDLE_NONE;
    }
}

static int64_t do_poll(struct server *server, struct request *request)
{
    struct character *device = of(server);
    if (!is_known(device, request))
        return -EIO;
    uint32_t interest = (uint32_t)request->head.arg[0];
    uint32_t ready = device->operations->ready(device) & (interest | IO_READY_HANGUP);
    if (ready || !request->handles[0])
        return ready;
    for (uint32_t i = 0; i < CHARACTER_WAITING; i++) {
        struct character_poll *poll = &device->polls[i];
        if (poll->port)
            continue;
        *poll = (struct character_poll){request_take(request, 0), interest | IO_READY_HANGUP,
                                        request->head.arg[1]};
        return 0;
    }
    return -EAGAIN;
}

/* ---- Opening, and the rest ------------------------------------------------------------------- */

static int64_t describe(const struct character *device, struct request *request)
{
    struct io_info info = {.mode = IO_MODE_CHARACTER | 0666,
                           .links = 1,
                           .block_size = MESSAGE_BYTES_MAX,
                           .terminal = device->terminal};
    memcpy(message_area()->bytes, &info, sizeof(info));
    request->reply.flags |= MESSAGE_FLAGS(sizeof(info), 0, 0);
    return 0;
}

static int64_t do_open(struct server *server, struct request *request)
{
    struct character *device = of(server);
    uint64_t flags = request->head.arg[0];
    if (!is_known(device, request))
        return -EIO;
    if (flags & ~(uint64_t)IO_OPEN_ALL)
        return -EINVAL;
    if (MESSAGE_FLAG_BYTES(request->head.flags) || flags & IO_OPEN_DIRECTORY)
        return -ENOTDIR;
    if (flags & IO_OPEN_EXCLUSIVE)
        return -EEXIST;
    uint32_t number = ++device->opened << 2 | (flags & (IO_OPEN_READ | IO_OPEN_WRITE));
    int64_t handle = server_session(server, SESSION_BADGE(device->life, number));
    if (handle < 0)
        return handle;
    device->open++;
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    return describe(device, request);
}

static int64_t do_info(struct server *server, struct request *request)
{
    if (MESSAGE_FLAG_BYTES(request->head.flags))
        return -ENOTDIR;
    return describe(of(server), request);
}

static int64_t do_seek(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return -ESPIPE;
}

/* A mode or a size that is set on a device changes nothing. */
static int64_t do_change(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return 0;
}

static int64_t do_map(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return -ENODEV;
}

static int64_t do_control(struct server *server, struct request *request)
{
    struct character *device = of(server);
    if (!device->operations->control)
        return -ENOTTY;
    int64_t error = admit(device, request);
    return error ? error : device->operations->control(device, request);
}

static server_handler *const handlers[] = {
    [IO_OPEN - IO_OPEN] = do_open,   [IO_READ - IO_OPEN] = do_read,
    [IO_WRITE - IO_OPEN] = do_write, [IO_SEEK - IO_OPEN] = do_seek,
    [IO_INFO - IO_OPEN] = do_info,   [IO_CHANGE - IO_OPEN] = do_change,
    [IO_SYNC - IO_OPEN] = do_sync,   [IO_MAP - IO_OPEN] = do_map,
    [IO_POLL - IO_OPEN] = do_poll,   [IO_CONTROL - IO_OPEN] = do_control,
};

static void told(struct server *server, const struct message *head)
{
    struct character *device = of(server);
    if (head->op != KERNEL_UNREFERENCED || head->cookie >> 32 != device->life || !device->open)
        return;
    if (--device->open == 0 && device->operations->closed)
        device->operations->closed(device);
}

int64_t character_open(struct character *device, const struct startup *startup)
{
    const char *life = startup_option(startup, "life=");
    uint64_t number = 0;
    if (life && !string_to_number(life, &number))
        return -EINVAL;
    device->life = (uint32_t)number;
    device->server.port = startup_handle(startup, "port");
    device->server.first_op = IO_OPEN;
    device->server.op_count = sizeof(handlers) / sizeof(handlers[0]);
    device->server.handlers = handlers;
    device->server.told = told;
    return server_open(&device->server, 256);
}

void character_wake(struct character *device)
{
    wake_writers(device);
    wake_readers(device);
    wake_syncs(device);
    wake_polls(device);
}

/* Whether the sender of a message still wants it; tells it that it need not wait if it does not. */
static bool is_wanted(uint64_t token)
{
    int64_t info = sys_message_info(token);
    if (info < 0)
        return false;
    if (info & 1)
        server_reply(token, &(struct message){.result = -EINTR});
    return !(info & 1);
}

void character_aborted(struct character *device)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < device->reads_waiting; i++)
        if (is_wanted(device->reads[i].token))
            device->reads[kept++] = device->reads[i];
    device->reads_waiting = kept;
    kept = 0;
    for (uint32_t i = 0; i < device->writes_waiting; i++)
        if (is_wanted(device->writes[i].token)) {
            if (kept != i)
                memcpy(&device->writes[kept], &device->writes[i], sizeof(device->writes[i]));
            kept++;
        }
    device->writes_waiting = kept;
    kept = 0;
    for (uint32_t i = 0; i < device->syncs_waiting; i++)
        if (is_wanted(device->syncs[i]))
            device->syncs[kept++] = device->syncs[i];
    device->syncs_waiting = kept;
    character_wake(device);
}
