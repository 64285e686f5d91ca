/*
 * Reading directories: opendir and its relatives.
 *
 * A page of entries is fetched at a time.  Servers do not list "." and "..": they are put before
 * the first.  A position, as telldir gives it, is 0 for ".", 1 for "..", and two more than the
 * server's for what follows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <portolan/io.h>

#include "file.h"

#define DOTS 2

struct __directory {
    struct __lock_word lock;
    int descriptor;
    long position;     /* of what is read next */
    size_t at, filled; /* in buffer: entries from `position` on, if it is beyond the dots */
    struct dirent entry;
    _Alignas(struct io_entry) unsigned char buffer[MESSAGE_BYTES_MAX];
};

/* ---- Opening --------------------------------------------------------------------------------- */

static DIR *make(int descriptor)
{
    DIR *directory = malloc(sizeof *directory);
    if (directory) {
        directory->lock = (struct __lock_word){0};
        directory->descriptor = descriptor;
        directory->position = 0;
        directory->at = directory->filled = 0;
    }
    return directory;
}

DIR *opendir(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    DIR *directory = make(descriptor);
    if (directory == NULL)
        close(descriptor);
    return directory;
}

DIR *fdopendir(int descriptor)
{
    struct open_file *file = __libc_descriptor_get(descriptor);
    int error = file == NULL ? EBADF : file->path == NULL ? ENOTDIR : 0;
    if (file)
        __libc_open_file_put(file);
    if (error) {
        errno = error;
        return NULL;
    }
    __libc_descriptor_set_close_on_exec(descriptor, true);
    return make(descriptor);
}

int closedir(DIR *directory)
{
    int descriptor = directory->descriptor;
    free(directory);
    return close(descriptor);
}

int dirfd(DIR *directory)
{
    return directory->descriptor;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Entries from `position` on.  Their bytes, 0 at the end. */
static int64_t fetch(DIR *directory)
{
    struct message head = {
        .op = IO_LIST, .flags = MESSAGE_ROOM, .offset = (uint64_t)(directory->position - DOTS)};
    struct open_file *file = __libc_descriptor_get(directory->descriptor);
    if (file == NULL)
        return -EBADF;
    struct message_area *area = call_begin();
    int64_t result = call_do(file->handle, &head, 0);
    if (result > MESSAGE_FLAG_BYTES(head.flags))
        result = -EIO;
    if (result > 0)
        memcpy(directory->buffer, area->bytes, (size_t)result);
    call_end();
    __libc_open_file_put(file);
    directory->at = 0;
    directory->filled = result > 0 ? (size_t)result : 0;
    return result;
}

/* Takes the entry at `at` over.  Its lengths are the server's word. */
static int64_t take(DIR *directory)
{
    struct io_entry found;
    size_t left = directory->filled - directory->at;
    if (left < sizeof found)
        return -EIO;
    memcpy(&found, directory->buffer + directory->at, sizeof found);
    size_t length = (sizeof found + found.name_length + 7) & ~7ul;
    if (found.name_length == 0 || found.name_length > NAME_MAX || length > left ||
        found.next > LONG_MAX - DOTS)
        return -EIO;
    struct dirent *entry = &directory->entry;
    memcpy(entry->d_name, directory->buffer + directory->at + sizeof found, found.name_length);
    entry->d_name[found.name_length] = '\0';
    entry->d_ino = found.node;
    entry->d_type = found.type;
    directory->at += length;
    directory->position = (long)found.next + DOTS;
    return 1;
}

static int64_t take_dot(DIR *directory)
{
    struct stat status;
    const char *name = directory->position == 0 ? "." : "..";
    if (fstatat(directory->descriptor, name, &status, 0) != 0)
        return -errno;
    strcpy(directory->entry.d_name, name);
    directory->entry.d_ino = status.st_ino;
    directory->entry.d_type = DT_DIR;
    directory->position++;
    return 1;
}

/* 1: `entry` is the next one; 0: there is none; or an error. */
static int64_t next(DIR *directory)
{
    int64_t result = 1;
    if (directory->position < DOTS) {
        result = take_dot(directory);
    } else {
        if (directory->at == directory->filled)
            result = fetch(directory);
        if (result > 0)
            result = take(directory);
    }
    directory->entry.d_off = directory->position;
    directory->entry.d_reclen = sizeof directory->entry;
    return result;
}

struct dirent *readdir(DIR *directory)
{
    __libc_lock(&directory->lock);
    int64_t result = next(directory);
    __libc_unlock(&directory->lock);
    if (result < 0)
        errno = (int)-result;
    return result > 0 ? &directory->entry : NULL;
}

int readdir_r(DIR *restrict directory, struct dirent *restrict entry,
              struct dirent **restrict found)
{
    __libc_lock(&directory->lock);
    int64_t result = next(directory);
    if (result > 0)
        *entry = directory->entry;
    __libc_unlock(&directory->lock);
    *found = result > 0 ? entry : NULL;
    return result < 0 ? (int)-result : 0;
}

void seekdir(DIR *directory, long position)
{
    __libc_lock(&directory->lock);
    directory->position = position < 0 ? 0 : position;
    directory->at = directory->filled = 0;
    __libc_unlock(&directory->lock);
}

void rewinddir(DIR *directory)
{
    seekdir(directory, 0);
}

long telldir(DIR *directory)
{
    __libc_lock(&directory->lock);
    long position = directory->position;
    __libc_unlock(&directory->lock);
    return position;
}

/* ---- Whole directories ----------------------------------------------------------------------- */

struct list {
    struct dirent **entries;
    size_t count, room;
};

static bool append(struct list *list, const struct dirent *entry)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 32;
        struct dirent **larger = realloc(list->entries, room * sizeof *larger);
        if (larger == NULL)
            return false;
        list->entries = larger;
        list->room = room;
    }
    struct dirent *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return false;
    *copy = *entry;
    list->entries[list->count++] = copy;
    return true;
}

static int64_t collect(DIR *directory, struct list *list, int (*select)(const struct dirent *))
{
    int64_t result;
    while ((result = next(directory)) > 0) {
        if ((select == NULL || select(&directory->entry)) && !append(list, &directory->entry))
            return -ENOMEM;
    }
    return result;
}

int alphasort(const struct dirent **a, const struct dirent **b)
{
    return strcoll((*a)->d_name, (*b)->d_name);
}

int scandir(const char *path, struct dirent ***entries, int (*select)(const struct dirent *),
            int (*compare)(const struct dirent **, const struct dirent **))
{
    struct list list = {0};
    DIR *directory = opendir(path);
    if (directory == NULL)
        return -1;
    int64_t result = collect(directory, &list, select);
    closedir(directory);
    if (result == 0 && list.count > INT_MAX)
        result = -EOVERFLOW;
    if (result < 0) {
        while (list.count > 0)
            free(list.entries[--list.count]);
        free(list.entries);
        return (int)call_return(result);
    }
    if (compare && list.count > 0)
        qsort(list.entries, list.count, sizeof *list.entries,
              (int (*)(const void *, const void *))compare);
    *entries = list.entries;
    return (int)list.count;
}
