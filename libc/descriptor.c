/*
 * The descriptor table; see descriptor.h.  Open files come from an array of their own and not from
 * malloc, so that open() and close() may be called in a signal handler.
 */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "lock.h"
#include "syscall.h"

#define WORD_BITS 64
/* More than descriptors, for calls in progress on files whose last descriptor has been closed. */
#define FILES_MAX (DESCRIPTORS_MAX + 256)

static struct __lock_word lock;
static struct open_file *table[DESCRIPTORS_MAX];
static uint64_t in_use[DESCRIPTORS_MAX / WORD_BITS], on_exec[DESCRIPTORS_MAX / WORD_BITS];

static struct open_file files[FILES_MAX];
static uint32_t files_made;          /* the first so many of files[] have been used */
static struct open_file *files_free; /* a list by path */

/* ---- Open files ------------------------------------------------------------------------------ */

static struct open_file *take_free(void)
{
    struct open_file *file = files_free;
    if (file)
        files_free = (struct open_file *)file->path;
    else if (files_made < FILES_MAX)
        file = &files[files_made++];
    return file;
}

struct open_file *__libc_open_file_make(handle_t handle, uint32_t flags, char *path)
{
    __libc_lock(&lock);
    struct open_file *file = take_free();
    __libc_unlock(&lock);
    if (file == NULL) {
        sys_handle_close(handle);
        free(path);
        return NULL;
    }
    *file = (struct open_file){.references = 1, .flags = flags, .handle = handle, .path = path};
    return file;
}

void __libc_open_file_put(struct open_file *file)
{
    if (__atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (!(file->flags & OPEN_FILE_LOG))
        sys_handle_close(file->handle);
    free(file->path);
    __libc_lock(&lock);
    file->path = (char *)files_free;
    files_free = file;
    __libc_unlock(&lock);
}

static void reference(struct open_file *file)
{
    __atomic_add_fetch(&file->references, 1, __ATOMIC_RELAXED);
}

/* ---- The table; the caller of these holds the lock ------------------------------------------- */

static bool is_open(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS_MAX && table[descriptor];
}

static void set_bit(uint64_t *bits, int number, bool on)
{
    uint64_t bit = 1ull << number % WORD_BITS;
    if (on)
        bits[number / WORD_BITS] |= bit;
    else
        bits[number / WORD_BITS] &= ~bit;
}

static bool get_bit(const uint64_t *bits, int number)
{
    return bits[number / WORD_BITS] >> number % WORD_BITS & 1;
}

/* The first number from `from` on whose bit in in_use is `used`, or -1. */
static int find(int from, bool used)
{
    for (int word = from / WORD_BITS; word < DESCRIPTORS_MAX / WORD_BITS; word++) {
        uint64_t bits = used ? in_use[word] : ~in_use[word];
        if (word == from / WORD_BITS)
            bits &= ~0ull << from % WORD_BITS;
        if (bits)
            return word * WORD_BITS + __builtin_ctzll(bits);
    }
    return -1;
}

static void enter(int descriptor, struct open_file *file, bool close_on_exec)
{
    table[descriptor] = file;
    set_bit(in_use, descriptor, file != NULL);
    set_bit(on_exec, descriptor, close_on_exec);
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

struct open_file *__libc_descriptor_get(int descriptor)
{
    struct open_file *file = NULL;
    __libc_lock(&lock);
    if (is_open(descriptor)) {
        file = table[descriptor];
        reference(file);
    }
    __libc_unlock(&lock);
    return file;
}

int __libc_descriptor_add(struct open_file *file, int lowest, bool close_on_exec)
{
    if (lowest < 0 || lowest >= DESCRIPTORS_MAX)
        return -EINVAL;
    __libc_lock(&lock);
    int descriptor = find(lowest, false);
    if (descriptor >= 0)
        enter(descriptor, file, close_on_exec);
    __libc_unlock(&lock);
    return descriptor < 0 ? -EMFILE : descriptor;
}

int __libc_descriptor_add_pair(struct open_file *pair[2], bool close_on_exec, int descriptors[2])
{
    __libc_lock(&lock);
    int first = find(0, false);
    int second = first < 0 || first + 1 == DESCRIPTORS_MAX ? -1 : find(first + 1, false);
    if (second >= 0) {
        enter(first, pair[0], close_on_exec);
        enter(second, pair[1], close_on_exec);
    }
    __libc_unlock(&lock);
    if (second < 0)
        return -EMFILE;
    descriptors[0] = first;
    descriptors[1] = second;
    return 0;
}

int __libc_descriptor_set(int descriptor, struct open_file *file, bool close_on_exec)
{
    if (descriptor < 0 || descriptor >= DESCRIPTORS_MAX)
        return -EBADF;
    __libc_lock(&lock);
    struct open_file *before = table[descriptor];
    enter(descriptor, file, close_on_exec);
    __libc_unlock(&lock);
    if (before)
        __libc_open_file_put(before);
    return descriptor;
}

int __libc_descriptor_close(int descriptor)
{
    struct open_file *file = NULL;
    __libc_lock(&lock);
    if (is_open(descriptor)) {
        file = table[descriptor];
        enter(descriptor, NULL, false);
    }
    __libc_unlock(&lock);
    if (file == NULL)
        return -EBADF;
    __libc_open_file_put(file);
    return 0;
}

bool __libc_descriptor_close_on_exec(int descriptor)
{
    __libc_lock(&lock);
    bool yes = is_open(descriptor) && get_bit(on_exec, descriptor);
    __libc_unlock(&lock);
    return yes;
}

int __libc_descriptor_set_close_on_exec(int descriptor, bool yes)
{
    __libc_lock(&lock);
    bool open = is_open(descriptor);
    if (open)
        set_bit(on_exec, descriptor, yes);
    __libc_unlock(&lock);
    return open ? 0 : -EBADF;
}

/* ---- For exec, spawn and fork ---------------------------------------------------------------- */

void __libc_descriptors_lock(void)
{
    __libc_lock(&lock);
}

void __libc_descriptors_unlock(void)
{
    __libc_unlock(&lock);
}

int __libc_descriptor_next(int from, struct open_file **file, bool *close_on_exec)
{
    int descriptor = from < 0 || from >= DESCRIPTORS_MAX ? -1 : find(from, true);
    if (descriptor >= 0) {
        *file = table[descriptor];
        *close_on_exec = get_bit(on_exec, descriptor);
    }
    return descriptor;
}

void __libc_descriptors_reset(void)
{
    lock = (struct __lock_word){0};
    /* Calls in progress were other threads'. */
    for (uint32_t i = 0; i < files_made; i++)
        files[i].references = 0;
    for (int i = find(0, true); i >= 0; i = i + 1 < DESCRIPTORS_MAX ? find(i + 1, true) : -1)
        table[i]->references++;
}

/* ---- At the start ---------------------------------------------------------------------------- */

/* The file of an earlier entry with the same handle, with a reference, or a new one. */
static struct open_file *file_of(const struct arguments *arguments, uint32_t index)
{
    const struct argument_descriptor *entry = &arguments->descriptors[index];
    for (uint32_t i = 0; i < files_made; i++) {
        if (files[i].references > 0 && files[i].handle == entry->handle) {
            reference(&files[i]);
            return &files[i];
        }
    }
    char *path = *arguments->paths[index] ? strdup(arguments->paths[index]) : NULL;
    return __libc_open_file_make(entry->handle, entry->flags & ~OPEN_FILE_LOG, path);
}

static int inherit(const struct arguments *arguments)
{
    for (uint32_t i = 0; i < arguments->descriptor_count; i++) {
        const struct argument_descriptor *entry = &arguments->descriptors[i];
        if (entry->descriptor < 0 || entry->descriptor >= DESCRIPTORS_MAX)
            return -EINVAL;
        struct open_file *file = file_of(arguments, i);
        if (file == NULL)
            return -ENFILE;
        __libc_descriptor_set(entry->descriptor, file, false);
    }
    return 0;
}

int __libc_descriptors_open(const struct arguments *arguments, handle_t log)
{
    int error = inherit(arguments);
    if (error < 0 || log == HANDLE_NONE || arguments->descriptor_count > 0)
        return error;
    struct open_file *file = __libc_open_file_make(log, O_RDWR | OPEN_FILE_LOG, NULL);
    if (file == NULL)
        return -ENFILE;
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            reference(file);
        enter(i, file, false);
    }
    return 0;
}
