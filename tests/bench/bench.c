/*
 * What the kernel's operations cost, in guest instructions: run under QEMU's -icount shift=0, one
 * CPU, where the time-stamp counter counts instructions exactly.
 *
 * Each figure is the median of several runs of many rounds, less what the empty loop takes, user
 * stubs included.  Prints a line per figure: BENCH, name, value, unit, budget, peers, separated by
 * tabs; behind them the number of a round that is marked for tools/plugin/path.c.
 */
#include "measure.h"

static handle_t echo_port, self_port, other_port, vmo;

/* ---- The other side, in a task of its own ---------------------------------------------------- */

static void echo(uint64_t argument)
{
    (void)argument;
    struct message message = head(0);
    struct receipt receipt;
    handle_t port = child_handles[0];
    int64_t kind = sys_get(port, DEADLINE_NEVER, &message, &receipt);
    while (kind == GET_MESSAGE) {
        message.result = 1;
        kind = sys_reply_get(port, DEADLINE_NEVER, &message, &receipt);
    }
}

/* A driver whose port has its device's domain: what is lent to the device comes pinned. */
static volatile uint64_t device_address;

static void disk(uint64_t argument)
{
    (void)argument;
    struct message message = head(0);
    struct receipt receipt;
    handle_t port = child_handles[0];
    must(sys_port_domain(port, child_handles[1]), "port_domain");
    int64_t kind = sys_get(port, DEADLINE_NEVER, &message, &receipt);
    while (kind == GET_MESSAGE) {
        device_address = message_area()->addresses[0];
        message.flags = 0;
        kind = sys_reply_get(port, DEADLINE_NEVER, &message, &receipt);
    }
}

/* One that pins and unpins by itself. */
static void pin_by_hand(uint64_t argument)
{
    (void)argument;
    struct message message = head(0);
    struct receipt receipt;
    handle_t port = child_handles[0], domain = child_handles[1];
    int64_t kind = sys_get(port, DEADLINE_NEVER, &message, &receipt);
    while (kind == GET_MESSAGE) {
        uint64_t pin;
        sys_pin(message_area()->ranges[0].vmo, 0, 4096, domain, &pin);
        sys_unpin(domain, pin);
        message.flags = 0;
        kind = sys_reply_get(port, DEADLINE_NEVER, &message, &receipt);
    }
}

static void notify_back(uint64_t argument)
{
    (void)argument;
    struct message message = head(0);
    struct receipt receipt;
    for (;;) {
        sys_get(child_handles[0], DEADLINE_NEVER, &message, &receipt);
        sys_notify(child_handles[1], 1);
    }
}

/* Lets whatever faulted run on. */
static void mend(uint64_t argument)
{
    (void)argument;
    struct message message = head(0);
    struct receipt receipt;
    handle_t port = child_handles[0];
    int64_t kind = sys_get(port, DEADLINE_NEVER, &message, &receipt);
    while (kind == GET_FAULT)
        kind = sys_reply_get(port, DEADLINE_NEVER, &message, &receipt);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void measure_calls(void)
{
    struct child child;
    struct message message = head(1);
    handle_t handles[] = {echo_port};
    run_child(&child, echo, 0, handles, 1, 0, CHILD_BUDGET);
    sys_do(echo_port, DEADLINE_NEVER, &message);
    report("null system call", MEASURE(2000, sys_null()), 50, "NOVA 62, seL4 89, Linux 318");
    report("do + reply, 8 words, two tasks",
           MEASURE(2000, sys_do(echo_port, DEADLINE_NEVER, &message)), 240,
           "NOVA 381 (10 words), seL4 1720, Linux pipe 12200");
    report("do + reply, with a deadline", MEASURE(2000, sys_do(echo_port, 1ull << 62, &message)), 0,
           "");
    report("round trip with 480 bytes",
           MEASURE(2000, message.flags = MESSAGE_FLAGS(480, 0, 0);
                   sys_do(echo_port, DEADLINE_NEVER, &message)),
           450, "NOVA 881, Linux UNIX socket 15200");
    message.flags = 0;
    struct receipt receipt;
    uint64_t id;
    report("send + get of the reply",
           MEASURE(1000, sys_send(echo_port, self_port, &message, &id);
                   sys_get(self_port, DEADLINE_NEVER, &message, &receipt); message.flags = 0),
           900, "");
    end_child(&child);
}

static void measure_loan(const char *name, void (*driver)(uint64_t), uint32_t budget)
{
    struct child child;
    struct message message = head(1);
    handle_t root = startup_handle(startup, "root");
    handle_t domain = (handle_t)must(sys_domain_create(root, 0xfff8), "domain");
    handle_t disk_port = (handle_t)must(sys_port_create(16), "port");
    handle_t handles[] = {disk_port, domain};
    run_child(&child, driver, 0, handles, 2, 0, CHILD_BUDGET);
    struct message_range *range = message_area()->ranges;
    sys_sleep(clock_after(MILLISECOND)); /* the driver waits */
    report(name,
           MEASURE(1000, message.flags = MESSAGE_FLAGS(0, 0, 1); range->vmo = vmo;
                   range->rights = RIGHT_READ | RIGHT_WRITE | RIGHT_PIN; range->offset = 0;
                   range->length = 4096; sys_do(disk_port, DEADLINE_NEVER, &message)),
           budget, "");
    end_child(&child);
    sys_handle_close(disk_port);
    sys_handle_close(domain);
    sys_sleep(clock_after(10 * MILLISECOND)); /* the domain's last references go */
}

static void measure_notify(void)
{
    struct child child;
    struct message message = head(0);
    struct receipt receipt;
    handle_t handles[] = {other_port, self_port};
    run_child(&child, notify_back, 0, handles, 2, 0, CHILD_BUDGET);
    report("notify and be notified back",
           MEASURE(2000, sys_notify(other_port, 1);
                   sys_get(self_port, DEADLINE_NEVER, &message, &receipt)),
           450, "seL4 2063, Linux eventfd 10000");
    end_child(&child);
}

static void measure_fault(void)
{
    struct child child;
    handle_t port = (handle_t)must(sys_port_create(16), "port");
    handle_t handles[] = {port};
    run_child(&child, mend, 0, handles, 1, 0, CHILD_BUDGET);
    must(sys_task_set_exception_port(startup->task, port), "exception port");
    /* INT3 reports the instruction after it, so to run on is enough. */
    report("exception to a handler and resume",
           MEASURE(1000, __asm__ volatile("int3"
                                          :
                                          :
                                          : "memory")),
           700, "seL4 1303");
    sys_task_set_exception_port(startup->task, HANDLE_NONE);
    end_child(&child);
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

static volatile uint64_t spun;
static volatile uint32_t interrupts;
static uint64_t latencies[RUNS];
static handle_t irq, irq_port;

/* The lowest thread: what it stores last tells when it was interrupted, to within its loop. */
static void spin(void *argument)
{
    (void)argument;
    for (;;)
        spun = __builtin_ia32_rdtsc();
}

/* One get by hand, so that the next instruction after it reads the counter. */
static inline __attribute__((always_inline)) uint64_t get_and_count(handle_t port)
{
    uint64_t low = 3 | (uint64_t)port << 32, high, deadline = DEADLINE_NEVER;
    __asm__ volatile("syscall; rdtsc"
                     : "+a"(low), "=d"(high), "+D"(deadline)
                     :
                     : "rbx", "rcx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "memory");
    return high << 32 | (uint32_t)low;
}

static void drive(void *argument)
{
    (void)argument;
    while (interrupts < RUNS) {
        uint64_t now = get_and_count(irq_port);
        latencies[interrupts] = now - spun;
        interrupts++;
        sys_irq_ack(irq);
    }
}

/* The i8254's counter 0 at some 1 kHz, by the I/O APIC's line 2 (ACPI's usual override of ISA line
 * 0). */
static void measure_interrupt(void)
{
    handle_t root = startup_handle(startup, "root");
    struct thread spinner, driver;
    marked = -1 - marked; /* no stretch is this figure's */
    irq_port = (handle_t)must(sys_port_create(4), "port");
    irq = (handle_t)must(sys_irq_create(root, 2, 0), "irq");
    must(sys_irq_bind(irq, irq_port, 1), "bind");
    run_thread(&driver, drive, NULL, 0, 60);
    run_thread(&spinner, spin, NULL, 0, 1);
    sys_ioport_write(root, 0x43, 1, 0x34);
    sys_ioport_write(root, 0x40, 1, 0xa9);
    sys_ioport_write(root, 0x40, 1, 0x04);
    for (uint64_t end = soon(); interrupts < RUNS && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    sys_ioport_write(root, 0x43, 1, 0x30);
    if (interrupts == RUNS)
        report("device interrupt to the driver thread", median(latencies), 320, "seL4 343-363");
    marked = -1 - marked;
    sys_thread_kill(spinner.handle, 0);
    sys_handle_close(irq);
}

/* ---- Memory and tasks ------------------------------------------------------------------------ */

static void measure_memory(void)
{
    uint32_t pages = 200;
    handle_t memory =
        (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, (pages * RUNS + 1) * PAGE_SIZE, 0, 0), "vmo");
    volatile uint8_t *at = (volatile uint8_t *)must(
        sys_map(HANDLE_NONE, memory, 0, (pages * RUNS + 1) * PAGE_SIZE, 0, MAP_READ | MAP_WRITE),
        "map");
    report("anonymous page fault, page zeroed", MEASURE(pages, *at = 1; at += PAGE_SIZE), 1200,
           "Linux 3147");
    uint64_t address = 0x20000000;
    report("map + unmap one page",
           MEASURE(1000, sys_map(HANDLE_NONE, vmo, 0, PAGE_SIZE, address, MAP_READ | MAP_FIXED);
                   sys_unmap(HANDLE_NONE, address, PAGE_SIZE)),
           900, "seL4 1470, NOVA 1870, Linux 15350");
    report("yield", MEASURE(1000, sys_thread_yield()), 0, "seL4 285, Linux 788");
    report("copy of 4 KiB out of an object", MEASURE(500, sys_vmo_read(vmo, 0, 4096)), 0, "");
}

/* A thread that needs neither stack nor message page. */
void thread_exits(void);
__asm__(".pushsection .text\n"
        "thread_exits:\n"
        "    movl $39, %eax\n"
        "    xorl %edi, %edi\n"
        "    syscall\n"
        ".popsection");

static void measure_threads(void)
{
    /* The kernel's part: memory and message page are there already, as a thread library keeps them.
     */
    static uint8_t stack[4096] __attribute__((aligned(16)));
    handle_t area = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, MESSAGE_AREA_SIZE, 0, 0), "area");
    struct thread_creation plan = {.task = startup->task,
                                   .entry = (uint64_t)thread_exits,
                                   .stack = (uint64_t)stack + sizeof(stack) - 8,
                                   .message_vmo = area,
                                   .priority = PRIORITY_DEFAULT,
                                   .cpu = 0};
    struct message message = head(0);
    struct receipt receipt;
    report("thread create + exit + join",
           MEASURE(500, handle_t thread = (handle_t)sys_thread_create(&plan);
                   sys_watch(thread, self_port, 7); sys_thread_start(thread);
                   sys_get(self_port, DEADLINE_NEVER, &message, &receipt);
                   sys_handle_close(thread)),
           3000, "Linux 37200");
    const struct startup_segment *code = &startup->segments[0];
    report("task create + start + exit, empty",
           MEASURE(300, handle_t task = (handle_t)sys_task_create(1 << 20); sys_map(
                       task, code->vmo, 0, code->length, code->address, code->flags | MAP_FIXED);
                   plan.task = task; handle_t thread = (handle_t)sys_thread_create(&plan);
                   sys_watch(task, self_port, 7); sys_thread_start(thread);
                   sys_get(self_port, DEADLINE_NEVER, &message, &receipt); sys_handle_close(thread);
                   sys_handle_close(task)),
           15000, "Linux vfork 36300");
}

int main(const void *found)
{
    test_begin(found);
    echo_port = (handle_t)must(sys_port_create(64), "port");
    self_port = (handle_t)must(sys_port_create(64), "port");
    other_port = (handle_t)must(sys_port_create(64), "port");
    vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    must(sys_vmo_commit(vmo, 0, PAGE_SIZE), "commit");
    measure_calls();
    measure_notify();
    measure_fault();
    measure_loan("message with 4 KiB lent, pinned, unpinned", disk, 900);
    measure_loan("the same, pinned by its receiver", pin_by_hand, 0);
    measure_interrupt();
    measure_memory();
    measure_threads();
    return 0;
}
