/*
 * Memory: objects, mappings, copies on write, loans, pagers.
 */
#include "test.h"

#define AT 0x50000000ul

static handle_t anonymous(uint64_t size)
{
    return (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, size, 0, 0), "vmo");
}

static volatile uint8_t *map_at(handle_t vmo, uint64_t address, uint64_t length, uint32_t flags)
{
    return (volatile uint8_t *)must(sys_map(0, vmo, 0, length, address, flags | MAP_FIXED), "map");
}

/* ---- Faults, seen by a handler: what an access does ------------------------------------------ */

static handle_t fault_port;
static volatile uint64_t fault_address, fault_reason, fault_count;

/* Skips the faulting access: the instruction is three bytes long. */
static void fault_handler(void *argument)
{
    handle_t main_thread = *(handle_t *)argument;
    struct message m = head(0);
    struct receipt r;
    while (sys_get(fault_port, DEADLINE_NEVER, &m, &r) == GET_FAULT) {
        fault_address = m.offset;
        fault_reason = m.arg[1];
        fault_count++;
        sys_thread_read_state(main_thread);
        ((struct thread_state *)message_area()->bytes)->rip += 3;
        sys_thread_write_state(main_thread);
        m = head(0);
        sys_reply(r.token, &m);
    }
}

/* 0, or the reason (-errno) of the fault that a read or write makes. */
static int64_t touch(volatile uint8_t *at, bool write)
{
    uint64_t before = fault_count;
    if (write)
        __asm__ volatile("movb $1, (%0)" : : "a"(at) : "memory");
    else
        __asm__ volatile(".byte 0x0f, 0xb6, 0x08"
                         :
                         : "a"(at)
                         : "rcx", "memory"); /* movzbl (%rax), %ecx */
    return fault_count == before ? 0 : (int64_t)fault_reason;
}

static void test_faults(void)
{
    handle_t vmo = anonymous(2 * PAGE_SIZE);
    is(touch((uint8_t *)AT, false), -EFAULT, "reading where nothing is mapped is a fault");
    is(fault_address, AT, "at that address");
    volatile uint8_t *at = map_at(vmo, AT, 2 * PAGE_SIZE, MAP_READ);
    is(touch(at, false), 0, "a readable mapping can be read");
    is(touch(at, true), -EFAULT, "but not written");
    must(sys_protect(0, AT, PAGE_SIZE, MAP_READ | MAP_WRITE), "protect");
    is(touch(at, true), 0, "until it is made writable");
    is(touch(at + PAGE_SIZE, true), -EFAULT, "in that part alone");
    must(sys_protect(0, AT, PAGE_SIZE, 0), "protect");
    is(touch(at, false), -EFAULT, "without access it cannot be read");
    must(sys_vmo_resize(vmo, PAGE_SIZE), "resize");
    is(touch(at + PAGE_SIZE, false), -ERANGE, "beyond the end of a shrunk object is a fault");
    must(sys_unmap(0, AT, 2 * PAGE_SIZE), "unmap");
    is(touch(at, false), -EFAULT, "and so is what was unmapped");
    sys_handle_close(vmo);
}

static void test_map_errors(void)
{
    handle_t vmo = anonymous(4 * PAGE_SIZE);
    handle_t read_only =
        (handle_t)must(sys_handle_duplicate(vmo, RIGHT_READ | RIGHT_MAP, 0), "dup");
    is(sys_map(0, vmo, 1, PAGE_SIZE, 0, MAP_READ), -EINVAL, "map: offset not aligned");
    is(sys_map(0, vmo, 0, 100, 0, MAP_READ), -EINVAL, "map: length not aligned");
    is(sys_map(0, vmo, 0, 0, 0, MAP_READ), -EINVAL, "map: nothing");
    is(sys_map(0, vmo, 0, PAGE_SIZE, AT + 1, MAP_READ | MAP_FIXED), -EINVAL,
       "map: address not aligned");
    is(sys_map(0, vmo, 0, PAGE_SIZE, 0, MAP_WRITE | MAP_EXECUTE), -EINVAL,
       "map: writable and executable");
    is(sys_map(0, vmo, 0, PAGE_SIZE, 0, 1u << 9), -EINVAL, "map: unknown flag");
    is(sys_map(0, vmo, 0, 5 * PAGE_SIZE, 0, MAP_READ), -ERANGE, "map: beyond the object");
    is(sys_map(0, vmo, ~0xffful, 2 * PAGE_SIZE, 0, MAP_READ), -ERANGE,
       "map: offset + length overflows");
    is(sys_map(0, vmo, 0, PAGE_SIZE, 0, MAP_READ | MAP_FIXED), -EFAULT,
       "map: below user addresses");
    is(sys_map(0, vmo, 0, PAGE_SIZE, USER_LIMIT, MAP_READ | MAP_FIXED), -EFAULT, "map: above them");
    is(sys_map(0, read_only, 0, PAGE_SIZE, 0, MAP_WRITE), -EPERM,
       "map: without the right to write");
    is(sys_map(0, startup->task, 0, PAGE_SIZE, 0, MAP_READ), -EBADF, "map: not an object");
    is(sys_map(vmo, vmo, 0, PAGE_SIZE, 0, MAP_READ), -EBADF, "map: not a task");
    map_at(vmo, AT, PAGE_SIZE, MAP_READ);
    is(sys_map(0, vmo, 0, PAGE_SIZE, AT, MAP_READ | MAP_FIXED), -EEXIST, "map: something is there");
    is(sys_protect(0, AT, 2 * PAGE_SIZE, MAP_READ), -EFAULT, "protect: not all of it is mapped");
    is(sys_protect(0, AT, PAGE_SIZE, MAP_WRITE | MAP_EXECUTE), -EINVAL, "protect: W^X");
    sys_unmap(0, AT, PAGE_SIZE);
    map_at(read_only, AT, PAGE_SIZE, MAP_READ);
    is(sys_protect(0, AT, PAGE_SIZE, MAP_WRITE), -EPERM, "protect: beyond the handle's rights");
    sys_unmap(0, AT, PAGE_SIZE);
    is(sys_unmap(0, AT + 1, PAGE_SIZE), -EINVAL, "unmap: not aligned");
    is(sys_unmap(0, 0, PAGE_SIZE), -EFAULT, "unmap: not a user range");
    is(sys_unmap(0, AT, PAGE_SIZE), 0, "unmap: a hole is no error");
    sys_handle_close(read_only);
    sys_handle_close(vmo);
}

static void test_objects(void)
{
    uint8_t *bytes = message_area()->bytes;
    handle_t vmo = anonymous(3 * PAGE_SIZE);
    is(sys_vmo_create(VMO_ANONYMOUS, 0, 0, 0), -EINVAL, "create: no size");
    is(sys_vmo_create(VMO_ANONYMOUS, 1ull << 47, 0, 0), -EINVAL, "create: too large");
    is(sys_vmo_create(99, PAGE_SIZE, 0, 0), -EINVAL, "create: no such kind");
    is(sys_vmo_create(VMO_PAGED, PAGE_SIZE, 0, 0), -ENOTSUP,
       "create: a kind that is made otherwise");
    for (uint32_t i = 0; i < 4096; i++)
        bytes[i] = (uint8_t)(i * 13);
    is(sys_vmo_write(vmo, 2000, 4096), 0, "write across pages");
    memset(bytes, 0, 4096);
    is(sys_vmo_read(vmo, 2000, 4096), 0, "read back");
    bool same = true;
    for (uint32_t i = 0; i < 4096; i++)
        same &= bytes[i] == (uint8_t)(i * 13);
    ok(same, "the same");
    is(sys_vmo_read(vmo, 0, 4097), -E2BIG, "read: too much at once");
    is(sys_vmo_read(vmo, 3 * PAGE_SIZE - 1, 2), -ERANGE, "read: beyond the end");
    is(sys_vmo_write(vmo, UINT64_MAX, 2), -ERANGE, "write: offset + length overflows");
    struct vmo_information info;
    is(sys_vmo_info(vmo, &info), 0, "info");
    is(info.size, 3 * PAGE_SIZE, "tells the size");
    is(info.resident, 2, "and the pages that are there");
    is(sys_vmo_commit(vmo, 0, 3 * PAGE_SIZE), 0, "commit");
    sys_vmo_info(vmo, &info);
    is(info.resident, 3, "makes them all resident");
    is(sys_vmo_decommit(vmo, 0, 2 * PAGE_SIZE), 0, "decommit");
    sys_vmo_info(vmo, &info);
    is(info.resident, 1, "frees them");
    sys_vmo_read(vmo, 2000, 1);
    is(bytes[0], 0, "and they read as zeros");
    is(sys_vmo_decommit(vmo, 0, 4 * PAGE_SIZE), -ERANGE, "decommit: beyond the end");
    handle_t block =
        (handle_t)must(sys_vmo_create(VMO_CONTIGUOUS, 8 * PAGE_SIZE, 0, 0), "contiguous");
    is(sys_vmo_resize(block, PAGE_SIZE), -ENOTSUP, "resize: not a contiguous object");
    is(sys_vmo_clone(block, 0, PAGE_SIZE), -ENOTSUP, "clone: nor");
    volatile uint8_t *at = map_at(block, AT, 8 * PAGE_SIZE, MAP_READ | MAP_WRITE);
    at[5 * PAGE_SIZE] = 7;
    sys_vmo_read(block, 5 * PAGE_SIZE, 1);
    is(bytes[0], 7, "a contiguous object is mapped");
    sys_unmap(0, AT, 8 * PAGE_SIZE);
    handle_t slice = (handle_t)must(sys_vmo_slice(vmo, PAGE_SIZE, PAGE_SIZE), "slice");
    bytes[0] = 42;
    sys_vmo_write(slice, 10, 1);
    bytes[0] = 0;
    sys_vmo_read(vmo, PAGE_SIZE + 10, 1);
    is(bytes[0], 42, "a slice is part of its object");
    is(sys_vmo_read(slice, PAGE_SIZE, 1), -ERANGE, "and no more");
    sys_handle_close(slice);
    sys_handle_close(block);
    sys_handle_close(vmo);
}

/* ---- Copy on write --------------------------------------------------------------------------- */

static volatile bool writing;
static volatile uint64_t *counters;

/* Counts in two pages, one after the other: a snapshot must never see the second ahead of the
 * first. */
static void writer(void *argument)
{
    (void)argument;
    for (uint64_t i = 1; writing; i++) {
        counters[0] = i;
        __asm__ volatile("" : : : "memory");
        counters[512 * 100] = i;
    }
}

static void test_clone(void)
{
    uint8_t *bytes = message_area()->bytes;
    handle_t vmo = anonymous(200 * PAGE_SIZE);
    bytes[0] = 1;
    for (uint32_t i = 0; i < 200; i++)
        sys_vmo_write(vmo, i * PAGE_SIZE, 1);
    handle_t clone = (handle_t)must(sys_vmo_clone(vmo, 0, 200 * PAGE_SIZE), "clone");
    bytes[0] = 2;
    sys_vmo_write(vmo, 7 * PAGE_SIZE, 1);
    sys_vmo_read(clone, 7 * PAGE_SIZE, 1);
    is(bytes[0], 1, "a clone keeps what the original was");
    bytes[0] = 3;
    sys_vmo_write(clone, 8 * PAGE_SIZE, 1);
    sys_vmo_read(vmo, 8 * PAGE_SIZE, 1);
    is(bytes[0], 1, "and the original does not see the clone's writes");
    handle_t second = (handle_t)must(sys_vmo_clone(clone, 8 * PAGE_SIZE, PAGE_SIZE), "clone");
    sys_handle_close(clone);
    sys_handle_close(vmo);
    sys_vmo_read(second, 0, 1);
    is(bytes[0], 3, "a clone of a part outlives both");
    is(sys_vmo_clone(second, 1, PAGE_SIZE), -EINVAL, "clone: not aligned");
    is(sys_vmo_clone(second, 0, 2 * PAGE_SIZE), -ERANGE, "clone: beyond the end");
    sys_handle_close(second);

    struct thread thread;
    vmo = anonymous(200 * PAGE_SIZE);
    counters = (volatile uint64_t *)map_at(vmo, AT, 200 * PAGE_SIZE, MAP_READ | MAP_WRITE);
    writing = true;
    run_thread(&thread, writer, NULL, -1, PRIORITY_DEFAULT);
    bool consistent = true;
    for (uint32_t i = 0; i < 200; i++) {
        clone = (handle_t)must(sys_vmo_clone(vmo, 0, 200 * PAGE_SIZE), "clone");
        uint64_t first, last;
        sys_vmo_read(clone, 0, 8);
        memcpy(&first, bytes, 8);
        sys_vmo_read(clone, 100 * PAGE_SIZE, 8);
        memcpy(&last, bytes, 8);
        consistent &= last == first || last + 1 == first;
        sys_handle_close(clone);
        sys_thread_yield();
    }
    ok(consistent, "200 clones under a writer are each of one moment");
    writing = false;
    thread_join(&thread, soon(), NULL);
    sys_unmap(0, AT, 200 * PAGE_SIZE);
    sys_handle_close(vmo);
}

/* ---- Loans ----------------------------------------------------------------------------------- */

static handle_t loan_port, kept_loan;
static volatile uint8_t *lent;
static volatile int64_t seen_map, seen_write, seen_read;
static volatile bool borrower_stop;

static void borrower(void *argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    int64_t kind = sys_get(loan_port, DEADLINE_NEVER, &m, &r);
    while (kind == GET_MESSAGE) {
        struct message_range range = message_area()->ranges[0];
        kept_loan = range.vmo;
        message_area()->bytes[0] = 9;
        seen_write = sys_vmo_write(range.vmo, 0, 1);
        seen_read = sys_vmo_read(range.vmo, range.length - 1, 1);
        seen_map = sys_map(0, range.vmo, 0, PAGE_SIZE, 0, MAP_READ | MAP_WRITE);
        if (seen_map > 0) {
            lent = (volatile uint8_t *)seen_map;
            lent[m.offset % PAGE_SIZE] = 77;
        }
        m.flags = 0;
        kind = sys_reply_get(loan_port, DEADLINE_NEVER, &m, &r);
    }
}

static int64_t lend(handle_t vmo, uint64_t offset, uint64_t length, uint32_t rights)
{
    struct message m = head(1);
    m.offset = offset;
    m.flags = MESSAGE_FLAGS(0, 0, 1);
    message_area()->ranges[0] = (struct message_range){vmo, rights, offset, length};
    return sys_do(loan_port, soon(), &m);
}

static void test_loans(void)
{
    uint8_t *bytes = message_area()->bytes;
    struct thread thread;
    handle_t vmo = anonymous(4 * PAGE_SIZE);
    const uint32_t all = RIGHT_READ | RIGHT_WRITE | RIGHT_MAP;
    loan_port = (handle_t)must(sys_port_create(4), "port");
    run_thread(&thread, borrower, NULL, -1, PRIORITY_DEFAULT);
    is(lend(vmo, PAGE_SIZE, 2 * PAGE_SIZE, all), 0, "a range is lent");
    is(seen_write, 0, "the borrower writes to it");
    ok(seen_map > 0, "and maps it");
    sys_vmo_read(vmo, PAGE_SIZE, 1);
    is(bytes[0], 77, "and the lender sees that");
    is(touch(lent, false), -EFAULT, "after the reply its mapping is dead");
    is(sys_vmo_read(kept_loan, 0, 1), -EBADF, "and its handle gone");
    sys_unmap(0, (uint64_t)lent, PAGE_SIZE);

    is(lend(vmo, 0, PAGE_SIZE, RIGHT_READ), 0, "lent for reading");
    is(seen_write, -EPERM, "it cannot be written");
    is(seen_map, -EPERM, "nor mapped");

    bytes[0] = 5;
    for (uint32_t i = 0; i < PAGE_SIZE; i++)
        sys_vmo_write(vmo, i, 1);
    is(lend(vmo, 100, 200, all), 0, "part of a page is lent");
    sys_vmo_read(vmo, 100, 1);
    is(bytes[0], 77, "comes back in that part");
    sys_vmo_read(vmo, 99, 1);
    is(bytes[0], 5, "and changes nothing else");
    sys_unmap(0, (uint64_t)lent, PAGE_SIZE);

    is(lend(vmo, 0, 0, all), -ERANGE, "lend: nothing");
    is(lend(vmo, PAGE_SIZE, 4 * PAGE_SIZE, all), -ERANGE, "lend: beyond the end");
    is(lend(vmo, UINT64_MAX, 2, all), -ERANGE, "lend: overflow");
    is(lend(vmo, 0, PAGE_SIZE, RIGHT_MAP), -EINVAL, "lend: neither to read nor to write");
    is(lend(12345, 0, PAGE_SIZE, all), -EBADF, "lend: not a handle");
    handle_t large = anonymous(LOAN_BYTES_MAX + PAGE_SIZE);
    is(lend(large, 0, LOAN_BYTES_MAX + 1, all), -E2BIG, "lend: more than a loan may be");
    sys_handle_close(large);
    sys_handle_close(loan_port);
    thread_join(&thread, soon(), NULL);
    sys_handle_close(vmo);
}

/* The borrower of another task writes through its mapping for as long as it can. */
static void scribble(uint64_t argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    while (sys_get(child_handles[0], DEADLINE_NEVER, &m, &r) != GET_MESSAGE)
        ; /* notice of an earlier child's message */
    volatile uint64_t *at = (volatile uint64_t *)sys_map(0, message_area()->ranges[0].vmo, 0,
                                                         PAGE_SIZE, 0, MAP_READ | MAP_WRITE);
    sys_notify(child_handles[1], 1);
    for (uint64_t i = 1;; i++)
        *at = i;
}

static void test_loan_under_use(void)
{
    uint64_t *word = (uint64_t *)message_area()->bytes;
    handle_t vmo = anonymous(PAGE_SIZE), port = (handle_t)must(sys_port_create(4), "port");
    handle_t ready = (handle_t)must(sys_port_create(4), "port"), handles[] = {port, ready};
    for (uint32_t how = 0; how < 2; how++) {
        struct child child;
        struct message m = head(1);
        struct receipt notice;
        while (sys_get(ready, DEADLINE_NOW, &m, &notice) >= 0)
            ;
        run_child(&child, scribble, 0, handles, 2, -1, CHILD_BUDGET);
        m.flags = MESSAGE_FLAGS(0, 0, 1);
        message_area()->ranges[0] =
            (struct message_range){vmo, RIGHT_READ | RIGHT_WRITE | RIGHT_MAP, 0, PAGE_SIZE};
        if (how == 0) {
            is(sys_do(port, clock_after(50 * MILLISECOND), &m), -ETIMEDOUT,
               "a deadline ends a message whose loan is in use");
        } else {
            uint64_t id;
            struct receipt r;
            must(sys_send(port, ready, &m, &id), "send");
            /* The child has it, and has mapped it. */
            must(sys_get(ready, soon(), &m, &r), "ready");
            sys_task_kill(child.task, 0);
            while (sys_get(ready, soon(), &m, &r) == GET_NOTIFY)
                ;
            is(m.result, -EDEAD, "the borrower's death ends it");
        }
        sys_vmo_read(vmo, 0, 8);
        uint64_t before = *word;
        sys_sleep(clock_after(5 * MILLISECOND));
        sys_vmo_read(vmo, 0, 8);
        is(*word, before, "and nothing is written after that");
        end_child(&child);
    }
    sys_handle_close(vmo);
    sys_handle_close(port);
    sys_handle_close(ready);
}

/* ---- Pagers ---------------------------------------------------------------------------------- */

static handle_t pager_port, file, supply;
static volatile uint32_t page_reads, room_requests;
static volatile bool refuse;

static void pager(void *argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    while (sys_get(pager_port, DEADLINE_NEVER, &m, &r) == GET_KERNEL) {
        if (m.op == KERNEL_PAGE_DIRTY) {
            room_requests++;
            sys_vmo_dirty_room(file, 1);
        } else if (refuse) {
            sys_vmo_fail(file, m.offset, m.length, EIO);
        } else {
            page_reads++;
            message_area()->bytes[0] = (uint8_t)(m.offset / PAGE_SIZE + 1);
            sys_vmo_write(supply, 0, 1);
            sys_vmo_supply(file, m.offset, m.length, supply, 0);
        }
    }
}

static void test_pager(void)
{
    struct thread thread;
    pager_port = (handle_t)must(sys_port_create(16), "port");
    supply = anonymous(PAGE_SIZE);
    file = (handle_t)must(sys_vmo_create_paged(pager_port, 16 * PAGE_SIZE, 7, 1), "paged");
    run_thread(&thread, pager, NULL, -1, PRIORITY_DEFAULT);
    volatile uint8_t *at = map_at(file, AT, 16 * PAGE_SIZE, MAP_READ | MAP_WRITE);
    is(at[3 * PAGE_SIZE], 4, "a fault brings the page from its pager");
    is(page_reads, 1, "which was asked once");
    sys_vmo_read(file, 5 * PAGE_SIZE, 1);
    is(message_area()->bytes[0], 6, "vmo_read waits for the pager too");
    at[3 * PAGE_SIZE] = 50;
    is(room_requests, 0, "the first dirty page has room lent ahead");
    at[5 * PAGE_SIZE] = 60;
    is(room_requests, 1, "the second asks for it");
    uint64_t next;
    struct vmo_dirty_range *ranges = (struct vmo_dirty_range *)message_area()->bytes;
    is(sys_vmo_dirty_query(file, 0, 16 * PAGE_SIZE, &next), 2, "two ranges are dirty");
    is(ranges[0].offset, 3 * PAGE_SIZE, "the first where it was written");
    is(sys_vmo_writeback_begin(file, 3 * PAGE_SIZE, PAGE_SIZE), 0, "write-back begins");
    sys_vmo_dirty_room(file, 1);
    at[3 * PAGE_SIZE] = 51;
    is(sys_vmo_writeback_end(file, 3 * PAGE_SIZE, PAGE_SIZE), 0, "and ends");
    is(sys_vmo_dirty_query(file, 0, 4 * PAGE_SIZE, &next), 1,
       "what was written meanwhile is still dirty");
    sys_vmo_writeback_begin(file, 0, 16 * PAGE_SIZE);
    sys_vmo_writeback_end(file, 0, 16 * PAGE_SIZE);
    is(sys_vmo_dirty_query(file, 0, 16 * PAGE_SIZE, &next), 0, "written back, nothing is");
    refuse = true;
    is(touch(at + 9 * PAGE_SIZE, false), -EIO, "a pager's failure is a fault");
    is(sys_vmo_read(file, 10 * PAGE_SIZE, 1), -EIO, "or an error");
    refuse = false;
    is(at[9 * PAGE_SIZE], 10, "and can be tried again");
    handle_t clone = (handle_t)must(sys_vmo_clone(file, 0, 16 * PAGE_SIZE), "clone of a file");
    sys_vmo_read(clone, 11 * PAGE_SIZE, 1);
    is(message_area()->bytes[0], 12, "a clone of a paged object takes its pages when touched");
    message_area()->bytes[0] = 99;
    sys_vmo_write(clone, 11 * PAGE_SIZE, 1);
    sys_vmo_read(file, 11 * PAGE_SIZE, 1);
    is(message_area()->bytes[0], 12, "and keeps its writes to itself");
    sys_handle_close(clone);
    is(sys_vmo_supply(supply, 0, PAGE_SIZE, 0, 0), -ENOTSUP, "supply: not a paged object");
    is(sys_vmo_fail(file, 0, PAGE_SIZE, 0), -EINVAL, "fail: no error");
    is(sys_vmo_supply(file, 0, 17 * PAGE_SIZE, 0, 0), -ERANGE, "supply: beyond the end");

    /* A successor: the first pager's port dies, requests come again to the second's. */
    handle_t old = pager_port;
    pager_port = (handle_t)must(sys_port_create(16), "port");
    sys_handle_close(old);
    thread_join(&thread, soon(), NULL);
    run_thread(&thread, pager, NULL, -1, PRIORITY_DEFAULT);
    is(sys_vmo_set_pager(file, pager_port, 8), 0, "a successor takes over");
    is(at[14 * PAGE_SIZE], 15, "and supplies pages");
    sys_unmap(0, AT, 16 * PAGE_SIZE);
    sys_handle_close(pager_port);
    thread_join(&thread, soon(), NULL);
    sys_handle_close(file);
    sys_handle_close(supply);
}

int main(const void *found)
{
    struct thread handler;
    test_begin(found);
    fault_port = (handle_t)must(sys_port_create(8), "port");
    handle_t self = startup->thread;
    run_thread(&handler, fault_handler, &self, -1, PRIORITY_DEFAULT + 1);
    must(sys_task_set_exception_port(startup->task, fault_port), "exception port");
    test_faults();
    test_map_errors();
    test_objects();
    test_clone();
    test_loans();
    test_loan_under_use();
    test_pager();
    return test_end();
}
