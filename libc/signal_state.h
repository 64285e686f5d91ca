/*
 * Signals as libc keeps them: the page shared with the process server (<portolan/process.h>), and
 * the table of handlers.
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

/* Opens the page.  False: there is no process server, or no memory. */
bool __libc_signals_open(void);

/* What a new program inherits. */
uint64_t __libc_signals_ignored(void);
uint64_t __libc_signals_mask(void);

#endif
