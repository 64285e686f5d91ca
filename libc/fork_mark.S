/*
 * int __libc_fork_mark(struct fork_mark *mark)
 *
 * Notes where its caller is and gives 0.  The child of a fork begins at __libc_fork_resume with RSP =
 * mark, in memory that is a copy of what the caller has by then, and comes back from here with 1.
 */
        .text
        .globl  __libc_fork_mark, __libc_fork_resume
        .type   __libc_fork_mark, @function
__libc_fork_mark:
        movq    %rbx, 0(%rdi)
        movq    %rbp, 8(%rdi)
        movq    %r12, 16(%rdi)
        movq    %r13, 24(%rdi)
        movq    %r14, 32(%rdi)
        movq    %r15, 40(%rdi)
        leaq    8(%rsp), %rax
        movq    %rax, 48(%rdi)
        movq    (%rsp), %rax
        movq    %rax, 56(%rdi)
        stmxcsr 64(%rdi)
        fnstcw  68(%rdi)
        xorl    %eax, %eax
        ret
        .size   __libc_fork_mark, . - __libc_fork_mark

        .type   __libc_fork_resume, @function
__libc_fork_resume:
        movq    %rsp, %rdi
        movq    0(%rdi), %rbx
        movq    8(%rdi), %rbp
        movq    16(%rdi), %r12
        movq    24(%rdi), %r13
        movq    32(%rdi), %r14
        movq    40(%rdi), %r15
        movq    48(%rdi), %rsp
        ldmxcsr 64(%rdi)
        fldcw   68(%rdi)
        movl    $1, %eax
        jmpq    *56(%rdi)
        .size   __libc_fork_resume, . - __libc_fork_resume

        .section .note.GNU-stack, "", @progbits
