/*
 * The devices that are no hardware.
 */
#include "service.h"

#include <portolan/devices.h>

static struct service service;
static handle_t root;
static uint8_t buffer[MESSAGE_BYTES_MAX], more[MESSAGE_BYTES_MAX];
#define READ_WRITE (IO_OPEN_READ | IO_OPEN_WRITE)

static handle_t opened(const char *path)
{
    return (handle_t)must(open_path(root, path, READ_WRITE), path);
}

static bool all_zeros(const uint8_t *bytes, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

static void test_each(void)
{
    handle_t null = opened("null"), zero = opened("zero"), full = opened("full");
    handle_t random = opened("random"), urandom = opened("urandom");
    is(read_bytes(null, buffer, 100, 0, 0), 0, "null is empty");
    is(write_bytes(null, buffer, 100, 0, 0), 100, "and takes all");
    memset(buffer, 1, sizeof(buffer));
    is(read_bytes(zero, buffer, 4096, 0, 0), 4096, "zero gives all that is asked for");
    ok(all_zeros(buffer, 4096), "zeros");
    is(write_bytes(zero, buffer, 1, 0, 0), 1, "and takes all");
    is(read_bytes(full, buffer, 10, 0, 0), 10, "full gives zeros");
    is(write_bytes(full, buffer, 1, 0, 0), -ENOSPC, "and has no room");
    is(write_bytes(full, buffer, 0, 0, 0), 0, "but for nothing");
    is(read_bytes(random, buffer, 64, 0, 0), 64, "random");
    is(read_bytes(urandom, more, 64, 0, 0), 64, "urandom");
    ok(memcmp(buffer, more, 64) != 0 && !all_zeros(buffer, 64), "give other bytes each time");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 3 * PAGE_SIZE, 0, 0), "vmo");
    is(read_lent(random, vmo, 10, 3 * PAGE_SIZE - 10, 0), 3 * PAGE_SIZE - 10, "through a loan");
    sys_vmo_read(vmo, 2 * PAGE_SIZE, PAGE_SIZE);
    ok(!all_zeros(message_area()->bytes + 4000, 96), "up to its end");
    is(write_lent(null, vmo, 0, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE, "a loan to null");
    sys_handle_close(vmo);
    handle_t all[] = {null, zero, full, random, urandom};
    for (uint32_t i = 0; i < 5; i++)
        sys_handle_close(all[i]);
}

static void test_tree(void)
{
    struct io_info info;
    struct message room = {.flags = MESSAGE_ROOM};
    is(open_path(root, "none", IO_OPEN_READ), -ENOENT, "no such device");
    is(open_path(root, "nullx", IO_OPEN_READ), -ENOENT, "a longer name");
    is(open_path(root, "null/x", IO_OPEN_READ), -ENOTDIR, "nothing lies below one");
    is(open_path(root, "new", READ_WRITE | IO_OPEN_CREATE), -EACCES, "none can be made");
    is(ask(root, IO_REMOVE, "null", NULL), -EROFS, "nor removed");
    is(open_path(root, "", IO_OPEN_WRITE), -EISDIR, "the directory is not written to");
    is(open_path(root, "null", READ_WRITE | IO_OPEN_CREATE | IO_OPEN_TRUNCATE) > 0, 1,
       "as shells do");
    is(get_info(root, "zero", 0, &info), 0, "information");
    is(info.mode, IO_MODE_CHARACTER | 0666, "a character device");
    is(get_info(root, "", 0, &info), 0, "of the directory");
    is(info.mode & IO_MODE_TYPE, IO_MODE_DIRECTORY, "which it is");
    handle_t directory = (handle_t)must(open_path(root, "", IO_OPEN_READ), "open");
    is(ask(directory, IO_LIST, "", &room) > 0, 1, "a listing");
    is((int64_t)reply.offset, DEVICES_END - 1, "has all");
    room.offset = reply.offset;
    is(ask(directory, IO_LIST, "", &room), 0, "and an end");
    handle_t reader = (handle_t)must(open_path(directory, "zero", IO_OPEN_READ), "zero");
    is(write_bytes(reader, buffer, 1, 0, 0), -EBADF, "opened to read only");
    sys_handle_close(reader);
    sys_handle_close(directory);
}

static void test_node(void)
{
    handle_t null = badged(service.port, DEVICES_BADGE(DEVICES_NULL));
    is(open_path(null, "null", READ_WRITE), -ENOTDIR, "a node is no directory");
    handle_t session = (handle_t)must(open_path(null, "", READ_WRITE), "a node");
    is(write_bytes(session, "x", 1, 0, 0), 1, "is its device");
    is(read_bytes(session, buffer, 1, 0, 0), 0, "null");
    is(read_bytes(null, buffer, 1, 0, 0), -EBADF, "but is not open itself");
    sys_handle_close(session);
    handle_t wrong = badged(service.port, DEVICES_BADGE(200));
    is(open_path(wrong, "null", READ_WRITE) > 0, 1, "an unknown number is the tree");
}

int main(const void *found)
{
    test_begin(found);
    service_start(&service, "devices", NULL, HANDLE_NONE, NULL);
    root = badged(service.port, 0);
    test_each();
    test_tree();
    test_node();
    service_end(&service);
    return test_end();
}
