/*
 * A ring of trace events per CPU, written without locks by its CPU; printed by panic, read by
 * SYS_TRACE.
 */
#ifndef TRACE_H
#define TRACE_H

#include <portolan/syscall.h>

#include "cpu.h"

enum trace_kind {
    TRACE_NONE = 0,
    TRACE_SWITCH,    /* koid from, koid to */
    TRACE_SYSCALL,   /* number, first argument */
    TRACE_INTERRUPT, /* vector, - */
    TRACE_FAULT,     /* vector, address */
    TRACE_END,       /* koid of port, error */
    TRACE_KILL,      /* koid, status */
    TRACE_IPI        /* cpu, - */
};

#define TRACE_EVENTS 256u

/* Cheap (some fifteen instructions), so recorded always.  Not on the fast path. */
static inline void trace(enum trace_kind kind, u64 a, u64 b)
{
    struct cpu *cpu = this_cpu();
    struct trace_event *ring = atomic_load(&cpu->trace_ring);
    if (unlikely(!ring))
        return;
    ring[cpu->traced % TRACE_EVENTS] =
        (struct trace_event){__builtin_ia32_rdtsc(), cpu->id, kind, a, b};
    atomic_store(&cpu->traced, cpu->traced + 1);
}

/* Copies out up to `room` events from *position on, oldest first; moves it. How many. */
size_t trace_read(u64 *position, struct trace_event *out, size_t room);
void trace_enable(bool on); /* it is on at boot */

/* ---- Of the platform's files ----------------------------------------------------------------- */

void trace_start_cpu(u32 cpu);       /* gives a CPU its ring */
void trace_print(u32 cpu, u32 most); /* the last events of a CPU, to the log; for panic */

#endif
