/*
 * Making and joining threads.
 *
 * One VM object holds, from the bottom: a guard page (not accessible), the stack, a page whose top
 * is the thread block, the message page.
 */
#include "thread.h"

static uint64_t page_round(uint64_t length)
{
    return (length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static void thread_main(struct thread_block *block)
{
    block->function(block->argument);
    sys_thread_exit(0);
}

/* Maps the memory of a thread; *vmo stays open. */
static int64_t area_create(struct thread *thread, uint64_t length, handle_t *vmo)
{
    int64_t handle = sys_vmo_create(VMO_ANONYMOUS, length, 0, 0);
    if (handle < 0)
        return handle;
    int64_t base = sys_map(HANDLE_NONE, (handle_t)handle, 0, length, 0, MAP_READ | MAP_WRITE);
    if (base < 0) {
        sys_handle_close((handle_t)handle);
        return base;
    }
    int64_t error = sys_protect(HANDLE_NONE, (uint64_t)base, PAGE_SIZE, 0);
    if (error < 0) {
        sys_unmap(HANDLE_NONE, (uint64_t)base, length);
        sys_handle_close((handle_t)handle);
        return error;
    }
    thread->base = (uint64_t)base;
    thread->length = length;
    *vmo = (handle_t)handle;
    return 0;
}

int64_t thread_create(struct thread *thread, handle_t task, void (*function)(void *),
                      void *argument, const struct thread_options *options)
{
    uint64_t stack = page_round(options->stack_size ? options->stack_size : THREAD_STACK_SIZE);
    uint64_t message_offset = PAGE_SIZE + stack;
    struct thread made = {0};
    handle_t vmo;
    int64_t error = area_create(&made, message_offset + MESSAGE_AREA_SIZE, &vmo);
    if (error < 0)
        return error;

    uint64_t message_address = made.base + message_offset;
    struct thread_block *block = (struct thread_block *)(message_address - sizeof *block);
    *block = (struct thread_block){.self = block,
                                   .area = (struct message_area *)message_address,
                                   .function = function,
                                   .argument = argument};
    const struct thread_creation creation = {
        .task = task,
        .entry = (uint64_t)thread_main,
        .stack = (uint64_t)block - 8, /* as a call would leave it: 16-byte aligned, less 8 */
        .arg = (uint64_t)block,
        .message_vmo = vmo,
        .message_offset = message_offset,
        .message_address = message_address,
        .priority = options->priority,
        .cpu = options->cpu,
        .fs_base = (uint64_t)block,
    };
    int64_t handle = sys_thread_create(&creation);
    sys_handle_close(vmo);
    if (handle < 0) {
        sys_unmap(HANDLE_NONE, made.base, made.length);
        return handle;
    }
    made.handle = (handle_t)handle;
    *thread = made;
    return 0;
}

void thread_free(struct thread *thread)
{
    sys_handle_close(thread->handle);
    sys_unmap(HANDLE_NONE, thread->base, thread->length);
}

int64_t wait_for_death(handle_t handle, uint64_t deadline, int64_t *status)
{
    int64_t port = sys_port_create(1);
    if (port < 0)
        return port;
    struct message head = {0};
    struct receipt receipt;
    int64_t result = sys_watch(handle, (handle_t)port, 0);
    if (result == 0)
        result = sys_get((handle_t)port, deadline, &head, &receipt);
    sys_handle_close((handle_t)port);
    if (result < 0)
        return result;
    if (status != NULL)
        *status = head.result;
    return 0;
}

int64_t thread_join(struct thread *thread, uint64_t deadline, int64_t *status)
{
    int64_t result = wait_for_death(thread->handle, deadline, status);
    if (result == 0)
        thread_free(thread);
    return result;
}
