/*
 * The newc format: a header of 110 ASCII characters, the name with its NUL, padding to four bytes,
 * the contents, padding to four bytes.  The entry TRAILER!!! ends it.
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

/* A name and its NUL; or more of them, so that the contents are aligned. */
static bool ends_in_nuls(const char *name, uint32_t size)
{
    if (name[size - 1] != '\0')
        return false;
    for (uint32_t i = (uint32_t)strlen(name); i < size; i++)
        if (name[i] != '\0')
            return false;
    return true;
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
    if (!ends_in_nuls(name, name_size))
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
