/*
 * The kernel's log: a ring of the last LOG_SIZE bytes, each of which also goes to the boot console.
 *
 * A position counts bytes since boot; a reader that fell behind is moved to the oldest byte still
 * there.  One lock orders writers; it is taken last of all (below level 7) and nothing is waited
 * for under it.  A panic writes without it, since its holder may be the one that failed.
 */
#include "log.h"

#include <portolan/syscall.h>

#include "spinlock.h"
#include "x86/boot.h"
#include "x86/console.h"
#include "x86/panic.h"

#define LOG_SIZE 16384u

static char ring[LOG_SIZE];
static u64 written;     /* bytes since boot */
static u64 unseen_from; /* while the serial console is off: since this position */
static u32 consoles = CONSOLE_SERIAL | CONSOLE_SCREEN; /* those that are on */
static struct spinlock log_lock;

void log_write(const char *bytes, size_t length)
{
    bool locked = !panicking();
    if (locked)
        spin_lock(&log_lock);
    for (size_t i = 0; i < length; i++)
        ring[written++ % LOG_SIZE] = bytes[i];
    console_write(bytes, length, locked ? consoles : CONSOLE_SERIAL | CONSOLE_SCREEN);
    if (locked)
        spin_unlock(&log_lock);
}

u32 log_consoles(u32 off, u32 on, u64 *unseen)
{
    spin_lock(&log_lock);
    if (consoles & CONSOLE_SERIAL)
        unseen_from = written;
    u32 now = consoles = (consoles & ~off) | on;
    *unseen = unseen_from;
    spin_unlock(&log_lock);
    return now;
}

size_t log_read(u64 *position, char *to, size_t room)
{
    size_t length = 0;
    spin_lock(&log_lock);
    if (*position > written)
        *position = written;
    if (written - *position > LOG_SIZE)
        *position = written - LOG_SIZE;
    for (; length < room && *position < written; length++)
        to[length] = ring[(*position)++ % LOG_SIZE];
    spin_unlock(&log_lock);
    return length;
}

/* ---- Formatting ------------------------------------------------------------------------------ */

/* Collects a line, so that what several CPUs print is not mixed up within it. */
struct line {
    char text[256];
    size_t length;
};

static void put(struct line *line, char c)
{
    if (line->length == sizeof line->text) {
        log_write(line->text, line->length);
        line->length = 0;
    }
    line->text[line->length++] = c;
}

static void pad(struct line *line, int count, char with)
{
    while (count-- > 0)
        put(line, with);
}

static void put_number(struct line *line, u64 value, bool negative, u32 base, int width, char with)
{
    char digits[24];
    int count = 0;
    do
        digits[count++] = "0123456789abcdef"[value % base];
    while (value /= base);
    if (negative && with == '0')
        put(line, '-');
    pad(line, width - count - negative, with);
    if (negative && with != '0')
        put(line, '-');
    while (count)
        put(line, digits[--count]);
}

static void put_string(struct line *line, const char *s, int width, bool left)
{
    int spaces = width - (int)strlen(s);
    if (!left)
        pad(line, spaces, ' ');
    while (*s)
        put(line, *s++);
    if (left)
        pad(line, spaces, ' ');
}

/* One conversion, %[-][0][width][l|z]{s,c,d,u,x,p}, from behind its %; returns what follows it. Any
 * other character is printed as it stands. */
static const char *convert(struct line *line, const char *format, va_list *arguments)
{
    bool left = *format == '-', is_long = false;
    format += left;
    char with = *format == '0' ? '0' : ' ';
    int width = 0;
    for (; *format >= '0' && *format <= '9'; format++)
        width = width * 10 + *format - '0';
    for (; *format == 'l' || *format == 'z'; format++)
        is_long = true;

    i64 value;
    switch (*format) {
    case 's':
        put_string(line, va_arg(*arguments, const char *), width, left);
        break;
    case 'd':
        value = is_long ? va_arg(*arguments, i64) : va_arg(*arguments, i32);
        put_number(line, value < 0 ? -(u64)value : (u64)value, value < 0, 10, width, with);
        break;
    case 'u':
    case 'x':
        value = is_long ? va_arg(*arguments, i64) : va_arg(*arguments, u32);
        put_number(line, (u64)value, false, *format == 'u' ? 10 : 16, width, with);
        break;
    case 'p':
        put_number(line, va_arg(*arguments, u64), false, 16, 16, '0');
        break;
    case 'c':
        put(line, (char)va_arg(*arguments, int));
        break;
    case 0:
        return format; /* a lone % at the end */
    default:
        put(line, *format);
    }
    return format + 1;
}

void log_print_list(const char *format, va_list arguments)
{
    struct line line = {.length = 0};
    va_list rest;
    va_copy(rest, arguments);
    while (*format) {
        if (*format != '%')
            put(&line, *format++);
        else
            format = convert(&line, format + 1, &rest);
    }
    va_end(rest);
    log_write(line.text, line.length);
}

void log_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_print_list(format, arguments);
    va_end(arguments);
}

noreturn void boot_failure(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_print("portolan: cannot boot: ");
    log_print_list(format, arguments);
    log_print("\n");
    boot_stop();
}
