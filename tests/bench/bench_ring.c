/*
 * What rings cost, in guest instructions, as bench.c measures them.  A program of its own, since
 * the figures for making tasks depend on their program's size.
 */
#include "measure.h"
#include "port.h"
#include "ring_server.h"

#define DEPTH 32u

static int64_t do_nothing(struct server *server, struct request *request)
{
    (void)server;
    return (int64_t)request->head.arg[0];
}
static server_handler *const nothing_handlers[] = {do_nothing};
static struct server_rings rings;
static struct server ring_server = {
    .first_op = 0x100, .op_count = 1, .handlers = nothing_handlers, .rings = &rings};

static void serve_opening(void *argument)
{
    (void)argument;
    must(server_step(&ring_server, soon()), "opening");
}

static void serve_rings(uint64_t argument)
{
    (void)argument;
    memset(&rings, 0, sizeof(rings));
    ring_server.port = child_handles[0];
    server_run(&ring_server);
}

static struct msg ring_messages[DEPTH];

static void begin_all(struct port *port)
{
    for (uint32_t i = 0; i < DEPTH; i++) {
        struct msg *m = &ring_messages[i];
        m->head.op = 0x100;
        m->head.arg[0] = i;
        m->options = i < DEPTH - 1 ? MSG_MORE : 0;
        msg_begin(port, m);
    }
}

/* One direction, with the checks that a receiver makes: what libmsg's own work comes on top of. */
static void measure_direction(void)
{
    static struct message slots[DEPTH] __attribute__((aligned(64)));
    static uint32_t word;
    struct ring_sender sender;
    struct ring_receiver receiver;
    struct message sent = head(1), taken;
    int64_t good = 0;
    ring_sender_open(&sender, (uint64_t)slots, &word, DEPTH);
    ring_receiver_open(&receiver, (uint64_t)slots, &word, DEPTH);
    uint64_t all =
        MEASURE(500, for (uint32_t i = 0; i < DEPTH; i++) ring_put(&sender, &sent, 5, i);
                ring_send(&sender);
                for (int64_t n = ring_ready(&receiver, DEPTH); n > 0; n--) good +=
                ring_take_number(&receiver, 5) >= 0 && ring_take_rest(&receiver, &taken));
    if (good == 500 * RUNS * DEPTH)
        report("ring message, depth 32", all / DEPTH, 60, "");
}

/* Both sides busy, in one thread, by turns: no system call. */
static void measure_busy_ring(struct mailbox *box)
{
    struct port port;
    struct thread thread;
    must(server_open(&ring_server, 16), "port");
    int64_t copy = sys_handle_duplicate(ring_server.port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    port_across(&port, box, (handle_t)must(copy, "duplicate"));
    run_thread(&thread, serve_opening, NULL, 0, PRIORITY_DEFAULT);
    must(port_ring(&port, DEPTH), "ring");
    must(thread_join(&thread, soon(), NULL), "join");

    report("ring request and reply, depth 32",
           MEASURE(200, begin_all(&port); rings_serve(&ring_server); mailbox_poll(box)) / DEPTH, 0,
           "");
    port_close(&port);
}

/* Two tasks on one CPU: each sleeps once a round. */
static void measure_ring(struct mailbox *box)
{
    struct port port;
    struct child child;
    handle_t served = (handle_t)must(sys_port_create(16), "port");
    run_child(&child, serve_rings, 0, &served, 1, 0, CHILD_BUDGET);
    int64_t copy = sys_handle_duplicate(served, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    sys_handle_close(served);
    port_across(&port, box, (handle_t)must(copy, "duplicate"));
    must(port_ring(&port, DEPTH), "ring");
    report("ring request and reply, two tasks, one CPU",
           MEASURE(200, begin_all(&port); for (uint32_t i = 0; i < DEPTH; i++)
                       msg_wait(&ring_messages[i], DEADLINE_NEVER)) /
               DEPTH,
           0, "");
    struct msg m = {.head = {.op = 0x100}};
    report("ring request and reply, depth 1, two tasks, one CPU",
           MEASURE(500, m.head.op = 0x100; msg_do(&port, &m, DEADLINE_NEVER)), 0, "");
    port_close(&port);
    end_child(&child);
}

int main(const void *found)
{
    static struct mailbox box;
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    measure_direction();
    measure_busy_ring(&box);
    measure_ring(&box);
    mailbox_close(&box);
    return 0;
}
