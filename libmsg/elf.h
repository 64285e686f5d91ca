/*
 * Programs as ELF64 files (System V ABI, "Object Files"; the AMD64 supplement).  Only what Portolan
 * runs is taken: static x86-64 executables whose segments are whole pages of one kind of access.
 * They lie at fixed addresses, or are position-independent (ET_DYN): those may be put anywhere, and
 * then relocate themselves.  Thread-local data and pages to be made constant after relocation are
 * the program's own affair too.
 */
#ifndef LIBMSG_ELF_H
#define LIBMSG_ELF_H

#include <portolan/types.h>

#define ELF_SEGMENTS_MAX 8u
/* The file header and the program headers must lie in this many first bytes. */
#define ELF_HEADERS_MAX 4096u

/* A segment: file bytes [offset, offset + file_size) at `address`, then zeros up to memory_size. */
struct elf_segment {
    uint64_t address, offset, file_size, memory_size; /* bytes; not aligned */
    uint32_t flags;                                   /* MAP_* */
};

struct elf_program {
    uint64_t entry;
    bool movable;  /* position-independent: addresses count from a base yet to be chosen */
    uint64_t span; /* of a movable one: the first address, aligned, behind all segments */
    uint32_t segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX]; /* ascending addresses, no page shared */
};

/* Movable programs are put at random page addresses in this range, and span at most as much. */
#define ELF_BASE_MIN 0x100000000000ul
#define ELF_BASE_MAX 0x1ffffffff000ul
#define ELF_SPAN_MAX (4ul << 30)

/*
 * Checks the headers of a program of file_size bytes, the first header_size (at most
 * ELF_HEADERS_MAX are looked at) of which are at `headers`.  Nothing in them is trusted.
 * 0; -EINVAL not an ELF program or malformed; -ENOTSUP well-formed, but of a kind not taken (other
 * machine, one that wants an interpreter, writable code); -ERANGE reaches beyond the file or user
 * memory; -E2BIG more than ELF_SEGMENTS_MAX segments.  *program is written on success only.
 */
int elf_parse(const void *headers, size_t header_size, uint64_t file_size,
              struct elf_program *program);

/* Puts a movable program at an address that `random` chooses: entry and segments become addresses.
 * Does nothing to one that is not movable. */
void elf_place(struct elf_program *program, uint64_t random);

#endif
