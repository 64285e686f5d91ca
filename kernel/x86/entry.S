/*
 * The ways into and out of the kernel.
 *
 * System calls enter at syscall_entry and save into the current thread's frame (struct thread starts
 * with it).  do and reply_get try the fast path first, whose C code (fastpath.c) leaves the eight
 * message registers RBX R8 R9 R10 R12..R15 alone: the words go from sender to receiver untouched.
 * Everything else saves all registers, so that the kernel can leave the thread at any point and
 * never come back to this stack: there is one per CPU.
 *
 * Interrupts from user mode push straight into the frame, because RSP0 points at its end.  From
 * kernel mode they come only while idle (sched.c); anything else there is a panic.
 */
#include "offsets.h"

#define SYS_DO 1
#define SYS_REPLY_GET 2
#define SYS_GET 3
#define SYS_NOTIFY 8
#define ANOMALY_BUT_FPU 7
#define USER_RFLAGS 0x202

    .text

/* ---- System calls ---------------------------------------------------------------------------- */

    .globl syscall_entry
    .p2align 6
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_SCRATCH
    movq %gs:CPU_CURRENT, %rsp
    movq %rcx, FRAME_RIP(%rsp)
    movq %r11, FRAME_RFLAGS(%rsp)
    movq %rbp, FRAME_RBP(%rsp)
    movq %gs:CPU_SCRATCH, %rcx
    movq %rcx, FRAME_RSP(%rsp)
    testb $0xf0, %al
    jz message_entry

general_entry:
    /* The general way: all of the frame, then the handler with the arguments where C wants them. */
    movq %rax, FRAME_RAX(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
syscall_general:
    movq %rbx, FRAME_RBX(%rsp)
    movq %rdx, FRAME_RDX(%rsp)
    movq %r8, FRAME_R8(%rsp)
    movq %r9, FRAME_R9(%rsp)
    movq %r10, FRAME_R10(%rsp)
    movq %r12, FRAME_R12(%rsp)
    movq %r13, FRAME_R13(%rsp)
    movq %r14, FRAME_R14(%rsp)
    movq %r15, FRAME_R15(%rsp)
    movq %gs:CPU_STACK_TOP, %rsp
    movzbl %al, %eax
    movq %r10, %rcx
    cmpl syscall_limit(%rip), %eax
    jae syscall_unknown
    call *syscall_table(,%rax,8)
syscall_return:
    testq %rax, %rax
    js syscall_failed
syscall_exit:
    testl $ANOMALY_BUT_FPU, %gs:CPU_ANOMALY
    jnz syscall_anomaly
    movq %gs:CPU_CURRENT, %rsp
    movq FRAME_RIP(%rsp), %rcx
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RSI(%rsp), %rsi
    movq FRAME_RDX(%rsp), %rdx
    movq FRAME_R8(%rsp), %r8
    movq FRAME_R9(%rsp), %r9
    movq FRAME_R10(%rsp), %r10
    movq FRAME_RSP(%rsp), %rsp
    swapgs
    sysretq

syscall_unknown:
    movq $-88, %rax             /* -ENOSYS */
    jmp syscall_exit

    /* An error, or the internal -PARKED and -RESTART: those do not come back. */
syscall_failed:
    movq %rax, %rdi
    call syscall_failure
    jmp syscall_exit

syscall_anomaly:
    movq %gs:CPU_CURRENT, %rcx
    movq %rax, FRAME_RAX(%rcx)
    jmp return_to_user

    /* Runs the current thread from its whole frame, after what is due before. */
    .globl enter_user
enter_user:
return_to_user:
    movq %gs:CPU_STACK_TOP, %rsp
    testl $ANOMALY_BUT_FPU, %gs:CPU_ANOMALY
    jz 1f
    call handle_anomaly
1:
enter_frame:
    movq %gs:CPU_CURRENT, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    swapgs
    iretq

/* ---- The message fast path: system calls below 16 -------------------------------------------- */

    .p2align 4
message_entry:
    cmpb $SYS_DO, %al
    je fast_do_entry
    cmpb $SYS_REPLY_GET, %al
    je fast_reply_get_entry
    cmpb $SYS_GET, %al
    je fast_get_entry
    cmpb $SYS_NOTIFY, %al
    jne general_entry

    /* fast_notify(EDI port, RSI bits, RDX self) -> RAX nonzero if done.  Only RAX, RCX, RDX, RSI, RDI and R11
     * are used, which the caller does not expect back. */
    movq %rax, FRAME_RAX(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rsp, %rdx
    movq %gs:CPU_STACK_TOP, %rsp
    call fast_notify
    testq %rax, %rax
    jz fast_failed
    jmp fast_exit_clear

    /* fast_get(RDI deadline, RSI -, RDX self, ECX port) -> RAX nonzero: another thread runs */
fast_get_entry:
    movq %rax, FRAME_RAX(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rsp, %rdx
    movq %rax, %rcx
    shrq $32, %rcx
    movq %gs:CPU_STACK_TOP, %rsp
    call fast_get
    testq %rax, %rax
    jz fast_failed
    jmp enter_frame

    /* fast_do(RDI deadline, RSI -, RDX self, ECX port) -> RAX token, RDX badge; or 0, what next */
    .p2align 4
fast_do_entry:
    movq %rax, FRAME_RAX(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rsp, %rdx
    movq %rax, %rcx
    shrq $32, %rcx
    movq %gs:CPU_STACK_TOP, %rsp
    call fast_do
    testq %rax, %rax
    jz fast_do_failed
fast_done:
    movq %rdx, %rdi
    movq %rax, %rsi
    jmp fast_exit

    /* Nothing of the kernel's shall be left in a register. */
fast_exit_clear:
    xorl %edi, %edi
    xorl %esi, %esi
    xorl %edx, %edx
fast_exit:
    xorl %eax, %eax
    movq %gs:CPU_CURRENT, %rsp
    movq FRAME_RIP(%rsp), %rcx
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RBP(%rsp), %rbp
    movq FRAME_RSP(%rsp), %rsp
    swapgs
    sysretq

    /* fast_reply_get(RDI deadline, RSI token, RDX self, ECX port) -> RAX 1: done; or what next */
    .p2align 4
fast_reply_get_entry:
    movq %rax, FRAME_RAX(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rsp, %rdx
    movq %rax, %rcx
    shrq $32, %rcx
    movq %gs:CPU_STACK_TOP, %rsp
    call fast_reply_get
    cmpl $1, %eax
    je fast_exit_clear
    jb fast_failed
    cmpl $2, %eax
    je fast_reply_get_again
    movq $fast_reply_get_other, %rax
    call fast_again
    jnz enter_frame
    jmp fast_failed
fast_reply_get_again:
    movq $fast_reply_get_more, %rax
    call fast_again
    jnz fast_exit_clear
    jmp fast_failed

fast_do_failed:
    testl %edx, %edx
    jz fast_failed
    movq $fast_do_more, %rax
    call fast_again
    jnz fast_done
    jmp fast_failed

    /* Calls RAX with the arguments as they were. */
fast_again:
    movq %gs:CPU_CURRENT, %rdx
    movq FRAME_RDI(%rdx), %rdi
    movq FRAME_RSI(%rdx), %rsi
    movl FRAME_RAX+4(%rdx), %ecx
    call *%rax
    testq %rax, %rax
    ret

    /* Nothing has happened: go the general way. */
fast_failed:
    movq %gs:CPU_CURRENT, %rsp
    movq FRAME_RAX(%rsp), %rax
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RSI(%rsp), %rsi
    jmp syscall_general

/* ---- Interrupts and exceptions --------------------------------------------------------------- */

    /* 256 stubs of 16 bytes; vectors 8, 10..14, 17, 21, 29, 30 come with an error code. */
    .globl interrupt_stubs
    .p2align 4
interrupt_stubs:
    .set vector, 0
    .rept 256
    .p2align 4
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
    .else
    pushq $0
    .endif
    pushq $vector
    .if vector == 2 || vector == 8 || vector == 18
    jmp paranoid_entry
    .else
    jmp interrupt_entry
    .endif
    .set vector, vector + 1
    .endr
    .p2align 4

    .macro push_registers
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .macro pop_registers
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    .endm

    /* The stubs pushed vector (below) and error code (above). frame: vector at the lower address. */
interrupt_entry:
    push_registers
    cld
    testb $3, FRAME_CS(%rsp)
    jz interrupt_kernel
    swapgs
    movq FRAME_VECTOR(%rsp), %rdi
    movq %gs:CPU_STACK_TOP, %rsp
    xorl %ebp, %ebp
    call interrupt_user
    jmp return_to_user

interrupt_kernel:
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call interrupt_from_kernel
    movq %rbp, %rsp
    pop_registers
    iretq

    /*
     * NMI, double fault, machine check: on stacks of their own, at any moment, GS unknown.  The last
     * word of each of these stacks holds the CPU's struct cpu; the frame ends 16 bytes below the top.
     */
paranoid_entry:
    push_registers
    cld
    rdgsbase %r12
    movq FRAME_SIZE+8(%rsp), %rax
    wrgsbase %rax
    movq %rsp, %rdi
    call interrupt_paranoid
    wrgsbase %r12
    pop_registers
    iretq

    /*
     * noreturn void panic(const char *format, ...): keeps the caller's registers as a frame in the
     * CPU's own data, then goes on in C with its arguments where they are.
     */
    .globl panic
panic:
    pushfq
    cli
    popq %gs:CPU_PANIC+FRAME_RFLAGS
    movq %r15, %gs:CPU_PANIC+FRAME_R15
    movq %r14, %gs:CPU_PANIC+FRAME_R14
    movq %r13, %gs:CPU_PANIC+FRAME_R13
    movq %r12, %gs:CPU_PANIC+FRAME_R12
    movq %r11, %gs:CPU_PANIC+FRAME_R11
    movq %r10, %gs:CPU_PANIC+FRAME_R10
    movq %r9, %gs:CPU_PANIC+FRAME_R9
    movq %r8, %gs:CPU_PANIC+FRAME_R8
    movq %rbp, %gs:CPU_PANIC+FRAME_RBP
    movq %rdi, %gs:CPU_PANIC+FRAME_RDI
    movq %rsi, %gs:CPU_PANIC+FRAME_RSI
    movq %rdx, %gs:CPU_PANIC+FRAME_RDX
    movq %rcx, %gs:CPU_PANIC+FRAME_RCX
    movq %rbx, %gs:CPU_PANIC+FRAME_RBX
    movq %rax, %gs:CPU_PANIC+FRAME_RAX
    movq (%rsp), %rax
    movq %rax, %gs:CPU_PANIC+FRAME_RIP
    leaq 8(%rsp), %rax
    movq %rax, %gs:CPU_PANIC+FRAME_RSP
    movw %cs, %gs:CPU_PANIC+FRAME_CS
    movw %ss, %gs:CPU_PANIC+FRAME_SS
    xorl %eax, %eax
    jmp panic_formatted

    .section .note.GNU-stack, "", @progbits
