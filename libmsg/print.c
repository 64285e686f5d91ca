/*
 * A small printf.
 */
#include "print.h"

#include <portolan/log.h>

#include "clock.h"
#include "string.h"
#include "thread.h"

/* So long a line waits for the log server, in all; then it goes to the kernel. */
#define SERVER_PATIENCE SECOND

static handle_t log_handle, log_server;

/* One conversion, as the format says it. */
struct conversion {
    unsigned width;
    bool left, zeros, wide;
};

struct output {
    char *to;
    size_t size, used;
};

void print_open(handle_t log)
{
    log_handle = log;
}

void print_open_server(handle_t port)
{
    log_server = port;
}

static void put(struct output *out, char c)
{
    if (out->used + 1 < out->size)
        out->to[out->used++] = c;
}

static void put_padded(struct output *out, const struct conversion *how, const char *text,
                       size_t length)
{
    size_t padding = how->width > length ? how->width - length : 0;
    if (!how->left) {
        for (size_t i = 0; i < padding; i++)
            put(out, ' ');
    }
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
    if (how->left) {
        for (size_t i = 0; i < padding; i++)
            put(out, ' ');
    }
}

static void put_number(struct output *out, const struct conversion *how, uint64_t value,
                       unsigned base, bool negative)
{
    char digits[80];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (how->zeros && sizeof digits - at + negative < how->width && at > 1)
        digits[--at] = '0';
    if (negative)
        digits[--at] = '-';
    put_padded(out, how, digits + at, sizeof digits - at);
}

static const char *parse_conversion(const char *format, struct conversion *how)
{
    *how = (struct conversion){0};
    for (;; format++) {
        if (*format == '-')
            how->left = true;
        else if (*format == '0')
            how->zeros = true;
        else
            break;
    }
    while (*format >= '0' && *format <= '9' && how->width < 64)
        how->width = how->width * 10 + (unsigned)(*format++ - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        how->wide = true;
    return format;
}

static void put_signed(struct output *out, const struct conversion *how, int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    put_number(out, how, magnitude, 10, value < 0);
}

size_t format_text_list(char *to, size_t size, const char *format, va_list list)
{
    struct output out = {to, size, 0};
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(&out, *format);
            continue;
        }
        struct conversion how;
        format = parse_conversion(format + 1, &how);
        switch (*format) {
        case 'd':
        case 'i':
            put_signed(&out, &how, how.wide ? va_arg(list, int64_t) : va_arg(list, int));
            break;
        case 'u':
        case 'x': {
            uint64_t value = how.wide ? va_arg(list, uint64_t) : va_arg(list, unsigned);
            put_number(&out, &how, value, *format == 'x' ? 16 : 10, false);
            break;
        }
        case 'p':
            put_number(&out, &how, (uintptr_t)va_arg(list, void *), 16, false);
            break;
        case 'c':
            put(&out, (char)va_arg(list, int));
            break;
        case 's': {
            const char *text = va_arg(list, const char *);
            put_padded(&out, &how, text, strlen(text));
            break;
        }
        case '%':
            put(&out, '%');
            break;
        default: /* not a format: our own mistake; show where it stops */
            put(&out, '?');
            to[out.used] = '\0';
            return out.used;
        }
    }
    to[out.used] = '\0';
    return out.used;
}

size_t format_text(char *to, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    size_t length = format_text_list(to, size, format, list);
    va_end(list);
    return length;
}

/* The text lies in the message page. */
static bool write_to_server(size_t length)
{
    struct message head = {
        .op = LOG_WRITE, .flags = MESSAGE_FLAGS(length, 0, 0), .arg = {LOG_INFO}};
    return sys_do(log_server, clock_after(SERVER_PATIENCE), &head) == 0 && head.result >= 0;
}

void print(const char *format, ...)
{
    char text[PRINT_MAX], kept[PRINT_MAX];
    va_list list;
    va_start(list, format);
    size_t length = format_text_list(text, sizeof text, format, list);
    va_end(list);
    if (log_handle == HANDLE_NONE && log_server == HANDLE_NONE)
        return;
    uint8_t *bytes = message_area()->bytes;
    memcpy(kept, bytes, length);
    memcpy(bytes, text, length);
    if (log_server == HANDLE_NONE || !write_to_server(length))
        sys_debug_write(log_handle, length);
    memcpy(bytes, kept, length);
}
