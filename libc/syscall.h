/*
 * The kernel's calls for libc: libmsg's stubs, with names that POSIX wants for itself put aside.
 *
 * To be included after the headers of the standard, if <sys/mman.h> is among them not at all: there
 * include this first and use KERNEL_MAP_*.
 */
#ifndef LIBC_SYSCALL_H
#define LIBC_SYSCALL_H

#include "../libmsg/syscall.h"

enum {
    KERNEL_MAP_READ = MAP_READ,
    KERNEL_MAP_WRITE = MAP_WRITE,
    KERNEL_MAP_EXECUTE = MAP_EXECUTE,
    KERNEL_MAP_FIXED = MAP_FIXED,
    KERNEL_MAP_POPULATE = MAP_POPULATE,
};

#endif
