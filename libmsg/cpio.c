/*
 * The newc format: a header of 110 ASCII characters, the name with its NUL, padding to four bytes,
 * the contents, padding to four bytes.  The entry TRAILER!!! ends it.  A name may end with more than
 * one NUL: so the contents are made to begin at a page's start.
 */
#include "cpio.h"

#include <portolan/errors.h>

#include "string.h"
#include "words.h"

#define HEADER_SIZE 110u
#define FIELD_SIZE 8u
enum field { FIELD_MODE = 1, FIELD_FILESIZE = 6, FIELD_NAMESIZE = 11 };

#define MODE_TYPE 0170000u
#define MODE_REGULAR 0100000u

/* The n-th eight-digit hexadecimal field behind the six characters of magic; false: not a number.
 */
static bool read_field(const uint8_t *header, enum field n, uint32_t *value)
{
    const uint8_t *digits = header + 6 + n * FIELD_SIZE;
    uint32_t sum = 0;
    for (unsigned i = 0; i < FIELD_SIZE; i++) {
        uint8_t c = digits[i] | 0x20; /* lower case; digits have this bit already */
        if (c >= '0' && c <= '9' && digits[i] == c)
            sum = sum << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            sum = sum << 4 | (uint32_t)(c - 'a' + 10);
        else
            return false;
    }
    *value = sum;
    return true;
}

static uint64_t round_to_four(uint64_t x)
{
    return (x + 3) & ~3ull;
}

/* Are the bytes a name, which may be empty, and behind it NULs alone, at least one? */
static bool is_padded_name(const char *bytes, uint32_t size)
{
    uint32_t length = 0;
    while (length < size && bytes[length])
        length++;
    for (uint32_t i = length; i < size; i++) {
        if (bytes[i])
            return false;
    }
    return length < size;
}

int cpio_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
    const uint8_t *header = reader->archive + reader->position;
    uint64_t left = reader->size - reader->position;
    uint32_t mode, file_size, name_size;
    if (reader->position > reader->size || left < HEADER_SIZE)
        return -EINVAL;
    if (memcmp(header, "070701", 6) != 0 || !read_field(header, FIELD_MODE, &mode) ||
        !read_field(header, FIELD_FILESIZE, &file_size) ||
        !read_field(header, FIELD_NAMESIZE, &name_size))
        return -EINVAL;
    if (name_size == 0 || name_size > left - HEADER_SIZE)
        return -EINVAL;
    const char *name = (const char *)header + HEADER_SIZE;
    if (!is_padded_name(name, name_size))
        return -EINVAL;
    if (strcmp(name, "TRAILER!!!") == 0)
        return 0;
    /* All terms are below 2^33: no overflow. */
    uint64_t contents = round_to_four(reader->position + HEADER_SIZE + name_size);
    if (contents > reader->size || file_size > reader->size - contents)
        return -EINVAL;
    *entry = (struct cpio_entry){name, mode, contents, file_size};
    reader->position = round_to_four(contents + file_size);
    return 1;
}

int cpio_find(const void *archive, uint64_t size, const char *name, struct cpio_entry *entry)
{
    struct cpio_reader reader = {archive, size, 0};
    int result;
    while ((result = cpio_next(&reader, entry)) > 0) {
        const char *found = entry->name;
        if (string_has_prefix(found, "./"))
            found += 2;
        if ((entry->mode & MODE_TYPE) == MODE_REGULAR && strcmp(found, name) == 0)
            return 0;
    }
    return result < 0 ? result : -ENOENT;
}
