/*
 * Ten million random system calls from tasks on every CPU: nothing panics, nothing hangs, no memory
 * is lost.
 *
 * Four tasks of three threads each make calls with arguments that are mostly plausible (handles
 * they hold, tokens they got, places they mapped) and sometimes anything at all.  They share ports,
 * memory and each other's task handles, handle each other's faults, and kill each other.  A task
 * that dies, or whose threads all stand still, is made anew; and every so often one is killed by
 * surprise.  They hold parts of hardware resources that harm nobody, and none to print or to switch
 * off.
 *
 * `seed=N` on the command line gives other numbers than seed=1, `calls=N` another number of calls,
 * as do the words `quick` and `long`.  When all is torn down, our budget must be as it was to the
 * byte, and as much memory free as after a first, short round, but for what the kernel keeps in
 * stock on each CPU.
 */
#include "test.h"

#define TASKS 4u
#define THREADS 3u
#define TASK_BUDGET (3ul << 20)
#define TASKS_A_ROUND 16u /* then all that they share is made anew, too */
#define POOL 32u
#define PLACE_BASE 0x100000000ul /* where the fuzzers map most things */
#define STOCK_PAGES 32u          /* a CPU */
#define STILL_NS (100 * MILLISECOND)

/* Written by the fuzzers, read by the parent: mapped in each, with no handle there. */
struct progress {
    volatile uint64_t calls[TASKS][THREADS];
};
static struct progress *progress;
static handle_t progress_vmo;

/* ---- Randomness ------------------------------------------------------------------------------ */

/* What one thread knows. */
struct fuzzer {
    uint64_t random;
    volatile uint64_t *calls;
    handle_t handles[POOL];
    uint64_t tokens[POOL], places[POOL];
};

/* xorshift64* (Vigna 2016) */
static uint64_t next(struct fuzzer *f)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * 0x2545f4914f6cdd1dull;
}

static uint64_t below(struct fuzzer *f, uint64_t n)
{
    return (next(f) >> 32) % n;
}

static uint64_t anything(struct fuzzer *f)
{
    static const uint64_t odd[] = {0,          1,          2,          4095,       4096,
                                   4097,       0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,
                                   1ull << 46, 1ull << 47, USER_LIMIT, 1ull << 63, ~0ull,
                                   ~4095ull,   -2ull,      PLACE_BASE, 0x400000,   511};
    if (below(f, 2))
        return odd[below(f, sizeof(odd) / sizeof(odd[0]))];
    return next(f) >> below(f, 64);
}

/* ---- Arguments ------------------------------------------------------------------------------- */

/*
 * The kinds of argument, a letter each: h handle, p that or none, t token or id, n small number,
 * o offset, l length, s size, a address of a mapping, d deadline, r rights, m map flags, b bits,
 * e entry point.
 */
static const char *const signatures[SYS_COUNT] = {
    [SYS_ABORT] = "t",
    [SYS_NOTIFY] = "hb",
    [SYS_MESSAGE_INFO] = "t",
    [SYS_PORT_CREATE] = "n",
    [SYS_PORT_TIMER] = "hd",
    [SYS_HANDLE_CLOSE] = "h",
    [SYS_HANDLE_DUPLICATE] = "hrn",
    [SYS_HANDLE_INFO] = "h",
    [SYS_HANDLE_GRANT] = "hhr",
    [SYS_WATCH] = "hhn",
    [SYS_TASK_CREATE] = "s",
    [SYS_TASK_KILL] = "hn",
    [SYS_TASK_INFO] = "h",
    [SYS_TASK_SET_EXCEPTION_PORT] = "hh",
    [SYS_TASK_ADD_BUDGET] = "hs",
    [SYS_THREAD_CREATE] = "heanho",
    [SYS_THREAD_START] = "h",
    [SYS_THREAD_EXIT] = "n",
    [SYS_THREAD_KILL] = "hn",
    [SYS_THREAD_SUSPEND] = "h",
    [SYS_THREAD_RESUME] = "h",
    [SYS_THREAD_INTERRUPT] = "h",
    [SYS_THREAD_READ_STATE] = "h",
    [SYS_THREAD_WRITE_STATE] = "hn",
    [SYS_THREAD_SET] = "hnn",
    [SYS_THREAD_SET_FS] = "a",
    [SYS_THREAD_YIELD] = "",
    [SYS_SLEEP] = "d",
    [SYS_THREAD_INFO] = "h",
    [SYS_MAP] = "hholam",
    [SYS_UNMAP] = "hal",
    [SYS_PROTECT] = "halm",
    [SYS_VMO_CREATE] = "nsnnp",
    [SYS_VMO_CREATE_PHYSICAL] = "holn",
    [SYS_VMO_CREATE_PAGED] = "hsnn",
    [SYS_VMO_RESIZE] = "hs",
    [SYS_VMO_READ] = "hol",
    [SYS_VMO_WRITE] = "hol",
    [SYS_VMO_CLONE] = "holp",
    [SYS_VMO_SLICE] = "hol",
    [SYS_VMO_COMMIT] = "hol",
    [SYS_VMO_DECOMMIT] = "hol",
    [SYS_PIN] = "holh",
    [SYS_UNPIN] = "hn",
    [SYS_VMO_INFO] = "h",
    [SYS_VMO_SUPPLY] = "holho",
    [SYS_VMO_FAIL] = "holn",
    [SYS_VMO_DIRTY_QUERY] = "hol",
    [SYS_VMO_WRITEBACK_BEGIN] = "hol",
    [SYS_VMO_WRITEBACK_END] = "hol",
    [SYS_VMO_DIRTY_ROOM] = "hn",
    [SYS_VMO_SET_PAGER] = "hhn",
    [SYS_RESOURCE_CREATE] = "hnol",
    [SYS_IOPORT_READ] = "hnn",
    [SYS_IOPORT_WRITE] = "hnnn",
    [SYS_IRQ_CREATE] = "hnn",
    [SYS_IRQ_CREATE_MSI] = "hnhn",
    [SYS_IRQ_BIND] = "hhb",
    [SYS_IRQ_ACK] = "h",
    [SYS_DOMAIN_CREATE] = "hn",
    [SYS_DOMAIN_RESET] = "hn",
    [SYS_DOMAIN_INFO] = "h",
    [SYS_SYSTEM_INFO] = "",
    [SYS_DEBUG_WRITE] = "hl",
    [SYS_DEBUG_READ] = "hn",
    [SYS_POWER] = "hnn",
    [SYS_RANDOM] = "l",
    [SYS_TRACE] = "hnn",
    [SYS_NULL] = "",
    [SYS_DEBUG_CONSOLE] = "hnn",
};

static handle_t some_handle(struct fuzzer *f)
{
    return below(f, 16) ? f->handles[below(f, POOL)] : (handle_t)anything(f);
}

/* Mostly a moment from now, so that waits end; seldom never. */
static uint64_t some_deadline(struct fuzzer *f)
{
    uint64_t kind = below(f, 2048);
    return kind == 0 ? DEADLINE_NEVER : kind < 1024 ? DEADLINE_NOW : clock_after(below(f, 40000));
}

static uint64_t some_length(struct fuzzer *f)
{
    uint64_t pages = below(f, 8) * PAGE_SIZE;
    return below(f, 4) ? pages : pages + below(f, PAGE_SIZE);
}

static uint64_t argument(struct fuzzer *f, char kind)
{
    if (below(f, 32) == 0)
        return anything(f);
    switch (kind) {
    case 'h':
        return some_handle(f);
    case 'p':
        return below(f, 4) ? HANDLE_NONE : some_handle(f);
    case 't':
        return f->tokens[below(f, POOL)];
    case 'n':
        return below(f, 70) - 3;
    case 'o':
    case 'l':
        return some_length(f);
    case 's':
        return below(f, 64) * PAGE_SIZE;
    case 'a':
        return below(f, 2) ? f->places[below(f, POOL)] : PLACE_BASE + below(f, 64) * PAGE_SIZE;
    case 'd':
        return some_deadline(f);
    case 'r':
        return below(f, 2) ? RIGHTS_SAME : next(f) & RIGHTS_ALL;
    case 'm':
        return below(f, 32);
    case 'b':
        return 1ull << below(f, 64);
    default:
        return anything(f);
    }
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* Every register that any call reads or writes. */
struct registers {
    uint64_t rax, rdi, rsi, rdx, r10, r8, r9, rbx, r12, r13, r14, r15;
};

static void system_call(struct registers *r)
{
    register uint64_t r8 __asm__("r8") = r->r8;
    register uint64_t r9 __asm__("r9") = r->r9;
    register uint64_t r10 __asm__("r10") = r->r10;
    register uint64_t r12 __asm__("r12") = r->r12;
    register uint64_t r13 __asm__("r13") = r->r13;
    register uint64_t r14 __asm__("r14") = r->r14;
    register uint64_t r15 __asm__("r15") = r->r15;
    uint64_t rax = r->rax, rdi = r->rdi, rsi = r->rsi, rdx = r->rdx, rbx = r->rbx;
    __asm__ volatile("syscall"
                     : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+b"(rbx), "+r"(r8), "+r"(r9),
                       "+r"(r10), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
                     :
                     : "rcx", "r11", "memory");
    *r = (struct registers){rax, rdi, rsi, rdx, r10, r8, r9, rbx, r12, r13, r14, r15};
}

/* Keeps a handle in the place of another, which is mostly closed. */
static void keep_handle(struct fuzzer *f, handle_t handle)
{
    handle_t *place = &f->handles[below(f, POOL)];
    if (below(f, 8)) {
        sys_handle_close(*place);
        ++*f->calls;
    }
    *place = handle;
}

static void fill_message_page(struct fuzzer *f, uint64_t flags)
{
    struct message_area *area = message_area();
    for (uint32_t i = 0; i < MESSAGE_FLAG_HANDLES(flags) && i < MESSAGE_HANDLES_MAX; i++)
        area->handles[i] = (struct message_handle){some_handle(f), (uint32_t)argument(f, 'r'), 0};
    for (uint32_t i = 0; i < MESSAGE_FLAG_RANGES(flags) && i < MESSAGE_RANGES_MAX; i++)
        area->ranges[i] = (struct message_range){some_handle(f), (uint32_t)argument(f, 'r') & 0x22c,
                                                 argument(f, 'o'), argument(f, 'l')};
}

static uint32_t some_flags(struct fuzzer *f)
{
    if (below(f, 64) == 0)
        return (uint32_t)next(f);
    uint32_t bytes = below(f, 4) ? 0 : (uint32_t)below(f, 4097);
    uint32_t handles = below(f, 4) ? 0 : (uint32_t)below(f, 3);
    uint32_t ranges = below(f, 4) ? 0 : (uint32_t)below(f, 3);
    return MESSAGE_FLAGS(bytes, handles, ranges) | (below(f, 2) ? MESSAGE_ROOM : 0);
}

/* What came with a message: handles, loans, a token. */
static void keep_message(struct fuzzer *f, const struct registers *r)
{
    const struct message_area *area = message_area();
    uint32_t flags = (uint32_t)(r->rbx >> 32);
    for (uint32_t i = 0; i < MESSAGE_FLAG_HANDLES(flags) && i < MESSAGE_HANDLES_MAX; i++)
        keep_handle(f, area->handles[i].handle);
    for (uint32_t i = 0; i < MESSAGE_FLAG_RANGES(flags) && i < MESSAGE_RANGES_MAX; i++)
        f->handles[below(f, POOL)] = area->ranges[i].vmo;
    f->tokens[below(f, POOL)] = r->rsi;
}

static void message_call_at_random(struct fuzzer *f, uint32_t number)
{
    uint32_t flags = some_flags(f);
    if (number == SYS_REPLY || number == SYS_REPLY_GET || number == SYS_FORWARD)
        flags &= below(f, 16) ? ~MESSAGE_FLAGS(0, 0, 15) : ~0u;
    fill_message_page(f, flags);
    struct registers r = {.rax = number | (uint64_t)some_handle(f) << 32,
                          .rdi = some_deadline(f),
                          .rsi = number == SYS_SEND ? some_handle(f) : argument(f, 't'),
                          .rbx = (uint64_t)flags << 32 | 1,
                          .r9 = below(f, 4) ? 0 : next(f)};
    system_call(&r);
    int64_t result = (int64_t)r.rax;
    bool gets = number == SYS_GET || number == SYS_REPLY_GET;
    if (result >= 0 && (gets || number == SYS_DO))
        keep_message(f, &r);
    else if (result == 0 && number == SYS_SEND)
        f->tokens[below(f, POOL)] = r.rsi;
}

static bool makes_handle(uint32_t number)
{
    switch (number) {
    case SYS_PORT_CREATE:
    case SYS_HANDLE_DUPLICATE:
    case SYS_TASK_CREATE:
    case SYS_THREAD_CREATE:
    case SYS_VMO_CREATE:
    case SYS_VMO_CREATE_PHYSICAL:
    case SYS_VMO_CREATE_PAGED:
    case SYS_VMO_CLONE:
    case SYS_VMO_SLICE:
    case SYS_RESOURCE_CREATE:
    case SYS_IRQ_CREATE:
    case SYS_IRQ_CREATE_MSI:
    case SYS_DOMAIN_CREATE:
        return true;
    default:
        return false;
    }
}

/* Those that end the fuzzer itself, most of the time, are made seldom. */
static bool is_drastic(uint32_t number)
{
    return number == SYS_THREAD_EXIT || number == SYS_TASK_KILL || number == SYS_THREAD_KILL ||
           number == SYS_THREAD_SUSPEND || number == SYS_THREAD_WRITE_STATE ||
           number == SYS_THREAD_SET_FS || number == SYS_THREAD_START;
}

/*
 * A task that never runs and holds a handle to itself can be reached by nobody, and would keep its
 * budget for ever; so can two such tasks together.
 */
static bool makes_a_cycle(uint32_t number, uint64_t handle)
{
    uint64_t rights, koid;
    return number == SYS_HANDLE_GRANT &&
           sys_handle_info((handle_t)handle, &rights, &koid) == OBJECT_TASK;
}

static void plain_call_at_random(struct fuzzer *f, uint32_t number)
{
    uint64_t arguments[6];
    const char *kinds = signatures[number] ? signatures[number] : "";
    for (uint32_t i = 0; i < 6; i++)
        arguments[i] = argument(f, *kinds ? *kinds++ : 'n');
    if (makes_a_cycle(number, arguments[1]))
        return;
    struct registers r = {.rax = number,
                          .rdi = arguments[0],
                          .rsi = arguments[1],
                          .rdx = arguments[2],
                          .r10 = arguments[3],
                          .r8 = arguments[4],
                          .r9 = arguments[5],
                          .r12 = argument(f, 'a'),
                          .r13 = below(f, 30),
                          .r14 = below(f, 6) - 1,
                          .r15 = argument(f, 'a')};
    system_call(&r);
    int64_t result = (int64_t)r.rax;
    if (result > 0 && number == SYS_MAP)
        f->places[below(f, POOL)] = (uint64_t)result;
    else if (result > 0 && makes_handle(number))
        keep_handle(f, (handle_t)result);
    else if (result > 0 && number == SYS_PIN)
        f->tokens[below(f, POOL)] = r.rsi;
}

/* Reads or writes where something is, or was, mapped. */
static void touch(struct fuzzer *f)
{
    volatile uint8_t *place = (volatile uint8_t *)f->places[below(f, POOL)];
    if (place == NULL)
        return;
    if (below(f, 2))
        *place = 1;
    else
        (void)*place;
}

static void one_call(struct fuzzer *f)
{
    if (below(f, 64) == 0)
        touch(f);
    uint32_t number = below(f, 3) ? (uint32_t)below(f, SYS_COUNT + 2) : 1 + (uint32_t)below(f, 7);
    if (is_drastic(number) && below(f, 200))
        number = SYS_NULL;
    if (number >= SYS_DO && number <= SYS_FORWARD)
        message_call_at_random(f, number);
    else
        plain_call_at_random(f, number < SYS_COUNT ? number : SYS_NULL);
    ++*f->calls;
}

/* ---- A task of fuzzers ----------------------------------------------------------------------- */

struct start {
    uint64_t seed;
    uint32_t task, thread;
};

static void fuzz(void *argument_)
{
    const struct start *start = argument_;
    struct fuzzer f = {.random = start->seed * 2654435761u + start->thread * 40503u + 1,
                       .calls = &progress->calls[start->task][start->thread]};
    for (uint32_t i = 0; i < POOL; i++)
        f.handles[i] = i % 2 ? child_self : child_handles[below(&f, CHILD_HANDLES_MAX)];
    for (;;)
        one_call(&f);
}

static void fuzz_task(uint64_t packed)
{
    static struct start starts[THREADS];
    struct thread threads[THREADS];
    struct thread_options options = THREAD_OPTIONS_DEFAULT;
    for (uint32_t i = 0; i < THREADS; i++)
        starts[i] = (struct start){packed >> 8, (uint32_t)packed & 0xff, i};
    for (uint32_t i = 1; i < THREADS; i++) {
        if (thread_create(&threads[i], child_self, fuzz, &starts[i], &options) == 0)
            sys_thread_start(threads[i].handle);
    }
    fuzz(&starts[0]);
}

/* ---- The parent ------------------------------------------------------------------------------ */

static struct child fuzzers[TASKS];
static uint64_t last_calls[TASKS], last_moved[TASKS];
static handle_t shared[CHILD_HANDLES_MAX]; /* what all of them get; [0]: exception port */
static uint64_t made, seed;

static uint64_t calls_of(uint32_t task)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < THREADS; i++)
        sum += progress->calls[task][i];
    return sum;
}

static void start_fuzzer(uint32_t task)
{
    struct child *child = &fuzzers[task];
    uint64_t packed = (seed + made++) << 8 | task;
    prepare_child(child, fuzz_task, packed, shared, CHILD_HANDLES_MAX,
                  (int32_t)(task % startup->cpus), TASK_BUDGET);
    must(sys_map(child->task, progress_vmo, 0, PAGE_SIZE, (uint64_t)progress,
                 MAP_READ | MAP_WRITE | MAP_FIXED),
         "map progress");
    must(sys_task_set_exception_port(child->task, shared[0]), "exception port");
    must(sys_thread_start(child->thread), "thread_start");
    last_calls[task] = calls_of(task);
    last_moved[task] = clock_now();
}

static bool is_dead(handle_t task)
{
    must(sys_task_info(task), "task_info");
    return ((const struct task_info *)message_area()->bytes)->dead;
}

static void stop_fuzzer(uint32_t task)
{
    end_child(&fuzzers[task]);
}

/* Makes a fuzzer anew if it is dead, stands still, or chance will have it so. */
static void tend(uint32_t task)
{
    uint64_t calls = calls_of(task), now = clock_now();
    if (calls != last_calls[task]) {
        last_calls[task] = calls;
        last_moved[task] = now;
    }
    bool by_chance = clock_counter() % 128 == 0;
    if (by_chance || now - last_moved[task] > STILL_NS || is_dead(fuzzers[task].task)) {
        stop_fuzzer(task);
        start_fuzzer(task);
    }
}

static void make_shared(void)
{
    handle_t root = startup_handle(startup, "root");
    shared[0] = (handle_t)must(sys_port_create(8), "port");
    shared[1] = (handle_t)must(sys_port_create(64), "port");
    shared[2] = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 16 * PAGE_SIZE, 0, 0), "vmo");
    shared[3] = (handle_t)must(sys_vmo_create_paged(shared[1], 16 * PAGE_SIZE, 7, 2), "paged");
    shared[4] = (handle_t)must(sys_resource_create(root, RESOURCE_DOMAIN, 0xff00, 4), "domain");
    shared[5] = (handle_t)must(sys_resource_create(root, RESOURCE_IRQ, 20, 4), "irq");
    shared[6] =
        (handle_t)must(sys_resource_create(root, RESOURCE_PHYSICAL, 0xb8000, 0x8000), "video");
    shared[7] = (handle_t)must(sys_task_create(65536), "an empty task");
}

static void close_shared(void)
{
    sys_task_kill(shared[7], 0);
    for (uint32_t i = 0; i < CHILD_HANDLES_MAX; i++)
        sys_handle_close(shared[i]);
}

/* Bytes of our budget that are in use. */
static uint64_t used(void)
{
    must(sys_task_info(startup->task), "task_info");
    return ((const struct task_info *)message_area()->bytes)->used;
}

/* What fuzzers left in the shared ports was paid for by their budgets, which come back at the end.
 */
static bool budget_is_back(uint64_t before)
{
    for (uint64_t end = clock_after(10 * SECOND); clock_now() < end;) {
        if (used() <= before)
            return true;
        settled_free_memory();
    }
    print("# %lu bytes of budget in use, %lu before\n", used(), before);
    return false;
}

/* A round: until that many calls are made, or TASKS_A_ROUND tasks. How many calls. */
static uint64_t run_round(uint64_t calls)
{
    uint64_t first = 0, total = 0, last_task = made + TASKS_A_ROUND - TASKS;
    make_shared();
    for (uint32_t i = 0; i < TASKS; i++) {
        first += calls_of(i);
        start_fuzzer(i);
    }
    do {
        sys_sleep(clock_after(5 * MILLISECOND));
        total = 0;
        for (uint32_t i = 0; i < TASKS; i++) {
            tend(i);
            total += calls_of(i);
        }
    } while (total - first < calls && made < last_task);
    for (uint32_t i = 0; i < TASKS; i++)
        stop_fuzzer(i);
    close_shared();
    return total - first;
}

/* Rounds until that many calls are made; false if a round leaves something of our budget in use. */
static bool run_rounds(uint64_t calls)
{
    uint64_t done = 0, start = clock_now(), first = made, before = used();
    uint32_t rounds = 0;
    for (; done < calls; rounds++) {
        done += run_round(calls - done);
        if (!budget_is_back(before))
            return false;
    }
    print("# %lu calls in %lu ms by %lu tasks in %u rounds\n", done,
          (clock_now() - start) / MILLISECOND, made - first, rounds);
    return true;
}

static uint64_t option(const char *name, uint64_t otherwise)
{
    const char *text = startup_option(startup, name);
    uint64_t value;
    return text != NULL && string_to_number(text, &value) ? value : otherwise;
}

/* Ten million; on one CPU, where little can happen at the same time, a million unless `long`. */
static uint64_t default_calls(void)
{
    if (startup_has_word(startup, "quick"))
        return 500000;
    return startup->cpus > 1 || startup_has_word(startup, "long") ? 10000000 : 1000000;
}

int main(const void *found)
{
    test_begin(found);
    seed = option("seed=", 1);
    uint64_t calls = option("calls=", default_calls());
    print("# seed %lu, %lu calls\n", seed, calls);
    progress_vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "progress");
    progress = (struct progress *)must(sys_map(HANDLE_NONE, progress_vmo, 0, PAGE_SIZE, 0x30000000,
                                               MAP_READ | MAP_WRITE | MAP_FIXED),
                                       "map progress");
    run_round(calls / 10);
    uint64_t before = settled_free_memory();
    ok(run_rounds(calls), "nothing hangs or panics, and all budgets come back");
    uint64_t after = settled_free_memory();
    print("# %lu KiB free before, %lu KiB after\n", before / 1024, after / 1024);
    ok(after + STOCK_PAGES * PAGE_SIZE * startup->cpus >= before, "no memory is lost");
    return test_end();
}
