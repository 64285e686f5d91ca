/*
 * See path.h.
 */
#include "path.h"

#include <portolan/errors.h>

#include "string.h"

static int check_name(const char *name, uint32_t length)
{
    if (length == 0)
        return -EINVAL;
    if (length > IO_NAME_MAX)
        return -ENAMETOOLONG;
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
        return -EINVAL;
    return 0;
}

int path_take(struct path *path, const void *bytes, uint64_t length)
{
    path->length = 0;
    path->text[0] = 0;
    if (length > IO_PATH_MAX)
        return -EINVAL;
    if (length == 0)
        return 0;
    memcpy(path->text, bytes, length);
    path->text[length] = 0;
    if (strlen(path->text) != length)
        return -EINVAL;
    uint32_t start = 0;
    for (uint32_t i = 0; i <= length; i++) {
        if (i < length && path->text[i] != '/')
            continue;
        int error = check_name(path->text + start, i - start);
        if (error)
            return error;
        start = i + 1;
    }
    path->length = (uint32_t)length;
    return 0;
}

uint32_t path_next(struct path_cursor *cursor, const char **name)
{
    uint32_t length = 0;
    *name = cursor->at;
    while (length < cursor->left && cursor->at[length] != '/')
        length++;
    uint32_t skip = length < cursor->left ? length + 1 : length;
    cursor->at += skip;
    cursor->left -= skip;
    return length;
}

bool path_is_below(const char *path, uint32_t length, const char *prefix, uint32_t prefix_length)
{
    if (prefix_length == 0)
        return true;
    if (length < prefix_length || memcmp(path, prefix, prefix_length) != 0)
        return false;
    return length == prefix_length || path[prefix_length] == '/';
}
