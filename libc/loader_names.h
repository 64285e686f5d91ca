/*
 * libmsg's loader under names that a program's own do not meet.
 */
#ifndef LIBC_LOADER_NAMES_H
#define LIBC_LOADER_NAMES_H

#define spawn __libc_spawn
#define spawn_into __libc_spawn_into
#define load_program __libc_load_program
#define close_segments __libc_close_segments
#define elf_parse __libc_elf_parse
#define elf_place __libc_elf_place

#endif
