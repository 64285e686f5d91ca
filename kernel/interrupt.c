/*
 * Interrupts and exceptions, after entry.S has saved the registers.
 */
#include "interrupt.h"

#include "cpu.h"
#include "fpu.h"
#include "irq.h"
#include "message.h"
#include "sched.h"
#include "thread.h"
#include "trace.h"
#include "x86/offsets.h"
#include "x86/panic.h"
#include "x86/platform.h"
#include "x86/tlb.h"
#include "x86/vtd.h"

#define ASSERT_OFFSET(type, member, value)                                                         \
    _Static_assert(offsetof(type, member) == (value), #type "." #member)
ASSERT_OFFSET(struct cpu, current, CPU_CURRENT);
ASSERT_OFFSET(struct cpu, stack_top, CPU_STACK_TOP);
ASSERT_OFFSET(struct cpu, scratch, CPU_SCRATCH);
ASSERT_OFFSET(struct cpu, anomaly, CPU_ANOMALY);
ASSERT_OFFSET(struct cpu, panicked, CPU_PANIC);
_Static_assert(offsetof(struct cpu, tss.rsp0) % 8 == 0, "RSP0 is written whole");
ASSERT_OFFSET(struct thread, user, 0);
ASSERT_OFFSET(struct frame, rip, FRAME_RIP);
ASSERT_OFFSET(struct frame, rax, FRAME_RAX);
ASSERT_OFFSET(struct frame, rsp, FRAME_RSP);

enum { EXCEPTION_NM = 7, EXCEPTION_PF = 14, EXCEPTIONS = 32 };

static u64 fault_address(void)
{
    u64 address;
    __asm__ volatile("movq %%cr2, %0" : "=r"(address));
    return address;
}

/* Device and kernel vectors; on any stack. */
static void device_interrupt(u64 vector)
{
    this_cpu()->interrupts++;
    if (vector <= VECTOR_DEVICE_LAST && vector >= VECTOR_DEVICE_FIRST) {
        irq_dispatch((u32)vector);
        return;
    }
    switch (vector) {
    case VECTOR_MAIL:
        platform_end_of_interrupt();
        cpu_run_mail();
        break;
    case VECTOR_TLB:
        platform_end_of_interrupt();
        tlb_poll();
        break;
    case VECTOR_TIMER:
        platform_end_of_interrupt();
        timer_interrupt();
        break;
    case VECTOR_IOMMU:
        platform_end_of_interrupt();
        vtd_interrupt();
        break;
    default: /* spurious (SDM vol. 3, 11.9), or a legacy line that is masked: nothing to end */
        break;
    }
}

static void page_fault(struct thread *thread)
{
    u64 address = fault_address(), error_code = thread->user.error;
    int error = aspace_fault(thread->aspace, address, (u32)error_code);
    if (likely(!error))
        return;
    if (error == -PARKED)
        schedule();
    message_fault(EXCEPTION_PF, address, error_code, error);
}

void interrupt_user(u64 vector)
{
    struct cpu *cpu = this_cpu();
    struct thread *thread = cpu->current;
    if (vector == EXCEPTION_PF) {
        page_fault(thread);
    } else if (vector >= EXCEPTIONS) {
        device_interrupt(vector);
        /* It may have been moved, stopped or killed. */
        if (!cpu->current)
            schedule();
        sched_preempt();
    } else if (vector != EXCEPTION_NM || fpu_use()) {
        message_fault(vector, 0, thread->user.error, vector == EXCEPTION_NM ? -ENOMEM : 0);
    }
}

void interrupt_from_kernel(struct frame *frame)
{
    if (frame->vector < EXCEPTIONS)
        panic_frame(frame, "exception in the kernel");
    device_interrupt(frame->vector);
}

void interrupt_paranoid(struct frame *frame)
{
    if (frame->vector == 2)
        platform_nmi(frame);
    else
        panic_frame(frame, frame->vector == 8 ? "double fault" : "machine check");
}
