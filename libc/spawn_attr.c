/*
 * The attributes and file actions of posix_spawn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "spawn.h"

#define FLAGS                                                                                      \
    (POSIX_SPAWN_RESETIDS | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSCHEDPARAM |                    \
     POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)

/* ---- Attributes ------------------------------------------------------------------------------ */

int posix_spawnattr_init(posix_spawnattr_t *attributes)
{
    *attributes = calloc(1, sizeof **attributes);
    return *attributes ? 0 : ENOMEM;
}

int posix_spawnattr_destroy(posix_spawnattr_t *attributes)
{
    free(*attributes);
    *attributes = NULL;
    return 0;
}

int posix_spawnattr_getflags(const posix_spawnattr_t *restrict attributes, short *restrict flags)
{
    *flags = (*attributes)->flags;
    return 0;
}

int posix_spawnattr_setflags(posix_spawnattr_t *attributes, short flags)
{
    if (flags & ~FLAGS)
        return EINVAL;
    (*attributes)->flags = flags;
    return 0;
}

int posix_spawnattr_getpgroup(const posix_spawnattr_t *restrict attributes, pid_t *restrict group)
{
    *group = (*attributes)->group;
    return 0;
}

int posix_spawnattr_setpgroup(posix_spawnattr_t *attributes, pid_t group)
{
    (*attributes)->group = group;
    return 0;
}

int posix_spawnattr_getschedparam(const posix_spawnattr_t *restrict attributes,
                                  struct sched_param *restrict priority)
{
    *priority = (*attributes)->priority;
    return 0;
}

int posix_spawnattr_setschedparam(posix_spawnattr_t *restrict attributes,
                                  const struct sched_param *restrict priority)
{
    (*attributes)->priority = *priority;
    return 0;
}

int posix_spawnattr_getschedpolicy(const posix_spawnattr_t *restrict attributes,
                                   int *restrict policy)
{
    *policy = (*attributes)->policy;
    return 0;
}

int posix_spawnattr_setschedpolicy(posix_spawnattr_t *attributes, int policy)
{
    (*attributes)->policy = policy;
    return 0;
}

int posix_spawnattr_getsigdefault(const posix_spawnattr_t *restrict attributes,
                                  sigset_t *restrict set)
{
    *set = (*attributes)->defaults;
    return 0;
}

int posix_spawnattr_setsigdefault(posix_spawnattr_t *restrict attributes,
                                  const sigset_t *restrict set)
{
    (*attributes)->defaults = *set;
    return 0;
}

int posix_spawnattr_getsigmask(const posix_spawnattr_t *restrict attributes, sigset_t *restrict set)
{
    *set = (*attributes)->mask;
    return 0;
}

int posix_spawnattr_setsigmask(posix_spawnattr_t *restrict attributes, const sigset_t *restrict set)
{
    (*attributes)->mask = *set;
    return 0;
}

/* ---- File actions ---------------------------------------------------------------------------- */

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
    *actions = calloc(1, sizeof **actions);
    if (*actions == NULL)
        return ENOMEM;
    (*actions)->end = &(*actions)->first;
    return 0;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
    struct spawn_action *action = (*actions)->first;
    while (action) {
        struct spawn_action *next = action->next;
        free(action);
        action = next;
    }
    free(*actions);
    *actions = NULL;
    return 0;
}

static int add(posix_spawn_file_actions_t *actions, const struct spawn_action *wanted,
               const char *path)
{
    size_t length = strlen(path) + 1;
    if (wanted->descriptor < 0 || wanted->descriptor >= DESCRIPTORS_MAX || wanted->from < 0)
        return EBADF;
    struct spawn_action *action = malloc(sizeof *action + length);
    if (action == NULL)
        return ENOMEM;
    *action = *wanted;
    action->next = NULL;
    memcpy(action->path, path, length);
    *(*actions)->end = action;
    (*actions)->end = &action->next;
    return 0;
}

int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *restrict actions, int descriptor,
                                     const char *restrict path, int flags, mode_t mode)
{
    return add(actions,
               &(struct spawn_action){
                   .kind = SPAWN_OPEN, .descriptor = descriptor, .flags = flags, .mode = mode},
               path);
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
    return add(actions, &(struct spawn_action){.kind = SPAWN_DUP, .descriptor = to, .from = from},
               "");
}

int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int descriptor)
{
    return add(actions, &(struct spawn_action){.kind = SPAWN_CLOSE, .descriptor = descriptor}, "");
}

int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *restrict actions,
                                         const char *restrict path)
{
    return add(actions, &(struct spawn_action){.kind = SPAWN_CHDIR}, path);
}

int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *restrict actions,
                                          int descriptor)
{
    return add(actions, &(struct spawn_action){.kind = SPAWN_FCHDIR, .descriptor = descriptor}, "");
}
