/*
 * Says back each line that is typed on its terminal.  The smallest program for a console: it needs
 * nothing but libmsg, and shows that a terminal works.
 *
 * Startup handle: "terminal".  Ends at end of file; the line "exit" ends it with status 0, "fail"
 * with status 1, and "fault" by touching memory that is not there.
 */
#include <portolan/io.h>

#include "print.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

static handle_t terminal;
static volatile uintptr_t nowhere = 0x10;

static void say(const char *format, const char *text)
{
    char line[MESSAGE_BYTES_MAX];
    size_t length = format_text(line, sizeof(line), format, text);
    memcpy(message_area()->bytes, line, length);
    struct message head = {.op = IO_WRITE, .flags = MESSAGE_FLAGS(length, 0, 0), .length = length};
    sys_do(terminal, DEADLINE_NEVER, &head);
}

/* A line without its newline; false at the end of the file or after an error. */
static bool read_line(char *line, size_t room)
{
    struct message head = {.op = IO_READ, .flags = MESSAGE_ROOM, .length = room - 1};
    int64_t error = sys_do(terminal, DEADLINE_NEVER, &head);
    if (error < 0 || head.result <= 0)
        return false;
    size_t length = (size_t)head.result;
    if (length > room - 1)
        length = room - 1;
    memcpy(line, message_area()->bytes, length);
    if (line[length - 1] == '\n')
        length--;
    line[length] = 0;
    return true;
}

int main(const void *found)
{
    char line[4096];
    startup_open(found);
    terminal = startup_handle(found, "terminal");
    say("%s: type a line\n", "echo_lines");
    for (;;) {
        say("%s", "> ");
        if (!read_line(line, sizeof(line)) || strcmp(line, "exit") == 0)
            return 0;
        if (strcmp(line, "fail") == 0)
            return 1;
        if (strcmp(line, "fault") == 0)
            *(volatile char *)nowhere = 0;
        say("you typed: %s\n", line);
    }
}
