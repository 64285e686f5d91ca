/*
 * Running signal handlers; see signal_state.h.
 *
 * Order in __libc_signal_arrived: what the server left in the slot is copied, then the slot is
 * given back (resume_taken), then pending signals are looked for.  So a signal sent later either
 * finds the slot free and brings the thread here again, or is found.
 */
#include <cpuid.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lock.h"
#include "process.h"
#include "process_call.h"
#include "signal_state.h"
#include "syscall.h"

#define REGISTERS offsetof(mcontext_t, rip)
_Static_assert(offsetof(ucontext_t, uc_mcontext) == 48, "signal_entry.S");
_Static_assert(offsetof(ucontext_t, uc_mcontext.__fpu) == 208, "signal_entry.S");
_Static_assert(offsetof(mcontext_t, rip) == 15 * 8, "signal_entry.S");

/* Within __libc_kernel_call: see there. */
extern const char __libc_kernel_check[], __libc_kernel_enter[], __libc_kernel_abort[];

void __libc_signal_arrived(ucontext_t *context, const void *registers);
void __libc_signal_call(uintptr_t stack, void (*handler)(int, siginfo_t *, void *), int number,
                        siginfo_t *info, void *context);

/* What XSAVE writes: at least the legacy area and the header (SDM vol. 1, 13.4). */
uint64_t __libc_signal_fpu_size = 576;

__attribute__((constructor)) static void learn_fpu_size(void)
{
    unsigned a, b, c, d;
    if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d) && b > __libc_signal_fpu_size)
        __libc_signal_fpu_size = b;
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static inline void barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint64_t word(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

uint64_t __libc_signals_pending(void)
{
    const struct signal_header *page = __libc_signal_page;
    if (page == NULL)
        return 0;
    const struct signal_slot *slot = signal_slot_of(thread_self()->signal_slot);
    return (word(&page->sent) ^ word(&page->taken)) | (word(&slot->sent) ^ slot->taken);
}

/* One that was sent to the process: others may take it first. */
static bool take_of_process(uint64_t bit)
{
    struct signal_header *page = __libc_signal_page;
    uint64_t taken = word(&page->taken);
    do {
        if (!((word(&page->sent) ^ taken) & bit))
            return false;
    } while (!__atomic_compare_exchange_n(&page->taken, &taken, taken ^ bit, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

static void describe(siginfo_t *info, int number, const struct signal_info *from)
{
    memset(info, 0, sizeof *info);
    info->si_signo = number;
    info->si_code = from->code;
    info->si_pid = (pid_t)from->sender;
    info->si_uid = from->uid;
    info->si_status = from->status;
    info->si_value.sival_ptr = (void *)from->value;
}

int __libc_signal_take(uint64_t set, siginfo_t *info)
{
    uint64_t pending;
    while ((pending = __libc_signals_pending() & set) != 0) {
        int number = __builtin_ctzll(pending) + 1;
        uint64_t bit = SIGNAL_BIT(number);
        struct signal_slot *slot = signal_slot_of(thread_self()->signal_slot);
        struct signal_info from = __libc_signal_page->info[number - 1];
        if ((word(&slot->sent) ^ slot->taken) & bit)
            __atomic_fetch_xor(&slot->taken, bit, __ATOMIC_RELEASE);
        else if (!take_of_process(bit))
            continue;
        describe(info, number, &from);
        return number;
    }
    return 0;
}

/* ---- Running --------------------------------------------------------------------------------- */

static bool on_stack(const struct signal_slot *slot, uintptr_t address)
{
    return address > slot->stack_low && address <= slot->stack_high;
}

static void call(const struct sigaction *action, int number, siginfo_t *info, ucontext_t *context)
{
    const struct signal_slot *slot = signal_slot_of(thread_self()->signal_slot);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if ((action->sa_flags & SA_ONSTACK) && slot->stack_low != slot->stack_high &&
        !on_stack(slot, here))
        __libc_signal_call(slot->stack_high & ~15ul, action->sa_sigaction, number, info, context);
    else
        action->sa_sigaction(number, info, context);
}

static void default_action(int number)
{
    struct message head = {.op = PROCESS_DEFAULT_ACTION, .arg = {(uint64_t)number, 0, 0}};
    if (__libc_signal_ignored_by_default(number))
        return;
    if (__libc_process_ask(&head) == -ENOSYS)
        __libc_die(EXIT_BY_SIGNAL(number));
}

/* Signals are held once by the caller, and let go here. */
static void run(int number, siginfo_t *info, ucontext_t *context)
{
    struct __pthread *self = thread_self();
    struct sigaction action = __libc_signal_action_taken(number);
    if (action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL) {
        __libc_signals_release(self);
        if (action.sa_handler == SIG_DFL)
            default_action(number);
        return;
    }
    uint64_t *mask = signal_mask_of(self->signal_slot);
    int saved_errno = errno;
    context->uc_sigmask = *mask;
    uint64_t during = *mask | action.sa_mask;
    if (!(action.sa_flags & SA_NODEFER))
        during |= SIGNAL_BIT(number);
    *mask = during & ~SIGNALS_NEVER_BLOCKED;
    self->signals_handled++;
    self->signals_cut |= !(action.sa_flags & SA_RESTART);
    __libc_signals_release(self);
    call(&action, number, info, context);
    /* sigsuspend and the like may have been left by now, but not this frame. */
    *mask = context->uc_sigmask & ~SIGNALS_NEVER_BLOCKED;
    errno = saved_errno;
}

static void deliver(ucontext_t *context)
{
    struct __pthread *self = thread_self();
    siginfo_t info;
    for (;;) {
        signals_hold(self);
        self->signals_due = 0;
        barrier();
        uint32_t slot = self->signal_slot;
        int number = __libc_signal_take(~*signal_mask_of(slot) & ~*signal_waits_of(slot), &info);
        if (number != 0) {
            run(number, &info, context);
            continue;
        }
        /* What came while signals were held here is due, and is found in the next round. */
        if (--self->signals_held != 0 || !self->signals_due)
            return;
    }
}

/* A context that says nothing of registers, for handlers that are called, not sent to. */
static void blank_context(ucontext_t *context)
{
    memset(context, 0, sizeof *context);
    context->uc_mcontext.fs_base = (unsigned long)thread_self();
}

void __libc_signals_deliver(void)
{
    struct __pthread *self = thread_self();
    if (__libc_signal_page == NULL || self->signals_held != 0)
        return;
    ucontext_t context;
    blank_context(&context);
    deliver(&context);
}

void __libc_signal_handle(int number, siginfo_t *info)
{
    ucontext_t context;
    blank_context(&context);
    signals_hold(thread_self());
    run(number, info, &context);
    /* What it blocked may have come meanwhile. */
    if (thread_self()->signals_held == 0)
        deliver(&context);
}

void __libc_signals_set_mask(uint64_t mask)
{
    *signal_mask_of(thread_self()->signal_slot) = mask & ~SIGNALS_NEVER_BLOCKED;
    barrier();
    if (!(__libc_signals_pending() & ~mask))
        return;
    thread_self()->signals_due = 1;
    __libc_signals_deliver();
}

bool __libc_signals_restart(void)
{
    struct __pthread *self = thread_self();
    bool again = self->signals_cut == 0;
    self->signals_cut = 0;
    return again;
}

/* ---- Sent here ------------------------------------------------------------------------------- */

/* A fault's floating-point code, from MXCSR: the flags that are set and not masked. */
static int float_code(const mcontext_t *machine)
{
    static const int codes[] = {FPE_FLTINV, FPE_FLTINV, FPE_FLTDIV,
                                FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES};
    uint32_t mxcsr;
    memcpy(&mxcsr, machine->__fpu + 24, sizeof mxcsr); /* SDM vol. 1, table 10-2 */
    uint32_t raised = mxcsr & ~(mxcsr >> 7) & 0x3f;
    return raised ? codes[__builtin_ctz(raised)] : FPE_FLTINV;
}

static void take_fault(const struct signal_slot *slot, siginfo_t *info, const mcontext_t *machine)
{
    memset(info, 0, sizeof *info);
    info->si_signo = (int)slot->fault;
    info->si_code = (int)(uint32_t)slot->fault_code;
    info->si_addr = (void *)slot->fault_address;
    if (info->si_signo == SIGFPE && info->si_code == FPE_FLTINV)
        info->si_code = float_code(machine);
}

/* On its way into a wait that a signal is to cut short, and so not to be begun. */
static bool stop_from_waiting(struct __pthread *self, mcontext_t *machine)
{
    uintptr_t rip = machine->rip;
    if (rip < (uintptr_t)__libc_kernel_call || rip > (uintptr_t)__libc_kernel_enter)
        return false;
    if (rip <= (uintptr_t)__libc_kernel_check)
        self->signals_due = 1;
    else
        machine->rip = (uintptr_t)__libc_kernel_abort;
    return true;
}

void __libc_signal_arrived(ucontext_t *context, const void *registers)
{
    struct __pthread *self = thread_self();
    struct signal_slot *slot = signal_slot_of(self->signal_slot);
    mcontext_t *machine = &context->uc_mcontext;
    siginfo_t info;
    context->uc_link = NULL;
    context->uc_stack = (stack_t){(void *)slot->stack_low, 0, slot->stack_high - slot->stack_low};
    memcpy(machine, registers, REGISTERS);
    machine->rip = slot->resume_rip;
    machine->rsp = slot->resume_rsp;
    machine->rflags = slot->resume_rflags;
    machine->fs_base = (unsigned long)self;
    bool fault = slot->fault != 0;
    if (fault)
        take_fault(slot, &info, machine);
    __atomic_store_n(&slot->resume_taken, slot->resume_given, __ATOMIC_RELEASE);
    if (fault) {
        signals_hold(self);
        run(info.si_signo, &info, context);
        if (self->signals_held == 0)
            deliver(context);
        return;
    }
    if (self->signals_held != 0) {
        self->signals_cut = 0;
        self->signals_due = 1;
        stop_from_waiting(self, machine);
        return;
    }
    uint32_t handled = self->signals_handled;
    deliver(context);
    if (self->signals_handled != handled)
        stop_from_waiting(self, machine);
}
