/*
 * Priorities: queues in order of urgency, and servers that run at the priority of who waits for
 * them.
 *
 * The trap in each test is a spinner: a thread less urgent than the client and more urgent than the
 * server, on the server's CPU, which would keep the server from running for ever.
 */
#include "test.h"

enum { LOWEST = 4, LOW = 5, SPINNER = 10, HIGH = 20, MAIN = 30 };

static handle_t port, reply_port;
static struct message got;
static struct receipt receipt;

static uint32_t effective(handle_t thread)
{
    must(sys_thread_info(thread), "thread_info");
    return ((const struct thread_info *)message_area()->bytes)->effective_priority;
}

/* ---- The spinner ----------------------------------------------------------------------------- */

static volatile bool stop_spinning;
static volatile uint64_t spins;

static void spin(void *argument)
{
    (void)argument;
    while (!stop_spinning)
        spins++;
}

static void start_spinner(struct thread *thread, int32_t cpu)
{
    stop_spinning = false;
    spins = 0;
    run_thread(thread, spin, NULL, cpu, SPINNER);
    while (spins == 0)
        sys_sleep(clock_after(MILLISECOND));
}

static void stop_spinner(struct thread *thread)
{
    stop_spinning = true;
    must(thread_join(thread, soon(), NULL), "spinner ends");
}

/* ---- Queues ---------------------------------------------------------------------------------- */

static void send_priority(void *argument)
{
    struct message m = {.op = (uint32_t)(uint64_t)argument};
    uint64_t id;
    must(sys_send(port, reply_port, &m, &id), "send");
}

static void test_queue(void)
{
    static const uint32_t order[] = {LOW, HIGH, SPINNER, LOWEST, HIGH, LOW};
    static const uint32_t sorted[] = {HIGH, HIGH, SPINNER, LOW, LOW, LOWEST};
    bool good = true;
    for (uint32_t i = 0; i < 6; i++) {
        struct thread thread;
        run_thread(&thread, send_priority, (void *)(uint64_t)order[i], -1, (int32_t)order[i]);
        must(thread_join(&thread, soon(), NULL), "join");
    }
    for (uint32_t i = 0; i < 6; i++) {
        good &= sys_get(port, soon(), &got, &receipt) == GET_MESSAGE && got.op == sorted[i];
        sys_reply(receipt.token, &got);
    }
    ok(good, "messages are got in order of their senders' priority");
    while (sys_get(reply_port, DEADLINE_NOW, &got, &receipt) == GET_REPLY)
        ;
}

/* ---- Servers --------------------------------------------------------------------------------- */

struct server {
    handle_t port, next; /* next: another server to ask, or HANDLE_NONE */
    struct thread thread;
    volatile uint32_t seen;      /* its priority while it served */
    volatile uint64_t work_done; /* counted while it works */
};

static void serve(void *argument)
{
    struct server *self = argument;
    struct message m;
    struct receipt r;
    while (sys_get(self->port, DEADLINE_NEVER, &m, &r) == GET_MESSAGE) {
        /* Work that takes some time, to be interrupted at. */
        for (uint64_t end = clock_after(m.length); clock_now() < end;)
            self->work_done++;
        self->seen = effective(self->thread.handle);
        struct message inner = head(1);
        m.result = self->next != HANDLE_NONE ? sys_do(self->next, DEADLINE_NEVER, &inner) : 0;
        sys_reply(r.token, &m);
    }
}

static void start_server(struct server *server, handle_t next, int32_t cpu, int32_t priority)
{
    *server = (struct server){.next = next};
    server->port = (handle_t)must(sys_port_create(8), "port_create");
    struct thread_options options = {priority, cpu, 0};
    must(thread_create(&server->thread, startup->task, serve, server, &options), "thread_create");
    must(sys_thread_start(server->thread.handle), "start");
    sys_sleep(clock_after(5 * MILLISECOND)); /* until it waits */
}

static void stop_server(struct server *server)
{
    sys_handle_close(server->port);
    must(thread_join(&server->thread, soon(), NULL), "server ends");
}

struct client {
    handle_t port;
    uint64_t work;
    volatile int64_t result;
    struct thread thread;
};

static void call(void *argument)
{
    struct client *self = argument;
    struct message m = {.op = 1, .length = self->work};
    int64_t result = sys_do(self->port, clock_after(5 * SECOND), &m);
    self->result = result < 0 ? result : m.result;
}

static void start_client(struct client *client, handle_t to, uint64_t work, int32_t cpu,
                         int32_t priority)
{
    *client = (struct client){.port = to, .work = work, .result = 99};
    run_thread(&client->thread, call, client, cpu, priority);
}

static int64_t finish_client(struct client *client)
{
    must(thread_join(&client->thread, soon(), NULL), "client ends");
    return client->result;
}

static void test_inheritance(int32_t client_cpu, int32_t server_cpu, const char *name)
{
    struct server server;
    struct client client;
    struct thread spinner;
    start_server(&server, HANDLE_NONE, server_cpu, LOW);
    start_spinner(&spinner, server_cpu);
    start_client(&client, server.port, 2 * MILLISECOND, client_cpu, HIGH);
    is(finish_client(&client), 0, name);
    is(server.seen, HIGH, "at the client's priority");
    stop_spinner(&spinner);
    for (uint32_t i = 0; i < 1000 && effective(server.thread.handle) != LOW; i++)
        sys_sleep(clock_after(MILLISECOND));
    is(effective(server.thread.handle), LOW, "and at its own again afterwards");
    stop_server(&server);
}

static void test_chain(int32_t first_cpu, int32_t second_cpu, const char *name)
{
    struct server first, second;
    struct client client;
    struct thread spinner, spinner2;
    start_server(&second, HANDLE_NONE, second_cpu, LOWEST);
    start_server(&first, second.port, first_cpu, LOW);
    start_spinner(&spinner, first_cpu);
    if (first_cpu != second_cpu)
        start_spinner(&spinner2, second_cpu);
    start_client(&client, first.port, MILLISECOND, first_cpu, HIGH);
    is(finish_client(&client), 0, name);
    is(first.seen, HIGH, "the first at the client's priority");
    is(second.seen, HIGH, "the second as well");
    stop_spinner(&spinner);
    if (first_cpu != second_cpu)
        must(thread_join(&spinner2, soon(), NULL), "spinner ends");
    stop_server(&first);
    stop_server(&second);
}

/* The server is at work for a client less urgent than the spinner when an urgent one comes. */
static void test_late_client(int32_t server_cpu, int32_t client_cpu, const char *name)
{
    struct server server;
    struct client slow, urgent;
    struct thread spinner;
    start_server(&server, HANDLE_NONE, server_cpu, LOW);
    start_client(&slow, server.port, 50 * MILLISECOND, server_cpu, LOW + 1);
    for (uint64_t end = soon(); server.work_done == 0 && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    start_spinner(&spinner, server_cpu);
    start_client(&urgent, server.port, 0, client_cpu, HIGH);
    is(finish_client(&urgent), 0, name);
    stop_spinner(&spinner);
    is(finish_client(&slow), 0, "so that both are served");
    stop_server(&server);
}

/* ---- At once --------------------------------------------------------------------------------- */

static volatile uint32_t seen_by_urgent;
static handle_t urgent_port;

static void wait_urgently(void *argument)
{
    (void)argument;
    struct message m;
    struct receipt r;
    while (sys_get(urgent_port, DEADLINE_NEVER, &m, &r) >= 0) {
        seen_by_urgent++;
        if (r.token != 0)
            sys_reply(r.token, &m);
    }
}

static volatile bool ran_at_once;

static void notify_and_look(void *argument)
{
    (void)argument;
    uint64_t id;
    struct message m = head(1);
    uint32_t before = seen_by_urgent;
    sys_notify(urgent_port, 1);
    ran_at_once = seen_by_urgent == before + 1;
    sys_send(urgent_port, reply_port, &m, &id);
    ran_at_once &= seen_by_urgent == before + 2;
}

static void test_preemption(void)
{
    struct thread urgent, other;
    urgent_port = (handle_t)must(sys_port_create(8), "port_create");
    run_thread(&urgent, wait_urgently, NULL, 0, HIGH);
    sys_sleep(clock_after(5 * MILLISECOND));
    run_thread(&other, notify_and_look, NULL, 0, LOW);
    must(thread_join(&other, soon(), NULL), "join");
    ok(ran_at_once, "a more urgent thread of the same CPU runs as soon as it is woken");
    sys_handle_close(urgent_port);
    must(thread_join(&urgent, soon(), NULL), "join");
    while (sys_get(reply_port, DEADLINE_NOW, &got, &receipt) >= 0)
        ;
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(16), "port_create");
    reply_port = (handle_t)must(sys_port_create(16), "port_create");
    must(sys_thread_set(startup->thread, MAIN, -1), "thread_set");
    int32_t other = startup->cpus > 1 ? 1 : 0;
    test_queue();
    test_inheritance(0, 0, "a server less urgent than a spinner serves an urgent client");
    test_inheritance(other, 0, "a client of another CPU, too");
    test_chain(0, 0, "through a second server");
    test_chain(0, other, "on another CPU");
    test_late_client(0, 0, "a server at work is hurried by an urgent client");
    test_late_client(0, other, "of another CPU, too");
    test_preemption();
    return test_end();
}
