/*
 * Threads of this task, and what each keeps for itself.
 *
 * FS points at a thread's struct thread_block, the first word of which is its own address, so that
 * a thread finds its message page in one instruction.  The block of the first thread is static;
 * that of a thread made here lies at the top of its stack.
 *
 * A thread's memory (guard, stack, block, message page) is one mapping.  It is given back by
 * thread_join, or thread_free once the thread is known to be dead.
 */
#ifndef LIBMSG_THREAD_H
#define LIBMSG_THREAD_H

#include "syscall.h"

struct thread_block {
    struct thread_block *self;
    struct message_area *area;
    void (*function)(void *);
    void *argument;
};

static inline struct message_area *message_area(void)
{
    struct message_area *area;
    __asm__("movq %%fs:8, %0" : "=r"(area));
    return area;
}

struct thread {
    handle_t handle;
    uint64_t base, length; /* its mapping; aligned */
};

struct thread_options {
    int32_t priority, cpu; /* cpu -1: any */
    uint64_t stack_size;   /* 0: THREAD_STACK_SIZE */
};
#define THREAD_STACK_SIZE 0x4000ul
#define THREAD_OPTIONS_DEFAULT ((struct thread_options){PRIORITY_DEFAULT, -1, 0})

/*
 * Makes a thread that will call function(argument) and exit with status 0.  It does not run before
 * sys_thread_start(thread->handle).  task: a handle to this task with MANAGE.  0, -ENOMEM, -EMFILE
 * or what thread_create gives; *thread is written on success only.
 */
int64_t thread_create(struct thread *thread, handle_t task, void (*function)(void *),
                      void *argument, const struct thread_options *options);

/* Waits until the thread is dead, frees it and gives its exit status in *status (may be NULL).
 * 0, -ETIMEDOUT (the thread is as it was) or what port_create gives. */
int64_t thread_join(struct thread *thread, uint64_t deadline, int64_t *status);

/* Closes the handle and unmaps the memory of a thread that is dead or was never started. */
void thread_free(struct thread *thread);

/* Waits until the task, thread or port is dead.  As thread_join. */
int64_t wait_for_death(handle_t handle, uint64_t deadline, int64_t *status);

#endif
