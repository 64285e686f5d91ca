/*
 * A thread's user registers.  The CPU itself pushes the last five on an interrupt from user mode:
 * its RSP0 points at the end of the current thread's frame.
 */
#ifndef FRAME_H
#define FRAME_H

#include "kernel.h"

struct frame {
    u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct frame) == 176, "RSP0 must stay 16-byte aligned");

#define USER_CS 0x2bul
#define USER_SS 0x23ul
#define USER_RFLAGS 0x202ul
/* What user code may set in RFLAGS: CF PF AF ZF SF TF DF OF AC ID. */
#define USER_RFLAGS_MASK 0x240dd5ul

#endif
