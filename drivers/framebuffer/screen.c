/*
 * Drawing; see screen.h.
 *
 * A pixel framebuffer's cells are 8 by 16 pixels, in the font that is linked in (tools/font).  Its
 * memory is write-combining and is never read.  VGA text (IBM VGA, mode 3) has a byte of code page
 * 437 and a byte of colours each, and a cursor that registers 0x0a, 0x0e and 0x0f of the CRT
 * controller move.
 */
#include "screen.h"

#include <portolan/errors.h>

#include "start.h"
#include "string.h"
#include "syscall.h"
#include "words.h"

enum { GLYPH_WIDTH = 8, GLYPH_HEIGHT = 16 };
enum { VGA_ROWS = 25, VGA_COLUMNS = 80 };
enum {
    CRTC = 0x3d4,
    CURSOR_START = 0x0a,
    CURSOR_HIGH = 0x0e,
    CURSOR_LOW = 0x0f,
    CURSOR_OFF = 0x20,
    CURSOR_LINE = 14
};

extern const uint32_t screen_font_count;
extern const uint16_t screen_font_codes[];
extern const uint8_t screen_font[][GLYPH_HEIGHT];

static uint8_t *memory;
static bool is_text;
static handle_t crtc;
static uint32_t pitch, pixel_bytes;
static uint32_t pixel_of[256]; /* the palette, as pixels */

/* ---- Colours --------------------------------------------------------------------------------- */

struct channel {
    uint32_t position, size;
};
static struct channel red, green, blue;

static uint32_t pixel(uint32_t r, uint32_t g, uint32_t b)
{
    return r >> (8 - red.size) << red.position | g >> (8 - green.size) << green.position |
           b >> (8 - blue.size) << blue.position;
}

static void make_palette(void)
{
    static const uint8_t levels[] = {0, 95, 135, 175, 215, 255};
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t r = i & 1 ? 0xaa : 0, g = i & 2 ? 0xaa : 0, b = i & 4 ? 0xaa : 0;
        pixel_of[i] = i == 3 ? pixel(0xaa, 0x55, 0) : pixel(r, g, b);
        pixel_of[i + 8] = pixel(r ? 0xff : 0x55, g ? 0xff : 0x55, b ? 0xff : 0x55);
    }
    for (uint32_t i = 0; i < 216; i++)
        pixel_of[16 + i] = pixel(levels[i / 36], levels[i / 6 % 6], levels[i % 6]);
    for (uint32_t i = 0; i < 24; i++)
        pixel_of[232 + i] = pixel(8 + 10 * i, 8 + 10 * i, 8 + 10 * i);
}

/* One of the first 16 that is most like it. */
static uint8_t reduce(uint8_t colour)
{
    if (colour < 16)
        return colour;
    if (colour >= 232)
        return colour < 238 ? 0 : colour < 246 ? 8 : colour < 252 ? 7 : 15;
    uint32_t i = colour - 16u, r = i / 36, g = i / 6 % 6, b = i % 6;
    uint32_t most = r > g ? (r > b ? r : b) : (g > b ? g : b);
    if (most == 0)
        return 0;
    return (uint8_t)((2 * r > most) | (2 * g > most) << 1 | (2 * b > most) << 2 |
                     (most > 3 ? 8 : 0));
}

static void colours(const struct cell *cell, uint8_t *front, uint8_t *back)
{
    *front = cell->foreground;
    *back = cell->background;
    if (cell->flags & CELL_BOLD && *front < 8)
        *front += 8;
    if (cell->flags & CELL_DIM)
        *front = 8;
    if (cell->flags & CELL_REVERSE) {
        uint8_t swap = *front;
        *front = *back;
        *back = swap;
    }
    if (cell->flags & CELL_HIDDEN)
        *front = *back;
}

/* ---- Pixels ---------------------------------------------------------------------------------- */

static const uint8_t *glyph_of(uint32_t code)
{
    uint32_t low = 0, high = screen_font_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (screen_font_codes[middle] < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < screen_font_count && screen_font_codes[low] == code)
        return screen_font[low];
    return code == UNICODE_REPLACEMENT ? screen_font[0] : glyph_of(UNICODE_REPLACEMENT);
}

static void put_pixel(uint8_t *at, uint32_t value)
{
    if (pixel_bytes == 4) {
        *(uint32_t *)at = value;
        return;
    }
    for (uint32_t i = 0; i < pixel_bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void draw_pixels(uint32_t row, uint32_t column, const struct cell *cell, bool cursor)
{
    uint8_t front, back;
    colours(cell, &front, &back);
    const uint8_t *glyph = glyph_of(cell->flags & CELL_RIGHT ? ' ' : cell->code);
    uint8_t *line =
        memory + (size_t)row * GLYPH_HEIGHT * pitch + column * GLYPH_WIDTH * pixel_bytes;
    for (uint32_t y = 0; y < GLYPH_HEIGHT; y++, line += pitch) {
        uint8_t bits = glyph[y];
        if (cell->flags & CELL_UNDERLINE && y == GLYPH_HEIGHT - 2)
            bits = 0xff;
        if (cursor && y >= GLYPH_HEIGHT - 2)
            bits = (uint8_t)~bits;
        for (uint32_t x = 0; x < GLYPH_WIDTH; x++)
            put_pixel(line + x * pixel_bytes, pixel_of[bits & 0x80u >> x ? front : back]);
    }
}

static bool parse_pair(const char *text, char between, uint32_t *first, uint32_t *second)
{
    char part[16];
    const char *middle = text ? strchr(text, between) : NULL;
    uint64_t a, b;
    if (!middle || (size_t)(middle - text) >= sizeof(part))
        return false;
    memcpy(part, text, (size_t)(middle - text));
    part[middle - text] = 0;
    if (!string_to_number(part, &a) || !string_to_number(middle + 1, &b) || a > UINT16_MAX ||
        b > UINT16_MAX)
        return false;
    *first = (uint32_t)a;
    *second = (uint32_t)b;
    return true;
}

static bool parse_channel(const struct startup *startup, const char *prefix, struct channel *out)
{
    return parse_pair(startup_option(startup, prefix), ',', &out->position, &out->size) &&
           out->size >= 1 && out->size <= 8 && out->position + out->size <= 32;
}

static uint64_t number(const struct startup *startup, const char *prefix)
{
    const char *text = startup_option(startup, prefix);
    uint64_t value;
    return text && string_to_number(text, &value) && value <= UINT32_MAX ? value : 0;
}

/* What the words say of a framebuffer.  False: this file cannot draw on it. */
static bool measure(const struct startup *startup, struct screen *screen)
{
    if (!parse_pair(startup_option(startup, "screen="), 'x', &screen->width, &screen->height) ||
        !parse_channel(startup, "red=", &red) || !parse_channel(startup, "green=", &green) ||
        !parse_channel(startup, "blue=", &blue))
        return false;
    pitch = (uint32_t)number(startup, "pitch=");
    pixel_bytes = (uint32_t)((number(startup, "bits=") + 7) / 8);
    screen->columns = screen->width / GLYPH_WIDTH;
    screen->rows = screen->height / GLYPH_HEIGHT;
    return pixel_bytes >= 2 && pixel_bytes <= 4 && pitch / pixel_bytes >= screen->width;
}

/* ---- VGA text -------------------------------------------------------------------------------- */

/* Code page 437 from 0x80 on. */
static uint8_t code_page(uint32_t code)
{
    static const uint16_t upper[128] = {
        0xc7,   0xfc,   0xe9,   0xe2,   0xe4,   0xe0,   0xe5,   0xe7,   0xea,   0xeb,   0xe8,
        0xef,   0xee,   0xec,   0xc4,   0xc5,   0xc9,   0xe6,   0xc6,   0xf4,   0xf6,   0xf2,
        0xfb,   0xf9,   0xff,   0xd6,   0xdc,   0xa2,   0xa3,   0xa5,   0x20a7, 0x192,  0xe1,
        0xed,   0xf3,   0xfa,   0xf1,   0xd1,   0xaa,   0xba,   0xbf,   0x2310, 0xac,   0xbd,
        0xbc,   0xa1,   0xab,   0xbb,   0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562,
        0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534,
        0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560,
        0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
        0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x3b1,  0xdf,   0x393,
        0x3c0,  0x3a3,  0x3c3,  0xb5,   0x3c4,  0x3a6,  0x398,  0x3a9,  0x3b4,  0x221e, 0x3c6,
        0x3b5,  0x2229, 0x2261, 0xb1,   0x2265, 0x2264, 0x2320, 0x2321, 0xf7,   0x2248, 0xb0,
        0x2219, 0xb7,   0x221a, 0x207f, 0xb2,   0x25a0, 0xa0};
    if (code >= ' ' && code < 0x7f)
        return (uint8_t)code;
    for (uint32_t i = 0; i < 128; i++)
        if (upper[i] == code)
            return (uint8_t)(0x80 + i);
    return '?';
}

/* VGA's colours have red and blue the other way round. */
static uint8_t vga_colour(uint8_t colour)
{
    uint8_t c = reduce(colour);
    return (uint8_t)((c & 0xa) | (c & 1) << 2 | (c & 4) >> 2);
}

static void draw_text(uint32_t row, uint32_t column, const struct cell *cell)
{
    uint8_t front, back, code = cell->flags & CELL_RIGHT ? ' ' : code_page(cell->code);
    colours(cell, &front, &back);
    volatile uint16_t *cells = (volatile uint16_t *)memory;
    cells[row * VGA_COLUMNS + column] =
        (uint16_t)(code | vga_colour(front) << 8 | (vga_colour(back) & 7) << 12);
}

static void set_crtc(uint8_t which, uint8_t value)
{
    sys_ioport_write(crtc, CRTC, 1, which);
    sys_ioport_write(crtc, CRTC + 1, 1, value);
}

void screen_cursor(uint32_t row, uint32_t column, bool visible)
{
    uint32_t at = row * VGA_COLUMNS + column;
    if (!is_text || !crtc)
        return;
    set_crtc(CURSOR_START, visible ? CURSOR_LINE : CURSOR_OFF);
    set_crtc(CURSOR_HIGH, (uint8_t)(at >> 8));
    set_crtc(CURSOR_LOW, (uint8_t)at);
}

/* ---- Both ------------------------------------------------------------------------------------ */

void screen_draw(uint32_t row, uint32_t column, const struct cell *cell, bool cursor)
{
    if (is_text)
        draw_text(row, column, cell);
    else
        draw_pixels(row, column, cell, cursor);
}

/* True if VGA text answers: its memory keeps what is written. */
static bool answers(void)
{
    volatile uint16_t *cell = (volatile uint16_t *)memory;
    uint16_t old = *cell;
    *cell = 0x0755;
    bool kept = *cell == 0x0755;
    *cell = old;
    return kept;
}

int64_t screen_open(const struct startup *startup, struct screen *screen)
{
    handle_t vmo = startup_handle(startup, "framebuffer");
    struct vmo_information info;
    *screen = (struct screen){VGA_ROWS, VGA_COLUMNS, 0, 0};
    is_text = startup_has_word(startup, "text");
    if (!is_text && !measure(startup, screen))
        return -ENOTSUP;
    int64_t error = sys_vmo_info(vmo, &info);
    if (error < 0)
        return error;
    uint64_t start = is_text ? 0 : number(startup, "start=");
    uint64_t needed = is_text ? PAGE_SIZE : start + (uint64_t)pitch * screen->height;
    if (needed > info.size)
        return -ERANGE;
    int64_t address = sys_map(HANDLE_NONE, vmo, 0, info.size, 0, MAP_READ | MAP_WRITE);
    if (address < 0)
        return address;
    memory = (uint8_t *)address + start;
    crtc = startup_handle(startup, "ioport");
    if (is_text && !answers())
        return -ENODEV;
    if (!is_text)
        make_palette();
    return 0;
}
