/*
 * What is mounted: the name server's list, made into lines as in /etc/fstab.  Single nodes, which
 * are devices, are left out; of a filesystem its server tells the type and whether it can be
 * written.
 */
#include "mounts.h"

#include <portolan/io.h>
#include <portolan/names.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "process.h"

#define TREE 4 /* io_entry.type of what is no single node */

/* An entry of the list, checked.  Bytes it takes, or 0: it is none. */
static size_t take(const unsigned char *bytes, size_t left, struct io_entry *entry, char *path)
{
    if (left < sizeof *entry)
        return 0;
    memcpy(entry, bytes, sizeof *entry);
    size_t size = (sizeof *entry + entry->name_length + 7) & ~7ul;
    if (size > left || entry->name_length > IO_PATH_MAX)
        return 0;
    memcpy(path, bytes + sizeof *entry, entry->name_length);
    path[entry->name_length] = 0;
    return size;
}

/* Entries from `position` on, into MESSAGE_BYTES_MAX bytes: how many bytes, 0 at the end. */
static int64_t fetch(uint64_t position, unsigned char *bytes)
{
    struct message head = {.op = NAMES_LIST, .flags = MESSAGE_ROOM, .offset = position};
    struct message_area *area = call_begin();
    int64_t result = call_do(__libc_process.tree, &head, 0);
    if (result > MESSAGE_FLAG_BYTES(head.flags))
        result = -EIO;
    if (result > 0)
        memcpy(bytes, area->bytes, (size_t)result);
    call_end();
    return result;
}

static int64_t ask_usage(const char *path, struct io_usage *usage)
{
    size_t length = strlen(path);
    struct message head = {.op = IO_USAGE, .flags = MESSAGE_FLAGS(length, 0, 0) | MESSAGE_ROOM};
    struct message_area *area = call_begin();
    memcpy(area->bytes, path, length);
    int64_t result = call_do(__libc_process.tree, &head, 0);
    if (result >= 0 && MESSAGE_FLAG_BYTES(head.flags) < sizeof *usage)
        result = -EIO;
    if (result >= 0)
        memcpy(usage, area->bytes, sizeof *usage);
    call_end();
    usage->type[sizeof usage->type - 1] = 0;
    return result;
}

/* A word of a line: what would end it is written in octal. */
static void put_word(FILE *out, const char *word)
{
    for (; *word; word++) {
        if (strchr(" \t\n\\#", *word))
            fprintf(out, "\\%03o", (unsigned char)*word);
        else
            putc(*word, out);
    }
    putc(' ', out);
}

static void put_line(FILE *out, const char *path)
{
    struct io_usage usage = {0};
    if (ask_usage(path, &usage) < 0 || !*usage.type)
        return;
    put_word(out, usage.type);
    putc('/', out);
    put_word(out, path);
    put_word(out, usage.type);
    fputs(usage.read_only ? "ro 0 0\n" : "rw 0 0\n", out);
}

/* All mounts' lines: 0 or an error. */
static int64_t put_all(FILE *out, unsigned char *bytes)
{
    char path[IO_PATH_MAX + 1];
    struct io_entry entry;
    uint64_t position = 0;
    int64_t filled;
    while ((filled = fetch(position, bytes)) > 0) {
        for (size_t at = 0, size; at < (size_t)filled; at += size) {
            size = take(bytes + at, (size_t)filled - at, &entry, path);
            if (!size || entry.next <= position)
                return -EIO;
            position = entry.next;
            if (entry.type == TREE)
                put_line(out, path);
        }
    }
    return filled;
}

/* A stream to read `text` from; the stream has a copy. */
static FILE *reader(const char *text, size_t size)
{
    FILE *file = fmemopen(NULL, size + 1, "w+");
    if (file) {
        fwrite(text, 1, size, file);
        rewind(file);
    }
    return file;
}

FILE *__libc_mounts_open(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = NULL;
    unsigned char *bytes = malloc(MESSAGE_BYTES_MAX);
    FILE *out = open_memstream(&text, &size);
    int64_t error = bytes && out ? put_all(out, bytes) : -ENOMEM;
    if (out && fclose(out) && !error)
        error = -ENOMEM;
    if (error)
        errno = (int)-error;
    else
        file = reader(text, size);
    free(bytes);
    free(text);
    return file;
}
