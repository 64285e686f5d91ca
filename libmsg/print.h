/*
 * Formatted lines to the log server or, where there is none, to the kernel's log and console.
 *
 * The formats: %d %i %u %x %c %s %p %%, with l, ll or z, a width, 0 and -.  A line longer than
 * PRINT_MAX is cut.  The message page is as before afterwards.  Any thread may print; one call's
 * text is not mixed with another's.
 */
#ifndef LIBMSG_PRINT_H
#define LIBMSG_PRINT_H

#include <portolan/types.h>
#include <stdarg.h>

#define PRINT_MAX 400u

/* The log server's port, as init gave it: lines go there, and to the kernel's log only if that does
 * not answer. */
void print_open_server(handle_t port);

/* log: a handle to a LOG resource; HANDLE_NONE: print nothing. */
void print_open(handle_t log);

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes at most size - 1 characters and a NUL; gives the number written. size > 0. */
size_t format_text(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_text_list(char *to, size_t size, const char *format, va_list list);

#endif
