/*
 * <termcap.h>, for the terminals that Portolan meets: those that know ECMA-48's (VT100's) control
 * sequences, and those that know none.  The descriptions are here, not in a file.
 *
 * A terminal's name is looked up up to its first '-', so that xterm-256color is an xterm.  How
 * large it really is the terminal's driver says (TIOCGWINSZ); the numbers here are what to fall
 * back on.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <termcap.h>

struct capability {
    const char name[3];
    const char *text; /* of a string */
    int number;       /* of a number, or 1 for a flag */
};

struct terminal {
    const char *names; /* with a blank before and behind each */
    const struct capability *capabilities;
    size_t count;
};

static const struct capability ansi[] = {
    {"am", 0, 1}, /* the cursor goes on to the next line at the right margin, */
    {"xn", 0, 1}, /* but not before another character comes */
    {"km", 0, 1},
    {"pt", 0, 1},
    {"co", 0, 80},
    {"li", 0, 25},
    {"it", 0, 8},
    {"al", "\33[L", 0}, /* lines and characters put in and taken out */
    {"dl", "\33[M", 0},
    {"ic", "\33[@", 0},
    {"dc", "\33[P", 0},
    {"IC", "\33[%d@", 0},
    {"DC", "\33[%dP", 0},
    {"cl", "\33[H\33[J", 0}, /* clearing */
    {"cd", "\33[J", 0},
    {"ce", "\33[K", 0},
    {"cm", "\33[%i%d;%dH", 0}, /* moving */
    {"ho", "\33[H", 0},
    {"ch", "\33[%i%dG", 0},
    {"up", "\33[A", 0},
    {"do", "\n", 0},
    {"nd", "\33[C", 0},
    {"le", "\b", 0},
    {"UP", "\33[%dA", 0},
    {"DO", "\33[%dB", 0},
    {"RI", "\33[%dC", 0},
    {"LE", "\33[%dD", 0},
    {"cr", "\r", 0},
    {"nl", "\n", 0},
    {"ta", "\t", 0},
    {"bl", "\a", 0},
    {"md", "\33[1m", 0}, /* looks */
    {"mr", "\33[7m", 0},
    {"so", "\33[7m", 0},
    {"se", "\33[27m", 0},
    {"us", "\33[4m", 0},
    {"ue", "\33[24m", 0},
    {"me", "\33[m", 0},
    {"ku", "\33[A", 0}, /* keys */
    {"kd", "\33[B", 0},
    {"kr", "\33[C", 0},
    {"kl", "\33[D", 0},
    {"kh", "\33[H", 0},
    {"@7", "\33[F", 0},
    {"kD", "\33[3~", 0},
    {"kI", "\33[2~", 0},
    {"kP", "\33[5~", 0},
    {"kN", "\33[6~", 0},
    {"kb", "\177", 0},
};

static const struct capability dumb[] = {
    {"am", 0, 1}, {"co", 0, 80}, {"bl", "\a", 0}, {"cr", "\r", 0}, {"do", "\n", 0}, {"nl", "\n", 0},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct terminal terminals[] = {
    {" portolan linux xterm vt100 vt102 vt220 ansi screen tmux rxvt ", ansi, COUNT(ansi)},
    {" dumb unknown ", dumb, COUNT(dumb)},
};

/* The one that tgetent() found. */
static const struct terminal *current = &terminals[COUNT(terminals) - 1];

/* Does a list of names, each between blanks, hold the first `length` bytes of `name`? */
static int holds(const char *names, const char *name, size_t length)
{
    for (const char *at = names; *at == ' ' && at[1]; at = strchr(at + 1, ' ')) {
        if (!strncmp(at + 1, name, length) && at[1 + length] == ' ')
            return 1;
    }
    return 0;
}

/* 1: the terminal is known, and is what the others tell of from now on; 0: it is not. */
int tgetent(char *buffer, const char *name)
{
    size_t length = strcspn(name, "-");

    if (buffer)
        *buffer = 0;
    for (size_t i = 0; i < COUNT(terminals); i++) {
        if (length && holds(terminals[i].names, name, length)) {
            current = &terminals[i];
            return 1;
        }
    }
    return 0;
}

static const struct capability *find(const char *name)
{
    for (size_t i = 0; i < current->count; i++) {
        if (!strncmp(current->capabilities[i].name, name, 2))
            return &current->capabilities[i];
    }
    return 0;
}

int tgetflag(const char *name)
{
    const struct capability *found = find(name);

    return found && !found->text && found->number == 1;
}

/* -1 if the terminal does not have it. */
int tgetnum(const char *name)
{
    const struct capability *found = find(name);

    return found && !found->text ? found->number : -1;
}

/* Null if the terminal does not have it; else its text, which is copied to *area, if that is given,
 * and *area moved behind it. */
char *tgetstr(const char *name, char **area)
{
    const struct capability *found = find(name);
    char *text;

    if (!found || !found->text)
        return 0;
    if (!area || !*area)
        return (char *)(size_t)found->text;
    text = *area;
    *area = stpcpy(text, found->text) + 1;
    return text;
}

/*
 * A text with its %d filled in: the first with `row`, the second with `column`; %i makes both count
 * from 1.  Good until the next call.
 */
char *tgoto(const char *text, int column, int row)
{
    static char filled[64];
    int values[2] = {row, column};
    size_t used = 0, next = 0;

    for (; *text && used + 12 < sizeof filled; text++) {
        if (*text != '%') {
            filled[used++] = *text;
        } else if (*++text == 'd' && next < COUNT(values)) {
            used += (size_t)sprintf(filled + used, "%d", values[next++]);
        } else if (*text == 'i') {
            values[0]++;
            values[1]++;
        } else if (*text == '%') {
            filled[used++] = '%';
        } else {
            break;
        }
    }
    filled[used] = 0;
    return filled;
}

/* Gives each byte to `put`; none of these terminals needs time to do what it is told. */
int tputs(const char *text, int lines, int (*put)(int))
{
    (void)lines;
    for (; *text; text++)
        put((unsigned char)*text);
    return 0;
}
