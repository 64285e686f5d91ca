/*
 * Pools and port sets: who serves what, where, and what they share.
 */
#include "pool.h"
#include "server_common.h"
#include "test.h"

enum { WAIT = 0x100, WHERE, KEEP };

/* ---- A pool ---------------------------------------------------------------------------------- */

static uint32_t inside, most_inside;

/* Waits until three of them are in here at once. */
static int64_t do_wait(struct server *server, struct request *request)
{
    (void)server, (void)request;
    __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
    for (uint64_t end = soon(); clock_now() < end && most_inside < 3;) {
        uint32_t now = __atomic_load_n(&inside, __ATOMIC_SEQ_CST);
        if (now > most_inside)
            most_inside = now;
        sys_sleep(clock_after(MILLISECOND));
    }
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static int64_t do_where(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return clock_cpu();
}

static uint64_t kept_token, aborted_token;

static int64_t do_keep(struct server *server, struct request *request)
{
    (void)server;
    __atomic_store_n(&kept_token, request->token, __ATOMIC_RELEASE);
    return EASYNC;
}

static void on_abort(struct server *server, uint64_t token)
{
    struct message head = {.result = -EINTR};
    (void)server;
    aborted_token = token;
    server_reply(token, &head);
}

static server_handler *const handlers[] = {do_wait, do_where, do_keep};

static void test_pool(struct mailbox *box)
{
    static struct server server = {
        .first_op = WAIT, .op_count = 3, .handlers = handlers, .aborted = on_abort};
    static struct pool pool;
    struct port port;
    struct msg m[3];
    must(server_open(&server, 16), "open");
    is(pool_start(&pool, &server, startup->task, 0, PRIORITY_DEFAULT), -EINVAL,
       "no threads, no pool");
    is(pool_start(&pool, &server, startup->task, 3, PRIORITY_DEFAULT), 0, "a pool starts");
    int64_t copy = sys_handle_duplicate(server.port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    port_across(&port, box, (handle_t)must(copy, "duplicate"));
    for (uint32_t i = 0; i < 3; i++) {
        m[i] = (struct msg){.head = {.op = WAIT}};
        msg_begin(&port, &m[i]);
    }
    for (uint32_t i = 0; i < 3; i++)
        is(msg_wait(&m[i], soon()), 1, "each message is answered");
    is(most_inside, 3, "by threads that waited at the same time");
    m[0] = (struct msg){.head = {.op = KEEP}};
    msg_begin(&port, &m[0]);
    while (!__atomic_load_n(&kept_token, __ATOMIC_ACQUIRE))
        sys_thread_yield();
    msg_abort(&m[0]);
    is(msg_wait(&m[0], soon()), -EINTR, "an abort finds the message among threads");
    ok(aborted_token == kept_token, "by its token");
    is(pool_stop(&pool, soon()), 0, "and it stops");
    is((int64_t)server.statistics.messages, 4, "its figures are right");
    port_close(&port);
    sys_handle_close(server.port);
}

/* ---- Port sets ------------------------------------------------------------------------------- */

#define PORTS 4u
#define ROUNDS 1000u

static struct server servers[PORTS] __attribute__((aligned(64)));
static struct port_set set;
static handle_t first_port;

struct client {
    struct thread thread;
    uint32_t right;
};

/* A client thread on a CPU: its messages are served there. */
static void call_here(void *argument)
{
    struct client *client = argument;
    struct mailbox box;
    struct port_group group;
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    must(port_group_open(&group, &box, first_port), "ports");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct msg m = {.head = {.op = WHERE}};
        uint32_t cpu = clock_cpu();
        client->right += msg_do(port_of_cpu(&group), &m, soon()) == (int64_t)cpu;
    }
    mailbox_close(&box);
}

static void test_by_cpu(void)
{
    static struct client clients[PORTS];
    for (uint32_t i = 0; i < PORTS; i++)
        run_thread(&clients[i].thread, call_here, &clients[i], (int32_t)(i % startup->cpus),
                   PRIORITY_DEFAULT);
    for (uint32_t i = 0; i < PORTS; i++) {
        must(thread_join(&clients[i].thread, soon(), NULL), "join");
        is(clients[i].right, ROUNDS, "messages are served on the CPU they come from");
    }
    uint32_t served = 0;
    for (uint32_t i = 0; i < PORTS; i++)
        served += servers[i].statistics.by_op[WHERE - WAIT] >= ROUNDS;
    is(served, startup->cpus < PORTS ? startup->cpus : PORTS, "each CPU has done its own");
}

static void test_by_key(struct mailbox *box)
{
    struct port_group group;
    uint64_t before[PORTS], right = 0;
    is(port_group_open(&group, box, first_port), 0, "a client asks one port for all");
    is(group.count, PORTS, "and gets them");
    for (uint32_t i = 0; i < PORTS; i++)
        before[i] = servers[i].statistics.messages;
    for (uint64_t key = 0; key < 40; key++) {
        struct msg m = {.head = {.op = WHERE}};
        right +=
            msg_do(port_of_key(&group, key), &m, soon()) == (int64_t)(key % PORTS % startup->cpus);
    }
    is((int64_t)right, 40, "a key is always served on the same CPU");
    for (uint32_t i = 0; i < PORTS; i++)
        is((int64_t)(servers[i].statistics.messages - before[i]), 10, "by one server each");
    struct msg m = {.head = {.op = SERVER_PORTS, .flags = MESSAGE_ROOM, .arg = {PORTS}}};
    is(msg_do(&group.ports[2], &m, soon()), -EINVAL, "there are no more");
    port_group_close(&group);
}

static void test_sets(struct mailbox *box)
{
    for (uint32_t i = 0; i < PORTS; i++)
        servers[i] = (struct server){.first_op = WAIT, .op_count = 3, .handlers = handlers};
    is(port_set_start(&set, servers, PORTS, startup->task, startup->cpus, PRIORITY_DEFAULT), 0,
       "a port set starts");
    first_port = servers[0].port;
    test_by_cpu();
    test_by_key(box);
    ok(sizeof(struct server) % 64 == 0, "no two servers of an array share a cache line");
    is(port_set_stop(&set, soon()), 0, "it stops");
}

int main(const void *found)
{
    struct mailbox box;
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    test_pool(&box);
    test_sets(&box);
    mailbox_close(&box);
    return test_end();
}
