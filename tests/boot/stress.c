/*
 * Ten million messages between all CPUs: nothing lost, doubled or out of order for any sender.
 *
 *   calls   eight million do-calls, a pair of threads on each CPU: the fast path, interrupted at
 *           every point by timers
 *   sends   one million and a half sends, from a sender on each CPU to a receiver on each CPU,
 * while all these threads are moved from CPU to CPU pool    half a million calls to one port that
 * as many threads serve tasks   a few calls between tasks on different CPUs
 *
 * The word `quick` on the command line: a twentieth of all that.  Every message carries its
 * sender's number and counts up for each port; receivers and senders check both.
 */
#include "test.h"

#define WORKERS 4u
#define WINDOW 32u /* sends in flight, a sender */
#define PRIORITY_MOVER 40

static uint64_t scale = 1;

struct worker {
    uint32_t number;
    handle_t port;
    struct thread server, client;
    uint64_t expected[WORKERS];  /* server: the count of each sender's next message */
    uint64_t got, wrong;         /* server */
    uint64_t answered, mistaken; /* client */
    uint64_t count;              /* client: messages to send */
};
static struct worker workers[WORKERS];
static volatile bool quiet; /* the mover stops */

/* ---- Servers --------------------------------------------------------------------------------- */

static void check_message(struct worker *self, const struct message *m)
{
    uint64_t sender = m->arg[0] % WORKERS;
    self->wrong += m->arg[1] != self->expected[sender] || m->cookie != ~m->arg[1];
    self->expected[sender] = m->arg[1] + 1;
    self->got++;
}

static void serve(void *argument)
{
    struct worker *self = argument;
    struct message m;
    struct receipt receipt;
    int64_t kind = sys_get(self->port, DEADLINE_NEVER, &m, &receipt);
    while (kind == GET_MESSAGE) {
        check_message(self, &m);
        m.result = (int64_t)m.arg[1];
        kind = sys_reply_get(self->port, DEADLINE_NEVER, &m, &receipt);
    }
}

/* ---- Clients --------------------------------------------------------------------------------- */

static struct message numbered(const struct worker *self, uint64_t count)
{
    return (struct message){.op = 1, .cookie = ~count, .arg = {self->number, count}};
}

static void call(void *argument)
{
    struct worker *self = argument;
    for (uint64_t i = 0; i < self->count; i++) {
        struct message m = numbered(self, i);
        if (sys_do(self->port, DEADLINE_NEVER, &m) == 0 && m.result == (int64_t)i)
            self->answered++;
        else
            self->mistaken++;
    }
}

/* What a client that sends knows of the ports it sends to. */
struct sending {
    uint64_t next[WORKERS], answered[WORKERS];
    uint64_t ids[WORKERS][WINDOW]; /* of the last ones to each port; a port answers in order */
    uint64_t sent;
    handle_t replies;
};

static bool send_one(struct worker *self, struct sending *s)
{
    uint32_t to = (self->number + s->sent) % WORKERS;
    struct message m = numbered(self, s->next[to]);
    m.arg[2] = to;
    if (sys_send(workers[to].port, s->replies, &m, &s->ids[to][s->next[to] % WINDOW]) < 0)
        return false;
    s->next[to]++;
    s->sent++;
    return true;
}

static void take_answer(struct worker *self, struct sending *s)
{
    struct message m;
    struct receipt receipt;
    if (sys_get(s->replies, DEADLINE_NEVER, &m, &receipt) != GET_REPLY) {
        self->mistaken++;
        return;
    }
    uint64_t from = m.arg[2] % WORKERS, count = s->answered[from]++;
    bool good = m.arg[0] == self->number && m.result == (int64_t)count && m.cookie == ~count &&
                receipt.badge == s->ids[from][count % WINDOW];
    if (good)
        self->answered++;
    else
        self->mistaken++;
}

static void send(void *argument)
{
    struct worker *self = argument;
    struct sending s = {.replies = (handle_t)must(sys_port_create(WINDOW), "port_create")};
    while (self->answered + self->mistaken < self->count) {
        uint64_t open = s.sent - self->answered - self->mistaken;
        if (s.sent < self->count && open < WINDOW && send_one(self, &s))
            continue;
        take_answer(self, &s);
    }
    struct message m;
    struct receipt receipt;
    self->mistaken += sys_get(s.replies, clock_after(MILLISECOND), &m, &receipt) != -ETIMEDOUT;
    sys_handle_close(s.replies);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

/* Moves every thread about, until it is told to stop. */
static void move(void *argument)
{
    (void)argument;
    uint32_t random = 12345;
    while (!quiet) {
        for (uint32_t i = 0; i < WORKERS; i++) {
            random = random * 1664525 + 1013904223;
            sys_thread_set(workers[i].client.handle, -1, (int32_t)((random >> 16) % startup->cpus));
            sys_thread_set(workers[i].server.handle, -1, (int32_t)((random >> 24) % startup->cpus));
        }
        sys_sleep(clock_after(2 * MILLISECOND));
    }
}

static void run(void (*client)(void *), uint64_t total, bool moving, const char *name)
{
    struct thread mover;
    uint64_t start = clock_now();
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        int32_t cpu = (int32_t)(i % startup->cpus);
        *w = (struct worker){.number = i, .count = total / WORKERS};
        w->port = (handle_t)must(sys_port_create(WORKERS * WINDOW), "port_create");
        run_thread(&w->server, serve, w, cpu, PRIORITY_DEFAULT);
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        run_thread(&workers[i].client, client, &workers[i], (int32_t)(i % startup->cpus),
                   PRIORITY_DEFAULT);
    quiet = !moving;
    if (moving)
        run_thread(&mover, move, NULL, -1, PRIORITY_MOVER);

    uint64_t answered = 0, got = 0, mistaken = 0, wrong = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        must(wait_for_death(workers[i].client.handle, DEADLINE_NEVER, NULL), "client ends");
        answered += workers[i].answered;
        mistaken += workers[i].mistaken;
    }
    quiet = true;
    if (moving)
        must(thread_join(&mover, soon(), NULL), "mover ends");
    for (uint32_t i = 0; i < WORKERS; i++) {
        thread_free(&workers[i].client);
        sys_handle_close(workers[i].port);
        must(thread_join(&workers[i].server, soon(), NULL), "server ends");
        got += workers[i].got;
        wrong += workers[i].wrong;
    }
    uint64_t taken = clock_now() - start;
    print("# %s: %lu messages in %lu ms, %lu ns each\n", name, total, taken / MILLISECOND,
          taken / total);
    is((int64_t)answered, (int64_t)total, "every message is answered, and is the right one");
    is((int64_t)got, (int64_t)total, "every message arrives once");
    is((int64_t)(mistaken + wrong), 0, "in the order sent");
}

/* ---- One port, many servers ------------------------------------------------------------------ */

static handle_t pool_port;

static void call_pool(void *argument)
{
    struct worker *self = argument;
    for (uint64_t i = 0; i < self->count; i++) {
        struct message m = numbered(self, i);
        if (sys_do(pool_port, DEADLINE_NEVER, &m) == 0 && m.result == (int64_t)i &&
            m.arg[0] == self->number)
            self->answered++;
        else
            self->mistaken++;
    }
}

static void serve_pool(void *argument)
{
    struct worker *self = argument;
    struct message m;
    struct receipt receipt;
    int64_t kind = sys_get(pool_port, DEADLINE_NEVER, &m, &receipt);
    while (kind == GET_MESSAGE) {
        self->got++;
        m.result = (int64_t)m.arg[1];
        kind = sys_reply_get(pool_port, DEADLINE_NEVER, &m, &receipt);
    }
}

static void run_pool(uint64_t total)
{
    pool_port = (handle_t)must(sys_port_create(64), "port_create");
    uint64_t start = clock_now(), answered = 0, got = 0, mistaken = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.number = i, .count = total / WORKERS};
        run_thread(&workers[i].server, serve_pool, &workers[i], -1, PRIORITY_DEFAULT);
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        run_thread(&workers[i].client, call_pool, &workers[i], -1, PRIORITY_DEFAULT);
    for (uint32_t i = 0; i < WORKERS; i++)
        must(thread_join(&workers[i].client, DEADLINE_NEVER, NULL), "client ends");
    sys_handle_close(pool_port);
    for (uint32_t i = 0; i < WORKERS; i++) {
        must(thread_join(&workers[i].server, soon(), NULL), "server ends");
        answered += workers[i].answered;
        mistaken += workers[i].mistaken;
        got += workers[i].got;
    }
    print("# pool: %lu messages, %lu ns each\n", total, (clock_now() - start) / total);
    is((int64_t)answered, (int64_t)total, "a port with many servers answers every call");
    is((int64_t)got, (int64_t)total, "once");
    is((int64_t)mistaken, 0, "to who asked");
}

/* ---- Between tasks --------------------------------------------------------------------------- */

static void call_from_task(uint64_t argument)
{
    struct worker self = {
        .number = (uint32_t)argument, .port = child_handles[0], .count = 20000 / scale};
    call(&self);
    sys_thread_exit(self.mistaken == 0 && self.answered == self.count ? 0 : 1);
}

static void run_tasks(void)
{
    struct child children[WORKERS];
    struct worker *w = &workers[0];
    *w = (struct worker){.port = (handle_t)must(sys_port_create(64), "port_create")};
    run_thread(&w->server, serve, w, 0, PRIORITY_DEFAULT);
    int64_t status = 0;
    for (uint32_t i = 0; i < WORKERS; i++)
        run_child(&children[i], call_from_task, i, &w->port, 1, (int32_t)(i % startup->cpus),
                  CHILD_BUDGET);
    for (uint32_t i = 0; i < WORKERS; i++)
        status += join_child(&children[i]);
    sys_handle_close(w->port);
    must(thread_join(&w->server, soon(), NULL), "server ends");
    is(status, 0, "calls from other tasks on all CPUs are answered");
    is((int64_t)w->wrong, 0, "in order");
    is((int64_t)w->got, (int64_t)(20000 / scale * WORKERS), "once each");
}

int main(const void *found)
{
    test_begin(found);
    if (startup_has_word(startup, "quick"))
        scale = 20;
    run(call, 8000000 / scale, false, "calls");
    run(send, 1500000 / scale, true, "sends");
    run_pool(500000 / scale);
    run_tasks();
    return test_end();
}
