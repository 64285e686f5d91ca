/*
 * A terminal's screen as a grid of cells, and what control sequences do to it: a subset of the
 * VT100 and of ECMA-48, as much as the terminal type "linux" asks for.  Pure: nothing is drawn
 * here.
 *
 * Bytes go in by terminal_write; afterwards rows with `dirty` set may look different.  What the
 * terminal answers (a report of the cursor's position, say) collects in `answers`.
 *
 * Colours are numbers of the usual palette of 256; direct colours are replaced by the nearest of
 * its cube.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "../../libmsg/unicode.h"

#define TERMINAL_COLUMNS_MAX 320u
#define TERMINAL_ROWS_MAX 128u
#define TERMINAL_PARAMETERS_MAX 16u

enum {
    CELL_BOLD = 1u << 0,
    CELL_UNDERLINE = 1u << 1,
    CELL_REVERSE = 1u << 2,
    CELL_DIM = 1u << 3,
    CELL_BLINK = 1u << 4,
    CELL_HIDDEN = 1u << 5,
    CELL_RIGHT = 1u << 6 /* the second half of a wide character */
};

struct cell {
    uint32_t code;
    uint8_t foreground, background, flags, reserved;
};

/* What ESC 7 keeps. */
struct terminal_cursor {
    uint32_t row, column;
    struct cell pen; /* its colours and flags */
    bool wrap_next;  /* behind the last column: the next character wraps first */
    bool origin;     /* rows count from the scroll region's first */
    bool graphics[2];
    uint32_t set; /* which of G0 and G1 is in use */
};

enum terminal_state {
    TERMINAL_GROUND = 0,
    TERMINAL_ESCAPE,
    TERMINAL_CSI,
    TERMINAL_STRING,
    TERMINAL_STRING_ESCAPE,
    TERMINAL_DESIGNATE,
    TERMINAL_HASH,
    TERMINAL_PALETTE
};

struct terminal {
    uint32_t rows, columns;
    struct cell *cells;      /* rows * columns: those shown */
    struct cell *screens[2]; /* the usual one and the alternate one */
    uint32_t shown;          /* which of them */
    bool dirty[TERMINAL_ROWS_MAX];
    bool cursor_visible;

    struct terminal_cursor cursor, saved[2];
    uint32_t top, bottom; /* the scroll region, both inside */
    bool wraps, inserts, newline_returns;
    uint8_t tabs[TERMINAL_COLUMNS_MAX];
    uint32_t last; /* the last character shown, for REP */

    enum terminal_state state;
    uint32_t parameters[TERMINAL_PARAMETERS_MAX], parameter_count;
    char prefix, middle;   /* '?' and the like; an intermediate character */
    uint32_t designated;   /* G0 or G1 */
    uint32_t palette_left; /* digits of ESC ] P */
    struct utf8 utf8;

    uint8_t answers[64];
    uint32_t answer_count;
};

/* `screens`: room for 2 * rows * columns cells.  rows and columns are at least 1. */
void terminal_open(struct terminal *terminal, struct cell *screens, uint32_t rows,
                   uint32_t columns);

void terminal_write(struct terminal *terminal, const uint8_t *bytes, size_t length);

#endif
