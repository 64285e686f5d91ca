/*
 * A task: an address space, a handle table, a budget and the threads in them.
 *
 * A task dies when it is killed or its last thread ends: then `object.dead` is set, its threads are
 * killed on their CPUs, and when the last has gone the reaper closes its handles and frees its
 * address space.  Whoever holds a handle can still ask for its status.
 *
 * A task that has never had a thread dies with the task that made it: it may hold handles to
 * itself, so that nobody's last handle would be its end.
 */
#ifndef TASK_H
#define TASK_H

#include "budget.h"
#include "handle.h"
#include "object.h"
#include "reap.h"

struct aspace;
struct port;
struct thread;

struct task {
    struct object object;
    struct handle_table handles;
    struct aspace *aspace;
    struct budget *budget;
    struct spinlock lock; /* level 1: threads, exception_port, watches, death */
    struct list threads;  /* struct thread by task_link: those that have not ended */
    u32 live_threads;
    i32 status;
    struct port *exception_port; /* a reference, or NULL */
    u64 exception_badge;
    struct list watches;
    /* Under unborn_lock: tasks this one made that have had no thread yet; and its place in such a
     * list. */
    struct list unborn, unborn_link;
    u64 messages;
    bool messaged; /* a thread of it has got from a port, or sent: its end must look for messages */
    struct reap reap;
    u32 reap_stage;
    u8 reaped; /* its end has been handed to the reaper; under lock */
    struct quiesce_node quiesce;
};

/* A task whose budget is carved from `parent`, made by `maker` (NULL: the kernel). NULL: no memory
 * or budget. One reference. */
struct task *task_create(struct budget *parent, u64 budget, struct task *maker);
/* It has got its first thread. */
void task_born(struct task *task);
void task_kill(struct task *task, i32 status);
/* The task's last thread has ended (or it was killed before it had one). */
void task_threads_gone(struct task *task);
void task_destroy(struct object *object);

/* A handle that its threads may get by is closed: none shall go on using it. */
void task_forget_handle(struct task *task, handle_t handle);

struct task *current_task(void);

#endif
