/*
 * Terminals: what IO_CONTROL of <portolan/io.h> can ask of a session whose io_info.terminal is 1.
 *
 * head.arg[0] is the request, head.arg[1] a value, and what goes in or out beside it lies in the
 * message's bytes.  The reply's result is >= 0 or -errno: -EINVAL malformed, -ENOTTY no terminal or
 * no such request, -EIO the terminal has hung up.
 *
 * Job control.  A terminal belongs to at most one session (the process server's number for it) and
 * has one foreground process group.  The terminal keeps these numbers and tells the process server
 * when ^C and the like are to become signals; it cannot know who asks.  So a process that takes
 * part in job control names its process group in arg[1] of IO_READ and IO_WRITE, and in arg[2] of
 * IO_CONTROL (0: takes no part).  If that is not the foreground group the terminal answers
 * -EBUSY (to IO_WRITE only while TTY_TOSTOP is set; to IO_CONTROL only for requests that change
 * something), and the sender has the process server send SIGTTIN or SIGTTOU to its group, or if
 * that signal is ignored or blocked asks again with 0, or gives EIO, as POSIX says (11.1.4).
 *
 * The numbers of flags and of control characters are those that Linux uses on x86.
 */
#ifndef PORTOLAN_TTY_H
#define PORTOLAN_TTY_H

#include <portolan/io.h>

enum tty_request {
    /* Reply bytes: struct tty_attributes. */
    TTY_GET_ATTRIBUTES = 0x5400,
    /* Bytes: struct tty_attributes; arg[1]: TTY_NOW... -EINVAL no such speed or c_cc. */
    TTY_SET_ATTRIBUTES,
    /* Reply bytes: struct tty_size. */
    TTY_GET_SIZE,
    /* Bytes: struct tty_size.  If it differs, the foreground group gets SIGWINCH. */
    TTY_SET_SIZE,
    /* Result: the foreground process group, or 0.  -ENOTTY it is no session's terminal. */
    TTY_GET_GROUP,
    /* arg[1]: the group.  The process server has checked that it is one of the session.  -ENOTTY as
     * above; -EINVAL not a number of a group. */
    TTY_SET_GROUP,
    /* Result: the session whose controlling terminal this is.  -ENOTTY none. */
    TTY_GET_SESSION,
    /* arg[1]: the session that takes it, or 0: the session gives it up (and the foreground group is
     * forgotten).  -EBUSY it is another one's. */
    TTY_SET_SESSION,
    /* arg[1]: TTY_INPUT | TTY_OUTPUT: forgets what was not read or not sent yet. */
    TTY_FLUSH,
    /* Answers when all output has been sent. */
    TTY_DRAIN,
    /* arg[1]: TTY_OUTPUT_STOP, TTY_OUTPUT_GO, TTY_INPUT_STOP or TTY_INPUT_GO (tcflow; the last two
     * send the STOP and START characters). */
    TTY_FLOW,
    /* A break on the line.  A terminal that has none does nothing. */
    TTY_BREAK,
    /* Result: bytes that a read would give now. */
    TTY_READABLE,
    /* Reply bytes: the terminal's path below the root, such as "dev/ttyS0"; result: their number.
     */
    TTY_NAME,
    TTY_REQUEST_END,
};

enum { TTY_NOW = 0, TTY_DRAINED, TTY_FLUSHED }; /* when attributes change: as TCSANOW... */
enum { TTY_INPUT = 1u << 0, TTY_OUTPUT = 1u << 1 };
enum { TTY_OUTPUT_STOP = 0, TTY_OUTPUT_GO, TTY_INPUT_STOP, TTY_INPUT_GO };

#define TTY_CC_COUNT 20u

struct tty_attributes {
    uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
    uint8_t c_cc[TTY_CC_COUNT];  /* TTY_CC_DISABLED: there is no such character */
    uint32_t c_ispeed, c_ospeed; /* bits a second; 0: hang up */
};

#define TTY_CC_DISABLED 0u

/* Indices into c_cc. */
enum tty_cc {
    TTY_VINTR = 0,
    TTY_VQUIT = 1,
    TTY_VERASE = 2,
    TTY_VKILL = 3,
    TTY_VEOF = 4,
    TTY_VTIME = 5, /* tenths of a second */
    TTY_VMIN = 6,
    TTY_VSTART = 8,
    TTY_VSTOP = 9,
    TTY_VSUSP = 10,
    TTY_VEOL = 11,
    TTY_VREPRINT = 12,
    TTY_VDISCARD = 13,
    TTY_VWERASE = 14,
    TTY_VLNEXT = 15,
    TTY_VEOL2 = 16,
};

enum { /* c_iflag */
       TTY_IGNBRK = 0x0001,
       TTY_BRKINT = 0x0002,
       TTY_IGNPAR = 0x0004,
       TTY_PARMRK = 0x0008,
       TTY_INPCK = 0x0010,
       TTY_ISTRIP = 0x0020,
       TTY_INLCR = 0x0040,
       TTY_IGNCR = 0x0080,
       TTY_ICRNL = 0x0100,
       TTY_IXON = 0x0400,
       TTY_IXANY = 0x0800,
       TTY_IXOFF = 0x1000,
       TTY_IMAXBEL = 0x2000,
       TTY_IUTF8 = 0x4000,
};

enum { /* c_oflag */
       TTY_OPOST = 0x01,
       TTY_ONLCR = 0x04,
       TTY_OCRNL = 0x08,
       TTY_ONOCR = 0x10,
       TTY_ONLRET = 0x20,
       TTY_TAB3 = 0x1800, /* tabs become spaces; all of TABDLY */
};

enum { /* c_cflag */
       TTY_CSIZE = 0x30,
       TTY_CS5 = 0x00,
       TTY_CS6 = 0x10,
       TTY_CS7 = 0x20,
       TTY_CS8 = 0x30,
       TTY_CSTOPB = 0x40,
       TTY_CREAD = 0x80,
       TTY_PARENB = 0x100,
       TTY_PARODD = 0x200,
       TTY_HUPCL = 0x400,
       TTY_CLOCAL = 0x800,
};

enum { /* c_lflag */
       TTY_ISIG = 0x0001,
       TTY_ICANON = 0x0002,
       TTY_ECHO = 0x0008,
       TTY_ECHOE = 0x0010,
       TTY_ECHOK = 0x0020,
       TTY_ECHONL = 0x0040,
       TTY_NOFLSH = 0x0080,
       TTY_TOSTOP = 0x0100,
       TTY_ECHOCTL = 0x0200,
       TTY_ECHOKE = 0x0800,
       TTY_IEXTEN = 0x8000,
};

struct tty_size {
    uint16_t rows, columns, width, height; /* the last two in pixels, or 0 */
};

/* A line in canonical mode is at most so long, its newline counted; more rings the bell. */
#define TTY_LINE_MAX 4096u

#endif
