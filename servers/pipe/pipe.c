/*
 * The pipe server; see <portolan/pipe.h>.
 *
 * An end of a pipe is a session: one slot of a table.  The pipe is a stream (stream.h) that goes
 * when both ends have.  Handles: "port", "log".
 */
#include "answer.h"
#include "clock.h"
#include "print.h"
#include "region.h"
#include "slots.h"
#include "start.h"
#include "stream.h"
#include "syscall.h"

#define PIPES_MAX 1024u
#define QUEUE 256u

struct end {
    struct stream *stream;
    uint64_t number;
    bool writing;
};

static struct end ends[2 * PIPES_MAX];
static struct slot slots[2 * PIPES_MAX];
static struct slots numbers;
static uint64_t last_number, device_number, realtime_at_start;

/* The end that a request comes from, or NULL. */
static inline struct end *end_of(const struct request *request)
{
    if (!(request->badge & BADGE_COUNTED))
        return NULL;
    uint32_t index = slots_find(&numbers, request_badge(request));
    return index == SLOT_NONE ? NULL : &ends[index];
}

/* ---- The ends' operations -------------------------------------------------------------------- */

static int64_t do_read(struct server *server, struct request *request)
{
    (void)server;
    struct end *end = end_of(request);
    return end && !end->writing ? stream_read(end->stream, request) : -EBADF;
}

static int64_t do_write(struct server *server, struct request *request)
{
    (void)server;
    struct end *end = end_of(request);
    return end && end->writing ? stream_write(end->stream, request) : -EBADF;
}

static int64_t do_poll(struct server *server, struct request *request)
{
    (void)server;
    struct end *end = end_of(request);
    return end ? stream_poll(end->stream, request, !end->writing, end->writing) : -EBADF;
}

static int64_t do_seek(struct server *server, struct request *request)
{
    (void)server;
    return end_of(request) ? -ESPIPE : -EBADF;
}

static int64_t do_info(struct server *server, struct request *request)
{
    (void)server;
    struct end *end = end_of(request);
    if (request->badge & BADGE_COUNTED && !end)
        return -EBADF;
    if (MESSAGE_FLAG_BYTES(request->head.flags))
        return -ENOTDIR;
    uint64_t now = realtime_at_start + clock_now();
    /* The root session is a device. */
    struct io_info info = {.size = end ? ring_used(&end->stream->ring) : 0,
                           .node = end ? end->number : 0,
                           .device = device_number,
                           .access_ns = now,
                           .modify_ns = now,
                           .change_ns = now,
                           .mode = end ? IO_MODE_FIFO | 0600 : IO_MODE_CHARACTER | 0666,
                           .links = 1,
                           .block_size = PIPE_BUFFER_ATOMIC};
    answer_bytes(request, &info, sizeof(info));
    return 0;
}

/* ---- Making pipes ---------------------------------------------------------------------------- */

static int64_t make_end(struct server *server, struct stream *stream, bool writing)
{
    uint32_t index = slots_take(&numbers);
    if (index == SLOT_NONE)
        return -ENFILE;
    int64_t handle = server_session(server, slots_badge(&numbers, index));
    if (handle < 0) {
        slots_give_back(&numbers, index);
        return handle;
    }
    ends[index] = (struct end){stream, last_number, writing};
    stream_opened(stream, writing);
    return handle;
}

/* Opening the node that the server is mounted as gives a copy of its root session. */
static int64_t do_open(struct server *server, struct request *request)
{
    if (request->badge & BADGE_COUNTED || MESSAGE_FLAG_BYTES(request->head.flags))
        return -ENOTDIR;
    if (!(request->head.flags & MESSAGE_ROOM) && !(sys_message_info(request->token) & 2))
        return -EMSGSIZE;
    int64_t handle =
        sys_handle_duplicate(server->port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, 0);
    int64_t result = handle < 0 ? handle : do_info(server, request);
    if (result < 0 && handle >= 0)
        sys_handle_close((handle_t)handle);
    if (result < 0)
        return result;
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    request->reply.flags |= MESSAGE_FLAGS(0, 1, 0);
    return 0;
}

static int64_t create(struct server *server, struct request *request)
{
    if (!(request->head.flags & MESSAGE_ROOM) && !(sys_message_info(request->token) & 2))
        return -EMSGSIZE;
    struct stream *stream = stream_create();
    if (!stream)
        return -ENFILE;
    last_number++;
    int64_t reader = make_end(server, stream, false);
    if (reader < 0) {
        stream_destroy(stream);
        return reader;
    }
    int64_t writer = make_end(server, stream, true);
    if (writer < 0) { /* told() will hear that the reader has gone, and end the stream */
        sys_handle_close((handle_t)reader);
        return writer;
    }
    message_area()->handles[0] = (struct message_handle){(handle_t)reader, RIGHTS_SAME, 0};
    message_area()->handles[1] = (struct message_handle){(handle_t)writer, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 2, 0);
    return 0;
}

static int64_t do_control(struct server *server, struct request *request)
{
    struct end *end = end_of(request);
    if (request->badge & BADGE_COUNTED && !end)
        return -EBADF;
    if (!end)
        return request->head.arg[0] == PIPE_CREATE ? create(server, request) : -ENOTTY;
    if (request->head.arg[0] != PIPE_READABLE)
        return -ENOTTY;
    return end->writing ? 0 : (int64_t)ring_used(&end->stream->ring);
}

/* ---- The server ------------------------------------------------------------------------------ */

static void end_session(uint64_t badge)
{
    uint32_t index = slots_find(&numbers, badge);
    if (index == SLOT_NONE)
        return;
    struct end end = ends[index];
    slots_give_back(&numbers, index);
    stream_closed(end.stream, end.writing);
    if (!end.stream->readers && !end.stream->writers)
        stream_destroy(end.stream);
}

static void told(struct server *server, const struct message *head)
{
    (void)server;
    if (head->op == KERNEL_UNREFERENCED)
        end_session(head->cookie);
}

static void notified(struct server *server, uint64_t bits)
{
    (void)server;
    if (bits & NOTIFY_ABORT)
        streams_aborted();
}

static server_handler *const handlers[] = {
    [IO_OPEN - IO_OPEN] = do_open,       [IO_READ - IO_OPEN] = do_read,
    [IO_WRITE - IO_OPEN] = do_write,     [IO_SEEK - IO_OPEN] = do_seek,
    [IO_INFO - IO_OPEN] = do_info,       [IO_POLL - IO_OPEN] = do_poll,
    [IO_CONTROL - IO_OPEN] = do_control,
};

static struct server server = {
    .first_op = IO_OPEN,
    .op_count = sizeof(handlers) / sizeof(handlers[0]),
    .handlers = handlers,
    .notified = notified,
    .told = told,
};

int main(const struct startup *startup)
{
    uint64_t rights;
    startup_open(startup);
    touch_program();
    if (startup->clock_address)
        realtime_at_start = ((const struct clock_page *)startup->clock_address)->boot_realtime_ns;
    server.port = startup_handle(startup, "port");
    slots_open(&numbers, slots, 2 * PIPES_MAX);
    int64_t error = server_open(&server, QUEUE);
    if (error == 0)
        error = streams_open(PIPES_MAX);
    sys_handle_info(server.port, &rights, &device_number);
    if (error == 0)
        error = server_run(&server);
    print("pipe: ends: error %ld\n", -error);
    return 1;
}
