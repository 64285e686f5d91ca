/*
 * hexdump [-bcCdoxv] [-n BYTES] [-s BYTES] [FILE...]
 *
 * Shows what files hold, one after the other or else the standard input, 16 bytes a line: in -C
 * bytes and characters, in -x (and without an option), -d and -o words of two bytes, the low one
 * first, in -b octal bytes, in -c characters.  A line that is as the one before it is not shown,
 * but for one `*`, unless -v is given.  -s passes over bytes, -n ends after so many.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE 16

static char style = 'w'; /* as 'x', but closer */
static bool show_all;
static uint64_t position, left = UINT64_MAX;
static int status;

static void complain(const char *what)
{
    fprintf(stderr, "hexdump: %s: %s\n", what, strerror(errno));
    status = 1;
}

static void usage(void)
{
    fputs("usage: hexdump [-bcCdoxv] [-n bytes] [-s bytes] [file...]\n", stderr);
    exit(2);
}

/* A count of bytes, decimal, 0x hexadecimal or 0 octal, with k or m behind it. */
static uint64_t count_of(const char *text)
{
    char *end;
    unsigned long value, unit = 1;
    errno = 0;
    value = strtoul(text, &end, 0);
    if (*end == 'k' || *end == 'm')
        unit = *end++ == 'k' ? 1ul << 10 : 1ul << 20;
    if (end == text || *text == '-' || *end || errno || __builtin_mul_overflow(value, unit, &value))
        usage();
    return value;
}

/* The next byte of the files that `names` ends with, EOF behind the last. */
static int next_byte(char ***names)
{
    static FILE *file;
    for (;;) {
        if (file) {
            int byte = getc(file);
            if (byte != EOF)
                return byte;
            if (ferror(file))
                complain("read");
            if (file != stdin)
                fclose(file);
            file = NULL;
        }
        if (!**names)
            return EOF;
        const char *name = *(*names)++;
        file = strcmp(name, "-") ? fopen(name, "r") : stdin;
        if (!file)
            complain(name);
    }
}

static size_t fill(unsigned char *bytes, char ***names)
{
    size_t size = 0;
    while (size < LINE && left > 0) {
        int byte = next_byte(names);
        if (byte == EOF)
            break;
        bytes[size++] = (unsigned char)byte;
        left--;
    }
    return size;
}

static bool is_printable(unsigned char byte)
{
    return byte >= ' ' && byte <= '~';
}

static void show_canonical(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < LINE; i++) {
        if (i % 8 == 0)
            putchar(' ');
        if (i < size)
            printf(" %02x", bytes[i]);
        else
            fputs("   ", stdout);
    }
    fputs("  |", stdout);
    for (size_t i = 0; i < size; i++)
        putchar(is_printable(bytes[i]) ? bytes[i] : '.');
    putchar('|');
}

static void show_character(unsigned char byte)
{
    static const char bytes[] = "\0\a\b\t\n\v\f\r", letters[] = "0abtnvfr";
    const char *found = memchr(bytes, byte, sizeof letters - 1);
    if (found) {
        printf("  \\%c", letters[found - bytes]);
        return;
    }
    printf(is_printable(byte) ? "   %c" : " %03o", byte);
}

static void show_word(unsigned word)
{
    switch (style) {
    case 'd':
        printf("   %05u", word);
        break;
    case 'o':
        printf("  %06o", word);
        break;
    case 'x':
        printf("    %04x", word);
        break;
    default:
        printf(" %04x", word);
        break;
    }
}

static void show_line(const unsigned char *bytes, size_t size)
{
    printf(style == 'C' ? "%08llx" : "%07llx", (unsigned long long)position);
    if (style == 'C')
        show_canonical(bytes, size);
    for (size_t i = 0; i < size && style != 'C'; i++) {
        if (style == 'b')
            printf(" %03o", bytes[i]);
        else if (style == 'c')
            show_character(bytes[i]);
        else if (i % 2 == 0)
            show_word(bytes[i] | (i + 1 < size ? (unsigned)bytes[i + 1] << 8 : 0));
    }
    putchar('\n');
}

static void show_files(char **names)
{
    unsigned char bytes[LINE], before[LINE];
    bool has_before = false, is_skipping = false;
    size_t size;
    while ((size = fill(bytes, &names)) > 0) {
        bool same = !show_all && has_before && size == LINE && !memcmp(bytes, before, LINE);
        if (!same)
            show_line(bytes, size);
        else if (!is_skipping)
            puts("*");
        is_skipping = same;
        has_before = size == LINE;
        memcpy(before, bytes, size);
        position += size;
    }
    if (position)
        printf(style == 'C' ? "%08llx\n" : "%07llx\n", (unsigned long long)position);
}

int main(int argc, char **argv)
{
    static char *standard_input[] = {"-", NULL};
    uint64_t skip = 0;
    int option;
    while ((option = getopt(argc, argv, "bcCdoxvn:s:")) != -1) {
        if (option == 'v')
            show_all = true;
        else if (option == 'n')
            left = count_of(optarg);
        else if (option == 's')
            skip = count_of(optarg);
        else if (option == '?')
            usage();
        else
            style = (char)option;
    }
    char **names = optind < argc ? argv + optind : standard_input;
    for (; position < skip; position++) {
        if (next_byte(&names) == EOF)
            break;
    }
    show_files(names);
    if (fflush(stdout) || ferror(stdout))
        complain("write");
    return status;
}
