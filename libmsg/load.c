/*
 * From an ELF file in a VM object to mapped segments.  A segment that is not written to, and that
 * lies in the file as it is to lie in memory, is mapped from there, if the file may be mapped so;
 * any other is copied to an anonymous VM object of its own, charged to the new task.
 */
#include <portolan/message.h>

#include "spawn.h"
#include "string.h"
#include "thread.h"

static uint64_t page_floor(uint64_t x)
{
    return x & ~(PAGE_SIZE - 1);
}

/* Copies bytes between VM objects by way of the message page. */
static int64_t copy_bytes(handle_t to, uint64_t to_offset, handle_t from, uint64_t from_offset,
                          uint64_t length)
{
    while (length > 0) {
        uint64_t piece = length < MESSAGE_BYTES_MAX ? length : MESSAGE_BYTES_MAX;
        int64_t error = sys_vmo_read(from, from_offset, piece);
        if (error == 0)
            error = sys_vmo_write(to, to_offset, piece);
        if (error < 0)
            return error;
        to_offset += piece;
        from_offset += piece;
        length -= piece;
    }
    return 0;
}

/* A part of the file as it is. Errors mean that it has to be copied. */
static int64_t share_segment(handle_t task, handle_t file, uint64_t offset,
                             const struct elf_segment *segment, struct loaded_segment *out)
{
    uint64_t start = page_floor(segment->address), within = segment->address - start;
    uint64_t length = page_floor(within + segment->memory_size + PAGE_SIZE - 1);
    if ((segment->flags & MAP_WRITE) || segment->file_size != segment->memory_size ||
        offset % PAGE_SIZE != within)
        return -EINVAL;
    int64_t part = sys_vmo_slice(file, offset - within, length);
    if (part < 0)
        return part;
    int64_t result = sys_map(task, (handle_t)part, 0, length, start, segment->flags | MAP_FIXED);
    if (result < 0) {
        sys_handle_close((handle_t)part);
        return result;
    }
    *out = (struct loaded_segment){start, length, (handle_t)part, segment->flags};
    return 0;
}

static int64_t load_segment(handle_t task, handle_t file, uint64_t file_offset,
                            const struct elf_segment *segment, struct loaded_segment *out)
{
    if (share_segment(task, file, file_offset + segment->offset, segment, out) == 0)
        return 0;
    uint64_t start = page_floor(segment->address);
    uint64_t end = page_floor(segment->address + segment->memory_size + PAGE_SIZE - 1);
    int64_t vmo = sys_vmo_create_for(task, VMO_ANONYMOUS, end - start, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t result = copy_bytes((handle_t)vmo, segment->address - start, file,
                                file_offset + segment->offset, segment->file_size);
    if (result == 0)
        result = sys_map(task, (handle_t)vmo, 0, end - start, start, segment->flags | MAP_FIXED);
    if (result < 0) {
        sys_handle_close((handle_t)vmo);
        return result;
    }
    *out = (struct loaded_segment){start, end - start, (handle_t)vmo, segment->flags};
    return 0;
}

void close_segments(const struct loaded_program *program)
{
    for (uint32_t i = 0; i < program->segment_count; i++)
        sys_handle_close(program->segments[i].vmo);
}

int64_t load_program(handle_t task, handle_t file, uint64_t offset, uint64_t size,
                     struct loaded_program *out)
{
    uint64_t header_size = size < ELF_HEADERS_MAX ? size : ELF_HEADERS_MAX;
    int64_t error = sys_vmo_read(file, offset, header_size);
    if (error < 0)
        return error;
    struct elf_program program;
    error = elf_parse(message_area()->bytes, header_size, size, &program);
    if (error < 0)
        return error;
    error = sys_random(sizeof(uint64_t));
    if (error < 0)
        return error;
    uint64_t random;
    memcpy(&random, message_area()->bytes, sizeof random);
    elf_place(&program, random);
    *out = (struct loaded_program){.entry = program.entry};
    for (uint32_t i = 0; i < program.segment_count; i++) {
        error = load_segment(task, file, offset, &program.segments[i], &out->segments[i]);
        if (error < 0) {
            close_segments(out);
            return error;
        }
        out->segment_count++;
    }
    return 0;
}
