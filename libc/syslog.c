/*
 * syslog(): lines for the log server or, where there is none, for the program's own log handle.
 *
 * Nothing stays open between two lines, so that neither fork nor a program that closes all
 * descriptors loses the log.  The server knows by itself who writes and when; facilities it does
 * not know.
 */
#include <portolan/log.h>

/* <syslog.h> has other meanings for these names. */
enum {
    LEVEL_ERROR = LOG_ERROR,
    LEVEL_WARNING = LOG_WARNING,
    LEVEL_INFO = LOG_INFO,
    LEVEL_DEBUG = LOG_DEBUG,
};

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "arguments.h"
#include "file.h"
#include "process.h"
#include "syscall.h"

#define SERVER_PATH "/dev/log"
#define TEXT_MAX 1024

static struct __lock_word lock; /* over these */
static const char *identity;    /* the caller's own string, as POSIX has it */
static int options, mask = LOG_UPTO(LOG_DEBUG);

void openlog(const char *name, int wanted, int facility)
{
    (void)facility;
    __libc_lock(&lock);
    identity = name;
    options = wanted;
    __libc_unlock(&lock);
}

void closelog(void)
{
    openlog(NULL, 0, 0);
}

int setlogmask(int new)
{
    __libc_lock(&lock);
    int before = mask;
    if (new != 0)
        mask = new;
    __libc_unlock(&lock);
    return before;
}

/* ---- A line ---------------------------------------------------------------------------------- */

/* The format with %m replaced by what `error` means. */
static void expand(char *to, size_t size, const char *format, int error)
{
    size_t used = 0;
    for (; *format && used + 1 < size; format++) {
        if (format[0] == '%' && format[1] == 'm') {
            int length = snprintf(to + used, size - used, "%s", strerror(error));
            used += (size_t)length < size - used ? (size_t)length : size - used - 1;
            format++;
            continue;
        }
        to[used++] = *format;
        if (format[0] == '%' && format[1] == '%' && used + 1 < size)
            to[used++] = *++format;
    }
    to[used] = '\0';
}

/* What goes before the text; its length. */
static size_t prefix(char *to, size_t size, const char *name, bool with_number)
{
    int length = 0;
    if (with_number)
        length = snprintf(to, size, "%s[%ld]: ", name ? name : "", (long)getpid());
    else if (name)
        length = snprintf(to, size, "%s: ", name);
    return (size_t)length < size ? (size_t)length : size - 1;
}

static int level_of(int priority)
{
    if (priority <= LOG_ERR)
        return LEVEL_ERROR;
    if (priority == LOG_WARNING)
        return LEVEL_WARNING;
    return priority == LOG_DEBUG ? LEVEL_DEBUG : LEVEL_INFO;
}

static int64_t send_to_server(const char *text, size_t length, int level)
{
    struct message head = {
        .op = LOG_WRITE, .flags = MESSAGE_FLAGS(length, 0, 0), .arg = {(uint64_t)level, 0, 0}};
    int descriptor = open(SERVER_PATH, O_WRONLY | O_CLOEXEC);
    struct open_file *file = descriptor < 0 ? NULL : __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -ENOENT;
    struct message_area *area = call_begin();
    memcpy(area->bytes, text, length);
    int64_t result = call_do(file->handle, &head, 0);
    call_end();
    __libc_open_file_put(file);
    __libc_descriptor_close(descriptor);
    return result;
}

static void send_to_kernel(const char *text, size_t length)
{
    handle_t log = __libc_startup_handle(__libc_process.startup, "log");
    struct message_area *area = call_begin();
    memcpy(area->bytes, text, length);
    if (log != HANDLE_NONE)
        sys_debug_write(log, length);
    call_end();
}

void vsyslog(int priority, const char *format, va_list arguments)
{
    char text[TEXT_MAX], expanded[TEXT_MAX];
    int error = errno;
    __libc_lock(&lock);
    bool wanted = LOG_MASK(priority & 7) & mask;
    int how = options;
    size_t used = prefix(text, sizeof text, identity, options & LOG_PID);
    __libc_unlock(&lock);
    if (!wanted)
        return;
    expand(expanded, sizeof expanded, format, error);
    int length = vsnprintf(text + used, sizeof text - used - 1, expanded, arguments);
    if (length > 0)
        used += (size_t)length < sizeof text - used - 1 ? (size_t)length : sizeof text - used - 2;
    if (used == 0 || text[used - 1] != '\n')
        text[used++] = '\n';
    if (how & LOG_PERROR)
        write(STDERR_FILENO, text, used);
    if (send_to_server(text, used, level_of(priority & 7)) < 0)
        send_to_kernel(text, used);
    errno = error;
}

void syslog(int priority, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}
