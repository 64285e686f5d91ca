/*
 * See path.h.
 */
#include "io_path.h"

#include <portolan/errors.h>

#include "string.h"

static int64_t check_name(const char *name, uint32_t length)
{
    if (length > IO_NAME_MAX)
        return -ENAMETOOLONG;
    if (length == 0 || (length == 1 && name[0] == '.') ||
        (length == 2 && name[0] == '.' && name[1] == '.'))
        return -EINVAL;
    return 0;
}

int64_t io_path_copy(struct io_path *path, const void *from, uint64_t length)
{
    uint32_t start = 0;
    if (length > IO_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(path->text, from, length);
    path->text[length] = 0;
    path->length = (uint32_t)length;
    for (uint32_t i = 0; length && i <= length; i++) {
        if (i < length && path->text[i] == 0)
            return -EINVAL;
        if (i < length && path->text[i] != '/')
            continue;
        int64_t error = check_name(&path->text[start], i - start);
        if (error < 0)
            return error;
        start = i + 1;
    }
    return 0;
}

bool io_path_next(const struct io_path *path, uint32_t *at, struct io_path_name *name)
{
    uint32_t end = *at;
    if (end >= path->length)
        return false;
    while (end < path->length && path->text[end] != '/')
        end++;
    *name = (struct io_path_name){&path->text[*at], end - *at};
    *at = end + 1;
    return true;
}

bool io_path_cut_last(struct io_path *path, char last[IO_NAME_MAX + 1])
{
    uint32_t start = path->length;
    if (start == 0)
        return false;
    while (start > 0 && path->text[start - 1] != '/')
        start--;
    memcpy(last, &path->text[start], path->length - start + 1);
    path->length = start ? start - 1 : 0;
    path->text[path->length] = 0;
    return true;
}

bool io_path_is_within(const struct io_path *path, const struct io_path *above)
{
    return above->length == 0 ||
           (path->length >= above->length && memcmp(path->text, above->text, above->length) == 0 &&
            (path->length == above->length || path->text[above->length] == '/'));
}
