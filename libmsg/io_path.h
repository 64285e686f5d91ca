/*
 * Paths of the I/O protocol (<portolan/io.h>): as they lie in a message, copied, checked, and taken
 * apart into names.  Pure: no system call.
 */
#ifndef LIBMSG_IO_PATH_H
#define LIBMSG_IO_PATH_H

#include <portolan/io.h>

/* A copy, so that nobody changes it while it is read; a NUL follows it. */
struct io_path {
    uint32_t length; /* bytes */
    char text[IO_PATH_MAX + 1];
};

/* A part of a path's text. */
struct io_path_name {
    const char *text; /* no NUL behind it */
    uint32_t length;
};

/*
 * Copies a path of `length` bytes: names of 1..IO_NAME_MAX bytes with a slash between them, none of
 * them "." or "..", no NUL; or nothing at all.  0, -EINVAL, -ENAMETOOLONG.
 */
int64_t io_path_copy(struct io_path *path, const void *from, uint64_t length);

/* The name at *at, which is moved behind it and its slash; false: there is none left.  *at
 * starts as 0. */
bool io_path_next(const struct io_path *path, uint32_t *at, struct io_path_name *name);

/* Cuts the last name off; false: there is none.  What is left is the directory that it is in. */
bool io_path_cut_last(struct io_path *path, char last[IO_NAME_MAX + 1]);

/* Whether a path lies at or below another. */
bool io_path_is_within(const struct io_path *path, const struct io_path *above);

#endif
