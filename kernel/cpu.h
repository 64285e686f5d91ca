/*
 * What belongs to one CPU, reached through GS.  Members are touched by their CPU only, with
 * interrupts off, except `anomaly` and `mail`, which others write atomically, and `aspace`, which
 * others read to decide on TLB shootdowns.
 */
#ifndef CPU_H
#define CPU_H

#include "frame.h"

#define CPUS_MAX 64

struct thread;
struct aspace;
struct task;

/* Work that another CPU asks for.  Runs on the target from its mail interrupt; no locks held. */
struct cpu_call {
    struct cpu_call *next;
    void (*run)(struct cpu_call *call);
};

/* Reasons to leave the straight way at the next exit to user mode. */
enum {
    ANOMALY_RESCHEDULE = 1u << 0,
    ANOMALY_QUIESCE = 1u << 1, /* freed objects wait for a quiescent point */
    ANOMALY_REAP = 1u << 2,    /* dead tasks and objects wait to be taken apart */
    ANOMALY_BUT_FPU = 7u,      /* any of these */
    ANOMALY_FPU = 1u << 3,     /* CR0.TS is clear: the FPU registers are fpu_owner's, who runs */
};

struct tss {
    u32 reserved0;
    u64 rsp0, rsp1, rsp2, reserved1, ist[7], reserved2;
    u16 reserved3, io_bitmap;
} __attribute__((packed));

/* Offsets that entry.S and the fast path rely on are asserted in x86/offsets.h. */
struct cpu {
    struct cpu *self;
    struct thread *current; /* NULL: idle */
    u64 stack_top;          /* of the only kernel stack */
    u64 scratch;
    struct aspace *aspace; /* whose CR3 is loaded; NULL: the kernel's own */
    u32 anomaly;
    u32 id;
    i32 ready_top; /* the highest priority that is ready here, or -1 */
    u32 apic_id;
    u32 online;
    struct tss tss; /* at offset 60, so that rsp0 is aligned; rsp0 = end of current's frame */
    u32 reserved;

    struct thread *next;            /* READY, before all in the run queue; or NULL (sched.c) */
    u32 quantum_armed;              /* the quantum timer is set */
    u32 listed;                     /* threads in the run queue's lists */
    struct trace_event *trace_ring; /* of TRACE_EVENTS; NULL: none are kept (trace.h) */
    u64 traced;                     /* events since boot */
    struct thread *fpu_owner;       /* whose values the FPU registers hold, or NULL */
    struct cpu_call *mail;          /* newest first; pushed by any CPU */
    struct thread *charged;         /* whose time is being used: travels with a call */
    u64 charged_since;
    u64 gdt[8];
    struct frame panicked; /* the registers of who called panic (x86/entry.S) */

    /* Statistics. */
    u64 switches, messages, interrupts, ipis_sent;
} __attribute__((aligned(64)));

extern struct cpu cpus[CPUS_MAX];
extern u32 cpu_count; /* online CPUs; cpus[0..cpu_count) */

#ifdef UNIT_TEST
struct cpu *this_cpu(void); /* the test's */
static inline struct thread *current_thread(void)
{
    return this_cpu()->current;
}
#else
static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

static inline struct thread *current_thread(void)
{
    struct thread *thread;
    __asm__ volatile("movq %%gs:8, %0" : "=r"(thread));
    return thread;
}
#endif

/* Queues call for cpu (another or this one) and interrupts it if its mailbox was empty.  Calls
 * posted by one CPU run in the order posted. A call may be posted again once it has run. */
void cpu_post(struct cpu *cpu, struct cpu_call *call);

/* Runs this CPU's mail; called by the mail interrupt. */
void cpu_run_mail(void);

#endif
