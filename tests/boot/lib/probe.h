/*
 * Touching memory that may fault: a thread of this task tries, and what its fault says comes back.
 */
#ifndef PROBE_H
#define PROBE_H

#include "test.h"

/* Before the first probe: makes this task's exception port. */
void probe_begin(void);

/* 0 and *value, or the fault's negative reason. */
int64_t probe_read(uint64_t address, uint64_t *value);
int64_t probe_write(uint64_t address, uint64_t value);
int64_t probe_execute(uint64_t address); /* calls what lies there */

#endif
