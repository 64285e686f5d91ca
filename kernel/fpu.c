/*
 * Lazy switching of the FPU registers; see fpu.h.  Compiled like the fast path, with the message
 * registers untouched.
 */
#include "fpu.h"

#include "slab.h"
#include "x86/platform.h"

static void set_ts(void)
{
    u64 cr0;
    __asm__ volatile("movq %%cr0, %0; orq $8, %0; movq %0, %%cr0" : "=&r"(cr0));
}

static void clear_ts(void)
{
    __asm__ volatile("clts");
}

/* XSAVEOPT and XRSTOR take the mask of components in EDX:EAX (SDM vol. 1, 13.7-13.9). */
static void save(u8 *area)
{
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"((u32)fpu_features), "d"((u32)(fpu_features >> 32))
                     : "memory");
}

static void restore(const u8 *area)
{
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"((u32)fpu_features), "d"((u32)(fpu_features >> 32))
                     : "memory");
}

/* The registers become thread's; TS is clear. */
static void take(struct cpu *cpu, struct thread *thread)
{
    if (cpu->fpu_owner == thread)
        return;
    if (cpu->fpu_owner)
        save(cpu->fpu_owner->fpu_area);
    restore(thread->fpu_area);
    cpu->fpu_owner = thread;
}

void fpu_leave(struct thread *next)
{
    struct cpu *cpu = this_cpu();
    if (next->fpu_area) {
        take(cpu, next);
    } else {
        set_ts();
        atomic_and(&cpu->anomaly, ~(u32)ANOMALY_FPU);
    }
}

void fpu_save(struct thread *thread)
{
    struct cpu *cpu = this_cpu();
    if (cpu->fpu_owner != thread)
        return;
    clear_ts();
    save(thread->fpu_area);
    fpu_forget(thread);
}

void fpu_forget(struct thread *thread)
{
    struct cpu *cpu = this_cpu();
    if (cpu->fpu_owner != thread)
        return;
    cpu->fpu_owner = NULL;
    set_ts();
    atomic_and(&cpu->anomaly, ~(u32)ANOMALY_FPU);
}

int fpu_use(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *thread = cpu->current;
    if (!thread->fpu_area) {
        thread->fpu_area = fpu_area_alloc(thread->budget);
        if (!thread->fpu_area)
            return -ENOMEM;
        memcpy(thread->fpu_area, fpu_initial_area, fpu_area_size);
    }
    clear_ts();
    atomic_or(&cpu->anomaly, ANOMALY_FPU);
    take(cpu, thread);
    return 0;
}
