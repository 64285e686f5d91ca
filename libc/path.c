/*
 * Paths; see path.h.
 */
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "call.h"
#include "clock.h"
#include "descriptor.h"
#include "process.h"
#include "syscall.h"

_Static_assert(PATH_TEXT_MAX + 2 == PATH_MAX && PATH_TEXT_MAX <= IO_PATH_MAX, "paths fit");

#define ASKED_AGAIN_MAX 50000u /* ten seconds */

static struct __lock_word directory_lock;
static struct path directory; /* the working directory; under the lock */

/* ---- Making paths ---------------------------------------------------------------------------- */

static void cut_last(struct path *path)
{
    while (path->length > 0 && path->text[path->length - 1] != '/')
        path->length--;
    if (path->length > 0)
        path->length--;
}

static int add_name(struct path *path, const char *name, size_t length)
{
    path->directory = true;
    if (length == 1 && name[0] == '.')
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.') {
        cut_last(path);
        return 0;
    }
    size_t slash = path->length > 0;
    if (length > IO_NAME_MAX || length + slash > PATH_TEXT_MAX - path->length)
        return -ENAMETOOLONG;
    if (slash)
        path->text[path->length++] = '/';
    memcpy(path->text + path->length, name, length);
    path->length += (uint32_t)length;
    path->directory = false;
    return 0;
}

/* Adds the names in `text`. */
static int add(struct path *path, const char *text, size_t length)
{
    const char *end = text + length;
    int error = 0;
    while (text < end && !error) {
        const char *slash = memchr(text, '/', (size_t)(end - text));
        const char *stop = slash ? slash : end;
        if (stop > text)
            error = add_name(path, text, (size_t)(stop - text));
        if (slash)
            path->directory = true;
        text = stop + (slash != NULL);
    }
    path->text[path->length] = '\0';
    return error;
}

/* Where relative paths begin. */
static int start_at(struct path *path, int descriptor)
{
    if (descriptor == AT_FDCWD) {
        __libc_lock(&directory_lock);
        *path = directory;
        __libc_unlock(&directory_lock);
        return 0;
    }
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return -EBADF;
    int error = -ENOTDIR;
    path->length = 0;
    if (file->path)
        error = add(path, file->path, strlen(file->path));
    __libc_open_file_put(file);
    return error;
}

int __libc_path_make(struct path *path, int descriptor, const char *text)
{
    size_t length = strnlen(text, PATH_MAX);
    if (length == 0)
        return -ENOENT;
    if (length == PATH_MAX)
        return -ENAMETOOLONG;
    path->length = 0;
    path->directory = true;
    int error = text[0] == '/' ? 0 : start_at(path, descriptor);
    return error ? error : add(path, text, length);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* The path with the link's target in place of the link.  `rest` bytes lie behind the link. */
static int follow(struct path *path, const char *target, size_t length, uint64_t rest)
{
    struct path old = *path;
    size_t behind = rest > 0 ? rest + 1 : 0; /* and the slash */
    if (behind >= old.length || length == 0)
        return -EIO;
    path->length = old.length - (uint32_t)behind;
    cut_last(path);
    if (target[0] == '/')
        path->length = 0;
    int error = add(path, target, length);
    if (error == 0 && rest > 0)
        error = add(path, old.text + old.length - rest, rest);
    path->directory |= old.directory;
    return error;
}

static int met_link(struct path_call *call, const struct message_area *area)
{
    size_t length = MESSAGE_FLAG_BYTES(call->head.flags);
    struct path *path = call->head.arg[1] && call->second ? call->second : call->first;
    return follow(path, (const char *)area->bytes, length, call->head.arg[0]);
}

/* Puts text and paths into the message page; -ENAMETOOLONG: too much. */
static int64_t fill(struct path_call *call, struct message_area *area)
{
    const struct path *last = call->second ? call->second : call->first;
    const char *before = call->text ? call->text : call->second ? call->first->text : NULL;
    size_t length = before ? strlen(before) : 0;
    if (length + last->length > MESSAGE_BYTES_MAX)
        return -ENAMETOOLONG;
    if (before) {
        memcpy(area->bytes, before, length);
        call->head.arg[2] = length;
    }
    memcpy(area->bytes + length, last->text, last->length);
    call->head.flags = MESSAGE_FLAGS(length + last->length, 0, 0) | MESSAGE_ROOM;
    return 0;
}

/* -EAGAIN is the name server's: the queue of who has to answer is full. */
static int64_t ask_once(struct path_call *call, const struct message *asked)
{
    for (uint32_t i = 0;; i++) {
        call->head = *asked;
        int64_t result = fill(call, thread_self()->area);
        if (result == 0)
            result = call_do(__libc_process.tree, &call->head, call->flags);
        if (result != -EAGAIN || i == ASKED_AGAIN_MAX)
            return result;
        sys_sleep(__libc_now() + QUEUE_FULL_PAUSE);
    }
}

int64_t __libc_path_do(struct path_call *call)
{
    const struct message asked = call->head;
    if (__libc_process.tree == HANDLE_NONE)
        return -ENOENT;
    for (uint32_t links = 0; links <= IO_LINKS_MAX; links++) {
        int64_t result = ask_once(call, &asked);
        if (result != IO_LINK_MET)
            return result;
        result = met_link(call, thread_self()->area);
        if (result < 0)
            return result;
    }
    return -ELOOP;
}

int __libc_path_change(struct path_call *call)
{
    call_begin();
    int64_t result = __libc_path_do(call);
    call_end();
    return (int)call_return(result > 0 ? 0 : result);
}

char *__libc_path_text(const struct path *path)
{
    char *text = malloc(path->length + 2);
    if (text) {
        text[0] = '/';
        memcpy(text + 1, path->text, path->length + 1);
    }
    return text;
}

/* ---- The working directory ------------------------------------------------------------------- */

bool __libc_directory_open(const struct arguments *arguments)
{
    directory.length = 0;
    return add(&directory, arguments->directory, strlen(arguments->directory)) == 0;
}

void __libc_directory_lock(void)
{
    __libc_lock(&directory_lock);
}

void __libc_directory_unlock(void)
{
    __libc_unlock(&directory_lock);
}

void __libc_directory_reset(void)
{
    directory_lock = (struct __lock_word){0};
}

static int64_t look(struct path *path, struct io_info *info)
{
    struct path_call call = {.head = {.op = IO_INFO}, .first = path};
    struct message_area *area = call_begin();
    int64_t result = __libc_path_do(&call);
    memcpy(info, area->bytes, sizeof *info);
    if (result >= 0 && MESSAGE_FLAG_BYTES(call.head.flags) < sizeof *info)
        result = -EIO;
    call_end();
    return result;
}

static int change_directory(struct path *path)
{
    struct io_info info;
    int64_t result = look(path, &info);
    if (result >= 0 && (info.mode & IO_MODE_TYPE) != IO_MODE_DIRECTORY)
        result = -ENOTDIR;
    if (result < 0)
        return (int)result;
    __libc_lock(&directory_lock);
    directory = *path;
    __libc_unlock(&directory_lock);
    return 0;
}

int chdir(const char *text)
{
    struct path path;
    int error = __libc_path_make(&path, AT_FDCWD, text);
    return (int)call_return(error ? error : change_directory(&path));
}

int fchdir(int descriptor)
{
    struct path path;
    int error = start_at(&path, descriptor);
    return (int)call_return(error ? error : change_directory(&path));
}

char *getcwd(char *buffer, size_t size)
{
    struct path path;
    if (buffer && size == 0) {
        errno = EINVAL;
        return NULL;
    }
    start_at(&path, AT_FDCWD);
    if (buffer == NULL) {
        buffer = malloc(size ? size : path.length + 2);
        if (buffer == NULL)
            return NULL;
        size = size ? size : path.length + 2;
    }
    if (path.length + 2 > size) {
        errno = ERANGE;
        return NULL;
    }
    buffer[0] = '/';
    memcpy(buffer + 1, path.text, path.length + 1);
    return buffer;
}

/* Each link on the way is followed by asking for what the path names; what was asked for last is
 * the answer. */
char *realpath(const char *restrict text, char *restrict resolved)
{
    struct path path;
    struct io_info info;
    int64_t error = __libc_path_make(&path, AT_FDCWD, text);
    if (error == 0)
        error = look(&path, &info);
    if (error == 0 && path.directory && (info.mode & IO_MODE_TYPE) != IO_MODE_DIRECTORY)
        error = -ENOTDIR;
    if (error < 0) {
        errno = (int)-error;
        return NULL;
    }
    if (resolved == NULL)
        return __libc_path_text(&path);
    resolved[0] = '/';
    memcpy(resolved + 1, path.text, path.length + 1);
    return resolved;
}
