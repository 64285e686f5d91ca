/*
 * See terminal.h.  ECMA-48 names the functions: CUP, ED, SGR and so on; DEC's are private ones.
 */
#include "terminal.h"

#include "string.h"

enum { FOREGROUND = 7, BACKGROUND = 0, TAB = 8, ESCAPE = 0x1b };

/* ---- Cells ----------------------------------------------------------------------------------- */

static struct cell *cell_at(const struct terminal *t, uint32_t row, uint32_t column)
{
    return &t->cells[row * t->columns + column];
}

/* An erased cell keeps the background that is set. */
static struct cell blank(const struct terminal *t)
{
    return (struct cell){' ', FOREGROUND, t->cursor.pen.background, 0, 0};
}

static void erase(struct terminal *t, uint32_t row, uint32_t from, uint32_t to)
{
    struct cell empty = blank(t);
    for (uint32_t column = from; column < to && column < t->columns; column++)
        *cell_at(t, row, column) = empty;
    t->dirty[row] = true;
}

static void erase_rows(struct terminal *t, uint32_t from, uint32_t to)
{
    for (uint32_t row = from; row < to; row++)
        erase(t, row, 0, t->columns);
}

static void all_dirty(struct terminal *t)
{
    memset(t->dirty, true, sizeof(t->dirty));
}

/* Rows from `first` to the region's end move up by `count`, or down; blank ones come in. */
static void scroll_up(struct terminal *t, uint32_t first, uint32_t count)
{
    uint32_t rows = t->bottom + 1 - first;
    if (count > rows)
        count = rows;
    memmove(cell_at(t, first, 0), cell_at(t, first + count, 0),
            (size_t)(rows - count) * t->columns * sizeof(struct cell));
    memset(t->dirty + first, true, rows);
    erase_rows(t, t->bottom + 1 - count, t->bottom + 1);
}

static void scroll_down(struct terminal *t, uint32_t first, uint32_t count)
{
    uint32_t rows = t->bottom + 1 - first;
    if (count > rows)
        count = rows;
    memmove(cell_at(t, first + count, 0), cell_at(t, first, 0),
            (size_t)(rows - count) * t->columns * sizeof(struct cell));
    memset(t->dirty + first, true, rows);
    erase_rows(t, first, first + count);
}

/* ---- The cursor ------------------------------------------------------------------------------ */

static void move_to(struct terminal *t, uint32_t row, uint32_t column)
{
    t->dirty[t->cursor.row] = true;
    t->cursor.row = row < t->rows ? row : t->rows - 1;
    t->cursor.column = column < t->columns ? column : t->columns - 1;
    t->cursor.wrap_next = false;
    t->dirty[t->cursor.row] = true;
}

/* Up and down stop at the scroll region's edge if they begin inside it. */
static void move_up(struct terminal *t, uint32_t count)
{
    uint32_t row = t->cursor.row, edge = row >= t->top ? t->top : 0;
    move_to(t, row - edge < count ? edge : row - count, t->cursor.column);
}

static void move_down(struct terminal *t, uint32_t count)
{
    uint32_t row = t->cursor.row, edge = row <= t->bottom ? t->bottom : t->rows - 1;
    move_to(t, edge - row < count ? edge : row + count, t->cursor.column);
}

static void move_absolute(struct terminal *t, uint32_t row, uint32_t column)
{
    if (t->cursor.origin) {
        row = row > t->bottom - t->top ? t->bottom : t->top + row;
    }
    move_to(t, row, column);
}

static void index_down(struct terminal *t)
{
    if (t->cursor.row == t->bottom)
        scroll_up(t, t->top, 1);
    else
        move_to(t, t->cursor.row + 1, t->cursor.column);
    t->cursor.wrap_next = false;
}

static void index_up(struct terminal *t)
{
    if (t->cursor.row == t->top)
        scroll_down(t, t->top, 1);
    else if (t->cursor.row)
        move_to(t, t->cursor.row - 1, t->cursor.column);
}

static void tab(struct terminal *t)
{
    uint32_t column = t->cursor.column;
    while (column + 1 < t->columns && !t->tabs[++column])
        ;
    move_to(t, t->cursor.row, column);
}

static void back_tab(struct terminal *t)
{
    uint32_t column = t->cursor.column;
    while (column && !t->tabs[--column])
        ;
    move_to(t, t->cursor.row, column);
}

/* ---- Characters ------------------------------------------------------------------------------ */

/* The VT100's line drawing set, from 0x60 to 0x7e. */
static uint32_t graphic(uint32_t code)
{
    static const uint16_t set[] = {0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1,
                                   0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba,
                                   0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c,
                                   0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7};
    return code >= 0x60 && code <= 0x7e ? set[code - 0x60] : code;
}

static void insert_cells(struct terminal *t, uint32_t count)
{
    uint32_t column = t->cursor.column, rest = t->columns - column;
    if (count > rest)
        count = rest;
    struct cell *at = cell_at(t, t->cursor.row, column);
    memmove(at + count, at, (rest - count) * sizeof(*at));
    erase(t, t->cursor.row, column, column + count);
}

static void delete_cells(struct terminal *t, uint32_t count)
{
    uint32_t column = t->cursor.column, rest = t->columns - column;
    if (count > rest)
        count = rest;
    struct cell *at = cell_at(t, t->cursor.row, column);
    memmove(at, at + count, (rest - count) * sizeof(*at));
    erase(t, t->cursor.row, t->columns - count, t->columns);
}

static void put(struct terminal *t, uint32_t code)
{
    uint32_t width = unicode_width(code);
    if (!width || width > t->columns)
        return;
    t->last = code;
    struct terminal_cursor *cursor = &t->cursor;
    if (cursor->graphics[cursor->set])
        code = graphic(code);
    if (cursor->wrap_next || cursor->column + width > t->columns) {
        if (t->wraps) {
            cursor->column = 0;
            index_down(t);
        } else {
            cursor->column = t->columns - width;
        }
    }
    if (t->inserts)
        insert_cells(t, width);
    struct cell *at = cell_at(t, cursor->row, cursor->column);
    *at = cursor->pen;
    at->code = code;
    if (width == 2) {
        at[1] = *at;
        at[1].flags |= CELL_RIGHT;
    }
    t->dirty[cursor->row] = true;
    cursor->column += width;
    cursor->wrap_next = cursor->column == t->columns;
    if (cursor->wrap_next)
        cursor->column--;
}

static void control(struct terminal *t, uint32_t code)
{
    struct terminal_cursor *cursor = &t->cursor;
    switch (code) {
    case '\b':
        move_to(t, cursor->row, cursor->column - (cursor->column > 0));
        break;
    case '\t':
        tab(t);
        break;
    case '\n':
    case '\v':
    case '\f':
        index_down(t);
        if (t->newline_returns)
            move_to(t, cursor->row, 0);
        break;
    case '\r':
        move_to(t, cursor->row, 0);
        break;
    case 0x0e:
    case 0x0f:
        cursor->set = code == 0x0e;
        break;
    case 0x18:
    case 0x1a:
        t->state = TERMINAL_GROUND;
        break;
    case ESCAPE:
        t->state = TERMINAL_ESCAPE;
        break;
    }
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void answer(struct terminal *t, const char *text)
{
    size_t length = strlen(text);
    if (length > sizeof(t->answers) - t->answer_count)
        return;
    memcpy(t->answers + t->answer_count, text, length);
    t->answer_count += (uint32_t)length;
}

static void answer_number(struct terminal *t, uint32_t number)
{
    char digits[12];
    size_t at = sizeof(digits) - 1;
    digits[at] = 0;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    answer(t, digits + at);
}

/* DSR */
static void report(struct terminal *t, uint32_t what)
{
    if (what == 5)
        answer(t, "\033[0n");
    if (what != 6 || t->answer_count > sizeof(t->answers) - 16)
        return;
    answer(t, "\033[");
    answer_number(t, t->cursor.row - (t->cursor.origin ? t->top : 0) + 1);
    answer(t, ";");
    answer_number(t, t->cursor.column + 1);
    answer(t, "R");
}

/* ---- SGR ------------------------------------------------------------------------------------- */

static uint32_t parameter(const struct terminal *t, uint32_t index, uint32_t otherwise)
{
    return index < t->parameter_count && t->parameters[index] ? t->parameters[index] : otherwise;
}

static uint32_t level(uint32_t value)
{
    return value < 48 ? 0 : value < 115 ? 1 : value > 255 ? 5 : (value - 35) / 40;
}

/* 38 and 48: 5;N or 2;R;G;B.  The index of the last parameter used. */
static uint32_t extended_colour(const struct terminal *t, uint32_t i, uint8_t *colour)
{
    uint32_t kind = parameter(t, i + 1, 0);
    if (kind == 5 && i + 2 < t->parameter_count) {
        *colour = (uint8_t)t->parameters[i + 2];
        return i + 2;
    }
    if (kind == 2 && i + 4 < t->parameter_count) {
        const uint32_t *rgb = &t->parameters[i + 2];
        *colour = (uint8_t)(16 + 36 * level(rgb[0]) + 6 * level(rgb[1]) + level(rgb[2]));
        return i + 4;
    }
    return t->parameter_count;
}

static void set_flag(struct cell *pen, uint32_t code)
{
    static const uint8_t on[] = {0,          CELL_BOLD, CELL_DIM,     0,          CELL_UNDERLINE,
                                 CELL_BLINK, 0,         CELL_REVERSE, CELL_HIDDEN};
    if (code < sizeof(on))
        pen->flags |= on[code];
    else if (code == 22)
        pen->flags &= (uint8_t) ~(CELL_BOLD | CELL_DIM);
    else if (code >= 20 && code < 20 + sizeof(on))
        pen->flags &= (uint8_t)~on[code - 20];
}

static void select_rendition(struct terminal *t)
{
    struct cell *pen = &t->cursor.pen;
    if (!t->parameter_count)
        t->parameters[t->parameter_count++] = 0;
    for (uint32_t i = 0; i < t->parameter_count; i++) {
        uint32_t code = t->parameters[i];
        if (code == 0)
            *pen = (struct cell){' ', FOREGROUND, BACKGROUND, 0, 0};
        else if (code < 30)
            set_flag(pen, code);
        else if (code < 38)
            pen->foreground = (uint8_t)(code - 30);
        else if (code == 38)
            i = extended_colour(t, i, &pen->foreground);
        else if (code == 39)
            pen->foreground = FOREGROUND;
        else if (code >= 40 && code < 48)
            pen->background = (uint8_t)(code - 40);
        else if (code == 48)
            i = extended_colour(t, i, &pen->background);
        else if (code == 49)
            pen->background = BACKGROUND;
        else if (code >= 90 && code < 98)
            pen->foreground = (uint8_t)(code - 90 + 8);
        else if (code >= 100 && code < 108)
            pen->background = (uint8_t)(code - 100 + 8);
    }
}

/* ---- Modes ----------------------------------------------------------------------------------- */

static void reset(struct terminal *t)
{
    t->cursor = (struct terminal_cursor){.pen = {' ', FOREGROUND, BACKGROUND, 0, 0}};
    t->saved[0] = t->saved[1] = t->cursor;
    t->shown = 0;
    t->cells = t->screens[0];
    t->top = 0;
    t->bottom = t->rows - 1;
    t->wraps = t->cursor_visible = true;
    t->inserts = t->newline_returns = false;
    for (uint32_t i = 0; i < TERMINAL_COLUMNS_MAX; i++)
        t->tabs[i] = i % TAB == 0;
    t->state = TERMINAL_GROUND;
    erase_rows(t, 0, t->rows);
    all_dirty(t);
}

static void show_screen(struct terminal *t, uint32_t which, bool clear)
{
    t->shown = which;
    t->cells = t->screens[which];
    if (clear)
        erase_rows(t, 0, t->rows);
    all_dirty(t);
}

static void save_cursor(struct terminal *t)
{
    t->saved[t->shown] = t->cursor;
}

static void restore_cursor(struct terminal *t)
{
    struct terminal_cursor kept = t->saved[t->shown];
    move_to(t, kept.row, kept.column);
    t->cursor = kept;
}

/* DECSET and DECRST. */
static void set_private(struct terminal *t, uint32_t mode, bool on)
{
    switch (mode) {
    case 6:
        t->cursor.origin = on;
        move_absolute(t, 0, 0);
        break;
    case 7:
        t->wraps = on;
        break;
    case 25:
        t->cursor_visible = on;
        t->dirty[t->cursor.row] = true;
        break;
    case 47:
    case 1047:
        show_screen(t, on, on && mode == 1047);
        break;
    case 1049:
        if (on)
            save_cursor(t);
        show_screen(t, on, on);
        if (!on)
            restore_cursor(t);
        break;
    }
}

static void set_modes(struct terminal *t, bool on)
{
    for (uint32_t i = 0; i < t->parameter_count; i++) {
        uint32_t mode = t->parameters[i];
        if (t->prefix == '?')
            set_private(t, mode, on);
        else if (mode == 4)
            t->inserts = on;
        else if (mode == 20)
            t->newline_returns = on;
    }
}

static void set_region(struct terminal *t)
{
    uint32_t top = parameter(t, 0, 1) - 1, bottom = parameter(t, 1, t->rows) - 1;
    if (bottom >= t->rows)
        bottom = t->rows - 1;
    if (top > bottom || (top == bottom && t->rows > 1))
        return;
    t->top = top;
    t->bottom = bottom;
    move_absolute(t, 0, 0);
}

/* ---- Control sequences ----------------------------------------------------------------------- */

static void erase_display(struct terminal *t, uint32_t what)
{
    uint32_t row = t->cursor.row, column = t->cursor.column;
    if (what == 0) {
        erase(t, row, column, t->columns);
        erase_rows(t, row + 1, t->rows);
    } else if (what == 1) {
        erase_rows(t, 0, row);
        erase(t, row, 0, column + 1);
    } else if (what <= 3) {
        erase_rows(t, 0, t->rows);
    }
}

static void erase_line(struct terminal *t, uint32_t what)
{
    uint32_t column = t->cursor.column;
    if (what <= 2)
        erase(t, t->cursor.row, what == 0 ? column : 0, what == 1 ? column + 1 : t->columns);
}

static bool in_region(const struct terminal *t)
{
    return t->cursor.row >= t->top && t->cursor.row <= t->bottom;
}

static void change_tabs(struct terminal *t, uint32_t what)
{
    if (what == 0)
        t->tabs[t->cursor.column] = false;
    else if (what == 3)
        memset(t->tabs, false, sizeof(t->tabs));
}

/* Those that move the cursor.  False: it is none of them. */
static bool run_move(struct terminal *t, char final, uint32_t n)
{
    uint32_t row = t->cursor.row, column = t->cursor.column;
    switch (final) {
    case 'A':
        move_up(t, n);
        break;
    case 'B':
    case 'e':
        move_down(t, n);
        break;
    case 'C':
    case 'a':
        move_to(t, row, n < t->columns ? column + n : t->columns);
        break;
    case 'D':
        move_to(t, row, n < column ? column - n : 0);
        break;
    case 'E':
        move_down(t, n);
        move_to(t, t->cursor.row, 0);
        break;
    case 'F':
        move_up(t, n);
        move_to(t, t->cursor.row, 0);
        break;
    case 'G':
    case '`':
        move_to(t, row, n - 1);
        break;
    case 'd':
        move_absolute(t, n - 1, column);
        break;
    case 'H':
    case 'f':
        move_absolute(t, n - 1, parameter(t, 1, 1) - 1);
        break;
    case 'I':
        for (; n && t->cursor.column + 1 < t->columns; n--)
            tab(t);
        break;
    case 'Z':
        for (; n && t->cursor.column; n--)
            back_tab(t);
        break;
    default:
        return false;
    }
    return true;
}

/* Those that change cells.  False: it is none of them. */
static bool run_edit(struct terminal *t, char final, uint32_t n)
{
    switch (final) {
    case 'J':
        erase_display(t, parameter(t, 0, 0));
        break;
    case 'K':
        erase_line(t, parameter(t, 0, 0));
        break;
    case 'L':
        if (in_region(t))
            scroll_down(t, t->cursor.row, n);
        break;
    case 'M':
        if (in_region(t))
            scroll_up(t, t->cursor.row, n);
        break;
    case 'P':
        delete_cells(t, n);
        break;
    case '@':
        insert_cells(t, n);
        break;
    case 'X':
        erase(t, t->cursor.row, t->cursor.column,
              n < t->columns ? t->cursor.column + n : t->columns);
        break;
    case 'S':
        scroll_up(t, t->top, n);
        break;
    case 'T':
        scroll_down(t, t->top, n);
        break;
    case 'b':
        for (uint32_t i = 0; t->last && i < n && i < t->columns * t->rows; i++)
            put(t, t->last);
        break;
    default:
        return false;
    }
    return true;
}

static void run_csi(struct terminal *t, char final)
{
    uint32_t n = parameter(t, 0, 1);
    if (t->middle || (t->prefix && final != 'h' && final != 'l'))
        return; /* not one of ours */
    if (run_move(t, final, n) || run_edit(t, final, n))
        return;
    switch (final) {
    case 'm':
        select_rendition(t);
        break;
    case 'h':
    case 'l':
        set_modes(t, final == 'h');
        break;
    case 'r':
        set_region(t);
        break;
    case 's':
        save_cursor(t);
        break;
    case 'u':
        restore_cursor(t);
        break;
    case 'n':
        report(t, parameter(t, 0, 0));
        break;
    case 'c':
        answer(t, "\033[?6c");
        break;
    case 'g':
        change_tabs(t, parameter(t, 0, 0));
        break;
    }
}

static void take_csi(struct terminal *t, uint32_t code)
{
    if (code >= '0' && code <= '9') {
        if (!t->parameter_count)
            t->parameters[t->parameter_count++] = 0;
        uint32_t *value = &t->parameters[t->parameter_count - 1];
        *value = *value < 10000 ? *value * 10 + (code - '0') : *value;
    } else if (code == ';' || code == ':') {
        if (!t->parameter_count)
            t->parameters[t->parameter_count++] = 0;
        if (t->parameter_count < TERMINAL_PARAMETERS_MAX)
            t->parameters[t->parameter_count++] = 0;
    } else if (code >= '<' && code <= '?') {
        t->prefix = (char)code;
    } else if (code >= ' ' && code < '0') {
        t->middle = (char)code;
    } else if (code == '[' && !t->parameter_count) {
        t->state = TERMINAL_DESIGNATE; /* ESC [ [ and a letter: a function key, echoed */
        t->designated = 2;
    } else {
        t->state = TERMINAL_GROUND;
        if (code >= '@' && code <= '~')
            run_csi(t, (char)code);
    }
}

static void take_escape(struct terminal *t, uint32_t code)
{
    t->state = TERMINAL_GROUND;
    switch (code) {
    case '[':
        t->state = TERMINAL_CSI;
        t->parameter_count = 0;
        t->prefix = t->middle = 0;
        break;
    case ']':
        t->state = TERMINAL_PALETTE;
        break;
    case 'P':
    case 'X':
    case '^':
    case '_':
        t->state = TERMINAL_STRING;
        break;
    case '(':
    case ')':
        t->state = TERMINAL_DESIGNATE;
        t->designated = code == ')';
        break;
    case '#':
        t->state = TERMINAL_HASH;
        break;
    case '7':
        save_cursor(t);
        break;
    case '8':
        restore_cursor(t);
        break;
    case 'D':
        index_down(t);
        break;
    case 'E':
        index_down(t);
        move_to(t, t->cursor.row, 0);
        break;
    case 'M':
        index_up(t);
        break;
    case 'H':
        t->tabs[t->cursor.column] = true;
        break;
    case 'Z':
        answer(t, "\033[?6c");
        break;
    case 'c':
        reset(t);
        break;
    }
}

/* ESC ] begins a string, or is the Linux console's ESC ] R or ESC ] P and seven digits. */
static void take_palette(struct terminal *t, uint32_t code)
{
    t->state = TERMINAL_STRING;
    t->palette_left = 0;
    if (code == 'R')
        t->state = TERMINAL_GROUND;
    else if (code == 'P')
        t->palette_left = 7;
    else if (code == '\a')
        t->state = TERMINAL_GROUND;
    else if (code == ESCAPE)
        t->state = TERMINAL_STRING_ESCAPE;
}

static void take_string(struct terminal *t, uint32_t code)
{
    if (code == ESCAPE)
        t->state = TERMINAL_STRING_ESCAPE;
    else if (code == '\a' || code == 0x18 || code == 0x1a ||
             (t->palette_left && --t->palette_left == 0))
        t->state = TERMINAL_GROUND;
}

/* DECALN: the screen full of E. */
static void take_hash(struct terminal *t, uint32_t code)
{
    t->state = TERMINAL_GROUND;
    if (code != '8')
        return;
    for (uint32_t i = 0; i < t->rows * t->columns; i++)
        t->cells[i] = (struct cell){'E', FOREGROUND, BACKGROUND, 0, 0};
    all_dirty(t);
}

static void take(struct terminal *t, uint32_t code)
{
    bool string = t->state == TERMINAL_STRING || t->state == TERMINAL_STRING_ESCAPE ||
                  t->state == TERMINAL_PALETTE;
    if (code < ' ' && !string) {
        control(t, code);
        return;
    }
    if (code == 0x7f)
        return;
    switch (t->state) {
    case TERMINAL_GROUND:
        put(t, code);
        break;
    case TERMINAL_ESCAPE:
        take_escape(t, code);
        break;
    case TERMINAL_CSI:
        take_csi(t, code);
        break;
    case TERMINAL_PALETTE:
        take_palette(t, code);
        break;
    case TERMINAL_STRING:
        take_string(t, code);
        break;
    case TERMINAL_STRING_ESCAPE:
        t->state = TERMINAL_GROUND;
        if (code != '\\')
            take_escape(t, code);
        break;
    case TERMINAL_DESIGNATE:
        if (t->designated < 2)
            t->cursor.graphics[t->designated] = code == '0';
        t->state = TERMINAL_GROUND;
        break;
    case TERMINAL_HASH:
        take_hash(t, code);
        break;
    }
}

void terminal_write(struct terminal *t, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint32_t code;
        bool again;
        do {
            if (utf8_take(&t->utf8, bytes[i], &code, &again))
                take(t, code);
        } while (again);
    }
    t->dirty[t->cursor.row] = true;
}

void terminal_open(struct terminal *t, struct cell *screens, uint32_t rows, uint32_t columns)
{
    memset(t, 0, sizeof(*t));
    t->rows = rows;
    t->columns = columns;
    t->screens[0] = screens;
    t->screens[1] = screens + (size_t)rows * columns;
    reset(t);
    show_screen(t, 1, true);
    show_screen(t, 0, true);
}
