/*
 * Loans: what a receiver may do with a range until the message ends, and not a moment longer; that
 * the rest of a partial page is never lent; lending on; slices; pins and their domains.
 */
#include "probe.h"

#define RW (MAP_READ | MAP_WRITE)
#define LEND_ALL (RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_PIN)

static handle_t port, second_port, domain;

/* ---- A server that runs what the message names ----------------------------------------------- */

typedef int64_t (*loan_function)(handle_t loan);

static void serve(void *argument)
{
    handle_t from = *(handle_t *)argument;
    struct message m = {0};
    struct receipt receipt;
    int64_t kind = sys_get(from, DEADLINE_NEVER, &m, &receipt);
    while (kind == GET_MESSAGE) {
        loan_function function = (loan_function)m.arg[0];
        m.flags = 0;
        m.result = function(message_area()->ranges[0].vmo);
        kind = sys_reply_get(from, DEADLINE_NEVER, &m, &receipt);
    }
}

static int64_t lend_by(handle_t to, handle_t vmo, uint64_t offset, uint64_t length, uint32_t rights,
                       loan_function function)
{
    struct message m = {.flags = MESSAGE_FLAGS(0, 0, 1), .arg = {(uint64_t)function}};
    message_area()->ranges[0] = (struct message_range){vmo, rights, offset, length};
    int64_t error = sys_do(to, soon(), &m);
    return error ? error : m.result;
}

static int64_t lend(handle_t vmo, uint64_t offset, uint64_t length, uint32_t rights,
                    loan_function function)
{
    return lend_by(port, vmo, offset, length, rights, function);
}

static handle_t new_vmo(uint64_t pages, uint64_t **view)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, pages * PAGE_SIZE, 0, 0), "vmo");
    *view = (uint64_t *)must(sys_map(0, vmo, 0, pages * PAGE_SIZE, 0, RW), "map");
    return vmo;
}

static void free_vmo(handle_t vmo, uint64_t pages, uint64_t *view)
{
    sys_unmap(0, (uint64_t)view, pages * PAGE_SIZE);
    sys_handle_close(vmo);
}

/* ---- Reading, writing, mapping --------------------------------------------------------------- */

static uint64_t left_address;
static handle_t left_loan;

static int64_t read_first(handle_t loan)
{
    int64_t error = sys_vmo_read(loan, 0, 8);
    return error ? error : *(int64_t *)message_area()->bytes;
}

static int64_t write_first(handle_t loan)
{
    *(uint64_t *)message_area()->bytes = 55;
    return sys_vmo_write(loan, 0, 8);
}

static int64_t read_beyond(handle_t loan)
{
    return sys_vmo_read(loan, 4093, 4);
}

static int64_t map_and_leave(handle_t loan)
{
    /* Away from where the threads of probes lie. */
    int64_t address = sys_map(0, loan, 0, 2 * PAGE_SIZE, 0x500000000, RW);
    if (address < 0)
        return address;
    uint64_t *view = (uint64_t *)address;
    left_address = (uint64_t)address;
    left_loan = loan;
    view[1] = view[0] + 1;
    view[512] = 12;
    return 0;
}

static int64_t map_executable(handle_t loan)
{
    return sys_map(0, loan, 0, PAGE_SIZE, 0, MAP_READ | MAP_EXECUTE);
}

static int64_t map_read(handle_t loan)
{
    return sys_map(0, loan, 0, PAGE_SIZE, 0, MAP_READ);
}

static int64_t keep_loan(handle_t loan)
{
    left_loan = loan;
    return sys_handle_duplicate(loan, RIGHTS_SAME, 0);
}

static void test_use(void)
{
    uint64_t *view, value;
    handle_t vmo = new_vmo(4, &view);
    view[512] = 41;
    is(lend(vmo, PAGE_SIZE, 8, RIGHT_READ, read_first), 41, "a loan is read");
    is(lend(vmo, PAGE_SIZE, 8, RIGHT_READ, write_first), -EPERM, "not written without the right");
    is(lend(vmo, PAGE_SIZE, 8, RIGHT_WRITE, write_first), 0, "with it, it is");
    is((int64_t)view[512], 55, "and the lender sees that");
    is(lend(vmo, PAGE_SIZE, 4096, RIGHT_READ, read_beyond), -ERANGE, "nothing beyond it is read");
    is(lend(vmo, PAGE_SIZE, PAGE_SIZE, RIGHT_READ, map_read), -EPERM, "nor mapped without MAP");
    is(lend(vmo, PAGE_SIZE, PAGE_SIZE, LEND_ALL, map_executable), -EPERM, "and never executed");
    view[512] = 11;
    is(lend(vmo, PAGE_SIZE, 2 * PAGE_SIZE, LEND_ALL, map_and_leave), 0, "two pages are mapped");
    is((int64_t)view[513], 12, "written there");
    is((int64_t)view[1024], 12, "both");
    is(probe_read(left_address, &value), -EFAULT, "and gone once it has been answered");
    is(probe_write(left_address + PAGE_SIZE, 1), -EFAULT, "all of it");
    is(sys_vmo_read(left_loan, 0, 8), -EBADF, "and so is the handle");
    is(lend(vmo, 0, PAGE_SIZE, LEND_ALL, keep_loan), -EPERM, "a loan is not duplicated");
    is(lend(vmo, 0, 5 * PAGE_SIZE, LEND_ALL, read_first), -ERANGE, "no more than there is");
    is(lend(vmo, 4 * PAGE_SIZE, 1, LEND_ALL, read_first), -ERANGE, "nor beyond");
    is(lend(vmo, UINT64_MAX - 7, 16, LEND_ALL, read_first), -ERANGE, "nor past the end of numbers");
    is(lend(vmo, 0, 0, LEND_ALL, read_first), -ERANGE, "nor nothing");
    is(lend(vmo, 0, LOAN_BYTES_MAX + 1, LEND_ALL, read_first), -ERANGE,
       "nor too much of too little");
    is(lend(port, 0, 8, LEND_ALL, read_first), -EBADF, "a port is not lent");
    is(sys_vmo_resize(vmo, PAGE_SIZE), 0, "nothing stays pinned");
    free_vmo(vmo, 4, view);
}

/* ---- Edges ----------------------------------------------------------------------------------- */

/* As sys_map; *within: where in the first page the loan starts. */
static int64_t map_loan(handle_t loan, uint64_t length, uint32_t flags, uint64_t *within)
{
    register uint64_t r10 __asm__("r10") = length;
    register uint64_t r8 __asm__("r8") = 0;
    register uint64_t r9 __asm__("r9") = flags;
    uint64_t rdi = 0, rsi = loan, rdx = 0;
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8)
                     : "0"(SYS_MAP), "r"(r9)
                     : "rcx", "r11", "memory");
    *within = rsi;
    return result;
}

static int64_t where_it_starts(handle_t loan)
{
    uint64_t within;
    int64_t address = map_loan(loan, PAGE_SIZE, MAP_READ, &within);
    return address < 0 ? address : (int64_t)within;
}

/* 100 bytes, in the middle of a page: shows what else is there, and scribbles over it. */
static int64_t scribble(handle_t loan)
{
    uint64_t within;
    int64_t address = map_loan(loan, PAGE_SIZE, RW, &within);
    if (address < 0)
        return address;
    uint8_t *page = (uint8_t *)address, *mine = page + within;
    int64_t foreign = 0;
    for (uint64_t i = 0; i < PAGE_SIZE; i++) {
        foreign += page + i < mine || page + i >= mine + 100 ? page[i] : 0;
        page[i]++;
    }
    sys_vmo_read(loan, 0, 1);
    return foreign * 1000 + message_area()->bytes[0];
}

static int64_t count_and_fill(handle_t loan)
{
    uint64_t within;
    int64_t address = map_loan(loan, 3 * PAGE_SIZE, RW, &within);
    if (address < 0)
        return address;
    int64_t sum = 0;
    uint8_t *bytes = (uint8_t *)address + within;
    for (uint64_t i = 0; i < 2 * PAGE_SIZE; i++) {
        sum += bytes[i];
        bytes[i] = 9;
    }
    return sum;
}

static void test_edges(void)
{
    uint64_t *view;
    handle_t vmo = new_vmo(4, &view);
    uint8_t *bytes = (uint8_t *)view;
    memset(bytes, 7, 4 * PAGE_SIZE);
    is(lend(vmo, 1000, 100, LEND_ALL, scribble), 8,
       "of a page the lent part is shown, the rest empty");
    int64_t good = 0;
    for (uint64_t i = 0; i < PAGE_SIZE; i++)
        good += bytes[i] == (i >= 1000 && i < 1100 ? 8 : 7);
    is(good, PAGE_SIZE, "only what was lent has changed");
    is(lend(vmo, 1000, 100, RIGHT_READ | RIGHT_MAP, where_it_starts), 1000,
       "who maps it is told where in the page it starts");
    memset(bytes, 1, 4 * PAGE_SIZE);
    is(lend(vmo, PAGE_SIZE + 5, 2 * PAGE_SIZE, LEND_ALL, count_and_fill), 2 * PAGE_SIZE,
       "a range over three pages is lent whole");
    good = 0;
    for (uint64_t i = 0; i < 4 * PAGE_SIZE; i++)
        good += bytes[i] == (i >= PAGE_SIZE + 5 && i < 3 * PAGE_SIZE + 5 ? 9 : 1);
    is(good, 4 * PAGE_SIZE, "and written back exactly");
    free_vmo(vmo, 4, view);
}

/* ---- Lending on ------------------------------------------------------------------------------ */

static int64_t lend_on(handle_t loan)
{
    return lend_by(second_port, loan, 8, 16, LEND_ALL, write_first);
}

static int64_t lend_on_too_much(handle_t loan)
{
    return lend_by(second_port, loan, 8, 100, LEND_ALL, write_first);
}

/* Sends the loan on and answers without waiting for the answer. */
static handle_t answer_port;
static int64_t send_on(handle_t loan)
{
    struct message m = {.flags = MESSAGE_FLAGS(0, 0, 1)};
    uint64_t id;
    message_area()->ranges[0] = (struct message_range){loan, LEND_ALL, 0, 64};
    return sys_send(answer_port, answer_port, &m, &id);
}

static void test_lending_on(void)
{
    uint64_t *view;
    handle_t vmo = new_vmo(2, &view);
    memset(view, 3, PAGE_SIZE);
    is(lend(vmo, 100, 64, LEND_ALL, lend_on), 0, "a loan is lent on");
    uint64_t expected[10];
    memset(expected, 3, sizeof expected);
    is((int64_t) * (uint64_t *)((uint8_t *)view + 108), 55,
       "and what is written comes all the way back");
    is((int64_t) * (uint64_t *)((uint8_t *)view + 100), 0x0303030303030303, "in its place only");
    is(lend(vmo, 100, 64, LEND_ALL, lend_on_too_much), -ERANGE, "no more is lent on than was lent");

    answer_port = (handle_t)must(sys_port_create(8), "port");
    is(lend(vmo, 0, 64, LEND_ALL, send_on), 0, "a loan lent on outlives the answer");
    struct message m = {0};
    struct receipt receipt;
    is(sys_get(answer_port, soon(), &m, &receipt), GET_MESSAGE, "its message is there");
    handle_t loan = message_area()->ranges[0].vmo;
    is(sys_vmo_read(loan, 0, 8), -EREVOKED, "but it has ended with what it came from");
    is(sys_map(0, loan, 0, PAGE_SIZE, 0, MAP_READ), -EREVOKED, "for mapping, too");
    m.flags = 0;
    sys_reply(receipt.token, &m);
    sys_handle_close(answer_port);
    free_vmo(vmo, 2, view);
}

/* ---- Slices ---------------------------------------------------------------------------------- */

static void test_slices(void)
{
    uint64_t *view, value;
    handle_t vmo = new_vmo(4, &view);
    handle_t slice = (handle_t)must(sys_vmo_slice(vmo, PAGE_SIZE, 2 * PAGE_SIZE), "slice");
    struct vmo_information info;
    must(sys_vmo_info(slice, &info), "info");
    is((int64_t)info.size, 2 * PAGE_SIZE, "a slice has its own size");
    view[512] = 77;
    is(sys_vmo_read(slice, 0, 8), 0, "and shows the object");
    is(*(int64_t *)message_area()->bytes, 77, "as it is now");
    is(sys_vmo_read(slice, 2 * PAGE_SIZE, 1), -ERANGE, "no more of it");
    uint64_t address = (uint64_t)must(sys_map(0, slice, PAGE_SIZE, PAGE_SIZE, 0, RW), "map");
    *(uint64_t *)address = 78;
    is((int64_t)view[1024], 78, "it is mapped");
    is(sys_map(0, slice, PAGE_SIZE, 2 * PAGE_SIZE, 0, RW), -ERANGE, "but not beyond");
    is(sys_vmo_slice(slice, 8, PAGE_SIZE), -EINVAL, "a slice is whole pages");
    handle_t part = (handle_t)must(sys_vmo_slice(slice, PAGE_SIZE, PAGE_SIZE), "slice of a slice");
    is(lend(part, 0, 8, RIGHT_READ, read_first), 78, "a slice of a slice is lent");
    is(sys_vmo_resize(slice, PAGE_SIZE), -ENOTSUP, "and not resized");
    sys_handle_close(slice);
    is(probe_read(address, &value), 0, "its mapping stays");
    sys_unmap(0, address, PAGE_SIZE);
    sys_handle_close(part);
    free_vmo(vmo, 4, view);
}

/* ---- Pins ------------------------------------------------------------------------------------ */

static uint64_t pin_ids[4], pin_address;

static int64_t pin_it(handle_t loan)
{
    int64_t count = sys_pin(loan, 0, 8, domain, &pin_ids[0]);
    pin_address = ((uint64_t *)message_area()->bytes)[0];
    return count;
}

static int64_t pin_unpin(handle_t loan)
{
    int64_t count = sys_pin(loan, 0, 8, domain, &pin_ids[1]);
    return count < 0 ? count : sys_unpin(domain, pin_ids[1]);
}

static void test_pins(void)
{
    uint64_t *view, pinned;
    handle_t vmo = new_vmo(4, &view);
    is(lend(vmo, 24, 8, LEND_ALL, pin_unpin), 0, "a loan is pinned and unpinned");
    is(sys_unpin(domain, pin_ids[1]), -ENOENT, "once");
    is(lend(vmo, PAGE_SIZE + 24, 4000, LEND_ALL, pin_it), 1, "a page is pinned and left so");
    is((int64_t)(pin_address & 4095), 24, "its address has the offset in it");
    is(lend(vmo, PAGE_SIZE, PAGE_SIZE, LEND_ALL, pin_it), 1, "another, of a whole page");
    is(sys_vmo_decommit(vmo, PAGE_SIZE, PAGE_SIZE), -EBUSY, "it stays pinned");
    is(sys_vmo_resize(vmo, PAGE_SIZE), -EBUSY, "and there");
    must(sys_domain_info(domain, &pinned), "info");
    is((int64_t)pinned, 2, "the domain knows of both");
    is(sys_domain_reset(domain, 0), 0, "the domain is reset");
    must(sys_domain_info(domain, &pinned), "info");
    is((int64_t)pinned, 0, "and has none");
    is(sys_unpin(domain, pin_ids[0]), -ENOENT, "its pins are gone");
    is(sys_vmo_decommit(vmo, PAGE_SIZE, PAGE_SIZE), 0, "what was pinned can go");
    is(sys_pin(vmo, 100, 2 * PAGE_SIZE, domain, &pin_ids[0]), 3, "three pages of an object");
    uint64_t *addresses = (uint64_t *)message_area()->bytes;
    ok((addresses[1] & 4095) == 0 && addresses[1] != addresses[2], "each with its address");
    is(sys_unpin(domain, pin_ids[0] + 1), -ENOENT, "a wrong number");
    is(sys_unpin(domain, pin_ids[0]), 0, "the right one");
    is(sys_pin(vmo, 0, 5 * PAGE_SIZE, domain, &pin_ids[0]), -ERANGE, "no more than there is");
    handle_t big = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 600 * PAGE_SIZE, 0, 0), "vmo");
    is(sys_pin(big, 0, 513 * PAGE_SIZE, domain, &pin_ids[0]), -E2BIG, "nor more than 512 pages");
    is(sys_pin(big, 0, 512 * PAGE_SIZE, domain, &pin_ids[0]), 512, "but as many");
    sys_handle_close(big);
    is(sys_unpin(domain, pin_ids[0]), 0, "which outlive their object's last handle");
    free_vmo(vmo, 4, view);
}

/* ---- Ends of a loan while others use it ------------------------------------------------------ */

static volatile uint64_t *volatile racing;
static volatile bool stop_racing;

/* Writes through the loan's mapping until it faults; the fault's handler ends the thread. */
static int64_t start_race(handle_t loan)
{
    int64_t address = sys_map(0, loan, 0, PAGE_SIZE, 0x600000000, RW);
    if (address < 0)
        return address;
    volatile uint64_t *view = (volatile uint64_t *)address;
    racing = view;
    /* Long enough for the other CPU to have it in its TLB. */
    for (int i = 0; i < 20000 && view[1] == 0; i++)
        __asm__ volatile("pause");
    return 0;
}

static void racer(void *argument)
{
    (void)argument;
    while (!stop_racing) {
        volatile uint64_t *page = racing;
        if (page)
            page[1] = page[0]++;
    }
}

/* The racer's faults are answered by pointing it to nothing again. */
static void fault_server(void *argument)
{
    handle_t thread = *(handle_t *)argument, faults = left_loan;
    struct message m = {0};
    struct receipt receipt;
    for (;;) {
        if (sys_get(faults, DEADLINE_NEVER, &m, &receipt) != GET_FAULT)
            return;
        struct thread_state *state = (struct thread_state *)message_area()->bytes;
        while (sys_thread_read_state(thread) == -EBUSY)
            sys_thread_yield();
        __sync_bool_compare_and_swap(&racing, (volatile uint64_t *)(m.offset & ~4095ul), NULL);
        state->rip = (uint64_t)racer;
        sys_thread_write_state(thread);
        m = (struct message){0};
        sys_reply(receipt.token, &m);
    }
}

static void test_race(void)
{
    struct thread race, faults;
    uint64_t *view;
    handle_t vmo = new_vmo(1, &view), fault_port = (handle_t)must(sys_port_create(4), "port");
    must(sys_task_set_exception_port(startup->task, fault_port), "exception port");
    left_loan = fault_port;
    stop_racing = false;
    must(sys_system_info(), "system_info");
    int32_t other = ((struct system_info *)message_area()->bytes)->cpus > 1;
    run_thread(&race, racer, NULL, other, PRIORITY_DEFAULT);
    run_thread(&faults, fault_server, &race.handle, 0, PRIORITY_DEFAULT + 1);
    uint64_t changed = 0;
    for (int i = 0; i < 200; i++) {
        must(lend(vmo, 0, PAGE_SIZE, LEND_ALL, start_race), "race");
        uint64_t before = view[0];
        for (volatile int j = 0; j < 1000; j++)
            ;
        changed += view[0] != before;
        view[1] = 0;
    }
    is((int64_t)changed, 0, "nobody writes to a loan after its end");
    ok(view[0] > 0, "though another CPU was at it");
    stop_racing = true;
    must(thread_join(&race, soon(), NULL), "join");
    sys_thread_kill(faults.handle, 0);
    must(thread_join(&faults, soon(), NULL), "join");
    sys_handle_close(fault_port);
    free_vmo(vmo, 1, view);
}

int main(const void *found)
{
    struct thread servers[2];
    test_begin(found);
    probe_begin();
    port = (handle_t)must(sys_port_create(8), "port");
    second_port = (handle_t)must(sys_port_create(8), "port");
    domain = (handle_t)must(sys_domain_create(startup_handle(startup, "root"), 0x1234), "domain");
    run_thread(&servers[0], serve, &port, -1, PRIORITY_DEFAULT);
    run_thread(&servers[1], serve, &second_port, -1, PRIORITY_DEFAULT);
    uint64_t before = 0;
    for (int round = 0; round < 2; round++) {
        probe_begin();
        test_use();
        test_edges();
        test_lending_on();
        test_slices();
        test_pins();
        test_race();
        if (round == 0)
            before = settled_free_memory();
    }
    uint64_t after = settled_free_memory();
    if (!ok(after + 32 * PAGE_SIZE >= before, "no memory is lost"))
        print("#   %ld pages\n", (int64_t)(before - after) / 4096);
    return test_end();
}
