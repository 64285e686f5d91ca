/*
 * The boot manifest: which programs there are, when each is started, and with what.  A plain text
 * file; boot/manifest describes it.  Nothing in it is trusted.  Pure: no system call.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <portolan/types.h>

#define MANIFEST_PROGRAMS_MAX 64u
#define MANIFEST_NAME_MAX 32u

enum manifest_class { CLASS_NONE = 0, CLASS_TEST, CLASS_BENCH, CLASS_BENCH_SMP };
enum { GRANT_ROOT = 1u << 0, GRANT_LOG = 1u << 1, GRANT_BOOT = 1u << 2 };

struct manifest_program {
    char name[MANIFEST_NAME_MAX];
    uint32_t class, grants;
    uint64_t budget, timeout; /* bytes, seconds */
};

struct manifest {
    struct manifest_program programs[MANIFEST_PROGRAMS_MAX];
    uint32_t count;
    uint32_t bad_line;   /* on failure: its number, from 1, */
    const char *problem; /* and what is wrong with it */
};

/* Reads a manifest of `size` bytes.  False: bad_line and problem say where and why. */
bool manifest_read(const char *text, uint64_t size, struct manifest *manifest);

#endif
