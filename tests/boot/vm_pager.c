/*
 * Paged objects: pages asked for, supplied, failed and timed out; dirty pages, their room and their
 * writing back; a pager's death and its successor; clones; reclaim; pages that a device reads in
 * place.
 */
#include "probe.h"

#define RW (MAP_READ | MAP_WRITE)
#define KEY 0x5eed
#define FILE_PAGES 64ul

static handle_t port, file;
static uint64_t *view; /* of file */

static uint64_t pattern(uint64_t page)
{
    return page * 1000003 + 17;
}

/* ---- A pager in a thread of its own ---------------------------------------------------------- */

enum { SUPPLY, IGNORE, FAIL };
static volatile uint32_t behaviour;
static volatile uint64_t reads, pages_read, rooms;
static volatile uint64_t room_answer; /* pages to add; 0: fails */

static void supply(uint64_t offset, uint64_t length)
{
    handle_t source = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, length, 0, 0), "source");
    for (uint64_t at = 0; at < length; at += PAGE_SIZE) {
        *(uint64_t *)message_area()->bytes = pattern((offset + at) / PAGE_SIZE);
        must(sys_vmo_write(source, at, 8), "write to source");
    }
    must(sys_vmo_supply(file, offset, length, source, 0), "supply");
    sys_handle_close(source);
}

static void page_server(void *argument)
{
    handle_t from = *(handle_t *)argument;
    for (;;) {
        struct message m = {0};
        struct receipt receipt;
        int64_t kind = sys_get(from, DEADLINE_NEVER, &m, &receipt);
        if (kind != GET_KERNEL)
            return;
        if (m.op == KERNEL_PAGE_READ && m.cookie == KEY) {
            reads++;
            pages_read += m.length / PAGE_SIZE;
            if (behaviour == SUPPLY)
                supply(m.offset, m.length);
            else if (behaviour == FAIL)
                must(sys_vmo_fail(file, m.offset, m.length, EIO), "fail");
        } else if (m.op == KERNEL_PAGE_DIRTY && m.cookie == KEY) {
            rooms++;
            if (room_answer)
                must(sys_vmo_dirty_room(file, room_answer), "room");
            else
                must(sys_vmo_fail(file, m.offset, m.length, 28), "fail");
        }
    }
}

static uint64_t resident(handle_t vmo)
{
    struct vmo_information info;
    must(sys_vmo_info(vmo, &info), "info");
    return info.resident;
}

/* Pages in dirty ranges. */
static int64_t dirty_pages(void)
{
    int64_t pages = 0;
    uint64_t next = 0;
    while (next < FILE_PAGES * PAGE_SIZE) {
        int64_t count =
            must(sys_vmo_dirty_query(file, next, FILE_PAGES * PAGE_SIZE - next, &next), "query");
        struct vmo_dirty_range *ranges = (struct vmo_dirty_range *)message_area()->bytes;
        for (int64_t i = 0; i < count; i++)
            pages += (int64_t)(ranges[i].length / PAGE_SIZE);
    }
    return pages;
}

static void open_file(uint64_t room)
{
    reads = pages_read = rooms = 0;
    behaviour = SUPPLY;
    room_answer = 10;
    file = (handle_t)must(sys_vmo_create_paged(port, FILE_PAGES * PAGE_SIZE, KEY, room), "paged");
    view = (uint64_t *)must(sys_map(0, file, 0, FILE_PAGES * PAGE_SIZE, 0x700000000, RW), "map");
}

static void close_file(void)
{
    sys_unmap(0, (uint64_t)view, FILE_PAGES * PAGE_SIZE);
    sys_handle_close(file);
}

static uint64_t word(uint64_t page)
{
    return ((volatile uint64_t *)view)[page * 512];
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void test_read(void)
{
    uint64_t value;
    open_file(4);
    is((int64_t)word(5), (int64_t)pattern(5), "a fault brings the page");
    is((int64_t)reads, 1, "by one request");
    is((int64_t)word(5), (int64_t)pattern(5), "which stays");
    is((int64_t)reads, 1, "without another");
    is(sys_vmo_read(file, 9 * PAGE_SIZE, 8), 0, "a read brings one, too");
    is(*(int64_t *)message_area()->bytes, (int64_t)pattern(9), "the right one");
    is(sys_vmo_commit(file, 0, 32 * PAGE_SIZE), 0, "many are made resident");
    is((int64_t)resident(file), 32, "all");
    ok(reads < 12, "by few requests");
    behaviour = FAIL;
    is(probe_read((uint64_t)view + 40 * PAGE_SIZE, &value), -EIO, "a page that fails is a fault");
    is(sys_vmo_read(file, 40 * PAGE_SIZE, 8), -EIO, "for a read an error");
    is(sys_vmo_commit(file, 40 * PAGE_SIZE, PAGE_SIZE), -EIO, "and for a commit");
    behaviour = SUPPLY;
    is(sys_vmo_read(file, 40 * PAGE_SIZE, 8), 0, "a failure is not for ever");
    is(sys_vmo_supply(file, 5 * PAGE_SIZE, PAGE_SIZE, file, 0), -ENOTSUP,
       "the source is anonymous");
    is(sys_vmo_supply(file, 5, PAGE_SIZE, 0, 0), -EINVAL, "supplied are pages");
    is(sys_vmo_supply(file, FILE_PAGES * PAGE_SIZE, PAGE_SIZE, 0, 0), -ERANGE, "of the object");
    handle_t other = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    is(sys_vmo_supply(other, 0, PAGE_SIZE, 0, 0), -ENOTSUP, "which is a paged one");
    is(sys_vmo_supply(file, 5 * PAGE_SIZE, PAGE_SIZE, other, 0), 0,
       "what is there is not replaced");
    is((int64_t)word(5), (int64_t)pattern(5), "but stays");
    handle_t weak =
        (handle_t)must(sys_handle_duplicate(file, RIGHT_READ | RIGHT_WRITE, 0), "duplicate");
    is(sys_vmo_supply(weak, 0, PAGE_SIZE, other, 0), -EPERM, "only the pager supplies");
    is(sys_vmo_resize(weak, PAGE_SIZE), -EPERM, "and says how long the object is");
    sys_handle_close(weak);
    sys_handle_close(other);
    is(sys_vmo_resize(file, 8 * PAGE_SIZE), 0, "which may shrink");
    is(probe_read((uint64_t)view + 9 * PAGE_SIZE, &value), -ERANGE, "with pages that were there");
    close_file();
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void test_dirty(void)
{
    open_file(2);
    (void)word(1);
    is(dirty_pages(), 0, "a page that was read is clean");
    view[512] = 1;
    view[2 * 512] = 2;
    is(dirty_pages(), 2, "pages that are written to are dirty");
    is((int64_t)rooms, 0, "within the room for them");
    view[3 * 512] = 3;
    is(dirty_pages(), 3, "a third one");
    is((int64_t)rooms, 1, "asks for room");
    room_answer = 0;
    for (uint64_t i = 4; i < 13; i++)
        view[i * 512] = i;
    is(probe_write((uint64_t)&view[13 * 512], 13), -28, "where there is none, writing fails");
    room_answer = 10;
    is(sys_vmo_writeback_begin(file, 0, 3 * PAGE_SIZE), 0, "two are written back");
    is(dirty_pages(), 10, "and not dirty any more");
    view[512] = 100;
    is(dirty_pages(), 11, "one of them is again");
    is(sys_vmo_writeback_end(file, 0, 3 * PAGE_SIZE), 0, "they have been written");
    is(dirty_pages(), 11, "no update is lost");
    is(sys_vmo_writeback_begin(file, 0, FILE_PAGES * PAGE_SIZE), 0, "all are written back");
    is(sys_vmo_writeback_end(file, 0, FILE_PAGES * PAGE_SIZE), 0, "all");
    is(dirty_pages(), 0, "all are clean");
    view[3 * 512] = 7;
    is(dirty_pages(), 1, "the next write is noticed");
    *(uint64_t *)message_area()->bytes = 8;
    must(sys_vmo_write(file, 4 * PAGE_SIZE, 8), "write");
    is(dirty_pages(), 2, "that of a system call, too");
    is(probe_read((uint64_t)view + 20 * PAGE_SIZE, (uint64_t[1]){0}), 0,
       "others are read meanwhile");
    close_file();
}

/* ---- Clones ---------------------------------------------------------------------------------- */

static void test_clone(void)
{
    open_file(64);
    (void)word(1);
    view[2 * 512] = 22;
    handle_t clone = (handle_t)must(sys_vmo_clone(file, 0, 8 * PAGE_SIZE), "clone");
    volatile uint64_t *copy =
        (volatile uint64_t *)must(sys_map(0, clone, 0, 8 * PAGE_SIZE, 0x710000000, RW), "map");
    is((int64_t)copy[512], (int64_t)pattern(1), "a clone of a paged object shows its pages");
    is((int64_t)copy[2 * 512], 22, "dirty ones as they are");
    is((int64_t)copy[3 * 512], (int64_t)pattern(3), "asks for absent ones");
    copy[512] = 5;
    copy[4 * 512] = 6;
    is((int64_t)word(1), (int64_t)pattern(1), "its writes are its own");
    is((int64_t)word(4), (int64_t)pattern(4), "to pages it had not seen, too");
    view[2 * 512] = 23;
    is((int64_t)copy[2 * 512], 22, "it keeps what it has seen");
    is(dirty_pages(), 1, "none of this makes the file dirty");
    handle_t second = (handle_t)must(sys_vmo_clone(clone, 0, 8 * PAGE_SIZE), "clone");
    sys_handle_close(clone);
    must(sys_vmo_read(second, PAGE_SIZE, 8), "read");
    is(*(int64_t *)message_area()->bytes, 5, "a clone of the clone has its writes");
    must(sys_vmo_read(second, 6 * PAGE_SIZE, 8), "read");
    is(*(int64_t *)message_area()->bytes, (int64_t)pattern(6), "and the file's pages");
    is(sys_vmo_resize(second, PAGE_SIZE), 0, "it shrinks");
    is(sys_vmo_resize(second, 8 * PAGE_SIZE), 0, "and grows");
    must(sys_vmo_read(second, 6 * PAGE_SIZE, 8), "read");
    is(*(int64_t *)message_area()->bytes, 0, "and what was cut is zero");
    sys_handle_close(second);
    sys_unmap(0, (uint64_t)copy, 8 * PAGE_SIZE);
    close_file();
}

/* ---- Death and succession -------------------------------------------------------------------- */

static volatile int64_t waited;
static volatile bool waiting;

static void waiter(void *argument)
{
    waiting = true;
    waited = sys_vmo_read(file, *(uint64_t *)argument, 8);
    if (!waited)
        waited = *(int64_t *)message_area()->bytes;
    waiting = false;
}

static void test_succession(void)
{
    struct thread server, reader;
    uint64_t offset = 30 * PAGE_SIZE;
    handle_t first = port;
    open_file(64);
    view[7 * 512] = 70;
    must(sys_vmo_writeback_begin(file, 0, FILE_PAGES * PAGE_SIZE), "begin");
    behaviour = IGNORE;
    run_thread(&reader, waiter, &offset, -1, PRIORITY_DEFAULT);
    while (reads < 2)
        sys_sleep(clock_after(MILLISECOND));
    sys_handle_close(port); /* its receiver's only handle: the pager is dead */
    sys_sleep(clock_after(700 * MILLISECOND));
    ok(waiting, "who waits for a page outlives the pager");
    port = (handle_t)must(sys_port_create(8), "port");
    behaviour = SUPPLY;
    run_thread(&server, page_server, &port, -1, PRIORITY_DEFAULT);
    is(sys_vmo_set_pager(file, port, KEY), 0, "a successor");
    must(thread_join(&reader, soon(), NULL), "join");
    is(waited, (int64_t)pattern(30), "is asked again");
    is(dirty_pages(), 1, "what its predecessor was writing is dirty");
    is((int64_t)word(7), 70, "and still there");
    (void)first;
    close_file();
}

static void test_grace(void)
{
    struct thread reader;
    uint64_t offset = 30 * PAGE_SIZE, start = clock_now();
    handle_t good = port;
    port = (handle_t)must(sys_port_create(8), "port");
    open_file(0);
    sys_handle_close(port);
    port = good;
    run_thread(&reader, waiter, &offset, -1, PRIORITY_DEFAULT);
    must(thread_join(&reader, soon(), NULL), "join");
    is(waited, -EIO, "without a successor it fails");
    uint64_t took = clock_now() - start;
    ok(took >= PAGER_GRACE_NS && took < PAGER_GRACE_NS + 5 * SECOND, "after the grace period");
    is(sys_vmo_read(file, offset, 8), -EIO, "and others at once");
    close_file();
}

/* ---- Reclaim --------------------------------------------------------------------------------- */

/* More of a file than the budget holds. */
static void test_reclaim(void)
{
    uint64_t pages = 24576, good = 0; /* 96 MiB of 64 */
    reads = pages_read = 0;
    behaviour = SUPPLY;
    file = (handle_t)must(sys_vmo_create_paged(port, pages * PAGE_SIZE, KEY, 4), "paged");
    uint8_t *bytes =
        (uint8_t *)must(sys_map(0, file, 0, pages * PAGE_SIZE, 0x800000000, RW), "map");
    bytes[0] = 99;
    for (uint64_t i = 1; i < pages; i += 32) {
        must(sys_vmo_commit(file, i * PAGE_SIZE, PAGE_SIZE * (i + 32 > pages ? pages - i : 32)),
             "commit");
        good += *(volatile uint64_t *)(bytes + i * PAGE_SIZE) == pattern(i);
    }
    is((int64_t)good, (int64_t)((pages + 30) / 32), "a file larger than the budget is read");
    ok(resident(file) < pages, "some of it was given back");
    is(bytes[0], 99, "dirty pages were not");
    sys_unmap(0, (uint64_t)bytes, pages * PAGE_SIZE);
    sys_handle_close(file);
}

/* ---- Reading in place ------------------------------------------------------------------------ */

static int64_t loan_result;
static void device(void *argument)
{
    handle_t from = *(handle_t *)argument;
    struct message m = {0};
    struct receipt receipt;
    while (sys_get(from, DEADLINE_NEVER, &m, &receipt) == GET_MESSAGE) {
        *(uint64_t *)message_area()->bytes = 4711;
        loan_result = sys_vmo_write(message_area()->ranges[0].vmo, 0, 8);
        m = (struct message){0};
        sys_reply(receipt.token, &m);
    }
}

static int64_t lend(handle_t to, uint64_t offset, uint64_t length)
{
    struct message m = {.flags = MESSAGE_FLAGS(0, 0, 1)};
    message_area()->ranges[0] =
        (struct message_range){file, RIGHT_WRITE | RIGHT_PIN, offset, length};
    return sys_do(to, soon(), &m);
}

static void test_in_place(void)
{
    struct thread thread, reader;
    uint64_t offset = 3 * PAGE_SIZE;
    handle_t device_port = (handle_t)must(sys_port_create(8), "port");
    open_file(4);
    behaviour = IGNORE;
    run_thread(&thread, device, &device_port, -1, PRIORITY_DEFAULT);
    run_thread(&reader, waiter, &offset, -1, PRIORITY_DEFAULT);
    while (!reads)
        sys_sleep(clock_after(MILLISECOND));
    is(lend(device_port, 3 * PAGE_SIZE, 2 * PAGE_SIZE), 0, "absent pages are lent to a device");
    is(loan_result, 0, "which fills them");
    ok(waiting, "nobody sees them");
    is(sys_vmo_supply(file, 3 * PAGE_SIZE, 2 * PAGE_SIZE, HANDLE_NONE, 0), 0,
       "until they are declared good");
    must(thread_join(&reader, soon(), NULL), "join");
    is(waited, 4711, "then who waits goes on");
    is((int64_t)word(4), 0, "what the device left is empty");
    is(dirty_pages(), 0, "and all is clean");
    is(lend(device_port, 3 * PAGE_SIZE, PAGE_SIZE), -EEXIST,
       "pages with contents are not overwritten");
    is(lend(device_port, 8 * PAGE_SIZE, PAGE_SIZE), 0, "a page is read in vain");
    is(sys_vmo_fail(file, 8 * PAGE_SIZE, PAGE_SIZE, EIO), 0, "and given up");
    is((int64_t)resident(file), 2, "it is not kept");
    sys_thread_kill(thread.handle, 0);
    must(thread_join(&thread, soon(), NULL), "join");
    sys_handle_close(device_port);
    close_file();
}

int main(const void *found)
{
    struct thread server;
    test_begin(found);
    probe_begin();
    port = (handle_t)must(sys_port_create(8), "port");
    run_thread(&server, page_server, &port, -1, PRIORITY_DEFAULT);
    uint64_t before = 0;
    for (int round = 0; round < 2; round++) {
        test_read();
        test_dirty();
        test_clone();
        test_in_place();
        test_succession();
        test_reclaim();
        if (round == 0)
            before = settled_free_memory();
    }
    uint64_t after = settled_free_memory();
    if (!ok(after + 32 * PAGE_SIZE >= before, "no memory is lost"))
        print("#   %ld pages\n", (int64_t)(before - after) / 4096);
    test_grace();
    return test_end();
}
