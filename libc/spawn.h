/*
 * What <spawn.h>'s two types point to.
 */
#ifndef LIBC_SPAWN_H
#define LIBC_SPAWN_H

#include <sched.h>
#include <spawn.h>

struct __posix_spawnattr {
    short flags;
    pid_t group;
    struct sched_param priority;
    int policy;
    sigset_t defaults, mask;
};

enum spawn_action_kind { SPAWN_OPEN, SPAWN_DUP, SPAWN_CLOSE, SPAWN_CHDIR, SPAWN_FCHDIR };

struct spawn_action {
    struct spawn_action *next;
    enum spawn_action_kind kind;
    int descriptor, from; /* from: SPAWN_DUP */
    int flags;
    mode_t mode;
    char path[]; /* SPAWN_OPEN, SPAWN_CHDIR */
};

struct __posix_spawn_file_actions {
    struct spawn_action *first, **end;
};

#endif
