/*
 * The exec family: a new task takes this one's place (PROCESS_REPLACE).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "path_search.h"
#include "process_call.h"
#include "process_plan.h"

extern char **environ;

static int64_t replace(const struct found_program *found, char *const *environment)
{
    static char *const none[] = {NULL};
    char directory[PATH_MAX];
    struct file_plan files;
    struct process_plan plan;
    int64_t result = __libc_file_plan_open(&files);
    if (result < 0)
        return result;
    result = __libc_file_plan_finish(&files);
    if (result == 0) {
        __libc_process_plan(&plan, found, &files, environment ? environment : none, directory);
        plan.replace = true;
        result = __libc_process_make(&plan);
    }
    __libc_file_plan_close(&files);
    return result < 0 ? result : -EIO;
}

static int64_t exec_path(const char *path, char *const *arguments, char *const *environment)
{
    static char *const none[] = {NULL};
    struct found_program found;
    int64_t result = __libc_program_find(path, arguments ? arguments : none, &found);
    if (result < 0)
        return result;
    result = replace(&found, environment);
    __libc_program_forget(&found);
    return result;
}

int execve(const char *path, char *const arguments[], char *const environment[])
{
    return (int)call_return(exec_path(path, arguments, environment));
}

int execv(const char *path, char *const arguments[])
{
    return execve(path, arguments, environ);
}

int fexecve(int descriptor, char *const arguments[], char *const environment[])
{
    struct found_program found;
    int64_t result = __libc_program_find_open(descriptor, arguments, &found);
    if (result == 0) {
        result = replace(&found, environment);
        __libc_program_forget(&found);
    }
    return (int)call_return(result);
}

/* ---- By PATH --------------------------------------------------------------------------------- */

/* Arguments for the shell that runs what is not a program (POSIX, exec: the p forms). */
static int64_t exec_by_shell(const char *path, char *const *arguments, char *const *environment)
{
    size_t count = 0;
    while (arguments[count])
        count++;
    char **list = malloc((count + 3) * sizeof *list);
    if (list == NULL)
        return -ENOMEM;
    list[0] = (char *)"sh";
    list[1] = (char *)path;
    for (size_t i = 1; i <= count; i++)
        list[i + 1] = arguments[i];
    if (count == 0)
        list[2] = NULL;
    int64_t result = exec_path("/bin/sh", list, environment);
    free(list);
    return result;
}

struct exec_request {
    char *const *arguments, *const *environment;
};

static int64_t exec_found(const char *path, void *context)
{
    const struct exec_request *request = context;
    int64_t result = exec_path(path, request->arguments, request->environment);
    return result == -ENOEXEC ? exec_by_shell(path, request->arguments, request->environment)
                              : result;
}

int execvpe(const char *name, char *const arguments[], char *const environment[])
{
    struct exec_request request = {arguments, environment};
    return (int)call_return(__libc_path_search(name, exec_found, &request));
}

int execvp(const char *name, char *const arguments[])
{
    return execvpe(name, arguments, environ);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* The arguments of a list form; *environment, if wanted, is what follows them. */
static char **collect(const char *first, va_list rest, char ***environment)
{
    va_list again;
    size_t count = 1;
    va_copy(again, rest);
    while (first && va_arg(again, char *))
        count++;
    va_end(again);
    char **list = malloc((count + 1) * sizeof *list);
    if (list == NULL)
        return NULL;
    list[0] = (char *)first;
    for (size_t i = 1; first && i <= count; i++)
        list[i] = va_arg(rest, char *);
    if (environment)
        *environment = va_arg(rest, char **);
    return list;
}

static int exec_list(char **list, int (*exec)(const char *, char *const *, char *const *),
                     const char *path, char *const *environment)
{
    if (list == NULL)
        return (int)call_return(-ENOMEM);
    int result = exec(path, list, environment);
    free(list);
    return result;
}

int execl(const char *path, const char *first, ...)
{
    va_list rest;
    va_start(rest, first);
    char **list = collect(first, rest, NULL);
    va_end(rest);
    return exec_list(list, execve, path, environ);
}

int execle(const char *path, const char *first, ...)
{
    va_list rest;
    char **environment = NULL;
    va_start(rest, first);
    char **list = collect(first, rest, &environment);
    va_end(rest);
    return exec_list(list, execve, path, environment);
}

int execlp(const char *name, const char *first, ...)
{
    va_list rest;
    va_start(rest, first);
    char **list = collect(first, rest, NULL);
    va_end(rest);
    return exec_list(list, execvpe, name, environ);
}
