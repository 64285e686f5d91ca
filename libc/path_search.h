/*
 * Looking for a program in the directories of PATH.
 */
#ifndef LIBC_PATH_SEARCH_H
#define LIBC_PATH_SEARCH_H

#include <stdint.h>

/* Calls try(path, context) for `name` in each directory of PATH, or once if it has a slash, until
 * that gives something other than -ENOENT, -ENOTDIR or -EACCES; what it gave last, -EACCES if it
 * gave that once.  -ENOENT: an empty name. */
int64_t __libc_path_search(const char *name, int64_t (*try)(const char *path, void *context),
                           void *context);

#endif
