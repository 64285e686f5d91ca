/*
 * Spawning, in the order things are made: task, segments, stack and message page, thread, granted
 * handles, startup page, start.  Until the last step the task is only ours, and killing it undoes
 * all.
 */
#include "spawn.h"

#include "string.h"
#include "thread.h"

/* The startup page while it is written. */
struct draft {
    handle_t vmo;
    struct startup *page; /* mapped here, writable */
};

static int64_t draft_create(struct draft *draft, handle_t task)
{
    int64_t vmo = sys_vmo_create_for(task, VMO_ANONYMOUS, PAGE_SIZE, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, PAGE_SIZE, 0, MAP_READ | MAP_WRITE);
    if (address < 0) {
        sys_handle_close((handle_t)vmo);
        return address;
    }
    *draft = (struct draft){(handle_t)vmo, (struct startup *)address};
    return 0;
}

static void draft_destroy(const struct draft *draft)
{
    sys_unmap(HANDLE_NONE, (uint64_t)draft->page, PAGE_SIZE);
    sys_handle_close(draft->vmo);
}

/* A fresh VM object of `length` bytes mapped so that it ends at `top`; closed if `keep` is NULL. */
static int64_t map_fresh(handle_t task, uint64_t start, uint64_t length, handle_t *keep)
{
    int64_t vmo = sys_vmo_create_for(task, VMO_ANONYMOUS, length, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t result =
        sys_map(task, (handle_t)vmo, 0, length, start, MAP_READ | MAP_WRITE | MAP_FIXED);
    if (result < 0 || keep == NULL)
        sys_handle_close((handle_t)vmo);
    if (result < 0)
        return result;
    if (keep != NULL)
        *keep = (handle_t)vmo;
    return 0;
}

static int64_t make_thread(const struct spawn *plan, handle_t task, uint64_t entry)
{
    int64_t error =
        map_fresh(task, STARTUP_STACK_TOP - STARTUP_STACK_SIZE, STARTUP_STACK_SIZE, NULL);
    if (error < 0)
        return error;
    handle_t message_vmo;
    error = map_fresh(task, STARTUP_MESSAGE_ADDRESS, MESSAGE_AREA_SIZE, &message_vmo);
    if (error < 0)
        return error;
    const struct thread_creation creation = {.task = task,
                                             .entry = entry,
                                             .stack = STARTUP_STACK_TOP,
                                             .arg = STARTUP_ADDRESS,
                                             .message_vmo = message_vmo,
                                             .message_address = STARTUP_MESSAGE_ADDRESS,
                                             .priority = plan->priority,
                                             .cpu = plan->cpu};
    int64_t thread = sys_thread_create(&creation);
    sys_handle_close(message_vmo);
    return thread;
}

static int64_t grant_named(handle_t task, struct startup *page, const struct spawn_handle *given)
{
    struct startup_handle *entry = &page->handles[page->handle_count];
    if (page->handle_count == STARTUP_HANDLES_MAX)
        return -E2BIG;
    if (strlen(given->name) >= STARTUP_NAME_MAX)
        return -EINVAL;
    int64_t handle = given->rights == SPAWN_GRANTED
                         ? given->handle
                         : sys_handle_grant(task, given->handle, given->rights);
    if (handle < 0)
        return handle;
    memcpy(entry->name, given->name, strlen(given->name) + 1);
    entry->handle = (handle_t)handle;
    page->handle_count++;
    return 0;
}

static int64_t grant_segments(handle_t task, struct startup *page,
                              const struct loaded_program *program)
{
    for (uint32_t i = 0; i < program->segment_count; i++) {
        const struct loaded_segment *segment = &program->segments[i];
        int64_t handle = sys_handle_grant(task, segment->vmo, RIGHTS_SAME);
        if (handle < 0)
            return handle;
        page->segments[i] = (struct startup_segment){segment->address, segment->length,
                                                     (handle_t)handle, segment->flags};
    }
    page->segment_count = program->segment_count;
    return 0;
}

static int64_t copy_words(const struct spawn *plan, struct startup *page)
{
    uint64_t length = 0;
    for (uint32_t i = 0; i < plan->word_count; i++)
        length += strlen(plan->words + length) + 1;
    if (length > STARTUP_WORDS_MAX)
        return -E2BIG;
    memcpy(page->words, plan->words, length);
    page->word_count = plan->word_count;
    return 0;
}

static int64_t give_clock(const struct spawn *plan, handle_t task, struct startup *page)
{
    if (plan->clock == HANDLE_NONE)
        return 0;
    int64_t result =
        sys_map(task, plan->clock, 0, PAGE_SIZE, STARTUP_CLOCK_ADDRESS, MAP_READ | MAP_FIXED);
    if (result < 0)
        return result;
    result = sys_handle_grant(task, plan->clock, RIGHTS_SAME);
    if (result < 0)
        return result;
    page->clock = (handle_t)result;
    page->clock_address = STARTUP_CLOCK_ADDRESS;
    return 0;
}

static int64_t fill_startup(const struct spawn *plan, const struct spawned *made,
                            const struct loaded_program *program, struct startup *page)
{
    int64_t result = sys_handle_grant(made->task, made->task, RIGHTS_SAME);
    if (result < 0)
        return result;
    page->task = (handle_t)result;
    result = sys_handle_grant(made->task, made->thread, RIGHTS_SAME);
    if (result < 0)
        return result;
    page->thread = (handle_t)result;
    page->cpus = plan->cpus;
    for (uint32_t i = 0; i < plan->handle_count; i++) {
        result = grant_named(made->task, page, &plan->handles[i]);
        if (result < 0)
            return result;
    }
    if (plan->give_segments) {
        result = grant_segments(made->task, page, program);
        if (result < 0)
            return result;
    }
    result = give_clock(plan, made->task, page);
    if (result < 0)
        return result;
    return copy_words(plan, page);
}

static int64_t give_startup(const struct spawn *plan, const struct spawned *made,
                            const struct loaded_program *program)
{
    struct draft draft;
    int64_t result = draft_create(&draft, made->task);
    if (result < 0)
        return result;
    result = fill_startup(plan, made, program, draft.page);
    if (result == 0)
        result =
            sys_map(made->task, draft.vmo, 0, PAGE_SIZE, STARTUP_ADDRESS, MAP_READ | MAP_FIXED);
    draft_destroy(&draft);
    return result < 0 ? result : 0;
}

int64_t spawn_into(const struct spawn *plan, struct spawned *made)
{
    struct loaded_program program;
    int64_t result = load_program(made->task, plan->file, plan->offset, plan->size, &program);
    if (result < 0)
        return result;
    result = make_thread(plan, made->task, program.entry);
    if (result >= 0) {
        made->thread = (handle_t)result;
        result = give_startup(plan, made, &program);
        if (result < 0)
            sys_handle_close(made->thread);
    }
    close_segments(&program);
    return result;
}

int64_t spawn(const struct spawn *plan, struct spawned *out)
{
    int64_t task = sys_task_create(plan->budget);
    if (task < 0)
        return task;
    struct spawned made = {(handle_t)task, HANDLE_NONE};
    int64_t result = spawn_into(plan, &made);
    if (result == 0) {
        result = sys_thread_start(made.thread);
        if (result < 0)
            sys_handle_close(made.thread);
    }
    if (result < 0) {
        sys_task_kill(made.task, 0);
        sys_handle_close(made.task);
        return result;
    }
    *out = made;
    return 0;
}
