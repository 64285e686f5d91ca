/*
 * From a path to a program: opening, the file as a VM object, and scripts ("#!").
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "descriptor.h"
#include "path.h"
#include "process_make.h"
#include "syscall.h"

#define SCRIPT_LINE_MAX 256u
#define SCRIPTS_MAX 4 /* one that is the interpreter of another */

/* ---- Files ----------------------------------------------------------------------------------- */

/* The session of an opened program. */
static int64_t open_program(const char *text)
{
    struct path path;
    int64_t result = __libc_path_make(&path, AT_FDCWD, text);
    if (result < 0)
        return result;
    struct path_call call = {.head = {.op = IO_OPEN, .arg = {IO_OPEN_READ | IO_OPEN_EXECUTE, 0, 0}},
                             .first = &path};
    struct message_area *area = call_begin();
    result = __libc_path_do(&call);
    bool whole = MESSAGE_FLAG_HANDLES(call.head.flags) == 1;
    if (result >= 0)
        result = whole ? (int64_t)area->handles[0].handle : -EIO;
    call_end();
    return result;
}

/* The VM object of an open file. */
static int64_t map_program(handle_t session, struct program_file *file)
{
    struct message head = {.op = IO_MAP, .arg = {RIGHT_READ | RIGHT_EXECUTE, 0, 0}};
    struct message_area *area = call_begin();
    int64_t result = call_do(session, &head, 0);
    handle_t vmo = area->handles[0].handle;
    bool whole = MESSAGE_FLAG_HANDLES(head.flags) == 1;
    call_end();
    if (result < 0)
        return result == -ENODEV ? -ENOEXEC : result;
    if (!whole)
        return -EIO;
    *file = (struct program_file){.vmo = vmo, .size = head.length};
    return 0;
}

static int64_t get_file(const char *path, struct program_file *file)
{
    int64_t session = open_program(path);
    if (session < 0)
        return session == -EISDIR ? -EACCES : session;
    int64_t result = map_program((handle_t)session, file);
    sys_handle_close((handle_t)session);
    return result;
}

/* ---- Scripts --------------------------------------------------------------------------------- */

/* The first line, with a NUL, and without "#!" and blanks around; false: not a script. */
static bool script_line(const struct program_file *file, char line[SCRIPT_LINE_MAX + 1])
{
    struct message_area *area = call_begin();
    uint64_t length = file->size < SCRIPT_LINE_MAX ? file->size : SCRIPT_LINE_MAX;
    bool good = length > 2 && sys_vmo_read(file->vmo, file->offset, length) == 0 &&
                memcmp(area->bytes, "#!", 2) == 0;
    if (good)
        memcpy(line, area->bytes + 2, length - 2);
    call_end();
    if (!good)
        return false;
    line[length - 2] = 0;
    char *end = strchr(line, '\n');
    if (end == NULL)
        return false; /* too long */
    while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *end = 0;
    return true;
}

/* Its strings are its own, the caller's, or of the list before it. */
struct script_list {
    struct script_list *before;
    char *values[];
};

static void forget_lists(struct script_list *list)
{
    while (list) {
        struct script_list *before = list->before;
        free(list);
        list = before;
    }
}

/* Interpreter, its one argument if there is one, the script, and the script's own arguments. */
static struct script_list *script_arguments(char *line, const char *script, char *const *arguments)
{
    size_t count = 0;
    while (arguments[count])
        count++;
    line += strspn(line, " \t");
    size_t first = strcspn(line, " \t"), gap = strspn(line + first, " \t");
    size_t line_length = strlen(line), script_length = strlen(script);
    struct script_list *list =
        malloc(sizeof *list + (count + 4) * sizeof(char *) + line_length + script_length + 2);
    if (list == NULL)
        return NULL;
    char *text = (char *)(list->values + count + 4);
    memcpy(text, line, line_length + 1);
    memcpy(text + line_length + 1, script, script_length + 1);
    size_t at = 0;
    text[first] = 0;
    list->before = NULL;
    list->values[at++] = text;
    if (line[first])
        list->values[at++] = text + first + gap;
    list->values[at++] = text + line_length + 1;
    for (size_t i = 1; i < count; i++)
        list->values[at++] = arguments[i];
    list->values[at] = NULL;
    return list;
}

/* ---- Together -------------------------------------------------------------------------------- */

static void set_name(struct found_program *found, const char *path)
{
    const char *slash = strrchr(path, '/');
    strncpy(found->name, slash ? slash + 1 : path, sizeof found->name - 1);
}

int64_t __libc_program_find(const char *path, char *const *arguments, struct found_program *found)
{
    char line[SCRIPT_LINE_MAX + 1];
    int64_t result;
    *found = (struct found_program){.arguments = arguments};
    set_name(found, path);
    for (int scripts = 0;; scripts++) {
        result = get_file(path, &found->file);
        if (result < 0 || !script_line(&found->file, line))
            break;
        sys_handle_close(found->file.vmo);
        struct script_list *list = NULL;
        result = scripts == SCRIPTS_MAX ? -ELOOP : *line == 0 ? -ENOEXEC : -ENOMEM;
        if (result == -ENOMEM)
            list = script_arguments(line, path, found->arguments);
        if (list == NULL)
            break;
        list->before = found->made;
        found->made = list;
        found->arguments = list->values;
        path = list->values[0];
    }
    if (result < 0)
        forget_lists(found->made);
    return result;
}

int64_t __libc_program_find_open(int descriptor, char *const *arguments,
                                 struct found_program *found)
{
    char line[SCRIPT_LINE_MAX + 1];
    struct open_file *file = __libc_descriptor_get(descriptor);
    *found = (struct found_program){.arguments = arguments, .name = "fexecve"};
    if (file == NULL)
        return -EBADF;
    struct message head = {.op = IO_OPEN, .arg = {IO_OPEN_READ | IO_OPEN_EXECUTE, 0, 0}};
    struct message_area *area = call_begin();
    int64_t result = file->flags & OPEN_FILE_LOG ? -EACCES : call_do(file->handle, &head, 0);
    if (result >= 0)
        result = MESSAGE_FLAG_HANDLES(head.flags) == 1 ? (int64_t)area->handles[0].handle : -EIO;
    call_end();
    __libc_open_file_put(file);
    if (result < 0)
        return result;
    handle_t session = (handle_t)result;
    result = map_program(session, &found->file);
    sys_handle_close(session);
    if (result == 0 && script_line(&found->file, line)) {
        sys_handle_close(found->file.vmo);
        result = -ENOEXEC;
    }
    return result;
}

void __libc_program_forget(struct found_program *found)
{
    sys_handle_close(found->file.vmo);
    forget_lists(found->made);
}
