/*
 * A server is killed again and again under its client, which goes on reading.
 */
#include "attach.h"
#include "port.h"
#include "ring_server.h"
#include "server_common.h"
#include "test.h"

enum { READ = 0x100, COUNT, HOLD };
#define BLOCK 512u
#define KILLS 8u

/* ---- The server, in a task of its own -------------------------------------------------------- */

static struct attachments attachments;
static struct server_rings rings;
static uint64_t counted;

/* Block `offset` of nothing but its own number, into attached memory. */
static int64_t do_read(struct server *server, struct request *request)
{
    struct attachment *attachment =
        attachment_find(server->attachments, request->badge, request->head.arg[0]);
    if (!attachment)
        return -ENOENT;
    uint64_t *words = (uint64_t *)message_area()->bytes;
    for (uint32_t i = 0; i < BLOCK / sizeof(*words); i++)
        words[i] = request->head.offset;
    int64_t error = sys_vmo_write(attachment->vmo, request->head.arg[1], BLOCK);
    return error < 0 ? error : BLOCK;
}

static int64_t do_count(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return (int64_t)++counted;
}

static int64_t do_hold(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return EASYNC;
}

static server_handler *const handlers[] = {do_read, do_count, do_hold};
static struct server server = {.first_op = READ, .op_count = 3, .handlers = handlers};

static void serve(uint64_t argument)
{
    (void)argument;
    server.port = child_handles[0];
    server.attachments = &attachments;
    server.rings = &rings;
    server_run(&server);
}

/* ---- Its supervisor -------------------------------------------------------------------------- */

static struct child child;
static handle_t served; /* SEND; to the server that lives, or died last */
static uint32_t starts;
static volatile bool alive;

static void start_server(void)
{
    handle_t port = (handle_t)must(sys_port_create(64), "port");
    run_child(&child, serve, 0, &port, 1, -1, CHILD_BUDGET);
    if (served)
        sys_handle_close(served);
    served = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE, 0), "copy");
    sys_handle_close(port);
    starts++;
    alive = true;
}

static void kill_server(void)
{
    alive = false;
    sys_task_kill(child.task, 0);
}

static int64_t copy_of_served(void)
{
    return sys_handle_duplicate(served, RIGHT_SEND | RIGHT_DUPLICATE, 0);
}

/* The port's resolver: starts the server anew, at the second time of asking. */
static int64_t find_server(void *context, handle_t *handle)
{
    uint32_t *asked = context;
    if (!alive && ++*asked % 2)
        return -EAGAIN;
    if (!alive) {
        join_child(&child);
        start_server();
    }
    int64_t copy = copy_of_served();
    if (copy < 0)
        return copy;
    *handle = (handle_t)copy;
    return 0;
}

static int64_t find_nobody(void *context, handle_t *handle)
{
    (void)context, (void)handle;
    return -EAGAIN;
}

/* Kills it every few milliseconds. */
static volatile bool enough;
static uint32_t kills;

static void killer(void *argument)
{
    (void)argument;
    while (kills < KILLS) {
        sys_sleep(clock_after(15 * MILLISECOND));
        if (alive) {
            kill_server();
            kills++;
        }
    }
    enough = true;
}

/* ---- The client ------------------------------------------------------------------------------ */

#define IN_FLIGHT 8u
static struct mailbox box;
static struct port port;
static handle_t memory;
static volatile uint64_t *words;
static uint32_t asked;

static void open_port(bool by_ring)
{
    port_across(&port, &box, (handle_t)must(copy_of_served(), "copy"));
    must(port_session(&port), "session");
    must(port_attach(&port, 5, memory, RIGHT_READ | RIGHT_WRITE), "attach");
    if (by_ring)
        must(port_ring(&port, 32), "ring");
    port_resolve(&port, find_server, &asked, PATIENCE);
}

/* Reads some blocks at once; how many came as they should. */
static uint32_t read_some(uint64_t number)
{
    static struct msg m[IN_FLIGHT];
    uint32_t right = 0;
    for (uint64_t i = 0; i < IN_FLIGHT; i++) {
        words[i * BLOCK / 8] = words[(i + 1) * BLOCK / 8 - 1] = UINT64_MAX;
        m[i] = (struct msg){
            .head = {.op = READ, .offset = number + i, .length = BLOCK, .arg = {5, i * BLOCK}},
            .options = MSG_IDEMPOTENT};
        msg_begin(&port, &m[i]);
    }
    for (uint64_t i = 0; i < IN_FLIGHT; i++) {
        int64_t result = msg_wait(&m[i], soon());
        right += result == BLOCK && words[i * BLOCK / 8] == number + i &&
                 words[(i + 1) * BLOCK / 8 - 1] == number + i;
    }
    return right;
}

static void test_reads_go_on(bool by_ring)
{
    struct thread thread;
    uint64_t read = 0, right = 0;
    open_port(by_ring);
    kills = 0;
    enough = false;
    uint32_t before = starts;
    run_thread(&thread, killer, NULL, -1, PRIORITY_DEFAULT + 1);
    for (; !enough || port.dead; read += IN_FLIGHT)
        right += read_some(read);
    must(thread_join(&thread, soon(), NULL), "join");
    right += read_some(read);
    read += IN_FLIGHT;
    is((int64_t)right, (int64_t)read,
       by_ring ? "by ring: every block was read" : "across: every block was read");
    ok(port.recoveries >= KILLS / 2, "though the server died again and again");
    print("# %lu blocks, %u deaths, found again %u times\n", read, starts - before,
          port.recoveries);
}

static void test_what_is_not_repeated(void)
{
    struct msg count = {.head = {.op = COUNT}}, hold = {.head = {.op = HOLD}};
    is(msg_do(&port, &count, soon()), 1, "an operation that may not be repeated");
    msg_begin(&port, &hold);
    count = (struct msg){.head = {.op = COUNT}};
    msg_do(&port, &count, soon());
    kill_server();
    is(msg_wait(&hold, soon()), -EDEAD, "fails if its server dies");
    count = (struct msg){.head = {.op = COUNT}};
    is(msg_do(&port, &count, soon()), 1, "one that no server has seen is sent to the next");
    struct msg bytes = {.head = {.op = COUNT, .flags = MESSAGE_FLAGS(4, 0, 0)},
                        .options = MSG_IDEMPOTENT};
    is(msg_begin(&port, &bytes), -EINVAL, "what cannot be kept cannot be repeated");
}

static void test_patience(void)
{
    struct msg m = {.head = {.op = READ, .arg = {5, 0}}, .options = MSG_IDEMPOTENT};
    struct msg n = m;
    port_resolve(&port, find_nobody, NULL, 40 * MILLISECOND);
    kill_server();
    is(msg_do(&port, &m, clock_after(10 * MILLISECOND)), -ETIMEDOUT, "a deadline still counts");
    uint64_t start = clock_now();
    is(msg_do(&port, &n, soon()), -EDEAD, "and patience has an end");
    ok(clock_now() - start < PATIENCE / 2, "in time");
    asked = 1;
    port_resolve(&port, find_server, &asked, PATIENCE);
    m = (struct msg){.head = {.op = READ, .offset = 9, .arg = {5, 0}}, .options = MSG_IDEMPOTENT};
    is(msg_do(&port, &m, soon()), BLOCK, "a server that comes back later is used again");
}

int main(const void *found)
{
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    memory = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "memory");
    words = (volatile uint64_t *)must(
        sys_map(HANDLE_NONE, memory, 0, PAGE_SIZE, 0, MAP_READ | MAP_WRITE), "map");
    start_server();
    for (uint32_t by_ring = 0; by_ring < 2; by_ring++) {
        test_reads_go_on(by_ring);
        test_what_is_not_repeated();
        test_patience();
        port_close(&port);
    }
    end_child(&child);
    mailbox_close(&box);
    return test_end();
}
