/*
 * Asking the process server (<portolan/process.h>).
 */
#ifndef LIBC_PROCESS_CALL_H
#define LIBC_PROCESS_CALL_H

#include <portolan/process.h>

#include "call.h"

/* The session with it; HANDLE_NONE: this is no process of its. */
handle_t __libc_process_session(void);
/* In the child of a fork: what it is there. */
void __libc_process_session_reset(handle_t session);

/* Asks, between call_begin and call_end; -ENOSYS there is no process server. */
int64_t __libc_process_do(struct message *head, uint32_t flags);
/* The same without anything but the head, whole: call_begin and call_end are made here. */
int64_t __libc_process_ask(struct message *head);

/* More memory for the process, at least so many bytes.  False: it may not have more. */
bool __libc_process_grow(uint64_t bytes);
/* For the task of a process that is being made (id: PROCESS_CREATE's). */
bool __libc_process_grow_other(uint64_t id, uint64_t bytes);

/*
 * A terminal refuses this process's group, which is in the background: sends SIGTTIN or SIGTTOU to
 * it.  1: ask again, for the group that __libc_process names now; 0: ask again as no part of job
 * control; -EIO; -EINTR a handler has run.
 */
int64_t __libc_background(bool writes);

/* In the child of a fork: the numbers have to be asked for anew. */
void __libc_process_numbers_reset(void);

#endif
