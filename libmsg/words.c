/*
 * Words of a command line; see words.h.
 */
#include "words.h"

#include "string.h"

bool string_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return 99;
}

bool string_to_number(const char *s, uint64_t *value)
{
    unsigned base = 10;
    if (string_has_prefix(s, "0x")) {
        base = 16;
        s += 2;
    }
    if (*s == '\0')
        return false;
    uint64_t sum = 0;
    for (; *s != '\0'; s++) {
        unsigned digit = (unsigned)digit_value(*s);
        if (digit >= base || __builtin_mul_overflow(sum, base, &sum) ||
            __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

const char *words_option(const char *words, uint32_t count, const char *prefix)
{
    for (uint32_t i = 0; i < count; i++, words += strlen(words) + 1) {
        if (string_has_prefix(words, prefix))
            return words + strlen(prefix);
    }
    return NULL;
}

bool words_have(const char *words, uint32_t count, const char *word)
{
    for (uint32_t i = 0; i < count; i++, words += strlen(words) + 1) {
        if (strcmp(words, word) == 0)
            return true;
    }
    return false;
}
