/*
 * What libc knows of the process it is in.  Set at the start and, in the child, by fork.
 */
#ifndef LIBC_PROCESS_H
#define LIBC_PROCESS_H

#include <portolan/startup.h>
#include <portolan/types.h>

struct clock_page;

struct process {
    const struct startup *startup;
    const struct clock_page *clock; /* NULL: its maker gave it none */
    handle_t task;
    handle_t tree; /* where paths are looked up; HANDLE_NONE: there are no files */
    uint64_t signals_ignored, signals_blocked; /* at the start: bit n - 1 is signal n */
    uint32_t umask;                            /* atomic */
    uint32_t group; /* the process group, named to terminals; 0: takes no part in job control */
};
extern struct process __libc_process;

/* ---- How a process ends, as its task's status -------------------------------------------------
 *
 * 0..255 is what it gave to exit, EXIT_BY_SIGNAL(n) a signal; below 0 is the kernel's doing:
 * a fault nobody handled gives -(256 + vector). */
#define EXIT_BY_SIGNAL(number) (256 + (number))
/* Before main: no memory, or no room for handles. */
#define EXIT_NO_RESOURCES 127

/* Ends the task at once with that status. */
_Noreturn void __libc_die(int status);

#endif
