/*
 * Trace events: see trace.h.
 *
 * Each CPU has a ring of the last TRACE_EVENTS events in pages of its own, made when the CPU
 * starts; until then nothing is recorded.  Only the CPU itself writes, interrupts off: first the
 * event, then the count.  A reader on another CPU copies and then looks at the count again, to see
 * whether the slot was written over meanwhile.
 */
#include "trace.h"

#include <portolan/syscall.h>

#include "cpu.h"
#include "log.h"
#include "page.h"
#include "x86/apic.h"
#include "x86/instructions.h"

#define TRACE_ORDER 1 /* 8 KiB */
_Static_assert(TRACE_EVENTS * sizeof(struct trace_event) == PAGE_SIZE << TRACE_ORDER, "a ring");

static struct trace_event *rings[CPUS_MAX]; /* NULL: not started; time is the TSC's */

void trace_start_cpu(u32 cpu)
{
    u64 pages = page_alloc_zeroed(TRACE_ORDER, PAGE_KERNEL);
    if (pages)
        cpus[cpu].trace_ring = rings[cpu] = phys_to_virt(pages);
}

void trace_enable(bool on)
{
    for (u32 i = 0; i < CPUS_MAX; i++)
        atomic_store(&cpus[i].trace_ring, on ? rings[i] : NULL);
}

/* Copies event number `index` of a ring, if it is still there. */
static bool event_copy(u32 cpu, u64 index, struct trace_event *out)
{
    *out = rings[cpu][index % TRACE_EVENTS];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    /* The slot of event `count` may be half written: it counts as gone. */
    return atomic_load(&cpus[cpu].traced) < index + TRACE_EVENTS;
}

/* The ring's oldest event later than `after`, if any. */
static bool event_after(u32 cpu, u64 after, struct trace_event *out)
{
    u64 count = atomic_load(&cpus[cpu].traced);
    if (!rings[cpu])
        return false;
    u64 low = count < TRACE_EVENTS ? 0 : count - TRACE_EVENTS + 1, high = count;
    while (low < high) {
        u64 middle = low + (high - low) / 2;
        if (event_copy(cpu, middle, out) && out->time > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low < count && event_copy(cpu, low, out) && out->time > after;
}

/*
 * The position is the TSC's at the last event given.  Two events of the same cycle on two CPUs may
 * be told apart badly: then the second is left out.
 */
size_t trace_read(u64 *position, struct trace_event *out, size_t room)
{
    size_t length = 0;
    while (length < room) {
        struct trace_event best = {.time = UINT64_MAX}, event;
        for (u32 i = 0; i < cpu_count; i++) {
            if (event_after(i, *position, &event) && event.time < best.time)
                best = event;
        }
        if (best.time == UINT64_MAX)
            break;
        *position = best.time;
        best.time = clock_of_tsc(best.time);
        out[length++] = best;
    }
    return length;
}

void trace_print(u32 cpu, u32 most)
{
    static const char *const names[] = {"-",     "switch", "syscall", "interrupt",
                                        "fault", "end",    "kill",    "ipi"};
    if (!rings[cpu])
        return;
    u64 count = cpus[cpu].traced, first = count - min(min((u64)most, count), (u64)TRACE_EVENTS);
    for (u64 i = first; i < count; i++) {
        const struct trace_event *event = &rings[cpu][i % TRACE_EVENTS];
        log_print("  %lu %s %lx %lx\n", clock_of_tsc(event->time),
                  event->kind < ARRAY_SIZE(names) ? names[event->kind] : "?", event->a, event->b);
    }
}
