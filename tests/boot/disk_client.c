/*
 * A client of a disk that tests/system/test_disk.py has made: every eight bytes of it hold their
 * own offset.  Reads and writes in every way that there is, and goes on while the driver is killed.
 *
 * Startup handles: "disk0" the driver's port, "init".  What is written is checked on the host.
 */
#include <portolan/block.h>
#include <portolan/init.h>

#include "port.h"
#include "test.h"

#define DISK (16ul << 20)
#define MEMORY (64 * PAGE_SIZE)
#define MARK 0x5a5a000000000000ul /* in words that were written */
#define ALL (RIGHT_READ | RIGHT_WRITE | RIGHT_PIN)
#define KILLS 5u /* the second is the pci server's, which its drivers survive */
#define IN_FLIGHT 32u
#define ROUNDS 200u

static struct mailbox box;
static struct port port;
static handle_t disk, memory;
static uint64_t *words;
static uint64_t max_transfer;

static struct msg lent(uint32_t op, uint64_t offset, uint64_t length, uint64_t at, uint32_t rights)
{
    message_area()->ranges[0] = (struct message_range){memory, rights, at, length};
    return (struct msg){
        .head = {.op = op, .flags = MESSAGE_FLAGS(0, 0, 1), .offset = offset, .length = length}};
}

static int64_t transfer(uint32_t op, uint64_t offset, uint64_t length, uint64_t at, uint32_t rights)
{
    struct msg m = lent(op, offset, length, at, rights);
    return msg_do(&port, &m, soon());
}

static int64_t attached(uint32_t op, uint64_t offset, uint64_t length, uint64_t at, uint64_t flags)
{
    struct msg m = {.head = {.op = op, .offset = offset, .length = length, .arg = {1, at, flags}}};
    return msg_do(&port, &m, soon());
}

static bool holds(uint64_t at, uint64_t offset, uint64_t length, uint64_t mark)
{
    for (uint64_t i = 0; i < length; i += 8)
        if (words[(at + i) / 8] != (offset + i) + mark)
            return false;
    return true;
}

static void fill(uint64_t at, uint64_t offset, uint64_t length)
{
    for (uint64_t i = 0; i < length; i += 8)
        words[(at + i) / 8] = (offset + i) + MARK;
}

static void forget(void)
{
    memset(words, 0xee, MEMORY);
}

/* ---- Reading and writing --------------------------------------------------------------------- */

static void test_info(void)
{
    struct msg m = {.head = {.op = BLOCK_INFO}};
    is(msg_do(&port, &m, soon()), 0, "info");
    is((int64_t)m.head.length, DISK, "the size");
    is((int64_t)(uint32_t)m.head.arg[0], 512, "the block size");
    max_transfer = (uint32_t)m.head.arg[2];
    print("# transfers up to %lu bytes\n", max_transfer);
}

static void test_read(void)
{
    forget();
    is(transfer(BLOCK_READ, 5 * PAGE_SIZE, PAGE_SIZE, 0, ALL), PAGE_SIZE, "a page that is lent");
    ok(holds(0, 5 * PAGE_SIZE, PAGE_SIZE, 0) && words[512] == 0xeeeeeeeeeeeeeeee, "is read");
    is(transfer(BLOCK_READ, 0, max_transfer, 0, ALL), (int64_t)max_transfer, "many pages");
    ok(holds(0, 0, max_transfer, 0), "are read");
    is(transfer(BLOCK_READ, DISK - 512, 512, 512, ALL), 512, "a block that is part of a page");
    ok(holds(512, DISK - 512, 512, 0), "is read");
    is(transfer(BLOCK_READ, 1024, PAGE_SIZE, 3 * PAGE_SIZE, ALL | RIGHT_MAP), PAGE_SIZE,
       "a page that may be mapped");
    ok(holds(3 * PAGE_SIZE, 1024, PAGE_SIZE, 0), "is read");
    is(attached(BLOCK_READ, 8192, 3 * PAGE_SIZE, 512, 0), 3 * PAGE_SIZE, "into attached memory");
    ok(holds(512, 8192, 3 * PAGE_SIZE, 0), "it is read");
}

static void test_refusals(void)
{
    is(transfer(BLOCK_READ, DISK, PAGE_SIZE, 0, ALL), -ERANGE, "beyond the end");
    is(transfer(BLOCK_READ, DISK - 512, PAGE_SIZE, 0, ALL), -ERANGE, "across the end");
    is(transfer(BLOCK_READ, -512ul, PAGE_SIZE, 0, ALL), -ERANGE, "around");
    is(transfer(BLOCK_READ, 100, PAGE_SIZE, 0, ALL), -EINVAL, "not at a block's start");
    is(transfer(BLOCK_WRITE, 512, 100, 0, ALL), -EINVAL, "no whole block");
    is(attached(BLOCK_READ, 0, max_transfer + 512, 0, 0), -E2BIG, "more than it can");
    is(transfer(BLOCK_READ, 0, PAGE_SIZE, 0, RIGHT_READ | RIGHT_PIN), -EPERM, "not to be written");
    is(transfer(BLOCK_READ, 0, PAGE_SIZE, 0, RIGHT_WRITE), -EPERM, "not to be pinned");
}

/* test_disk.py knows these places. */
static void test_write(void)
{
    fill(0, 1ul << 20, max_transfer);
    is(transfer(BLOCK_WRITE, 1ul << 20, max_transfer, 0, RIGHT_READ | RIGHT_PIN),
       (int64_t)max_transfer, "write pages");
    fill(0, (2ul << 20) + 512, 1024);
    is(attached(BLOCK_WRITE, (2ul << 20) + 512, 1024, 0, BLOCK_FUA), 1024, "write two blocks");
    fill(0, 3ul << 20, PAGE_SIZE);
    is(transfer(BLOCK_WRITE, 3ul << 20, PAGE_SIZE, 0, RIGHT_READ | RIGHT_PIN), PAGE_SIZE,
       "write a page");
    is(attached(BLOCK_FLUSH, 0, 0, 0, BLOCK_BARRIER), 0, "flush");
    forget();
    transfer(BLOCK_READ, 3ul << 20, PAGE_SIZE, 0, ALL);
    ok(holds(0, 3ul << 20, PAGE_SIZE, MARK), "what was written is read");
}

/* Begins many reads, every fourth a barrier, and how many came as they should. */
static uint32_t read_many(uint64_t first)
{
    static struct msg m[IN_FLIGHT];
    uint32_t right = 0;
    for (uint64_t i = 0; i < IN_FLIGHT; i++) {
        uint64_t at = i * PAGE_SIZE, offset = (first + i * 7) % 256 * PAGE_SIZE;
        words[at / 8] = words[at / 8 + 511] = UINT64_MAX;
        if (i % 2) {
            m[i] = lent(BLOCK_READ, offset, PAGE_SIZE, at, ALL);
        } else {
            m[i] = (struct msg){.head = {.op = BLOCK_READ, .offset = offset, .length = PAGE_SIZE}};
            m[i].head.arg[0] = 1, m[i].head.arg[1] = at;
        }
        m[i].head.arg[2] = i % 4 == 3 ? BLOCK_BARRIER : 0;
        m[i].options = MSG_IDEMPOTENT;
        msg_begin(&port, &m[i]);
    }
    for (uint64_t i = 0; i < IN_FLIGHT; i++) {
        uint64_t at = i * PAGE_SIZE, offset = (first + i * 7) % 256 * PAGE_SIZE;
        int64_t result = msg_wait(&m[i], soon());
        bool good = result == (int64_t)PAGE_SIZE && holds(at, offset, PAGE_SIZE, 0);
        if (!good)
            print("# read %lu: result %ld, holds %lx\n", first + i, result, words[at / 8]);
        right += good;
    }
    return right;
}

static void test_many(void)
{
    is(read_many(0), IN_FLIGHT, "many at once, barriers among them");
}

/* ---- The driver dies ------------------------------------------------------------------------- */

static int64_t find_disk(void *context, handle_t *handle)
{
    (void)context;
    int64_t copy = sys_handle_duplicate(disk, RIGHTS_SAME, 0);
    if (copy < 0)
        return copy;
    *handle = (handle_t)copy;
    return 0;
}

static volatile bool enough;

static void killer(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < KILLS; i++) {
        const char *name = i == 1 ? "pci" : "disk0";
        struct message m = {.op = INIT_KILL, .flags = MESSAGE_FLAGS(strlen(name), 0, 0)};
        sys_sleep(clock_after(700 * MILLISECOND));
        memcpy(message_area()->bytes, name, strlen(name));
        sys_do(startup_handle(startup, "init"), soon(), &m);
    }
    enough = true;
}

static void test_deaths(void)
{
    struct thread thread;
    uint64_t read = 0, right = 0;
    run_thread(&thread, killer, NULL, -1, PRIORITY_DEFAULT + 1);
    for (; !enough; read += IN_FLIGHT)
        right += read_many(read);
    must(thread_join(&thread, soon(), NULL), "join");
    right += read_many(read);
    read += IN_FLIGHT;
    is((int64_t)right, (int64_t)read, "all was read, though the driver was killed");
    ok(port.recoveries >= KILLS - 2, "again and again");
    print("# %lu reads, %u recoveries\n", read, port.recoveries);
}

/* ---- What it costs --------------------------------------------------------------------------- */

static void measure(void)
{
    for (uint32_t i = 0; i < 20; i++)
        transfer(BLOCK_READ, i * PAGE_SIZE, PAGE_SIZE, 0, RIGHT_WRITE | RIGHT_PIN);
    uint64_t start = clock_now();
    for (uint32_t i = 0; i < ROUNDS; i++)
        transfer(BLOCK_READ, i * PAGE_SIZE, PAGE_SIZE, 0, RIGHT_WRITE | RIGHT_PIN);
    print("# a read of 4 KiB: %lu ns\n", (clock_now() - start) / ROUNDS);
}

int main(const void *found)
{
    test_begin(found);
    disk = startup_handle(startup, "disk0");
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    memory = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 2 * MEMORY, 0, 0), "memory");
    words = (uint64_t *)must(sys_map(HANDLE_NONE, memory, 0, 2 * MEMORY, 0, MAP_READ | MAP_WRITE),
                             "map");
    handle_t handle = HANDLE_NONE;
    must(find_disk(NULL, &handle), "copy");
    must(port_across(&port, &box, handle), "port");
    port_resolve(&port, find_disk, NULL, 30 * SECOND);
    must(port_session(&port), "session");
    must(port_attach(&port, 1, memory, ALL), "attach");
    test_info();
    test_read();
    test_refusals();
    test_write();
    test_many();
    measure();
    if (startup_handle(startup, "init"))
        test_deaths();
    print("# disk_client is done\n");
    return test_end();
}
