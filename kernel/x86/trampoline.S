/*
 * Where another CPU starts: in real mode, at the start of a page below 1 MiB that smp.c copied this
 * to.  Goes through the early page tables (start.S) to ap_start, with the struct cpu that smp.c left
 * behind the code; all addresses are relative to where the page lies, which is CS * 16.
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)
#define HERE(symbol) ((symbol) - trampoline_start)

    .text
    /* At its linked address, which the kernel's page tables map too: RDI struct cpu, RSI stack. */
ap_entry:
    movq kernel_cr3(%rip), %rax
    movq %rax, %cr3
    movq %rsi, %rsp
    xorl %ebp, %ebp
    call ap_start

    .section .rodata
    .globl trampoline_start, trampoline_end, trampoline_cpu, trampoline_stack
    .balign 16
trampoline_start:
    .code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx               /* where the page lies */
    lgdtl HERE(trampoline_gdt_pointer)
    movl $0x20, %eax            /* SDM vol. 3, 9.8.5: PAE, CR3, EFER.LME, paging */
    movl %eax, %cr4
    movl $PHYSICAL(boot_pml4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x900, %eax            /* and NXE: the kernel's page tables need it */
    wrmsr
    movl $0x80010001, %eax      /* PG WP PE: straight from real mode into long mode */
    movl %eax, %cr0
    leal HERE(1f)(%ebx), %eax
    movl %eax, HERE(trampoline_target)
    ljmpl *HERE(trampoline_target)

    .code64
1:  movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movq HERE(trampoline_cpu)(%rbx), %rdi
    movq HERE(trampoline_stack)(%rbx), %rsi
    movq $ap_entry, %rax
    jmp *%rax

    .balign 8
trampoline_gdt_pointer:
    .short 23
    .long PHYSICAL(boot_gdt)
trampoline_target:
    .long 0
    .short 8
    .balign 8
trampoline_cpu:
    .quad 0
trampoline_stack:
    .quad 0
trampoline_end:

    .section .note.GNU-stack, "", @progbits
