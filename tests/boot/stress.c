/*
 * Many messages: ten million calls and sends on all CPUs, nothing lost, doubled or out of order per
 * sender. The word `quick` on the command line takes a tenth of that.
 *
 * Most are calls between threads of one task, since under QEMU's TCG a switch of address spaces
 * takes longer than all the rest; sends come from other tasks.
 */
#include "test.h"

#define SENDERS 8u
#define BATCH 16u

struct tally {
    volatile uint64_t calls, sends, errors;
};

static struct tally *tallies = (struct tally *)CHILD_SHARED; /* shared by all tasks */

/* Counts what each sender sends: its badge says who, cookie the number it should be. */
static void receive(void *argument)
{
    handle_t port = *(handle_t *)argument;
    static uint64_t expected[SENDERS * 2 + 1];
    struct message m = head(0);
    struct receipt r;
    int64_t kind = sys_get(port, DEADLINE_NEVER, &m, &r);
    while (kind == GET_MESSAGE) {
        uint64_t who = r.badge;
        if (who > SENDERS * 2 || m.cookie != expected[who] || m.arg[0] != ~m.cookie)
            tallies[0].errors++;
        expected[who] = m.cookie + 1;
        m.result = (int64_t)m.cookie * 3;
        kind = sys_reply_get(port, DEADLINE_NEVER, &m, &r);
    }
}

static uint64_t calls_each;
static handle_t call_ports[SENDERS];

static void call_often(void *argument)
{
    uint64_t number = (uint64_t)argument;
    struct tally *tally = &tallies[number];
    handle_t port = call_ports[number - 1];
    for (uint64_t i = 0; i < calls_each; i++) {
        struct message m = {1, 0, i, 0, 0, 0, {~i, 0, 0}};
        if (sys_do(port, DEADLINE_NEVER, &m) != 0 || m.result != (int64_t)i * 3)
            tally->errors++;
        tally->calls++;
    }
}

/* Keeps BATCH sends in flight; their answers have to come in order, too. */
static void send_often(uint64_t number)
{
    struct tally *tally = &tallies[number];
    handle_t port = child_handles[1], mine = (handle_t)sys_port_create(64);
    uint64_t count = child_handles[3], sent = 0, answered = 0, id;
    struct receipt r;
    while (answered < count) {
        while (sent < count && sent - answered < BATCH) {
            struct message m = {1, 0, sent, 0, 0, 0, {~sent, 0, 0}};
            if (sys_send(port, mine, &m, &id) != 0)
                break;
            sent++;
        }
        struct message m = head(0);
        if (sys_get(mine, DEADLINE_NEVER, &m, &r) != GET_REPLY || m.cookie != answered ||
            m.result != (int64_t)answered * 3)
            tally->errors++;
        answered++;
        tally->sends++;
    }
}

int main(const void *found)
{
    test_begin(found);
    uint64_t total = startup_has_word(startup, "quick") ? 1000000 : 10000000;
    uint64_t sends = total / 100 / SENDERS;
    calls_each = (total - sends * SENDERS) / SENDERS;
    child_shared = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    must(sys_map(0, child_shared, 0, PAGE_SIZE, CHILD_SHARED, MAP_READ | MAP_WRITE | MAP_FIXED),
         "map");
    handle_t ports[8];
    struct thread servers[8];
    uint32_t cpus = startup->cpus < 8 ? startup->cpus : 8;
    for (uint32_t i = 0; i < cpus; i++) {
        ports[i] = (handle_t)must(sys_port_create(1024), "port");
        run_thread(&servers[i], receive, &ports[i], (int32_t)i, PRIORITY_DEFAULT);
    }
    struct child children[SENDERS];
    struct thread callers[SENDERS];
    uint64_t start = clock_now();
    for (uint32_t i = 0; i < SENDERS * 2; i++) {
        handle_t badged =
            (handle_t)must(sys_handle_duplicate(ports[i % cpus], RIGHTS_SAME, i + 1), "badge");
        if (i < SENDERS) {
            call_ports[i] = badged;
            run_thread(&callers[i], call_often, (void *)(i + 1ul), (int32_t)(i % cpus),
                       PRIORITY_DEFAULT);
            continue;
        }
        handle_t handles[] = {badged, badged};
        child_handles[3] = (handle_t)sends;
        run_child(&children[i - SENDERS], send_often, i + 1, handles, 2, -1, 2 << 20);
        sys_handle_close(badged);
    }
    uint64_t done_calls = 0, done_sends = 0, errors = 0;
    for (uint32_t i = 0; i < SENDERS; i++) {
        int64_t status;
        must(wait_for_death(children[i].task, clock_after(200 * SECOND), &status), "sender ends");
        must(thread_join(&callers[i], clock_after(200 * SECOND), NULL), "caller ends");
        errors += status != 0;
    }
    for (uint32_t i = 0; i <= SENDERS * 2; i++) {
        done_calls += tallies[i].calls;
        done_sends += tallies[i].sends;
        errors += tallies[i].errors;
    }
    print("# %lu calls and %lu sends in %lu ms\n", done_calls, done_sends,
          (uint64_t)((clock_now() - start) / MILLISECOND));
    is((int64_t)done_calls, (int64_t)(calls_each * SENDERS), "all calls were answered");
    is((int64_t)done_sends, (int64_t)(sends * SENDERS), "all sends were answered");
    is((int64_t)errors, 0, "none was lost, doubled or out of order");
    return test_end();
}
