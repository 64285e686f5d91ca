/*
 * The running program's own ELF headers, which the linker puts at its start.
 *
 * Inline, and without a pointer from data: start.c uses this before the program is relocated.
 */
#ifndef LIBC_PROGRAM_H
#define LIBC_PROGRAM_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

/* What is to be added to the addresses in the headers. */
static inline __attribute__((always_inline)) uintptr_t program_bias(void)
{
    return __ehdr_start.e_type == ET_DYN ? (uintptr_t)&__ehdr_start : 0;
}

/* The first program header of that type, or NULL. */
static inline __attribute__((always_inline)) const Elf64_Phdr *program_header(Elf64_Word type)
{
    const char *base = (const char *)&__ehdr_start;
    const Elf64_Phdr *header = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++) {
        if (header[i].p_type == type)
            return &header[i];
    }
    return NULL;
}

#endif
