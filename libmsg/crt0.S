/*
 * Where a program begins: RDI = what its maker left for it, RSI = its message page (see boot.h and
 * startup.h).  Ends the chain of frames for backtraces and goes on in C.
 */
        .section .text.start, "ax"
        .globl  _start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp
        andq    $-16, %rsp
        call    program_start
        ud2
        .size   _start, . - _start

        .section .note.GNU-stack, "", @progbits
