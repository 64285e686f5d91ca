/*
 * The reaper: takes dead things apart, a piece at a time, on the CPU that gave them to it, between
 * serving interrupts, ahead of all threads but never for longer than a piece at once.
 */
#ifndef REAP_H
#define REAP_H

#include "kernel.h"

struct reap {
    struct reap *next;
    bool (*piece)(struct reap *reap); /* true: finished, and reap may be gone */
};

/* Queues work on this CPU; it must not be queued already. */
void reaper_add(struct reap *reap, bool (*piece)(struct reap *));

/* Does one piece; called on the way out to user mode. */
void reaper_run(void);

#endif
