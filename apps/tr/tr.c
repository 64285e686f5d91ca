/*
 * tr [-cCst] SET1 SET2 | tr -s [-cC] SET1 | tr -d [-cC] SET1 | tr -ds [-cC] SET1 SET2
 *
 * tr of POSIX.1-2008, on bytes: replaces the bytes of SET1 by those of SET2 at the same place, the
 * last of SET2 repeated (not with -t, which leaves the rest of SET1 as it is); -d deletes SET1's;
 * -s makes one of a run of the same byte of the last set; -c and -C take all but SET1, in order.
 *
 * A set is bytes, \OOO, \n and its like, a-z, [:class:], [=c=], and in SET2 [c*n].
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES 256
#define SET_MAX 65536

struct set {
    unsigned char bytes[SET_MAX];
    size_t size;
    size_t fill_at; /* where [c*] stands, which fills up to SET1's size */
    int fill;       /* with what, or -1 */
};

static struct set first, second;
static bool complement, delete, squeeze, truncated;

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "tr: %s%s\n", what, which);
    exit(1);
}

static void add(struct set *set, int byte, size_t count)
{
    if (count > SET_MAX - set->size)
        fail("set too long", "");
    memset(set->bytes + set->size, byte, count);
    set->size += count;
}

/* The byte at *at, which may be written as an escape; moves *at behind it. */
static int take_byte(const char **at)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    const char *p = *at, *letter;
    int byte = (unsigned char)*p++;
    if (byte == '\\' && *p >= '0' && *p <= '7') {
        byte = 0;
        for (int digits = 0; digits < 3 && *p >= '0' && *p <= '7' && byte < 32; digits++)
            byte = byte * 8 + (*p++ - '0');
    } else if (byte == '\\' && *p) {
        letter = strchr(letters, *p);
        byte = letter ? values[letter - letters] : (unsigned char)*p;
        p++;
    }
    *at = p;
    return byte;
}

static void add_class(struct set *set, const char *name, size_t length)
{
    static const struct {
        const char *name;
        int (*holds)(int);
    } classes[] = {
        {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
        {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
        {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strlen(classes[i].name) != length || memcmp(classes[i].name, name, length) != 0)
            continue;
        for (int byte = 0; byte < BYTES; byte++) {
            if (classes[i].holds(byte))
                add(set, byte, 1);
        }
        return;
    }
    fail("unknown class: ", name);
}

/* [:class:], [=c=] or [c*n] at *at: adds it and moves *at behind it; false if it is none. */
static bool add_bracket(struct set *set, const char **at)
{
    const char *p = *at + 1, *end;
    if (*p == ':' && (end = strstr(p + 1, ":]"))) {
        add_class(set, p + 1, (size_t)(end - p - 1));
        *at = end + 2;
        return true;
    }
    if (*p == '=' && p[1] && p[2] == '=' && p[3] == ']') {
        add(set, (unsigned char)p[1], 1);
        *at = p + 4;
        return true;
    }
    if (!*p)
        return false;
    int byte = take_byte(&p);
    if (*p != '*')
        return false;
    char *behind;
    unsigned long count = strtoul(p + 1, &behind, p[1] == '0' ? 8 : 10);
    if (*behind != ']')
        return false;
    if (count) {
        add(set, byte, count);
    } else if (set == &second && set->fill < 0) {
        set->fill = byte;
        set->fill_at = set->size;
    } else {
        fail("only the second set may have one [c*]: ", *at);
    }
    *at = behind + 1;
    return true;
}

static void read_set(struct set *set, const char *text)
{
    set->fill = -1;
    while (*text) {
        if (*text == '[' && add_bracket(set, &text))
            continue;
        int byte = take_byte(&text), last = byte;
        if (*text == '-' && text[1]) {
            text++;
            last = take_byte(&text);
            if (last < byte)
                fail("a range's end is before its start", "");
        }
        for (; byte <= last; byte++)
            add(set, byte, 1);
    }
}

static void mark(bool *in, const struct set *set)
{
    for (size_t i = 0; i < set->size; i++)
        in[set->bytes[i]] = true;
}

static void invert(struct set *set)
{
    bool in[BYTES] = {false};
    mark(in, set);
    set->size = 0;
    for (int byte = 0; byte < BYTES; byte++) {
        if (!in[byte])
            add(set, byte, 1);
    }
}

/* Makes SET2 as long as SET1. */
static void lengthen(void)
{
    size_t missing = first.size > second.size ? first.size - second.size : 0;
    size_t behind = second.size - second.fill_at;
    if (second.fill >= 0) {
        add(&second, 0, missing);
        memmove(second.bytes + second.fill_at + missing, second.bytes + second.fill_at, behind);
        memset(second.bytes + second.fill_at, second.fill, missing);
    } else if (truncated && missing) {
        first.size = second.size;
    } else if (missing) {
        if (!second.size)
            fail("the second set is empty", "");
        add(&second, second.bytes[second.size - 1], missing);
    }
}

static void copy(const unsigned char *map, const bool *deleted, const bool *squeezed)
{
    int byte, before = EOF;
    while ((byte = getchar()) != EOF) {
        if (deleted[byte])
            continue;
        byte = map[byte];
        if (byte == before && squeezed[byte])
            continue;
        putchar(byte);
        before = byte;
    }
    if (ferror(stdin) || fflush(stdout) || ferror(stdout)) {
        perror("tr");
        exit(1);
    }
}

static void usage(void)
{
    fputs("usage: tr [-cCdst] set1 [set2]\n", stderr);
    exit(2);
}

static void read_options(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "+cCdst")) != -1) {
        if (option == 'c' || option == 'C')
            complement = true;
        else if (option == 'd')
            delete = true;
        else if (option == 's')
            squeeze = true;
        else if (option == 't')
            truncated = true;
        else
            usage();
    }
}

int main(int argc, char **argv)
{
    unsigned char map[BYTES];
    bool deleted[BYTES] = {false}, squeezed[BYTES] = {false};
    read_options(argc, argv);
    int sets = argc - optind;
    bool two = delete == squeeze ? !delete || sets == 2 : squeeze && sets == 2;
    if (sets != (two ? 2 : 1) || (delete &&squeeze && sets != 2))
        usage();
    read_set(&first, argv[optind]);
    if (two)
        read_set(&second, argv[optind + 1]);
    if (complement)
        invert(&first);
    for (int byte = 0; byte < BYTES; byte++)
        map[byte] = (unsigned char)byte;
    if (delete) {
        mark(deleted, &first);
    } else if (two) {
        lengthen();
        for (size_t i = 0; i < first.size; i++)
            map[first.bytes[i]] = second.bytes[i];
    }
    if (squeeze)
        mark(squeezed, two ? &second : &first);
    copy(map, deleted, squeezed);
    return 0;
}
