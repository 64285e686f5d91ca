/*
 * Signals as libc keeps them: the page shared with the process server (<portolan/process.h>), and
 * the table of handlers.
 *
 * A handler runs in the thread that the server sends to __libc_signal_entry, in one that unblocks
 * what is pending, or in one that raises a signal for itself; never while signals_held is not 0:
 * then signals_due is set, and it runs when the count falls to 0 (lock.c).
 *
 * Without a process server the page is the process's alone, and raise() is all that there is.
 */
#ifndef LIBC_SIGNAL_STATE_H
#define LIBC_SIGNAL_STATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <portolan/process.h>

#include "thread.h"

#define SIGNAL_BIT(number) (1ull << ((number)-1))
#define SIGNALS_NEVER_BLOCKED (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* The page, once it is open; else NULL. */
extern struct signal_header *__libc_signal_page;

static inline uint64_t *signal_mask_of(uint32_t slot)
{
    return (uint64_t *)((char *)__libc_signal_page + SIGNAL_MASKS_OFFSET) + slot;
}
static inline uint64_t *signal_waits_of(uint32_t slot)
{
    return (uint64_t *)((char *)__libc_signal_page + SIGNAL_WAITS_OFFSET) + slot;
}
static inline struct signal_slot *signal_slot_of(uint32_t slot)
{
    return (struct signal_slot *)((char *)__libc_signal_page + SIGNAL_SLOTS_OFFSET) + slot;
}

/* Opens the page.  False: no memory. */
bool __libc_signals_open(void);
/* Whether there is nobody else who writes to it. */
bool __libc_signals_alone(void);

/* What a new program inherits. */
uint64_t __libc_signals_ignored(void);
uint64_t __libc_signals_mask(void);

/* A new thread, not started yet: its slot, and the caller's mask.  0, or EAGAIN. */
int __libc_signals_thread_begin(struct __pthread *thread);
/* The calling thread ends, with signals held. */
void __libc_signals_thread_end(struct __pthread *self);

/* ---- Handlers (signal_action.c) -------------------------------------------------------------- */

/* What is set for a signal; with SA_RESETHAND it is the default from then on. */
struct sigaction __libc_signal_action_taken(int number);
bool __libc_signal_ignored_by_default(int number);

/* ---- Delivery (signal_run.c) ----------------------------------------------------------------- */

/* Those pending for the calling thread, or the process. */
uint64_t __libc_signals_pending(void);
/* Takes one of these that is pending: its number and what is known of it, or 0. */
int __libc_signal_take(uint64_t set, siginfo_t *info);
/* Runs the handlers of what is pending and not blocked.  Nothing while signals are held. */
void __libc_signals_deliver(void);
/* Does what is set for a signal, to the calling thread; it is not blocked. */
void __libc_signal_handle(int number, siginfo_t *info);
/* Sets the mask, then delivers. */
void __libc_signals_set_mask(uint64_t mask);
/* Whether what the caller waited for by __libc_kernel_call is to be asked again. */
bool __libc_signals_restart(void);

void __libc_signal_entry(void);

#endif
