/*
 * UTF-8 and widths; see unicode.h.
 */
#include "unicode.h"

static void begin(struct utf8 *utf8, uint32_t bits, uint32_t left, uint32_t least)
{
    *utf8 = (struct utf8){bits, least, left};
}

static bool is_scalar(uint32_t code)
{
    return code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
}

bool utf8_take(struct utf8 *utf8, uint8_t byte, uint32_t *code, bool *again)
{
    bool continues = (byte & 0xc0) == 0x80;
    *again = utf8->left && !continues;
    *code = UNICODE_REPLACEMENT;
    if (*again) {
        utf8->left = 0;
        return true;
    }
    if (utf8->left) {
        utf8->code = utf8->code << 6 | (byte & 0x3f);
        if (--utf8->left)
            return false;
        if (utf8->code >= utf8->least && is_scalar(utf8->code))
            *code = utf8->code;
        return true;
    }
    if (byte < 0x80)
        *code = byte;
    else if (byte >= 0xc2 && byte < 0xe0)
        begin(utf8, byte & 0x1f, 1, 0x80);
    else if (byte >= 0xe0 && byte < 0xf0)
        begin(utf8, byte & 0xf, 2, 0x800);
    else if (byte >= 0xf0 && byte < 0xf5)
        begin(utf8, byte & 7, 3, 0x10000);
    return !utf8->left;
}

uint32_t unicode_width(uint32_t code)
{
    static const struct {
        uint32_t first, last, width;
    } ranges[] = {{0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},
                  {0x20d0, 0x20ff, 0},   {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},
                  {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
                  {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff01, 0xff60, 2},
                  {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
                  {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return ranges[i].width;
    return 1;
}
