/*
 * Between message.c (sending and getting) and message_end.c (replying and ending).
 */
#ifndef MESSAGE_INTERNAL_H
#define MESSAGE_INTERNAL_H

#include "cargo.h"
#include "message.h"
#include "sched.h"

noreturn void enter_user(void); /* entry.S: runs the current thread from its frame */

/* The head, between a frame's message registers and memory. */
static inline void head_load(const struct frame *frame, struct message *head)
{
    u64 *words = (u64 *)head;
    words[0] = frame->rbx;
    words[1] = frame->r8;
    words[2] = frame->r9;
    words[3] = frame->r10;
    words[4] = frame->r12;
    words[5] = frame->r13;
    words[6] = frame->r14;
    words[7] = frame->r15;
}

static inline void head_store(struct frame *frame, const struct message *head)
{
    const u64 *words = (const u64 *)head;
    frame->rbx = words[0];
    frame->r8 = words[1];
    frame->r9 = words[2];
    frame->r10 = words[3];
    frame->r12 = words[4];
    frame->r13 = words[5];
    frame->r14 = words[6];
    frame->r15 = words[7];
}

static inline void head_copy(struct frame *to, const struct frame *from)
{
    to->rbx = from->rbx;
    to->r8 = from->r8;
    to->r9 = from->r9;
    to->r10 = from->r10;
    to->r12 = from->r12;
    to->r13 = from->r13;
    to->r14 = from->r14;
    to->r15 = from->r15;
}

/* The port that a message call's RAX names, with its badge. */
static inline struct port *message_port(u32 right, u64 *badge, i64 *error)
{
    struct thread *self = current_thread();
    handle_t handle = self->user.rax >> 32;
    struct handle_entry entry, *slot = current_slot(handle);
    struct object *object = atomic_load(&slot->object);
    *badge = slot->badge;
    /* Last: who closes the handle clears the tag first. */
    if (likely(atomic_load(right == RIGHT_SEND ? &slot->send_tag : &slot->receive_tag) == handle))
        return container_of(object, struct port, object);
    *error = handle_lookup(&self->task->handles, self->user.rax >> 32, OBJECT_PORT, right, &entry);
    *badge = entry.badge;
    return *error ? NULL : container_of(entry.object, struct port, object);
}

static inline u32 message_flags(const struct thread *thread)
{
    return thread->user.rbx >> 32;
}

static inline bool flags_valid(u32 flags, u32 ranges_max)
{
    return MESSAGE_FLAG_BYTES(flags) <= MESSAGE_BYTES_MAX &&
           MESSAGE_FLAG_HANDLES(flags) <= MESSAGE_HANDLES_MAX &&
           MESSAGE_FLAG_RANGES(flags) <= ranges_max;
}

/* Puts a filled envelope (head, priority, cargo) to a port. 0: queued, or *receiver is to be given
 * it with message_hand_over; -EDEAD; -EAGAIN (full, unless force). */
int message_put(struct port *port, struct envelope *envelope, bool force, struct thread **receiver);

/* Delivers to a waiting thread of this CPU, which has then its result but is not runnable yet. */
void message_hand_over(struct thread *receiver, struct envelope *envelope);

/* Makes a thread whose wait is over run: at once in place of the current one, which has left. */
noreturn void message_switch(struct thread *next);

/* Gives a send's end, without handles, to a thread of this CPU that has stopped waiting for it. */
void message_give_end(struct thread *to, struct envelope *envelope);

/* Frees an envelope that was sent, and all it still carries. */
void message_free(struct envelope *envelope);

/* A reply to the message named by token, from the current thread's registers. On success *woken is
 * the sender if it is to be resumed here, its frame complete, else NULL. */
i64 message_reply_from(u64 token, struct thread **woken);

/* HELD by the current task under this token -> MOVING; false: it is not. Back: message_land. */
bool message_seize(struct envelope *envelope, u64 token);

/* A MOVING envelope, at its port and counted there, is HELD by a task. */
void message_land(struct envelope *envelope, struct task *holder);

#endif
