/*
 * Making a task from a program.
 *
 * spawn reads an ELF file that lies in a VM object (or part of one), maps its segments into a new
 * task, gives it a stack, a message page, the clock and a startup page with the named handles, and
 * starts it.  The file is read through the message page piece by piece, and each piece once, so a
 * file that changes meanwhile may yield a strange program but never a strange spawner.  The message
 * page's bytes are used.
 */
#ifndef LIBMSG_SPAWN_H
#define LIBMSG_SPAWN_H

#include <portolan/startup.h>

#include "elf.h"

struct spawn_handle {
    const char *name; /* shorter than STARTUP_NAME_MAX */
    handle_t handle;  /* of the caller's, with TRANSFER; it is copied */
    uint32_t rights;  /* those it shall have, or RIGHTS_SAME */
};
/* rights: the new task has it already, and `handle` is its number there. */
#define SPAWN_GRANTED (1u << 30)

struct spawn {
    handle_t file;         /* VM object with READ */
    uint64_t offset, size; /* where in it the ELF file lies, bytes */
    uint64_t budget;       /* bytes, out of the caller's */
    int32_t priority, cpu; /* of the first thread; cpu -1: any */
    handle_t clock;        /* VM object, or HANDLE_NONE */
    uint32_t cpus;         /* number of CPUs, for the startup page */
    const struct spawn_handle *handles;
    uint32_t handle_count;
    const char *words; /* word_count words, a NUL after each */
    uint32_t word_count;
    bool give_segments; /* the program gets handles to its own segments (see startup.h) */
};

/* The new task, running.  0, or: as elf_parse; -E2BIG too many handles or words, -EINVAL a name
 * that is too long; what the system calls used give.  After an error nothing is left of the task.
 */
struct spawned {
    handle_t task, thread;
};
int64_t spawn(const struct spawn *plan, struct spawned *out);

/* The same in a task that is there already (made->task, MANAGE; the plan's budget does not count);
 * its thread is not started. */
int64_t spawn_into(const struct spawn *plan, struct spawned *made);

/* A segment's pages in a new task: what load_program leaves.  The handles are the caller's. */
struct loaded_segment {
    uint64_t address, length; /* aligned */
    handle_t vmo;
    uint32_t flags; /* MAP_* */
};
struct loaded_program {
    uint64_t entry;
    uint32_t segment_count;
    struct loaded_segment segments[ELF_SEGMENTS_MAX];
};

/* Parses a program and maps its segments in task (MANAGE).  As spawn; after an error handles are
 * closed, but mappings may be left in the task. */
int64_t load_program(handle_t task, handle_t file, uint64_t offset, uint64_t size,
                     struct loaded_program *out);
void close_segments(const struct loaded_program *program);

#endif
