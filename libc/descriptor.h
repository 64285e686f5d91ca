/*
 * The descriptor table: from a number to an open file, and the open file itself.
 *
 * An *open file* (POSIX: open file description) is a session with a server and the flags it was
 * opened with; descriptors made by dup share it, and so do those of a process and its children, but
 * for the flags: a child gets copies of them.  The offset is the session's, kept by its server.
 *
 * Whoever uses an open file takes a reference (__libc_descriptor_get ... __libc_open_file_put), so
 * that a close by another thread does not pull it away; the session is closed with the last
 * reference.
 *
 * Locks: one, over the table; the flags of an open file are atomic, its other members constant.
 */
#ifndef LIBC_DESCRIPTOR_H
#define LIBC_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <portolan/types.h>

#define DESCRIPTORS_MAX 1024 /* sysconf(_SC_OPEN_MAX) */

struct open_file {
    uint32_t references; /* atomic: descriptors, and calls in progress */
    uint32_t flags;      /* atomic: O_ACCMODE, O_APPEND, O_NONBLOCK, O_DIRECTORY, OPEN_FILE_LOG */
    handle_t handle;     /* the session; fork's child replaces it before anybody uses it */
    char *path;          /* of a directory: absolute and normal; else NULL */
};
/* A flag beside those of <fcntl.h>: handle is a LOG resource, to which one can write; it reads as
 * empty. */
#define OPEN_FILE_LOG 0x40000000u

/* ---- Open files ------------------------------------------------------------------------------ */

/* A new one with one reference, the caller's.  It takes the handle and the path (from malloc, or
 * NULL) over, and closes and frees them if too many are open: then NULL (ENFILE). */
struct open_file *__libc_open_file_make(handle_t handle, uint32_t flags, char *path);
/* Gives a reference back. */
void __libc_open_file_put(struct open_file *file);

/* ---- Descriptors ------------------------------------------------------------------------------
 * Errors are negative error numbers here: -EBADF no such descriptor, -EMFILE no number free. */

/* The open file of a descriptor, with a reference for the caller; NULL: -EBADF. */
struct open_file *__libc_descriptor_get(int descriptor);

/* The lowest free number from `lowest` on is given to the file, whose reference the table takes
 * over on success.  -EMFILE; -EINVAL `lowest` is out of range. */
int __libc_descriptor_add(struct open_file *file, int lowest, bool close_on_exec);
/* Two at once, or none. */
int __libc_descriptor_add_pair(struct open_file *files[2], bool close_on_exec, int descriptors[2]);
/* Makes exactly this number the file's, as above; what it was before is closed. -EBADF. */
int __libc_descriptor_set(int descriptor, struct open_file *file, bool close_on_exec);
/* close().  -EBADF. */
int __libc_descriptor_close(int descriptor);

bool __libc_descriptor_close_on_exec(int descriptor);
int __libc_descriptor_set_close_on_exec(int descriptor, bool yes);

/* ---- For exec, spawn and fork ---------------------------------------------------------------- */

/* Walking the table: the first open descriptor from `from` on, or -1.  The caller holds the lock;
 * *file is not referenced for it. */
void __libc_descriptors_lock(void);
void __libc_descriptors_unlock(void);
int __libc_descriptor_next(int from, struct open_file **file, bool *close_on_exec);
/* In the child of a fork: the lock is new.  Then each open file must get its handle in this task:
 * file->handle = ..., once for each (descriptors that share one name the same struct). */
void __libc_descriptors_reset(void);

struct arguments;
/* At the start: the descriptors that were inherited; if none was, 0, 1 and 2 are the log's. */
int __libc_descriptors_open(const struct arguments *arguments, handle_t log);

#endif
