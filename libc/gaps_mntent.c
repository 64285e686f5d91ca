/*
 * Lists of filesystems: <mntent.h>.
 *
 * A line holds device, directory, type and options, and may hold two numbers; blanks within a word
 * are written as \040 and the like.  Empty lines, comments and lines of fewer than four words are
 * passed over.
 */
#include <mntent.h>
#include <stdlib.h>
#include <string.h>

#include "mounts.h"

#define LINE_MAX_BYTES 2048

/* MOUNTED is no file: the name server is asked. */
FILE *setmntent(const char *path, const char *mode)
{
    return strcmp(path, MOUNTED) ? fopen(path, mode) : __libc_mounts_open();
}

int endmntent(FILE *file)
{
    if (file)
        fclose(file);
    return 1;
}

static int is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Replaces each \ooo by the byte it stands for, in place. */
static char *decode(char *word)
{
    char *out = word;

    for (char *in = word; *in; out++) {
        if (*in == '\\' && in[1] >= '0' && in[1] <= '3' && is_octal(in[2]) && is_octal(in[3])) {
            *out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
            in += 4;
        } else {
            *out = *in++;
        }
    }
    *out = 0;
    return word;
}

/* The rest of a line that was longer than the buffer. */
static void skip_line(FILE *file)
{
    int c;

    while ((c = getc(file)) != EOF && c != '\n')
        continue;
}

/* Splits a line; 0 if it describes no filesystem. */
static int parse(char *line, struct mntent *entry)
{
    char *words[6] = {0}, *rest = 0;
    int count = 0;

    for (char *word = strtok_r(line, " \t\n", &rest); word && count < 6;
         word = strtok_r(0, " \t\n", &rest)) {
        if (!count && *word == '#')
            return 0;
        words[count++] = decode(word);
    }
    if (count < 4)
        return 0;
    entry->mnt_fsname = words[0];
    entry->mnt_dir = words[1];
    entry->mnt_type = words[2];
    entry->mnt_opts = words[3];
    entry->mnt_freq = words[4] ? atoi(words[4]) : 0;
    entry->mnt_passno = words[5] ? atoi(words[5]) : 0;
    return 1;
}

/* The next entry, its strings in `buffer`; null at the end.  A line that does not fit is left
 * out. */
struct mntent *getmntent_r(FILE *file, struct mntent *entry, char *buffer, int size)
{
    while (fgets(buffer, size, file)) {
        if (!strchr(buffer, '\n') && !feof(file)) {
            skip_line(file);
            continue;
        }
        if (parse(buffer, entry))
            return entry;
    }
    return 0;
}

/* As getmntent_r(); what it returns is good until the next call. */
struct mntent *getmntent(FILE *file)
{
    static struct mntent entry;
    static char buffer[LINE_MAX_BYTES];

    return getmntent_r(file, &entry, buffer, sizeof buffer);
}

/* Where the entry's options hold `option`, alone or as option=value; null if they do not. */
char *hasmntopt(const struct mntent *entry, const char *option)
{
    size_t length = strlen(option);

    for (char *at = entry->mnt_opts; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (!strncmp(at, option, length) && (!at[length] || strchr(",=", at[length])))
            return at;
    }
    return 0;
}
