/*
 * dirname(), in place of newlib's, which leaves slashes at its result's end.
 */
#include <libgen.h>
#include <string.h>

/* Where the slashes end that end before `end`; never before the path's first byte. */
static size_t without_slashes(const char *path, size_t end)
{
    while (end > 1 && path[end - 1] == '/')
        end--;
    return end;
}

/* POSIX.1-2008: the directory that a path is in.  Changes the path, and may return a part of it. */
char *dirname(char *path)
{
    static char here[] = ".";
    size_t end;

    if (!path || !*path)
        return here;
    end = without_slashes(path, strlen(path));
    if (end == 1 && *path == '/') {
        path[1] = 0;
        return path;
    }
    while (end > 0 && path[end - 1] != '/')
        end--;
    if (!end)
        return here;
    path[without_slashes(path, end)] = 0;
    return path;
}
