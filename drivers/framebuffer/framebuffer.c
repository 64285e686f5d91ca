/*
 * The screen as a character device: what is written is shown, as a terminal of type "linux" does
 * it; what is read are the terminal's answers.
 *
 * Startup handles: "framebuffer" and the words that go with it (screen.c), "ioport" (optional: the
 * CRT controller, for VGA text's cursor), "log" (optional: the kernel's console on the screen is
 * switched off).  TTY_GET_SIZE tells its size.  With the kernel's word `serial` it does nothing.
 *
 * A write is taken as a whole, and what it changed drawn afterwards: a cell only if it looks other
 * than what is on the screen.
 */
#include <portolan/tty.h>

#include "character.h"
#include "print.h"
#include "byte_ring.h"
#include "screen.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

static struct character device;
static struct terminal terminal;
static struct screen screen;
static struct cell *drawn; /* what the screen shows */
static uint32_t cursor_row, cursor_column;
static bool cursor_shown;
static uint8_t answer_space[256];
static struct byte_ring answers = {answer_space, sizeof(answer_space), 0, 0};

/* ---- Drawing --------------------------------------------------------------------------------- */

static void draw_row(uint32_t row, bool anyway)
{
    for (uint32_t column = 0; column < terminal.columns; column++) {
        size_t at = (size_t)row * terminal.columns + column;
        const struct cell *cell = &terminal.cells[at];
        if (!anyway && memcmp(cell, &drawn[at], sizeof(*cell)) == 0)
            continue;
        screen_draw(row, column, cell, false);
        drawn[at] = *cell;
    }
}

static void draw_cursor(void)
{
    uint32_t row = terminal.cursor.row, column = terminal.cursor.column;
    bool visible = terminal.cursor_visible;
    if (cursor_shown && (row != cursor_row || column != cursor_column || !visible))
        screen_draw(cursor_row, cursor_column,
                    &terminal.cells[cursor_row * terminal.columns + cursor_column], false);
    if (visible)
        screen_draw(row, column, &terminal.cells[row * terminal.columns + column], true);
    screen_cursor(row, column, visible);
    cursor_row = row;
    cursor_column = column;
    cursor_shown = visible;
}

static void draw(bool anyway)
{
    for (uint32_t row = 0; row < terminal.rows; row++) {
        if (terminal.dirty[row] || anyway)
            draw_row(row, anyway);
        terminal.dirty[row] = false;
    }
    draw_cursor();
}

/* ---- What the skeleton asks ------------------------------------------------------------------ */

static int64_t put(struct character *character, const uint8_t *from, size_t length)
{
    (void)character;
    terminal_write(&terminal, from, length);
    draw(false);
    byte_ring_put(&answers, terminal.answers, terminal.answer_count);
    terminal.answer_count = 0;
    return (int64_t)length;
}

static int64_t peek(struct character *character, const struct character_read *read, void *to,
                    size_t length)
{
    (void)character, (void)read;
    return answers.count ? (int64_t)byte_ring_peek(&answers, to, length) : -EAGAIN;
}

static void took(struct character *character, size_t count)
{
    (void)character;
    byte_ring_drop(&answers, count);
}

static int64_t control(struct character *character, struct request *request)
{
    (void)character;
    if (request->head.arg[0] != TTY_GET_SIZE)
        return -ENOTTY;
    struct tty_size size = {(uint16_t)screen.rows, (uint16_t)screen.columns, (uint16_t)screen.width,
                            (uint16_t)screen.height};
    memcpy(message_area()->bytes, &size, sizeof(size));
    request->reply.flags = MESSAGE_FLAGS(sizeof(size), 0, 0);
    return 0;
}

static uint32_t ready(struct character *character)
{
    (void)character;
    return IO_READY_WRITE | (answers.count ? IO_READY_READ : 0u);
}

static const struct character_operations operations = {
    .peek = peek, .took = took, .put = put, .control = control, .ready = ready};

static void notified(struct server *server, uint64_t bits)
{
    if (bits & INIT_STOP_BIT)
        server->stop = true;
    if (bits & NOTIFY_ABORT)
        character_aborted(&device);
}

/* ---- Starting -------------------------------------------------------------------------------- */

static struct cell *make_cells(size_t count)
{
    uint64_t length = (count * sizeof(struct cell) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    int64_t vmo = sys_vmo_create(VMO_ANONYMOUS, length, 0, 0);
    if (vmo < 0)
        return NULL;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, length, 0, MAP_READ | MAP_WRITE);
    sys_handle_close((handle_t)vmo);
    return address < 0 ? NULL : (struct cell *)address;
}

static int64_t make_terminal(void)
{
    uint32_t rows = screen.rows < TERMINAL_ROWS_MAX ? screen.rows : TERMINAL_ROWS_MAX;
    uint32_t columns =
        screen.columns < TERMINAL_COLUMNS_MAX ? screen.columns : TERMINAL_COLUMNS_MAX;
    if (!rows || !columns)
        return -ENOTSUP;
    screen.rows = rows;
    screen.columns = columns;
    struct cell *cells = make_cells(3 * (size_t)rows * columns);
    if (!cells)
        return -ENOMEM;
    drawn = cells + 2 * (size_t)rows * columns;
    terminal_open(&terminal, cells, rows, columns);
    return 0;
}

int main(const void *found)
{
    const struct startup *startup = found;
    uint64_t unseen;
    startup_open(startup);
    if (startup_has_word(startup, "serial"))
        return 0;
    device.operations = &operations;
    device.server.notified = notified;
    if (character_open(&device, startup) < 0)
        return 1;
    int64_t error = screen_open(startup, &screen);
    if (!error)
        error = make_terminal();
    if (error) {
        print("framebuffer: no screen that can be used: error %ld\n", -error);
        return 0;
    }
    handle_t log = startup_handle(startup, "log");
    if (log)
        sys_debug_console(log, CONSOLE_SCREEN, 0, &unseen);
    draw(true);
    return server_run(&device.server) < 0;
}
