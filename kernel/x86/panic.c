/*
 * The end: says what was wrong and where every CPU was, then leaves QEMU or stands still.
 *
 * The first CPU to come here owns the panic; it stops the others one at a time by NMI, and each
 * prints its own state when its turn comes, so that lines are not mixed.  From then on the log is
 * written without its lock.  A CPU that fails while it prints gives up what it was printing and
 * goes to the end.
 */
#include "panic.h"

#include "../cpu.h"
#include "../log.h"
#include "../page.h"
#include "../thread.h"
#include "../trace.h"
#include "apic.h"
#include "boot.h"
#include "instructions.h"
#include "platform.h"
#include "smp.h"

#define BACKTRACE_MAX 24
#define TRACE_SHOWN 12

extern const u32 kernel_symbol_count, kernel_symbol_addrs[], kernel_symbol_names_off[];
extern const char kernel_symbol_names[];
extern u8 __text_start[], __text_end[];

static u32 owner;   /* the panicking CPU's number + 1; 0: none */
static u32 depth;   /* panics within the panic */
static u32 turn;    /* the CPU that may print, number + 1 */
static u32 stopped; /* how many have */

bool panicking(void)
{
    return atomic_load_relaxed(&owner);
}

/* ---- Where was it? --------------------------------------------------------------------------- */

/* The index of the last symbol at or below an offset from KERNEL_BASE. */
static u32 symbol_of(u32 offset)
{
    u32 low = 0, high = kernel_symbol_count;
    while (high - low > 1) {
        u32 middle = low + (high - low) / 2;
        if (kernel_symbol_addrs[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool is_text(u64 address)
{
    return address >= (u64)__text_start && address < (u64)__text_end;
}

/* A return address may lie behind the end of its function, if that ends with the call: then `back`,
 * 1, makes it the function's still. */
static void print_address(u64 address, u32 back)
{
    log_print("%016lx", address);
    if (kernel_symbol_count && is_text(address)) {
        u32 offset = (u32)(address - KERNEL_BASE), symbol = symbol_of(offset - back);
        log_print(" %s+0x%x", kernel_symbol_names + kernel_symbol_names_off[symbol],
                  offset - kernel_symbol_addrs[symbol]);
    }
    log_print("\n");
}

/* True if a frame of two words at this address lies on a stack of this CPU. */
static bool on_stack(u64 address)
{
    const struct cpu *cpu = this_cpu();
    if (address % 8)
        return false;
    if (address >= cpu->stack_top - KERNEL_STACK_SIZE && address <= cpu->stack_top - 16)
        return true;
    for (u32 i = 0; i < IST_STACKS; i++) {
        if (address > cpu->tss.ist[i] - IST_STACK_SIZE + 16 && address <= cpu->tss.ist[i] - 16)
            return true;
    }
    return false;
}

/* Follows the frame pointers for as long as they lead up the stack, and back into code. */
static void print_backtrace(u64 rip, u64 rbp)
{
    for (u32 i = 0; i < BACKTRACE_MAX; i++) {
        log_print("  #%u ", i);
        print_address(rip, i > 0);
        if (!on_stack(rbp))
            return;
        const u64 *frame = (const u64 *)rbp;
        rip = frame[1];
        if (!is_text(rip))
            return;
        rbp = frame[0] > rbp ? frame[0] : 0;
    }
}

static void print_registers(const struct frame *f)
{
    log_print("rip %016lx cs %lx rflags %lx rsp %016lx ss %lx\n", f->rip, f->cs, f->rflags, f->rsp,
              f->ss);
    log_print("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    log_print("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    log_print("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
    log_print("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    log_print("vector %lu error %lx cr2 %016lx cr3 %lx cr0 %lx\n", f->vector, f->error, read_cr2(),
              read_cr3(), read_cr0());
}

static void print_thread(const struct cpu *cpu)
{
    const struct thread *thread = cpu->current;
    if (thread)
        log_print(" in thread %lu", thread->object.koid);
    else
        log_print(" idle");
}

/* ---- Stopping -------------------------------------------------------------------------------- */

/* On a CPU that was stopped: waits for its turn, prints its state, stays. */
static noreturn void stop_here(const struct frame *frame)
{
    const struct cpu *cpu = this_cpu();
    while (atomic_load(&turn) != cpu->id + 1)
        pause();
    log_print("CPU %u", cpu->id);
    print_thread(cpu);
    log_print(":\n");
    if (frame->cs & 3)
        log_print("  user mode, %016lx\n", frame->rip);
    else
        print_backtrace(frame->rip, frame->rbp);
    trace_print(cpu->id, TRACE_SHOWN);
    atomic_add(&stopped, 1);
    halt();
}

void platform_stop_others(void)
{
    u32 self = this_cpu()->id, expected = 0;
    for (u32 i = 0; i < CPUS_MAX; i++) {
        if (i == self || !atomic_load(&cpus[i].online))
            continue;
        expected = atomic_load(&stopped) + 1;
        atomic_store(&turn, i + 1);
        apic_send(cpus[i].apic_id, APIC_NMI);
        /* By the TSC, since the clock may not have started: some tenths of a second. */
        u64 start = rdtsc();
        while (atomic_load(&stopped) < expected && rdtsc() - start < 1000000000ul)
            pause();
        if (atomic_load(&stopped) < expected)
            log_print("CPU %u does not answer\n", i);
    }
}

/* Makes this CPU the one that panics.  Another that comes here waits to be stopped; a panic within
 * the panic ends it. */
static void begin(void)
{
    u32 self = this_cpu()->id + 1, nobody = 0;
    if (atomic_compare_exchange(&owner, &nobody, self))
        return;
    while (nobody != self)
        pause();
    if (atomic_add(&depth, 1) == 1)
        log_print("\nportolan: failed while printing a panic\n");
    boot_stop();
}

static noreturn void end(u64 rip, u64 rbp)
{
    struct cpu *cpu = this_cpu();
    print_backtrace(rip, rbp);
    trace_print(cpu->id, TRACE_SHOWN);
    platform_stop_others();
    log_print("portolan: stopped\n");
    boot_stop();
}

noreturn void panic_frame(const struct frame *frame, const char *what)
{
    __asm__ volatile("cli");
    begin();
    struct cpu *cpu = this_cpu();
    log_print("\nportolan: panic on CPU %u", cpu->id);
    print_thread(cpu);
    log_print(": %s\n", what);
    print_registers(frame);
    end(frame->rip, frame->rbp);
}

/* What panic (entry.S) becomes: the caller's registers are in this CPU's `panicked`. */
noreturn void panic_formatted(const char *format, ...)
{
    begin();
    struct cpu *cpu = this_cpu();
    log_print("\nportolan: panic on CPU %u", cpu->id);
    print_thread(cpu);
    log_print(": ");
    va_list arguments;
    va_start(arguments, format);
    log_print_list(format, arguments);
    va_end(arguments);
    log_print("\n");
    print_registers(&cpu->panicked);
    end(cpu->panicked.rip, cpu->panicked.rbp);
}

void platform_nmi(struct frame *frame)
{
    if (panicking() && atomic_load(&owner) != this_cpu()->id + 1)
        stop_here(frame);
    panic_frame(frame, "non-maskable interrupt");
}
