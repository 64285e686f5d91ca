/*
 * Work that is done between threads: freeing what has been quiesced, the reaper's pieces.
 */
#ifndef QUIESCE_H
#define QUIESCE_H

#include "kernel.h"

/* Sends what this CPU has freed on its way at the next chance, however little; says whether there
 * is something to send now. */
bool quiesce_flush(void);

/* On the way out of the kernel or between threads: one piece of reaping, one batch. */
void handle_due_work(void);

#endif
