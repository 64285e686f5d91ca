/*
 * From _start to main, and what it leaves for the rest of libc in __libc_process.
 *
 * The order matters: relocations first (before that no pointer in data is right), then the first
 * thread's stack and block (before that nothing may touch errno or any other thread-local data),
 * then the rest.
 */
#include <stdlib.h>

#include "arguments.h"
#include "descriptor.h"
#include "path.h"
#include "process.h"
#include "program.h"
#include "syscall.h"
#include "thread.h"

_Noreturn void __libc_start(const struct startup *startup, struct message_area *area,
                            int (*main)(int, char **, char **))
    __attribute__((visibility("hidden")));
void __libc_init_array(void);

struct process __libc_process;
char **environ;

/* The compiler must not turn this into a call, nor use a pointer from data. */
static inline __attribute__((always_inline)) void relocate(void)
{
    const uintptr_t bias = program_bias();
    const Elf64_Phdr *header = program_header(PT_DYNAMIC);
    const Elf64_Rela *table = NULL;
    size_t count = 0;
    if (header == NULL)
        return;
    const Elf64_Dyn *entry = (const Elf64_Dyn *)(bias + header->p_vaddr);
    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_RELA)
            table = (const Elf64_Rela *)(bias + entry->d_un.d_ptr);
        else if (entry->d_tag == DT_RELASZ)
            count = entry->d_un.d_val / sizeof *table;
    }
    for (size_t i = 0; i < count; i++) {
        if (ELF64_R_TYPE(table[i].r_info) == R_X86_64_RELATIVE)
            *(uintptr_t *)(bias + table[i].r_offset) = bias + (uintptr_t)table[i].r_addend;
    }
}

/* What was written by relocation alone becomes constant. */
static void protect_relocated(void)
{
    const Elf64_Phdr *header = program_header(PT_GNU_RELRO);
    if (header == NULL)
        return;
    uintptr_t start = (program_bias() + header->p_vaddr) & ~(PAGE_SIZE - 1);
    uintptr_t end = (program_bias() + header->p_vaddr + header->p_memsz) & ~(PAGE_SIZE - 1);
    if (end > start)
        sys_protect(HANDLE_NONE, start, end - start, KERNEL_MAP_READ);
}

/* The stack a program is started with is small, and its VM object not the program's to copy: main
 * runs on another. */
static struct __pthread *make_first_thread(struct message_area *area)
{
    struct __pthread *thread = __libc_thread_make(FIRST_STACK_SIZE, PAGE_SIZE, 0);
    if (thread == NULL)
        __libc_die(EXIT_NO_RESOURCES);
    thread->area = area;
    thread->handle = __libc_process.startup->thread;
    thread->is_first = true;
    sys_thread_set_fs((uint64_t)thread);
    return thread;
}

static _Noreturn void run(int (*main)(int, char **, char **))
{
    struct __pthread *self = thread_self();
    __libc_memory_enter(&self->memory);
    __libc_threads_lock();
    __libc_threads_add(self);
    __libc_threads_unlock();
    protect_relocated();
    struct arguments arguments;
    if (__libc_arguments(__libc_process.startup, &arguments) != 0)
        __libc_die(EXIT_NO_RESOURCES);
    environ = arguments.environment;
    __libc_process.tree = __libc_startup_handle(__libc_process.startup, "tree");
    __libc_process.umask = arguments.umask;
    __libc_process.group = arguments.group;
    __libc_process.signals_ignored = arguments.signals_ignored;
    __libc_process.signals_blocked = arguments.signals_blocked;
    handle_t log = __libc_startup_handle(__libc_process.startup, "log");
    if (__libc_descriptors_open(&arguments, log) != 0 || !__libc_directory_open(&arguments))
        __libc_die(EXIT_NO_RESOURCES);
    __libc_init_array();
    exit(main(arguments.count, arguments.values, environ));
}

_Noreturn void __libc_start(const struct startup *startup, struct message_area *area,
                            int (*main)(int, char **, char **))
{
    relocate();
    __libc_process.startup = startup;
    __libc_process.task = startup->task;
    __libc_process.clock = (const struct clock_page *)startup->clock_address;
    struct __pthread *thread = make_first_thread(area);
    uintptr_t stack = (thread->stack + thread->stack_size) & ~15ul;
    __asm__ volatile("movq %0, %%rsp\n\txorl %%ebp, %%ebp\n\tcall *%1\n\tud2"
                     :
                     : "r"(stack), "r"(run), "D"(main)
                     : "memory");
    __builtin_unreachable();
}

/* What a program from another world might have defined: .init and .fini sections' frames. */
void _init(void);
void _fini(void);
void _init(void) {}
void _fini(void) {}
