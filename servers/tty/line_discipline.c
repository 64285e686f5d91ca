/*
 * See line_discipline.h.  Section numbers are those of POSIX.1-2017, Base Definitions.
 */
#include "line_discipline.h"

#include <portolan/errors.h>

#include "../../libmsg/unicode.h"
#include "string.h"

enum { QUEUE_BYTE = 0xff, QUEUE_LINE = 0x100 /* ends a line */, QUEUE_EOF = 0x200 /* no byte */ };
enum { TAB_STOP = 8, DELETE = 0x7f, BELL = 7 };
enum { QUEUE_HIGH = DISCIPLINE_QUEUE - 1024, QUEUE_LOW = DISCIPLINE_QUEUE / 4 };

/* ---- Flags ----------------------------------------------------------------------------------- */

static bool local(const struct line_discipline *d, uint32_t flag)
{
    return d->attributes.c_lflag & flag;
}

static bool is_control(const struct line_discipline *d, uint8_t byte, enum tty_cc which)
{
    uint8_t control = d->attributes.c_cc[which];
    return control != TTY_CC_DISABLED && byte == control;
}

/* Those that count only with IEXTEN. */
static bool is_extended(const struct line_discipline *d, uint8_t byte, enum tty_cc which)
{
    return local(d, TTY_IEXTEN) && is_control(d, byte, which);
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* ---- Output (11.1.8, 11.2.3) ----------------------------------------------------------------- */

static void send(struct line_discipline *d, uint8_t byte)
{
    byte_ring_put(d->out, &byte, 1);
}

static void send_newline(struct line_discipline *d)
{
    uint32_t flags = d->attributes.c_oflag;
    if (flags & TTY_ONLCR)
        send(d, '\r');
    if (flags & (TTY_ONLCR | TTY_ONLRET))
        d->column = 0;
    send(d, '\n');
}

static void send_return(struct line_discipline *d)
{
    uint32_t flags = d->attributes.c_oflag;
    if (flags & TTY_ONOCR && d->column == 0)
        return;
    if (flags & TTY_OCRNL) {
        send_newline(d);
        return;
    }
    d->column = 0;
    send(d, '\r');
}

static void send_tab(struct line_discipline *d)
{
    uint32_t stop = (d->column / TAB_STOP + 1) * TAB_STOP;
    if ((d->attributes.c_oflag & TTY_TAB3) != TTY_TAB3) {
        send(d, '\t');
        d->column = stop;
    }
    while (d->column < stop) {
        send(d, ' ');
        d->column++;
    }
}

/* A byte that is to be shown, with what OPOST asks for. */
static void show(struct line_discipline *d, uint8_t byte)
{
    bool plain = !(d->attributes.c_oflag & TTY_OPOST);
    if (!plain && byte == '\n')
        send_newline(d);
    else if (!plain && byte == '\r')
        send_return(d);
    else if (byte == '\t')
        plain ? send(d, byte) : send_tab(d);
    else {
        send(d, byte);
        if (byte == '\b')
            d->column -= d->column > 0;
        else if (byte == '\r' || byte == '\n')
            d->column = byte == '\r' ? 0 : d->column;
        else if (byte >= ' ' && byte != DELETE && !is_continuation(byte))
            d->column++;
    }
}

size_t discipline_write(struct line_discipline *d, const uint8_t *from, size_t length)
{
    size_t done = 0;
    while (done < length && byte_ring_room(d->out) >= DISCIPLINE_ECHO_ROOM)
        show(d, from[done++]);
    return done;
}

void discipline_send(struct line_discipline *d, enum tty_cc which)
{
    if (d->attributes.c_cc[which] != TTY_CC_DISABLED)
        send(d, d->attributes.c_cc[which]);
}

/* ---- Echo ------------------------------------------------------------------------------------ */

static bool is_caret(const struct line_discipline *d, uint8_t byte)
{
    return local(d, TTY_ECHOCTL) && (byte < ' ' || byte == DELETE) && byte != '\t' && byte != '\n';
}

static void echo(struct line_discipline *d, uint8_t byte)
{
    if (byte == '\n' && local(d, TTY_ICANON) && local(d, TTY_ECHONL))
        show(d, byte);
    else if (!local(d, TTY_ECHO))
        return;
    else if (is_caret(d, byte)) {
        show(d, '^');
        show(d, byte ^ 0x40);
    } else
        show(d, byte);
}

static void bell(struct line_discipline *d)
{
    send(d, BELL);
}

/* The code point that begins at `at`, of `length` bytes that are a sequence or a single byte. */
static uint32_t decode(const uint8_t *at, uint32_t length)
{
    if (length == 1)
        return at[0];
    uint32_t code = at[0] & (0x7fu >> length);
    for (uint32_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3f);
    return code;
}

/* The column behind the character of `length` bytes at `at`, if it is shown from `column` on. */
static uint32_t column_after(const struct line_discipline *d, uint32_t column, const uint8_t *at,
                             uint32_t length)
{
    if (*at == '\t')
        return (column / TAB_STOP + 1) * TAB_STOP;
    if (is_caret(d, *at))
        return column + 2;
    if (*at < ' ' || *at == DELETE)
        return column;
    return column + unicode_width(decode(at, length));
}

/* How many bytes the last character of the first `length` bytes of the line has. */
static uint32_t last_character(const struct line_discipline *d, uint32_t length)
{
    if (!(d->attributes.c_iflag & TTY_IUTF8))
        return 1;
    uint32_t size = 1;
    while (size < 4 && size < length && is_continuation(d->line[length - size]))
        size++;
    return is_continuation(d->line[length - size]) ? 1 : size;
}

/* The column behind the first `length` bytes of the line. */
static uint32_t column_at(const struct line_discipline *d, uint32_t length)
{
    uint32_t column = d->line_column;
    for (uint32_t at = 0; at < length;) {
        uint32_t size = 1;
        if (d->attributes.c_iflag & TTY_IUTF8 && d->line[at] >= 0xc0)
            while (size < 4 && at + size < length && is_continuation(d->line[at + size]))
                size++;
        column = column_after(d, column, d->line + at, size);
        at += size;
    }
    return column;
}

/* ---- Editing (11.1.9) ------------------------------------------------------------------------ */

/* Takes the end of the line away, down to `length` bytes, from the screen too. */
static void cut(struct line_discipline *d, uint32_t length)
{
    uint32_t before = column_at(d, d->length), after = column_at(d, length);
    d->length = length;
    if (!local(d, TTY_ECHO) || !local(d, TTY_ECHOE))
        return;
    for (; before > after; before--) {
        show(d, '\b');
        show(d, ' ');
        show(d, '\b');
    }
    d->column = after;
}

static void erase_character(struct line_discipline *d)
{
    if (d->length == 0)
        return;
    cut(d, d->length - last_character(d, d->length));
    if (!local(d, TTY_ECHOE))
        echo(d, d->attributes.c_cc[TTY_VERASE]);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static void erase_word(struct line_discipline *d)
{
    uint32_t length = d->length;
    while (length && is_blank(d->line[length - 1]))
        length--;
    while (length && !is_blank(d->line[length - 1]))
        length--;
    cut(d, length);
}

static void kill_line(struct line_discipline *d)
{
    if (local(d, TTY_ECHOKE) && local(d, TTY_ECHOE)) {
        cut(d, 0);
        return;
    }
    d->length = 0;
    echo(d, d->attributes.c_cc[TTY_VKILL]);
    if (local(d, TTY_ECHOK))
        echo(d, '\n');
}

static void reprint(struct line_discipline *d)
{
    echo(d, d->attributes.c_cc[TTY_VREPRINT]);
    echo(d, '\n');
    d->line_column = d->column;
    for (uint32_t i = 0; i < d->length; i++)
        echo(d, d->line[i]);
}

/* ---- Input that can be read ------------------------------------------------------------------ */

static void halt_input(struct line_discipline *d)
{
    if (d->attributes.c_iflag & TTY_IXOFF && !d->input_halted && d->count > QUEUE_HIGH) {
        d->input_halted = true;
        discipline_send(d, TTY_VSTOP);
    }
}

static void resume_input(struct line_discipline *d)
{
    if (d->input_halted && d->count < QUEUE_LOW) {
        d->input_halted = false;
        discipline_send(d, TTY_VSTART);
    }
}

static void enqueue(struct line_discipline *d, uint16_t what)
{
    d->queue[(d->first + d->count++) % DISCIPLINE_QUEUE] = what;
    d->ends += (what & (QUEUE_LINE | QUEUE_EOF)) != 0;
}

/* The line, and `end` behind it, can be read.  False: there is no room. */
static bool finish_line(struct line_discipline *d, uint16_t end)
{
    if (DISCIPLINE_QUEUE - d->count < d->length + 1) {
        bell(d);
        return false;
    }
    for (uint32_t i = 0; i < d->length; i++)
        enqueue(d, d->line[i]);
    enqueue(d, end);
    d->length = 0;
    return true;
}

void discipline_flush_input(struct line_discipline *d)
{
    d->length = d->first = d->count = d->ends = 0;
    d->literal = false;
    resume_input(d);
}

/* ---- Input ----------------------------------------------------------------------------------- */

/* ISIG (11.1.9).  True: that is what the byte was. */
static bool take_signal(struct line_discipline *d, uint8_t byte)
{
    int number = is_control(d, byte, TTY_VINTR)   ? DISCIPLINE_SIGINT
                 : is_control(d, byte, TTY_VQUIT) ? DISCIPLINE_SIGQUIT
                 : is_control(d, byte, TTY_VSUSP) ? DISCIPLINE_SIGTSTP
                                                  : 0;
    if (!number)
        return false;
    if (!local(d, TTY_NOFLSH)) {
        discipline_flush_input(d);
        byte_ring_drop(d->out, d->out->count);
    }
    d->stopped = false;
    echo(d, byte);
    d->signal(d, number);
    return true;
}

/* IXON (11.2.2).  True: the byte was no more than that. */
static bool take_flow(struct line_discipline *d, uint8_t byte)
{
    if (is_control(d, byte, TTY_VSTART)) {
        d->stopped = false;
        return true;
    }
    if (is_control(d, byte, TTY_VSTOP)) {
        d->stopped = true;
        return true;
    }
    if (d->attributes.c_iflag & TTY_IXANY)
        d->stopped = false;
    return false;
}

/* Adds to the line being typed; the last place is the newline's. */
static void take_ordinary(struct line_discipline *d, uint8_t byte)
{
    if (d->length >= TTY_LINE_MAX - 1) {
        bell(d);
        return;
    }
    if (d->length == 0)
        d->line_column = d->column;
    d->line[d->length++] = byte;
    echo(d, byte);
}

static void take_canonical(struct line_discipline *d, uint8_t byte)
{
    bool newline = byte == '\n';
    if (is_control(d, byte, TTY_VERASE) || (byte == '\b' && is_control(d, DELETE, TTY_VERASE)))
        erase_character(d);
    else if (is_control(d, byte, TTY_VKILL))
        kill_line(d);
    else if (is_extended(d, byte, TTY_VWERASE))
        erase_word(d);
    else if (is_extended(d, byte, TTY_VREPRINT))
        reprint(d);
    else if (is_control(d, byte, TTY_VEOF))
        finish_line(d, QUEUE_EOF);
    else if (newline || is_control(d, byte, TTY_VEOL) || is_extended(d, byte, TTY_VEOL2)) {
        if (finish_line(d, QUEUE_LINE | byte))
            echo(d, byte);
    } else
        take_ordinary(d, byte);
}

static void take_raw(struct line_discipline *d, uint8_t byte)
{
    if (d->count == DISCIPLINE_QUEUE) {
        bell(d);
        return;
    }
    enqueue(d, byte);
    echo(d, byte);
    halt_input(d);
}

/* ICRNL and its kind (11.2.2).  False: the byte is ignored. */
static bool translate(const struct line_discipline *d, uint8_t *byte)
{
    uint32_t flags = d->attributes.c_iflag;
    if (flags & TTY_ISTRIP)
        *byte &= 0x7f;
    if (*byte == '\r') {
        if (flags & TTY_IGNCR)
            return false;
        if (flags & TTY_ICRNL)
            *byte = '\n';
    } else if (*byte == '\n' && flags & TTY_INLCR) {
        *byte = '\r';
    }
    return true;
}

void discipline_input(struct line_discipline *d, uint8_t byte)
{
    if (d->attributes.c_iflag & TTY_ISTRIP)
        byte &= 0x7f;
    if (d->literal) {
        d->literal = false;
        local(d, TTY_ICANON) ? take_ordinary(d, byte) : take_raw(d, byte);
        return;
    }
    if (d->attributes.c_iflag & TTY_IXON && take_flow(d, byte))
        return;
    if (local(d, TTY_ISIG) && take_signal(d, byte))
        return;
    if (!translate(d, &byte))
        return;
    if (is_extended(d, byte, TTY_VLNEXT) && local(d, TTY_ICANON))
        d->literal = true;
    else if (local(d, TTY_ICANON))
        take_canonical(d, byte);
    else
        take_raw(d, byte);
}

/* ---- Reading (11.1.5 to 11.1.7) -------------------------------------------------------------- */

static size_t copy_out(const struct line_discipline *d, uint8_t *to, size_t length, bool lines)
{
    size_t count = 0;
    for (uint32_t i = 0; i < d->count && count < length; i++) {
        uint16_t what = d->queue[(d->first + i) % DISCIPLINE_QUEUE];
        if (what & QUEUE_EOF) {
            if (lines)
                break;
            continue;
        }
        to[count++] = (uint8_t)what;
        if (lines && what & QUEUE_LINE)
            break;
    }
    return count;
}

/* Whether a raw read has to wait, by MIN and TIME; and until when. */
static bool must_wait(const struct line_discipline *d, size_t length, uint64_t waited,
                      uint64_t idle, uint64_t *wake)
{
    uint64_t minimum = d->attributes.c_cc[TTY_VMIN];
    uint64_t time = d->attributes.c_cc[TTY_VTIME] * 100000000ull;
    if (d->count >= (minimum < length ? minimum : length) && (minimum || d->count))
        return false;
    if (!time)
        return minimum != 0;
    if (minimum && !d->count)
        return true;
    /* The time runs from the read on, or, where there is a minimum, from the last byte on. */
    uint64_t passed = minimum && idle < waited ? idle : waited;
    if (passed >= time)
        return false;
    *wake = time - passed;
    return true;
}

int64_t discipline_peek(const struct line_discipline *d, void *to, size_t length, uint64_t waited,
                        uint64_t idle, uint64_t *wake)
{
    *wake = DISCIPLINE_NEVER;
    if (local(d, TTY_ICANON))
        return d->ends ? (int64_t)copy_out(d, to, length, true) : -EAGAIN;
    if (must_wait(d, length, waited, idle, wake))
        return -EAGAIN;
    return (int64_t)copy_out(d, to, length, false);
}

static uint16_t dequeue(struct line_discipline *d)
{
    uint16_t what = d->queue[d->first];
    d->first = (d->first + 1) % DISCIPLINE_QUEUE;
    d->count--;
    d->ends -= (what & (QUEUE_LINE | QUEUE_EOF)) != 0;
    return what;
}

void discipline_took(struct line_discipline *d, size_t count)
{
    uint16_t last = 0;
    for (size_t taken = 0; taken < count && d->count;) {
        last = dequeue(d);
        taken += !(last & QUEUE_EOF);
    }
    /* An end of file right behind the bytes goes with them: it made them readable. */
    if (d->count && !(last & QUEUE_LINE) && d->queue[d->first] & QUEUE_EOF)
        dequeue(d);
    resume_input(d);
}

size_t discipline_readable(const struct line_discipline *d)
{
    size_t count = 0;
    if (local(d, TTY_ICANON) && !d->ends)
        return 0;
    for (uint32_t i = 0; i < d->count; i++) {
        uint16_t what = d->queue[(d->first + i) % DISCIPLINE_QUEUE];
        count += !(what & QUEUE_EOF);
        if (local(d, TTY_ICANON) && what & (QUEUE_LINE | QUEUE_EOF))
            break;
    }
    return count;
}

/* ---- Modes ----------------------------------------------------------------------------------- */

int64_t discipline_set(struct line_discipline *d, const struct tty_attributes *attributes)
{
    if ((attributes->c_cflag & TTY_CSIZE) < TTY_CS7)
        return -EINVAL;
    bool was = local(d, TTY_ICANON);
    d->attributes = *attributes;
    bool now = local(d, TTY_ICANON);
    if (was && !now) { /* what was typed so far can be read as it is */
        uint32_t room = DISCIPLINE_QUEUE - d->count;
        for (uint32_t i = 0; i < d->length && i < room; i++)
            enqueue(d, d->line[i]);
        d->length = 0;
    } else if (!was && now && d->count) { /* what is there is a line */
        uint16_t *last = &d->queue[(d->first + d->count - 1) % DISCIPLINE_QUEUE];
        if (!(*last & (QUEUE_LINE | QUEUE_EOF))) {
            *last |= QUEUE_LINE;
            d->ends++;
        }
    }
    if (!(attributes->c_iflag & TTY_IXON))
        d->stopped = false;
    return 0;
}

void discipline_open(struct line_discipline *d, struct byte_ring *out)
{
    static const struct tty_attributes attributes = {
        .c_iflag = TTY_BRKINT | TTY_ICRNL | TTY_IXON | TTY_IMAXBEL | TTY_IUTF8,
        .c_oflag = TTY_OPOST | TTY_ONLCR,
        .c_cflag = TTY_CS8 | TTY_CREAD | TTY_HUPCL | TTY_CLOCAL,
        .c_lflag = TTY_ISIG | TTY_ICANON | TTY_ECHO | TTY_ECHOE | TTY_ECHOK | TTY_ECHOCTL |
                   TTY_ECHOKE | TTY_IEXTEN,
        .c_cc = {[TTY_VINTR] = 3,
                 [TTY_VQUIT] = 28,
                 [TTY_VERASE] = DELETE,
                 [TTY_VKILL] = 21,
                 [TTY_VEOF] = 4,
                 [TTY_VMIN] = 1,
                 [TTY_VSTART] = 17,
                 [TTY_VSTOP] = 19,
                 [TTY_VSUSP] = 26,
                 [TTY_VREPRINT] = 18,
                 [TTY_VWERASE] = 23,
                 [TTY_VLNEXT] = 22},
        .c_ispeed = 115200,
        .c_ospeed = 115200};
    memset(d, 0, sizeof(*d));
    d->attributes = attributes;
    d->out = out;
}
