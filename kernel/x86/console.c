/*
 * The boot console: the first serial port and the screen, for as long as no driver has them, and
 * for panics.  Written to by log.c, under its lock.
 *
 * The serial port is a 16550 (TI TL16C550C data sheet) polled.  The screen is what boot_facts
 * names, a linear framebuffer, or else VGA text of 80 by 25, or nothing; nothing too where the
 * command line has the word `serial`.  A full screen is gone over again from the top, the line
 * after the newest blank: reading a framebuffer back, as scrolling does, is slower than all else
 * here.
 */
#include "console.h"

#include <portolan/syscall.h>

#include "boot.h"
#include "instructions.h"
#include "memory.h"
#include "../page.h"

/* ---- Serial ---------------------------------------------------------------------------------- */

enum { SERIAL = 0x3f8, SERIAL_LINE_STATUS = SERIAL + 5, SERIAL_READY = 0x20 };

static bool serial_present;

static void serial_start(void)
{
    outb(SERIAL + 1, 0);    /* no interrupts */
    outb(SERIAL + 3, 0x80); /* divisor latch */
    outb(SERIAL + 0, 1);    /* 115200 baud */
    outb(SERIAL + 1, 0);
    outb(SERIAL + 3, 3); /* 8 bits, no parity, one stop bit */
    outb(SERIAL + 2, 7); /* FIFOs on and empty */
    outb(SERIAL + 4, 3); /* DTR, RTS */
    serial_present = inb(SERIAL_LINE_STATUS) != 0xff;
}

static void serial_put(char c)
{
    if (!serial_present)
        return;
    for (u32 tries = 0; tries < 1000000 && !(inb(SERIAL_LINE_STATUS) & SERIAL_READY); tries++)
        pause();
    outb(SERIAL, (u8)c);
}

/* ---- Screen ---------------------------------------------------------------------------------- */

enum { GLYPH_WIDTH = 8, GLYPH_HEIGHT = 16, GLYPH_FIRST = ' ', GLYPH_LAST = '~' };
enum { VGA_TEXT = 0xb8000, VGA_COLUMNS = 80, VGA_ROWS = 25, VGA_ATTRIBUTE = 0x0700 };
#define GREY 0xc8

extern const u8 console_font[GLYPH_LAST - GLYPH_FIRST + 1][GLYPH_HEIGHT]; /* made by tools/font */

static u8 *screen; /* NULL: none */
static bool is_text;
static u32 pixel_bytes; /* 0: a framebuffer that is not understood */
static u32 columns, rows, column, row;

static void draw_text(char c)
{
    ((volatile u16 *)screen)[row * VGA_COLUMNS + column] = (u8)c | VGA_ATTRIBUTE;
}

/* Grey on black: all bytes of a pixel are alike, so its format does not matter. */
static void draw_glyph(char c)
{
    if (c < GLYPH_FIRST || c > GLYPH_LAST)
        c = '?';
    const u8 *glyph = console_font[c - GLYPH_FIRST];
    u32 pitch = boot_facts.framebuffer.pitch, cell = GLYPH_WIDTH * pixel_bytes;
    u8 *line = screen + (u64)row * GLYPH_HEIGHT * pitch + column * cell;
    for (u32 y = 0; y < GLYPH_HEIGHT; y++, line += pitch) {
        for (u32 i = 0; i < cell; i++)
            line[i] = glyph[y] & 0x80u >> i / pixel_bytes ? GREY : 0;
    }
}

static void clear_row(u32 which)
{
    if (!is_text) {
        u32 bytes = GLYPH_HEIGHT * boot_facts.framebuffer.pitch;
        memset(screen + (u64)which * bytes, 0, bytes);
        return;
    }
    for (u32 i = 0; i < VGA_COLUMNS; i++)
        ((volatile u16 *)screen)[which * VGA_COLUMNS + i] = ' ' | VGA_ATTRIBUTE;
}

static void next_row(void)
{
    column = 0;
    row = row + 1 == rows ? 0 : row + 1;
    clear_row(row);
    if (row + 1 < rows)
        clear_row(row + 1);
}

static void screen_put(char c)
{
    if (!screen || c == '\r')
        return;
    if (c == '\n') {
        next_row();
        return;
    }
    if (column == columns)
        next_row();
    if (is_text)
        draw_text(c);
    else
        draw_glyph(c);
    column++;
}

/* True if a screen of VGA text answers: its memory keeps what is written. */
static bool vga_text_present(void)
{
    volatile u16 *cell = phys_to_virt(VGA_TEXT);
    u16 old = *cell;
    *cell = 0x0755;
    bool kept = *cell == 0x0755;
    *cell = old;
    return kept;
}

/* A framebuffer's size in characters; whether it is one this file understands. */
static bool measure_framebuffer(const struct boot_framebuffer *framebuffer)
{
    u32 bytes = framebuffer->bits_per_pixel / 8;
    columns = framebuffer->width / GLYPH_WIDTH;
    rows = framebuffer->height / GLYPH_HEIGHT;
    if (bytes < 2 || bytes > 4 || !columns || !rows ||
        framebuffer->pitch / bytes < framebuffer->width)
        return false;
    pixel_bytes = bytes;
    return true;
}

void console_start_screen(void)
{
    const struct boot_framebuffer *framebuffer = &boot_facts.framebuffer;
    u64 address = framebuffer->address;
    if (boot_has_word("serial"))
        return;
    is_text = !address;
    if (is_text) {
        if (!vga_text_present())
            return;
        address = VGA_TEXT;
        columns = VGA_COLUMNS;
        rows = VGA_ROWS;
    } else if (!measure_framebuffer(framebuffer) || address >> 32) {
        return; /* one above 4 GiB can be used from console_remap on */
    }
    screen = phys_to_virt(address);
    for (u32 i = 0; i < rows; i++)
        clear_row(i);
}

void console_remap(void)
{
    const struct boot_framebuffer *framebuffer = &boot_facts.framebuffer;
    if (is_text && screen)
        screen = platform_map(VGA_TEXT, PAGE_SIZE, PTE_UNCACHED);
    else if (pixel_bytes)
        screen = platform_map(framebuffer->address, (u64)framebuffer->pitch * framebuffer->height,
                              PTE_WRITE_COMBINING);
}

/* ---- Both ------------------------------------------------------------------------------------ */

void console_start(void)
{
    serial_start();
}

void console_write(const char *bytes, size_t length, u32 consoles)
{
    for (size_t i = 0; i < length; i++) {
        if (consoles & CONSOLE_SERIAL && bytes[i] == '\n')
            serial_put('\r');
        if (consoles & CONSOLE_SERIAL)
            serial_put(bytes[i]);
        if (consoles & CONSOLE_SCREEN)
            screen_put(bytes[i]);
    }
}
