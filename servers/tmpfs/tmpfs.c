/*
 * tmpfs: a filesystem in memory; answers <portolan/io.h>.
 *
 * Handles: "port", "log"; "archive" (may be missing): a VM object with a cpio archive that it
 * starts with.  Words: size=BYTES: what files may take together (default 64 MiB; what stays in the
 * archive does not count); archive-offset=BYTES (whole pages) and archive-size=BYTES: where in the
 * object the archive lies, if not all over it.
 */
#include "tmpfs.h"

#include "clock.h"
#include "print.h"
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

static int64_t open_tree(const struct startup *startup)
{
    int64_t vmo = sys_vmo_create(VMO_ANONYMOUS, HEAP_BYTES, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, HEAP_BYTES, 0, MAP_READ | MAP_WRITE);
    sys_handle_close((handle_t)vmo);
    if (address < 0)
        return address;
    uint32_t seed = 0;
    if (sys_random(sizeof(seed)) == 0)
        memcpy(&seed, message_area()->bytes, sizeof(seed));
    tree.gone = node_gone;
    tree.now = time_now();
    int64_t error = tree_open(&tree, (void *)address, HEAP_BYTES, NODES_MAX, seed);
    handle_t archive = startup_handle(startup, "archive");
    data_open(archive, number_option(startup, "size=", DEFAULT_SIZE));
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
    sessions_open();
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
