/*
 * What the servers' operations cost, in guest instructions: as bench.c measures.  Prints a line per
 * figure: BENCH, name, value, unit, budget, peers, separated by tabs.
 */
#include "service.h"

#include <portolan/names.h>
#include <portolan/pipe.h>

#define RUNS 7u
#define ROUNDS 300u

static handle_t tree, file, vmo, ends[4];
static uint8_t bytes[PAGE_SIZE];

static uint64_t counter(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* The median of several runs of ROUNDS each. */
static uint64_t measure(void (*round)(void))
{
    uint64_t runs[RUNS];
    for (uint32_t run = 0; run < RUNS; run++) {
        uint64_t start = counter();
        for (uint32_t i = 0; i < ROUNDS; i++)
            round();
        uint64_t value = (counter() - start) / ROUNDS;
        uint32_t at = run;
        for (; at && runs[at - 1] > value; at--)
            runs[at] = runs[at - 1];
        runs[at] = value;
    }
    return runs[RUNS / 2];
}

static void report(const char *name, void (*round)(void), uint32_t budget, const char *peers)
{
    for (uint32_t i = 0; i < 10; i++)
        round();
    print("BENCH\t%s\t%lu\tinstructions\t%u\t%s\n", name, measure(round), budget, peers);
}

/* One byte to or from a pipe, with no more than is needed. */
static void put_byte(handle_t end)
{
    struct message message = {.op = IO_WRITE, .flags = MESSAGE_FLAGS(1, 0, 0), .length = 1};
    message_area()->bytes[0] = 'x';
    sys_do(end, DEADLINE_NEVER, &message);
}

static void get_byte(handle_t end)
{
    struct message message = {.op = IO_READ, .length = 1};
    sys_do(end, DEADLINE_NEVER, &message);
}

static void echo(uint64_t argument)
{
    (void)argument;
    for (;;) {
        get_byte(child_handles[0]);
        put_byte(child_handles[1]);
    }
}

static void pipe_round(void)
{
    put_byte(ends[1]);
    get_byte(ends[2]);
}

static void read_page(void)
{
    read_bytes(file, bytes, PAGE_SIZE, 0, 0);
}

static void read_byte(void)
{
    read_bytes(file, bytes, 1, 0, 0);
}

static void read_64k(void)
{
    read_lent(file, vmo, 0, 65536, 0);
}

static void write_page(void)
{
    write_bytes(file, bytes, PAGE_SIZE, 0, 0);
}

static void open_close(void)
{
    sys_handle_close((handle_t)open_path(tree, "usr/share/file", IO_OPEN_READ));
}

static void info(void)
{
    struct io_info out;
    get_info(tree, "usr/share/file", 0, &out);
}

static void make_and_remove(void)
{
    sys_handle_close((handle_t)open_path(tree, "usr/new", IO_OPEN_WRITE | IO_OPEN_CREATE));
    ask(tree, IO_REMOVE, "usr/new", NULL);
}

static void make_pipe(handle_t root, handle_t *pair)
{
    struct message message = {.flags = MESSAGE_ROOM, .arg = {PIPE_CREATE, 0, 0}};
    must(ask(root, IO_CONTROL, "", &message), "pipe");
    pair[0] = message_area()->handles[0].handle;
    pair[1] = message_area()->handles[1].handle;
}

static void measure_pipe(void)
{
    struct service service = {0};
    struct child child;
    service_start(&service, "pipe", NULL, HANDLE_NONE, NULL);
    make_pipe(service.port, ends);
    make_pipe(service.port, ends + 2);
    handle_t given[] = {ends[0], ends[3]};
    run_child(&child, echo, 0, given, 2, -1, CHILD_BUDGET);
    report("pipe, 1 byte there and back, two tasks", pipe_round, 3000, "");
    end_child(&child);
    service_end(&service);
}

static void measure_files(void)
{
    struct service files = {0}, names = {0};
    service_start(&files, "tmpfs", NULL, HANDLE_NONE, NULL);
    service_start(&names, "names", NULL, HANDLE_NONE, NULL);
    handle_t manager = badged(names.port, NAMES_BADGE_MOUNT);
    struct message message = {.flags = MESSAGE_FLAGS(0, 1, 0)};
    message_area()->handles[0] = (struct message_handle){badged(files.port, 0), RIGHTS_SAME, 0};
    must(ask(manager, NAMES_MOUNT, "", &message), "mount");
    tree = badged(names.port, 2);
    must(ask(tree, IO_MAKE_DIRECTORY, "usr", NULL), "usr");
    must(ask(tree, IO_MAKE_DIRECTORY, "usr/share", NULL), "share");
    file = (handle_t)must(
        open_path(tree, "usr/share/file", IO_OPEN_CREATE | IO_OPEN_WRITE | IO_OPEN_READ), "file");
    vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 65536, 0, 0), "vmo");
    must(write_lent(file, vmo, 0, 65536, 0), "write");
    report("tmpfs: read 1 byte", read_byte, 0, "");
    report("tmpfs: read 4 KiB", read_page, 0, "Linux 1756");
    report("tmpfs: read 64 KiB, lent", read_64k, 0, "");
    report("tmpfs: write 4 KiB", write_page, 0, "");
    report("names + tmpfs: information of usr/share/file", info, 0, "");
    report("names + tmpfs: open usr/share/file and close", open_close, 0, "");
    report("names + tmpfs: create and remove a file", make_and_remove, 0, "");
    service_end(&names);
    service_end(&files);
}

int main(const void *found)
{
    test_begin(found);
    measure_pipe();
    measure_files();
    return 0;
}
