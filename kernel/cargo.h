/*
 * What a message carries behind its head when it does not go straight from page to page: handles on
 * their way from one table to another, loans, and bytes that had to be kept.
 *
 * A thread keeps one for its calls; a message that was sent has one of its own.  Only the CPU that
 * moves or ends the envelope (MOVING, ENDING), or sends it, touches its cargo.
 */
#ifndef CARGO_H
#define CARGO_H

#include <portolan/message.h>

#include "budget.h"
#include "handle.h"

struct domain;
struct loan;
struct pin;
struct port;
struct task;
struct thread;

struct cargo {
    u32 handle_count, loan_count, byte_count;
    u32 handle_rights[MESSAGE_HANDLES_MAX]; /* rights << 8 | type */
    struct object *handle_objects[MESSAGE_HANDLES_MAX];
    u64 handle_badges[MESSAGE_HANDLES_MAX];
    struct loan *loans[MESSAGE_RANGES_MAX];
    handle_t loan_handles[MESSAGE_RANGES_MAX]; /* in the holder's table, while held */
    u32 loan_rights[MESSAGE_RANGES_MAX];
    u64 loan_lengths[MESSAGE_RANGES_MAX];
    struct pin *pins[MESSAGE_RANGES_MAX]; /* in place of a loan; see pin.h */
    u32 pin_count, pinned_pages;          /* the latter of all pins */
    struct domain *domain;                /* where they have been delivered: a reference; or NULL */
    u8 *bytes;                            /* a page, or NULL */
    struct budget *budget;
};

/* Empty, charged to budget; with_page: room for bytes.  NULL: no memory. */
struct cargo *cargo_create(struct budget *budget, bool with_page);
void cargo_free(struct cargo *cargo); /* empty */
/* Moves handles and loans from one (NULL: none) to another that is empty. */
void cargo_move(struct cargo *from, struct cargo *to);

/*
 * Lends and takes what flags say, from the current thread's message page and task, into an empty
 * cargo.  0, or an error with nothing done; *which is then the part at fault.
 */
int cargo_take_loans(struct cargo *cargo, struct port *port, u32 flags, u32 *which);
int cargo_take_handles(struct cargo *cargo, u32 flags, u32 *which);

/* Puts the loans, or handles, into a thread's task and tells its message page; pins go to the
 * port's domain.  -EMFILE, or what pinning gives: undone. */
int cargo_give_loans(struct cargo *cargo, struct port *port, struct thread *to);
int cargo_give_handles(struct cargo *cargo, struct thread *to);

/* The holder's handles of the loans are gone; with drop, so are the loans. holder may be NULL. */
void cargo_recall_loans(struct cargo *cargo, struct task *holder);
void cargo_drop_loans(struct cargo *cargo, struct task *holder);
/* Before dropping loans of a message that was not answered: pins that a driver has stay in its
 * domain. */
void cargo_leave_pins(struct cargo *cargo);

/* Closes handles that will not arrive. */
void cargo_drop_handles(struct cargo *cargo, struct task *task);

#endif
