/*
 * Where the process server sends a thread that is to run a signal handler (<portolan/process.h>).
 *
 * RSP is right for a call's frame below the red zone; all registers but it, RIP and RFLAGS, which are
 * in the thread's slot, are those of the code that was cut short.  They are kept as a ucontext_t whose
 * last member is what XSAVE writes.  At the end the last three words to be put back are written below
 * the red zone of the stack that was left, and RET with a count brings RSP up again.  (IRETQ would do
 * it, but QEMU makes its accesses the supervisor's, which SMAP forbids.)
 *
 *     ucontext_t (UC_MCONTEXT .. UC_FPU), XSAVE area | 15 registers | RSP at entry
 */
        .set    UC_MCONTEXT, 48
        .set    UC_RBX, UC_MCONTEXT + 13 * 8
        .set    UC_RIP, UC_MCONTEXT + 15 * 8
        .set    UC_RFLAGS, UC_RIP + 8
        .set    UC_RSP, UC_RIP + 16
        .set    UC_FPU, 208
        .set    XSAVE_HEADER, 512
        .set    RED_ZONE, 128

        .text
        .globl  __libc_signal_entry
        .type   __libc_signal_entry, @function
__libc_signal_entry:
        pushq   %rax
        pushq   %rbx
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %rbp
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, %rsi
        subq    __libc_signal_fpu_size(%rip), %rsp
        andq    $-64, %rsp
        xorl    %eax, %eax
        .irp    word, 0, 8, 16, 24, 32, 40, 48, 56
        movq    %rax, XSAVE_HEADER + \word(%rsp)
        .endr
        decl    %eax
        movl    %eax, %edx
        xsave64 (%rsp)
        leaq    -UC_FPU(%rsp), %rsp
        movq    %rsp, %rbx
        movq    %rsp, %rdi
        xorl    %ebp, %ebp
        call    __libc_signal_arrived

        movl    $-1, %eax
        movl    %eax, %edx
        xrstor64 UC_FPU(%rbx)
        movq    UC_RSP(%rbx), %rcx
        movq    UC_RIP(%rbx), %rax
        movq    %rax, -(RED_ZONE + 8)(%rcx)
        movq    UC_RFLAGS(%rbx), %rax
        movq    %rax, -(RED_ZONE + 16)(%rcx)
        movq    UC_RBX(%rbx), %rax
        movq    %rax, -(RED_ZONE + 24)(%rcx)
        leaq    -(RED_ZONE + 24)(%rcx), %rax
        movq    %rax, UC_RSP(%rbx)
        movq    UC_MCONTEXT + 0(%rbx), %r15
        movq    UC_MCONTEXT + 8(%rbx), %r14
        movq    UC_MCONTEXT + 16(%rbx), %r13
        movq    UC_MCONTEXT + 24(%rbx), %r12
        movq    UC_MCONTEXT + 32(%rbx), %r11
        movq    UC_MCONTEXT + 40(%rbx), %r10
        movq    UC_MCONTEXT + 48(%rbx), %r9
        movq    UC_MCONTEXT + 56(%rbx), %r8
        movq    UC_MCONTEXT + 64(%rbx), %rbp
        movq    UC_MCONTEXT + 72(%rbx), %rdi
        movq    UC_MCONTEXT + 80(%rbx), %rsi
        movq    UC_MCONTEXT + 88(%rbx), %rdx
        movq    UC_MCONTEXT + 96(%rbx), %rcx
        movq    UC_MCONTEXT + 112(%rbx), %rax
        movq    UC_RSP(%rbx), %rsp
        popq    %rbx
        popfq
        ret     $RED_ZONE
        .size   __libc_signal_entry, . - __libc_signal_entry

/*
 * void __libc_signal_call(uintptr_t stack, void (*handler)(int, siginfo_t *, void *), int number,
 *                         siginfo_t *info, void *context)
 *
 * Calls a handler on another stack, whose top, a multiple of 16, is given.
 */
        .globl  __libc_signal_call
        .type   __libc_signal_call, @function
__libc_signal_call:
        pushq   %rbp
        movq    %rsp, %rbp
        movq    %rdi, %rsp
        movq    %rsi, %rax
        movl    %edx, %edi
        movq    %rcx, %rsi
        movq    %r8, %rdx
        call    *%rax
        movq    %rbp, %rsp
        popq    %rbp
        ret
        .size   __libc_signal_call, . - __libc_signal_call

        .section .note.GNU-stack, "", @progbits
