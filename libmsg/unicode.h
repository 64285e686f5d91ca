/*
 * As much of Unicode as terminals need: UTF-8 (RFC 3629) and how wide characters are shown (UAX
 * #11).  Pure.
 */
#ifndef LIBMSG_UNICODE_H
#define LIBMSG_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_REPLACEMENT 0xfffdu

/* A code point that is being put together from bytes; begins as zeros. */
struct utf8 {
    uint32_t code, least; /* what is known of it; the smallest that needs so many bytes */
    uint32_t left;        /* bytes that are missing */
};

/*
 * Takes a byte.  True: *code is the next code point, UNICODE_REPLACEMENT for a malformed sequence.
 * If *again is set, the byte ended such a sequence too early, and has to be given once more.
 */
bool utf8_take(struct utf8 *utf8, uint8_t byte, uint32_t *code, bool *again);

/* Columns that a code point takes: 0, 1 or 2. */
uint32_t unicode_width(uint32_t code);

#endif
