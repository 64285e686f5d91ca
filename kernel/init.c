/*
 * The first task: made from the first file of the boot module, a cpio archive (newc) whose first
 * member is a statically linked ELF64 program.  The kernel reads just that much of either format;
 * the rest is for the first task.
 */
#include <portolan/boot.h>
#include <portolan/syscall.h>

#include "envelope.h"
#include "log.h"
#include "page.h"
#include "port.h"
#include "resource.h"
#include "sched.h"
#include "task.h"
#include "thread.h"
#include "vmo.h"
#include "x86/platform.h"

/* ---- cpio ------------------------------------------------------------------------------------ */

#define CPIO_HEADER 110u /* "070701", then 13 numbers of 8 hexadecimal digits */

static u64 hexadecimal(const u8 *digits, bool *bad)
{
    u64 value = 0;
    for (u32 i = 0; i < 8; i++) {
        u8 c = digits[i];
        u32 digit = 16;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10u;
        *bad |= digit > 15;
        value = value << 4 | (digit & 15);
    }
    return value;
}

/* The first member's data in the module of `size` bytes; sets *length. Fails the boot otherwise. */
static const u8 *first_member(const u8 *module, u64 size, u64 *length)
{
    bool bad = false;
    if (size < CPIO_HEADER || memcmp(module, "070701", 6))
        boot_failure("the boot module is not a cpio archive");
    u64 file = hexadecimal(module + 6 + 6 * 8, &bad), name = hexadecimal(module + 6 + 11 * 8, &bad);
    u64 start = (CPIO_HEADER + name + 3) & ~3ul;
    if (bad || range_exceeds(start, file, size))
        boot_failure("the boot module is damaged: its first file is cut short");
    *length = file;
    return module + start;
}

/* ---- ELF ------------------------------------------------------------------------------------- */

struct elf_header {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, program_offset, section_offset;
    u32 flags;
    u16 size, program_size, program_count, section_size, section_count, names;
};

struct elf_segment {
    u32 type, flags;
    u64 offset, address, physical, file_size, memory_size, align;
};

enum { ELF_LOAD = 1, ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4, ELF_X86_64 = 62 };

static void map_or_fail(struct task *task, struct vmo *vmo, u64 length, u64 address, u32 flags)
{
    struct span span;
    i64 error = span_of_object(vmo_object(vmo), RIGHTS_ALL, &span);
    if (!error)
        error = aspace_map(task->aspace, &span, 0, length, address, flags | MAP_FIXED);
    if (error < 0)
        boot_failure("the first program does not fit: error %ld", -error);
}

static struct vmo *memory_or_fail(struct task *task, u64 bytes)
{
    struct vmo *vmo = vmo_create_anonymous(bytes, task->budget);
    if (!vmo)
        boot_failure("too little memory for the first program");
    return vmo;
}

/* Gives up the reference that came with creation: the mapping keeps the object. */
static void unname(struct vmo *vmo)
{
    object_put(vmo_object(vmo));
}

static void load_segment(struct task *task, const u8 *file, u64 length, struct elf_segment segment)
{
    u64 within = segment.address & (PAGE_SIZE - 1), bytes;
    if (range_exceeds(segment.offset, segment.file_size, length) ||
        segment.file_size > segment.memory_size || segment.address >= USER_LIMIT ||
        range_exceeds(segment.address, segment.memory_size, USER_LIMIT) ||
        __builtin_add_overflow(page_up(within + segment.memory_size), 0, &bytes))
        boot_failure("the first program is damaged: a segment is out of range");
    struct vmo *vmo = memory_or_fail(task, bytes);
    if (vmo_copy_in(vmo, within, file + segment.offset, segment.file_size))
        boot_failure("too little memory for the first program");
    u32 flags = MAP_READ | (segment.flags & ELF_WRITE ? MAP_WRITE : 0) |
                (segment.flags & ELF_EXECUTE ? MAP_EXECUTE : 0);
    map_or_fail(task, vmo, bytes, page_down(segment.address), flags);
    unname(vmo);
}

/* Maps the program's segments; its entry point. */
static u64 load_program(struct task *task, const u8 *file, u64 length)
{
    struct elf_header header;
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    if (length < sizeof(header))
        boot_failure("the first program is not an ELF file");
    memcpy(&header, file, sizeof(header));
    if (memcmp(header.ident, ident, sizeof(ident)) || header.machine != ELF_X86_64 ||
        header.program_size != sizeof(struct elf_segment) ||
        range_exceeds(header.program_offset, header.program_count * sizeof(struct elf_segment),
                      length))
        boot_failure("the first program is not an x86-64 ELF file");
    for (u32 i = 0; i < header.program_count; i++) {
        struct elf_segment segment;
        memcpy(&segment, file + header.program_offset + i * sizeof(segment), sizeof(segment));
        if (segment.type == ELF_LOAD && segment.memory_size)
            load_segment(task, file, length, segment);
    }
    if (header.entry >= USER_LIMIT)
        boot_failure("the first program is damaged: its entry point is out of range");
    return header.entry;
}

/* ---- The task -------------------------------------------------------------------------------- */

static handle_t give(struct task *task, struct object *object)
{
    handle_t handle = handle_insert(&task->handles, object, RIGHTS_ALL, 0);
    if (!handle)
        boot_failure("too little memory for the first task");
    return handle;
}

/* A thread whose message page is mapped at BOOT_MESSAGE_ADDRESS. */
static struct thread *first_thread(struct task *task)
{
    struct vmo *area = memory_or_fail(task, MESSAGE_AREA_SIZE);
    map_or_fail(task, area, MESSAGE_AREA_SIZE, BOOT_MESSAGE_ADDRESS, MAP_READ | MAP_WRITE);
    struct span span;
    struct message_pages pages;
    struct thread *thread = NULL;
    if (!span_of_object(vmo_object(area), RIGHTS_ALL, &span) &&
        !message_pages_pin(&span, 0, &pages))
        thread = thread_create(task, &pages);
    if (!thread)
        boot_failure("too little memory for the first thread");
    unname(area);
    return thread;
}

/* Fills and maps the page of boot information. */
static void describe(struct task *task, struct thread *thread)
{
    static struct boot_info info;
    struct resource *root = resource_create(RESOURCE_ROOT, 0, UINT64_MAX, task->budget);
    struct vmo *clock = vmo_create_kernel_physical(clock_page_physical(), PAGE_SIZE, VMO_CACHED);
    struct vmo *module = vmo_create_kernel_physical(page_down(boot_facts.module_start),
                                                    page_up(boot_facts.module_size), VMO_CACHED);
    if (!root || !clock || !module)
        boot_failure("too little memory for the first task");
    object_get(&task->object);
    object_get(&thread->object);
    info = (struct boot_info){.task = give(task, &task->object),
                              .thread = give(task, &thread->object),
                              .resource = give(task, &root->object),
                              .module = give(task, vmo_object(module)),
                              .clock = give(task, vmo_object(clock)),
                              .cpus = cpu_count,
                              .module_size = boot_facts.module_size,
                              .acpi_rsdp = boot_facts.rsdp,
                              .memory_total = boot_facts.memory_total,
                              .framebuffer = boot_facts.framebuffer};
    memcpy(info.command_line, boot_facts.command_line, sizeof(info.command_line));
    struct vmo *page = memory_or_fail(task, sizeof(info));
    if (vmo_copy_in(page, 0, &info, sizeof(info)))
        boot_failure("too little memory for the first task");
    map_or_fail(task, page, page_up(sizeof(info)), BOOT_INFO_ADDRESS, MAP_READ);
    unname(page);
}

void kernel_init(void)
{
    sched_init();
    envelope_init();
    root_budget = budget_create(NULL, page_free_count() * PAGE_SIZE);
    if (!root_budget)
        boot_failure("too little memory");
    struct task *task = task_create(root_budget, (u64)root_budget->limit, NULL);
    if (!task)
        boot_failure("too little memory for the first task");
    u64 length;
    const u8 *program =
        first_member(phys_to_virt(boot_facts.module_start), boot_facts.module_size, &length);
    u64 entry = load_program(task, program, length);
    struct vmo *stack = memory_or_fail(task, BOOT_STACK_SIZE);
    map_or_fail(task, stack, BOOT_STACK_SIZE, BOOT_STACK_TOP - BOOT_STACK_SIZE,
                MAP_READ | MAP_WRITE);
    unname(stack);
    struct thread *thread = first_thread(task);
    describe(task, thread);
    thread->user.rip = entry;
    thread->user.rsp = BOOT_STACK_TOP;
    thread->user.rdi = BOOT_INFO_ADDRESS;
    thread->user.rsi = BOOT_MESSAGE_ADDRESS;
    thread->priority = thread->effective = PRIORITY_DEFAULT;
    if (thread_start(thread))
        boot_failure("the first thread does not start");
    object_put(&thread->object);
    object_put(&task->object);
}
