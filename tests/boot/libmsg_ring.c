/*
 * Rings under stress, and with a peer that breaks their rules.
 */
#include "port.h"
#include "ring_server.h"
#include "server_common.h"
#include "test.h"

enum { ECHO = 0x100, LATER, PAUSE };
#define DEPTH 32u

static handle_t served; /* SEND */
static struct mailbox box;

/* ---- The server ------------------------------------------------------------------------------ */

static struct server_rings rings;

static int64_t do_echo(struct server *server, struct request *request)
{
    (void)server;
    request->reply.arg[0] = request->head.arg[1];
    return (int64_t)request->head.arg[0];
}

static int64_t do_later(struct server *server, struct request *request)
{
    (void)server, (void)request;
    return EASYNC; /* for ever */
}

static server_handler *const handlers[] = {do_echo, do_later};
static struct server server = {
    .first_op = ECHO, .op_count = 2, .handlers = handlers, .rings = &rings};

static void serve(void *argument)
{
    (void)argument;
    server_run(&server);
}

/* A reply to the port itself, whatever happened to rings; counts violations. */
static bool server_is_well(uint64_t violations)
{
    struct message m = {.op = ECHO, .arg = {17}};
    int64_t error = sys_do(served, soon(), &m);
    return error == 0 && m.result == 17 && server.statistics.violations == violations;
}

/* ---- Stress ---------------------------------------------------------------------------------- */

static uint32_t random_state = 12345;

static uint32_t any(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

static void open_ring(struct port *port)
{
    int64_t copy = sys_handle_duplicate(served, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    port_across(port, &box, (handle_t)must(copy, "duplicate"));
    must(port_ring(port, DEPTH), "ring");
}

/* Some batch of messages; the right answers. */
static uint64_t exchange(struct port *port, struct msg *messages, uint32_t count, uint64_t first)
{
    uint64_t right = 0;
    for (uint32_t i = 0; i < count; i++) {
        messages[i] = (struct msg){.head = {.op = ECHO, .arg = {first + i, ~(first + i)}},
                                   .options = i + 1 < count && any(4) ? MSG_MORE : 0};
        msg_begin(port, &messages[i]);
    }
    /* Sometimes the replies are there before the client looks, so that it does not sleep. */
    for (uint32_t spins = any(2) ? any(3000) : 0; spins--;)
        __asm__ volatile("pause");
    for (uint32_t i = 0; i < count; i++)
        right += msg_wait(&messages[i], soon()) == (int64_t)(first + i) &&
                 messages[i].head.arg[0] == ~(first + i);
    return right;
}

#define STRESS 1000000ul

static void test_stress(void)
{
    static struct msg messages[DEPTH];
    struct port port;
    uint64_t right = 0, sent = 0, start = clock_now();
    open_ring(&port);
    while (sent < STRESS && right == sent) {
        uint32_t count = 1 + any(DEPTH);
        right += exchange(&port, messages, count, sent);
        sent += count;
    }
    is((int64_t)right, (int64_t)sent, "a million messages between two CPUs, each answered once");
    print("# %lu messages a second; the server woke the client %lu times\n",
          sent * SECOND / (clock_now() - start + 1), server.statistics.ring_wakes);
    ok(server.statistics.ring_wakes < sent, "a client that runs is not woken");
    port_close(&port);
}

static void test_many_rings(void)
{
    static struct port ports[8];
    static struct msg messages[8];
    uint64_t right = 0;
    for (uint32_t i = 0; i < 8; i++)
        open_ring(&ports[i]);
    for (uint64_t round = 0; round < 1000; round++) {
        for (uint32_t i = 0; i < 8; i++) {
            messages[i] = (struct msg){.head = {.op = ECHO, .arg = {round + i}}};
            msg_begin(&ports[i], &messages[i]);
        }
        for (uint32_t i = 0; i < 8; i++)
            right += msg_wait(&messages[i], soon()) == (int64_t)(round + i);
    }
    is((int64_t)right, 8000, "eight rings and one mailbox");
    ok(server_is_well(server.statistics.violations), "and the server's port beside them");
    for (uint32_t i = 0; i < 8; i++)
        port_close(&ports[i]);
}

/* ---- A hostile client ------------------------------------------------------------------------ */

/* A session made by hand. */
struct raw {
    handle_t vmo, client, waker;
    struct ring_shared *shared;
    uint32_t generation;
};

static int64_t ask(handle_t vmo, handle_t client, uint64_t depth, struct message *m)
{
    int64_t a = sys_handle_duplicate(vmo, RIGHTS_SAME, 0);
    int64_t b = sys_handle_duplicate(client, RIGHT_SEND | RIGHT_TRANSFER, 0);
    if (b < 0)
        b = sys_handle_duplicate(client, RIGHTS_SAME, 0);
    message_area()->handles[0] = (struct message_handle){(handle_t)a, RIGHTS_SAME, 0};
    message_area()->handles[1] = (struct message_handle){(handle_t)b, RIGHTS_SAME, 0};
    *m = (struct message){
        .op = SERVER_RING_OPEN, .flags = MESSAGE_FLAGS(0, 2, 0) | MESSAGE_ROOM, .arg = {depth, 1}};
    must(sys_do(served, soon(), m), "ask");
    return m->result;
}

static void raw_open(struct raw *raw)
{
    struct message m;
    raw->vmo = (handle_t)must(sys_vmo_create(VMO_CONTIGUOUS, RING_BYTES(DEPTH), 0, 0), "vmo");
    raw->client = (handle_t)must(sys_port_create(4), "port");
    raw->shared = (struct ring_shared *)must(
        sys_map(HANDLE_NONE, raw->vmo, 0, 2 * PAGE_SIZE, 0, MAP_READ | MAP_WRITE), "map");
    /* The server may not have heard yet of those that were closed. */
    int64_t error;
    for (uint64_t end = soon();
         (error = ask(raw->vmo, raw->client, DEPTH, &m)) == -EAGAIN && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    must(error, "open");
    raw->waker = message_area()->handles[0].handle;
    raw->generation = (uint32_t)m.arg[0];
}

static void raw_close(struct raw *raw)
{
    sys_unmap(HANDLE_NONE, (uint64_t)raw->shared, 2 * PAGE_SIZE);
    sys_handle_close(raw->vmo);
    sys_handle_close(raw->client);
    sys_handle_close(raw->waker);
}

static struct message *request_slot(const struct raw *raw, uint32_t index)
{
    return (struct message *)((uint64_t)raw->shared + RING_SLOTS) + index;
}

static void raw_send(const struct raw *raw, uint32_t index)
{
    __atomic_store_n(&raw->shared->requests, index << 1, __ATOMIC_SEQ_CST);
    sys_notify(raw->waker, RING_WAKE_BIT);
}

/* Waits until the session has ended. */
static bool is_ended(const struct raw *raw)
{
    for (uint64_t end = soon(); clock_now() < end; sys_sleep(clock_after(MILLISECOND)))
        if (__atomic_load_n(&raw->shared->ended, __ATOMIC_ACQUIRE) == EPROTO)
            return true;
    return false;
}

static struct message raw_message(const struct raw *raw, uint32_t op, uint32_t number)
{
    return (struct message){.op = op, .cookie = RING_COOKIE(raw->generation, number)};
}

static void index_too_far(const struct raw *raw)
{
    raw_send(raw, DEPTH + 1);
}
static void index_backwards(const struct raw *raw)
{
    raw_send(raw, UINT32_MAX >> 1);
}
static void other_generation(const struct raw *raw)
{
    *request_slot(raw, 0) = raw_message(raw, ECHO, 0);
    request_slot(raw, 0)->cookie = RING_COOKIE(raw->generation - 1, 0);
    raw_send(raw, 1);
}
static void number_too_large(const struct raw *raw)
{
    *request_slot(raw, 0) = raw_message(raw, ECHO, DEPTH);
    raw_send(raw, 1);
}
static void number_in_use(const struct raw *raw)
{
    *request_slot(raw, 0) = raw_message(raw, LATER, 3);
    *request_slot(raw, 1) = raw_message(raw, LATER, 3);
    raw_send(raw, 2);
}
static void something_follows(const struct raw *raw)
{
    *request_slot(raw, 0) = raw_message(raw, ECHO, 0);
    request_slot(raw, 0)->flags = MESSAGE_FLAGS(4096, 8, 8);
    raw_send(raw, 1);
}
static void beyond_its_credits(const struct raw *raw)
{
    for (uint32_t i = 0; i < DEPTH; i++)
        *request_slot(raw, i) = raw_message(raw, LATER, i);
    raw_send(raw, DEPTH);
    while (server.statistics.by_op[LATER - ECHO] < DEPTH)
        sys_sleep(clock_after(MILLISECOND));
    raw_send(raw, DEPTH + 1);
}
static void says_it_ended(const struct raw *raw)
{
    __atomic_store_n(&raw->shared->ended, 1, __ATOMIC_SEQ_CST);
    raw_send(raw, 1);
}

static const struct violation {
    void (*commit)(const struct raw *raw);
    const char *name;
} violations[] = {
    {index_too_far, "an index beyond its credits"},
    {index_backwards, "an index that goes back"},
    {other_generation, "another session's generation"},
    {number_too_large, "a number that is not there"},
    {number_in_use, "a number twice"},
    {something_follows, "flags that say that something follows"},
    {beyond_its_credits, "more than its credits, by and by"},
    {says_it_ended, "an end declared"},
};
#define VIOLATIONS (sizeof(violations) / sizeof(violations[0]))

static void test_violations(void)
{
    uint64_t before = server.statistics.violations;
    for (uint32_t i = 0; i < VIOLATIONS; i++) {
        struct raw raw;
        char text[100];
        raw_open(&raw);
        violations[i].commit(&raw);
        format_text(text, sizeof(text), "%s ends the session", violations[i].name);
        ok(is_ended(&raw), text);
        ok(server_is_well(before + i + 1), "and never the server");
        raw_close(&raw);
    }
}

/* Writes noise everywhere, for a while. */
static void test_noise(void)
{
    struct raw raw;
    uint64_t before = server.statistics.violations;
    for (uint32_t round = 0; round < 200; round++) {
        raw_open(&raw);
        uint32_t words = (uint32_t)RING_BYTES(DEPTH) / 4;
        for (uint32_t i = 0; i < 4000; i++) {
            volatile uint32_t *word = (uint32_t *)raw.shared + any(words);
            *word = any(3) ? any(70) : random_state;
            if (any(50) == 0)
                sys_notify(raw.waker, RING_WAKE_BIT);
        }
        *request_slot(&raw, 0) = raw_message(&raw, ECHO, 0);
        raw.shared->replies = UINT32_MAX; /* "I sleep", always */
        raw_close(&raw);
    }
    struct message m = {.op = ECHO, .arg = {17}};
    ok(sys_do(served, soon(), &m) == 0 && m.result == 17, "noise does not hurt the server");
    ok(server.statistics.violations > before, "it was seen");
}

static void test_opening(void)
{
    struct message m;
    uint64_t bytes = RING_BYTES(DEPTH);
    handle_t plain = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, bytes, 0, 0), "vmo");
    handle_t fine = (handle_t)must(sys_vmo_create(VMO_CONTIGUOUS, bytes, 0, 0), "vmo");
    handle_t client = (handle_t)must(sys_port_create(4), "port");
    handle_t reading = (handle_t)must(
        sys_handle_duplicate(fine, RIGHT_READ | RIGHT_MAP | RIGHT_TRANSFER | RIGHT_DUPLICATE, 0),
        "duplicate");
    is(ask(plain, client, DEPTH, &m), -ENOTSUP, "memory that can shrink is refused");
    is(ask(fine, client, 4 * DEPTH, &m), -EINVAL, "memory that is too small");
    is(ask(fine, client, 24, &m), -EINVAL, "a depth that is no power of two");
    is(ask(fine, client, 1ul << 40, &m), -EINVAL, "a depth that is out of reach");
    is(ask(client, client, DEPTH, &m), -EINVAL, "no memory at all");
    is(ask(fine, fine, DEPTH, &m), -EINVAL, "no port to wake");
    is(ask(reading, client, DEPTH, &m), -EINVAL, "memory that cannot be written");
    m = (struct message){.op = SERVER_RING_OPEN, .flags = MESSAGE_ROOM, .arg = {DEPTH, 1}};
    sys_do(served, soon(), &m);
    is(m.result, -EINVAL, "no handles");
    m = (struct message){.op = ECHO, .arg = {17}};
    struct raw raws[RING_SESSIONS_MAX];
    for (uint32_t i = 0; i < RING_SESSIONS_MAX; i++)
        raw_open(&raws[i]);
    is(ask(fine, client, DEPTH, &m), -EAGAIN, "more rings than it has");
    ok(server_is_well(server.statistics.violations), "the server serves on");
    for (uint32_t i = 0; i < RING_SESSIONS_MAX; i++)
        raw_close(&raws[i]);
    raw_open(&raws[0]);
    ok(server_is_well(server.statistics.violations), "closed ones make room");
    raw_close(&raws[0]);
    sys_handle_close(reading);
    sys_handle_close(plain);
    sys_handle_close(fine);
    sys_handle_close(client);
}

/* ---- A hostile server ------------------------------------------------------------------------ */

enum lie { LIE_INDEX, LIE_COOKIE, LIE_NUMBER, LIE_TWICE, LIE_FLAGS, LIE_ENDED, LIES };
static const char *const lies[LIES] = {"an index too far",       "another's cookie",
                                       "a number not in flight", "a reply twice",
                                       "something that follows", "the end"};
static handle_t liar_port;
static enum lie lie;

static void tell_lie(struct ring_shared *shared)
{
    struct message *replies = (struct message *)ring_replies_at((uint64_t)shared, DEPTH);
    struct message *requests = (struct message *)((uint64_t)shared + RING_SLOTS);
    replies[0] = requests[0];
    replies[1] = requests[0];
    uint32_t index = 1;
    if (lie == LIE_INDEX)
        index = 5;
    if (lie == LIE_COOKIE)
        replies[0].cookie += 1ul << 32;
    if (lie == LIE_NUMBER)
        replies[0].cookie ^= 8;
    if (lie == LIE_TWICE)
        index = 2;
    if (lie == LIE_FLAGS)
        replies[0].flags = 7;
    if (lie == LIE_ENDED)
        shared->ended = 1, index = 0;
    __atomic_store_n(&shared->replies, index << 1, __ATOMIC_SEQ_CST);
}

static void be_a_liar(void *argument)
{
    struct message m;
    struct receipt receipt;
    (void)argument;
    must(sys_get(liar_port, soon(), &m, &receipt), "get");
    handle_t vmo = message_area()->handles[0].handle, client = message_area()->handles[1].handle;
    struct ring_shared *shared = (struct ring_shared *)must(
        sys_map(HANDLE_NONE, vmo, 0, 2 * PAGE_SIZE, 0, MAP_READ | MAP_WRITE), "map");
    shared->requests = RING_SLEEPS;
    int64_t waker = must(sys_handle_duplicate(liar_port, RIGHT_SEND | RIGHT_TRANSFER, 0), "waker");
    message_area()->handles[0] = (struct message_handle){(handle_t)waker, RIGHTS_SAME, 0};
    m = (struct message){.flags = MESSAGE_FLAGS(0, 1, 0), .arg = {7, 2}};
    must(sys_reply(receipt.token, &m), "reply");
    must(sys_get(liar_port, soon(), &m, &receipt), "wake");
    tell_lie(shared);
    sys_notify(client, RING_WAKE_BIT);
    sys_get(liar_port, soon(), &m, &receipt); /* the client is gone */
    sys_unmap(HANDLE_NONE, (uint64_t)shared, 2 * PAGE_SIZE);
    sys_handle_close(vmo);
    sys_handle_close(client);
}

static void test_liars(void)
{
    for (lie = 0; lie < LIES; lie++) {
        struct port port;
        struct thread thread;
        struct msg m[2] = {{.head = {.op = ECHO}, .options = MSG_MORE}, {.head = {.op = ECHO}}};
        liar_port = (handle_t)must(sys_port_create(4), "port");
        run_thread(&thread, be_a_liar, NULL, -1, PRIORITY_DEFAULT);
        int64_t copy = sys_handle_duplicate(liar_port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
        port_across(&port, &box, (handle_t)must(copy, "duplicate"));
        must(port_ring(&port, DEPTH), "ring");
        msg_begin(&port, &m[0]);
        msg_begin(&port, &m[1]);
        int64_t first = msg_wait(&m[0], soon()), second = msg_wait(&m[1], soon());
        char text[100];
        format_text(text, sizeof(text), "a server that lies about %s is found out", lies[lie]);
        if (!ok(second == -EPROTO && (first == -EPROTO || lie == LIE_TWICE), text))
            print("#   %ld %ld\n", first, second);
        m[0] = (struct msg){.head = {.op = ECHO}};
        is(msg_begin(&port, &m[0]), -EPROTO, "and not asked again");
        port_close(&port);
        sys_notify(liar_port, 1);
        must(thread_join(&thread, soon(), NULL), "join");
        sys_handle_close(liar_port);
    }
}

static void one_round(void)
{
    struct port port;
    struct raw raw;
    struct msg m = {.head = {.op = ECHO}};
    open_ring(&port);
    msg_do(&port, &m, soon());
    port_close(&port);
    raw_open(&raw);
    index_too_far(&raw);
    is_ended(&raw);
    raw_close(&raw);
}

int main(const void *found)
{
    struct thread thread;
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    must(server_open(&server, 64), "port");
    served = (handle_t)must(sys_handle_duplicate(server.port, RIGHT_SEND | RIGHT_DUPLICATE, 0), "");
    sys_thread_set(startup->thread, -1, 0);
    run_thread(&thread, serve, NULL, startup->cpus > 1 ? 1 : 0, PRIORITY_DEFAULT);
    test_stress();
    test_many_rings();
    test_opening();
    test_violations();
    test_noise();
    test_liars();
    ok(!loses_memory(one_round), "no memory is lost");
    return test_end();
}
