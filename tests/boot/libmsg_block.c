/*
 * The block protocol, its skeleton and the RAM disk, over all three kinds of ports, with clients
 * that mean well and others; barriers; and the greeting, a character device.
 */
#include "port.h"
#include "test.h"

int ramdisk_main(const void *found);
int greeting_main(const void *found);
#define main ramdisk_main
#include "../../drivers/ramdisk/ramdisk.c"
#undef main
#define main greeting_main
#include "../../drivers/greeting/greeting.c"
#undef main

#define DISK (1ul << 20)

static struct mailbox box;
static struct port port;
static const char *way;
static bool by_ring;
static uint64_t clock_address; /* the startup page is not there in other tasks */
static handle_t memory, read_only;
static uint64_t *words;
#define MEMORY (4 * PAGE_SIZE)

static bool gives(int64_t seen, int64_t wanted, const char *name)
{
    char text[100];
    format_text(text, sizeof(text), "%s: %s", way, name);
    return is(seen, wanted, text);
}

/* What a program finds whose maker gave it a port and words. */
static const struct startup *found_by(handle_t with_port)
{
    static struct startup fake = {
        .handle_count = 1, .handles = {{.name = "port"}}, .word_count = 1, .words = "size=1"};
    fake.task = child_self;
    fake.clock_address = clock_address;
    fake.handles[0].handle = with_port;
    return &fake;
}

static void run_ramdisk(uint64_t argument)
{
    (void)argument;
    sys_thread_exit(ramdisk_main(found_by(child_handles[0])));
}

static void run_greeting(uint64_t argument)
{
    (void)argument;
    sys_thread_exit(greeting_main(found_by(child_handles[0])));
}

/* A request on attached memory. */
static int64_t ask(uint32_t op, uint64_t offset, uint64_t length, uint64_t number, uint64_t at,
                   uint64_t flags)
{
    struct msg m = {
        .head = {.op = op, .offset = offset, .length = length, .arg = {number, at, flags}}};
    return msg_do(&port, &m, soon());
}

static void test_info(void)
{
    struct msg m = {.head = {.op = BLOCK_INFO}};
    gives(msg_do(&port, &m, soon()), 0, "info");
    gives((int64_t)m.head.length, DISK, "the size");
    gives((int64_t)m.head.arg[0], (int64_t)(PAGE_SIZE | PAGE_SIZE << 32), "the block sizes");
    gives((int64_t)m.head.arg[1], BLOCK_IS_DISCARDABLE, "what it is");
    gives((int64_t)m.head.arg[2], (int64_t)(LOAN_BYTES_MAX | 1ul << 32), "transfer and queues");
}

static void test_attached(void)
{
    uint32_t wrong = 0;
    gives(port_attach(&port, 1, memory, RIGHT_READ | RIGHT_WRITE | RIGHT_PIN), 0, "attach");
    for (uint32_t i = 0; i < MEMORY / 8; i++)
        words[i] = i * 3;
    gives(ask(BLOCK_WRITE, 5 * PAGE_SIZE, 2 * PAGE_SIZE, 1, PAGE_SIZE, BLOCK_FUA), 2 * PAGE_SIZE,
          "write");
    gives(ask(BLOCK_FLUSH, 0, 0, 0, 0, BLOCK_BARRIER), 0, "flush");
    memset(words, 0xff, MEMORY);
    gives(ask(BLOCK_READ, 6 * PAGE_SIZE, PAGE_SIZE, 1, 8, 0), PAGE_SIZE, "read");
    for (uint32_t i = 0; i < PAGE_SIZE / 8; i++)
        wrong += words[1 + i] != (2 * PAGE_SIZE / 8 + i) * 3;
    gives(wrong, 0, "gives what was written");
    ok(words[0] == UINT64_MAX && words[1 + PAGE_SIZE / 8] == UINT64_MAX, "and nothing beside it");
    gives(ask(BLOCK_DISCARD, 6 * PAGE_SIZE, PAGE_SIZE, 0, 0, 0), PAGE_SIZE, "discard");
    gives(ask(BLOCK_READ, 6 * PAGE_SIZE, PAGE_SIZE, 1, 0, 0), PAGE_SIZE, "read again");
    ok(words[0] == 0 && words[511] == 0, "what is discarded is gone");
}

static void test_refusals(void)
{
    const uint64_t p = PAGE_SIZE;
    gives(ask(BLOCK_READ, 1, p, 1, 0, 0), -EINVAL, "no whole block");
    gives(ask(BLOCK_READ, 0, p + 512, 1, 0, 0), -EINVAL, "no whole blocks");
    gives(ask(BLOCK_READ, 0, 0, 1, 0, 0), -EINVAL, "no bytes");
    gives(ask(BLOCK_READ, 0, p, 1, 0, 4), -EINVAL, "an unknown flag");
    gives(ask(BLOCK_READ, 0, p, 1, 0, BLOCK_FUA), -EINVAL, "a flag that is not for reads");
    gives(ask(BLOCK_READ, DISK, p, 1, 0, 0), -ERANGE, "beyond the device");
    gives(ask(BLOCK_READ, DISK - p, 2 * p, 1, 0, 0), -ERANGE, "across its end");
    gives(ask(BLOCK_READ, -p, 2 * p, 1, 0, 0), -ERANGE, "around");
    gives(ask(BLOCK_READ, p, -p, 1, 0, 0), -ERANGE, "further around");
    gives(ask(BLOCK_READ, 0, p, 1, MEMORY, 0), -ERANGE, "beyond the memory");
    gives(ask(BLOCK_READ, 0, p, 1, MEMORY - p + 1, 0), -ERANGE, "across its end");
    gives(ask(BLOCK_READ, 0, p, 1, UINT64_MAX, 0), -ERANGE, "around it");
    gives(ask(BLOCK_READ, 0, p, 2, 0, 0), -ENOENT, "nothing attached");
    gives(ask(BLOCK_READ, 0, p, UINT64_MAX, 0, 0), -ENOENT, "no such number");
    gives(ask(BLOCK_READ, 0, p, 0, 0, 0), -EINVAL, "no range");
    gives(ask(BLOCK_DISCARD, 0, DISK + p, 0, 0, 0), -ERANGE, "discard beyond the device");
    gives(ask(BLOCK_OPS_END, 0, p, 1, 0, 0), -ENOSYS, "no such operation");
    gives(port_attach(&port, 7, read_only, RIGHT_READ), 0, "attach for reading only");
    gives(ask(BLOCK_READ, 0, p, 7, 0, 0), -EPERM, "a read into that");
    gives(ask(BLOCK_WRITE, 0, p, 7, 0, 0), PAGE_SIZE, "a write from it");
    gives(port_detach(&port, 7), 0, "detach");
}

static int64_t with_range(uint32_t op, uint32_t rights, uint64_t length, uint64_t at)
{
    struct msg m = {.head = {.op = op,
                             .flags = MESSAGE_FLAGS(0, 0, 1),
                             .offset = 3 * PAGE_SIZE,
                             .length = PAGE_SIZE,
                             .arg = {0, at}}};
    message_area()->ranges[0] = (struct message_range){memory, rights, 16, length};
    return msg_do(&port, &m, soon());
}

static void test_ranges(void)
{
    if (by_ring) {
        gives(with_range(BLOCK_READ, RIGHT_WRITE, PAGE_SIZE, 0), -ENOTSUP, "no ranges");
        return;
    }
    for (uint32_t i = 0; i < MEMORY / 8; i++)
        words[i] = i;
    gives(with_range(BLOCK_WRITE, RIGHT_READ, PAGE_SIZE + 8, 8), PAGE_SIZE, "write from a range");
    gives(with_range(BLOCK_READ, RIGHT_WRITE, 2 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE,
          "read into one");
    ok(words[2 + 512] == 3 && words[2 + 1023] == 3 + 511, "the same bytes, at the place asked for");
    gives(with_range(BLOCK_READ, RIGHT_READ, PAGE_SIZE, 0), -EPERM,
          "a range that may not be written");
    gives(with_range(BLOCK_READ, RIGHT_WRITE, PAGE_SIZE, 1), -ERANGE, "a range that is too short");
    gives(with_range(BLOCK_READ, RIGHT_WRITE, PAGE_SIZE, UINT64_MAX), -ERANGE,
          "an offset around it");
}

/* Memory that goes away after it was attached. */
static void test_shrinking(void)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, MEMORY, 0, 0), "vmo");
    gives(port_attach(&port, 9, vmo, RIGHT_READ | RIGHT_WRITE), 0, "attach");
    must(sys_vmo_resize(vmo, PAGE_SIZE), "shrink");
    gives(ask(BLOCK_READ, 0, PAGE_SIZE, 9, 2 * PAGE_SIZE, 0), -ERANGE, "memory that has shrunk");
    gives(ask(BLOCK_READ, 0, PAGE_SIZE, 9, 0, 0), PAGE_SIZE, "what is left of it");
    gives(port_detach(&port, 9), 0, "detach");
    sys_handle_close(vmo);
}

static uint64_t random_state = 88172645463325252;

static uint64_t any(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Numbers at the edges. */
static uint64_t odd_number(void)
{
    static const uint64_t edges[] = {
        0,         1,         512,        PAGE_SIZE,  MEMORY,    DISK, DISK - PAGE_SIZE,
        1ul << 32, 1ul << 63, UINT64_MAX, -PAGE_SIZE, 16ul << 20};
    uint64_t edge = edges[any() % (sizeof(edges) / sizeof(edges[0]))];
    return any() % 4 ? edge : any() % 2 ? edge - 1 : any();
}

static void test_noise(void)
{
    for (uint32_t i = 0; i < 5000; i++) {
        struct msg m = {.head = {.op = (uint32_t)(any() % 4 ? BLOCK_INFO + any() % 6 : any()),
                                 .cookie = any(),
                                 .result = (int64_t)any(),
                                 .offset = odd_number(),
                                 .length = odd_number(),
                                 .arg = {any() % 3, odd_number(), any() % 4}}};
        if (m.head.op >= SERVER_SESSION && m.head.op < SERVER_OPS_END)
            continue;
        msg_do(&port, &m, soon());
    }
    gives(ask(BLOCK_READ, 0, PAGE_SIZE, 1, 0, 0), PAGE_SIZE, "noise does not hurt it");
}

static void suite(const char *name)
{
    way = name;
    by_ring = strcmp(name, "ring") == 0;
    test_info();
    test_attached();
    test_refusals();
    test_ranges();
    test_shrinking();
    test_noise();
    gives(port_detach(&port, 1), 0, "detach");
    gives(ask(BLOCK_READ, 0, PAGE_SIZE, 1, 0, 0), -ENOENT, "it is gone");
}

static handle_t start(void (*function)(uint64_t), struct child *child)
{
    handle_t made = (handle_t)must(sys_port_create(64), "port");
    run_child(child, function, 0, &made, 1, -1, CHILD_BUDGET);
    int64_t copy = sys_handle_duplicate(made, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    sys_handle_close(made);
    return (handle_t)must(copy, "copy");
}

/* ---- A driver that takes its time ------------------------------------------------------------ */

static struct block_request *with_driver[8];
static uint32_t count, flushes;

static int64_t take(struct block_driver *slow, struct block_request *request)
{
    (void)slow;
    with_driver[count++] = request;
    return EASYNC;
}

static int64_t take_flush(struct block_driver *slow, struct block_request *request)
{
    flushes++;
    return take(slow, request);
}

static void give_up(struct block_driver *slow, struct block_request *request)
{
    for (uint32_t i = 0; i < count; i++)
        if (with_driver[i] == request)
            with_driver[i] = with_driver[--count];
    block_done(slow, request, -EINTR);
}

static struct block_driver slow = {.size = DISK,
                                   .block_size = 512,
                                   .read = take,
                                   .write = take,
                                   .flush = take_flush,
                                   .abort = give_up};

static void test_barriers(void)
{
    struct msg m[5];
    way = "slow";
    must(block_prepare(&slow), "prepare");
    must(port_here(&port, &box, &slow.server), "here");
    must(port_attach(&port, 1, memory, RIGHT_READ | RIGHT_WRITE), "attach");
    for (uint32_t i = 0; i < 5; i++) {
        m[i] = (struct msg){.head = {.op = BLOCK_WRITE,
                                     .offset = i * 512,
                                     .length = 512,
                                     .arg = {1, 0, i == 2 ? BLOCK_BARRIER : 0}}};
        gives(msg_begin(&port, &m[i]), -EASYNC, "begun");
    }
    gives(count, 2, "a barrier waits for those before it");
    gives(port_detach(&port, 1), -EBUSY, "memory in use is not detached");
    block_done(&slow, with_driver[1], 512);
    gives(count, 2, "for all of them");
    block_done(&slow, with_driver[0], 512);
    gives(count, 3, "then it is begun");
    msg_abort(&m[4]);
    gives(msg_wait(&m[4], soon()), -EINTR, "one that waits can be given up");
    block_done(&slow, with_driver[2], 512);
    gives(count, 4, "and when it is done, those after it");
    count = 1, with_driver[0] = with_driver[3];
    msg_abort(&m[3]);
    for (uint32_t i = 0; i < 4; i++)
        gives(msg_wait(&m[i], soon()), i < 3 ? 512 : -EINTR, "each ends");
    count = flushes = 0;
    m[0] = (struct msg){.head = {.op = BLOCK_WRITE, .length = 512, .arg = {1, 0, BLOCK_FUA}}};
    msg_begin(&port, &m[0]);
    block_done(&slow, with_driver[0], 512);
    gives(flushes, 1, "a write with FUA is flushed after it");
    gives(msg_wait(&m[0], DEADLINE_NOW), -ETIMEDOUT, "and answered after that");
    block_done(&slow, with_driver[1], -EIO);
    gives(msg_wait(&m[0], soon()), -EIO, "with the flush's error");
    gives(ask(BLOCK_DISCARD, 0, 512, 0, 0, 0), -ENOTSUP, "what it cannot do");
    gives(ask(BLOCK_WRITE, 0, 512, 1, MEMORY - 511, 0), -ERANGE, "beyond the memory");
    gives(ask(BLOCK_WRITE, DISK, 512, 1, 0, 0), -ERANGE, "beyond the device");
    gives(count, 2, "the driver hears of neither");
    port_close(&port);
    slow.size = 1000;
    gives(block_prepare(&slow), -EINVAL, "a driver's own numbers are checked");
}

/* ---- The greeting ---------------------------------------------------------------------------- */

#define GREETING "Hello from a process.\n"

static int64_t read_at(uint64_t offset, uint64_t length)
{
    struct msg m = {
        .head = {.op = IO_READ, .flags = MESSAGE_ROOM, .offset = offset, .length = length}};
    return msg_do(&port, &m, soon());
}

static void test_greeting(void)
{
    struct child child;
    struct port node;
    struct msg m = {.head = {.op = IO_OPEN, .flags = MESSAGE_ROOM, .arg = {IO_OPEN_READ}}};
    way = "greeting";
    port_across(&node, &box, start(run_greeting, &child));
    gives(msg_do(&node, &m, soon()), 0, "open");
    const struct io_info *info = (const struct io_info *)message_area()->bytes;
    gives(info->mode, IO_MODE_CHARACTER | 0444, "what it is");
    port_across(&port, &box, message_area()->handles[0].handle);
    gives(read_at(IO_OFFSET_CURRENT, 5), 5, "read some");
    ok(memcmp(message_area()->bytes, "Hello", 5) == 0, "its beginning");
    gives(read_at(IO_OFFSET_CURRENT, 4000), sizeof(GREETING) - 6, "read on");
    ok(memcmp(message_area()->bytes, &GREETING[5], sizeof(GREETING) - 6) == 0, "the rest");
    gives(read_at(IO_OFFSET_CURRENT, 4000), 0, "its end");
    gives(read_at(6, 4), 4, "elsewhere");
    gives(read_at(UINT64_MAX - 1, UINT64_MAX), 0, "far away");
    m = (struct msg){.head = {.op = IO_READ, .flags = MESSAGE_FLAGS(0, 0, 1), .length = 100}};
    message_area()->ranges[0] = (struct message_range){memory, RIGHT_WRITE, 8, 100};
    gives(msg_do(&port, &m, soon()), sizeof(GREETING) - 1, "into a range");
    ok(memcmp(&words[1], GREETING, sizeof(GREETING) - 1) == 0, "it is there");
    m = (struct msg){.head = {.op = IO_READ, .flags = MESSAGE_FLAGS(0, 0, 1), .length = 100}};
    message_area()->ranges[0] = (struct message_range){memory, RIGHT_WRITE, 0, 8};
    gives(msg_do(&port, &m, soon()), -EINVAL, "into one that is too short");
    m = (struct msg){.head = {.op = IO_WRITE, .flags = MESSAGE_FLAGS(1, 0, 0), .length = 1}};
    gives(msg_do(&port, &m, soon()), -EPERM, "write");
    m = (struct msg){.head = {.op = IO_SEEK}};
    gives(msg_do(&port, &m, soon()), -ESPIPE, "seek");
    m = (struct msg){.head = {.op = IO_POLL, .arg = {IO_READY_READ}}};
    gives(msg_do(&port, &m, soon()), IO_READY_READ, "poll");
    port_close(&port);
    for (uint32_t i = 0; i < 2 * CHAR_SESSIONS_MAX; i++) {
        m = (struct msg){.head = {.op = IO_OPEN, .flags = MESSAGE_ROOM}};
        if (msg_do(&node, &m, soon()) == 0)
            sys_handle_close(message_area()->handles[0].handle);
        else
            sys_sleep(clock_after(MILLISECOND));
    }
    m = (struct msg){.head = {.op = IO_OPEN, .flags = MESSAGE_ROOM}};
    gives(msg_do(&node, &m, soon()), 0, "sessions that are closed make room");
    port_close(&node);
    end_child(&child);
}

int main(const void *found)
{
    struct child child;
    test_begin(found);
    clock_address = startup->clock_address;
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    memory = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, MEMORY, 0, 0), "memory");
    words =
        (uint64_t *)must(sys_map(HANDLE_NONE, memory, 0, MEMORY, 0, MAP_READ | MAP_WRITE), "map");
    read_only = (handle_t)must(
        sys_handle_duplicate(memory, RIGHT_READ | RIGHT_TRANSFER | RIGHT_DUPLICATE, 0), "copy");

    port_across(&port, &box, start(run_ramdisk, &child));
    must(port_session(&port), "session");
    suite("across");
    must(port_ring(&port, 32), "ring");
    suite("ring");
    port_close(&port);
    end_child(&child);

    ramdisk.size = DISK;
    disk = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, DISK, 0, 0), "disk");
    must(block_prepare(&ramdisk), "prepare");
    must(port_here(&port, &box, &ramdisk.server), "here");
    suite("here");
    port_close(&port);
    test_barriers();
    test_greeting();
    mailbox_close(&box);
    return test_end();
}
