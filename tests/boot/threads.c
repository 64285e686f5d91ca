/*
 * Handles, tasks and threads: their calls and errors, how they die, budgets, resources.
 */
#include "test.h"

static struct message m;
static struct receipt r;

static void test_handles(void)
{
    uint64_t rights, koid;
    handle_t port = (handle_t)must(sys_port_create(4), "port");
    is(sys_port_create(0), -EINVAL, "a port's queue has room for at least one");
    is(sys_port_create(65537), -EINVAL, "and at most 65536");
    is(sys_handle_info(port, &rights, &koid), OBJECT_PORT, "handle_info tells the type");
    is(rights, RIGHTS_ALL, "and the rights");
    handle_t copy = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND, 0), "duplicate");
    is(sys_handle_duplicate(copy, RIGHTS_SAME, 0), -EPERM, "without DUPLICATE there are no copies");
    handle_t less =
        (handle_t)must(sys_handle_duplicate(port, RIGHT_DUPLICATE | RIGHT_SEND, 0), "dup");
    is(sys_handle_duplicate(less, RIGHT_SEND | RIGHT_RECEIVE, 0), -EINVAL,
       "a copy has no more rights");
    is(sys_handle_duplicate(less, RIGHT_SEND, 5), -EPERM, "a badge needs MANAGE");
    is(sys_handle_close(copy), 0, "close");
    is(sys_handle_close(copy), -EBADF, "once");
    is(sys_handle_close(0), -EBADF, "none cannot be closed");
    is(sys_watch(port, less, 0), -EPERM, "notices come to a port one receives from");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 4096, 0, 0), "vmo");
    is(sys_watch(vmo, port, 0), -ENOTSUP, "a VM object's end is not told");
    handle_t other = (handle_t)must(sys_port_create(4), "port");
    must(sys_watch(other, port, 77), "watch");
    sys_handle_close(other);
    is(sys_get(port, soon(), &m, &r), GET_KERNEL, "a port's end is");
    is(m.op, KERNEL_DEATH, "as a death");
    is(m.cookie, 77, "with the cookie");
    sys_handle_close(vmo);
    sys_handle_close(less);
    sys_handle_close(port);
}

static void test_table_full(void)
{
    handle_t port = (handle_t)must(sys_port_create(4), "port");
    int64_t handle = 0, last = 0;
    uint32_t count = 0;
    while ((handle = sys_handle_duplicate(port, RIGHT_SEND, 0)) > 0) {
        last = handle;
        count++;
    }
    is(handle, -EMFILE, "a full table refuses");
    ok(count > 60000, "after some 65,000 handles");
    is(sys_port_create(1), -EMFILE, "new objects too");
    is(sys_handle_close((handle_t)last), 0, "with one closed");
    ok((last = sys_handle_duplicate(port, RIGHT_SEND, 0)) > 0, "there is room again");
    sys_handle_close(port);
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static void exit_with(uint64_t status)
{
    sys_thread_exit((int32_t)status);
}

static void eat_memory(uint64_t argument)
{
    (void)argument;
    int64_t error;
    uint32_t got = 0;
    while ((error = sys_vmo_create(VMO_ANONYMOUS, 64 * PAGE_SIZE, 0, 0)) > 0 &&
           (error = sys_vmo_commit((handle_t)error, 0, 64 * PAGE_SIZE)) == 0)
        got++;
    sys_thread_exit(error == -ENOMEM && got > 4 ? 42 : 1);
}

static void crash(uint64_t argument)
{
    (void)argument;
    __asm__ volatile("ud2");
}

static void spin(uint64_t argument)
{
    (void)argument;
    for (;;)
        ;
}

static void make_and_kill(void)
{
    struct child child;
    for (uint32_t i = 0; i < 20; i++) {
        run_child(&child, spin, 0, NULL, 0, -1, CHILD_BUDGET);
        end_child(&child);
    }
}

static void test_tasks(void)
{
    struct child child;
    run_child(&child, exit_with, 17, NULL, 0, -1, CHILD_BUDGET);
    is(join_child(&child), 17, "a task's status is its last thread's");
    run_child(&child, eat_memory, 0, NULL, 0, -1, 2 << 20);
    is(join_child(&child), 42,
       "a budget that is used up refuses with ENOMEM, and nothing else breaks");
    run_child(&child, crash, 0, NULL, 0, -1, CHILD_BUDGET);
    is(join_child(&child), -(256 + 6), "a fault that nobody takes care of ends the task");
    ok(!loses_memory(make_and_kill), "all memory of killed tasks comes back");
    is(sys_task_create(1ull << 60), -ENOMEM, "a budget larger than one's own");
    is(sys_task_create(100), -ENOMEM, "or too small for a task");
    handle_t task = (handle_t)must(sys_task_create(1 << 20), "task");
    is(sys_task_add_budget(task, 1 << 20), 0, "budget can be added");
    sys_task_info(task);
    is(((struct task_info *)message_area()->bytes)->budget, 2 << 20, "and is there");
    is(sys_task_add_budget(task, -(1 << 20)), 0, "and taken back");
    is(sys_task_add_budget(task, -(1 << 30)), -ENOMEM, "if it is unused");
    is(sys_task_kill(task, 5), 0, "a task without threads can be killed");
    is(sys_task_kill(task, 5), -EDEAD, "once");
    is(sys_handle_grant(task, startup->clock, RIGHT_READ), -EDEAD, "and gets nothing more");
    is(sys_map(task, startup->clock, 0, PAGE_SIZE, 0, MAP_READ), -EDEAD,
       "nor is anything mapped there");
    sys_handle_close(task);
    is(sys_task_kill(startup->clock, 0), -EBADF, "only tasks are killed by task_kill");
}

/* ---- Threads --------------------------------------------------------------------------------- */

static volatile uint64_t counter;
static handle_t never;

static void count_up(void *argument)
{
    (void)argument;
    for (;;)
        counter++;
}

static void get_for_ever(void *argument)
{
    (void)argument;
    struct message got = head(0);
    struct receipt receipt;
    sys_get(never, DEADLINE_NEVER, &got, &receipt);
}

static void call_for_ever(void *argument)
{
    (void)argument;
    struct message call = head(0);
    sys_do(never, DEADLINE_NEVER, &call);
}

static void sleep_for_ever(void *argument)
{
    (void)argument;
    sys_sleep(DEADLINE_NEVER);
}

static void test_kill_in_each_state(void)
{
    static void (*const states[])(void *) = {count_up, get_for_ever, call_for_ever, sleep_for_ever};
    static const char *const names[] = {"running", "in get", "in do", "asleep"};
    never = (handle_t)must(sys_port_create(4), "port");
    for (uint32_t i = 0; i < 4; i++) {
        struct thread thread;
        int64_t status = 0;
        run_thread(&thread, states[i], NULL, -1, PRIORITY_DEFAULT);
        sys_sleep(clock_after(5 * MILLISECOND));
        must(sys_thread_kill(thread.handle, 9), "kill");
        must(thread_join(&thread, soon(), &status), "join");
        is(status, 9, names[i]);
    }
    sys_handle_close(never);
}

static void test_suspend(void)
{
    struct thread thread;
    run_thread(&thread, count_up, NULL, -1, PRIORITY_DEFAULT);
    sys_sleep(clock_after(10 * MILLISECOND));
    is(sys_thread_read_state(thread.handle), -EBUSY, "a running thread's registers are its own");
    is(sys_thread_suspend(thread.handle), 0, "suspend");
    uint64_t stopped = counter;
    sys_sleep(clock_after(10 * MILLISECOND));
    is(counter, (int64_t)stopped, "it has stopped when suspend returns");
    is(sys_thread_read_state(thread.handle), 0, "and can be looked at");
    struct thread_state *state = (struct thread_state *)message_area()->bytes;
    ok(state->rip >= 0x400000 && state->rip < 0x500000, "it was in its program");
    state->rip = 1ull << 60;
    is(sys_thread_write_state(thread.handle), -EINVAL, "it cannot be sent to the kernel");
    is(sys_thread_resume(thread.handle), 0, "resume");
    sys_sleep(clock_after(30 * MILLISECOND));
    ok(counter != stopped, "and it runs on");
    is(sys_thread_resume(thread.handle), -EINVAL, "what is not suspended is not resumed");
    is(sys_thread_start(thread.handle), -EBUSY, "nor started twice");
    is(sys_thread_set(thread.handle, 99, -1), -EINVAL, "a priority that is none");
    is(sys_thread_set(thread.handle, -1, 1000), -EINVAL, "a CPU that is none");
    is(sys_thread_set(thread.handle, 5, 0), 0, "another priority and CPU");
    sys_thread_kill(thread.handle, 0);
    must(thread_join(&thread, soon(), NULL), "join");
}

static void test_thread_errors(void)
{
    handle_t area = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, MESSAGE_AREA_SIZE, 0, 0), "vmo");
    struct thread_creation good = {.task = startup->task, .message_vmo = area, .cpu = -1},
                           plan = good;
    plan.priority = 64;
    is(sys_thread_create(&plan), -EINVAL, "thread_create: priority");
    plan = good, plan.cpu = 64;
    is(sys_thread_create(&plan), -EINVAL, "thread_create: cpu");
    plan = good, plan.entry = 1ull << 63;
    is(sys_thread_create(&plan), -EINVAL, "thread_create: entry");
    plan = good, plan.message_offset = PAGE_SIZE;
    is(sys_thread_create(&plan), -ERANGE, "thread_create: message page beyond its object");
    plan = good, plan.message_offset = 8;
    is(sys_thread_create(&plan), -EINVAL, "thread_create: message page not aligned");
    plan = good, plan.message_vmo = 99;
    is(sys_thread_create(&plan), -EBADF, "thread_create: not an object");
    int64_t thread = must(sys_thread_create(&good), "thread");
    is(sys_vmo_decommit(area, 0, MESSAGE_AREA_SIZE), -EBUSY, "a message page stays");
    is(sys_thread_kill((handle_t)thread, 0), -EDEAD,
       "a thread that was not started cannot be killed");
    sys_handle_close((handle_t)thread);
    sys_sleep(clock_after(5 * MILLISECOND));
    is(sys_vmo_decommit(area, 0, MESSAGE_AREA_SIZE), 0, "until its thread is gone");
    sys_handle_close(area);
    is(sys_thread_set_fs(1ull << 63), -EINVAL, "an FS base beyond user addresses");
    is(syscall1(200, 0), -ENOSYS, "a system call that is none");
    is(syscall1(12, 0), -ENOSYS, "nor is this one");
}

/* ---- The FPU: two threads with values of their own ------------------------------------------- */

static volatile uint32_t fpu_faults, fpu_done;

static void use_fpu(void *argument)
{
    uint64_t value = (uint64_t)argument, back;
    for (uint32_t i = 0; i < 2000; i++) {
        __asm__ volatile("movq %1, %%xmm7\n\tmovl $48, %%eax\n\tsyscall\n\tmovq %%xmm7, %0"
                         : "=r"(back)
                         : "r"(value)
                         : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r11", "memory");
        fpu_faults += back != value;
        value += 2;
    }
    __atomic_add_fetch(&fpu_done, 1, __ATOMIC_SEQ_CST);
}

static void test_fpu(void)
{
    struct thread threads[4];
    for (uint64_t i = 0; i < 4; i++)
        run_thread(&threads[i], use_fpu, (void *)(i << 32), i & 1 ? 0 : -1, PRIORITY_DEFAULT);
    for (uint32_t i = 0; i < 4; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
    is(fpu_done, 4, "threads that use the FPU run to the end");
    is(fpu_faults, 0, "and keep their registers across switches");
}

/* ---- Resources ------------------------------------------------------------------------------- */

static void test_resources(void)
{
    handle_t root = startup_handle(startup, "root");
    handle_t ports =
        (handle_t)must(sys_resource_create(root, RESOURCE_IOPORT, 0x80, 1), "resource");
    is(sys_ioport_write(ports, 0x80, 1, 1), 0, "a resource lets one use its I/O ports");
    is(sys_ioport_read(ports, 0x81, 1), -ERANGE, "and no others");
    is(sys_ioport_read(ports, 0x80, 2), -ERANGE, "nor half of them");
    is(sys_ioport_read(ports, 0x80, 3), -EINVAL, "in widths there are");
    is(sys_resource_create(ports, RESOURCE_IOPORT, 0x80, 2), -ERANGE, "a part is no larger");
    is(sys_resource_create(ports, RESOURCE_IRQ, 0x80, 1), -EPERM, "nor of another kind");
    is(sys_resource_create(root, 99, 0, 1), -EINVAL, "nor of none");
    is(sys_vmo_create_physical(ports, 0xfee00000, 4096, VMO_UNCACHED), -EPERM, "nor is it memory");
    is(sys_debug_write(ports, 1), -EPERM, "nor the log");
    is(sys_power(ports, POWER_OFF, 0), -EPERM, "nor the power switch");
    is(sys_irq_create(ports, 5, 0), -EPERM, "nor an interrupt");
    sys_handle_close(ports);
    int64_t domain = must(sys_domain_create(root, 0x1234), "domain");
    is(sys_domain_create(root, 0x1234), -EBUSY, "a device has one domain");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 4 * PAGE_SIZE, 0, 0), "vmo");
    uint64_t pin;
    is(sys_pin(vmo, 100, 2 * PAGE_SIZE, (handle_t)domain, &pin), 3, "three pages are pinned");
    is(((uint64_t *)message_area()->bytes)[0] % PAGE_SIZE, 100, "the first address is exact");
    is(sys_vmo_resize(vmo, PAGE_SIZE), -EBUSY, "pinned pages stay");
    is(sys_unpin((handle_t)domain, pin + 1), -ENOENT, "a pin that is none");
    is(sys_unpin((handle_t)domain, pin), 0, "unpin");
    is(sys_vmo_resize(vmo, PAGE_SIZE), 0, "and they can go");
    must(sys_pin(vmo, 0, PAGE_SIZE, (handle_t)domain, &pin), "pin");
    is(sys_domain_reset((handle_t)domain, 0), 0, "a reset");
    is(sys_unpin((handle_t)domain, pin), -ENOENT, "releases all");
    sys_handle_close((handle_t)domain);
    ok(sys_domain_create(root, 0x1234) > 0, "a domain that is gone can be made again");
    is(sys_random(4097), -E2BIG, "random: too much at once");
    is(sys_random(64), 0, "random");
}

int main(const void *found)
{
    test_begin(found);
    test_handles();
    test_tasks();
    test_kill_in_each_state();
    test_suspend();
    test_thread_errors();
    test_fpu();
    test_resources();
    test_table_full();
    return test_end();
}
