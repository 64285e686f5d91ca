/*
 * Copying, filling and comparing memory.
 *
 * Bulk goes by eight bytes at a time with rep movsq and rep stosq: they are short, use no vector
 * registers (which belong to user threads) and, where instructions are counted, each element counts.
 * From eight bytes on, the odd bytes at the end are moved by one eight-byte move that overlaps what
 * is done already; its value is read before anything is written.
 */
    .text

    .globl memmove
    .p2align 4
memmove:
    movq %rdi, %rax
    subq %rsi, %rax
    cmpq %rdx, %rax
    jb backward                 /* the start of `to` lies inside `from` */

    .globl memcpy
memcpy:
    movq %rdi, %rax
    cmpq $8, %rdx
    jb small_copy
    movq -8(%rsi,%rdx), %r8
    leaq -8(%rdi,%rdx), %r9
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    movq %r8, (%r9)
    ret
small_copy:
    testl %edx, %edx
    jz 2f
1:  movb (%rsi), %cl
    movb %cl, (%rdi)
    incq %rsi
    incq %rdi
    decl %edx
    jnz 1b
2:  ret

backward:
    movq %rdi, %rax
    leaq -1(%rsi,%rdx), %rsi
    leaq -1(%rdi,%rdx), %rdi
    std
    movl %edx, %ecx
    andl $7, %ecx
    rep movsb
    subq $7, %rsi
    subq $7, %rdi
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    cld
    ret

    .globl memset
    .p2align 4
memset:
    movq %rdi, %r9
    movzbl %sil, %eax
    movabsq $0x0101010101010101, %rcx
    imulq %rcx, %rax
    cmpq $8, %rdx
    jb 3f
    movq %rax, -8(%rdi,%rdx)
    movq %rdx, %rcx
    shrq $3, %rcx
    rep stosq
    movq %r9, %rax
    ret
3:  testl %edx, %edx
    jz 5f
4:  movb %al, (%rdi)
    incq %rdi
    decl %edx
    jnz 4b
5:  movq %r9, %rax
    ret

    .globl fill_words
    .p2align 4
fill_words:
    movq %rsi, %rax
    movq %rdx, %rcx
    rep stosq
    ret

    .globl memcmp
    .p2align 4
memcmp:
    xorl %eax, %eax
6:  testq %rdx, %rdx
    jz 7f
    movzbl (%rdi), %eax
    movzbl (%rsi), %ecx
    subl %ecx, %eax
    jnz 7f
    incq %rdi
    incq %rsi
    decq %rdx
    jmp 6b
7:  ret

    .globl strlen
    .p2align 4
strlen:
    xorl %eax, %eax
8:  cmpb $0, (%rdi,%rax)
    je 9f
    incq %rax
    jmp 8b
9:  ret

    .section .note.GNU-stack, "", @progbits
