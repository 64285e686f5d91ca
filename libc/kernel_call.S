/*
 * int64_t __libc_kernel_call(uint64_t number, uint64_t *rdi, uint64_t *rsi, struct message *head)
 *
 * A message call to the kernel (<portolan/syscall.h>), number | port << 32, at the one place where
 * signals may cut a wait short.  Who delivers them finds a thread
 *     from __libc_kernel_call to __libc_kernel_check    on its way: it will see signals_due (FS:16);
 *     behind that, up to __libc_kernel_enter            too late for that: to __libc_kernel_abort;
 *     at __libc_kernel_wait                             in the wait, or at its end.
 */
        .text
        .globl  __libc_kernel_call, __libc_kernel_check, __libc_kernel_enter, __libc_kernel_wait
        .globl  __libc_kernel_abort
        .set    EINTR, 4
        .type   __libc_kernel_call, @function
__libc_kernel_call:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   %rsi
        pushq   %rdx
        movq    %rcx, %rbp
        movq    %rdi, %rax
        movq    (%rsi), %rdi
        movq    (%rdx), %rsi
        movq    0(%rbp), %rbx
        movq    8(%rbp), %r8
        movq    16(%rbp), %r9
        movq    24(%rbp), %r10
        movq    32(%rbp), %r12
        movq    40(%rbp), %r13
        movq    48(%rbp), %r14
        movq    56(%rbp), %r15
__libc_kernel_check:
        cmpl    $0, %fs:16
        jne     __libc_kernel_abort
__libc_kernel_enter:
        syscall
__libc_kernel_wait:
        movq    %rbx, 0(%rbp)
        movq    %r8, 8(%rbp)
        movq    %r9, 16(%rbp)
        movq    %r10, 24(%rbp)
        movq    %r12, 32(%rbp)
        movq    %r13, 40(%rbp)
        movq    %r14, 48(%rbp)
        movq    %r15, 56(%rbp)
        popq    %rdx
        movq    %rsi, (%rdx)
        popq    %rsi
        movq    %rdi, (%rsi)
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
__libc_kernel_abort:
        movq    $-EINTR, %rax
        cmpl    $0, %fs:56              /* signals_held: then handlers are yet to run */
        jne     __libc_kernel_wait
        movl    $0, %fs:16
        jmp     __libc_kernel_wait
        .size   __libc_kernel_call, . - __libc_kernel_call

        .section .note.GNU-stack, "", @progbits
