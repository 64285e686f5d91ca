/*
 * The log server: who said what, and when.
 *
 * Lines are kept in a ring, each with a number, so that a reader that fell behind sees that lines
 * are missing.  Who wrote one is known by the badge that init gave with the handle
 * (<portolan/init.h>); what is in the kernel's log is there as LOG_KERNEL's lines.
 *
 * The log server is mounted as a node, "dev/log": a session of it serves for these operations too,
 * and what is written to it (IO_WRITE) is LOG_WRITE's text.
 */
#ifndef PORTOLAN_LOG_H
#define PORTOLAN_LOG_H

#include <portolan/io.h>

#define LOG_SOURCE_NAME_MAX 32u
#define LOG_LINE_MAX 480u

enum log_op {
    /* Bytes: text of one or more lines, each of at most LOG_LINE_MAX bytes (more is cut up).  An
     * unfinished last line is finished.  arg[0]: enum log_level. */
    LOG_WRITE = 0x400,
    /*
     * Lines from number head.offset on: struct log_line, one after the other, in the reply's bytes.
     * arg[0]: LOG_WAIT: if there is none yet, it waits for one.  arg[1]: only those of this
     * source, if not LOG_ANYONE.  Result: how many lines; reply offset: the number to go on from.
     */
    LOG_READ,
    /* Only from init: bytes: the name of the source with number arg[0]. */
    LOG_SOURCE,
    /* Bytes: a name.  Result: its number.  -ENOENT. */
    LOG_FIND,
};

enum log_level { LOG_ERROR = 0, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum { LOG_WAIT = 1u << 0 };
#define LOG_ANYONE UINT64_MAX
#define LOG_KERNEL UINT32_MAX
#define LOG_USER (UINT32_MAX - 1) /* who opened dev/log */

/* Followed by `length` bytes of text without newline, and padding to a multiple of 8. */
struct log_line {
    uint64_t number, time_ns;
    uint32_t source;
    uint16_t length;
    uint8_t level, reserved;
    char name[LOG_SOURCE_NAME_MAX];
};

#endif
