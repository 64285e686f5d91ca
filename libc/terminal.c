/*
 * Terminals: <termios.h>, isatty, ttyname, and ioctl, as requests of <portolan/tty.h>.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <portolan/pipe.h>
#include <portolan/tty.h>

#include "file.h"
#include "process.h"
#include "process_call.h"
#include "syscall.h"

_Static_assert(sizeof(struct termios) == sizeof(struct tty_attributes) &&
                   offsetof(struct termios, c_lflag) == offsetof(struct tty_attributes, c_lflag) &&
                   offsetof(struct termios, c_cc) == offsetof(struct tty_attributes, c_cc) &&
                   offsetof(struct termios, c_ospeed) == offsetof(struct tty_attributes, c_ospeed),
               "the same layout");
_Static_assert(VLNEXT == TTY_VLNEXT && IUTF8 == TTY_IUTF8 && ONLRET == TTY_ONLRET &&
                   CLOCAL == TTY_CLOCAL && IEXTEN == TTY_IEXTEN,
               "the same numbers");
_Static_assert(sizeof(struct winsize) == sizeof(struct tty_size), "the same size");

/* A request: `in` bytes go along, at most `out` come back. */
struct control {
    uint32_t request;
    uint64_t value;
    const void *in;
    size_t in_length;
    void *out;
    size_t out_length;
};

static int64_t control_as(struct open_file *file, const struct control *control, uint32_t group)
{
    struct message head = {.op = IO_CONTROL,
                           .flags = MESSAGE_FLAGS(control->in_length, 0, 0) | MESSAGE_ROOM,
                           .arg = {control->request, control->value, group}};
    struct message_area *area = call_begin();
    if (control->in_length)
        memcpy(area->bytes, control->in, control->in_length);
    int64_t result = call_do(file->handle, &head, CALL_SLOW);
    size_t got = MESSAGE_FLAG_BYTES(head.flags);
    if (result >= 0 && control->out_length) {
        if (got < control->out_length && control->request != TTY_NAME)
            result = -EIO;
        else
            memcpy(control->out, area->bytes,
                   got < control->out_length ? got : control->out_length);
    }
    call_end();
    return result;
}

static int64_t control_file(struct open_file *file, const struct control *control)
{
    uint32_t group = __libc_process.group;
    if (file->flags & OPEN_FILE_LOG)
        return -ENOTTY;
    for (;;) {
        int64_t result = control_as(file, control, group);
        if (result == -EINTR && __libc_call_again())
            continue;
        if (result != -EBUSY || group == 0)
            return result == -ENOSYS ? -ENOTTY : result;
        result = __libc_background(true);
        if (result < 0 && !(result == -EINTR && __libc_call_again()))
            return result;
        group = result == 0 ? 0 : __libc_process.group;
    }
}

static int64_t control(int descriptor, const struct control *what)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    int64_t result = control_file(file, what);
    __libc_open_file_put(file);
    return result;
}

/* The result is all there is. */
static int request(int descriptor, uint32_t number, uint64_t value)
{
    struct control what = {.request = number, .value = value};
    return (int)call_return(control(descriptor, &what));
}

/* ---- Attributes ------------------------------------------------------------------------------ */

int tcgetattr(int descriptor, struct termios *attributes)
{
    struct control what = {
        .request = TTY_GET_ATTRIBUTES, .out = attributes, .out_length = sizeof *attributes};
    int64_t result = control(descriptor, &what);
    return (int)call_return(result > 0 ? 0 : result);
}

int tcsetattr(int descriptor, int when, const struct termios *attributes)
{
    struct control what = {.request = TTY_SET_ATTRIBUTES,
                           .value = (uint64_t)when,
                           .in = attributes,
                           .in_length = sizeof *attributes};
    if (when != TCSANOW && when != TCSADRAIN && when != TCSAFLUSH)
        return (int)call_return(-EINVAL);
    int64_t result = control(descriptor, &what);
    return (int)call_return(result > 0 ? 0 : result);
}

int tcgetwinsize(int descriptor, struct winsize *size)
{
    struct tty_size found;
    struct control what = {.request = TTY_GET_SIZE, .out = &found, .out_length = sizeof found};
    int64_t result = control(descriptor, &what);
    if (result >= 0)
        *size = (struct winsize){found.rows, found.columns, found.width, found.height};
    return (int)call_return(result > 0 ? 0 : result);
}

int tcsetwinsize(int descriptor, const struct winsize *size)
{
    struct tty_size wanted = {size->ws_row, size->ws_col, size->ws_xpixel, size->ws_ypixel};
    struct control what = {.request = TTY_SET_SIZE, .in = &wanted, .in_length = sizeof wanted};
    int64_t result = control(descriptor, &what);
    return (int)call_return(result > 0 ? 0 : result);
}

/* ---- The line -------------------------------------------------------------------------------- */

int tcflush(int descriptor, int which)
{
    static const uint64_t parts[] = {
        [TCIFLUSH] = TTY_INPUT, [TCOFLUSH] = TTY_OUTPUT, [TCIOFLUSH] = TTY_INPUT | TTY_OUTPUT};
    if (which != TCIFLUSH && which != TCOFLUSH && which != TCIOFLUSH)
        return (int)call_return(-EINVAL);
    return request(descriptor, TTY_FLUSH, parts[which]);
}

int tcflow(int descriptor, int action)
{
    static const uint64_t actions[] = {[TCOOFF] = TTY_OUTPUT_STOP,
                                       [TCOON] = TTY_OUTPUT_GO,
                                       [TCIOFF] = TTY_INPUT_STOP,
                                       [TCION] = TTY_INPUT_GO};
    if (action < TCOOFF || action > TCION)
        return (int)call_return(-EINVAL);
    return request(descriptor, TTY_FLOW, actions[action]);
}

int tcdrain(int descriptor)
{
    return request(descriptor, TTY_DRAIN, 0);
}

int tcsendbreak(int descriptor, int duration)
{
    (void)duration; /* POSIX: what it means is the system's affair */
    return request(descriptor, TTY_BREAK, 0);
}

/* ---- Who it belongs to ----------------------------------------------------------------------- */

pid_t tcgetpgrp(int descriptor)
{
    return request(descriptor, TTY_GET_GROUP, 0);
}

/* The process server knows which groups are of the session. */
int tcsetpgrp(int descriptor, pid_t group)
{
    struct message head = {.op = PROCESS_CHECK_GROUP, .arg = {(uint64_t)(int64_t)group, 0, 0}};
    int64_t result = group <= 0 ? -EINVAL : __libc_process_ask(&head);
    if (result < 0)
        return (int)call_return(result == -ENOSYS ? -ENOTTY : result);
    return request(descriptor, TTY_SET_GROUP, (uint64_t)group);
}

pid_t tcgetsid(int descriptor)
{
    return request(descriptor, TTY_GET_SESSION, 0);
}

int isatty(int descriptor)
{
    struct termios attributes;
    return tcgetattr(descriptor, &attributes) == 0;
}

int ttyname_r(int descriptor, char *name, size_t size)
{
    char path[TTY_NAME_MAX];
    struct control what = {.request = TTY_NAME, .out = path, .out_length = sizeof path - 1};
    int64_t result = control(descriptor, &what);
    if (result < 0)
        return (int)-result;
    if (result >= (int64_t)sizeof path || (size_t)result + 2 > size)
        return ERANGE;
    name[0] = '/';
    memcpy(name + 1, path, (size_t)result);
    name[result + 1] = '\0';
    return 0;
}

char *ttyname(int descriptor)
{
    static char name[TTY_NAME_MAX + 1];
    int error = ttyname_r(descriptor, name, sizeof name);
    if (error)
        errno = error;
    return error ? NULL : name;
}

/* ---- ioctl ----------------------------------------------------------------------------------- */

/* Of pipes and of terminals; a file has the bytes behind its offset. */
static int64_t readable(int descriptor, int *bytes)
{
    struct control what = {.request = TTY_READABLE};
    int64_t result = control(descriptor, &what);
    if (result == -ENOTTY) {
        what.request = PIPE_READABLE;
        result = control(descriptor, &what);
    }
    if (result >= 0)
        *bytes = (int)result;
    return result < 0 ? result : 0;
}

static int64_t set_nonblock(int descriptor, bool yes)
{
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0)
        return -errno;
    flags = yes ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(descriptor, F_SETFL, flags) < 0 ? -errno : 0;
}

/* The process server gets a handle of its own to the terminal. */
static int64_t tell_process_server(int descriptor)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    int64_t copy = sys_handle_duplicate(file->handle, RIGHTS_SAME, 0);
    __libc_open_file_put(file);
    if (copy < 0)
        return -EMFILE;
    struct message head = {.op = PROCESS_SET_TERMINAL, .flags = MESSAGE_FLAGS(0, 1, 0)};
    struct message_area *area = call_begin();
    area->handles[0] = (struct message_handle){(handle_t)copy, RIGHTS_SAME, 0};
    int64_t result = __libc_process_do(&head, 0);
    call_end();
    return result;
}

/* TIOCSCTTY: the terminal becomes the controlling one of the session that the caller leads. */
static int64_t take_terminal(int descriptor)
{
    struct control what = {.request = TTY_SET_SESSION, .value = (uint64_t)getsid(0)};
    if (getsid(0) != getpid())
        return -EPERM;
    int64_t result = control(descriptor, &what);
    if (result == -EBUSY)
        return -EPERM;
    return result < 0 ? result : tell_process_server(descriptor);
}

int ioctl(int descriptor, int number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    switch (number) {
    case TIOCGWINSZ:
        return tcgetwinsize(descriptor, argument);
    case TIOCSWINSZ:
        return tcsetwinsize(descriptor, argument);
    case TIOCGPGRP: {
        pid_t group = tcgetpgrp(descriptor);
        if (group >= 0)
            *(pid_t *)argument = group;
        return group < 0 ? -1 : 0;
    }
    case TIOCSPGRP:
        return tcsetpgrp(descriptor, *(const pid_t *)argument);
    case TIOCSCTTY:
        return (int)call_return(take_terminal(descriptor));
    case FIONREAD:
        return (int)call_return(readable(descriptor, argument));
    case FIONBIO:
        return (int)call_return(set_nonblock(descriptor, *(const int *)argument != 0));
    default:
        return (int)call_return(-ENOTTY);
    }
}

/* The name by which each process finds its controlling terminal. */
char *ctermid(char *buffer)
{
    static char own[L_ctermid];
    return strcpy(buffer ? buffer : own, "/dev/tty");
}
