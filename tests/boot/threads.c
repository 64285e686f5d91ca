/*
 * Threads: making, starting, stopping, moving and killing them in every state; their registers.
 */
#include "test.h"

static handle_t port;
static struct message got;
static struct receipt receipt;

static volatile uint64_t counter;
static volatile bool go_on;

static struct thread_info info_of(handle_t thread)
{
    struct thread_info info;
    must(sys_thread_info(thread), "thread_info");
    memcpy(&info, message_area()->bytes, sizeof(info));
    return info;
}

/* Waits until a thread is in that state. */
static bool reaches(handle_t thread, enum thread_run_state state)
{
    for (uint64_t end = soon(); clock_now() < end; sys_sleep(clock_after(MILLISECOND))) {
        if (info_of(thread).state == state)
            return true;
    }
    return false;
}

static void spin(void *argument)
{
    (void)argument;
    while (!go_on)
        counter++;
}

static void start_spinning(struct thread *thread)
{
    go_on = false;
    counter = 0;
    run_thread(thread, spin, NULL, -1, PRIORITY_DEFAULT - 1);
    while (counter == 0)
        sys_sleep(clock_after(MILLISECOND));
}

/* Whether `counter` moves within some time. */
static bool counts(void)
{
    uint64_t before = counter;
    sys_sleep(clock_after(20 * MILLISECOND));
    return counter != before;
}

/* ---- Making them ----------------------------------------------------------------------------- */

static struct thread_creation plan;

static int64_t create_with(const char *what, uint64_t value)
{
    struct thread_creation changed = plan;
    if (strcmp(what, "entry") == 0)
        changed.entry = value;
    else if (strcmp(what, "stack") == 0)
        changed.stack = value;
    else if (strcmp(what, "fs") == 0)
        changed.fs_base = value;
    else if (strcmp(what, "priority") == 0)
        changed.priority = (int32_t)value;
    else if (strcmp(what, "cpu") == 0)
        changed.cpu = (int32_t)value;
    else if (strcmp(what, "task") == 0)
        changed.task = (handle_t)value;
    else if (strcmp(what, "vmo") == 0)
        changed.message_vmo = (handle_t)value;
    else if (strcmp(what, "offset") == 0)
        changed.message_offset = value;
    return sys_thread_create(&changed);
}

static void test_create(void)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 4 * PAGE_SIZE, 0, 0), "vmo");
    plan = (struct thread_creation){.task = startup->task,
                                    .entry = (uint64_t)spin,
                                    .stack = 0x5000,
                                    .arg = 77,
                                    .message_vmo = vmo,
                                    .message_address = 0x6000,
                                    .priority = 10,
                                    .cpu = -1,
                                    .fs_base = 0x7000};
    is(create_with("task", port), -EBADF, "a thread is a task's");
    handle_t weak = (handle_t)must(sys_handle_duplicate(startup->task, RIGHT_READ, 0), "duplicate");
    is(create_with("task", weak), -EPERM, "one may MANAGE");
    sys_handle_close(weak);
    is(create_with("entry", 1ull << 47), -EINVAL, "its entry is a user address");
    is(create_with("stack", ~0ull), -EINVAL, "its stack too");
    is(create_with("fs", 1ull << 63), -EINVAL, "and its FS base");
    is(create_with("priority", 64), -EINVAL, "its priority at most 63");
    is(create_with("priority", ~0ull), -EINVAL, "and not negative");
    is(create_with("cpu", startup->cpus), -EINVAL, "its CPU is there");
    is(create_with("cpu", -2ull), -EINVAL, "or any");
    is(create_with("vmo", port), -EBADF, "its message page is memory");
    weak = (handle_t)must(sys_handle_duplicate(vmo, RIGHT_READ | RIGHT_WRITE, 0), "duplicate");
    is(create_with("vmo", weak), -EPERM, "that may be pinned");
    sys_handle_close(weak);
    is(create_with("offset", 8), -EINVAL, "whole pages of it");
    is(create_with("offset", 3 * PAGE_SIZE), -ERANGE, "two of them");
    is(create_with("offset", -PAGE_SIZE), -ERANGE, "without overflow");
    handle_t dead = (handle_t)must(sys_task_create(1 << 20), "task_create");
    sys_task_kill(dead, 0);
    is(create_with("task", dead), -EDEAD, "a dead task has no threads");
    sys_handle_close(dead);

    handle_t thread = (handle_t)must(create_with("", 0), "thread_create");
    is(info_of(thread).state, THREAD_NEW, "a new thread does not run");
    is(sys_thread_read_state(thread), 0, "its registers can be read");
    const struct thread_state *state = (const struct thread_state *)message_area()->bytes;
    ok(state->rip == (uint64_t)spin && state->rsp == 0x5000 && state->rdi == 77 &&
           state->rsi == 0x6000 && state->fs_base == 0x7000,
       "and are as asked for");
    must(sys_watch(thread, port, 1), "watch");
    sys_handle_close(thread);
    is(sys_get(port, soon(), &got, &receipt), GET_KERNEL, "closing it is its death");
    sys_handle_close(vmo);
}

static void set_counter(void *argument)
{
    counter = (uint64_t)argument;
}

static void test_start(void)
{
    struct thread thread;
    struct thread_options options = THREAD_OPTIONS_DEFAULT;
    counter = 0;
    must(thread_create(&thread, startup->task, set_counter, (void *)5, &options), "thread_create");
    handle_t weak = (handle_t)must(sys_handle_duplicate(thread.handle, RIGHT_READ, 0), "duplicate");
    is(sys_thread_start(weak), -EPERM, "starting needs MANAGE");
    is(sys_thread_kill(weak, 0), -EPERM, "and killing");
    is(sys_thread_suspend(weak), -EPERM, "and suspending");
    is(sys_thread_resume(weak), -EPERM, "and resuming");
    is(sys_thread_interrupt(weak), -EPERM, "and interrupting");
    is(sys_thread_read_state(weak), -EPERM, "and reading registers");
    is(sys_thread_write_state(weak), -EPERM, "and writing them");
    is(sys_thread_set(weak, 1, -1), -EPERM, "and setting");
    sys_handle_close(weak);
    weak = (handle_t)must(sys_handle_duplicate(thread.handle, RIGHT_MANAGE, 0), "duplicate");
    is(sys_thread_info(weak), -EPERM, "asking needs READ");
    sys_handle_close(weak);
    is(sys_thread_start(port), -EBADF, "a port does not start");
    is(sys_thread_start(thread.handle), 0, "a thread does");
    int64_t again = sys_thread_start(thread.handle);
    ok(again == -EBUSY || again == -EDEAD, "once");
    int64_t status = -1;
    must(wait_for_death(thread.handle, soon(), &status), "death");
    is(status, 0, "it ends by itself");
    is((int64_t)counter, 5, "having done its work");
    is(sys_thread_start(thread.handle), -EBUSY, "a dead one does not start");
    is(sys_thread_kill(thread.handle, 0), -EDEAD, "and is not killed");
    is(sys_thread_suspend(thread.handle), -EDEAD, "nor suspended");
    is(sys_thread_interrupt(thread.handle), -EDEAD, "nor interrupted");
    is(sys_thread_set(thread.handle, 1, -1), -EDEAD, "nor set");
    is(info_of(thread.handle).state, THREAD_DEAD, "it is dead");
    thread_free(&thread);
}

/* ---- Stopping them --------------------------------------------------------------------------- */

static void test_suspend(void)
{
    struct thread thread;
    start_spinning(&thread);
    is(sys_thread_read_state(thread.handle), -EBUSY, "a running thread's registers are its own");
    is(sys_thread_write_state(thread.handle), -EBUSY, "to write, too");
    is(sys_thread_resume(thread.handle), -EINVAL, "what is not suspended is not resumed");
    is(sys_thread_suspend(thread.handle), 0, "it is suspended");
    ok(!counts(), "and stands still");
    is(info_of(thread.handle).suspended, 1, "as it says");
    is(sys_thread_suspend(thread.handle), 0, "twice");
    is(sys_thread_resume(thread.handle), 0, "resumed once");
    ok(!counts(), "it still stands still");
    is(sys_thread_resume(thread.handle), 0, "twice");
    ok(counts(), "it goes on");
    go_on = true;
    must(thread_join(&thread, soon(), NULL), "join");
}

static void get_one(void *argument)
{
    struct message m;
    struct receipt r;
    counter = sys_get(*(handle_t *)argument, DEADLINE_NEVER, &m, &r) == GET_NOTIFY ? m.arg[0] : 99;
}

static void test_suspend_waiting(void)
{
    struct thread thread;
    handle_t waited = (handle_t)must(sys_port_create(1), "port_create");
    counter = 0;
    run_thread(&thread, get_one, &waited, -1, PRIORITY_DEFAULT);
    ok(reaches(thread.handle, THREAD_GETTING), "a thread waits");
    must(sys_thread_suspend(thread.handle), "suspend");
    must(sys_notify(waited, 4), "notify");
    sys_sleep(clock_after(10 * MILLISECOND));
    is((int64_t)counter, 0, "suspended, it does not run when its wait is over");
    must(sys_thread_resume(thread.handle), "resume");
    must(thread_join(&thread, soon(), NULL), "join");
    is((int64_t)counter, 4, "but has what it waited for when it is resumed");
    sys_handle_close(waited);
}

static void suspend_self(void *argument)
{
    struct thread *self = argument;
    counter = 1;
    sys_thread_suspend(self->handle);
    counter = 2;
}

static void test_suspend_self(void)
{
    struct thread thread;
    struct thread_options options = THREAD_OPTIONS_DEFAULT;
    must(thread_create(&thread, startup->task, suspend_self, &thread, &options), "thread_create");
    counter = 0;
    must(sys_thread_start(thread.handle), "start");
    for (uint64_t end = soon(); info_of(thread.handle).suspended == 0 && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    sys_sleep(clock_after(5 * MILLISECOND));
    is((int64_t)counter, 1, "a thread that suspends itself stops there");
    must(sys_thread_resume(thread.handle), "resume");
    must(thread_join(&thread, soon(), NULL), "join");
    is((int64_t)counter, 2, "and goes on when resumed");
}

/* Loops until RBX is not zero; then stores R12, which nobody here has set. */
void wait_for_rbx(void);
__asm__(".pushsection .text\n"
        "wait_for_rbx:\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    xorl %ebx, %ebx\n"
        "1:  testq %rbx, %rbx\n"
        "    jz 1b\n"
        "    movq %r12, counter(%rip)\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    ret\n"
        ".popsection");

static void call_wait_for_rbx(void *argument)
{
    (void)argument;
    wait_for_rbx();
}

static void test_registers(void)
{
    struct thread thread;
    struct thread_state *state = (struct thread_state *)message_area()->bytes, kept;
    counter = 0;
    run_thread(&thread, call_wait_for_rbx, NULL, -1, PRIORITY_DEFAULT - 1);
    sys_sleep(clock_after(5 * MILLISECOND));
    must(sys_thread_suspend(thread.handle), "suspend");
    is(sys_thread_read_state(thread.handle), 0, "a suspended thread's registers are read");
    kept = *state;
    ok(state->rip >= (uint64_t)wait_for_rbx && state->rip < (uint64_t)wait_for_rbx + 32,
       "it is where it loops");
    state->rip = 1ull << 63;
    is(sys_thread_write_state(thread.handle), -EINVAL, "RIP has to be a user address");
    *state = kept;
    state->rsp = 1ull << 47;
    is(sys_thread_write_state(thread.handle), -EINVAL, "RSP too");
    *state = kept;
    state->fs_base = ~0ull;
    is(sys_thread_write_state(thread.handle), -EINVAL, "and FS");
    *state = kept;
    state->rbx = 1;
    state->r12 = 0x1234;
    state->rflags |= 0x3000 | 1ull << 17 | 1ull << 9; /* I/O privilege and more: not given */
    is(sys_thread_write_state(thread.handle), 0, "they are written");
    must(sys_thread_read_state(thread.handle), "read");
    is((int64_t)(state->rflags & 0x23000), 0, "privileges are not taken over");
    state->rbx = 0;
    is(sys_thread_write_control(thread.handle), 0, "RIP, RSP and RFLAGS are written alone");
    must(sys_thread_read_state(thread.handle), "read");
    ok(state->rbx == 1, "and the others left as they are");
    is(syscall2(SYS_THREAD_WRITE_STATE, thread.handle, 2), -EINVAL, "there are no other parts");
    must(sys_thread_resume(thread.handle), "resume");
    must(thread_join(&thread, soon(), NULL), "join");
    is((int64_t)counter, 0x1234, "and it runs on with them");
}

/* ---- Killing them in every state ------------------------------------------------------------- */

static handle_t silent; /* a port that nobody serves */

static void wait_in_get(void *argument)
{
    (void)argument;
    sys_get(silent, DEADLINE_NEVER, &got, &receipt);
}

static void wait_in_do(void *argument)
{
    (void)argument;
    struct message m = head(1);
    sys_do(silent, DEADLINE_NEVER, &m);
}

static void wait_in_sleep(void *argument)
{
    (void)argument;
    sys_sleep(DEADLINE_NEVER);
}

static void wait_for_page(void *argument)
{
    (void)*(volatile uint8_t *)argument;
}

static void kill_in(void (*function)(void *), void *argument, enum thread_run_state state,
                    const char *name)
{
    struct thread thread;
    int64_t status = 0;
    run_thread(&thread, function, argument, -1, PRIORITY_DEFAULT - 1);
    bool there = reaches(thread.handle, state);
    must(sys_thread_kill(thread.handle, 42), "kill");
    int64_t error = thread_join(&thread, soon(), &status);
    ok(there && error == 0 && status == 42, name);
}

static void test_kill(void)
{
    struct thread thread;
    int64_t status;
    silent = (handle_t)must(sys_port_create(4), "port_create");
    go_on = false;
    kill_in(wait_in_get, NULL, THREAD_GETTING, "killed while it waits in get");
    kill_in(wait_in_do, NULL, THREAD_CALLING, "killed while its call is queued");
    is(sys_get(silent, DEADLINE_NOW, &got, &receipt), -ETIMEDOUT, "the call goes with it");
    kill_in(wait_in_sleep, NULL, THREAD_PARKED, "killed while it sleeps");

    handle_t paged = (handle_t)must(sys_vmo_create_paged(port, PAGE_SIZE, 1, 0), "paged");
    int64_t page = must(sys_map(HANDLE_NONE, paged, 0, PAGE_SIZE, 0, MAP_READ), "map");
    kill_in(wait_for_page, (void *)page, THREAD_PARKED, "killed while it waits for a page");
    is(sys_get(port, soon(), &got, &receipt), GET_KERNEL, "which its pager was asked for");
    sys_unmap(HANDLE_NONE, (uint64_t)page, PAGE_SIZE);
    sys_handle_close(paged);

    start_spinning(&thread);
    must(sys_thread_kill(thread.handle, 43), "kill");
    must(thread_join(&thread, soon(), &status), "join");
    is(status, 43, "killed while it runs");
    start_spinning(&thread);
    must(sys_thread_suspend(thread.handle), "suspend");
    must(sys_thread_kill(thread.handle, 44), "kill");
    must(thread_join(&thread, soon(), &status), "join");
    is(status, 44, "killed while it is suspended");
    run_thread(&thread, wait_in_do, NULL, -1, PRIORITY_DEFAULT);
    is(sys_get(silent, soon(), &got, &receipt), GET_MESSAGE, "its call is held");
    must(sys_thread_kill(thread.handle, 45), "kill");
    must(thread_join(&thread, soon(), &status), "join");
    is(status, 45, "killed while its call is held");
    struct message m = head(0);
    is(sys_reply(receipt.token, &m), -ESTALE_TOKEN, "which cannot be answered then");
    sys_handle_close(silent);
}

/* ---- CPUs and time --------------------------------------------------------------------------- */

static volatile uint32_t seen_cpu;

static void watch_cpu(void *argument)
{
    (void)argument;
    while (!go_on)
        seen_cpu = clock_cpu();
}

static void test_moves(void)
{
    struct thread thread;
    is(sys_thread_set(port, 1, 0), -EBADF, "a port has no CPU");
    is(sys_thread_set(startup->thread, 64, -1), -EINVAL, "there is no priority 64");
    is(sys_thread_set(startup->thread, -2, -1), -EINVAL, "nor a negative one");
    is(sys_thread_set(startup->thread, -1, (int32_t)startup->cpus), -EINVAL, "nor that CPU");
    is(sys_thread_set(startup->thread, -1, -3), -EINVAL, "nor another way to have none");
    go_on = false;
    run_thread(&thread, watch_cpu, NULL, 0, PRIORITY_DEFAULT - 1);
    bool good = true;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t cpu = 0; cpu < startup->cpus; cpu++) {
            must(sys_thread_set(thread.handle, -1, (int32_t)cpu), "thread_set");
            for (uint64_t end = soon(); seen_cpu != cpu && clock_now() < end;)
                sys_sleep(clock_after(MILLISECOND));
            good &= seen_cpu == cpu && info_of(thread.handle).cpu == cpu;
        }
    }
    ok(good, "a running thread is moved to every CPU");
    must(sys_thread_set(thread.handle, 3, -2), "thread_set");
    for (uint64_t end = soon(); info_of(thread.handle).priority != 3 && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    is(info_of(thread.handle).priority, 3, "and given another priority");
    go_on = true;
    must(thread_join(&thread, soon(), NULL), "join");

    for (uint32_t cpu = 0; cpu < startup->cpus; cpu++) {
        must(sys_thread_set(startup->thread, -1, (int32_t)cpu), "thread_set");
        for (uint32_t i = 0; i < 100000 && clock_cpu() != cpu; i++)
            sys_thread_yield();
        good &= clock_cpu() == cpu;
    }
    ok(good, "a thread moves itself");
    sys_thread_set(startup->thread, -1, -2);
}

static volatile uint64_t shares[3];

static void take_share(void *argument)
{
    while (!go_on)
        shares[(uint64_t)argument]++;
}

static void test_sharing(void)
{
    struct thread threads[3];
    go_on = false;
    shares[0] = shares[1] = shares[2] = 0;
    for (uint64_t i = 0; i < 3; i++)
        run_thread(&threads[i], take_share, (void *)i, 0, i == 2 ? 4 : 5);
    sys_sleep(clock_after(300 * MILLISECOND));
    uint64_t low = shares[2];
    sys_sleep(clock_after(100 * MILLISECOND));
    bool starves = shares[2] == low;
    go_on = true;
    for (uint32_t i = 0; i < 3; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
    ok(shares[0] != 0 && shares[1] != 0, "equals share a CPU without asking");
    ok(starves, "a less urgent thread waits for them");
}

static volatile uint32_t turns[2], last_turn, alternations, ready;

static void take_turns(void *argument)
{
    uint32_t self = (uint32_t)(uint64_t)argument;
    ready++;
    while (ready < 2)
        sys_thread_yield();
    for (uint32_t i = 0; i < 1000; i++) {
        alternations += last_turn != self;
        last_turn = self;
        turns[self]++;
        sys_thread_yield();
    }
}

static void test_yield(void)
{
    struct thread threads[2];
    for (uint64_t i = 0; i < 2; i++)
        run_thread(&threads[i], take_turns, (void *)i, 0, 5);
    for (uint32_t i = 0; i < 2; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
    ok(turns[0] == 1000 && turns[1] == 1000 && alternations > 1000, "equals take turns by yield");
}

static void test_sleep(void)
{
    is(sys_sleep(DEADLINE_NOW), 0, "sleeping until a moment that is over");
    uint64_t start = clock_now();
    is(sys_sleep(start + 5 * MILLISECOND), 0, "sleeping");
    ok(clock_now() >= start + 5 * MILLISECOND, "takes as long as asked");
    is(sys_thread_set_fs(1ull << 47), -EINVAL, "an FS base that is no user address");
}

/* ---- Registers beyond the general ones ------------------------------------------------------- */

static volatile uint32_t fpu_wrong;

/* Keeps a value of its own in vector registers and the control word while others do the same. */
static void keep_vectors(void *argument)
{
    uint64_t mine = (uint64_t)argument * 0x0101010101010101ull, low, high;
    uint32_t control = 0x1f80 | ((uint32_t)(uint64_t)argument & 3) << 13, seen;
    __asm__ volatile("movq %0, %%xmm3; movq %0, %%xmm15; ldmxcsr %1" : : "r"(mine), "m"(control));
    for (uint32_t i = 0; i < 2000; i++) {
        if (i % 3 == 0)
            sys_thread_yield();
        else
            clock_now();
        __asm__ volatile("movq %%xmm3, %0; movq %%xmm15, %1; stmxcsr %2"
                         : "=r"(low), "=r"(high), "=m"(seen));
        if (low != mine || high != mine || (seen & 0x6000) != (control & 0x6000))
            fpu_wrong++;
    }
}

static void test_vectors(void)
{
    struct thread threads[8];
    for (uint64_t i = 0; i < 8; i++)
        run_thread(&threads[i], keep_vectors, (void *)(i + 1), -1, PRIORITY_DEFAULT);
    for (uint32_t i = 0; i < 8; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
    is(fpu_wrong, 0, "each thread has its own vector registers");
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(16), "port_create");
    test_create();
    test_start();
    test_suspend();
    test_suspend_waiting();
    test_suspend_self();
    test_registers();
    test_kill();
    test_moves();
    test_sharing();
    test_yield();
    test_sleep();
    test_vectors();
    return test_end();
}
