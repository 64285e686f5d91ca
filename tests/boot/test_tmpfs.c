/*
 * tmpfs: files, directories, links, and the rules for names.
 */
#include "service.h"

static struct service service;
static handle_t root;
static uint8_t buffer[MESSAGE_BYTES_MAX];
#define READ_WRITE (IO_OPEN_READ | IO_OPEN_WRITE)
#define CREATE (READ_WRITE | IO_OPEN_CREATE)

static handle_t opened(const char *path, uint64_t flags)
{
    return (handle_t)must(open_path(root, path, flags), path);
}

static int64_t make_directory(const char *path)
{
    return ask(root, IO_MAKE_DIRECTORY, path, &(struct message){.arg = {0, 0755, 0}});
}

static int64_t remove_path(const char *path, bool directory)
{
    return ask(root, IO_REMOVE, path, &(struct message){.arg = {directory, 0, 0}});
}

static void touch(const char *path)
{
    sys_handle_close(opened(path, CREATE));
}

static uint64_t size_of(const char *path)
{
    struct io_info info;
    return get_info(root, path, 0, &info) ? UINT64_MAX : info.size;
}

static uint32_t links_of(const char *path)
{
    struct io_info info;
    return get_info(root, path, 0, &info) ? 0 : info.links;
}

static bool exists(const char *path)
{
    struct io_info info;
    return get_info(root, path, IO_OPEN_NOFOLLOW, &info) == 0;
}

static int64_t seek(handle_t session, int64_t offset, uint64_t whence)
{
    return ask(session, IO_SEEK, "",
               &(struct message){.offset = (uint64_t)offset, .arg = {whence, 0, 0}});
}

static int64_t truncate_session(handle_t session, uint64_t size)
{
    return ask(session, IO_CHANGE, "",
               &(struct message){.offset = size, .arg = {IO_CHANGE_SIZE, 0, 0}});
}

static void test_bytes(void)
{
    is(open_path(root, "file", READ_WRITE), -ENOENT, "a file that is not there");
    handle_t file = opened("file", CREATE);
    is(write_bytes(file, "hello", 5, 0, 0), 5, "write");
    is(read_bytes(file, buffer, 100, 0, 0), 5, "read gives what there is");
    ok(memcmp(buffer, "hello", 5) == 0, "and it is that");
    is(read_bytes(file, buffer, 100, 5, 0), 0, "nothing at the end");
    is(read_bytes(file, buffer, 100, 1ul << 40, 0), 0, "nor far behind it");
    is(read_bytes(file, buffer, 2, 3, 0), 2, "a part");
    ok(memcmp(buffer, "lo", 2) == 0, "of the middle");
    is(write_bytes(file, "end", 3, 10000, 0), 3, "a write far behind the end");
    is((int64_t)size_of("file"), 10003, "makes it longer");
    is(read_bytes(file, buffer, 4096, 0, 0), 4096, "the hole");
    ok(buffer[4] == 'o' && buffer[5] == 0 && buffer[4095] == 0, "is zeros");
    is(truncate_session(file, 3), 0, "cut");
    is(truncate_session(file, 100), 0, "and made longer");
    is(read_bytes(file, buffer, 200, 0, 0), 100, "has that size");
    ok(memcmp(buffer, "hel\0\0\0", 6) == 0 && buffer[99] == 0, "and zeros where it was cut");
    is(write_bytes(file, "x", 1, UINT64_MAX - 1, 0), -EINVAL, "a negative offset");
    is(write_bytes(file, "x", 1, INT64_MAX, 0), -EFBIG, "an offset that is too large");
    is(truncate_session(file, 1ul << 50), -EFBIG, "a size that is too large");
    is(truncate_session(file, 1ul << 40), -ENOSPC, "a size over the limit");
    is((int64_t)size_of("file"), 100, "changes nothing");
    sys_handle_close(file);

    file = opened("file", IO_OPEN_READ);
    is(write_bytes(file, "x", 1, 0, 0), -EBADF, "opened to read only");
    is(truncate_session(file, 0), -EBADF, "nor cut");
    sys_handle_close(file);
    file = opened("file", IO_OPEN_WRITE | IO_OPEN_TRUNCATE);
    is(read_bytes(file, buffer, 1, 0, 0), -EBADF, "opened to write only");
    is((int64_t)size_of("file"), 0, "truncated");
    sys_handle_close(file);
}

static void test_offsets(void)
{
    handle_t file = opened("offsets", CREATE);
    is(write_bytes(file, "abc", 3, IO_OFFSET_CURRENT, 0), 3, "write at the session's offset");
    is(write_bytes(file, "def", 3, IO_OFFSET_CURRENT, 0), 3, "and again");
    is(seek(file, 0, 1), 6, "it moved on");
    is(seek(file, 1, 0), 1, "seek from the start");
    handle_t copy = (handle_t)must(sys_handle_duplicate(file, RIGHTS_SAME, 0), "duplicate");
    is(read_bytes(copy, buffer, 2, IO_OFFSET_CURRENT, 0), 2, "a copy of the handle");
    ok(memcmp(buffer, "bc", 2) == 0 && seek(file, 0, 1) == 3, "shares the offset");
    is(seek(file, -2, 2), 4, "seek from the end");
    is(seek(file, -5, 1), -EINVAL, "not before the start");
    is(seek(file, 0, 3), -EINVAL, "from nowhere");
    is(seek(file, INT64_MAX, 1), -EINVAL, "an offset that overflows");
    handle_t other = opened("offsets", READ_WRITE | IO_OPEN_APPEND);
    is(write_bytes(other, "g", 1, IO_OFFSET_CURRENT, 0), 1, "append");
    is(write_bytes(file, "h", 1, 7, 0), 1, "another makes it longer");
    is(write_bytes(other, "i", 1, IO_OFFSET_CURRENT, 0), 1, "append again");
    is(read_bytes(file, buffer, 100, 0, 0), 9, "both are there");
    ok(memcmp(buffer, "abcdefghi", 9) == 0, "in order");
    sys_handle_close(file);
    sys_handle_close(copy);
    sys_handle_close(other);
}

static void test_names(void)
{
    is(make_directory("dir"), 0, "a directory");
    is(make_directory("dir"), -EEXIST, "once");
    is(make_directory("nowhere/dir"), -ENOENT, "in none");
    is(make_directory("file/dir"), -ENOTDIR, "in a file");
    is(open_path(root, "dir", READ_WRITE), -EISDIR, "it cannot be written to");
    is(open_path(root, "file", IO_OPEN_READ | IO_OPEN_DIRECTORY), -ENOTDIR, "a file is none");
    is(open_path(root, "file", CREATE | IO_OPEN_EXCLUSIVE), -EEXIST, "exclusive");
    is(open_path(root, "file", 1u << 20), -EINVAL, "unknown flags");
    is(open_path(root, "file", IO_OPEN_READ | IO_OPEN_EXECUTE), -EACCES, "not to be executed");
    touch("dir/inside");
    is(remove_path("dir", true), -ENOTEMPTY, "it is not empty");
    is(remove_path("dir", false), -EISDIR, "and a directory");
    is(remove_path("file", true), -ENOTDIR, "a file is not");
    handle_t directory = opened("dir", IO_OPEN_READ | IO_OPEN_DIRECTORY);
    handle_t inside = (handle_t)must(open_path(directory, "inside", IO_OPEN_READ), "relative");
    is(read_bytes(directory, buffer, 1, 0, 0), -EISDIR, "a directory is not read");
    is(open_path(inside, "x", IO_OPEN_READ), -ENOTDIR, "a path from a file");
    is(remove_path("dir/inside", false), 0, "remove");
    is(remove_path("dir/inside", false), -ENOENT, "once");
    is(links_of(""), 3, "links of the root");
    is(remove_path("dir", true), 0, "remove the directory");
    is(links_of(""), 2, "and again");
    is(open_path(directory, "new", CREATE), -ENOENT, "nothing is made in a removed directory");
    is(remove_path("", true), -EBUSY, "the root stays");
    sys_handle_close(inside);
    sys_handle_close(directory);
    is(ask(inside, IO_READ, "", NULL), -EBADF, "closed");
}

static void test_rename(void)
{
    make_directory("r");
    make_directory("r/d1");
    make_directory("r/d2");
    make_directory("r/d1/sub");
    touch("r/f1");
    touch("r/f2");
    is(ask_two(root, IO_RENAME, "r/f1", "r/f3"), 0, "rename a file");
    ok(!exists("r/f1") && exists("r/f3"), "it has the new name only");
    is(ask_two(root, IO_RENAME, "r/f3", "r/f2"), 0, "over another");
    ok(!exists("r/f3") && exists("r/f2"), "which is gone");
    is(ask_two(root, IO_RENAME, "r/f2", "r/f2"), 0, "to itself");
    is(ask_two(root, IO_RENAME, "r/none", "r/f2"), -ENOENT, "what is not there");
    is(ask_two(root, IO_RENAME, "r/f2", "r/d1"), -EISDIR, "a file over a directory");
    is(ask_two(root, IO_RENAME, "r/d1", "r/f2"), -ENOTDIR, "a directory over a file");
    is(ask_two(root, IO_RENAME, "r/d2", "r/d1"), -ENOTEMPTY, "over one that is not empty");
    is(ask_two(root, IO_RENAME, "r/d1", "r/d1/sub/x"), -EINVAL, "into itself");
    is(ask_two(root, IO_RENAME, "r/d1", "r/d1/x"), -EINVAL, "into itself, directly");
    is(ask_two(root, IO_RENAME, "", "r/x"), -EBUSY, "the root");
    is(ask_two(root, IO_RENAME, "r/d1", "r/d2"), 0, "over an empty one");
    ok(exists("r/d2/sub") && !exists("r/d1") && links_of("r") == 3 && links_of("r/d2") == 3,
       "with what is in it");
    is(ask_two(root, IO_RENAME, "r/d2/sub", "up"), 0, "a directory to another one");
    ok(links_of("r/d2") == 2 && links_of("") == 4 && exists("up"), "changes links");
    is(ask_two(root, IO_RENAME, "r", "up/r"), 0, "and back below it");
    is(ask_two(root, IO_RENAME, "up", "up/r/d2/x"), -EINVAL, "deep into itself");
    is(remove_path("up/r/d2", true), 0, "remove");
    is(remove_path("up/r/f2", false), 0, "all");
    is(remove_path("up/r", true), 0, "of");
    is(remove_path("up", true), 0, "it");
}

static void test_links(void)
{
    struct io_info info;
    handle_t file = opened("one", CREATE);
    write_bytes(file, "data", 4, 0, 0);
    is(ask_two(root, IO_LINK, "one", "two"), 0, "a hard link");
    is(links_of("two"), 2, "counts");
    is(ask_two(root, IO_LINK, "one", "two"), -EEXIST, "once");
    is(ask_two(root, IO_LINK, "", "root"), -EPERM, "not of a directory");
    is(ask_two(root, IO_RENAME, "one", "two"), 0, "rename to the same node");
    ok(exists("one") && exists("two"), "does nothing");
    is(remove_path("one", false), 0, "remove one");
    is((int64_t)size_of("two"), 4, "the other is still there");
    remove_path("two", false);
    is(ask_two(file, IO_LINK, "", "three"), -ENOTDIR, "a file is no directory");
    is(read_bytes(file, buffer, 10, 0, 0), 4, "unlinked, but open");
    is(get_info(file, "", 0, &info), 0, "its information");
    is(info.links, 0, "has no links");
    sys_handle_close(file);

    make_directory("d");
    touch("d/target");
    is(ask_two(root, IO_MAKE_LINK, "d", "l"), 0, "a symbolic link");
    is(ask_two(root, IO_MAKE_LINK, "d", "l"), -EEXIST, "once");
    is(ask_two(root, IO_MAKE_LINK, "", "e"), -EINVAL, "to nothing");
    is(open_path(root, "l/target/rest", IO_OPEN_READ), IO_LINK_MET, "met on the way");
    ok(reply.arg[0] == 11 && reply.arg[1] == 0 && MESSAGE_FLAG_BYTES(reply.flags) == 1 &&
           message_area()->bytes[0] == 'd',
       "says what it points to and what is left");
    is(open_path(root, "l", IO_OPEN_READ), IO_LINK_MET, "at the end");
    is((int64_t)reply.arg[0], 0, "nothing is left");
    is(open_path(root, "l", IO_OPEN_READ | IO_OPEN_NOFOLLOW), -ELOOP, "not followed");
    is(open_path(root, "l", CREATE | IO_OPEN_EXCLUSIVE), -EEXIST, "exclusive: it is there");
    is(get_info(root, "l", IO_OPEN_NOFOLLOW, &info), 0, "the link's own information");
    ok((info.mode & IO_MODE_TYPE) == IO_MODE_LINK && info.size == 1, "type and size");
    is(ask_two(root, IO_RENAME, "l/target", "x"), IO_LINK_MET, "in the first path");
    is((int64_t)reply.arg[1], 0, "which is told");
    is(ask_two(root, IO_RENAME, "d/target", "l/x"), IO_LINK_MET, "in the second path");
    is((int64_t)reply.arg[1], 1, "which is told too");
    is(ask(root, IO_READ_LINK, "l", &(struct message){.flags = MESSAGE_ROOM}), 1, "read link");
    is(ask(root, IO_READ_LINK, "d", NULL), -EINVAL, "of no link");
    is(remove_path("l", false), 0, "removing a link");
    ok(exists("d/target"), "leaves its target");
    remove_path("d/target", false);
    remove_path("d", true);
}

static void test_change(void)
{
    struct io_info info, after;
    touch("c");
    get_info(root, "c", 0, &info);
    struct message mode = {.arg = {IO_CHANGE_MODE, 04751 | IO_MODE_DIRECTORY, 0}};
    struct message owner = {.arg = {IO_CHANGE_OWNER, 5 | 7ul << 32, 0}};
    struct message group = {.arg = {IO_CHANGE_OWNER, UINT32_MAX | 8ul << 32, 0}};
    struct message times = {.offset = 1000, .length = IO_TIME_KEEP, .arg = {IO_CHANGE_TIMES}};
    is(ask(root, IO_CHANGE, "c", &mode), 0, "mode");
    is(ask(root, IO_CHANGE, "c", &owner), 0, "owner");
    is(ask(root, IO_CHANGE, "c", &group), 0, "group alone");
    is(ask(root, IO_CHANGE, "c", &times), 0, "times");
    get_info(root, "c", 0, &after);
    is(after.mode, IO_MODE_REGULAR | 04751, "the mode, but not the type");
    ok(after.uid == 5 && after.gid == 8, "the owner");
    ok(after.access_ns == 1000 && after.modify_ns == info.modify_ns, "the times");
    ok(after.change_ns > info.change_ns, "and that it changed");
    is(ask(root, IO_CHANGE, "c", &(struct message){.arg = {3}}), -EINVAL, "two at a time");
    is(ask(root, IO_CHANGE, "none", &mode), -ENOENT, "of nothing");
    handle_t file = opened("c", READ_WRITE | IO_OPEN_EXECUTE);
    write_bytes(file, "x", 1, 0, 0);
    get_info(root, "c", 0, &info);
    ok(info.modify_ns > after.modify_ns, "a write sets the modification time");
    is(ask(file, IO_SYNC, "", NULL), 0, "sync");
    is(ask(file, IO_CONTROL, "", NULL), -ENOTTY, "no terminal");
    is(ask(file, IO_POLL, "", &(struct message){.arg = {IO_READY_READ}}), IO_READY_READ, "ready");
    sys_handle_close(file);
    remove_path("c", false);
}

static void test_lent(void)
{
    uint64_t size = 3ul << 20, odd = 5000;
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, size, 0, 0), "vmo");
    uint64_t *words =
        (uint64_t *)must(sys_map(HANDLE_NONE, vmo, 0, size, 0, MAP_READ | MAP_WRITE), "map");
    for (uint64_t i = 0; i < size / 8; i++)
        words[i] = i * 0x9e3779b97f4a7c15u;
    handle_t file = opened("big", CREATE);
    is(write_lent(file, vmo, 0, size, odd), (int64_t)size, "3 MiB through a loan");
    is((int64_t)size_of("big"), (int64_t)(size + odd), "all of them");
    memset(words, 0, size);
    is(read_lent(file, vmo, 8, size - 8, odd + 8), (int64_t)size - 8, "and back");
    bool same = words[0] == 0;
    for (uint64_t i = 1; i < size / 8; i++)
        same &= words[i] == i * 0x9e3779b97f4a7c15u;
    ok(same, "the same");
    is(read_lent(file, vmo, 0, size, size), (int64_t)odd, "short at the end");
    struct message wrong = {.op = IO_READ, .flags = MESSAGE_FLAGS(0, 0, 1), .length = 4096};
    message_area()->ranges[0] = (struct message_range){vmo, RIGHT_READ, 0, 4096};
    must(sys_do(file, soon(), &wrong), "do");
    is(wrong.result, -EINVAL, "a read into what is lent to be read");
    wrong = (struct message){.op = IO_WRITE, .flags = MESSAGE_FLAGS(0, 0, 1), .length = 8192};
    message_area()->ranges[0] = (struct message_range){vmo, RIGHT_READ, 0, 4096};
    must(sys_do(file, soon(), &wrong), "do");
    is(wrong.result, -EINVAL, "more than is lent");
    sys_unmap(HANDLE_NONE, (uint64_t)words, size);
    sys_handle_close(vmo);
    sys_handle_close(file);
    remove_path("big", false);
}

static int64_t map_file(handle_t file, uint64_t rights)
{
    int64_t result =
        ask(file, IO_MAP, "", &(struct message){.flags = MESSAGE_ROOM, .arg = {rights, 0, 0}});
    return result < 0 ? result : message_area()->handles[0].handle;
}

static void test_map(void)
{
    handle_t file = opened("mapped", CREATE);
    is(map_file(file, RIGHT_READ), -ENODEV, "an empty file is not mapped");
    write_bytes(file, "shared", 6, 4096, 0);
    is(map_file(file, RIGHT_READ | RIGHT_EXECUTE), -EACCES, "not opened to be executed");
    is(map_file(file, RIGHT_MANAGE), -EINVAL, "other rights");
    is(map_file(root, RIGHT_READ), -ENODEV, "a directory is not mapped");
    handle_t vmo = (handle_t)must(map_file(file, RIGHT_READ | RIGHT_WRITE), "map");
    is((int64_t)reply.length, 4102, "the size is told");
    is(sys_map(HANDLE_NONE, vmo, 0, 3 * PAGE_SIZE, 0, MAP_READ), -ERANGE, "no more than the file");
    volatile uint8_t *bytes = (volatile uint8_t *)must(
        sys_map(HANDLE_NONE, vmo, 0, 2 * PAGE_SIZE, 0, MAP_READ | MAP_WRITE), "map");
    is(bytes[4096], 's', "its bytes");
    bytes[0] = 'z';
    bytes[4200] = 'z';
    is(read_bytes(file, buffer, 1, 0, 0), 1, "read");
    is(buffer[0], 'z', "sees what was written to the map");
    write_bytes(file, "S", 1, 4096, 0);
    is(bytes[4096], 'S', "and the other way round");
    truncate_session(file, 5000);
    is(read_bytes(file, buffer, 1, 4200, 0), 1, "longer");
    is(buffer[0], 0, "what was written behind the end is not in the file");
    is(sys_vmo_resize(vmo, 4 * PAGE_SIZE) < 0, 1, "it cannot be resized by who maps it");
    handle_t reader = opened("mapped", IO_OPEN_READ);
    is(map_file(reader, RIGHT_READ | RIGHT_WRITE), -EACCES, "not opened to be written");
    handle_t weak = (handle_t)must(map_file(reader, RIGHT_READ), "map to read");
    is(sys_map(HANDLE_NONE, weak, 0, PAGE_SIZE, 0, MAP_READ | MAP_WRITE), -EPERM, "is for reading");
    sys_unmap(HANDLE_NONE, (uint64_t)bytes, 2 * PAGE_SIZE);
    sys_handle_close(weak);
    sys_handle_close(vmo);
    sys_handle_close(reader);
    sys_handle_close(file);
    remove_path("mapped", false);
}

#define MANY 1000u

static const char *name_of(uint32_t number)
{
    static char name[40];
    format_text(name, sizeof(name), "many/file-%u", number);
    return name;
}

/* How many entries a listing has that is asked for again and again. */
static uint32_t list(handle_t directory, uint32_t *remove_each)
{
    struct message message = {.flags = MESSAGE_ROOM};
    uint32_t count = 0;
    int64_t length;
    while ((length = ask(directory, IO_LIST, "", &message)) > 0) {
        memcpy(buffer, message_area()->bytes, (uint64_t)length);
        message.offset = reply.offset;
        for (int64_t at = 0; at < length; count++) {
            struct io_entry entry;
            char path[300] = "many/";
            memcpy(&entry, buffer + at, sizeof(entry));
            memcpy(path + 5, buffer + at + sizeof(entry), entry.name_length);
            path[5 + entry.name_length] = 0;
            at += (int64_t)((sizeof(entry) + entry.name_length + 7) & ~7ul);
            if (remove_each && remove_path(path, false) == 0)
                ++*remove_each;
        }
    }
    return count;
}

static void test_many(void)
{
    uint32_t removed = 0;
    make_directory("many");
    for (uint32_t i = 0; i < MANY; i++)
        touch(name_of(i));
    handle_t directory = opened("many", IO_OPEN_READ);
    is(list(directory, NULL), MANY, "a thousand files are listed");
    bool found = true;
    for (uint32_t i = 0; i < MANY; i += 7)
        found &= exists(name_of(i));
    ok(found, "and found");
    struct message current = {.flags = MESSAGE_ROOM, .offset = IO_OFFSET_CURRENT};
    int64_t first = ask(directory, IO_LIST, "", &current);
    uint64_t position = reply.offset;
    ok(first > 0 && ask(directory, IO_LIST, "", &current) > 0 && reply.offset > position,
       "or from the session's own position on");
    is(list(directory, &removed), MANY, "listed once each while they are removed");
    is(removed, MANY, "all were");
    is(list(directory, NULL), 0, "none is left");
    sys_handle_close(directory);
    is(remove_path("many", true), 0, "the directory goes");
}

static void test_limits(void)
{
    struct io_usage before, after;
    struct message room = {.flags = MESSAGE_ROOM};
    is(ask(root, IO_USAGE, "", &room), 0, "usage");
    memcpy(&before, message_area()->bytes, sizeof(before));
    handle_t file = opened("full", CREATE);
    is((int64_t)(before.blocks * before.block_size), 8 << 20, "the limit is as its words say");
    is(truncate_session(file, 9 << 20), -ENOSPC, "more than fits");
    is(truncate_session(file, before.blocks_free * PAGE_SIZE), 0, "all that fits");
    handle_t other = opened("more", CREATE);
    is(write_bytes(other, "x", 1, 0, 0), -ENOSPC, "no room is left");
    remove_path("full", false);
    is(write_bytes(other, "x", 1, 0, 0), -ENOSPC, "while it is open still");
    sys_handle_close(file);
    int64_t result;
    for (uint64_t end = soon(); (result = write_bytes(other, "x", 1, 0, 0)) < 0;)
        if (clock_now() > end)
            break;
    is(result, 1, "room comes back when it is closed");
    sys_handle_close(other);
    remove_path("more", false);
    ask(root, IO_USAGE, "", &room);
    memcpy(&after, message_area()->bytes, sizeof(after));
    handle_t readers[2] = {badged(service.port, IO_ROOT_READ_ONLY), HANDLE_NONE};
    is(open_path(readers[0], "new", CREATE), -EROFS, "a read-only root: no file");
    is(ask(readers[0], IO_REMOVE, "file", NULL), -EROFS, "no removal");
    is(open_path(readers[0], "file", READ_WRITE), -EROFS, "no writing");
    readers[1] = (handle_t)must(open_path(readers[0], "", IO_OPEN_READ), "its directory");
    is(ask(readers[1], IO_MAKE_DIRECTORY, "x", NULL), -EROFS, "its sessions neither");
    sys_handle_close(readers[0]);
    sys_handle_close(readers[1]);
}

#define SESSIONS 9000u

/* More than it has sessions for: the others go on, and room comes back. */
static void test_sessions(void)
{
    static handle_t many[SESSIONS];
    handle_t mine = opened("file", IO_OPEN_READ | IO_OPEN_WRITE);
    uint32_t count = 0;
    int64_t result = 0;
    for (; count < SESSIONS && (result = open_path(root, "file", IO_OPEN_READ)) > 0; count++)
        many[count] = (handle_t)result;
    is(result, -ENFILE, "sessions are bounded");
    is(write_bytes(mine, "on", 2, 0, 0), 2, "those that are there go on");
    for (uint32_t i = 0; i < count; i++)
        sys_handle_close(many[i]);
    for (uint64_t end = soon(); (result = open_path(root, "file", IO_OPEN_READ)) == -ENFILE;)
        if (clock_now() > end)
            break;
    ok(result > 0, "room comes back when they end");
    sys_handle_close((handle_t)result);
    sys_handle_close(mine);
}

static void test_memory(void)
{
    const struct task_info *info = (const struct task_info *)message_area()->bytes;
    ok(exists(""), "it starts");
    must(sys_task_info(service.made.task), "task_info");
    print("# tmpfs uses %lu KiB at first\n", info->used >> 10);
    ok(info->used < 512 << 10, "an empty tmpfs is small");
}

int main(const void *found)
{
    test_begin(found);
    service_start(&service, "tmpfs", NULL, HANDLE_NONE, "size=8388608");
    root = badged(service.port, 0);
    test_memory();
    test_bytes();
    test_offsets();
    test_names();
    test_rename();
    test_links();
    test_change();
    test_lent();
    test_map();
    test_many();
    test_limits();
    test_sessions();
    service_end(&service);
    return test_end();
}
