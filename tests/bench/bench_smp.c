/*
 * What a second CPU costs and more CPUs bring: wall time, as ratios; no budgets.
 */
#include "test.h"

#define ROUNDS 20000u

static void echo(void *argument)
{
    handle_t port = *(handle_t *)argument;
    struct message m = head(0);
    struct receipt r;
    int64_t kind = sys_get(port, DEADLINE_NEVER, &m, &r);
    while (kind == GET_MESSAGE)
        kind = sys_reply_get(port, DEADLINE_NEVER, &m, &r);
}

static handle_t ports[4];

static void call_often(void *argument)
{
    handle_t port = *(handle_t *)argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct message m = head(1);
        sys_do(port, DEADLINE_NEVER, &m);
    }
}

/* Nanoseconds per call when `pairs` clients call servers, `apart` or on their own CPU. */
static uint64_t measure(uint32_t pairs, uint32_t apart)
{
    struct thread clients[4];
    uint64_t start = clock_now();
    for (uint32_t i = 0; i < pairs; i++)
        run_thread(&clients[i], call_often, &ports[(i + apart) % 4], (int32_t)i, PRIORITY_DEFAULT);
    for (uint32_t i = 0; i < pairs; i++)
        must(thread_join(&clients[i], soon(), NULL), "join");
    return (clock_now() - start) / ROUNDS / pairs;
}

static void report(const char *name, uint64_t value, uint64_t of)
{
    print("BENCH\t%s\t%lu\tpercent\t0\t\n", name, value * 100 / (of ? of : 1));
}

int main(const void *found)
{
    struct thread servers[4];
    test_begin(found);
    if (startup->cpus < 4)
        return 1;
    for (uint32_t i = 0; i < 4; i++) {
        ports[i] = (handle_t)must(sys_port_create(64), "port");
        run_thread(&servers[i], echo, &ports[i], (int32_t)i, PRIORITY_DEFAULT);
    }
    uint64_t local = measure(1, 0);
    report("cross-CPU round trip, of a local one", measure(1, 1), local);
    report("time per message on 2 CPUs, of 1", measure(2, 0), local);
    report("time per message on 4 CPUs, of 1", measure(4, 0), local);
    return 0;
}
