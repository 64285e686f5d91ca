/*
 * The log server (<portolan/log.h>): the last LINES lines of everybody, the kernel's among them.
 *
 * Startup handles: "log", to read the kernel's log; with the word console=NAME the port of a
 * character device on which every line is printed too, up to the level of the word level=N
 * (default LOG_INFO), the kernel's only from where the kernel itself stopped printing them there.
 *
 * The kernel tells nobody when it writes: its log is looked at with every request, and once a
 * second.  What is printed waits in a ring; if the device does not keep up, lines are left out and
 * counted, since nobody who logs may be held up by it.
 */
#include <portolan/init.h>
#include <portolan/log.h>

#include "clock.h"
#include "print.h"
#include "byte_ring.h"
#include "server.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"
#include "words.h"

#define LINES 512u
#define SOURCES 64u
#define READERS 16u

struct line {
    uint64_t time;
    uint32_t source;
    uint16_t length;
    uint8_t level;
    char text[LOG_LINE_MAX];
};

struct reader {
    uint64_t token, position, source;
};

static struct line lines[LINES]; /* line n is at n % LINES */
static uint64_t line_count;      /* ever */
static char names[SOURCES][LOG_SOURCE_NAME_MAX];
static struct reader readers[READERS];
static uint32_t reader_count;

static handle_t kernel_log;
static uint64_t kernel_position;
static char kernel_line[LOG_LINE_MAX]; /* the one that is not complete yet */
static size_t kernel_length;

static handle_t console;
static uint64_t console_level = LOG_INFO, console_id, console_lost;
static uint8_t console_space[16384], sending[MESSAGE_BYTES_MAX];
static struct byte_ring console_ring = {console_space, sizeof(console_space), 0, 0};
static size_t sending_length;

static struct server server;

static const char *name_of(uint32_t source)
{
    if (source == LOG_KERNEL)
        return "kernel";
    if (source == LOG_USER)
        return "user";
    return source < SOURCES && names[source][0] ? names[source] : "?";
}

/* ---- The console ----------------------------------------------------------------------------- */

static void send_console(void)
{
    if (!console || console_id)
        return;
    if (!sending_length) {
        sending_length = byte_ring_peek(&console_ring, sending, sizeof(sending));
        byte_ring_drop(&console_ring, sending_length);
    }
    if (!sending_length)
        return;
    memcpy(message_area()->bytes, sending, sending_length);
    struct message head = {
        .op = IO_WRITE, .flags = MESSAGE_FLAGS(sending_length, 0, 0), .length = sending_length};
    if (sys_send(console, server.port, &head, &console_id) < 0)
        console_id = 0;
}

static void answered(struct server *self, uint64_t id, const struct message *head)
{
    (void)self;
    if (id != console_id)
        return;
    console_id = 0;
    if (head->result != -EDEAD) /* then it is sent again, to the successor */
        sending_length = 0;
    send_console();
}

static void print_line(const struct line *line)
{
    char text[LOG_LINE_MAX + LOG_SOURCE_NAME_MAX + 8];
    if (!console || line->level > console_level)
        return;
    size_t length;
    if (console_lost) {
        length =
            format_text(text, sizeof(text), "log: %lu lines were left out here\r\n", console_lost);
        if (byte_ring_room(&console_ring) >= length + sizeof(text)) {
            byte_ring_put(&console_ring, text, length);
            console_lost = 0;
        }
    }
    length = line->source == LOG_KERNEL
                 ? 0
                 : format_text(text, sizeof(text), "%s: ", name_of(line->source));
    memcpy(text + length, line->text, line->length);
    length += line->length;
    text[length++] = '\r';
    text[length++] = '\n';
    if (console_lost || byte_ring_room(&console_ring) < length)
        console_lost++;
    else
        byte_ring_put(&console_ring, text, length);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static struct line *add_line(uint32_t source, uint8_t level, const char *text, size_t length)
{
    struct line *line = &lines[line_count++ % LINES];
    line->time = clock_now();
    line->source = source;
    line->level = level;
    line->length = (uint16_t)length;
    memcpy(line->text, text, length);
    return line;
}

/* A control character could do anything to the terminal that shows it. */
static char harmless(char c)
{
    return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f ? '?' : c;
}

/* Cuts text into lines. */
static void add_text(uint32_t source, uint8_t level, const char *text, size_t length)
{
    char line[LOG_LINE_MAX];
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        bool newline = text[i] == '\n';
        if (!newline && text[i] != '\r')
            line[used++] = harmless(text[i]);
        if (newline || used == sizeof(line)) {
            print_line(add_line(source, level, line, used));
            used = 0;
        }
    }
    if (used)
        print_line(add_line(source, level, line, used));
}

/* Position of the kernel's log from which on its lines are not on the console already. */
static uint64_t unprinted_from(void)
{
    uint64_t unseen;
    int64_t on = sys_debug_console(kernel_log, 0, 0, &unseen);
    return on < 0 || on & CONSOLE_SERIAL ? UINT64_MAX : unseen;
}

static void take_kernel_bytes(const char *bytes, size_t length, uint64_t position,
                              uint64_t printed_from)
{
    for (size_t i = 0; i < length; i++) {
        bool newline = bytes[i] == '\n';
        if (!newline && bytes[i] != '\r')
            kernel_line[kernel_length++] = harmless(bytes[i]);
        if (!newline && kernel_length < sizeof(kernel_line))
            continue;
        struct line *line = add_line(LOG_KERNEL, LOG_INFO, kernel_line, kernel_length);
        if (position + i >= printed_from)
            print_line(line);
        kernel_length = 0;
    }
}

static void look_at_kernel(void)
{
    char bytes[MESSAGE_BYTES_MAX];
    int64_t length;
    if (!kernel_log)
        return;
    uint64_t from = unprinted_from();
    while ((length = sys_debug_read(kernel_log, &kernel_position)) > 0) {
        memcpy(bytes, message_area()->bytes, (size_t)length);
        take_kernel_bytes(bytes, (size_t)length, kernel_position - (uint64_t)length, from);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static size_t encode(uint8_t *to, uint64_t number, const struct line *line)
{
    struct log_line head = {.number = number,
                            .time_ns = line->time,
                            .source = line->source,
                            .length = line->length,
                            .level = line->level};
    format_text(head.name, sizeof(head.name), "%s", name_of(line->source));
    memcpy(to, &head, sizeof(head));
    memcpy(to + sizeof(head), line->text, line->length);
    size_t length = sizeof(head) + line->length, whole = (length + 7) & ~7ul;
    memset(to + length, 0, whole - length);
    return whole;
}

/* Puts lines into the message page; how many.  *position moves on. */
static int64_t collect(uint64_t *position, uint64_t source, struct message *reply)
{
    uint8_t *to = message_area()->bytes;
    size_t used = 0;
    int64_t count = 0;
    if (*position > line_count)
        *position = line_count;
    if (line_count - *position > LINES)
        *position = line_count - LINES;
    for (; *position < line_count; ++*position) {
        const struct line *line = &lines[*position % LINES];
        if (source != LOG_ANYONE && line->source != source)
            continue;
        if (sizeof(struct log_line) + line->length + 8 > MESSAGE_BYTES_MAX - used)
            break;
        used += encode(to + used, *position, line);
        count++;
    }
    *reply =
        (struct message){.flags = MESSAGE_FLAGS(used, 0, 0), .offset = *position, .result = count};
    return count;
}

static void wake_readers(void)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reader_count; i++) {
        struct reader reader = readers[i];
        struct message reply;
        if (collect(&reader.position, reader.source, &reply))
            server_reply(reader.token, &reply);
        else
            readers[kept++] = reader;
    }
    reader_count = kept;
}

static void drop_aborted(void)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reader_count; i++) {
        int64_t info = sys_message_info(readers[i].token);
        if (info >= 0 && info & 1)
            server_reply(readers[i].token, &(struct message){.result = -EINTR});
        else if (info >= 0)
            readers[kept++] = readers[i];
    }
    reader_count = kept;
}

static void after_change(void)
{
    send_console();
    wake_readers();
}

/* ---- Requests -------------------------------------------------------------------------------- */

static uint32_t source_of(const struct request *request)
{
    return INIT_BADGE_IS(request->badge) ? INIT_BADGE_NUMBER(request->badge) : LOG_USER;
}

static int64_t take_text(const struct request *request, uint64_t level)
{
    char text[MESSAGE_BYTES_MAX];
    size_t length = MESSAGE_FLAG_BYTES(request->head.flags);
    if (level > LOG_DEBUG)
        return -EINVAL;
    memcpy(text, message_area()->bytes, length);
    look_at_kernel();
    add_text(source_of(request), (uint8_t)level, text, length);
    after_change();
    return (int64_t)length;
}

static int64_t do_write(struct server *self, struct request *request)
{
    (void)self;
    int64_t length = take_text(request, request->head.arg[0]);
    return length < 0 ? length : 0;
}

static int64_t do_read(struct server *self, struct request *request)
{
    (void)self;
    const struct message *head = &request->head;
    struct reader reader = {request->token, head->offset, head->arg[1]};
    look_at_kernel();
    after_change();
    if (reader.source != LOG_ANYONE && reader.source > UINT32_MAX)
        return -EINVAL;
    int64_t count = collect(&reader.position, reader.source, &request->reply);
    if (count || !(head->arg[0] & LOG_WAIT))
        return count;
    if (reader_count == READERS)
        drop_aborted(); /* those whose senders gave up without a word */
    if (reader_count == READERS)
        return -EAGAIN;
    readers[reader_count++] = reader;
    return EASYNC;
}

static int64_t do_source(struct server *self, struct request *request)
{
    (void)self;
    size_t length = MESSAGE_FLAG_BYTES(request->head.flags);
    uint64_t number = request->head.arg[0];
    if (request->badge != INIT_BADGE(0))
        return -EPERM;
    if (number >= SOURCES || length >= LOG_SOURCE_NAME_MAX)
        return -EINVAL;
    memcpy(names[number], message_area()->bytes, length);
    names[number][length] = 0;
    return 0;
}

static int64_t do_find(struct server *self, struct request *request)
{
    (void)self;
    char name[LOG_SOURCE_NAME_MAX] = "";
    size_t length = MESSAGE_FLAG_BYTES(request->head.flags);
    if (length >= sizeof(name))
        return -ENOENT;
    memcpy(name, message_area()->bytes, length);
    if (strcmp(name, "kernel") == 0)
        return LOG_KERNEL;
    if (strcmp(name, "user") == 0)
        return LOG_USER;
    for (uint32_t i = 0; i < SOURCES; i++)
        if (name[0] && strcmp(name, names[i]) == 0)
            return i;
    return -ENOENT;
}

static server_handler *const handlers[] = {
    [LOG_WRITE - LOG_WRITE] = do_write,
    [LOG_READ - LOG_WRITE] = do_read,
    [LOG_SOURCE - LOG_WRITE] = do_source,
    [LOG_FIND - LOG_WRITE] = do_find,
};

/* The node dev/log: a session of it serves for reading. */
static int64_t other(struct server *self, struct request *request)
{
    uint32_t op = request->head.op;
    if (op == IO_WRITE)
        return take_text(request, LOG_INFO);
    if (op != IO_OPEN && op != IO_INFO)
        return -ENOSYS;
    if (MESSAGE_FLAG_BYTES(request->head.flags))
        return -ENOTDIR;
    if (op == IO_OPEN) {
        int64_t handle = server_session(self, 1);
        if (handle < 0)
            return handle;
        message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    }
    struct io_info info = {.mode = IO_MODE_CHARACTER | 0666, .links = 1};
    memcpy(message_area()->bytes, &info, sizeof(info));
    request->reply.flags = MESSAGE_FLAGS(sizeof(info), op == IO_OPEN, 0);
    return 0;
}

static void notified(struct server *self, uint64_t bits)
{
    if (bits & INIT_STOP_BIT)
        self->stop = true;
    if (bits & NOTIFY_ABORT)
        drop_aborted();
    look_at_kernel();
    after_change();
    if (kernel_log)
        sys_port_timer(self->port, clock_after(SECOND));
}

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    kernel_log = startup_handle(startup, "log");
    const char *device = startup_option(startup, "console=");
    const char *level = startup_option(startup, "level=");
    if (device)
        console = startup_handle(startup, device);
    if (level && (!string_to_number(level, &console_level) || console_level > LOG_DEBUG))
        return 1;
    server.first_op = LOG_WRITE;
    server.op_count = sizeof(handlers) / sizeof(handlers[0]);
    server.handlers = handlers;
    server.other = other;
    server.notified = notified;
    server.answered = answered;
    server.port = startup_handle(startup, "port");
    if (server_open(&server, 1024) < 0)
        return 1;
    notified(&server, 0);
    return server_run(&server) < 0;
}
