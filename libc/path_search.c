/*
 * PATH; see path_search.h.
 */
#include "path_search.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PATH_DEFAULT "/bin:/usr/bin"

int64_t __libc_path_search(const char *name, int64_t (*try)(const char *path, void *context),
                           void *context)
{
    char path[PATH_MAX];
    const char *directories = getenv("PATH");
    size_t name_length = strlen(name);
    int64_t result = -ENOENT;
    bool denied = false;
    if (name_length == 0)
        return -ENOENT;
    if (strchr(name, '/'))
        return try(name, context);
    if (directories == NULL)
        directories = PATH_DEFAULT;
    for (const char *at = directories;;) {
        size_t length = strcspn(at, ":");
        if (length + 1 + name_length < sizeof path) {
            memcpy(path, at, length);
            /* An empty entry is the working directory. */
            size_t slash = length > 0;
            if (slash)
                path[length] = '/';
            memcpy(path + length + slash, name, name_length + 1);
            result = try(path, context);
            if (result != -ENOENT && result != -ENOTDIR && result != -EACCES)
                return result;
            denied |= result == -EACCES;
        }
        if (at[length] == 0)
            return denied ? -EACCES : -ENOENT;
        at += length + 1;
    }
}
