/*
 * The terminal server, with a device that this test plays: lines, modes, sizes, job control, and
 * clients that mean ill.  The line discipline itself has unit tests.
 *
 * Word: seed=N; the default is fixed, so that a failure can be repeated.
 */
#include <portolan/tty.h>

#include "byte_ring.h"
#include "character.h"
#include "service.h"

#define FEED_BIT 1ull
#define ROUNDS 20000u

/* ---- The device, in a thread of its own ------------------------------------------------------ */

static struct character device;
static uint8_t in_space[8192];
static struct byte_ring in = {in_space, sizeof(in_space), 0, 0};
static const char *volatile feed_text;
static char shown[65536];
static volatile size_t shown_count;

static int64_t peek(struct character *character, const struct character_read *read, void *to,
                    size_t length)
{
    (void)character, (void)read;
    return in.count ? (int64_t)byte_ring_peek(&in, to, length) : -EAGAIN;
}

static void took(struct character *character, size_t count)
{
    (void)character;
    byte_ring_drop(&in, count);
}

/* In pieces, as a slow device takes it. */
static int64_t put(struct character *character, const uint8_t *from, size_t length)
{
    (void)character;
    size_t count = length < 100 ? length : 100;
    if (shown_count + count > sizeof(shown))
        shown_count = 0;
    memcpy(shown + shown_count, from, count);
    shown_count += count;
    return (int64_t)count;
}

static uint32_t ready(struct character *character)
{
    (void)character;
    return IO_READY_WRITE;
}

static const struct character_operations operations = {
    .peek = peek, .took = took, .put = put, .ready = ready};

static void notified(struct server *server, uint64_t bits)
{
    (void)server;
    if (bits & FEED_BIT && feed_text) {
        byte_ring_put(&in, feed_text, strlen(feed_text));
        feed_text = NULL;
    }
    if (bits & NOTIFY_ABORT)
        character_aborted(&device);
    character_wake(&device);
}

static void run_device(void *nothing)
{
    (void)nothing;
    server_run(&device.server);
}

/* ---- What the tests use ---------------------------------------------------------------------- */

static struct service tty;
static handle_t session;
static struct message answer;

/* The device sends this. */
static void type(const char *text)
{
    feed_text = text;
    sys_notify(device.server.port, FEED_BIT);
    while (feed_text)
        sys_sleep(clock_after(MILLISECOND));
}

/* Waits until the device has been sent exactly this. */
static bool is_shown(const char *text)
{
    size_t length = strlen(text);
    for (uint32_t tries = 0; tries < 2000 && shown_count < length; tries++)
        sys_sleep(clock_after(MILLISECOND));
    bool good = shown_count == length && memcmp(shown, text, length) == 0;
    if (!good)
        print("# %u bytes, not %u\n", (unsigned)shown_count, (unsigned)length);
    shown_count = 0;
    return good;
}

static int64_t request(handle_t to, const struct message *head, uint64_t deadline)
{
    answer = *head;
    answer.flags |= MESSAGE_ROOM;
    int64_t error = sys_do(to, deadline, &answer);
    return error < 0 ? error : answer.result;
}

static int64_t control(uint64_t number, uint64_t value, const void *bytes, size_t length)
{
    memcpy(message_area()->bytes, bytes, length);
    return request(session,
                   &(struct message){.op = IO_CONTROL,
                                     .flags = MESSAGE_FLAGS(length, 0, 0),
                                     .arg = {number, value}},
                   soon());
}

static int64_t ask_tty(uint64_t number, uint64_t value)
{
    return control(number, value, NULL, 0);
}

static int64_t read_as(uint64_t group, uint64_t flags, uint64_t deadline)
{
    return request(session, &(struct message){.op = IO_READ, .length = 100, .arg = {flags, group}},
                   deadline);
}

static bool reads(const char *text)
{
    int64_t length = read_as(0, 0, soon());
    return length == (int64_t)strlen(text) &&
           memcmp(message_area()->bytes, text, (size_t)length) == 0;
}

static int64_t write_as(uint64_t group, const char *text)
{
    memcpy(message_area()->bytes, text, strlen(text));
    return request(session,
                   &(struct message){.op = IO_WRITE,
                                     .flags = MESSAGE_FLAGS(strlen(text), 0, 0),
                                     .length = strlen(text),
                                     .arg = {0, group}},
                   soon());
}

static struct tty_attributes attributes(void)
{
    struct tty_attributes got = {0};
    if (ask_tty(TTY_GET_ATTRIBUTES, 0) == 0)
        memcpy(&got, message_area()->bytes, sizeof(got));
    return got;
}

static int64_t set(const struct tty_attributes *to, uint64_t when)
{
    return control(TTY_SET_ATTRIBUTES, when, to, sizeof(*to));
}

static void open_session(void)
{
    session = (handle_t)must(open_path(tty.port, "", IO_OPEN_READ | IO_OPEN_WRITE), "open");
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_lines(void)
{
    struct io_info info;
    is(get_info(tty.port, "", 0, &info), 0, "it is a node");
    ok(info.terminal == 1 && (info.mode & IO_MODE_TYPE) == IO_MODE_CHARACTER, "a terminal");
    is(open_path(tty.port, "x", IO_OPEN_READ), -ENOTDIR, "and no directory");
    is(read_as(0, IO_NONBLOCK, soon()), -EAGAIN, "nothing has been typed");
    type("hel");
    is(ask_tty(TTY_READABLE, 0), 0, "half a line cannot be read");
    type("p\x7flo\r");
    ok(reads("hello\n"), "a line can");
    ok(is_shown("help\b \blo\r\n"), "it was echoed, and edited");
    is(write_as(0, "a\nb"), 3, "a write");
    ok(is_shown("a\r\nb"), "newlines become two characters");
    is(read_as(0, 0, clock_after(20 * MILLISECOND)), -ETIMEDOUT, "a reader gives up");
    type("kept\n");
    ok(reads("kept\n"), "what is typed then is not lost");
    ok(is_shown("kept\r\n"), "echo");
    type("\x04");
    is(read_as(0, 0, soon()), 0, "end of file");
    handle_t reader = (handle_t)must(open_path(tty.port, "", IO_OPEN_READ), "for reading");
    is(write_bytes(reader, "x", 1, IO_OFFSET_CURRENT, 0), -EBADF, "one for reading is not written");
    is(read_bytes(reader, shown, 1, IO_OFFSET_CURRENT, IO_NONBLOCK), -EAGAIN, "but read");
    is(open_path(tty.port, "", 1ul << 40), -EINVAL, "no such way to open");
    sys_handle_close(reader);
}

static void test_long_write(void)
{
    static uint8_t text[9000];
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 16384, 0, 0), "vmo");
    uint8_t *at =
        (uint8_t *)must(sys_map(HANDLE_NONE, vmo, 0, 16384, 0, MAP_READ | MAP_WRITE), "map");
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = at[i] = (uint8_t)('a' + i % 26);
    shown_count = 0;
    is(write_lent(session, vmo, 0, sizeof(text), IO_OFFSET_CURRENT), sizeof(text), "a long write");
    is(ask_tty(TTY_DRAIN, 0), 0, "drained");
    ok(shown_count == sizeof(text) && memcmp(shown, text, sizeof(text)) == 0, "all of it came");
    shown_count = 0;
    type("into memory\n");
    is(read_lent(session, vmo, 4090, 100, IO_OFFSET_CURRENT), 12, "a read into lent memory");
    ok(memcmp(at + 4090, "into memory\n", 12) == 0, "over a page's end");
    sys_unmap(HANDLE_NONE, (uint64_t)at, 16384);
    sys_handle_close(vmo);
    is_shown("into memory\r\n");
}

static void test_modes(void)
{
    struct tty_attributes was = attributes(), raw = was;
    ok(was.c_lflag & TTY_ICANON && was.c_cc[TTY_VINTR] == 3, "attributes");
    raw.c_lflag &= ~(uint32_t)(TTY_ICANON | TTY_ECHO | TTY_ISIG);
    raw.c_cc[TTY_VMIN] = 0;
    raw.c_cc[TTY_VTIME] = 2;
    is(set(&raw, TTY_DRAINED), 0, "raw mode, when all is sent");
    uint64_t before = clock_now();
    is(read_as(0, 0, soon()), 0, "nothing in time");
    ok(clock_now() - before >= 200 * MILLISECOND, "but not sooner");
    type("\x03x");
    ok(reads("\x03x"), "characters as they are");
    is(control(TTY_SET_ATTRIBUTES, TTY_NOW, &raw, sizeof(raw) - 1), -EINVAL, "not the right size");
    is(set(&raw, 3), -EINVAL, "no such moment");
    type("forgotten");
    is(set(&was, TTY_FLUSHED), 0, "back again");
    is(read_as(0, IO_NONBLOCK, soon()), -EAGAIN, "and what was there is forgotten");
    ok(is_shown(""), "nothing was echoed");
}

static void test_size(void)
{
    struct tty_size size = {30, 100, 0, 0}, got = {0};
    is(control(TTY_SET_SIZE, 0, &size, sizeof(size)), 0, "a size");
    is(ask_tty(TTY_GET_SIZE, 0), 0, "is kept");
    memcpy(&got, message_area()->bytes, sizeof(got));
    ok(got.rows == 30 && got.columns == 100, "as it was");
    is(control(TTY_SET_SIZE, 0, &size, 3), -EINVAL, "not the right size of a size");
    is(ask_tty(TTY_REQUEST_END, 0), -ENOTTY, "no such request");
}

static void test_job_control(void)
{
    is(ask_tty(TTY_GET_GROUP, 0), -ENOTTY, "no session's");
    is(ask_tty(TTY_SET_GROUP, 5), -ENOTTY, "so no group");
    is(ask_tty(TTY_SET_SESSION, 5), 0, "a session takes it");
    is(ask_tty(TTY_GET_SESSION, 0), 5, "and has it");
    is(ask_tty(TTY_GET_GROUP, 0), 5, "its leader in the foreground");
    is(ask_tty(TTY_SET_SESSION, 6), -EBUSY, "another cannot");
    is(ask_tty(TTY_SET_GROUP, 0), -EINVAL, "no group");
    is(ask_tty(TTY_SET_GROUP, 7), 0, "another group in the foreground");
    type("for seven\n");
    is(read_as(5, 0, soon()), -EBUSY, "the background may not read");
    is(read_as(7, 0, soon()), 10, "the foreground may");
    is(write_as(5, "x"), 1, "both may write");
    struct tty_attributes stops = attributes();
    stops.c_lflag |= TTY_TOSTOP;
    is(set(&stops, TTY_NOW), 0, "unless TOSTOP");
    is(write_as(5, "x"), -EBUSY, "is set");
    is(write_as(7, "x"), 1, "but for the background");
    is(ask_tty(TTY_SET_SESSION, 0), 0, "given up");
    is(ask_tty(TTY_GET_SESSION, 0), -ENOTTY, "no session's again");
    is_shown("for seven\r\nxx");
}

static void test_poll(void)
{
    handle_t port = (handle_t)must(sys_port_create(4), "port");
    struct receipt receipt;
    struct message got;
    message_area()->handles[0] = (struct message_handle){badged(port, 0), RIGHTS_SAME, 0};
    is(request(session,
               &(struct message){
                   .op = IO_POLL, .flags = MESSAGE_FLAGS(0, 1, 0), .arg = {IO_READY_READ, 0x10}},
               soon()),
       0, "not ready");
    is(sys_get(port, DEADLINE_NOW, &got, &receipt), -ETIMEDOUT, "nor told so");
    type("now\n");
    is(sys_get(port, soon(), &got, &receipt), GET_NOTIFY, "told");
    is((int64_t)got.arg[0], 0x10, "by its bits");
    is(request(session, &(struct message){.op = IO_POLL, .arg = {IO_READY_READ | IO_READY_WRITE}},
               soon()),
       IO_READY_READ | IO_READY_WRITE, "ready");
    ok(reads("now\n"), "it is");
    is_shown("now\r\n");
    sys_handle_close(port);
}

static void test_closing(void)
{
    struct tty_attributes odd = attributes();
    odd.c_lflag = 0;
    is(set(&odd, TTY_NOW), 0, "an odd mode");
    sys_handle_close(session);
    open_session();
    ok(attributes().c_lflag & TTY_ECHO, "does not outlive the last session");
}

/* ---- Those who mean ill ---------------------------------------------------------------------- */

static uint64_t state = 88172645463325252ull;

static uint64_t below(uint64_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

static uint64_t number(void)
{
    static const uint64_t edges[] = {0, 1, 2, 4095, 4096, 4097, UINT32_MAX, 1ul << 63, UINT64_MAX};
    return below(2) ? below(32) : edges[below(sizeof(edges) / sizeof(edges[0]))];
}

static void send_nonsense(handle_t vmo)
{
    struct message head = {.op = IO_OPEN + (uint32_t)below(IO_USAGE - IO_OPEN + 2),
                           .offset = number(),
                           .length = number()};
    for (uint32_t i = 0; i < 3; i++)
        head.arg[i] = number();
    if (head.op == IO_CONTROL)
        head.arg[0] = TTY_GET_ATTRIBUTES + below(TTY_REQUEST_END - TTY_GET_ATTRIBUTES + 1);
    uint32_t bytes = (uint32_t)below(4) ? (uint32_t)below(64) : (uint32_t)below(4097);
    uint32_t ranges = below(4) == 0, handles = below(4) == 0;
    for (uint32_t i = 0; i < bytes; i++)
        message_area()->bytes[i] = (uint8_t)state + (uint8_t)i;
    message_area()->ranges[0] = (struct message_range){
        vmo, below(2) ? RIGHT_READ : RIGHT_READ | RIGHT_WRITE, below(8192), 1 + below(8192)};
    if (handles)
        message_area()->handles[0] = (struct message_handle){
            (handle_t)must(sys_handle_duplicate(tty.port, RIGHT_SEND | RIGHT_TRANSFER, 0), "copy"),
            RIGHTS_SAME, 0};
    head.flags = MESSAGE_FLAGS(bytes, handles, ranges);
    request(below(8) ? session : tty.port, &head, clock_after(below(300) * MICROSECOND));
    for (uint32_t i = 0; i < MESSAGE_FLAG_HANDLES(answer.flags) && answer.op == 0; i++)
        sys_handle_close(message_area()->handles[i].handle);
}

static void test_nonsense(void)
{
    const char *seed = startup_option(startup, "seed=");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 16384, 0, 0), "vmo");
    if (seed)
        string_to_number(seed, &state);
    state |= 1;
    for (uint32_t i = 0; i < ROUNDS; i++)
        send_nonsense(vmo);
    sys_handle_close(vmo);
    sys_handle_close(session);
    open_session();
    struct tty_attributes usual = attributes();
    ok(usual.c_lflag & TTY_ICANON, "after much nonsense it goes on");
    is(ask_tty(TTY_FLOW, TTY_OUTPUT_GO), 0, "output goes");
    is(ask_tty(TTY_FLUSH, TTY_INPUT | TTY_OUTPUT), 0, "forgets what was there");
    is(ask_tty(TTY_DRAIN, 0), 0, "sends");
    shown_count = 0;
    type("still\n");
    ok(reads("still\n"), "and takes lines");
}

int main(const void *found)
{
    struct thread thread;
    test_begin(found);
    device.operations = &operations;
    device.server.notified = notified;
    must(character_open(&device, startup), "device");
    run_thread(&thread, run_device, NULL, -1, PRIORITY_DEFAULT);
    handle_t port = badged(device.server.port, 0);
    service_start(&tty, "tty", "dev", port, "device=dev");
    open_session();
    test_lines();
    test_long_write();
    test_modes();
    test_size();
    test_job_control();
    test_poll();
    test_closing();
    test_nonsense();
    return test_end();
}
