/*
 * Records of fields separated by colons: see colon_file.h.
 */
#include "colon_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int split(char *line, char **fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *colon = strchr(line, ':');

        if (!!colon != (i + 1 < count))
            return 0;
        fields[i] = line;
        if (colon) {
            *colon = 0;
            line = colon + 1;
        }
    }
    return 1;
}

int colon_read(FILE *file, char *buffer, size_t size, char **fields, size_t count)
{
    if (size < 2)
        return -ERANGE;
    while (fgets(buffer, size > INT_MAX ? INT_MAX : (int)size, file)) {
        char *end = strchr(buffer, '\n');

        if (!end && !feof(file))
            return -ERANGE;
        if (end)
            *end = 0;
        if (*buffer != '#' && split(buffer, fields, count))
            return 1;
    }
    return 0;
}

int colon_number(const char *field, unsigned *number)
{
    char *end;
    unsigned long value;

    if (*field < '0' || *field > '9')
        return 0;
    errno = 0;
    value = strtoul(field, &end, 10);
    if (errno || *end || value > UINT_MAX)
        return 0;
    *number = (unsigned)value;
    return 1;
}
