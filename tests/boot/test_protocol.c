/*
 * Hostile clients of the file servers: messages with every field at random, through roots and
 * whatever sessions come back.  Each server must go on, and answer properly afterwards.
 *
 * Word: seed=N; the default is fixed, so that a failure can be repeated.
 */
#include "service.h"

#include <portolan/devices.h>
#include <portolan/names.h>
#include <portolan/pipe.h>

#define ROUNDS 20000u
#define SESSIONS 64u
#define HANDLES_LEFT 40u /* its own, mounts, and files that are left */

static uint64_t state;
static handle_t sessions[SESSIONS]; /* HANDLE_NONE: none */
static handle_t vmo, port;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1du >> 8;
}

static uint64_t below(uint64_t limit)
{
    return next() % limit;
}

/* A number of the kinds at which programs break. */
static uint64_t number(void)
{
    static const uint64_t edges[] = {0,         1,         2,           4095,
                                     4096,      4097,      65536,       UINT32_MAX,
                                     INT64_MAX, 1ul << 63, UINT64_MAX,  UINT64_MAX - 1,
                                     1ul << 45, 1ul << 40, PIPE_CREATE, PIPE_READABLE};
    switch (below(4)) {
    case 0:
        return edges[below(sizeof(edges) / sizeof(edges[0]))];
    case 1:
        return below(16);
    case 2:
        return below(1024);
    default:
        return next();
    }
}

/* Paths out of few names, so that some are there; now and then any bytes. */
static uint32_t put_bytes(void)
{
    static const char *const names[] = {"a", "b", "link", "dir",   "fifo", "null", "/",   "..",
                                        ".", "",  "zero", "mount", "a/",   "dir/", "b/a", "dev"};
    uint8_t *bytes = message_area()->bytes;
    uint32_t length = 0;
    if (below(8) == 0) {
        length = (uint32_t)below(below(4) ? 100 : MESSAGE_BYTES_MAX + 1);
        for (uint32_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)next();
        return length;
    }
    for (uint64_t parts = below(4); parts; parts--) {
        const char *name = names[below(sizeof(names) / sizeof(names[0]))];
        memcpy(bytes + length, name, strlen(name));
        length += (uint32_t)strlen(name);
        if (parts > 1 && below(3))
            bytes[length++] = '/';
    }
    return length;
}

static uint32_t put_handles(void)
{
    uint32_t count = below(4) ? 0 : 1 + (uint32_t)below(2);
    for (uint32_t i = 0; i < count; i++) {
        handle_t copy = below(2) ? badged(port, 0)
                                 : (handle_t)must(sys_handle_duplicate(vmo, RIGHTS_SAME, 0), "dup");
        message_area()->handles[i] = (struct message_handle){copy, RIGHTS_SAME, 0};
    }
    return count;
}

static uint32_t put_ranges(void)
{
    uint32_t count = below(4) ? 0 : 1 + (uint32_t)below(2);
    for (uint32_t i = 0; i < count; i++)
        message_area()->ranges[i] = (struct message_range){vmo, below(2) ? RIGHT_READ : RIGHT_WRITE,
                                                           below(5000), 1 + below(20000)};
    return count;
}

static uint32_t random_op(uint32_t own)
{
    switch (below(16)) {
    case 0:
        return own + (uint32_t)below(5);
    case 1:
        return below(4) ? IO_CONTROL : (uint32_t)next();
    case 2:
    case 3:
        return IO_OPEN;
    case 4:
    case 5:
        return IO_READ;
    case 6:
    case 7:
        return IO_WRITE;
    case 8:
        return IO_POLL;
    default:
        return IO_OPEN + (uint32_t)below(IO_USAGE - IO_OPEN + 2);
    }
}

/* What a reply brought is kept, for more messages, or closed. */
static void keep_handles(const struct message *reply_head)
{
    uint32_t count = MESSAGE_FLAG_HANDLES(reply_head->flags);
    for (uint32_t i = 0; i < count; i++) {
        const struct message_handle *got = &message_area()->handles[i];
        handle_t *place = &sessions[below(SESSIONS)];
        if (got->type != OBJECT_PORT) {
            sys_handle_close(got->handle);
            continue;
        }
        if (*place)
            sys_handle_close(*place);
        *place = got->handle;
    }
}

static void one_message(handle_t root, uint32_t own)
{
    handle_t session = sessions[below(SESSIONS)];
    struct message message = {.op = random_op(own),
                              .cookie = next(),
                              .result = (int64_t)next(),
                              .offset = number(),
                              .length = number(),
                              .arg = {number(), number(), below(2) ? below(16) : number()}};
    if (message.op == IO_OPEN && below(2))
        message.arg[0] &= IO_OPEN_ALL;
    if (message.op == IO_MAKE_NODE && below(2))
        message.arg[1] = IO_MODE_FIFO;
    if (message.op == IO_CONTROL && below(2))
        message.arg[0] = PIPE_CREATE + below(2);
    uint32_t handles = put_handles(), length = put_bytes();
    message.flags = MESSAGE_FLAGS(length, handles, put_ranges());
    if (below(2))
        message.length = length;
    if (below(2))
        message.offset = below(2) ? IO_OFFSET_CURRENT : below(10000);
    if (message.op != IO_OPEN && message.op != IO_CONTROL && below(2))
        message.arg[0] = below(2);
    if (below(4) == 0)
        message.flags |= (uint32_t)next() & ~MESSAGE_EXTRAS;
    if (sys_do(session && below(4) ? session : root, clock_after(4 * MILLISECOND), &message) == 0)
        keep_handles(&message);
    for (uint32_t i = 0; i < handles; i++) /* if they did not leave */
        sys_handle_close(message_area()->handles[i].handle);
}

static void close_sessions(void)
{
    for (uint32_t i = 0; i < SESSIONS; i++) {
        if (sessions[i])
            sys_handle_close(sessions[i]);
        sessions[i] = HANDLE_NONE;
    }
}

/* When all sessions have ended a server holds what it needs, and nothing of its clients'. */
static bool lets_go(const struct service *service)
{
    const struct task_info *info = (const struct task_info *)message_area()->bytes;
    uint32_t handles = 0;
    for (uint64_t end = clock_after(5 * SECOND); clock_now() < end;) {
        must(sys_task_info(service->made.task), "task_info");
        handles = info->handles;
        if (handles <= HANDLES_LEFT)
            return true;
        sys_sleep(clock_after(10 * MILLISECOND));
    }
    print("# %u handles\n", handles);
    return false;
}

static void attack(const char *program, uint32_t own, struct service *service, handle_t root)
{
    print("# %s\n", program);
    for (uint32_t i = 0; i < ROUNDS; i++)
        one_message(root, own);
    close_sessions();
    is(wait_for_death(service->made.task, DEADLINE_NOW, NULL), -ETIMEDOUT, program);
    ok(lets_go(service), "and keeps no handles");
}

static void test_tmpfs(void)
{
    struct service service = {0};
    uint8_t byte = 0;
    service_start(&service, "tmpfs", NULL, HANDLE_NONE, "size=8388608");
    handle_t root = badged(service.port, 0);
    attack("tmpfs goes on", 0x300, &service, root);
    handle_t file = (handle_t)must(
        open_path(root, "proper", IO_OPEN_CREATE | IO_OPEN_READ | IO_OPEN_WRITE), "open");
    ok(write_bytes(file, "y", 1, 5000, 0) == 1 && read_bytes(file, &byte, 1, 5000, 0) == 1 &&
           byte == 'y',
       "and works");
    sys_handle_close(file);
    sys_handle_close(root);
    service_end(&service);
}

static void test_pipe(void)
{
    struct service service = {0};
    uint8_t byte = 0;
    service_start(&service, "pipe", NULL, HANDLE_NONE, NULL);
    handle_t root = badged(service.port, 0);
    attack("pipe goes on", 0x300, &service, root);
    struct message message = {.flags = MESSAGE_ROOM, .arg = {PIPE_CREATE, 0, 0}};
    must(ask(root, IO_CONTROL, "", &message), "pipe");
    handle_t ends[] = {message_area()->handles[0].handle, message_area()->handles[1].handle};
    ok(write_bytes(ends[1], "y", 1, 0, 0) == 1 && read_bytes(ends[0], &byte, 1, 0, 0) == 1 &&
           byte == 'y',
       "and works");
    sys_handle_close(ends[0]);
    sys_handle_close(ends[1]);
    sys_handle_close(root);
    service_end(&service);
}

static void test_devices(void)
{
    struct service service = {0};
    uint8_t byte = 1;
    service_start(&service, "devices", NULL, HANDLE_NONE, NULL);
    handle_t root = badged(service.port, 0);
    attack("devices goes on", 0x300, &service, root);
    handle_t zero = (handle_t)must(open_path(root, "zero", IO_OPEN_READ), "open");
    ok(read_bytes(zero, &byte, 1, 0, 0) == 1 && byte == 0, "and works");
    sys_handle_close(zero);
    sys_handle_close(root);
    service_end(&service);
}

/* With a tmpfs behind it, and the right to mount: so mounts come and go as well. */
static void test_names(void)
{
    struct service service = {0}, files = {0};
    struct io_info info;
    service_start(&files, "tmpfs", NULL, HANDLE_NONE, "size=8388608");
    service_start(&service, "names", NULL, HANDLE_NONE, NULL);
    handle_t root = badged(service.port, NAMES_BADGE_MOUNT);
    struct message message = {.flags = MESSAGE_FLAGS(0, 1, 0)};
    message_area()->handles[0] = (struct message_handle){badged(files.port, 0), RIGHTS_SAME, 0};
    must(ask(root, NAMES_MOUNT, "", &message), "mount");
    attack("names goes on", NAMES_MOUNT, &service, root);
    ask(root, NAMES_UNMOUNT, "", NULL);
    message_area()->handles[0] = (struct message_handle){badged(files.port, 0), RIGHTS_SAME, 0};
    is(ask(root, NAMES_MOUNT, "", &message), 0, "and mounts");
    is(get_info(root, "", 0, &info), 0, "and forwards");
    sys_handle_close(root);
    service_end(&service);
    service_end(&files);
}

int main(const void *found)
{
    test_begin(found);
    const char *word = startup_option(startup, "seed=");
    if (!word || !string_to_number(word, &state) || !state)
        state = 20040711;
    print("# seed=%lu\n", state);
    vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 65536, 0, 0), "vmo");
    port = (handle_t)must(sys_port_create(16), "port");
    test_tmpfs();
    test_pipe();
    test_devices();
    test_names();
    return test_end();
}
