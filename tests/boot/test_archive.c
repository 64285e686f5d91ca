/*
 * A tmpfs that starts with a cpio archive: what is in it, that its files are not copied, and that
 * they can be changed all the same.
 */
#include "service.h"

static struct service service;
static handle_t root, archive;
static uint8_t *bytes;
static uint64_t length;
static uint8_t buffer[MESSAGE_BYTES_MAX];
#define ARCHIVE_SIZE (64 * PAGE_SIZE)
#define READ_WRITE (IO_OPEN_READ | IO_OPEN_WRITE)

/* A member; its data starts at a page if `aligned`, by more NULs behind the name. */
static uint8_t *add(const char *name, uint32_t mode, const void *data, uint32_t size, bool aligned)
{
    uint64_t name_size = strlen(name) + 1;
    if (aligned)
        name_size += -(length + 110 + name_size) & (PAGE_SIZE - 1);
    format_text((char *)bytes + length, 128,
                "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u, mode, 0u, 0u, 1u,
                0u, size, 0u, 0u, 0u, 0u, (uint32_t)name_size, 0u);
    memset(bytes + length + 110, 0, name_size);
    memcpy(bytes + length + 110, name, strlen(name));
    length = (length + 110 + name_size + 3) & ~3ul;
    uint8_t *at = bytes + length;
    if (data)
        memcpy(at, data, size);
    length = (length + size + 3) & ~3ul;
    return at;
}

static void make_archive(void)
{
    archive = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, ARCHIVE_SIZE, 0, 0), "vmo");
    bytes = (uint8_t *)must(sys_map(HANDLE_NONE, archive, 0, ARCHIVE_SIZE, 0, MAP_READ | MAP_WRITE),
                            "map");
    add(".", IO_MODE_DIRECTORY | 01777, NULL, 0, false);
    add("bin", IO_MODE_DIRECTORY | 0711, NULL, 0, false);
    uint8_t *program = add("bin/program", IO_MODE_REGULAR | 0755, NULL, 3 * PAGE_SIZE + 5, true);
    memset(program, 'p', 3 * PAGE_SIZE + 5);
    add("./etc/deep/file", IO_MODE_REGULAR | 0644, "not aligned", 11, false);
    add("etc/link", IO_MODE_LINK | 0777, "deep/file", 9, false);
    add("empty", IO_MODE_REGULAR | 0600, NULL, 0, false);
    add("fifo", IO_MODE_FIFO | 0600, NULL, 0, false);
    add("../evil", IO_MODE_REGULAR | 0600, "x", 1, false);
    add("etc/link/through", IO_MODE_REGULAR | 0600, "x", 1, false);
    add("bin", IO_MODE_REGULAR | 0600, "x", 1, false);
    add("disk", IO_MODE_BLOCK | 0600, NULL, 0, false);
    add("last", IO_MODE_REGULAR | 0444, "end", 3, false);
    add("TRAILER!!!", 0, NULL, 0, false);
}

static uint32_t mode_of(const char *path)
{
    struct io_info info;
    return get_info(root, path, IO_OPEN_NOFOLLOW, &info) ? 0 : info.mode;
}

static uint64_t resident(void)
{
    const struct task_info *info = (const struct task_info *)message_area()->bytes;
    must(sys_task_info(service.made.task), "task_info");
    return info->used;
}

static void test_contents(void)
{
    is(mode_of(""), IO_MODE_DIRECTORY | 01777, "the root");
    is(mode_of("bin"), IO_MODE_DIRECTORY | 0711, "a directory");
    is(mode_of("bin/program"), IO_MODE_REGULAR | 0755, "a file");
    is(mode_of("etc"), IO_MODE_DIRECTORY | 0755, "directories that are not in the archive");
    is(mode_of("etc/link"), IO_MODE_LINK | 0777, "a link");
    is(mode_of("fifo"), IO_MODE_FIFO | 0600, "a FIFO");
    is(mode_of("empty"), IO_MODE_REGULAR | 0600, "an empty file");
    is(mode_of("last"), IO_MODE_REGULAR | 0444, "what comes after members that are left out");
    ok(!mode_of("evil") && !mode_of("disk") && !mode_of("etc/deep/through"), "and they are");
    handle_t file = (handle_t)must(open_path(root, "etc/deep/file", IO_OPEN_READ), "open");
    is(read_bytes(file, buffer, 100, 0, 0), 11, "read");
    ok(memcmp(buffer, "not aligned", 11) == 0, "its bytes");
    sys_handle_close(file);
}

static handle_t map_file(handle_t file, uint64_t rights)
{
    must(ask(file, IO_MAP, "", &(struct message){.flags = MESSAGE_ROOM, .arg = {rights, 0, 0}}),
         "map");
    return message_area()->handles[0].handle;
}

static void test_map(void)
{
    handle_t file =
        (handle_t)must(open_path(root, "bin/program", IO_OPEN_READ | IO_OPEN_EXECUTE), "open");
    uint64_t before = resident();
    handle_t vmo = map_file(file, RIGHT_READ | RIGHT_EXECUTE);
    ok(resident() < before + 2 * PAGE_SIZE, "a map of an aligned file takes no memory");
    volatile uint8_t *map = (volatile uint8_t *)must(
        sys_map(HANDLE_NONE, vmo, 0, 4 * PAGE_SIZE, 0, MAP_READ | MAP_EXECUTE), "map");
    ok(map[0] == 'p' && map[3 * PAGE_SIZE + 4] == 'p', "and is the archive's own memory");
    is(sys_map(HANDLE_NONE, vmo, 0, PAGE_SIZE, 0, MAP_READ | MAP_WRITE), -EPERM,
       "which is not to be written to");
    sys_unmap(HANDLE_NONE, (uint64_t)map, 4 * PAGE_SIZE);
    sys_handle_close(vmo);
    vmo = map_file(file, RIGHT_READ);
    map = (volatile uint8_t *)must(sys_map(HANDLE_NONE, vmo, 0, 4 * PAGE_SIZE, 0, MAP_READ), "map");
    ok(map[0] == 'p' && map[3 * PAGE_SIZE + 4] == 'p' && map[3 * PAGE_SIZE + 5] == 0,
       "a map that is only read has zeros behind the end");
    sys_unmap(HANDLE_NONE, (uint64_t)map, 4 * PAGE_SIZE);
    sys_handle_close(vmo);
    sys_handle_close(file);
    file = (handle_t)must(open_path(root, "etc/deep/file", IO_OPEN_READ), "open");
    vmo = map_file(file, RIGHT_READ);
    map = (volatile uint8_t *)must(sys_map(HANDLE_NONE, vmo, 0, PAGE_SIZE, 0, MAP_READ), "map");
    ok(map[0] == 'n' && map[11] == 0, "one that is not aligned is copied");
    sys_unmap(HANDLE_NONE, (uint64_t)map, PAGE_SIZE);
    sys_handle_close(vmo);
    sys_handle_close(file);
}

static void test_change(void)
{
    handle_t file = (handle_t)must(open_path(root, "bin/program", READ_WRITE), "open");
    is(write_bytes(file, "changed", 7, 4096, 0), 7, "a file of the archive is written to");
    is(read_bytes(file, buffer, 9, 4095, 0), 9, "read");
    ok(memcmp(buffer, "pchangedp", 9) == 0, "it is changed there and nowhere else");
    is(read_bytes(file, buffer, 100, 3 * PAGE_SIZE, 0), 5, "its end is where it was");
    sys_handle_close(file);
    bool archive_same = true;
    for (uint64_t i = 0; i + 7 < ARCHIVE_SIZE; i++)
        archive_same &= memcmp(bytes + i, "changed", 7) != 0;
    ok(archive_same, "the archive stays as it is");
    file = (handle_t)must(open_path(root, "last", READ_WRITE | IO_OPEN_TRUNCATE), "open");
    is(read_bytes(file, buffer, 9, 0, 0), 0, "another is truncated");
    is(write_bytes(file, "new", 3, 1, 0), 3, "and written");
    is(read_bytes(file, buffer, 9, 0, 0), 4, "read");
    ok(memcmp(buffer, "\0new", 4) == 0, "zeros before it");
    sys_handle_close(file);
    is(ask(root, IO_REMOVE, "etc/deep/file", NULL), 0, "another is removed");
}

static void restart(const char *word)
{
    service_end(&service);
    service_start(&service, "tmpfs", "archive", archive, word);
    root = badged(service.port, 0);
}

static void test_broken(void)
{
    struct io_info info;
    restart("archive-offset=4096");
    is(get_info(root, "", 0, &info), 0, "no archive there: it is empty, but there");
    restart("archive-offset=1000000000");
    is(get_info(root, "", 0, &info), 0, "beyond the object");
    restart("archive-size=700");
    is(get_info(root, "bin", 0, &info), 0, "cut off: what came before is there");
    is(get_info(root, "last", 0, &info), -ENOENT, "and no more");
}

/* The boot module itself: its programs are mapped, cloned and started out of a tmpfs. */
static void test_boot_module(void)
{
    struct spawned made;
    service_end(&service);
    service_start(&service, "tmpfs", "archive", startup_handle(startup, "boot"), NULL);
    root = badged(service.port, 0);
    handle_t file =
        (handle_t)must(open_path(root, "devices", IO_OPEN_READ | IO_OPEN_EXECUTE), "open");
    handle_t program = map_file(file, RIGHT_READ | RIGHT_EXECUTE);
    uint64_t size = reply.length;
    handle_t port = (handle_t)must(sys_port_create(16), "port");
    const struct spawn_handle handles[] = {{"port", port, RIGHTS_SAME}};
    is(spawn(&(struct spawn){.file = program,
                             .size = size,
                             .budget = 4 << 20,
                             .priority = PRIORITY_DEFAULT,
                             .cpu = -1,
                             .clock = startup->clock,
                             .cpus = startup->cpus,
                             .handles = handles,
                             .handle_count = 1,
                             .words = "",
                             .word_count = 0},
             &made),
       0, "a program is started from a file");
    is(open_path(port, "null", IO_OPEN_READ) > 0, 1, "and runs");
    handle_t plain = map_file(file, RIGHT_READ);
    is(sys_vmo_clone(plain, 0, PAGE_SIZE) > 0, 1, "a map to read can be cloned");
    sys_task_kill(made.task, 0);
    sys_handle_close(made.task);
    sys_handle_close(made.thread);
    sys_handle_close(port);
    sys_handle_close(plain);
    sys_handle_close(program);
    sys_handle_close(file);
}

int main(const void *found)
{
    test_begin(found);
    make_archive();
    service_start(&service, "tmpfs", "archive", archive, NULL);
    root = badged(service.port, 0);
    test_contents();
    test_map();
    test_change();
    test_broken();
    test_boot_module();
    service_end(&service);
    return test_end();
}
