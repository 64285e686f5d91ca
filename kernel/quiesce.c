/*
 * Quiescence, and the reaper: what happens to objects after their last reference.
 *
 * Freed memory waits in a list per CPU until every other CPU has been seen outside the kernel: a
 * batch sends each of them a mail, which they can only read when interrupted in user mode or idle.
 * One batch per CPU is on its way at a time; the next gathers meanwhile.
 */
#include "quiesce.h"

#include "cpu.h"
#include "object.h"
#include "reap.h"

#define BATCH 32u

static struct quiesce_state {
    struct quiesce_node *gathering; /* freed since the batch was sent */
    struct quiesce_node *waiting;   /* the batch */
    u32 gathered;
    u32 outstanding;                 /* atomic: CPUs that have not answered */
    struct cpu_call calls[CPUS_MAX]; /* one to each other CPU */
    struct cpu_call done;            /* the last answer comes back as this */
    struct reap *reap_first, *reap_last;
} states[CPUS_MAX];

static void free_list(struct quiesce_node *node)
{
    while (node) {
        struct quiesce_node *next = node->next;
        node->free(node);
        node = next;
    }
}

static void batch_done(struct cpu_call *call)
{
    struct quiesce_state *state = container_of(call, struct quiesce_state, done);
    struct quiesce_node *batch = state->waiting;
    state->waiting = NULL;
    free_list(batch);
    if (state->gathering)
        atomic_or(&this_cpu()->anomaly, ANOMALY_QUIESCE);
}

/* On another CPU, interrupted outside the kernel: all it had looked up is forgotten. */
static void answer(struct cpu_call *call)
{
    u32 owner = 0;
    while (call < states[owner].calls || call >= states[owner].calls + CPUS_MAX)
        owner++;
    struct quiesce_state *state = &states[owner];
    if (atomic_sub(&state->outstanding, 1) == 0)
        cpu_post(&cpus[owner], &state->done);
}

static void send_batch(struct quiesce_state *state)
{
    struct cpu *self = this_cpu();
    state->waiting = state->gathering;
    state->gathering = NULL;
    state->gathered = 0;
    u32 others = cpu_count - 1;
    if (others == 0) {
        batch_done(&state->done);
        return;
    }
    state->done.run = batch_done;
    atomic_store(&state->outstanding, others);
    for (u32 i = 0; i < cpu_count; i++) {
        if (&cpus[i] == self)
            continue;
        state->calls[i].run = answer;
        cpu_post(&cpus[i], &state->calls[i]);
    }
}

void quiesce_free(struct quiesce_node *node, void (*free)(struct quiesce_node *node))
{
    struct cpu *cpu = this_cpu();
    struct quiesce_state *state = &states[cpu->id];
    node->free = free;
    node->next = state->gathering;
    state->gathering = node;
    if (++state->gathered >= BATCH)
        atomic_or(&cpu->anomaly, ANOMALY_QUIESCE);
}

bool quiesce_flush(void)
{
    struct quiesce_state *state = &states[this_cpu()->id];
    if (!state->gathering || state->waiting)
        return false;
    atomic_or(&this_cpu()->anomaly, ANOMALY_QUIESCE);
    return true;
}

void reaper_add(struct reap *reap, bool (*piece)(struct reap *))
{
    struct cpu *cpu = this_cpu();
    struct quiesce_state *state = &states[cpu->id];
    reap->piece = piece;
    reap->next = NULL;
    if (state->reap_last)
        state->reap_last->next = reap;
    else
        state->reap_first = reap;
    state->reap_last = reap;
    atomic_or(&cpu->anomaly, ANOMALY_REAP);
}

void reaper_run(void)
{
    struct cpu *cpu = this_cpu();
    struct quiesce_state *state = &states[cpu->id];
    struct reap *reap = state->reap_first;
    if (reap) {
        /* Off the list while it works: finished, it may be gone; unfinished, others go first. */
        state->reap_first = reap->next;
        if (!state->reap_first)
            state->reap_last = NULL;
        if (!reap->piece(reap))
            reaper_add(reap, reap->piece);
        else
            quiesce_flush(); /* what was large is given back at once */
    }
    if (!state->reap_first)
        atomic_and(&cpu->anomaly, ~(u32)ANOMALY_REAP);
}

void handle_due_work(void)
{
    struct cpu *cpu = this_cpu();
    struct quiesce_state *state = &states[cpu->id];
    if (cpu->anomaly & ANOMALY_REAP)
        reaper_run();
    if (cpu->anomaly & ANOMALY_QUIESCE) {
        atomic_and(&cpu->anomaly, ~(u32)ANOMALY_QUIESCE);
        if (state->gathering && !state->waiting)
            send_batch(state);
    }
}
