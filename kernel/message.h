/*
 * Messages in flight: sending, getting, replying, forwarding, ending.  The general path; fastpath.c
 * does the usual case of do and reply_get.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "envelope.h"
#include "port.h"
#include "thread.h"

/* ---- System calls: the message registers are in the current thread's frame ------------------- */

i64 message_do(u64 deadline);
i64 message_reply_get(u64 deadline, u64 token);
i64 message_get(u64 deadline);
i64 message_send(u64 reply_port);
i64 message_reply(u64 token);
i64 message_forward(u64 token);
i64 message_abort(u64 id);
i64 message_info(u64 token);

/* ---- For thread.c: a wait of a thread of this CPU -------------------------------------------- */

/* It was woken in get: takes what there is, or waits on. */
void message_get_again(struct thread *thread);

/* Its call has ended with wake_status: puts the head where it will find it. */
void message_call_ended(struct thread *thread);

/* The thread ends: gives up the envelope that it kept for its next send. */
void message_drop_spare(struct thread *thread);

/* The thread ends: if it was given a message and never ran to see it, nobody knows its token. */
void message_end_unseen(struct thread *thread);

/* Its wait is to end early, unless its end is on the way already. */
enum give_up { GIVE_UP_DEADLINE, GIVE_UP_INTERRUPT, GIVE_UP_KILL };
void message_give_up(struct thread *thread, enum give_up why);

/* ---- For port.c ------------------------------------------------------------------------------ */

/* Puts notification bits into the frame of a thread of this CPU that waited in get. */
void message_give_notifications(struct thread *thread, u64 bits);

/* The caller has made the envelope ENDING; who held it, or NULL: the rest of its end, with -error.
 */
void message_end_claimed(struct envelope *envelope, struct task *holder, int error);

/* Ends a message with -error if it has not ended. No locks held. */
void message_end(struct envelope *envelope, int error);

/* Ends with -EDEAD all that were got from port (NULL: any) by task (NULL: anyone); not both NULL.
 */
void message_end_held(struct port *port, struct task *task);

/* ---- Others ---------------------------------------------------------------------------------- */

/* The current thread has faulted: its task's exception port is told, and it waits for the answer;
 * with none, the task dies. Does not return. */
noreturn void message_fault(u64 vector, u64 address, u64 error_code, i64 reason);

/* Raises the priority of a call in flight. The thread that serves it, or NULL. */
struct thread *envelope_raise(struct envelope *envelope, u8 priority);

#endif
