/*
 * What main is called with.
 *
 * The maker of a process may give it a handle named "args": a VM object (READ, MAP) that begins
 * with a struct argument_header, behind which lie the arguments, then the environment, each
 * string with its NUL.  Without one the startup page's words are the arguments and the
 * environment is empty.
 */
#ifndef LIBC_ARGUMENTS_H
#define LIBC_ARGUMENTS_H

#include <stdint.h>

struct startup;

struct argument_header {
    uint32_t argument_count, environment_count;
    uint64_t bytes; /* of the strings */
};

struct arguments {
    int count;
    char **values;      /* NULL behind the last */
    char **environment; /* as well */
};

/* 0, ENOMEM, or EINVAL: what its maker left is malformed.  Called once. */
int __libc_arguments(const struct startup *startup, struct arguments *arguments);

#endif
