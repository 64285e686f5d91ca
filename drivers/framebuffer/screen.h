/*
 * Where cells are drawn: a linear framebuffer, or the 80 by 25 cells of VGA text.  Says how many
 * there are room for, and shows one.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <portolan/startup.h>

#include "terminal.h"

struct screen {
    uint32_t rows, columns;
    uint32_t width, height; /* pixels, or 0 */
};

/* Maps the startup handle "framebuffer", which the startup words describe.  0 or -errno. */
int64_t screen_open(const struct startup *startup, struct screen *screen);

/* Draws a cell; `cursor`: the cursor is on it. */
void screen_draw(uint32_t row, uint32_t column, const struct cell *cell, bool cursor);

/* Puts the hardware's own cursor there, where it has one; or hides it. */
void screen_cursor(uint32_t row, uint32_t column, bool visible);

#endif
