/*
 * One CPU: features it must have, control registers, descriptor tables, task state, stacks.
 *
 * Every CPU is set up alike by cpu_start, from the table of required features down; the kernel
 * relies on all of them without asking again.
 */
#include "../cpu.h"

#include "../frame.h"
#include "../log.h"
#include "instructions.h"
#include "memory.h"
#include "platform.h"
#include "smp.h"

struct cpu cpus[CPUS_MAX];
u32 cpu_count = 1;

/* ---- Features -------------------------------------------------------------------------------- */

enum { EAX, EBX, ECX, EDX };

static const struct {
    u32 leaf;
    u8 word, bit;
    char name[10];
} required[] = {
    {1, EDX, 0, "FPU"},          {1, EDX, 4, "TSC"},
    {1, EDX, 9, "APIC"},         {1, EDX, 13, "PGE"},
    {1, EDX, 16, "PAT"},         {1, EDX, 24, "FXSR"},
    {1, EDX, 26, "SSE2"},        {1, ECX, 26, "XSAVE"},
    {7, EBX, 0, "FSGSBASE"},     {7, EBX, 7, "SMEP"},
    {7, EBX, 20, "SMAP"},        {0x80000001, EDX, 11, "SYSCALL"},
    {0x80000001, EDX, 20, "NX"}, {0x80000001, EDX, 27, "RDTSCP"},
};

static bool has_feature(u32 leaf, u32 word, u32 bit)
{
    if (cpuid(leaf & 0x80000000, 0).eax < leaf)
        return false;
    struct cpuid r = cpuid(leaf, 0);
    return (word == EBX ? r.ebx : word == ECX ? r.ecx : r.edx) >> bit & 1;
}

void cpu_check_features(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(required); i++) {
        if (!has_feature(required[i].leaf, required[i].word, required[i].bit))
            boot_failure("CPU lacks %s", required[i].name);
    }
}

/* ---- Control registers ----------------------------------------------------------------------- */

enum {
    CR0_PE = 1u << 0,
    CR0_MP = 1u << 1,
    CR0_TS = 1u << 3,
    CR0_ET = 1u << 4,
    CR0_NE = 1u << 5,
    CR0_WP = 1u << 16,
    CR0_PG = 1u << 31,
    CR4_PAE = 1u << 5,
    CR4_MCE = 1u << 6,
    CR4_PGE = 1u << 7,
    CR4_OSFXSR = 1u << 9,
    CR4_OSXMMEXCPT = 1u << 10,
    CR4_UMIP = 1u << 11,
    CR4_FSGSBASE = 1u << 16,
    CR4_OSXSAVE = 1u << 18,
    CR4_SMEP = 1u << 20,
    CR4_SMAP = 1u << 21,
    EFER_SCE = 1u << 0,
    EFER_LME = 1u << 8,
    EFER_LMA = 1u << 10,
    EFER_NXE = 1u << 11,
};

/* Memory types of the PAT entries that page tables here use: write-back, write-combining, (UC-),
 * uncacheable, twice (SDM vol. 3, 11.12). */
#define PAT_ENTRIES 0x0007010600070106ul

/* x87, SSE, AVX; and AVX-512's three, which go together (SDM vol. 1, 13.1). */
#define XCR0_BASE 0x7ul
#define XCR0_AVX512 0xe0ul
#define FPU_AREA_MAX 4096u

u32 fpu_area_size;
u64 fpu_features;
u8 fpu_initial_area[FPU_AREA_MAX] __attribute__((aligned(64)));

static void start_fpu(void)
{
    u64 supported = cpuid(0xd, 0).eax;
    fpu_features = supported & XCR0_BASE;
    if ((supported & XCR0_AVX512) == XCR0_AVX512)
        fpu_features |= XCR0_AVX512;
    xsetbv(fpu_features);
    fpu_area_size = cpuid(0xd, 0).ebx; /* for what XCR0 enables */
    if (fpu_area_size > FPU_AREA_MAX)
        boot_failure("CPU has %u bytes of FPU state", fpu_area_size);
    /* XSTATE_BV 0: all components initial; these two words are read all the same. */
    *(u16 *)fpu_initial_area = 0x37f;
    *(u32 *)(fpu_initial_area + 24) = 0x1f80;
}

static void load_control_registers(void)
{
    wrmsr(MSR_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    wrmsr(MSR_PAT, PAT_ENTRIES);
    u64 umip = has_feature(7, ECX, 2) ? CR4_UMIP : 0;
    write_cr4(CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE |
              CR4_OSXSAVE | CR4_SMEP | CR4_SMAP | umip);
    write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
    start_fpu();
    write_cr0(read_cr0() | CR0_TS);
    write_dr7(0x400);
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

enum { KERNEL_CS = 0x08, KERNEL_SS = 0x10, SYSRET_BASE = 0x18, TSS_SELECTOR = 0x30 };

extern u8 interrupt_stubs[256][16];
void syscall_entry(void); /* entry.S */

struct gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_middle;
    u32 offset_high, reserved;
};
static struct gate idt[256] __attribute__((aligned(16)));

struct table_pointer {
    u16 limit;
    u64 base;
} __attribute__((packed));

/* Interrupt gates, for the kernel alone but for INT3 (SDM vol. 3, 6.14.1). */
static void fill_idt(void)
{
    static const u8 ist_of[] = {[2] = 1, [8] = 2, [18] = 3};
    for (u32 i = 0; i < 256; i++) {
        u64 stub = (u64)interrupt_stubs[i];
        idt[i] = (struct gate){.offset_low = (u16)stub,
                               .selector = KERNEL_CS,
                               .ist = i < sizeof ist_of ? ist_of[i] : 0,
                               .type = i == 3 ? 0xee : 0x8e,
                               .offset_middle = (u16)(stub >> 16),
                               .offset_high = (u32)(stub >> 32)};
    }
}

static void load_descriptors(struct cpu *cpu)
{
    u64 tss = (u64)&cpu->tss;
    cpu->gdt[1] = 0x00af9b000000ffff; /* kernel code, 64 bits */
    cpu->gdt[2] = 0x00cf93000000ffff; /* kernel data */
    cpu->gdt[3] = 0;                  /* where SYSRET to 32 bits would look */
    cpu->gdt[4] = 0x00cff3000000ffff; /* user data */
    cpu->gdt[5] = 0x00affb000000ffff; /* user code, 64 bits */
    cpu->gdt[6] =
        (sizeof cpu->tss - 1) | (tss & 0xffffff) << 16 | 0x89ul << 40 | (tss >> 24 & 0xff) << 56;
    cpu->gdt[7] = tss >> 32;
    cpu->tss.io_bitmap = sizeof cpu->tss; /* none: no I/O ports for user code */

    struct table_pointer gdt = {sizeof cpu->gdt - 1, (u64)cpu->gdt};
    struct table_pointer idt_pointer = {sizeof idt - 1, (u64)idt};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %2, %%ss\n\t"
                     "movl %3, %%ds\n\t"
                     "movl %3, %%es\n\t"
                     "movl %3, %%fs\n\t"
                     "movl %3, %%gs\n\t"
                     "lidt %4\n\t"
                     "ltr %w5"
                     :
                     : "m"(gdt), "i"(KERNEL_CS), "r"(KERNEL_SS), "r"(0), "m"(idt_pointer),
                       "r"(TSS_SELECTOR)
                     : "rax", "memory");
}

/* RFLAGS bits that SYSCALL clears: TF IF DF NT RF AC. */
#define SYSCALL_FLAGS_MASK 0x54700ul

static void load_syscall_registers(void)
{
    wrmsr(MSR_STAR, (u64)SYSRET_BASE << 48 | (u64)KERNEL_CS << 32);
    wrmsr(MSR_LSTAR, (u64)syscall_entry);
    wrmsr(MSR_SFMASK, SYSCALL_FLAGS_MASK);
}

void cpu_start(struct cpu *cpu, u32 id, u64 stack_top, const u64 ist_top[IST_STACKS])
{
    cpu->self = cpu;
    cpu->id = id;
    cpu->stack_top = stack_top;
    for (u32 i = 0; i < IST_STACKS; i++) {
        /* The topmost word of such a stack says whose it is: GS cannot be trusted there. */
        *(struct cpu **)(ist_top[i] - 8) = cpu;
        cpu->tss.ist[i] = ist_top[i] - 16;
    }
    cpu->tss.rsp0 = stack_top;
    if (id == 0)
        fill_idt();
    load_control_registers();
    load_descriptors(cpu);
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_GS_BASE, (u64)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    wrmsr(MSR_TSC_AUX, id);
    load_syscall_registers();
}

/* ---- Work from other CPUs -------------------------------------------------------------------- */

void cpu_post(struct cpu *cpu, struct cpu_call *call)
{
    struct cpu_call *newest = atomic_load_relaxed(&cpu->mail);
    do
        call->next = newest;
    while (!atomic_compare_exchange(&cpu->mail, &newest, call));
    if (!newest)
        platform_send_ipi(cpu, VECTOR_MAIL);
}

void cpu_run_mail(void)
{
    struct cpu_call *newest = atomic_exchange(&this_cpu()->mail, NULL), *oldest = NULL;
    while (newest) {
        struct cpu_call *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct cpu_call *call = oldest;
        oldest = call->next; /* call may be posted again as soon as it runs */
        call->run(call);
    }
}
