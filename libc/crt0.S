/*
 * Where a program begins.  RDI = its struct startup, RSI = its message page, RSP = the top of its
 * stack.  It lies at an address that its maker chose and is not yet relocated, so nothing but
 * relative addresses may be used here and in __libc_start until that is done.
 */
        .section .text.start, "ax"
        .globl  _start
        .hidden __libc_start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp
        andq    $-16, %rsp
        leaq    main(%rip), %rdx
        call    __libc_start
        ud2
        .size   _start, . - _start

        .section .note.GNU-stack, "", @progbits
