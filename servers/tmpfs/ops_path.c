/*
 * The operations of tmpfs on paths.  Each looks its path up from the session's node; what then may
 * be done is said by the rules in walk.c.
 */
#include "syscall.h"
#include "tmpfs.h"

static struct path path, second;

/* ---- Looking up ------------------------------------------------------------------------------ */

/* The answer when a symbolic link is in the way of path number `which`. */
static int64_t answer_link(struct request *request, const struct walk *at, uint64_t which)
{
    answer_bytes(request, at->link->target, at->link->size);
    request->reply.arg[0] = at->rest;
    request->reply.arg[1] = which;
    return IO_LINK_MET;
}

/* Follows `what` from the session's node: 0; IO_LINK_MET, answered; or an error. */
static int64_t follow(struct request *request, const struct session *session,
                      const struct path *what, bool last_too, struct walk *at, uint64_t which)
{
    int64_t error = walk(&tree, session->node, what, last_too, at);
    if (error)
        return error;
    return at->link ? answer_link(request, at, which) : 0;
}

/* The request's session and where its path leads.  0, or what the handler returns. */
static int64_t look_up(struct request *request, bool last_too, struct session **session,
                       struct walk *at)
{
    *session = session_of(request);
    if (!*session)
        return -EBADF;
    int64_t error = request_path(request, &path);
    return error ? error : follow(request, *session, &path, last_too, at, 0);
}

/* The same for something that is to be changed. */
static int64_t look_up_to_change(struct request *request, bool last_too, struct walk *at)
{
    struct session *session;
    int64_t error = look_up(request, last_too, &session, at);
    if (error)
        return error;
    return session->read_only ? -EROFS : 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int64_t check_open(const struct node *node, uint64_t flags, bool read_only)
{
    if (node_type(node) == IO_MODE_LINK)
        return -ELOOP;
    if (flags & IO_OPEN_DIRECTORY && !node_is_directory(node))
        return -ENOTDIR;
    if (flags & (IO_OPEN_WRITE | IO_OPEN_TRUNCATE)) {
        if (node_is_directory(node))
            return -EISDIR;
        if (read_only)
            return -EROFS;
    }
    if (flags & IO_OPEN_EXECUTE && (node_is_directory(node) || !(node->mode & 0111)))
        return -EACCES;
    return 0;
}

/* A new regular file, for open. */
static int64_t create_file(const struct walk *at, uint64_t flags, uint64_t mode, bool read_only,
                           struct node **made)
{
    if (read_only)
        return -EROFS;
    if (flags & IO_OPEN_DIRECTORY)
        return -EINVAL;
    struct node *node = node_create(&tree, IO_MODE_REGULAR | (mode & 07777));
    if (!node)
        return -ENOSPC;
    int64_t error = rule_make(&tree, at, node);
    if (error)
        node_settle(&tree, node);
    *made = node;
    return error;
}

static int64_t answer_session(struct server *server, struct request *request, struct node *node,
                              uint32_t flags, bool read_only)
{
    struct session *made;
    struct io_info info;
    int64_t handle = session_create(server, node, flags, read_only, &made);
    if (handle < 0)
        return handle;
    int64_t result = 0;
    if (node_type(node) == IO_MODE_FIFO)
        result = fifo_open(made, (handle_t)handle, request);
    if (result < 0)
        sys_handle_close((handle_t)handle);
    if (result)
        return result;
    fill_info(node, &info);
    answer_bytes(request, &info, sizeof(info));
    answer_handle(request, (handle_t)handle);
    return 0;
}

int64_t do_open(struct server *server, struct request *request)
{
    struct session *session;
    struct walk at;
    uint64_t flags = request->head.arg[0];
    bool exclusive = (flags & IO_OPEN_CREATE) && (flags & IO_OPEN_EXCLUSIVE);
    if (flags & ~(uint64_t)IO_OPEN_ALL)
        return -EINVAL;
    if (!(request->head.flags & MESSAGE_ROOM) && !(sys_message_info(request->token) & 2))
        return -EMSGSIZE;
    int64_t error = look_up(request, !exclusive && !(flags & IO_OPEN_NOFOLLOW), &session, &at);
    if (error)
        return error;
    bool read_only = session->read_only;
    struct node *node = at.node;
    if (node && exclusive)
        return -EEXIST;
    if (node) {
        error = check_open(node, flags, read_only);
        if (!error && flags & IO_OPEN_TRUNCATE && node_type(node) == IO_MODE_REGULAR)
            error = truncate_node(node, 0);
    } else if (flags & IO_OPEN_CREATE) {
        error = create_file(&at, flags, request->head.arg[1], read_only, &node);
    } else {
        error = -ENOENT;
    }
    if (error)
        return error;
    return answer_session(server, request, node, (uint32_t)flags, read_only);
}

/* ---- What a node says of itself, and what of it can be changed ------------------------------- */

void fill_info(const struct node *node, struct io_info *info)
{
    bool regular = node_type(node) == IO_MODE_REGULAR;
    *info = (struct io_info){.size = node_is_directory(node) ? 0 : node->size,
                             .node = node->number,
                             .device = device_number,
                             .access_ns = node->access_ns,
                             .modify_ns = node->modify_ns,
                             .change_ns = node->change_ns,
                             .mode = node->mode,
                             .links = node->links,
                             .uid = node->uid,
                             .gid = node->gid,
                             .blocks = regular ? (node->size + PAGE_SIZE - 1) / PAGE_SIZE * 8 : 0,
                             .block_size = PAGE_SIZE};
}

int64_t do_info(struct server *server, struct request *request)
{
    (void)server;
    struct session *session;
    struct walk at;
    struct io_info info;
    int64_t error = look_up(request, !(request->head.arg[0] & IO_OPEN_NOFOLLOW), &session, &at);
    if (error)
        return error;
    if (!at.node)
        return -ENOENT;
    fill_info(at.node, &info);
    answer_bytes(request, &info, sizeof(info));
    return 0;
}

static uint64_t new_time(uint64_t asked, uint64_t old)
{
    return asked == IO_TIME_NOW ? tree.now : asked == IO_TIME_KEEP ? old : asked;
}

int64_t truncate_node(struct node *node, uint64_t size)
{
    if (node_is_directory(node))
        return -EISDIR;
    if (node_type(node) != IO_MODE_REGULAR)
        return -EINVAL;
    int64_t error = data_resize(node, size);
    if (!error)
        node->modify_ns = node->change_ns = tree.now;
    return error;
}

static int64_t change(struct node *node, const struct message *head, uint64_t what)
{
    uint32_t uid = (uint32_t)head->arg[1], gid = (uint32_t)(head->arg[1] >> 32);
    switch (what) {
    case IO_CHANGE_MODE:
        node->mode = (node->mode & IO_MODE_TYPE) | (head->arg[1] & 07777);
        break;
    case IO_CHANGE_OWNER:
        node->uid = uid == UINT32_MAX ? node->uid : uid;
        node->gid = gid == UINT32_MAX ? node->gid : gid;
        break;
    case IO_CHANGE_TIMES:
        node->access_ns = new_time(head->offset, node->access_ns);
        node->modify_ns = new_time(head->length, node->modify_ns);
        break;
    case IO_CHANGE_SIZE:
        return truncate_node(node, head->offset);
    default:
        return -EINVAL;
    }
    node->change_ns = tree.now;
    return 0;
}

int64_t do_change(struct server *server, struct request *request)
{
    (void)server;
    struct walk at;
    uint64_t what = request->head.arg[0];
    int64_t error = look_up_to_change(request, !(what & IO_CHANGE_NOFOLLOW), &at);
    if (error)
        return error;
    what &= ~(uint64_t)IO_CHANGE_NOFOLLOW;
    if (!at.node)
        return -ENOENT;
    /* Of the session's own node the size is changed only if it was opened for that. */
    if (what == IO_CHANGE_SIZE && !at.parent && !node_is_directory(at.node) &&
        !(session_of(request)->flags & IO_OPEN_WRITE))
        return -EBADF;
    return change(at.node, &request->head, what);
}

/* ---- Making and removing names --------------------------------------------------------------- */

static int64_t make(const struct walk *at, uint32_t mode)
{
    if (!at->parent || at->node)
        return -EEXIST;
    struct node *node = node_create(&tree, mode);
    if (!node)
        return -ENOSPC;
    int64_t error = rule_make(&tree, at, node);
    if (error)
        node_settle(&tree, node);
    return error;
}

int64_t do_make_directory(struct server *server, struct request *request)
{
    (void)server;
    struct walk at;
    int64_t error = look_up_to_change(request, false, &at);
    return error ? error : make(&at, IO_MODE_DIRECTORY | (request->head.arg[1] & 07777));
}

int64_t do_make_node(struct server *server, struct request *request)
{
    (void)server;
    struct walk at;
    uint64_t mode = request->head.arg[1];
    if ((mode & IO_MODE_TYPE) != IO_MODE_FIFO && (mode & IO_MODE_TYPE) != IO_MODE_REGULAR)
        return -EINVAL;
    int64_t error = look_up_to_change(request, false, &at);
    return error ? error : make(&at, mode & (IO_MODE_TYPE | 07777));
}

int64_t do_remove(struct server *server, struct request *request)
{
    (void)server;
    struct walk at;
    if (request->head.arg[0] > 1)
        return -EINVAL;
    int64_t error = look_up_to_change(request, false, &at);
    return error ? error : rule_remove(&tree, &at, request->head.arg[0] == 1);
}

static int64_t on_two(struct request *request,
                      int (*rule)(struct tree *, const struct walk *, const struct walk *))
{
    struct walk from, to;
    struct session *session = session_of(request);
    if (!session)
        return -EBADF;
    int64_t error = request_two_paths(request, &path, &second);
    if (!error)
        error = follow(request, session, &path, false, &from, 0);
    if (!error)
        error = follow(request, session, &second, false, &to, 1);
    if (error)
        return error;
    return session->read_only ? -EROFS : rule(&tree, &from, &to);
}

int64_t do_rename(struct server *server, struct request *request)
{
    (void)server;
    return on_two(request, rule_rename);
}

int64_t do_link(struct server *server, struct request *request)
{
    (void)server;
    return on_two(request, rule_link);
}

/* ---- Symbolic links -------------------------------------------------------------------------- */

static char target[IO_PATH_MAX];

static int64_t make_link(const struct walk *at, uint64_t length)
{
    if (!at->parent || at->node)
        return -EEXIST;
    char *text = heap_take(&tree.heap, length);
    struct node *node = text ? node_create(&tree, IO_MODE_LINK | 0777) : NULL;
    if (!node) {
        heap_give_back(&tree.heap, text, length);
        return -ENOSPC;
    }
    memcpy(text, target, length);
    node->target = text;
    node->size = length;
    int64_t error = rule_make(&tree, at, node);
    if (error)
        node_settle(&tree, node);
    return error;
}

int64_t do_make_link(struct server *server, struct request *request)
{
    (void)server;
    struct walk at;
    struct session *session = session_of(request);
    const uint8_t *bytes = message_area()->bytes;
    uint64_t all = MESSAGE_FLAG_BYTES(request->head.flags), length = request->head.arg[2];
    if (!session)
        return -EBADF;
    if (length > all || length == 0 || length > sizeof(target))
        return -EINVAL;
    memcpy(target, bytes, length);
    for (uint64_t i = 0; i < length; i++)
        if (target[i] == 0)
            return -EINVAL;
    int64_t error = path_take(&path, bytes + length, all - length);
    if (!error)
        error = follow(request, session, &path, false, &at, 1);
    if (error)
        return error;
    return session->read_only ? -EROFS : make_link(&at, length);
}

int64_t do_read_link(struct server *server, struct request *request)
{
    (void)server;
    struct session *session;
    struct walk at;
    int64_t error = look_up(request, false, &session, &at);
    if (error)
        return error;
    if (!at.node)
        return -ENOENT;
    if (node_type(at.node) != IO_MODE_LINK)
        return -EINVAL;
    answer_bytes(request, at.node->target, at.node->size);
    return (int64_t)at.node->size;
}

int64_t do_usage(struct server *server, struct request *request)
{
    (void)server;
    struct session *session;
    struct walk at;
    int64_t error = look_up(request, true, &session, &at);
    if (error)
        return error;
    if (!at.node)
        return -ENOENT;
    struct io_usage usage = {.block_size = PAGE_SIZE,
                             .blocks = data_limit() / PAGE_SIZE,
                             .blocks_free = (data_limit() - data_used()) / PAGE_SIZE,
                             .nodes = tree.nodes_max,
                             .nodes_free = tree.nodes_max - tree.nodes,
                             .read_only = session->read_only,
                             .name_max = IO_NAME_MAX,
                             .type = "tmpfs"};
    answer_bytes(request, &usage, sizeof(usage));
    return 0;
}
