/*
 * A thread's memory: guard, stack, thread-local data, struct __pthread, message page; see thread.h.
 */
#include <portolan/message.h>

#include "syscall.h"
#include "thread.h"

static size_t page_round(size_t length)
{
    return (length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/* Everything in a thread that follows from where its memory is. */
static struct __pthread *lay_out(const struct memory_region *memory, size_t guard_size,
                                 size_t message_size, handle_t port)
{
    uintptr_t end = memory->address + memory->length - message_size;
    uintptr_t block = (end - __libc_tls_size()) & -__libc_tls_alignment();
    struct __pthread *thread = __libc_tls_make((void *)block);
    thread->area = message_size ? (struct message_area *)end : NULL;
    thread->port = port;
    thread->memory = *memory;
    thread->stack = memory->address + guard_size;
    thread->stack_size = block - thread->stack;
    thread->guard_size = guard_size;
    thread->priority = PRIORITY_UNKNOWN;
    return thread;
}

struct __pthread *__libc_thread_make(size_t stack_size, size_t guard_size, size_t message_size)
{
    size_t guard = page_round(guard_size), length;
    if (__builtin_add_overflow(stack_size, __libc_tls_size() + __libc_tls_alignment(), &length) ||
        __builtin_add_overflow(page_round(length), guard + message_size, &length))
        return NULL;
    struct memory_region memory;
    uintptr_t hint = message_size ? 0 : MEMORY_BASE; /* the first thread's */
    if (__libc_memory_map(&memory, length, hint, MEMORY_THREAD) != 0)
        return NULL;
    int64_t port = -ENOMEM;
    if (guard == 0 || sys_protect(HANDLE_NONE, memory.address, guard, 0) == 0)
        port = sys_port_create(1);
    if (port < 0) {
        sys_unmap(HANDLE_NONE, memory.address, memory.length);
        sys_handle_close(memory.vmo);
        return NULL;
    }
    return lay_out(&memory, guard, message_size, (handle_t)port);
}

struct __pthread *__libc_thread_remake(struct __pthread *old)
{
    /* The list of regions goes on naming it: the same place, the same links. */
    __libc_memory_lock();
    struct memory_region memory = old->memory;
    size_t message_size = old->area ? MESSAGE_AREA_SIZE : 0;
    struct __pthread *thread = lay_out(&memory, old->guard_size, message_size, old->port);
    __libc_memory_unlock();
    return thread;
}

void __libc_thread_unmake(struct __pthread *thread)
{
    sys_handle_close(thread->port);
    __libc_memory_unmap(&thread->memory);
}
