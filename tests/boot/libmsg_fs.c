/*
 * The filesystem skeleton, with the smallest filesystem there is: one file, "dir/file".
 */
#include "fs_server.h"
#include "port.h"
#include "test.h"

enum { ROOT = 1, FILE_NODE };

/* ---- The filesystem -------------------------------------------------------------------------- */

static uint8_t content[256];
static uint64_t size;
static uint32_t open_count;

static int64_t find(const struct fs_call *call)
{
    if (call->path.length == 0)
        return (int64_t)call->node;
    return call->node == ROOT && strcmp(call->path.text, "dir/file") == 0 ? FILE_NODE : -ENOENT;
}

static int64_t do_open(struct fs_driver *driver, struct fs_call *call)
{
    (void)driver;
    int64_t node = find(call);
    if (node < 0)
        return node;
    call->node = (uint64_t)node;
    *(struct io_info *)message_area()->bytes = (struct io_info){.node = call->node, .size = size};
    open_count++;
    return 0;
}

static void closed(struct fs_driver *driver, uint64_t node)
{
    (void)driver;
    open_count -= node == FILE_NODE;
}

static int64_t do_read(struct fs_driver *driver, struct fs_call *call)
{
    (void)driver;
    uint64_t length = call->request->head.length;
    if (call->offset >= size)
        return 0;
    length = length < size - call->offset ? length : size - call->offset;
    memcpy(message_area()->bytes, content + call->offset, length);
    call->request->reply.flags = MESSAGE_FLAGS(length, 0, 0);
    return (int64_t)length;
}

static int64_t do_write(struct fs_driver *driver, struct fs_call *call)
{
    (void)driver;
    uint64_t length = call->request->head.length;
    if (call->offset == UINT64_MAX)
        call->offset = size;
    if (call->offset > sizeof(content) || length > sizeof(content) - call->offset)
        return -ENOSPC;
    memcpy(content + call->offset, message_area()->bytes, length);
    if (size < call->offset + length)
        size = call->offset + length;
    return (int64_t)length;
}

static struct io_path renamed_from, renamed_to;

static int64_t do_rename(struct fs_driver *driver, struct fs_call *call)
{
    (void)driver;
    renamed_from = call->path;
    renamed_to = call->second;
    return 0;
}

static int64_t size_of(struct fs_driver *driver, uint64_t node)
{
    (void)driver;
    return node == FILE_NODE ? (int64_t)size : -EISDIR;
}

static struct fs_driver fs = {.root = ROOT,
                              .open = do_open,
                              .closed = closed,
                              .read = do_read,
                              .write = do_write,
                              .rename = do_rename,
                              .make_link = do_rename,
                              .size = size_of};

static void serve(void *argument)
{
    (void)argument;
    fs_serve(&fs);
}

/* ---- A client -------------------------------------------------------------------------------- */

static struct mailbox box;
static struct port tree, file;

static int64_t ask(struct port *port, uint32_t op, const char *path, uint64_t offset,
                   uint64_t length, uint64_t a, uint64_t c)
{
    uint64_t bytes = path ? strlen(path) : 0;
    struct msg m = {.head = {.op = op,
                             .flags = MESSAGE_FLAGS(bytes, 0, 0) | MESSAGE_ROOM,
                             .offset = offset,
                             .length = length,
                             .arg = {a, 0, c}}};
    memcpy(message_area()->bytes, path ? path : "", bytes);
    return msg_do(port, &m, soon());
}

static int64_t open_path(const char *path, uint64_t flags)
{
    return ask(&tree, IO_OPEN, path, 0, 0, flags, 0);
}

static void open_file(uint64_t flags)
{
    is(open_path("dir/file", flags), 0, "open");
    port_across(&file, &box, message_area()->handles[0].handle);
}

static int64_t read_file(uint64_t offset, uint64_t length)
{
    return ask(&file, IO_READ, NULL, offset, length, 0, 0);
}

static int64_t write_file(uint64_t offset, const char *text)
{
    return ask(&file, IO_WRITE, text, offset, strlen(text), 0, 0);
}

static void test_paths(void)
{
    is(open_path("dir/nothing", IO_OPEN_READ), -ENOENT, "a path that leads nowhere");
    is(open_path("/dir/file", IO_OPEN_READ), -EINVAL, "a path with a leading slash");
    is(open_path("dir/../dir/file", IO_OPEN_READ), -EINVAL, "a path with ..");
    is(ask(&tree, IO_RENAME, "dir/fileother/name", 0, 0, 0, 8), 0, "two paths");
    ok(strcmp(renamed_from.text, "dir/file") == 0 && strcmp(renamed_to.text, "other/name") == 0,
       "come apart");
    is(ask(&tree, IO_RENAME, "dir/file", 0, 0, 0, 9), -EINVAL, "a first that is longer than both");
    is(ask(&tree, IO_RENAME, "dir/file", 0, 0, 0, UINT64_MAX), -EINVAL, "much longer");
    is(ask(&tree, IO_MAKE_LINK, "../xname", 0, 0, 0, 4), 0, "a link's target is any text");
    is(ask(&tree, IO_MAKE_LINK, "name", 0, 0, 0, 0), -EINVAL, "but some");
    is(ask(&tree, IO_REMOVE, "name", 0, 0, 0, 0), -ENOSYS, "what the driver does not do");
    is(ask(&tree, IO_READ, NULL, 0, 10, 0, 0), -EBADF, "a tree that was not opened is not read");
}

static void test_bytes(void)
{
    open_file(IO_OPEN_READ | IO_OPEN_WRITE);
    is(write_file(IO_OFFSET_CURRENT, "hello "), 6, "write");
    is(write_file(IO_OFFSET_CURRENT, "world"), 5, "write on");
    is(write_file(sizeof(content) - 2, "xyz"), -ENOSPC, "beyond what there is");
    is(ask(&file, IO_SEEK, NULL, -5, 0, 2, 0), 6, "seek from the end");
    is(read_file(IO_OFFSET_CURRENT, 100), 5, "read");
    ok(memcmp(message_area()->bytes, "world", 5) == 0, "what was written");
    is(ask(&file, IO_SEEK, NULL, -11, 0, 1, 0), 0, "seek back");
    is(ask(&file, IO_SEEK, NULL, -1, 0, 1, 0), -EINVAL, "not before the start");
    is(ask(&file, IO_SEEK, NULL, 0, 0, 3, 0), -EINVAL, "nor from anywhere else");
    is(ask(&file, IO_SEEK, NULL, INT64_MAX, 0, 2, 0), -EINVAL, "nor around");
    is(read_file(6, 5000), -EINVAL, "more than a reply can hold");
    is(read_file(6, 2), 2, "read elsewhere");
    is(ask(&file, IO_SEEK, NULL, 0, 0, 1, 0), 0, "the offset has stayed");
    is(ask(&file, IO_WRITE, "abc", 0, 4, 0, 0), -EINVAL, "bytes that are not there");
    port_close(&file);
    open_file(IO_OPEN_WRITE | IO_OPEN_APPEND);
    is(write_file(IO_OFFSET_CURRENT, "!"), 1, "append");
    is(ask(&file, IO_SEEK, NULL, 0, 0, 1, 0), 12, "moves behind it");
    is(read_file(0, 1), -EBADF, "a session that may not read");
    port_close(&file);
    open_file(IO_OPEN_READ);
    is(write_file(0, "x"), -EBADF, "one that may not write");
    is(read_file(0, 100), 12, "it is all there");
    ok(memcmp(message_area()->bytes, "hello world!", 12) == 0, "in order");
    port_close(&file);
    for (uint64_t end = soon(); open_count && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    is(open_count, 0, "what was opened is closed");
}

int main(const void *found)
{
    struct thread thread;
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    must(fs_open(&fs), "port");
    run_thread(&thread, serve, NULL, -1, PRIORITY_DEFAULT);
    int64_t copy = sys_handle_duplicate(fs.server.port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    port_across(&tree, &box, (handle_t)must(copy, "copy"));
    test_paths();
    test_bytes();
    mailbox_close(&box);
    return test_end();
}
