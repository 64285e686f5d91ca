/*
 * What a program is started with, beside the startup page: arguments, environment, working
 * directory, file mode mask, signals and descriptors.
 *
 * The maker of a process may give it a handle named "args": a VM object (READ) that holds, one
 * after the other, struct argument_header descriptor_count x struct argument_descriptor `bytes`
 * bytes of strings, each with its NUL: the arguments; the environment; the working directory; then
 * for each descriptor its path if it is a directory's, else an empty string. Without one, the
 * startup page's words are the arguments, the environment is empty, the working directory is "/"
 * and there are no descriptors.
 *
 * Other handles libc looks for by name in the startup page: "tree", where paths are looked up (a
 * session of the name server or of a filesystem's root); "log", a LOG resource, which stands in for
 * descriptors 1 and 2 if they are not given; "process", the process server.
 */
#ifndef LIBC_ARGUMENTS_H
#define LIBC_ARGUMENTS_H

#include <stdint.h>

#include <portolan/types.h>

struct startup;

#define ARGUMENT_DESCRIPTORS_MAX 1024u

struct argument_header {
    uint32_t argument_count, environment_count;
    uint32_t descriptor_count, umask;
    uint32_t group, reserved;                  /* the process group, or 0 */
    uint64_t signals_ignored, signals_blocked; /* bit n - 1: signal n */
    uint64_t bytes;                            /* of the strings; at most ARG_MAX */
};

/* Descriptors with the same handle are one open file: they share flags and offset. */
struct argument_descriptor {
    int32_t descriptor;
    uint32_t flags;  /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_DIRECTORY: as fcntl F_GETFL gives them */
    handle_t handle; /* of the session, valid in the new task */
    uint32_t reserved;
};

/* What there was, in memory that stays. */
struct arguments {
    int count;
    char **values;      /* NULL behind the last */
    char **environment; /* as well */
    char *directory;
    uint32_t umask, group;
    uint64_t signals_ignored, signals_blocked;
    uint32_t descriptor_count;
    const struct argument_descriptor *descriptors;
    char **paths; /* one for each */
};

/* 0, ENOMEM, or EINVAL: what its maker left is malformed.  Called once. */
int __libc_arguments(const struct startup *startup, struct arguments *arguments);

/* The handle of that name in the startup page, or HANDLE_NONE. */
handle_t __libc_startup_handle(const struct startup *startup, const char *name);

#endif
