/*
 * The name server: where messages go, with which paths; what is refused; mounts that come and go.
 * The mounted servers are threads of this task that answer with what they were asked.
 */
#include "service.h"

#include <portolan/names.h>

static struct service names;
static handle_t manager, user;

/* A mounted server: the reply's bytes are the request's, arg[0] says which one it is. */
struct fake {
    handle_t port;
    uint64_t number;
    struct thread thread;
};
static struct fake fakes[4];

static void answer(void *argument)
{
    struct fake *fake = argument;
    struct message message;
    struct receipt receipt;
    while (sys_get(fake->port, DEADLINE_NEVER, &message, &receipt) == GET_MESSAGE) {
        uint32_t handles = MESSAGE_FLAG_HANDLES(message.flags);
        for (uint32_t i = 0; i < handles; i++)
            sys_handle_close(message_area()->handles[i].handle);
        struct message result = message;
        result.flags = MESSAGE_FLAGS(MESSAGE_FLAG_BYTES(message.flags), 0, 0);
        result.arg[0] = fake->number;
        result.arg[1] = handles | receipt.badge << 8 | MESSAGE_FLAG_RANGES(message.flags) << 4;
        result.result = 7;
        sys_reply(receipt.token, &result);
    }
}

static void start_fake(uint32_t number)
{
    struct fake *fake = &fakes[number];
    fake->number = number;
    fake->port = (handle_t)must(sys_port_create(16), "port");
    run_thread(&fake->thread, answer, fake, -1, PRIORITY_DEFAULT);
}

static int64_t mount_handle(handle_t through, const char *path, handle_t handle, uint64_t flags)
{
    struct message message = {.flags = MESSAGE_FLAGS(0, 1, 0), .arg = {flags}};
    message_area()->handles[0] = (struct message_handle){handle, RIGHTS_SAME, 0};
    return ask(through, NAMES_MOUNT, path, &message);
}

static int64_t mount(handle_t through, const char *path, uint32_t number, uint64_t flags)
{
    return mount_handle(through, path, badged(fakes[number].port, 40 + number), flags);
}

/* Whether asking about `path` came to that server as `there`. */
static bool goes_to(const char *path, uint32_t number, const char *there)
{
    struct message message = {.flags = MESSAGE_ROOM, .cookie = 99, .offset = 5};
    int64_t result = ask(user, IO_INFO, path, &message);
    bool good = result == 7 && reply.arg[0] == number && reply.offset == 5 &&
                reply.arg[1] >> 8 == 40 + number &&
                MESSAGE_FLAG_BYTES(reply.flags) == strlen(there) &&
                memcmp(message_area()->bytes, there, strlen(there)) == 0;
    if (!good)
        print("# %s: result %ld, server %lu, arg %lx\n", path, result, reply.arg[0], reply.arg[1]);
    return good;
}

static void test_mounting(void)
{
    is(ask(user, IO_INFO, "etc", NULL), -ENOENT, "nothing is mounted at first");
    is(mount(user, "", 0, 0), -EPERM, "not everybody may mount");
    is(mount(manager, "", 0, 0), 0, "a root");
    is(mount(manager, "", 1, 0), -EBUSY, "one root");
    is(mount(manager, "dev", 1, 0), 0, "a tree in it");
    is(mount(manager, "dev/tty", 2, NAMES_NODE), 0, "a node in that");
    is(mount(manager, "a/b/c", 3, 0), 0, "a tree far below");
    ok(goes_to("", 0, ""), "the root itself");
    ok(goes_to("etc/passwd", 0, "etc/passwd"), "in the root");
    ok(goes_to("dev", 1, ""), "a mount point is the tree's root");
    ok(goes_to("dev/null", 1, "null"), "the prefix is taken away");
    ok(goes_to("device", 0, "device"), "names are compared whole");
    ok(goes_to("dev/tty", 2, ""), "the longest prefix wins");
    is(ask(user, IO_INFO, "dev/tty/x", NULL), -ENOTDIR, "nothing lies below a node");
    ok(goes_to("dev/tty1", 1, "tty1"), "beside it");
    ok(goes_to("a/b", 0, "a/b"), "above a mount");
    ok(goes_to("a/b/c/d/e", 3, "d/e"), "below it");
}

static void test_two_paths(void)
{
    is(ask_two(user, IO_RENAME, "a/b/c/one", "a/b/c/two/three"), 7, "rename in one mount");
    ok(reply.arg[0] == 3 && reply.arg[2] == 3 && !memcmp(message_area()->bytes, "onetwo/three", 12),
       "both prefixes are gone");
    is(ask_two(user, IO_LINK, "x", "y"), 7, "link in one mount");
    is(ask_two(user, IO_RENAME, "x", "dev/x"), -EXDEV, "rename across mounts");
    is(ask_two(user, IO_LINK, "dev/x", "a/b/c/x"), -EXDEV, "link across mounts");
    is(ask_two(user, IO_RENAME, "a", "z"), -EBUSY, "what has a mount below it stays");
    is(ask_two(user, IO_RENAME, "z", "a/b"), -EBUSY, "and is not replaced");
    is(ask_two(user, IO_RENAME, "dev", "z"), -EBUSY, "nor a mount point");
    is(ask(user, IO_REMOVE, "dev/tty", NULL), -EBUSY, "a mount point is not removed");
    is(ask(user, IO_REMOVE, "dev/x", NULL), 7, "others are");
    is(ask_two(user, IO_MAKE_LINK, "../any//text", "dev/link"), 7, "a link's text may be anything");
    ok(reply.arg[0] == 1 && MESSAGE_FLAG_BYTES(reply.flags) == 16 &&
           !memcmp(message_area()->bytes, "../any//textlink", 16),
       "and is left as it is");
}

static void test_cargo(void)
{
    handle_t extra = (handle_t)must(sys_port_create(1), "port");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    struct message message = {.flags = MESSAGE_FLAGS(0, 2, 1)};
    message_area()->handles[0] = (struct message_handle){badged(extra, 0), RIGHTS_SAME, 0};
    message_area()->handles[1] = (struct message_handle){badged(extra, 0), RIGHTS_SAME, 0};
    message_area()->ranges[0] = (struct message_range){vmo, RIGHT_READ, 0, 100};
    is(ask(user, IO_OPEN, "dev/x", &message), 7, "a message with handles and a range");
    is(reply.arg[1] & 0xff, 2 | 1 << 4, "goes on with them");
    sys_handle_close(extra);
    sys_handle_close(vmo);
}

static char long_path[IO_PATH_MAX + 8];

static void test_hostile_paths(void)
{
    static const char *const bad[] = {"/",   "/dev", "dev/", "dev//null", ".",   "..",
                                      "a/.", "../a", "a/..", "a/../b",    "./a", "a/./b"};
    bool refused = true;
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused &= ask(user, IO_INFO, bad[i], NULL) == -EINVAL;
    ok(refused, "empty names, . and .. are refused");
    memset(long_path, 'x', IO_NAME_MAX + 1);
    is(ask(user, IO_INFO, long_path, NULL), -ENAMETOOLONG, "a name that is too long");
    for (uint32_t i = 0; i < IO_PATH_MAX; i++)
        long_path[i] = i % 2 ? '/' : 'x';
    long_path[IO_PATH_MAX] = 'x';
    is(ask(user, IO_INFO, long_path, NULL), -EINVAL, "a path that is too long");
    long_path[IO_PATH_MAX - 1] = 0;
    is(ask(user, IO_INFO, long_path, NULL), 7, "the longest path");
    struct message nul = {.op = IO_INFO, .flags = MESSAGE_FLAGS(3, 0, 0)};
    memcpy(message_area()->bytes, "a\0b", 3);
    must(sys_do(user, soon(), &nul), "do");
    is(nul.result, -EINVAL, "a NUL");
    struct message cut = {.op = IO_RENAME, .flags = MESSAGE_FLAGS(3, 0, 0), .arg = {0, 0, 4}};
    must(sys_do(user, soon(), &cut), "do");
    is(cut.result, -EINVAL, "a first path longer than all bytes");
    is(ask(user, IO_READ, "x", NULL), -ENOSYS, "an operation without a path");
    is(ask(user, 1, "x", NULL), -ENOSYS, "an operation of no protocol");
    is(ask(manager, NAMES_MOUNT, "m", NULL), -EINVAL, "a mount of nothing");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    is(mount_handle(manager, "m", vmo, 0), -EBADF, "a mount of no port");
    is(mount_handle(manager, "m", badged(names.port, 0), 0), -ELOOP, "a mount of itself");
    is(mount(manager, "m", 0, 2), -EINVAL, "unknown flags");
}

static void test_list(void)
{
    struct message message = {.flags = MESSAGE_ROOM};
    int64_t length = ask(user, NAMES_LIST, "", &message);
    struct io_entry entry;
    uint32_t count = 0, nodes = 0;
    for (int64_t at = 0; at < length; count++) {
        memcpy(&entry, message_area()->bytes + at, sizeof(entry));
        at += (int64_t)((sizeof(entry) + entry.name_length + 7) & ~7ul);
        nodes += entry.type == 0;
    }
    ok(count == 4 && nodes == 1, "the list has all mounts");
    message.offset = reply.offset;
    is(ask(user, NAMES_LIST, "", &message), 0, "and an end");
}

static void test_ends(void)
{
    is(ask(user, NAMES_UNMOUNT, "dev/tty", NULL), -EPERM, "not everybody may unmount");
    is(ask(manager, NAMES_UNMOUNT, "dev/tty", NULL), 0, "unmount");
    is(ask(manager, NAMES_UNMOUNT, "dev/tty", NULL), -ENOENT, "once");
    ok(goes_to("dev/tty", 1, "tty"), "what was covered shows again");
    sys_handle_close(fakes[1].port);
    thread_join(&fakes[1].thread, soon(), NULL);
    ok(goes_to("dev/tty", 0, "dev/tty"), "a mount goes with its port");
    start_fake(1);
    is(mount(manager, "dev", 1, 0), 0, "and another can come");
    ok(goes_to("dev/x", 1, "x"), "in its place");
    handle_t dead = (handle_t)must(sys_port_create(1), "port");
    handle_t tree = badged(dead, 0);
    sys_handle_close(dead);
    int64_t error = mount_handle(manager, "gone", tree, 0);
    ok(error == 0 || error == -EDEAD, "a dead port");
    ok(goes_to("gone/x", 0, "gone/x"), "does not stay mounted");
    uint32_t more = 0;
    char name[] = "m00";
    for (; more < 100; more++) {
        name[1] = (char)('0' + more / 10);
        name[2] = (char)('0' + more % 10);
        if (mount(manager, name, 0, 0) < 0)
            break;
    }
    is(more, NAMES_MOUNTS_MAX - 3, "mounts are bounded");
}

/* Random heads and bytes; it must go on answering. */
static void test_noise(void)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i < 2000; i++) {
        struct message noise;
        uint64_t *words = (uint64_t *)&noise;
        for (uint32_t j = 0; j < sizeof(noise) / 8; j++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            words[j] = state;
        }
        for (uint32_t j = 0; j < 64; j++)
            message_area()->bytes[j] = "ab/.\0dev"[(state >> j % 61) & 7];
        noise.op = (i % 2 ? (uint32_t)IO_OPEN : (uint32_t)NAMES_MOUNT) + (noise.op & 31);
        noise.flags = MESSAGE_FLAGS(state & 63, 0, 0) | (state & 64 ? MESSAGE_ROOM : 0);
        noise.arg[2] &= 63;
        sys_do(i % 3 ? user : manager, soon(), &noise);
    }
    ok(goes_to("etc", 0, "etc"), "noise does no harm");
}

int main(const void *found)
{
    test_begin(found);
    service_start(&names, "names", NULL, HANDLE_NONE, NULL);
    manager = badged(names.port, NAMES_BADGE_MOUNT);
    user = badged(names.port, 2);
    for (uint32_t i = 0; i < 4; i++)
        start_fake(i);
    test_mounting();
    test_two_paths();
    test_cargo();
    test_hostile_paths();
    test_list();
    test_ends();
    test_noise();
    service_end(&names);
    return test_end();
}
