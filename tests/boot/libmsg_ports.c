/*
 * One client over the three kinds of ports: what it sends and hears is the same.
 */
#include "attach.h"
#include "port.h"
#include "ring_server.h"
#include "server_common.h"
#include "test.h"

enum {
    ADD = 0x100,
    LATER,
    RELEASE,
    REVERSE,
    SUM_RANGE,
    SUM_ATTACHED,
    RING_BELL,
    FORGE,
    COUNT,
    OPS
};

/* ---- The server: in a task of its own, or here ----------------------------------------------- */

static struct attachments attachments;
static struct server_rings rings;
static struct server_events events;
static uint64_t tokens[64];
static uint32_t kept;

static int64_t do_add(struct server *server, struct request *request)
{
    (void)server;
    request->reply.offset = request->head.offset;
    request->reply.length = request->head.length;
    return (int64_t)(request->head.arg[0] + request->head.arg[1]);
}

static int64_t do_later(struct server *server, struct request *request)
{
    (void)server;
    if (kept == 64)
        return -EAGAIN;
    tokens[kept++] = request->token;
    return EASYNC;
}

static int64_t do_release(struct server *server, struct request *request)
{
    uint32_t released = kept;
    (void)server, (void)request;
    for (uint32_t i = 0; i < kept; i++) {
        struct message head = {.result = i, .arg = {7}};
        server_reply(tokens[i], &head);
    }
    kept = 0;
    return released;
}

static void aborted(struct server *server, uint64_t token)
{
    (void)server;
    for (uint32_t i = 0; i < kept; i++)
        if (tokens[i] == token) {
            struct message head = {.result = -EINTR};
            server_reply(token, &head);
            tokens[i] = tokens[--kept];
            return;
        }
}

static int64_t do_reverse(struct server *server, struct request *request)
{
    uint8_t *bytes = message_area()->bytes;
    uint32_t length = MESSAGE_FLAG_BYTES(request->head.flags);
    (void)server;
    for (uint32_t i = 0; i < length / 2; i++) {
        uint8_t swap = bytes[i];
        bytes[i] = bytes[length - 1 - i];
        bytes[length - 1 - i] = swap;
    }
    request->reply.flags = MESSAGE_FLAGS(length, 0, 0);
    return length;
}

static int64_t sum(uint64_t length)
{
    int64_t total = 0;
    for (uint64_t i = 0; i < length; i++)
        total += message_area()->bytes[i];
    return total;
}

static int64_t do_sum_range(struct server *server, struct request *request)
{
    (void)server;
    int64_t error = request_range_read(request, 0, request->head.offset, request->head.length);
    return error < 0 ? error : sum(request->head.length);
}

static int64_t do_sum_attached(struct server *server, struct request *request)
{
    struct attachment *attachment =
        attachment_find(server->attachments, request->badge, request->head.arg[0]);
    if (!attachment)
        return -ENOENT;
    int64_t error = sys_vmo_read(attachment->vmo, request->head.offset, request->head.length);
    return error < 0 ? error : sum(request->head.length);
}

static int64_t do_ring_bell(struct server *server, struct request *request)
{
    (void)server;
    return sys_notify(request->handles[0], request->head.arg[0]);
}

static int64_t do_forge(struct server *server, struct request *request)
{
    (void)server;
    return -(int64_t)request->head.arg[0];
}

static int64_t do_count(struct server *server, struct request *request)
{
    (void)server;
    return (int64_t)request->head.length;
}

static server_handler *const handlers[OPS - ADD] = {do_add,       do_later,     do_release,
                                                    do_reverse,   do_sum_range, do_sum_attached,
                                                    do_ring_bell, do_forge,     do_count};
static struct server server = {.first_op = ADD,
                               .op_count = OPS - ADD,
                               .handlers = handlers,
                               .attachments = &attachments,
                               .events = &events,
                               .aborted = aborted};

static void serve(uint64_t argument)
{
    (void)argument;
    server.port = child_handles[0];
    server.rings = &rings;
    server_run(&server);
}

/* ---- The client ------------------------------------------------------------------------------ */

static struct mailbox box;
static struct port port;
static const char *way;
static bool by_ring;
static handle_t memory;

static bool good(bool fine, const char *name)
{
    char text[100];
    format_text(text, sizeof(text), "%s: %s", way, name);
    return ok(fine, text);
}

static bool gives(int64_t seen, int64_t wanted, const char *name)
{
    if (!good(seen == wanted, name))
        print("#   saw %ld, wanted %ld\n", seen, wanted);
    return seen == wanted;
}

static struct msg message(uint32_t op, uint64_t a, uint64_t b)
{
    return (struct msg){.head = {.op = op, .arg = {a, b}}};
}

static int64_t call(uint32_t op, uint64_t a, uint64_t b)
{
    struct msg m = message(op, a, b);
    return msg_do(&port, &m, soon());
}

static void test_results(void)
{
    struct msg m = message(ADD, 20, 22);
    m.head.cookie = 99, m.head.offset = 5, m.head.length = UINT64_MAX;
    gives(msg_do(&port, &m, soon()), 42, "a result");
    good(m.head.cookie == 99 && m.head.offset == 5 && m.head.length == UINT64_MAX,
         "the head comes back, and the sender's cookie");
    good(m.state == MSG_ENDED && m.head.result == 42, "it has ended");
    gives(call(0x7777, 0, 0), -ENOSYS, "an operation that is not known");
    m = message(COUNT, 0, 0);
    m.head.length = 2001;
    gives(msg_do(&port, &m, soon()), 2001, "no count of bytes is taken for 'later'");
    gives(call(FORGE, EDEAD, 0), -EIO, "a server cannot say that it is dead");
    gives(call(FORGE, EABORTED, 0), -EIO, "nor that the kernel ended it");
    gives(call(FORGE, EAGAIN, 0), -EAGAIN, "but other errors");
}

static void test_later(void)
{
    struct msg m[4];
    for (uint32_t i = 0; i < 4; i++) {
        m[i] = message(LATER, 0, 0);
        gives(msg_begin(&port, &m[i]), -EASYNC, "begun, to be answered later");
    }
    gives(msg_wait(&m[0], clock_after(MILLISECOND)), -ETIMEDOUT, "it is not answered yet");
    gives(call(RELEASE, 0, 0), 4, "others are answered meanwhile");
    for (uint32_t i = 4; i-- > 0;)
        gives(msg_wait(&m[i], soon()), i, "each gets its own answer, in any order");
    good(m[2].head.arg[0] == 7 && port.in_flight == 0, "with the reply's head");
    gives(msg_wait(&m[2], DEADLINE_NOW), 2, "waiting again gives the same");
    gives(port_wait(&port, soon()), -ENOENT, "nothing is left to wait for");
}

static uint32_t called;

static void on_done(struct port *of, struct msg *m)
{
    called += of == &port && m->context == &called && m->head.result >= 0;
}

static void test_callbacks(void)
{
    struct msg m[3] = {message(ADD, 1, 1), message(LATER, 0, 0), message(RELEASE, 0, 0)};
    called = 0;
    for (uint32_t i = 0; i < 3; i++) {
        m[i].done = on_done;
        m[i].context = &called;
        gives(msg_send(&port, &m[i]), 0, "sent with a callback");
    }
    while (called < 3 && port_wait(&port, soon()) == 0)
        ;
    gives(called, 3, "every callback is called");
    mailbox_wait(&box, DEADLINE_NOW);
    gives(called, 3, "once");
}

static void test_abort(void)
{
    struct msg m = message(LATER, 0, 0), other = message(LATER, 0, 0);
    msg_begin(&port, &m);
    msg_begin(&port, &other);
    call(ADD, 0, 0); /* it has arrived */
    gives(msg_abort(&m), 0, "abort");
    gives(msg_wait(&m, soon()), -EINTR, "the server is told and ends it early");
    gives(msg_wait(&other, clock_after(2 * MILLISECOND)), -ETIMEDOUT, "only that");
    gives(msg_abort(&m), -EALREADY, "not twice");
    msg_forget(&other);
    gives(call(ADD, 1, 2), 3, "a message may be forgotten");
    gives(call(RELEASE, 0, 0), 0, "its server was told too");
    m = message(LATER, 0, 0);
    uint64_t start = clock_now();
    gives(msg_do(&port, &m, clock_after(5 * MILLISECOND)), -ETIMEDOUT, "a deadline");
    good(clock_now() - start >= 5 * MILLISECOND, "is waited for");
    call(RELEASE, 0, 0);
    gives(call(ADD, 2, 2), 4, "and the port is as before");
}

static void test_bytes(void)
{
    static struct message_area kept_area;
    struct msg m = {.head = {.op = REVERSE, .flags = MESSAGE_FLAGS(5, 0, 0) | MESSAGE_ROOM}};
    memcpy(message_area()->bytes, "abcde", 5);
    if (by_ring) {
        gives(msg_do(&port, &m, soon()), -ENOTSUP, "bytes are not carried");
        return;
    }
    gives(msg_do(&port, &m, soon()), 5, "bytes");
    good(memcmp(message_area()->bytes, "edcba", 5) == 0, "come back");
    m = (struct msg){.head = {.op = REVERSE, .flags = MESSAGE_FLAGS(5, 0, 0) | MESSAGE_ROOM},
                     .keep = &kept_area};
    memcpy(message_area()->bytes, "vwxyz", 5);
    int64_t result = msg_begin(&port, &m);
    const uint8_t *bytes = message_area()->bytes;
    if (result == -EASYNC) {
        struct msg n = message(ADD, 0, 0);
        msg_begin(&port, &n);
        msg_wait(&n, soon());
        result = msg_wait(&m, soon());
        bytes = kept_area.bytes;
    }
    good(result == 5 && memcmp(bytes, "zyxwv", 5) == 0, "and are kept");
}

static void test_ranges(void)
{
    struct msg m = {.head = {.op = SUM_RANGE, .flags = MESSAGE_FLAGS(0, 0, 1)}};
    memset(message_area()->bytes, 2, 100);
    sys_vmo_write(memory, PAGE_SIZE + 40, 100);
    message_area()->ranges[0] = (struct message_range){memory, RIGHT_READ, PAGE_SIZE + 30, 60};
    m.head.offset = 5, m.head.length = 55;
    if (by_ring) {
        gives(msg_do(&port, &m, soon()), -ENOTSUP, "ranges are not carried");
    } else {
        gives(msg_do(&port, &m, soon()), 100, "a range");
        message_area()->ranges[0] = (struct message_range){memory, RIGHT_READ, PAGE_SIZE + 30, 60};
        m.head = (struct message){
            .op = SUM_RANGE, .flags = MESSAGE_FLAGS(0, 0, 1), .offset = 5, .length = 56};
        gives(msg_do(&port, &m, soon()), -ERANGE, "and not beyond it");
    }
    gives(port_attach(&port, 3, memory, RIGHT_READ), 0, "attached memory");
    gives(port_attach(&port, 3, memory, RIGHT_READ), -EEXIST, "a number once");
    m = message(SUM_ATTACHED, 3, 0);
    m.head.offset = PAGE_SIZE + 35, m.head.length = 55;
    gives(msg_do(&port, &m, soon()), 100, "is named by number");
    m = message(SUM_ATTACHED, 4, 0);
    gives(msg_do(&port, &m, soon()), -ENOENT, "other numbers name nothing");
    gives(port_detach(&port, 3), 0, "detached");
    gives(call(SUM_ATTACHED, 3, 0), -ENOENT, "it is gone");
}

static void test_handles(void)
{
    handle_t bell = (handle_t)must(sys_port_create(1), "port");
    struct msg m = {.head = {.op = RING_BELL, .flags = MESSAGE_FLAGS(0, 1, 0), .arg = {4}}};
    int64_t copy = must(sys_handle_duplicate(bell, RIGHT_SEND | RIGHT_TRANSFER, 0), "duplicate");
    message_area()->handles[0] = (struct message_handle){(handle_t)copy, RIGHT_SEND, 0};
    int64_t result = msg_do(&port, &m, soon());
    if (by_ring) {
        gives(result, -ENOTSUP, "handles are not carried");
        sys_handle_close((handle_t)copy);
    } else {
        struct message got;
        struct receipt receipt;
        uint64_t rights, koid;
        gives(result, 0, "a handle");
        gives(sys_get(bell, soon(), &got, &receipt), GET_NOTIFY, "arrives and is used");
        gives(sys_handle_info((handle_t)copy, &rights, &koid), -EBADF, "it was moved");
    }
    sys_handle_close(bell);
}

static void test_many(void)
{
    static struct msg m[48];
    uint64_t right = 0;
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 32; i++) {
            m[i] = message(ADD, i, round);
            m[i].options = i < 31 ? MSG_MORE : 0;
            int64_t result = msg_begin(&port, &m[i]);
            right += result == -EASYNC || result == i + round;
        }
        for (uint32_t i = 0; i < 32; i++)
            right += msg_wait(&m[i], soon()) == i + round;
    }
    gives((int64_t)right, 20 * 64, "many in flight");
}

static void test_figures(void)
{
    struct msg m = {.head = {.op = SERVER_STATISTICS, .flags = MESSAGE_ROOM}};
    const struct server_statistics *s = (const struct server_statistics *)message_area()->bytes;
    if (by_ring)
        return;
    gives(msg_do(&port, &m, soon()), 0, "statistics");
    good(s->messages >= 640 && s->errors >= 4 && s->first_op == ADD && s->by_op[0] >= 640 &&
             s->by_op[LATER - ADD] >= 3 && s->kept >= 6 && s->aborted >= 2,
         "count what was asked");
    m = (struct msg){.head = {.op = SERVER_TRACE, .flags = MESSAGE_ROOM}};
    const struct server_event *e = (const struct server_event *)message_area()->bytes;
    int64_t bytes = msg_do(&port, &m, soon());
    gives(bytes, SERVER_EVENTS * sizeof(*e), "the last messages");
    good(e[SERVER_EVENTS - 1].op == SERVER_STATISTICS && e[0].time < e[1].time, "in order");
}

static void suite(const char *name)
{
    way = name;
    by_ring = strcmp(name, "ring") == 0;
    test_results();
    test_later();
    test_callbacks();
    test_abort();
    test_bytes();
    test_ranges();
    test_handles();
    test_many();
    test_figures();
}

/* A client that asks for sessions without end has them refused in time. */
static void test_sessions(handle_t served)
{
    static handle_t had[SERVER_SESSIONS_MAX + 1];
    uint32_t count = 0;
    int64_t result = 0;
    while (result == 0 && count <= SERVER_SESSIONS_MAX) {
        struct message m = {.op = SERVER_SESSION, .flags = MESSAGE_ROOM};
        must(sys_do(served, soon(), &m), "do");
        result = m.result;
        if (result == 0)
            had[count++] = message_area()->handles[0].handle;
    }
    is(result, -EAGAIN, "sessions have an end");
    is(count, SERVER_SESSIONS_MAX, "at that number");
    while (count)
        sys_handle_close(had[--count]);
    for (uint64_t end = soon(); result == -EAGAIN && clock_now() < end;) {
        struct message m = {.op = SERVER_SESSION, .flags = MESSAGE_ROOM};
        result = sys_do(served, soon(), &m); /* its queue may be full of the closed ones' ends */
        result = result < 0 ? result : m.result;
    }
    is(result, 0, "closed ones make room");
    sys_handle_close(message_area()->handles[0].handle);
}

static void over_tasks(int32_t cpu)
{
    struct child child;
    handle_t served = (handle_t)must(sys_port_create(64), "port");
    run_child(&child, serve, 0, &served, 1, cpu, CHILD_BUDGET);
    handle_t across =
        (handle_t)must(sys_handle_duplicate(served, RIGHT_SEND | RIGHT_DUPLICATE, 0), "");
    sys_handle_close(served);
    must(port_across(&port, &box, across), "across");
    test_sessions(across);
    is(port_session(&port), 0, "a session of one's own");
    suite("across");
    is(port_ring(&port, 64), 0, "the port becomes a ring");
    suite("ring");
    struct msg m = message(LATER, 0, 0), n = message(LATER, 0, 0);
    msg_begin(&port, &m);
    end_child(&child);
    is(msg_wait(&m, soon()), -EDEAD, "ring: the server's death ends what is in flight");
    is(msg_begin(&port, &n), -EDEAD, "and what comes after");
    port_close(&port);
}

static void here(void)
{
    must(port_here(&port, &box, &server), "here");
    suite("here");
    struct msg m = message(LATER, 0, 0);
    msg_begin(&port, &m);
    port_close(&port);
    is(m.head.result, -EABORTED, "closing the port ends what is in flight");
    kept = 0;
}

int main(const void *found)
{
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    memory = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 4 * PAGE_SIZE, 0, 0), "memory");
    here();
    over_tasks(0);
    if (startup->cpus > 1) {
        sys_thread_set(startup->thread, -1, 0);
        over_tasks(1);
    }
    mailbox_close(&box);
    return test_end();
}
