/*
 * Allocation and look-up of images, numbers and threads, and the pool of memory.
 */
#include "table.h"

#include "clock.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#define INDEX_BITS 12u
_Static_assert(IMAGES_MAX <= 1u << INDEX_BITS, "an image's index fits its badge");
#define LAST_NUMBER 30000u

struct process images[IMAGES_MAX];
uint32_t images_used;
static struct process *by_number[NUMBERS_MAX]; /* at number % NUMBERS_MAX */
static uint64_t next_serial = 1;
static uint32_t next_number = FIRST_PROCESS;

static struct process_thread threads[THREADS_MAX];
static uint32_t threads_used;
static struct process_thread *free_threads;

/* ---- Images ---------------------------------------------------------------------------------- */

struct process *image_allocate(void)
{
    struct process *image = images;
    while (image < images + images_used && image->serial)
        image++;
    if (image == images + images_used) {
        if (images_used == IMAGES_MAX)
            return NULL;
        images_used++;
    }
    memset(image, 0, sizeof *image);
    image->serial = next_serial++;
    image->state = PROCESS_NEW;
    return image;
}

void image_free(struct process *image)
{
    handle_t handles[] = {image->task, image->page, image->terminal};
    threads_close(image);
    for (uint32_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
        if (handles[i])
            sys_handle_close(handles[i]);
    if (image->number && by_number[image->number % NUMBERS_MAX] == image)
        by_number[image->number % NUMBERS_MAX] = NULL;
    image->serial = 0;
}

uint64_t image_badge(const struct process *image)
{
    return image->serial << INDEX_BITS | (uint64_t)(image - images);
}

struct process *image_of_badge(uint64_t badge)
{
    uint64_t index = badge & ((1u << INDEX_BITS) - 1);
    if (index >= images_used || badge >> INDEX_BITS == 0 ||
        images[index].serial != badge >> INDEX_BITS)
        return NULL;
    return &images[index];
}

struct process *requester(const struct request *request, int64_t *error)
{
    struct process *process = image_of_badge(request->badge);
    if (process && process_lives(process))
        return process;
    *error = -ESRCH;
    return NULL;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* POSIX: a process number is not given again while it names a group or session. */
static bool number_named(uint32_t number)
{
    FOR_EACH_PROCESS(process)
    {
        if (process->group == number || process->session == number)
            return true;
    }
    return false;
}

uint32_t number_allocate(void)
{
    for (uint32_t tries = 0; tries < NUMBERS_MAX; tries++) {
        uint32_t number = next_number++;
        if (next_number > LAST_NUMBER)
            next_number = FIRST_PROCESS + 1;
        /* Numbers are new until the counter has come round. */
        if (by_number[number % NUMBERS_MAX] == NULL &&
            (next_serial < LAST_NUMBER || !number_named(number)))
            return number;
    }
    return 0;
}

void number_set(uint32_t number, struct process *image)
{
    image->number = number;
    by_number[number % NUMBERS_MAX] = image;
}

struct process *process_find(uint32_t number)
{
    struct process *process = by_number[number % NUMBERS_MAX];
    return process && process->number == number && process->state != PROCESS_NEW ? process : NULL;
}

/* ---- Threads --------------------------------------------------------------------------------- */

static struct process_thread *thread_allocate(void)
{
    struct process_thread *thread = free_threads;
    if (thread)
        free_threads = thread->next;
    else if (threads_used < THREADS_MAX)
        thread = &threads[threads_used++];
    return thread;
}

static int32_t slot_allocate(struct process *process)
{
    for (uint32_t i = 0; i < PROCESS_THREADS_MAX / 64; i++) {
        uint64_t word = process->slots[i];
        if (word == UINT64_MAX)
            continue;
        uint32_t bit = (uint32_t)__builtin_ctzll(~word);
        process->slots[i] |= 1ull << bit;
        return (int32_t)(i * 64 + bit);
    }
    return -1;
}

/* Takes the handle over. The slot, or -EAGAIN, -EINVAL not a thread. */
int64_t thread_add(struct process *process, handle_t handle)
{
    uint64_t rights, koid;
    if (sys_handle_info(handle, &rights, &koid) != OBJECT_THREAD || !(rights & RIGHT_MANAGE))
        return -EINVAL;
    struct process_thread *thread = thread_allocate();
    int32_t slot = thread ? slot_allocate(process) : -1;
    if (slot < 0) {
        if (thread)
            thread->next = free_threads, free_threads = thread;
        return -EAGAIN;
    }
    *thread = (struct process_thread){handle, (uint32_t)slot, koid, process->threads};
    process->threads = thread;
    return slot;
}

static uint64_t thread_time(const struct process_thread *thread)
{
    if (sys_thread_info(thread->handle) < 0)
        return 0;
    return ((const struct thread_info *)message_area()->bytes)->cpu_time;
}

static void forget(struct process *process, struct process_thread *thread)
{
    process->time += thread_time(thread);
    process->slots[thread->slot / 64] &= ~(1ull << thread->slot % 64);
    sys_handle_close(thread->handle);
    thread->next = free_threads;
    free_threads = thread;
}

void thread_remove(struct process *process, struct process_thread *thread)
{
    struct process_thread **link = &process->threads;
    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    forget(process, thread);
}

void threads_close(struct process *process)
{
    while (process->threads) {
        struct process_thread *thread = process->threads;
        process->threads = thread->next;
        forget(process, thread);
    }
}

struct process_thread *thread_of_slot(struct process *process, uint32_t slot)
{
    struct process_thread *thread = process->threads;
    while (thread && thread->slot != slot)
        thread = thread->next;
    return thread;
}

struct process_thread *thread_of_koid(struct process *process, uint64_t koid)
{
    struct process_thread *thread = process->threads;
    while (thread && thread->koid != koid)
        thread = thread->next;
    return thread;
}

uint64_t process_time(struct process *process)
{
    uint64_t time = process->time;
    for (struct process_thread *thread = process->threads; thread; thread = thread->next)
        time += thread_time(thread);
    return time;
}

/* ---- The pool -------------------------------------------------------------------------------- */

static handle_t own_task;

void pool_open(handle_t task);
void pool_open(handle_t task)
{
    own_task = task;
}

bool pool_has(uint64_t bytes)
{
    const struct task_info *info = (const struct task_info *)message_area()->bytes;
    uint64_t wanted;
    if (sys_task_info(own_task) < 0 || __builtin_add_overflow(bytes, MEMORY_RESERVE, &wanted))
        return false;
    return info->budget >= info->used && info->budget - info->used >= wanted;
}

int64_t process_grow(struct process *process, uint64_t bytes)
{
    uint64_t grown;
    if (__builtin_add_overflow(process->budget, bytes, &grown) ||
        grown > process->limits[PROCESS_LIMIT_AS][0] || !pool_has(bytes) ||
        sys_task_add_budget(process->task, (int64_t)bytes) < 0)
        return -ENOMEM;
    process->budget = grown;
    return 0;
}
