/*
 * Sending a thread to libc's signal entry, and faults.
 *
 * A thread is stopped, what it was about to do is written into its slot, and it goes on at the
 * entry.  If it waits in a system call the results of that come into its other registers as they
 * would have; so only RIP, RSP and RFLAGS are written (THREAD_STATE_CONTROL).
 */
#include "clock.h"
#include "string.h"
#include "syscall.h"
#include "table.h"
#include "thread.h"

#define RED_ZONE 128ul /* System V ABI, AMD64, 3.2.2 */
#define DIRECTION_FLAG 0x400ul
#define TRAP_FLAG 0x100ul
#define YIELDS 20u
#define PAUSE (20 * MICROSECOND)
#define PATIENCE SECOND
/* How much of a slot is the server's. */
#define SERVER_PART offsetof(struct signal_slot, taken)

/* Where the entry finds its stack: below the red zone, or on the alternate one if the fault's
 * handler wants that, since the ordinary one may be what is used up. */
static uint64_t stack_for_entry(const struct signal_slot *slot, uint64_t rsp,
                                const struct signal_header *header,
                                const struct thread_fault *fault)
{
    bool alternate = fault && (header->on_stack & SIGNAL_BIT(fault->signal)) &&
                     slot->stack_low < slot->stack_high && slot->stack_high <= USER_LIMIT &&
                     !(rsp > slot->stack_low && rsp <= slot->stack_high);
    return (alternate ? slot->stack_high : rsp - RED_ZONE) & ~15ul;
}

/* On another CPU it may be on its way out of the queue of the ready: some instructions, but that
 * CPU may be a virtual one that does not run now. */
static int64_t read_state(const struct process_thread *thread)
{
    uint64_t limit = clock_now() + PATIENCE;
    for (uint32_t tries = 0;; tries++) {
        int64_t error = sys_thread_read_state(thread->handle);
        if (error != -EBUSY || clock_now() > limit)
            return error;
        if (tries < YIELDS)
            sys_thread_yield();
        else
            sys_sleep(clock_now() + PAUSE);
    }
}

static bool divert(struct process *process, struct process_thread *thread,
                   const struct signal_header *header, const struct thread_fault *fault,
                   bool *interruptible)
{
    struct signal_slot slot;
    struct thread_state state;
    uint64_t at = slot_offset(thread->slot);
    int64_t error = read_state(thread);
    if (error < 0)
        return false;
    memcpy(&state, message_area()->bytes, sizeof state);
    *interruptible = state.rip == header->interruptible;
    if (!page_read(process, at, &slot, sizeof slot) || slot.resume_given != slot.resume_taken)
        return false;
    slot.resume_given++;
    slot.resume_rip = state.rip;
    slot.resume_rsp = state.rsp;
    slot.resume_rflags = state.rflags;
    slot.fault = fault ? fault->signal : 0;
    slot.fault_code = fault ? fault->code | (uint64_t)fault->vector << 32 : 0;
    slot.fault_address = fault ? fault->address : 0;
    if (!page_write(process, at, &slot, SERVER_PART))
        return false;
    state.rip = header->entry;
    state.rsp = stack_for_entry(&slot, state.rsp, header, fault);
    state.rflags &= ~(DIRECTION_FLAG | TRAP_FLAG);
    memcpy(message_area()->bytes, &state, sizeof state);
    if (sys_thread_write_control(thread->handle) == 0)
        return true;
    slot.resume_given--;
    page_write(process, at, &slot, SERVER_PART);
    return false;
}

bool thread_redirect(struct process *process, struct process_thread *thread,
                     const struct signal_header *header, const struct thread_fault *fault)
{
    bool interruptible = false;
    if (header->entry == 0)
        return false;
    if (fault)
        return divert(process, thread, header, fault, &interruptible);
    if (sys_thread_suspend(thread->handle) < 0)
        return false;
    bool diverted = divert(process, thread, header, NULL, &interruptible);
    if (diverted && interruptible)
        sys_thread_interrupt(thread->handle);
    sys_thread_resume(thread->handle);
    return diverted;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

enum { VECTOR_DIVIDE = 0, VECTOR_DEBUG = 1, VECTOR_BREAKPOINT = 3, VECTOR_INVALID = 6 };
enum { VECTOR_NO_FPU = 7, VECTOR_PAGE = 14, VECTOR_X87 = 16, VECTOR_ALIGNMENT = 17 };
enum { VECTOR_SIMD = 19 };
enum { ILL_ILLOPN = 2, FPE_INTDIV = 1, FPE_FLTINV = 7, TRAP_BRKPT = 1, TRAP_TRACE = 2 };
enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRALN = 1, BUS_ADRERR = 2, BUS_OBJERR = 3 };
#define PAGE_PRESENT 1u /* error code: a page was there, but not for this access (SDM 3, 4.7) */

static struct thread_fault page_fault(const struct message *head)
{
    int64_t reason = (int64_t)head->arg[1];
    struct thread_fault fault = {.signal = SIGSEGV, .address = head->offset};
    if (reason == -EFAULT)
        fault.code = head->length & PAGE_PRESENT ? SEGV_ACCERR : SEGV_MAPERR;
    else if (reason == -EPERM)
        fault.code = SEGV_ACCERR;
    else
        fault.signal = SIGBUS, fault.code = reason == -ERANGE ? BUS_ADRERR : BUS_OBJERR;
    return fault;
}

static struct thread_fault describe(const struct message *head)
{
    uint64_t rip = head->arg[0];
    switch (head->op) {
    case VECTOR_PAGE:
        return page_fault(head);
    case VECTOR_DIVIDE:
        return (struct thread_fault){.signal = SIGFPE, .code = FPE_INTDIV, .address = rip};
    case VECTOR_X87:
    case VECTOR_SIMD:
        return (struct thread_fault){.signal = SIGFPE, .code = FPE_FLTINV, .address = rip};
    case VECTOR_DEBUG:
        return (struct thread_fault){.signal = SIGTRAP, .code = TRAP_TRACE, .address = rip};
    case VECTOR_BREAKPOINT:
        return (struct thread_fault){.signal = SIGTRAP, .code = TRAP_BRKPT, .address = rip};
    case VECTOR_INVALID:
        return (struct thread_fault){.signal = SIGILL, .code = ILL_ILLOPN, .address = rip};
    case VECTOR_ALIGNMENT:
        return (struct thread_fault){.signal = SIGBUS, .code = BUS_ADRALN, .address = rip};
    default: /* general protection and its like */
        return (struct thread_fault){.signal = SIGSEGV, .code = SI_KERNEL};
    }
}

/* A fault for want of memory is not the process's: its budget grows and it tries again. */
static bool wants_memory(const struct message *head)
{
    return (head->op == VECTOR_PAGE || head->op == VECTOR_NO_FPU) &&
           (int64_t)head->arg[1] == -ENOMEM;
}

static bool grown(struct process *process)
{
    uint64_t step = process->budget / 4 & ~(PAGE_SIZE - 1);
    return process_grow(process, step > PROCESS_GROW_STEP ? step : PROCESS_GROW_STEP) == 0 ||
           process_grow(process, 4 * PAGE_SIZE) == 0;
}

/* True: the thread is to go on. */
static bool deliver(struct process *process, const struct message *head)
{
    struct signal_header header;
    uint64_t mask;
    struct process_thread *thread = thread_of_koid(process, head->cookie);
    struct thread_fault fault = describe(head);
    fault.vector = head->op;
    int32_t status = PROCESS_BY_SIGNAL((int32_t)fault.signal);
    if (wants_memory(head)) {
        if (grown(process))
            return true;
        status = PROCESS_BY_SIGNAL(SIGKILL);
    } else if (thread && process->page &&
               page_read(process, 0, &header, offsetof(struct signal_header, info)) &&
               page_read(process, SIGNAL_MASKS_OFFSET + thread->slot * 8, &mask, 8) &&
               (header.caught & ~mask & SIGNAL_BIT(fault.signal)) &&
               thread_redirect(process, thread, &header, &fault)) {
        return true;
    }
    process_end(process, status);
    return false;
}

void faulted(struct server *at, const struct request *request)
{
    (void)at;
    struct process *process = image_of_badge(request->badge);
    struct message reply = {.result = -EFAULT};
    if (process && process_lives(process) && deliver(process, &request->head))
        reply.result = 0;
    sys_reply(request->token, &reply);
}
