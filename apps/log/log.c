/*
 * log [-f] [NAME]
 *
 * Prints what the log server has: all of it, or what NAME said ("kernel" is a name).  With -f it
 * goes on with what comes, until it is interrupted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <portolan/log.h>

#include "../../libc/call.h"
#include "../../libc/descriptor.h"

static handle_t server;
static char bytes[MESSAGE_BYTES_MAX];

static int fail(const char *what)
{
    fprintf(stderr, "log: %s: %s\n", what, strerror(errno));
    return 1;
}

/* `length` bytes go along from `bytes`; those of the answer are there then.  How many: *length. */
static int64_t ask(struct message *head, size_t *length)
{
    struct message_area *area = call_begin();
    head->flags = MESSAGE_FLAGS(*length, 0, 0) | MESSAGE_ROOM;
    memcpy(area->bytes, bytes, *length);
    int64_t result = call_do(server, head, CALL_INTERRUPTIBLE);
    *length = MESSAGE_FLAG_BYTES(head->flags);
    if (result >= 0)
        memcpy(bytes, area->bytes, *length);
    call_end();
    return call_return(result);
}

static void show(const struct log_line *line, const char *text)
{
    static const char *const levels[] = {"error: ", "warning: ", "", "debug: "};
    printf("%6lu.%03lu %.32s: %s%.*s\n", line->time_ns / 1000000000, line->time_ns / 1000000 % 1000,
           line->name, line->level < 4 ? levels[line->level] : "", line->length, text);
}

/* The next lines; how many, or -1.  *position moves on. */
static int64_t print_some(uint64_t *position, uint64_t source, bool wait)
{
    struct message head = {
        .op = LOG_READ, .offset = *position, .arg = {wait ? LOG_WAIT : 0, source}};
    size_t length = 0;
    int64_t count = ask(&head, &length);
    if (count < 0)
        return -1;
    for (size_t at = 0; at + sizeof(struct log_line) <= length;) {
        struct log_line line;
        memcpy(&line, bytes + at, sizeof line);
        at += sizeof line;
        if (line.length > length - at)
            break;
        if (line.number > *position && *position != 0 && source == LOG_ANYONE)
            printf("(%lu lines are gone)\n", line.number - *position);
        show(&line, bytes + at);
        *position = line.number + 1;
        at += (line.length + 7u) & ~7u;
    }
    *position = head.offset;
    fflush(stdout);
    return count;
}

static int64_t find(const char *name)
{
    struct message head = {.op = LOG_FIND};
    size_t length = strlen(name);
    if (length >= LOG_SOURCE_NAME_MAX) {
        errno = ENOENT;
        return -1;
    }
    memcpy(bytes, name, length);
    return ask(&head, &length);
}

int main(int argc, char **argv)
{
    bool follow = argc > 1 && strcmp(argv[1], "-f") == 0;
    uint64_t position = 0, source = LOG_ANYONE;
    const char *name = argv[1 + follow];
    if (argc > 2 + follow || (name && name[0] == '-')) {
        fprintf(stderr, "usage: log [-f] [NAME]\n");
        return 2;
    }
    int descriptor = open("/dev/log", O_RDWR);
    if (descriptor < 0)
        return fail("/dev/log");
    server = __libc_descriptor_get(descriptor)->handle;
    if (name) {
        int64_t number = find(name);
        if (number < 0)
            return fail(name);
        source = (uint64_t)number;
    }
    int64_t count;
    do
        count = print_some(&position, source, false);
    while (count > 0);
    while (count >= 0 && follow)
        count = print_some(&position, source, true);
    return count < 0 ? fail("/dev/log") : 0;
}
