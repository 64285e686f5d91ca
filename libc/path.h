/*
 * Paths: made absolute and normal here, looked up by servers.
 *
 * A struct path holds the names from the root on, joined by single slashes, without "." and "..":
 * what <portolan/io.h> wants.  ".." is taken out by its text alone, before any link is followed.
 * The working directory is such a path too.
 */
#ifndef LIBC_PATH_H
#define LIBC_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <portolan/io.h>

#define PATH_TEXT_MAX 1022u /* with a slash before it and a NUL behind it: PATH_MAX */

struct path {
    uint32_t length;
    bool directory; /* it ended with a slash, or in "." or "..": a directory is meant */
    char text[PATH_TEXT_MAX + 1]; /* with a NUL */
};

/* Makes one from `text`, relative to `directory` (AT_FDCWD or a descriptor).  0, -ENOENT empty,
 * -ENAMETOOLONG, -EBADF, -ENOTDIR. */
int __libc_path_make(struct path *path, int directory, const char *text);

/* A message about one path or two.  The other members of `head` are the caller's; its flags are
 * made here. */
struct path_call {
    struct message head;
    struct path *first, *second; /* second: NULL, or of IO_RENAME, IO_LINK */
    const char *text;            /* NULL, or IO_MAKE_LINK's */
    uint32_t flags;              /* CALL_* */
};
/*
 * Asks the tree, following links: the paths become those that were asked for last.  As call_do
 * gives, or -ENOENT without a tree, -ELOOP, -ENAMETOOLONG, -EBUSY (the root itself cannot be named
 * so).  In between call_begin and call_end, both the caller's; the reply is in the message page and
 * in head.
 */
int64_t __libc_path_do(struct path_call *call);

/* The same, whole, for calls whose result is all: sets errno, gives 0 or -1. */
int __libc_path_change(struct path_call *call);

/* "/" and the path's text, from malloc; NULL: no memory. */
char *__libc_path_text(const struct path *path);

/* The working directory. */
struct arguments;
bool __libc_directory_open(const struct arguments *arguments);
/* Around a fork, and in the child. */
void __libc_directory_lock(void);
void __libc_directory_unlock(void);
void __libc_directory_reset(void);

#endif
