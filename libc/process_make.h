/*
 * Making processes: what posix_spawn and exec share.
 */
#ifndef LIBC_PROCESS_MAKE_H
#define LIBC_PROCESS_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include <portolan/process.h>

/* A program to be run: a file that holds an ELF program. */
struct program_file {
    handle_t vmo; /* READ, and if it can be, MAP and EXECUTE */
    uint64_t offset, size;
};

/* A descriptor of the new process. */
struct planned_file {
    int descriptor;
    uint32_t flags;   /* as fcntl F_GETFL gives them, and O_DIRECTORY */
    handle_t handle;  /* of this task; files that are the same have the same */
    const char *path; /* of a directory, else NULL */
};

struct process_plan {
    bool replace; /* exec */
    struct program_file program;
    char *const *arguments, *const *environment;
    const struct planned_file *files;
    uint32_t file_count;
    const char *directory; /* absolute */
    uint32_t umask;
    struct process_start start; /* name, group, flags, signals */
    int priority;               /* the kernel's */
};

/* The new process's number, or a negative error number.  Of one that replaces this process: an
 * error, or it does not return. */
int64_t __libc_process_make(const struct process_plan *plan);

/* Finds a program by its path, and follows "#!" lines, which put arguments before the caller's.  0
 * or an error: -ENOENT, -EACCES, -ENOEXEC, -ELOOP, -ENOMEM. */
struct found_program {
    struct program_file file;
    char *const *arguments;
    struct script_list *made;
    char name[PROCESS_NAME_MAX];
};
int64_t __libc_program_find(const char *path, char *const *arguments, struct found_program *found);
/* Of an open descriptor; no scripts. -EBADF, -EACCES, -ENOEXEC. */
int64_t __libc_program_find_open(int descriptor, char *const *arguments,
                                 struct found_program *found);
void __libc_program_forget(struct found_program *found);

#endif
