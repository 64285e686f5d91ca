/*
 * The way in: from the boot loader, in 32-bit protected mode without paging, to platform_start in
 * long mode at the address the kernel is linked at.
 *
 * Two loaders are understood.  GRUB finds the Multiboot2 header (Multiboot2 specification, 3.1) and
 * comes to multiboot_entry with EAX = 0x36d76289 and EBX = its information.  QEMU's -kernel, and
 * Xen, find the PVH note and come to pvh_entry with EBX = the start information, whose own magic
 * number is used to tell the two apart.
 *
 * The early page tables map the first 4 GiB three times: at 0, at DIRECT_MAP, and its first 2 GiB
 * at KERNEL_BASE.  memory.c replaces them; other CPUs come through them again (trampoline.S).
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)

#define MULTIBOOT_MAGIC 0xe85250d6
#define MULTIBOOT_LENGTH (multiboot_end - multiboot_start)
#define PVH_MAGIC 0x336ec578

    .section .multiboot, "a", @progbits
    .balign 8
multiboot_start:
    .long MULTIBOOT_MAGIC, 0, MULTIBOOT_LENGTH
    .long -(MULTIBOOT_MAGIC + 0 + MULTIBOOT_LENGTH)

    .short 3, 0                 /* entry address */
    .long 12, PHYSICAL(multiboot_entry)
    .balign 8
    .short 5, 1                 /* framebuffer: of this size if there is a choice; optional */
    .long 20, 1024, 768, 32
    .balign 8
    .short 6, 0                 /* modules on page boundaries */
    .long 8
    .short 0, 0                 /* end */
    .long 8
multiboot_end:

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18              /* name and value sizes, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad PHYSICAL(pvh_entry)

    .section .text.boot, "ax", @progbits
    .code32
    .globl pvh_entry
pvh_entry:
    movl $PVH_MAGIC, %eax
    .globl multiboot_entry
multiboot_entry:
    cli
    cld
    movl $PHYSICAL(boot_stack_top), %esp
    movl %eax, %edi
    movl %ebx, %esi

    /* Long mode (SDM vol. 2, CPUID).  Anything with CPUID missing is older than anything bootable. */
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode

    /* Four page directories of 2 MiB pages: writable, present. */
    movl $PHYSICAL(boot_directories), %ebx
    xorl %ecx, %ecx
    movl $0x83, %eax
1:  movl %eax, (%ebx,%ecx,8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jne 1b
    /* The two page directory pointer tables. */
    movl $PHYSICAL(boot_directories) + 3, %eax
    movl %eax, PHYSICAL(boot_pdpt_low)
    movl %eax, PHYSICAL(boot_pdpt_high) + 510 * 8
    addl $0x1000, %eax
    movl %eax, PHYSICAL(boot_pdpt_low) + 8
    movl %eax, PHYSICAL(boot_pdpt_high) + 511 * 8
    addl $0x1000, %eax
    movl %eax, PHYSICAL(boot_pdpt_low) + 16
    addl $0x1000, %eax
    movl %eax, PHYSICAL(boot_pdpt_low) + 24
    movl $PHYSICAL(boot_pdpt_low) + 3, PHYSICAL(boot_pml4)
    movl $PHYSICAL(boot_pdpt_low) + 3, PHYSICAL(boot_pml4) + 256 * 8
    movl $PHYSICAL(boot_pdpt_high) + 3, PHYSICAL(boot_pml4) + 511 * 8

    /* SDM vol. 3, 9.8.5: PAE, CR3, EFER.LME, paging.  5-level paging stays off (CR4.LA57). */
    movl $0x20, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_pml4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x80010001, %eax      /* PG WP PE */
    movl %eax, %cr0
    lgdt PHYSICAL(boot_gdt_pointer)
    ljmp $8, $PHYSICAL(long_mode)

    .code64
long_mode:
    movq $1f, %rax              /* to where it is linked */
    jmp *%rax
1:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $boot_stack_top, %rsp
    xorl %ebp, %ebp
    movl %edi, %edi             /* magic */
    movl %esi, %esi             /* information, physical */
    call platform_start

    /* Too old: say so on the first serial port and the text screen, leave QEMU if that is it. */
    .code32
no_long_mode:
    movl $PHYSICAL(no_long_mode_text), %esi
    movl $0xb8000, %ebx
2:  lodsb
    testb %al, %al
    jz 3f
    movb $0x3f, %ah
    movw %ax, (%ebx)
    addl $2, %ebx
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 2b
3:  movl $0x7f, %eax
    movw $0xf4, %dx
    outl %eax, %dx
4:  cli
    hlt
    jmp 4b

    .section .rodata
no_long_mode_text:
    .asciz "portolan: cannot boot: CPU lacks long mode (64 bits)\r\n"
    .balign 8
    .globl boot_gdt
boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
    .short 23
    .long PHYSICAL(boot_gdt)

    .section .bss.page, "aw", @nobits
    .balign 4096
    .globl boot_pml4
boot_pml4:
    .skip 4096
boot_pdpt_low:
    .skip 4096
boot_pdpt_high:
    .skip 4096
boot_directories:
    .skip 4 * 4096
    /* memory.c unmaps the guard page. */
    .globl boot_stack_guard, boot_stack_top
boot_stack_guard:
    .skip 4096
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
