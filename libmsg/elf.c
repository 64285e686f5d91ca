/*
 * Checking ELF headers.  Pure: it reads the bytes it is given, once each into a local copy, and
 * makes no system call.
 */
#include "elf.h"

#include <portolan/syscall.h>

#include "string.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF64 file header");

struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF64 program header");

enum { ET_EXEC = 2, ET_DYN = 3, EM_X86_64 = 62, EV_CURRENT = 1, ELFCLASS64 = 2, ELFDATA2LSB = 1 };
enum { PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3 };
enum { PF_X = 1, PF_W = 2, PF_R = 4 };

static uint64_t page_floor(uint64_t x)
{
    return x & ~(PAGE_SIZE - 1);
}

static int check_file_header(const struct elf_header *header)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};
    if (memcmp(header->ident, magic, sizeof magic) != 0)
        return -EINVAL;
    if (header->ident[4] != ELFCLASS64 || header->ident[5] != ELFDATA2LSB ||
        header->machine != EM_X86_64 || (header->type != ET_EXEC && header->type != ET_DYN))
        return -ENOTSUP;
    if (header->ident[6] != EV_CURRENT || header->version != EV_CURRENT ||
        header->ehsize != sizeof *header)
        return -EINVAL;
    if (header->phentsize != sizeof(struct elf_program_header) || header->phnum == 0)
        return -EINVAL;
    return 0;
}

static uint32_t map_flags(uint32_t flags)
{
    return (flags & PF_R ? MAP_READ : 0) | (flags & PF_W ? MAP_WRITE : 0) |
           (flags & PF_X ? MAP_EXECUTE : 0);
}

/* Takes a PT_LOAD header over into *segment.  Addresses must lie in [floor, limit). */
static int take_segment(const struct elf_program_header *header, uint64_t file_size, uint64_t floor,
                        uint64_t limit, struct elf_segment *segment)
{
    uint64_t file_end, end;
    if (__builtin_add_overflow(header->offset, header->filesz, &file_end) || file_end > file_size)
        return -ERANGE;
    if (__builtin_add_overflow(header->vaddr, header->memsz, &end) || end > limit)
        return -ERANGE;
    if (header->filesz > header->memsz)
        return -EINVAL;
    /* Segments ascend (System V ABI) and share no page. */
    if (page_floor(header->vaddr) < floor)
        return -EINVAL;
    if ((header->flags & PF_W) && (header->flags & PF_X))
        return -ENOTSUP;
    if (map_flags(header->flags) == 0)
        return -EINVAL;
    *segment = (struct elf_segment){.address = header->vaddr,
                                    .offset = header->offset,
                                    .file_size = header->filesz,
                                    .memory_size = header->memsz,
                                    .flags = map_flags(header->flags)};
    return 0;
}

static bool entry_is_code(const struct elf_program *program)
{
    for (uint32_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        if ((segment->flags & MAP_EXECUTE) && program->entry >= segment->address &&
            program->entry - segment->address < segment->file_size)
            return true;
    }
    return false;
}

int elf_parse(const void *headers, size_t header_size, uint64_t file_size,
              struct elf_program *program)
{
    struct elf_header header;
    struct elf_program made = {0};
    if (header_size > ELF_HEADERS_MAX)
        header_size = ELF_HEADERS_MAX;
    if (header_size > file_size)
        header_size = (size_t)file_size;
    if (header_size < sizeof header)
        return -EINVAL;
    memcpy(&header, headers, sizeof header);
    int error = check_file_header(&header);
    if (error < 0)
        return error;
    uint64_t table_size = (uint64_t)header.phnum * sizeof(struct elf_program_header);
    if (header.phoff > header_size || table_size > header_size - header.phoff)
        return -ERANGE;

    made.movable = header.type == ET_DYN;
    uint64_t floor = made.movable ? 0 : USER_BASE;
    uint64_t limit = made.movable ? ELF_SPAN_MAX : USER_LIMIT;
    for (uint32_t i = 0; i < header.phnum; i++) {
        struct elf_program_header ph;
        memcpy(&ph, (const char *)headers + header.phoff + i * sizeof ph, sizeof ph);
        if (ph.type == PT_INTERP || (ph.type == PT_DYNAMIC && !made.movable))
            return -ENOTSUP;
        if (ph.type != PT_LOAD || ph.memsz == 0)
            continue;
        if (made.segment_count == ELF_SEGMENTS_MAX)
            return -E2BIG;
        if (!made.movable && ph.vaddr < USER_BASE)
            return -ERANGE;
        error = take_segment(&ph, file_size, floor, limit, &made.segments[made.segment_count]);
        if (error < 0)
            return error;
        floor = page_floor(ph.vaddr + ph.memsz + PAGE_SIZE - 1);
        made.segment_count++;
    }
    made.entry = header.entry;
    made.span = floor;
    if (!entry_is_code(&made))
        return -EINVAL;
    *program = made;
    return 0;
}

void elf_place(struct elf_program *program, uint64_t random)
{
    if (!program->movable)
        return;
    uint64_t places = (ELF_BASE_MAX - ELF_BASE_MIN - program->span) / PAGE_SIZE + 1;
    uint64_t base = ELF_BASE_MIN + random % places * PAGE_SIZE;
    program->entry += base;
    for (uint32_t i = 0; i < program->segment_count; i++)
        program->segments[i].address += base;
}
