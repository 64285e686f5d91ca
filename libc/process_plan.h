/*
 * What a new process inherits of this one: descriptors, directory, mask, priority.
 *
 * A struct file_plan lists descriptors as they shall be in the new process.  It holds references to
 * their open files, so that nothing another thread closes meanwhile goes away.
 */
#ifndef LIBC_PROCESS_PLAN_H
#define LIBC_PROCESS_PLAN_H

#include "process_make.h"

struct open_file;

struct file_plan {
    struct file_plan_entry {
        int descriptor;
        bool close_on_exec;
        struct open_file *file;
    } * entries; /* from malloc */
    uint32_t count, room;
    struct planned_file *files; /* what __libc_file_plan_finish made */
};

/* All descriptors of this process.  0, -ENOMEM: then the plan is closed. */
int64_t __libc_file_plan_open(struct file_plan *plan);
void __libc_file_plan_close(struct file_plan *plan);
/* As dup2 and close, in the plan; a descriptor dup'ed to itself loses FD_CLOEXEC.  -EBADF,
 * -ENOMEM. */
int64_t __libc_file_plan_dup(struct file_plan *plan, int from, int to);
int64_t __libc_file_plan_remove(struct file_plan *plan, int descriptor);
/* Puts an open descriptor of this process into the plan under a number.  -EBADF, -ENOMEM. */
int64_t __libc_file_plan_add(struct file_plan *plan, int own, int descriptor, bool close_on_exec);
/* Drops those that are closed on exec, and makes plan->files.  -ENOMEM. */
int64_t __libc_file_plan_finish(struct file_plan *plan);

/* Makes a process plan of all that, and the rest that is inherited.  directory: PATH_MAX bytes that
 * stay until the plan has been used. */
void __libc_process_plan(struct process_plan *plan, const struct found_program *found,
                         const struct file_plan *files, char *const *environment, char *directory);

#endif
