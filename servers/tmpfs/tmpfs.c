/*
 * tmpfs: a filesystem in memory; answers <portolan/io.h>.
 *
 * Handles: "port", "log"; "archive" (may be missing): a VM object with a cpio archive that it
 * starts with.  Words: size=BYTES: what files may take together (default 64 MiB, but never more
 * than half of its budget; what stays in the archive does not count); archive-offset=BYTES (whole
 * pages) and archive-size=BYTES: where in the object the archive lies, if not all over it.
 */
#include "tmpfs.h"

#include "clock.h"
#include "print.h"
#include "region.h"
#include "start.h"
#include "syscall.h"

#define QUEUE 256u
#define DEFAULT_SIZE (64ul << 20)

struct tree tree;
uint64_t device_number;
static uint64_t realtime_at_start;

uint64_t time_now(void)
{
    return realtime_at_start + clock_now();
}

static void node_gone(struct node *node)
{
    if (node_type(node) == IO_MODE_REGULAR)
        data_free(node);
}

static void told(struct server *server, const struct message *head)
{
    (void)server;
    if (head->op == KERNEL_UNREFERENCED)
        session_end(head->cookie);
}

static void notified(struct server *server, uint64_t bits)
{
    (void)server;
    if (bits & NOTIFY_ABORT)
        fifos_aborted();
}

static uint64_t number_option(const struct startup *startup, const char *prefix, uint64_t otherwise)
{
    const char *text = startup_option(startup, prefix);
    uint64_t number;
    return text && string_to_number(text, &number) ? number : otherwise;
}

static struct region heap_region;

static bool secure_heap(uint64_t offset, uint64_t length)
{
    return region_secure(&heap_region, offset, length);
}

/*
 * The budget's parts, so that one kind of use does not leave nothing for the others: half for the
 * bytes of files, a quarter for what describes them, a sixteenth for sessions.  What is left is for
 * the kernel's objects: a VM object per file, page tables.
 */
static uint64_t budget_left(const struct startup *startup)
{
    const struct task_info *info = (const struct task_info *)message_area()->bytes;
    return sys_task_info(startup->task) < 0 ? UINT64_MAX : info->budget - info->used;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int64_t open_tree(const struct startup *startup)
{
    uint64_t budget = budget_left(startup);
    uint64_t heap_size = smaller(budget / 4, HEAP_BYTES) & ~(PAGE_SIZE - 1);
    int64_t error = region_open(&heap_region, HEAP_BYTES);
    if (error < 0)
        return error;
    sessions_open((uint32_t)smaller(budget / 16 / SESSION_COST, SESSIONS_MAX));
    uint32_t seed = 0;
    if (sys_random(sizeof(seed)) == 0)
        memcpy(&seed, message_area()->bytes, sizeof(seed));
    heap_open(&tree.heap, heap_region.base, heap_size, secure_heap);
    tree.gone = node_gone;
    tree.now = time_now();
    error = tree_open(&tree, NODES_MAX, seed);
    handle_t archive = startup_handle(startup, "archive");
    data_open(archive, smaller(number_option(startup, "size=", DEFAULT_SIZE), budget / 2));
    if (error || !archive)
        return error;
    error = load_archive(archive, number_option(startup, "archive-offset=", 0),
                         number_option(startup, "archive-size=", 0));
    if (error)
        print("tmpfs: the archive is broken (error %ld)\n", -error);
    return 0;
}

static struct server server = {
    .first_op = IO_OPEN, .handlers = tmpfs_handlers, .notified = notified, .told = told};

int main(const struct startup *startup)
{
    startup_open(startup);
    if (startup->clock_address)
        realtime_at_start = ((const struct clock_page *)startup->clock_address)->boot_realtime_ns;
    server.op_count = tmpfs_handler_count;
    server.port = startup_handle(startup, "port");
    touch_program();
    int64_t error = server_open(&server, QUEUE);
    if (error == 0)
        error = open_tree(startup);
    if (error == 0)
        error = streams_open(FIFOS_MAX);
    uint64_t rights;
    sys_handle_info(server.port, &rights, &device_number);
    if (error == 0)
        error = server_run(&server);
    print("tmpfs: ends: error %ld\n", -error);
    return 1;
}
