/*
 * Paths as <portolan/io.h> defines them: checked once, then taken apart name by name.  Pure.
 */
#ifndef SERVERS_PATH_H
#define SERVERS_PATH_H

#include <portolan/io.h>

/* What came in a message, copied; text[length] is 0. */
struct path {
    uint32_t length; /* 0: the node itself */
    char text[IO_PATH_MAX + 1];
};

/*
 * Copies `length` bytes and checks them: 0; -EINVAL too long, a NUL, an empty name (so no slash at
 * an end), "." or ".."; -ENAMETOOLONG a name longer than IO_NAME_MAX.  path is 0 or more names with
 * a slash between them then.
 */
int path_take(struct path *path, const void *bytes, uint64_t length);

/* A place in a path: names from `at` on. */
struct path_cursor {
    const char *at;
    uint32_t left;
};

static inline struct path_cursor path_begin(const struct path *path)
{
    return (struct path_cursor){path->text, path->length};
}

/* The next name: its length (> 0) and *name, and the cursor behind the slash after it; 0 at the
 * end. */
uint32_t path_next(struct path_cursor *cursor, const char **name);

/* Whether `path` is `prefix` or lies below it. */
bool path_is_below(const char *path, uint32_t length, const char *prefix, uint32_t prefix_length);

#endif
