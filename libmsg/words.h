/*
 * Words of a command line, and what they say.  Pure: no system call.
 */
#ifndef LIBMSG_WORDS_H
#define LIBMSG_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if s begins with prefix. */
bool string_has_prefix(const char *s, const char *prefix);

/* A number, decimal or 0x hexadecimal, that is all of s: true, and *value.  Not on overflow. */
bool string_to_number(const char *s, uint64_t *value);

/* In a list of `count` words, a NUL after each: what follows `prefix` in the first that begins with
 * it
 * ("7" for "seed=" in "seed=7"), or NULL. */
const char *words_option(const char *words, uint32_t count, const char *prefix);

/* True if word is in the list. */
bool words_have(const char *words, uint32_t count, const char *word);

#endif
