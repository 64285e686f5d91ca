/*
 * A disk of memory.  Words: "size=16" MiB (default 8); "name=/dev/ram0".  Discarding frees.
 */
#include "block_server.h"
#include "publish.h"
#include "start.h"

static handle_t disk;

/* By way of the message page: neither side's memory is mapped, so neither can make the other
 * fault. */
static int64_t copy(handle_t to, uint64_t to_offset, handle_t from, uint64_t from_offset,
                    uint64_t length)
{
    while (length) {
        uint64_t piece = length < MESSAGE_BYTES_MAX ? length : MESSAGE_BYTES_MAX;
        int64_t error = sys_vmo_read(from, from_offset, piece);
        if (error >= 0)
            error = sys_vmo_write(to, to_offset, piece);
        if (error < 0)
            return error;
        to_offset += piece, from_offset += piece, length -= piece;
    }
    return 0;
}

static int64_t ram_read(struct block_driver *driver, struct block_request *r)
{
    (void)driver;
    return copy(r->memory, r->memory_offset, disk, r->offset, r->length);
}

static int64_t ram_write(struct block_driver *driver, struct block_request *r)
{
    (void)driver;
    return copy(disk, r->offset, r->memory, r->memory_offset, r->length);
}

static int64_t ram_discard(struct block_driver *driver, struct block_request *r)
{
    (void)driver;
    return sys_vmo_decommit(disk, r->offset, r->length);
}

static struct block_driver ramdisk = {
    .block_size = PAGE_SIZE, .read = ram_read, .write = ram_write, .discard = ram_discard};

int main(const void *found)
{
    const char *size = startup_option(found, "size=");
    uint64_t mebibytes = 8;
    startup_open(found);
    if ((size && !string_to_number(size, &mebibytes)) || mebibytes > 1ul << 20)
        return 1;
    ramdisk.size = mebibytes << 20;
    int64_t made = sys_vmo_create(VMO_ANONYMOUS, ramdisk.size, 0, 0);
    disk = made < 0 ? HANDLE_NONE : (handle_t)made;
    return !disk || server_publish(&ramdisk.server, found) < 0 || block_serve(&ramdisk) < 0;
}
