/*
 * The operations of tmpfs on a session's own node, and the table of all.
 */
#include "syscall.h"
#include "tmpfs.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- Reading and writing --------------------------------------------------------------------- */

/* Where a transfer starts; -EINVAL a negative offset. */
static int64_t start_of(const struct session *session, uint64_t offset, bool append)
{
    if (offset == IO_OFFSET_CURRENT)
        return (int64_t)(append ? session->node->size : session->offset);
    return offset > INT64_MAX ? -EINVAL : (int64_t)offset;
}

static int64_t do_read(struct server *server, struct request *request)
{
    (void)server;
    struct session *session = session_of(request);
    const struct message *head = &request->head;
    uint64_t room = MESSAGE_BYTES_MAX;
    handle_t loan = request_loan(request, &room);
    if (!session || !(session->flags & IO_OPEN_READ))
        return -EBADF;
    struct node *node = session->node;
    if (node_is_directory(node))
        return -EISDIR;
    if (node_type(node) == IO_MODE_FIFO)
        return fifo_read(session, request);
    int64_t start = start_of(session, head->offset, false);
    if (start < 0 || (loan && head->length > room))
        return -EINVAL;
    int64_t done = data_read(node, (uint64_t)start, smaller(head->length, room), loan);
    if (done <= 0)
        return done;
    node->access_ns = tree.now;
    if (head->offset == IO_OFFSET_CURRENT)
        session->offset = (uint64_t)(start + done);
    if (!loan)
        answer_length(request, (uint64_t)done);
    return done;
}

static int64_t do_write(struct server *server, struct request *request)
{
    (void)server;
    struct session *session = session_of(request);
    const struct message *head = &request->head;
    uint64_t room = MESSAGE_FLAG_BYTES(head->flags);
    handle_t loan = request_loan(request, &room);
    if (!session || !(session->flags & IO_OPEN_WRITE))
        return -EBADF;
    struct node *node = session->node;
    if (node_type(node) == IO_MODE_FIFO)
        return fifo_write(session, request);
    int64_t start = start_of(session, head->offset, session->flags & IO_OPEN_APPEND);
    if (start < 0 || head->length > room)
        return -EINVAL;
    int64_t done = data_write(node, (uint64_t)start, head->length, loan);
    if (done <= 0)
        return done;
    node->modify_ns = node->change_ns = tree.now;
    if (head->offset == IO_OFFSET_CURRENT)
        session->offset = (uint64_t)(start + done);
    return done;
}

static int64_t do_seek(struct server *server, struct request *request)
{
    (void)server;
    struct session *session = session_of(request);
    if (!session)
        return -EBADF;
    if (node_type(session->node) == IO_MODE_FIFO)
        return -ESPIPE;
    const uint64_t bases[] = {0, session->offset, session->node->size};
    if (request->head.arg[0] > 2)
        return -EINVAL;
    int64_t offset;
    if (__builtin_add_overflow((int64_t)bases[request->head.arg[0]], (int64_t)request->head.offset,
                               &offset) ||
        offset < 0)
        return -EINVAL;
    session->offset = (uint64_t)offset;
    return offset;
}

/* ---- Directories ----------------------------------------------------------------------------- */

/* One entry at `to`, if there is room: its size, or 0. */
static uint64_t put_entry(uint8_t *to, uint64_t room, const struct entry *entry)
{
    struct io_entry out = {.node = entry->node->number,
                           .next = entry->sequence,
                           .name_length = entry->length,
                           .type = (uint8_t)(node_type(entry->node) >> 12)};
    uint64_t size = (sizeof(out) + entry->length + 7) & ~7ul;
    if (size > room)
        return 0;
    memset(to + size - 8, 0, 8);
    memcpy(to, &out, sizeof(out));
    memcpy(to + sizeof(out), entry->name, entry->length);
    return size;
}

static int64_t do_list(struct server *server, struct request *request)
{
    (void)server;
    struct session *session = session_of(request);
    if (!session || !(session->flags & IO_OPEN_READ))
        return -EBADF;
    if (!node_is_directory(session->node))
        return -ENOTDIR;
    bool current = request->head.offset == IO_OFFSET_CURRENT;
    uint64_t position = current ? session->offset : request->head.offset, length = 0, size;
    const struct entry *entry = tree_entry_after(session->node, position);
    for (; entry; entry = entry->next, length += size) {
        size = put_entry(message_area()->bytes + length, MESSAGE_BYTES_MAX - length, entry);
        if (size == 0)
            break;
        position = entry->sequence;
    }
    session->node->access_ns = tree.now;
    if (current)
        session->offset = position;
    answer_length(request, length);
    request->reply.offset = position;
    return (int64_t)length;
}

/* ---- The rest -------------------------------------------------------------------------------- */

static int64_t do_map(struct server *server, struct request *request)
{
    (void)server;
    struct session *session = session_of(request);
    uint64_t rights = request->head.arg[0];
    if (!session)
        return -EBADF;
    if (!rights || rights & ~(uint64_t)(RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE))
        return -EINVAL;
    if (node_type(session->node) != IO_MODE_REGULAR)
        return -ENODEV;
    if (!(session->flags & IO_OPEN_READ) ||
        (rights & RIGHT_WRITE && !(session->flags & IO_OPEN_WRITE)) ||
        (rights & RIGHT_EXECUTE && !(session->flags & IO_OPEN_EXECUTE)))
        return -EACCES;
    if (!(request->head.flags & MESSAGE_ROOM) && !(sys_message_info(request->token) & 2))
        return -EMSGSIZE;
    int64_t handle = data_map(session->node, (uint32_t)rights);
    if (handle < 0)
        return handle;
    request->reply.length = session->node->size;
    answer_handle(request, (handle_t)handle);
    return 0;
}

static int64_t do_sync(struct server *server, struct request *request)
{
    (void)server;
    return session_of(request) ? 0 : -EBADF;
}

static int64_t do_control(struct server *server, struct request *request)
{
    (void)server;
    return session_of(request) ? -ENOTTY : -EBADF;
}

static int64_t do_poll(struct server *server, struct request *request)
{
    (void)server;
    struct session *session = session_of(request);
    if (!session)
        return -EBADF;
    if (node_type(session->node) == IO_MODE_FIFO)
        return fifo_poll(session, request);
    return (int64_t)(request->head.arg[0] & (IO_READY_READ | IO_READY_WRITE));
}

server_handler *const tmpfs_handlers[] = {
    [IO_OPEN - IO_OPEN] = do_open,           [IO_READ - IO_OPEN] = do_read,
    [IO_WRITE - IO_OPEN] = do_write,         [IO_SEEK - IO_OPEN] = do_seek,
    [IO_INFO - IO_OPEN] = do_info,           [IO_CHANGE - IO_OPEN] = do_change,
    [IO_LIST - IO_OPEN] = do_list,           [IO_MAKE_DIRECTORY - IO_OPEN] = do_make_directory,
    [IO_REMOVE - IO_OPEN] = do_remove,       [IO_RENAME - IO_OPEN] = do_rename,
    [IO_LINK - IO_OPEN] = do_link,           [IO_MAKE_LINK - IO_OPEN] = do_make_link,
    [IO_READ_LINK - IO_OPEN] = do_read_link, [IO_MAKE_NODE - IO_OPEN] = do_make_node,
    [IO_SYNC - IO_OPEN] = do_sync,           [IO_MAP - IO_OPEN] = do_map,
    [IO_CONTROL - IO_OPEN] = do_control,     [IO_POLL - IO_OPEN] = do_poll,
    [IO_USAGE - IO_OPEN] = do_usage,
};
const uint32_t tmpfs_handler_count = sizeof(tmpfs_handlers) / sizeof(tmpfs_handlers[0]);
