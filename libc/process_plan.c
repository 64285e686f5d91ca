/*
 * What a new process inherits; see process_plan.h.
 */
#include "process_plan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptor.h"
#include "process.h"
#include "pthread_sched.h"
#include "signal_state.h"
#include "syscall.h"

#define ROOM_MIN 16u

/* ---- Entries --------------------------------------------------------------------------------- */

static bool make_room(struct file_plan *plan)
{
    if (plan->count < plan->room)
        return true;
    uint32_t room = plan->room ? 2 * plan->room : ROOM_MIN;
    struct file_plan_entry *entries = realloc(plan->entries, room * sizeof *entries);
    if (entries == NULL)
        return false;
    plan->entries = entries;
    plan->room = room;
    return true;
}

static struct file_plan_entry *find(const struct file_plan *plan, int descriptor)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].descriptor == descriptor)
            return &plan->entries[i];
    }
    return NULL;
}

/* Takes the reference over.  -ENOMEM. */
static int64_t put(struct file_plan *plan, int descriptor, struct open_file *file,
                   bool close_on_exec)
{
    struct file_plan_entry *entry = find(plan, descriptor);
    if (entry) {
        __libc_open_file_put(entry->file);
    } else if (make_room(plan)) {
        entry = &plan->entries[plan->count++];
    } else {
        __libc_open_file_put(file);
        return -ENOMEM;
    }
    *entry = (struct file_plan_entry){descriptor, close_on_exec, file};
    return 0;
}

int64_t __libc_file_plan_open(struct file_plan *plan)
{
    *plan = (struct file_plan){0};
    for (int descriptor = 0; descriptor < DESCRIPTORS_MAX; descriptor++) {
        struct open_file *file;
        bool close_on_exec;
        __libc_descriptors_lock();
        descriptor = __libc_descriptor_next(descriptor, &file, &close_on_exec);
        if (descriptor >= 0)
            __atomic_add_fetch(&file->references, 1, __ATOMIC_RELAXED);
        __libc_descriptors_unlock();
        if (descriptor < 0)
            break;
        if (put(plan, descriptor, file, close_on_exec) < 0) {
            __libc_file_plan_close(plan);
            return -ENOMEM;
        }
    }
    return 0;
}

void __libc_file_plan_close(struct file_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        __libc_open_file_put(plan->entries[i].file);
    free(plan->entries);
    free(plan->files);
    *plan = (struct file_plan){0};
}

int64_t __libc_file_plan_dup(struct file_plan *plan, int from, int to)
{
    struct file_plan_entry *entry = find(plan, from);
    if (entry == NULL || to < 0 || to >= DESCRIPTORS_MAX)
        return -EBADF;
    if (from == to) {
        entry->close_on_exec = false;
        return 0;
    }
    __atomic_add_fetch(&entry->file->references, 1, __ATOMIC_RELAXED);
    return put(plan, to, entry->file, false);
}

int64_t __libc_file_plan_remove(struct file_plan *plan, int descriptor)
{
    struct file_plan_entry *entry = find(plan, descriptor);
    if (entry == NULL)
        return -EBADF;
    __libc_open_file_put(entry->file);
    *entry = plan->entries[--plan->count];
    return 0;
}

int64_t __libc_file_plan_add(struct file_plan *plan, int own, int descriptor, bool close_on_exec)
{
    struct open_file *file = __libc_descriptor_get(own);
    if (file == NULL || descriptor < 0 || descriptor >= DESCRIPTORS_MAX) {
        if (file)
            __libc_open_file_put(file);
        return -EBADF;
    }
    return put(plan, descriptor, file, close_on_exec);
}

int64_t __libc_file_plan_finish(struct file_plan *plan)
{
    uint32_t kept = 0;
    plan->files = malloc((plan->count + 1) * sizeof *plan->files);
    if (plan->files == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct file_plan_entry entry = plan->entries[i];
        /* The log is there for every process that has no descriptors. */
        if (entry.close_on_exec || (entry.file->flags & OPEN_FILE_LOG)) {
            __libc_open_file_put(entry.file);
            continue;
        }
        plan->entries[kept] = entry;
        plan->files[kept++] = (struct planned_file){entry.descriptor, entry.file->flags,
                                                    entry.file->handle, entry.file->path};
    }
    plan->count = kept;
    return 0;
}

/* ---- The rest -------------------------------------------------------------------------------- */

void __libc_process_plan(struct process_plan *plan, const struct found_program *found,
                         const struct file_plan *files, char *const *environment, char *directory)
{
    struct __pthread *self = thread_self();
    *plan = (struct process_plan){
        .program = found->file,
        .arguments = found->arguments,
        .environment = environment,
        .files = files->files,
        .file_count = files->count,
        .directory = getcwd(directory, PATH_MAX) ? directory : "/",
        .umask = __atomic_load_n(&__libc_process.umask, __ATOMIC_RELAXED),
        .priority = self->priority == PRIORITY_UNKNOWN
                        ? PRIORITY_DEFAULT
                        : __libc_kernel_priority(self->policy, self->priority),
    };
    memcpy(plan->start.name, found->name, sizeof plan->start.name);
    plan->start.ignored = __libc_signals_ignored();
    plan->start.mask = __libc_signals_mask();
}
