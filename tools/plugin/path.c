/*
 * A QEMU TCG plugin that looks closely at one stretch of guest execution: how many instructions,
 * which distinct 4 KiB pages of kernel code and data, and which slow instructions it takes.
 *
 * The guest marks the stretch by executing XCHG BX,BX (66 87 DB) at its beginning and at its end;
 * each stretch prints one line when it ends:
 *
 *   PATH n instructions I kernel K code C data D syscall S sysret R cr3 W fsbase F swapgs G invlpg
 * L locked A wrmsr M xsave X
 *
 * Debian packages no header for plugins; the declarations are those of QEMU 7.2's plugin interface,
 * version 1 (docs/devel/tcg-plugins.rst). One virtual CPU only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum { QEMU_PLUGIN_MEM_RW = 3 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned, void *), int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*cb)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *),
                                      int flags, int rw, void *data);
void qemu_plugin_outs(const char *text);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum kind {
    MARK,
    PLAIN,
    SYSCALL,
    SYSRET,
    CR3,
    FSBASE,
    SWAPGS,
    INVLPG,
    LOCKED,
    WRMSR,
    XSAVE,
    KINDS
};
static const char *const kind_names[KINDS] = {
    "", "", "syscall", "sysret", "cr3", "fsbase", "swapgs", "invlpg", "locked", "wrmsr", "xsave"};

#define PAGES_MAX 256u
struct page_set {
    uint64_t pages[PAGES_MAX];
    unsigned count;
};

static bool counting;
static unsigned stretches;
static uint64_t instructions, kernel_instructions, counts[KINDS];
static struct page_set code, data;

static bool in_kernel(uint64_t address)
{
    return address >> 63;
}

static void touch(struct page_set *set, uint64_t address)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->pages[i] == address >> 12)
            return;
    if (set->count < PAGES_MAX)
        set->pages[set->count++] = address >> 12;
}

static void report(void)
{
    char line[512];
    int length =
        snprintf(line, sizeof(line), "PATH %u instructions %llu kernel %llu code %u data %u",
                 stretches++, (unsigned long long)instructions,
                 (unsigned long long)kernel_instructions, code.count, data.count);
    for (int kind = SYSCALL; kind < KINDS; kind++)
        length += snprintf(line + length, sizeof(line) - (size_t)length, " %s %llu",
                           kind_names[kind], (unsigned long long)counts[kind]);
    snprintf(line + length, sizeof(line) - (size_t)length, "\n");
    qemu_plugin_outs(line);
}

static void mark(unsigned cpu, void *unused)
{
    (void)cpu, (void)unused;
    if (counting)
        report();
    counting = !counting;
    instructions = kernel_instructions = 0;
    memset(counts, 0, sizeof(counts));
    code.count = data.count = 0;
}

/* What the callbacks of an instruction get: address (canonical, so 48 bits tell it) and kind. */
static void *pack(uint64_t address, enum kind kind)
{
    return (void *)(uintptr_t)(address << 8 | (uint64_t)kind);
}

static void executed(unsigned cpu, void *packed)
{
    (void)cpu;
    if (!counting)
        return;
    uint64_t address = (uint64_t)((int64_t)(uintptr_t)packed >> 8);
    instructions++;
    counts[(uintptr_t)packed & 0xff]++;
    if (in_kernel(address)) {
        kernel_instructions++;
        touch(&code, address);
    }
}

static void accessed(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *unused)
{
    (void)cpu, (void)info, (void)unused;
    if (counting && in_kernel(address))
        touch(&data, address);
}

/* Opcodes as the Intel SDM, volume 2, gives them. */
static enum kind classify(const uint8_t *bytes, size_t size)
{
    static const uint8_t marker[] = {0x66, 0x87, 0xdb};
    if (size == 3 && !memcmp(bytes, marker, 3))
        return MARK;
    bool lock = false, repeat = false;
    size_t i = 0;
    for (; i < size; i++) {
        if (bytes[i] == 0xf0)
            lock = true;
        else if (bytes[i] == 0xf3)
            repeat = true;
        else if (bytes[i] != 0x66 && bytes[i] != 0xf2 && bytes[i] != 0x65 && bytes[i] != 0x64 &&
                 (bytes[i] & 0xf0) != 0x40)
            break;
    }
    if (lock)
        return LOCKED;
    if (i < size && (bytes[i] == 0x86 || bytes[i] == 0x87) && i + 1 < size && bytes[i + 1] < 0xc0)
        return LOCKED; /* XCHG with memory locks by itself */
    if (i + 1 >= size || bytes[i] != 0x0f)
        return PLAIN;
    uint8_t opcode = bytes[i + 1], modrm = i + 2 < size ? bytes[i + 2] : 0, reg = modrm >> 3 & 7;
    switch (opcode) {
    case 0x05:
        return SYSCALL;
    case 0x07:
        return SYSRET;
    case 0x30:
        return WRMSR;
    case 0x22:
        return reg == 3 ? CR3 : PLAIN;
    case 0x01:
        return modrm == 0xf8 ? SWAPGS : reg == 7 && modrm < 0xc0 ? INVLPG : PLAIN;
    case 0xae:
        if (repeat && modrm >= 0xc0)
            return reg == 2 || reg == 3 ? FSBASE : PLAIN;
        return reg >= 4 && reg <= 6 && modrm < 0xc0 ? XSAVE : PLAIN;
    default:
        return PLAIN;
    }
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        enum kind kind = classify(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));
        if (kind == MARK) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, QEMU_PLUGIN_CB_NO_REGS, NULL);
            continue;
        }
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, QEMU_PLUGIN_CB_NO_REGS,
                                               pack(qemu_plugin_insn_vaddr(insn), kind));
        qemu_plugin_register_vcpu_mem_cb(insn, accessed, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
                                         NULL);
    }
}

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
