/*
 * Thread-local data: where the program's initial image lies and how a thread's copy is laid out
 * (ELF handling for thread-local storage, variant II; System V ABI for AMD64).
 *
 *     block                                 block + offset = FS
 *     | initial image, zeros, padding  ->  | struct __pthread |
 *
 * The image holds addresses (stdin's, for one), so copies are made after relocation.
 */
#include <stddef.h>
#include <string.h>

#include "program.h"
#include "thread.h"

static const Elf64_Phdr *tls_header(void)
{
    return program_header(PT_TLS);
}

size_t __libc_tls_alignment(void)
{
    const Elf64_Phdr *tls = tls_header();
    return tls && tls->p_align > _Alignof(max_align_t) ? tls->p_align : _Alignof(max_align_t);
}

static size_t offset_of_thread(const Elf64_Phdr *tls)
{
    size_t alignment = __libc_tls_alignment();
    return tls ? (tls->p_memsz + alignment - 1) & ~(alignment - 1) : 0;
}

size_t __libc_tls_size(void)
{
    return offset_of_thread(tls_header()) + sizeof(struct __pthread);
}

struct __pthread *__libc_tls_make(void *block)
{
    const Elf64_Phdr *tls = tls_header();
    struct __pthread *thread = (struct __pthread *)((char *)block + offset_of_thread(tls));
    if (tls) {
        char *data = (char *)thread - ((tls->p_memsz + tls->p_align - 1) & -tls->p_align);
        memcpy(data, (const char *)program_bias() + tls->p_vaddr, tls->p_filesz);
        memset(data + tls->p_filesz, 0, tls->p_memsz - tls->p_filesz);
    }
    memset(thread, 0, offsetof(struct __pthread, values));
    thread->self = thread;
    return thread;
}
