/*
 * Exceptions as messages: what each tells, mending and going on, and what happens when nobody
 * mends.
 *
 * Each fault happens in a task of its own; this one has its exception port.
 */
#include "test.h"

#define NOWHERE 0x10000000ul /* nothing is mapped there */

enum {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_BREAKPOINT = 3,
    VECTOR_OPCODE = 6,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE = 14
};
/* Page-fault error codes (SDM vol. 3, 4.7) */
enum { CODE_PRESENT = 1, CODE_WRITE = 2, CODE_USER = 4, CODE_FETCH = 16 };

static handle_t port;
static struct message got;
static struct receipt receipt;
static const uint8_t constant[64] = {1};
static uint8_t data[64] = {0xc3}; /* a RET, were it code */

/* ---- Faults ---------------------------------------------------------------------------------- */

enum fault {
    READ_NOWHERE,
    WRITE_NOWHERE,
    CALL_NOWHERE,
    WRITE_CONSTANT,
    CALL_DATA,
    READ_KERNEL,
    READ_NON_CANONICAL,
    DIVIDE,
    UNDEFINED,
    BREAKPOINT,
    HALT,
    DISABLE_INTERRUPTS,
    PORT_INPUT,
    READ_MSR,
    LOAD_CR3,
    SWAP_GS,
    SYSTEM_GATE,
    DEVICE_GATE,
    SINGLE_STEP,
};

static void memory_fault(enum fault fault)
{
    switch (fault) {
    case READ_NOWHERE:
        (void)*(volatile uint8_t *)NOWHERE;
        break;
    case WRITE_NOWHERE:
        *(volatile uint8_t *)NOWHERE = 1;
        break;
    case CALL_NOWHERE:
        ((void (*)(void))NOWHERE)();
        break;
    case WRITE_CONSTANT:
        *(volatile uint8_t *)(uintptr_t)constant = 1;
        break;
    case CALL_DATA:
        ((void (*)(void))(uintptr_t)data)();
        break;
    case READ_KERNEL:
        (void)*(volatile uint8_t *)0xffffffff80100000ul;
        break;
    case READ_NON_CANONICAL:
        (void)*(volatile uint8_t *)0x8000000000000000ul;
        break;
    default:
        break;
    }
}

static void instruction_fault(enum fault fault)
{
    switch (fault) {
    case DIVIDE:
        __asm__ volatile("xorl %%ecx, %%ecx; divl %%ecx" : : : "eax", "ecx", "edx");
        break;
    case UNDEFINED:
        __asm__ volatile("ud2");
        break;
    case BREAKPOINT:
        __asm__ volatile("int3");
        break;
    case HALT:
        __asm__ volatile("hlt");
        break;
    case DISABLE_INTERRUPTS:
        __asm__ volatile("cli");
        break;
    case PORT_INPUT:
        __asm__ volatile("inb $0x70, %%al" : : : "eax");
        break;
    case READ_MSR:
        __asm__ volatile("rdmsr" : : "c"(0xc0000080) : "eax", "edx");
        break;
    case LOAD_CR3:
        __asm__ volatile("movq %%rax, %%cr3" : : "a"(0));
        break;
    case SWAP_GS:
        __asm__ volatile("swapgs");
        break;
    case SYSTEM_GATE:
        __asm__ volatile("int $0x80");
        break;
    case DEVICE_GATE:
        __asm__ volatile("int $242");
        break;
    case SINGLE_STEP:
        __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" : : : "memory");
        break;
    default:
        break;
    }
}

static void do_fault(uint64_t argument)
{
    memory_fault((enum fault)argument);
    instruction_fault((enum fault)argument);
    sys_thread_exit(77); /* only if it was mended */
}

static void start_faulting(struct child *child, void (*function)(uint64_t), uint64_t argument,
                           uint64_t budget)
{
    prepare_child(child, function, argument, NULL, 0, -1, budget);
    must(sys_task_set_exception_port(child->task, port), "exception port");
    must(sys_thread_start(child->thread), "start");
}

static uint64_t koid_of(handle_t handle)
{
    uint64_t rights, koid;
    sys_handle_info(handle, &rights, &koid);
    return koid;
}

static int64_t answer(int64_t result)
{
    struct message m = {.result = result};
    return sys_reply(receipt.token, &m);
}

/* ---- What is told ---------------------------------------------------------------------------- */

struct expectation {
    enum fault fault;
    uint32_t vector;
    uint64_t code, address; /* of page faults */
    const char *name;
};

static void expect(const struct expectation *e)
{
    struct child child;
    start_faulting(&child, do_fault, e->fault, CHILD_BUDGET);
    int64_t kind = sys_get(port, soon(), &got, &receipt);
    bool good = kind == GET_FAULT && got.op == e->vector && got.cookie == koid_of(child.thread);
    if (e->vector == VECTOR_PAGE)
        good &= got.length == e->code && got.offset == e->address && (int64_t)got.arg[1] == -EFAULT;
    if (!good)
        print("#   kind %ld vector %u code %lx address %lx reason %ld\n", kind, got.op, got.length,
              got.offset, (int64_t)got.arg[1]);
    good &= answer(-1) == 0;
    int64_t status = join_child(&child);
    ok(good && status == -256 - (int64_t)e->vector, e->name);
}

static void test_reports(void)
{
    const struct expectation list[] = {
        {READ_NOWHERE, VECTOR_PAGE, CODE_USER, NOWHERE, "reading where nothing is"},
        {WRITE_NOWHERE, VECTOR_PAGE, CODE_USER | CODE_WRITE, NOWHERE, "writing there"},
        {CALL_NOWHERE, VECTOR_PAGE, CODE_USER | CODE_FETCH, NOWHERE, "running there"},
        {WRITE_CONSTANT, VECTOR_PAGE, CODE_USER | CODE_WRITE | CODE_PRESENT, (uint64_t)constant,
         "writing a constant"},
        {CALL_DATA, VECTOR_PAGE, CODE_USER | CODE_FETCH | CODE_PRESENT, (uint64_t)data,
         "running data"},
        {READ_KERNEL, VECTOR_PAGE, CODE_USER | CODE_PRESENT, 0xffffffff80100000ul,
         "reading the kernel"},
        {READ_NON_CANONICAL, VECTOR_PROTECTION, 0, 0, "reading an address that cannot be"},
        {DIVIDE, VECTOR_DIVIDE, 0, 0, "dividing by zero"},
        {UNDEFINED, VECTOR_OPCODE, 0, 0, "an undefined instruction"},
        {BREAKPOINT, VECTOR_BREAKPOINT, 0, 0, "a breakpoint"},
        {HALT, VECTOR_PROTECTION, 0, 0, "halting"},
        {DISABLE_INTERRUPTS, VECTOR_PROTECTION, 0, 0, "disabling interrupts"},
        {PORT_INPUT, VECTOR_PROTECTION, 0, 0, "reading an I/O port"},
        {READ_MSR, VECTOR_PROTECTION, 0, 0, "reading a model-specific register"},
        {LOAD_CR3, VECTOR_PROTECTION, 0, 0, "changing the address space"},
        {SWAP_GS, VECTOR_PROTECTION, 0, 0, "SWAPGS"},
        {SYSTEM_GATE, VECTOR_PROTECTION, 0, 0, "another system's gate"},
        {DEVICE_GATE, VECTOR_PROTECTION, 0, 0, "a device's vector"},
        {SINGLE_STEP, VECTOR_DEBUG, 0, 0, "single-stepping"},
    };
    for (uint32_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        expect(&list[i]);
}

/* ---- Mending --------------------------------------------------------------------------------- */

static void read_and_exit(uint64_t argument)
{
    sys_thread_exit(*(volatile uint8_t *)argument);
}

static handle_t page_with(uint8_t value)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    message_area()->bytes[0] = value;
    must(sys_vmo_write(vmo, 0, 1), "vmo_write");
    return vmo;
}

static void test_map_and_go_on(void)
{
    struct child child;
    start_faulting(&child, read_and_exit, NOWHERE, CHILD_BUDGET);
    is(sys_get(port, soon(), &got, &receipt), GET_FAULT, "a fault");
    handle_t page = page_with(55);
    must(sys_map(child.task, page, 0, PAGE_SIZE, NOWHERE, MAP_READ | MAP_FIXED), "map");
    struct message with_bytes = {.flags = 8};
    is(sys_reply(receipt.token, &with_bytes), -EINVAL, "is not answered with bytes");
    is(sys_message_info(receipt.token), 0, "it is not a call");
    is(answer(0), 0, "but by having mapped something");
    is(answer(0), -ESTALE_TOKEN, "once");
    is(join_child(&child), 55, "and the thread goes on with what is there");
    sys_handle_close(page);
}

static void test_skip(void)
{
    struct child child;
    struct thread_state *state = (struct thread_state *)message_area()->bytes;
    start_faulting(&child, do_fault, UNDEFINED, CHILD_BUDGET);
    is(sys_get(port, soon(), &got, &receipt), GET_FAULT, "an undefined instruction");
    is(sys_thread_read_state(child.thread), 0, "the thread's registers are read");
    is((int64_t)state->rip, (int64_t)got.arg[0], "it is where the message says");
    state->rip += 2;
    is(sys_thread_write_state(child.thread), 0, "it is made to skip it");
    is(answer(0), 0, "and to go on");
    is(join_child(&child), 77, "which it does");
}

static void test_badge(void)
{
    struct child child;
    handle_t badged = (handle_t)must(sys_handle_duplicate(port, RIGHTS_SAME, 31), "duplicate");
    prepare_child(&child, read_and_exit, NOWHERE, NULL, 0, -1, CHILD_BUDGET);
    must(sys_task_set_exception_port(child.task, badged), "exception port");
    must(sys_thread_start(child.thread), "start");
    is(sys_get(port, soon(), &got, &receipt), GET_FAULT, "a fault");
    is((int64_t)receipt.badge, 31, "comes with the badge of the port's handle");
    is(sys_forward(port, receipt.token, &got), -EINVAL, "it is not to be forwarded");
    handle_t page = page_with(56);
    must(sys_map(child.task, page, 0, PAGE_SIZE, NOWHERE, MAP_READ | MAP_FIXED), "map");
    is(answer(0), 0, "but to be answered");
    is(join_child(&child), 56, "all the same");
    sys_handle_close(page);
    sys_handle_close(badged);
}

static void touch_past_the_end(uint64_t argument)
{
    (void)argument;
    handle_t vmo = (handle_t)sys_vmo_create(VMO_ANONYMOUS, 2 * PAGE_SIZE, 0, 0);
    uint64_t at = (uint64_t)sys_map(HANDLE_NONE, vmo, 0, 2 * PAGE_SIZE, 0, MAP_READ | MAP_WRITE);
    sys_vmo_resize(vmo, PAGE_SIZE);
    *(volatile uint8_t *)at = 1;
    *(volatile uint8_t *)(at + PAGE_SIZE) = 1;
    sys_thread_exit(0);
}

static void touch_much(uint64_t argument)
{
    (void)argument;
    uint64_t size = 4ul << 20;
    handle_t vmo = (handle_t)sys_vmo_create(VMO_ANONYMOUS, size, 0, 0);
    uint64_t at = (uint64_t)sys_map(HANDLE_NONE, vmo, 0, size, 0, MAP_READ | MAP_WRITE);
    for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE)
        *(volatile uint8_t *)(at + offset) = 1;
    sys_thread_exit(9);
}

static void test_reasons(void)
{
    struct child child;
    start_faulting(&child, touch_past_the_end, 0, CHILD_BUDGET);
    is(sys_get(port, soon(), &got, &receipt), GET_FAULT, "touching what was cut off");
    is((int64_t)got.arg[1], -ERANGE, "is a fault beyond the end");
    answer(-1);
    join_child(&child);

    start_faulting(&child, touch_much, 0, 1ul << 20);
    uint32_t given = 0;
    bool good = true;
    while (given < 20 && sys_get(port, clock_after(2 * SECOND), &got, &receipt) == GET_FAULT) {
        good &= (int64_t)got.arg[1] == -ENOMEM;
        must(sys_task_add_budget(child.task, 1l << 19), "add_budget");
        answer(0);
        given++;
        if (given == 8)
            break;
    }
    ok(good && given > 3, "touching more than the budget has is a fault without memory");
    is(join_child(&child), 9, "which more budget mends");
}

/* ---- When nobody mends ----------------------------------------------------------------------- */

static void hold_fault(uint64_t argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    sys_get(child_handles[0], DEADLINE_NEVER, &m, &r);
    sys_thread_exit(3);
}

static void test_no_handler(void)
{
    struct child child, handler;
    run_child(&child, read_and_exit, NOWHERE, NULL, 0, -1, CHILD_BUDGET);
    is(join_child(&child), -256 - VECTOR_PAGE, "without an exception port a fault ends the task");

    handle_t gone = (handle_t)must(sys_port_create(1), "port_create");
    prepare_child(&child, read_and_exit, NOWHERE, NULL, 0, -1, CHILD_BUDGET);
    must(sys_task_set_exception_port(child.task, gone), "exception port");
    sys_handle_close(gone);
    must(sys_thread_start(child.thread), "start");
    is(join_child(&child), -256 - VECTOR_PAGE, "with a dead one as well");

    gone = (handle_t)must(sys_port_create(1), "port_create");
    prepare_child(&child, read_and_exit, NOWHERE, NULL, 0, -1, CHILD_BUDGET);
    must(sys_task_set_exception_port(child.task, gone), "exception port");
    must(sys_thread_start(child.thread), "start");
    is(sys_get(gone, soon(), &got, &receipt), GET_FAULT, "a fault is held");
    sys_handle_close(gone);
    is(join_child(&child), -256 - VECTOR_PAGE, "when its port is closed, the task ends");

    handle_t theirs = (handle_t)must(sys_port_create(1), "port_create");
    run_child(&handler, hold_fault, 0, &theirs, 1, -1, CHILD_BUDGET);
    prepare_child(&child, read_and_exit, NOWHERE, NULL, 0, -1, CHILD_BUDGET);
    must(sys_task_set_exception_port(child.task, theirs), "exception port");
    must(sys_thread_start(child.thread), "start");
    is(join_child(&handler), 3, "a handler dies with a fault in hand");
    is(join_child(&child), -256 - VECTOR_PAGE, "which ends the task");
    sys_handle_close(theirs);
}

static void test_killed_while_faulting(void)
{
    struct child child;
    start_faulting(&child, read_and_exit, NOWHERE, CHILD_BUDGET);
    is(sys_get(port, soon(), &got, &receipt), GET_FAULT, "a fault");
    must(sys_task_kill(child.task, 8), "kill");
    is(join_child(&child), 8, "its thread is killed meanwhile");
    is(answer(0), -ESTALE_TOKEN, "and it cannot be answered");
    sys_get(port, DEADLINE_NOW, &got, &receipt); /* NOTIFY_ABORT */

    start_faulting(&child, read_and_exit, NOWHERE, CHILD_BUDGET);
    is(sys_get(port, soon(), &got, &receipt), GET_FAULT, "another");
    must(sys_thread_interrupt(child.thread), "interrupt");
    handle_t page = page_with(57);
    must(sys_map(child.task, page, 0, PAGE_SIZE, NOWHERE, MAP_READ | MAP_FIXED), "map");
    is(answer(0), 0, "is not ended by an interrupt");
    is(join_child(&child), 57, "nor the thread");
    sys_handle_close(page);
}

/* ---- What a thread may do to its own registers ----------------------------------------------- */

static void odd_registers(uint64_t argument)
{
    (void)argument;
    uint64_t result;
    /* Direction, alignment check, nested task, identification: set at a system call and a fault. */
    __asm__ volatile("pushfq; orq $0x244400, (%%rsp); popfq\n\t"
                     "movl %1, %%eax; syscall\n\t"
                     "pushfq; andq $~0x244400, (%%rsp); popfq"
                     : "=a"(result)
                     : "i"(SYS_NULL)
                     : "rcx", "rdx", "rsi", "rdi", "r10", "r11", "memory", "cc");
    __asm__ volatile("movl $0x2b, %%eax; movl %%eax, %%ds; movl %%eax, %%es" : : : "eax");
    __asm__ volatile("xorl %%eax, %%eax; movl %%eax, %%fs; movl %%eax, %%gs" : : : "eax");
    sys_thread_set_fs((uint64_t)constant);
    __asm__ volatile("wrgsbase %0" : : "r"(0x1234567ul));
    for (uint32_t i = 0; i < 20; i++) {
        sys_thread_yield();
        sys_sleep(clock_after(100000));
    }
    __asm__ volatile("wrgsbase %0" : : "r"(0xffffffff80100000ul));
    for (uint32_t i = 0; i < 20; i++)
        sys_sleep(clock_after(100000));
    sys_thread_exit(result == 0 ? 21 : 22);
}

static void test_odd_registers(void)
{
    struct child child;
    run_child(&child, odd_registers, 0, NULL, 0, -1, CHILD_BUDGET);
    is(join_child(&child), 21, "flags and segments of a thread are no concern of the kernel");
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(16), "port_create");
    test_reports();
    test_map_and_go_on();
    test_skip();
    test_badge();
    test_reasons();
    test_no_handler();
    test_killed_while_faulting();
    test_odd_registers();
    return test_end();
}
