/*
 * Finding what the program was started with; see arguments.h.  From a VM object it is taken in a
 * private copy: the maker's is not trusted to hold still, and a program may write to its arguments.
 */
#include "arguments.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "syscall.h"
#include "thread.h"

handle_t __libc_startup_handle(const struct startup *startup, const char *name)
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

/* Descriptors and strings are there; `header` says how many. */
static int take(struct arguments *arguments, const struct argument_header *header,
                const struct argument_descriptor *descriptors, char *strings)
{
    const char *end = strings + header->bytes;
    char *directory[2];
    size_t count = (size_t)header->argument_count + header->environment_count +
                   header->descriptor_count + 3; /* a NULL behind each */
    char **values = malloc(count * sizeof *values);
    if (values == NULL)
        return ENOMEM;
    char **environment = values + header->argument_count + 1;
    char **paths = environment + header->environment_count + 1;
    if (!point(values, header->argument_count, &strings, end) ||
        !point(environment, header->environment_count, &strings, end) ||
        !point(directory, 1, &strings, end) ||
        !point(paths, header->descriptor_count, &strings, end))
        return EINVAL;
    *arguments = (struct arguments){.count = (int)header->argument_count,
                                    .values = values,
                                    .environment = environment,
                                    .directory = directory[0],
                                    .umask = header->umask & 0777,
                                    .group = header->group,
                                    .signals_ignored = header->signals_ignored,
                                    .signals_blocked = header->signals_blocked,
                                    .descriptor_count = header->descriptor_count,
                                    .descriptors = descriptors,
                                    .paths = paths};
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
        header.environment_count > header.bytes ||
        header.descriptor_count > ARGUMENT_DESCRIPTORS_MAX)
        return EINVAL;
    uint64_t table = header.descriptor_count * sizeof(struct argument_descriptor);
    char *found = malloc(table + header.bytes + 1);
    if (found == NULL)
        return ENOMEM;
    error = copy(vmo, sizeof header, found, table + header.bytes);
    return error
               ? error
               : take(arguments, &header, (const struct argument_descriptor *)found, found + table);
}

/* The startup page's words, and "/". */
static int take_from_words(const struct startup *startup, struct arguments *arguments)
{
    struct argument_header header = {.argument_count = startup->word_count, .umask = 022};
    const char *end = startup->words;
    if (header.argument_count > STARTUP_WORDS_MAX)
        return EINVAL;
    for (uint32_t i = 0; i < header.argument_count; i++)
        end += strnlen(end, (size_t)(startup->words + STARTUP_WORDS_MAX - end)) + 1;
    if (end > startup->words + STARTUP_WORDS_MAX)
        return EINVAL;
    size_t length = (size_t)(end - startup->words);
    char *strings = malloc(length + 2);
    if (strings == NULL)
        return ENOMEM;
    memcpy(strings, startup->words, length);
    memcpy(strings + length, "/", 2);
    header.bytes = length + 2;
    return take(arguments, &header, NULL, strings);
}

int __libc_arguments(const struct startup *startup, struct arguments *arguments)
{
    handle_t vmo = __libc_startup_handle(startup, "args");
    if (vmo == HANDLE_NONE)
        return take_from_words(startup, arguments);
    int error = take_from_vmo(vmo, arguments);
    sys_handle_close(vmo);
    return error;
}
