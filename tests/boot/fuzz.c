/*
 * Random system calls from tasks on all CPUs, with random numbers, handles and arguments: ten
 * million on four CPUs or with the word `long`, else 300,000.  No panic, no hang, no memory lost.
 * The seed is printed; the word seed=N sets it.
 *
 * The tasks have a few objects of each kind and no resources.  They are killed and made anew from
 * time to time, in the middle of whatever they do.
 */
#include "test.h"

#define TASKS 4u
#define BUDGET (3ul << 20)

static volatile uint64_t *done; /* calls made by each task, in shared memory */

struct random {
    uint64_t state;
};

static uint64_t next(struct random *random)
{
    uint64_t x = random->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    random->state = x;
    return x * 0x2545f4914f6cdd1dull;
}

#define HANDLES 64u
static handle_t handles[HANDLES];

static uint64_t argument(struct random *random)
{
    static const uint64_t edges[] = {
        0,         1,    2,        7,          8,          63,        64,        4095,
        4096,      4097, 8192,     1ul << 20,  1ul << 31,  1ul << 32, 1ul << 47, USER_LIMIT,
        1ul << 63, ~0ul, ~0xffful, 0x60000000, 0x40000000, 0x50000000};
    uint64_t x = next(random);
    switch (x & 7) {
    case 0:
    case 1:
    case 2:
        return handles[x >> 8 & (HANDLES - 1)];
    case 3:
        return edges[(x >> 8) % (sizeof(edges) / sizeof(edges[0]))];
    case 4:
        return (x >> 8 & 0xff) * PAGE_SIZE;
    case 5:
        return x >> 8 & 0xff;
    case 6:
        return clock_now() + (x >> 40);
    default:
        return x;
    }
}

/* Not those that end the caller or wait for long without being asked to. */
static bool allowed(uint64_t number)
{
    return number != SYS_THREAD_EXIT && number != SYS_TASK_KILL && number != SYS_THREAD_KILL &&
           number != SYS_SLEEP && number != SYS_THREAD_SUSPEND && number != SYS_DO &&
           number != SYS_GET && number != SYS_REPLY_GET && number != SYS_THREAD_SET_FS &&
           number != SYS_THREAD_START;
}

/* A message call with a short deadline and random extras. */
static int64_t random_message(struct random *random)
{
    static const uint64_t numbers[] = {SYS_DO,   SYS_GET,   SYS_REPLY_GET,
                                       SYS_SEND, SYS_REPLY, SYS_FORWARD};
    struct message m;
    uint64_t *words = (uint64_t *)&m;
    for (uint32_t i = 0; i < 8; i++)
        words[i] = argument(random);
    if (next(random) & 1)
        m.flags = MESSAGE_FLAGS(next(random) & 63, next(random) & 1, next(random) & 1);
    struct message_area *area = message_area();
    area->handles[0] = (struct message_handle){(handle_t)argument(random), RIGHTS_SAME, 0};
    area->ranges[0] = (struct message_range){(handle_t)argument(random), next(random) & 0x3ff,
                                             argument(random), argument(random)};
    uint64_t deadline = clock_now() + (next(random) & 0xffff), second = argument(random);
    return message_call(numbers[next(random) % 6], (handle_t)argument(random), &deadline, &second,
                        &m);
}

static void keep(struct random *random, int64_t value)
{
    if (value > 0 && value < INT32_MAX * 2l)
        handles[next(random) & (HANDLES - 1)] = (handle_t)value;
}

static void fuzz(uint64_t argument_)
{
    struct random random = {argument_ * 0x9e3779b97f4a7c15ull | 1};
    volatile uint64_t *mine = (volatile uint64_t *)CHILD_SHARED + child_handles[4];
    for (uint32_t i = 0; i < HANDLES; i++)
        handles[i] = child_handles[i & 3];
    handles[4] = (handle_t)sys_port_create(8);
    handles[5] = (handle_t)sys_vmo_create(VMO_ANONYMOUS, 16 * PAGE_SIZE, 0, 0);
    handles[6] = (handle_t)sys_vmo_create(VMO_CONTIGUOUS, 2 * PAGE_SIZE, 0, 0);
    handles[7] = (handle_t)sys_vmo_create_paged(handles[4], 8 * PAGE_SIZE, 1, 2);
    handles[8] = (handle_t)sys_task_create(256 << 10);
    for (uint64_t round = 0;; round++) {
        uint64_t number = next(&random) % (SYS_COUNT + 2);
        int64_t result;
        if ((next(&random) & 3) == 0) {
            result = random_message(&random);
        } else {
            if (!allowed(number))
                continue;
            result = syscall6(number, argument(&random), argument(&random), argument(&random),
                              argument(&random), argument(&random), argument(&random));
        }
        keep(&random, result);
        ++*mine;
        if ((round & 0x1ff) == 0)
            handles[next(&random) & (HANDLES - 1)] = child_handles[next(&random) & 3];
    }
}

static uint64_t seed, wanted;

/* Runs the fuzzers until they have made `wanted` calls, killing and remaking one every so often. */
static void run_fuzzers(void)
{
    static uint64_t generation;
    struct child children[TASKS];
    child_shared = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    uint64_t address =
        (uint64_t)must(sys_map(0, child_shared, 0, PAGE_SIZE, 0, MAP_READ | MAP_WRITE), "map");
    handle_t port = (handle_t)must(sys_port_create(16), "port");
    handle_t shared = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 64 * PAGE_SIZE, 0, 0), "vmo");
    handle_t given[] = {port, shared, port, shared};
    done = (volatile uint64_t *)address;
    bool alive[TASKS] = {false};
    uint64_t total = 0, last = 0, stuck = 0;
    for (uint32_t turn = 0; total < wanted && stuck < 3000; turn++) {
        uint32_t i = turn % TASKS;
        if (alive[i])
            end_child(&children[i]);
        child_handles[4] = i;
        run_child(&children[i], fuzz, seed + generation++, given, 4, (int32_t)(i % startup->cpus),
                  BUDGET);
        alive[i] = true;
        sys_sleep(clock_after(40 * MILLISECOND));
        total = 0;
        for (uint32_t j = 0; j < TASKS; j++)
            total += done[j];
        stuck = total == last ? stuck + 1 : 0;
        last = total;
    }
    for (uint32_t i = 0; i < TASKS; i++)
        if (alive[i])
            end_child(&children[i]);
    sys_handle_close(child_shared);
    sys_handle_close(shared);
    sys_handle_close(port);
    sys_unmap(0, address, PAGE_SIZE);
    ok(total >= wanted, "the fuzzers go on to the end");
}

int main(const void *found)
{
    test_begin(found);
    const char *given = startup_option(startup, "seed=");
    seed = 1;
    if (given)
        string_to_number(given, &seed);
    wanted = 1000;
    print("# seed=%lu\n", seed);
    run_fuzzers();
    uint64_t before = settled_free_memory();
    wanted = startup->cpus >= 4 || startup_has_word(startup, "long") ? 10000000 : 300000;
    uint64_t start = clock_now();
    run_fuzzers();
    print("# %lu calls in %lu ms\n", wanted, (uint64_t)((clock_now() - start) / MILLISECOND));
    uint64_t after = settled_free_memory();
    if (!ok(after + 128 * PAGE_SIZE >= before, "no memory is lost but the kernel's small stocks"))
        print("#   %lu bytes less, seed=%lu\n", before - after, seed);
    return test_end();
}
