/*
 * Finding main's arguments; see arguments.h.  The strings stay where they are found, or, from a VM
 * object, in a private copy: the maker's is not trusted to hold still, and a program may write to
 * its arguments.
 */
#include "arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "syscall.h"
#include "thread.h"

static handle_t find_handle(const struct startup *startup, const char *name)
{
    for (uint32_t i = 0; i < startup->handle_count && i < STARTUP_HANDLES_MAX; i++) {
        if (strncmp(startup->handles[i].name, name, STARTUP_NAME_MAX) == 0)
            return startup->handles[i].handle;
    }
    return HANDLE_NONE;
}

/* Pointers to `count` strings that follow one another from *at; false: they reach beyond end. */
static bool point(char **values, uint32_t count, char **at, const char *end)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t left = (size_t)(end - *at);
        size_t length = strnlen(*at, left);
        if (length == left)
            return false;
        values[i] = *at;
        *at += length + 1;
    }
    values[count] = NULL;
    return true;
}

static int take(struct arguments *arguments, const struct argument_header *header, char *strings)
{
    char **values =
        malloc(((size_t)header->argument_count + header->environment_count + 2) * sizeof(char *));
    if (values == NULL)
        return ENOMEM;
    char **environment = values + header->argument_count + 1;
    const char *end = strings + header->bytes;
    if (!point(values, header->argument_count, &strings, end) ||
        !point(environment, header->environment_count, &strings, end))
        return EINVAL;
    *arguments = (struct arguments){(int)header->argument_count, values, environment};
    return 0;
}

/* Through the message page, which needs no mapping. */
static int copy(handle_t vmo, uint64_t offset, char *to, uint64_t length)
{
    while (length > 0) {
        uint64_t piece = length < MESSAGE_BYTES_MAX ? length : MESSAGE_BYTES_MAX;
        if (sys_vmo_read(vmo, offset, piece) < 0)
            return EINVAL;
        memcpy(to, thread_self()->area->bytes, piece);
        offset += piece;
        to += piece;
        length -= piece;
    }
    return 0;
}

static int take_from_vmo(handle_t vmo, struct arguments *arguments)
{
    struct argument_header header;
    int error = copy(vmo, 0, (char *)&header, sizeof header);
    if (error)
        return error;
    /* Each string takes a byte at least. */
    if (header.bytes > ARG_MAX || header.argument_count > header.bytes ||
        header.environment_count > header.bytes)
        return EINVAL;
    char *strings = malloc(header.bytes + 1);
    if (strings == NULL)
        return ENOMEM;
    error = copy(vmo, sizeof header, strings, header.bytes);
    return error ? error : take(arguments, &header, strings);
}

int __libc_arguments(const struct startup *startup, struct arguments *arguments)
{
    handle_t vmo = find_handle(startup, "args");
    if (vmo != HANDLE_NONE) {
        int error = take_from_vmo(vmo, arguments);
        sys_handle_close(vmo);
        return error;
    }
    struct argument_header header = {.argument_count = startup->word_count,
                                     .bytes = STARTUP_WORDS_MAX};
    char *strings = malloc(STARTUP_WORDS_MAX);
    if (strings == NULL)
        return ENOMEM;
    memcpy(strings, startup->words, STARTUP_WORDS_MAX);
    return take(arguments, &header, strings);
}
