/*
 * The line discipline: what a terminal makes of the bytes between a device and its programs (POSIX
 * "General Terminal Interface", XBD chapter 11).  Pure: no system call, no clock.
 *
 * Bytes from the device go in by discipline_input, and come out, as lines or single, by
 * discipline_peek and discipline_took.  Bytes from programs go in by discipline_write.  What the
 * device is to show, both of these and echo, is put into `out`, which the owner empties unless
 * `stopped` is set.  All other members may be read; attributes and size change by the functions.
 *
 * A line that is being typed can be edited in canonical mode: erase (^H or ^?), word erase (^W),
 * kill (^U), reprint (^R), literal next (^V).  A character is a UTF-8 sequence if IUTF8 is set.
 */
#ifndef LINE_DISCIPLINE_H
#define LINE_DISCIPLINE_H

#include <portolan/tty.h>

#include "../../libmsg/byte_ring.h" /* by its path: unit tests include this */

#define DISCIPLINE_QUEUE 8192u
#define DISCIPLINE_NEVER UINT64_MAX
/* Room in `out` that writes leave for echo. */
#define DISCIPLINE_ECHO_ROOM 256u

/* Signals, as newlib numbers them. */
enum {
    DISCIPLINE_SIGHUP = 1,
    DISCIPLINE_SIGINT = 2,
    DISCIPLINE_SIGQUIT = 3,
    DISCIPLINE_SIGTSTP = 18,
    DISCIPLINE_SIGWINCH = 28
};

struct line_discipline {
    struct tty_attributes attributes;
    struct byte_ring *out;
    /* The foreground process group is to get this signal. */
    void (*signal)(struct line_discipline *discipline, int number);

    bool stopped;      /* by the STOP character, or tcflow */
    bool literal;      /* the next character is taken as it is */
    bool input_halted; /* STOP was sent to the device */
    uint32_t column;   /* where the device's cursor is, as far as can be told */

    uint8_t line[TTY_LINE_MAX];   /* being typed */
    uint32_t length, line_column; /* its bytes; the column it began in */

    /* What can be read: bytes with QUEUE_* bits. */
    uint16_t queue[DISCIPLINE_QUEUE];
    uint32_t first, count;
    uint32_t ends; /* lines in it, and ends of file */
};

void discipline_open(struct line_discipline *discipline, struct byte_ring *out);

/* A byte from the device. */
void discipline_input(struct line_discipline *discipline, uint8_t byte);

/* Bytes from a program: how many were taken; fewer if there is no room in `out`. */
size_t discipline_write(struct line_discipline *discipline, const uint8_t *from, size_t length);

/*
 * What a read of `length` bytes would be given, copied to `to`: how many; 0: end of file, or
 * nothing in time; -EAGAIN: it has to wait.  `waited`: nanoseconds since the read came; `idle`:
 * since the last input.  *wake: to be asked again in so many nanoseconds even without input, or
 * DISCIPLINE_NEVER.
 */
int64_t discipline_peek(const struct line_discipline *discipline, void *to, size_t length,
                        uint64_t waited, uint64_t idle, uint64_t *wake);

/* The `count` bytes that discipline_peek gave have been read. */
void discipline_took(struct line_discipline *discipline, size_t count);

/* Bytes that a read would be given now. */
size_t discipline_readable(const struct line_discipline *discipline);

/* What has not been read, and with it the line being typed, is forgotten. */
void discipline_flush_input(struct line_discipline *discipline);

/* 0; -EINVAL: there is no such mode. */
int64_t discipline_set(struct line_discipline *discipline, const struct tty_attributes *attributes);

/* Sends a control character (c_cc index) to the device, past everything. */
void discipline_send(struct line_discipline *discipline, enum tty_cc which);

#endif
