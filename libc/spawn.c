/*
 * posix_spawn: a new process without a copy of this one.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptor.h"
#include "path_search.h"
#include "process_call.h"
#include "process_plan.h"
#include "pthread_sched.h"
#include "signal_state.h"

extern char **environ;

struct spawn_request {
    const struct __posix_spawn_file_actions *actions;
    const struct __posix_spawnattr *attributes;
    char *const *arguments, *const *environment;
};

/* ---- File actions ---------------------------------------------------------------------------- */

/* What the actions have made so far. */
struct acting {
    struct file_plan files;
    int directory; /* a descriptor of this process, or AT_FDCWD */
};

static int64_t act_open(struct acting *acting, const struct spawn_action *action)
{
    int own = openat(acting->directory, action->path, action->flags | O_CLOEXEC, action->mode);
    if (own < 0)
        return -errno;
    int64_t result =
        __libc_file_plan_add(&acting->files, own, action->descriptor, action->flags & O_CLOEXEC);
    close(own);
    return result;
}

static int64_t change_directory(struct acting *acting, int descriptor)
{
    if (descriptor < 0)
        return -errno;
    if (acting->directory >= 0)
        close(acting->directory);
    acting->directory = descriptor;
    return 0;
}

static int64_t act(struct acting *acting, const struct spawn_action *action)
{
    switch (action->kind) {
    case SPAWN_OPEN:
        return act_open(acting, action);
    case SPAWN_DUP:
        return __libc_file_plan_dup(&acting->files, action->from, action->descriptor);
    case SPAWN_CLOSE:
        /* POSIX leaves it open whether this is an error; others let it pass. */
        __libc_file_plan_remove(&acting->files, action->descriptor);
        return 0;
    case SPAWN_CHDIR:
        return change_directory(
            acting, openat(acting->directory, action->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    case SPAWN_FCHDIR:
        return change_directory(acting, fcntl(action->descriptor, F_DUPFD_CLOEXEC, 0));
    }
    return -EINVAL;
}

static int64_t act_all(struct acting *acting, const struct __posix_spawn_file_actions *actions)
{
    const struct spawn_action *action = actions ? actions->first : NULL;
    int64_t result = 0;
    for (; action && result == 0; action = action->next)
        result = act(acting, action);
    return result;
}

/* The directory's path, into the plan. */
static void use_directory(const struct acting *acting, char *directory)
{
    struct open_file *file =
        acting->directory >= 0 ? __libc_descriptor_get(acting->directory) : NULL;
    if (file == NULL)
        return;
    if (file->path)
        strlcpy(directory, file->path, PATH_MAX);
    __libc_open_file_put(file);
}

/* ---- Attributes ------------------------------------------------------------------------------ */

static int64_t use_attributes(struct process_plan *plan, const struct __posix_spawnattr *attributes)
{
    if (attributes == NULL)
        return 0;
    if (attributes->flags & POSIX_SPAWN_SETPGROUP) {
        if (attributes->group < 0)
            return -EINVAL;
        plan->start.flags |= PROCESS_START_GROUP;
        plan->start.group = (uint32_t)attributes->group;
    }
    if (attributes->flags & POSIX_SPAWN_SETSIGDEF)
        plan->start.ignored &= ~attributes->defaults;
    if (attributes->flags & POSIX_SPAWN_SETSIGMASK)
        plan->start.mask = attributes->mask & ~SIGNALS_NEVER_BLOCKED;
    if (attributes->flags & POSIX_SPAWN_SETSCHEDULER) {
        if (attributes->policy != SCHED_OTHER && attributes->policy != SCHED_RR)
            return -EINVAL;
        plan->priority =
            __libc_kernel_priority(attributes->policy, attributes->priority.sched_priority);
    } else if (attributes->flags & POSIX_SPAWN_SETSCHEDPARAM) {
        plan->priority =
            __libc_kernel_priority(thread_self()->policy, attributes->priority.sched_priority);
    }
    return plan->priority >= 0 && plan->priority < PRIORITY_COUNT ? 0 : -EINVAL;
}

/* ---- The call -------------------------------------------------------------------------------- */

static int64_t spawn_found(const struct found_program *found, const struct spawn_request *request)
{
    static char *const none[] = {NULL};
    char directory[PATH_MAX];
    struct acting acting = {.directory = AT_FDCWD};
    struct process_plan plan;
    int64_t result = __libc_file_plan_open(&acting.files);
    if (result < 0)
        return result;
    result = act_all(&acting, request->actions);
    if (result == 0)
        result = __libc_file_plan_finish(&acting.files);
    if (result == 0) {
        __libc_process_plan(&plan, found, &acting.files,
                            request->environment ? request->environment : none, directory);
        use_directory(&acting, directory);
        result = use_attributes(&plan, request->attributes);
    }
    if (result == 0)
        result = __libc_process_make(&plan);
    if (acting.directory >= 0)
        close(acting.directory);
    __libc_file_plan_close(&acting.files);
    return result;
}

static int64_t spawn_path(const char *path, void *context)
{
    const struct spawn_request *request = context;
    struct found_program found;
    int64_t result = __libc_program_find(path, request->arguments, &found);
    if (result < 0)
        return result;
    result = spawn_found(&found, request);
    __libc_program_forget(&found);
    return result;
}

static int finish(int64_t result, pid_t *number)
{
    if (result < 0)
        return (int)-result;
    if (number)
        *number = (pid_t)result;
    return 0;
}

static struct spawn_request request_of(const posix_spawn_file_actions_t *actions,
                                       const posix_spawnattr_t *attributes, char *const *arguments,
                                       char *const *environment)
{
    return (struct spawn_request){actions ? *actions : NULL, attributes ? *attributes : NULL,
                                  arguments, environment};
}

int posix_spawn(pid_t *restrict number, const char *restrict path,
                const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *restrict attributes, char *const arguments[],
                char *const environment[])
{
    struct spawn_request request = request_of(actions, attributes, arguments, environment);
    return finish(spawn_path(path, &request), number);
}

int posix_spawnp(pid_t *restrict number, const char *restrict name,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *restrict attributes, char *const arguments[],
                 char *const environment[])
{
    struct spawn_request request = request_of(actions, attributes, arguments, environment);
    return finish(__libc_path_search(name, spawn_path, &request), number);
}
