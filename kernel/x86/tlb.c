/*
 * TLB shootdown: whoever reduces page-table entries interrupts the CPUs that have the address space
 * loaded and waits until each has answered, answering requests itself meanwhile.
 *
 * Which CPUs those are is read from cpu->aspace without a lock.  A CPU stores that before it loads
 * CR3, which serialises; the requester changes the entry, fences, and then reads: so either it sees
 * the store, or the other CPU's walks see the new entry.
 */
#include "tlb.h"

#include "cpu.h"
#include "platform.h"
#include "vmo_internal.h"

/* Above so many pages everything is flushed. */
#define PAGES_ONE_BY_ONE 16u

static struct {
    u64 asked; /* atomic: counts requests to this CPU */
    u64 done;  /* the last one answered; written by this CPU */
} __attribute__((aligned(64))) requests[CPUS_MAX];

static void load_cr3(u64 cr3)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
}

void tlb_poll(void)
{
    struct cpu *cpu = this_cpu();
    u64 asked = atomic_load(&requests[cpu->id].asked);
    if (asked == requests[cpu->id].done)
        return;
    struct aspace *aspace = cpu->aspace;
    if (aspace && atomic_load(&aspace->dying))
        atomic_store(&cpu->aspace, aspace = NULL);
    load_cr3(aspace ? aspace->cr3 : kernel_cr3);
    atomic_store(&requests[cpu->id].done, asked);
}

/* Has all other CPUs that use aspace flush, and waits for them. */
static void shoot(struct aspace *aspace)
{
    struct cpu *self = this_cpu();
    u64 wanted[CPUS_MAX], targets = 0;
    atomic_fence();
    for (u32 i = 0; i < cpu_count; i++) {
        if (&cpus[i] == self || atomic_load(&cpus[i].aspace) != aspace)
            continue;
        targets |= 1ull << i;
        wanted[i] = atomic_add(&requests[i].asked, 1);
        platform_send_ipi(&cpus[i], VECTOR_TLB);
    }
    for (; targets; targets &= targets - 1) {
        u32 i = (u32)__builtin_ctzll(targets);
        while (atomic_load(&requests[i].done) < wanted[i])
            cpu_relax_poll();
    }
}

void tlb_flush(struct aspace *aspace, u64 address, u64 pages)
{
    if (this_cpu()->aspace == aspace) {
        if (pages > PAGES_ONE_BY_ONE)
            load_cr3(aspace->cr3);
        else
            for (u64 i = 0; i < pages; i++)
                __asm__ volatile("invlpg (%0)" : : "r"(address + i * PAGE_SIZE) : "memory");
    }
    if (cpu_count > 1)
        shoot(aspace);
}

rarely void spin_wait(struct spinlock *lock)
{
    do
        while (atomic_load_relaxed(&lock->held))
            cpu_relax_poll();
    while (!spin_try_lock(lock));
}

void tlb_leave(struct aspace *aspace)
{
    struct cpu *self = this_cpu();
    atomic_store(&aspace->dying, true);
    if (self->aspace == aspace) {
        atomic_store(&self->aspace, NULL);
        load_cr3(kernel_cr3);
    }
    shoot(aspace);
}
