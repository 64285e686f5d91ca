/*
 * Reading the boot manifest; see manifest.h.
 */
#include "manifest.h"

#include "string.h"

struct words {
    const char *first, *second; /* not terminated */
    size_t first_length, second_length;
    bool more; /* a third word */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *next_word(const char *at, const char *end, const char **word, size_t *length)
{
    while (at < end && is_space(*at))
        at++;
    *word = at;
    while (at < end && !is_space(*at))
        at++;
    *length = (size_t)(at - *word);
    return at;
}

/* The words of a line, up to a '#'. */
static struct words split(const char *line, const char *end)
{
    struct words words;
    const char *third;
    size_t third_length;
    for (const char *at = line; at < end; at++)
        if (*at == '#')
            end = at;
    line = next_word(line, end, &words.first, &words.first_length);
    line = next_word(line, end, &words.second, &words.second_length);
    next_word(line, end, &third, &third_length);
    words.more = third_length != 0;
    return words;
}

static bool equals(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

static bool number(const char *word, size_t length, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9' || __builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (uint64_t)(word[i] - '0'), value))
            return false;
    }
    return length != 0;
}

static const char *begin_program(struct manifest *manifest, const struct words *words)
{
    if (manifest->count == MANIFEST_PROGRAMS_MAX)
        return "too many programs";
    if (words->second_length >= MANIFEST_NAME_MAX)
        return "the name is too long";
    struct manifest_program *program = &manifest->programs[manifest->count++];
    memset(program, 0, sizeof(*program));
    memcpy(program->name, words->second, words->second_length);
    program->budget = 16u << 20;
    program->timeout = 60;
    return NULL;
}

static const char *set_class(struct manifest_program *program, const struct words *words)
{
    static const char *const names[] = {NULL, "test", "bench", "bench-smp"};
    for (uint32_t class = CLASS_TEST; class <= CLASS_BENCH_SMP; class ++)
        if (equals(words->second, words->second_length, names[class])) {
            program->class = class;
            return NULL;
        }
    return "no such class";
}

static const char *add_grant(struct manifest_program *program, const struct words *words)
{
    if (equals(words->second, words->second_length, "root"))
        program->grants |= GRANT_ROOT;
    else if (equals(words->second, words->second_length, "log"))
        program->grants |= GRANT_LOG;
    else if (equals(words->second, words->second_length, "boot"))
        program->grants |= GRANT_BOOT;
    else
        return "no such grant";
    return NULL;
}

/* What is wrong with a line, or NULL. */
static const char *read_line(struct manifest *manifest, const struct words *words)
{
    if (!words->first_length)
        return NULL;
    if (!words->second_length || words->more)
        return "not two words";
    if (equals(words->first, words->first_length, "program"))
        return begin_program(manifest, words);
    if (!manifest->count)
        return "before the first program";
    struct manifest_program *program = &manifest->programs[manifest->count - 1];
    if (equals(words->first, words->first_length, "class"))
        return set_class(program, words);
    if (equals(words->first, words->first_length, "grant"))
        return add_grant(program, words);
    if (equals(words->first, words->first_length, "budget"))
        return number(words->second, words->second_length, &program->budget) ? NULL
                                                                             : "not a number";
    if (equals(words->first, words->first_length, "timeout"))
        return number(words->second, words->second_length, &program->timeout) ? NULL
                                                                              : "not a number";
    return "unknown word";
}

bool manifest_read(const char *text, uint64_t size, struct manifest *manifest)
{
    const char *end = text + size;
    manifest->count = manifest->bad_line = 0;
    manifest->problem = NULL;
    for (uint32_t line = 1; text < end; line++) {
        const char *stop = text;
        while (stop < end && *stop != '\n')
            stop++;
        struct words words = split(text, stop);
        manifest->problem = read_line(manifest, &words);
        if (manifest->problem) {
            manifest->bad_line = line;
            return false;
        }
        text = stop + 1;
    }
    return true;
}
