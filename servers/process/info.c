/*
 * What processes are asked and told about themselves: identity, lists, times, limits, threads.
 */
#include "string.h"
#include "syscall.h"
#include "table.h"
#include "thread.h"

/* The process a request names: the caller itself, or any. */
static struct process *named(const struct request *request, int64_t *error)
{
    uint64_t number = request->head.arg[0];
    *error = 0;
    struct process *caller = is_system(request) ? NULL : requester(request, error);
    if (*error || (number == 0 && caller))
        return caller;
    struct process *process = number <= UINT32_MAX ? process_find((uint32_t)number) : NULL;
    if (!process)
        *error = -ESRCH;
    return process;
}

static uint64_t terminal_of(const struct process *process)
{
    const struct process *leader = process_find(process->session);
    return leader && leader->terminal ? leader->terminal_number : 0;
}

int64_t do_identity(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    const struct process *process = named(request, &error);
    if (!process)
        return error;
    request->reply.arg[0] = process->parent | (uint64_t)process->group << 32;
    request->reply.arg[1] = process->session;
    request->reply.arg[2] = terminal_of(process);
    return process->number;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static uint32_t count_threads(const struct process *process)
{
    uint32_t count = 0;
    for (const struct process_thread *thread = process->threads; thread; thread = thread->next)
        count++;
    return count;
}

static void describe(struct process *process, struct process_entry *entry)
{
    *entry = (struct process_entry){.number = process->number,
                                    .parent = process->parent,
                                    .group = process->group,
                                    .session = process->session,
                                    .state = process->state,
                                    .threads = count_threads(process),
                                    .started_ns = process->started,
                                    .budget = process->task ? process->budget : 0,
                                    .terminal = terminal_of(process)};
    memcpy(entry->name, process->name, sizeof entry->name);
    entry->time_ns = process_time(process);
    if (process->task && sys_task_info(process->task) == 0) {
        const struct task_info *info = (const struct task_info *)message_area()->bytes;
        entry->koid = info->koid;
        entry->memory = info->used;
    }
}

/* The one with the lowest number from `from` on, or NULL. */
static struct process *next_from(uint64_t from)
{
    struct process *next = NULL;
    FOR_EACH_PROCESS(process)
    {
        if (process->state != PROCESS_NEW && process->number >= from &&
            (!next || process->number < next->number))
            next = process;
    }
    return next;
}

int64_t do_list(struct server *at, struct request *request)
{
    (void)at;
    static struct process_entry entries[MESSAGE_BYTES_MAX / sizeof(struct process_entry)];
    int64_t error = 0;
    if (!is_system(request) && !requester(request, &error))
        return error;
    uint64_t from = request->head.offset;
    uint32_t count = 0;
    struct process *process = next_from(from);
    while (process && count < sizeof entries / sizeof entries[0]) {
        from = process->number + 1;
        describe(process, &entries[count++]);
        process = next_from(from);
    }
    uint32_t bytes = count * (uint32_t)sizeof entries[0];
    memcpy(message_area()->bytes, entries, bytes);
    request->reply.flags = MESSAGE_FLAGS(bytes, 0, 0);
    request->reply.offset = process ? from : 0;
    return bytes;
}

int64_t do_set_name(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    uint32_t length = MESSAGE_FLAG_BYTES(request->head.flags);
    if (length == 0 || length >= sizeof process->name)
        return -EINVAL;
    memset(process->name, 0, sizeof process->name);
    memcpy(process->name, message_area()->bytes, length);
    return 0;
}

/* ---- Resources ------------------------------------------------------------------------------- */

int64_t do_times(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    if (request->head.arg[0] > PROCESS_TIMES_CHILDREN)
        return -EINVAL;
    bool self = request->head.arg[0] == PROCESS_TIMES_SELF;
    request->reply.arg[0] = self ? process_time(process) : process->children_time;
    if (self && sys_task_info(process->task) == 0) {
        const struct task_info *info = (const struct task_info *)message_area()->bytes;
        request->reply.arg[1] = info->used;
        request->reply.arg[2] = info->messages;
    }
    return 0;
}

int64_t do_limit(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    const struct message *head = &request->head;
    if (head->arg[0] >= PROCESS_LIMITS || head->offset > 1)
        return -EINVAL;
    uint64_t *limit = process->limits[head->arg[0]];
    request->reply.arg[1] = limit[0];
    request->reply.arg[2] = limit[1];
    if (head->offset == 1)
        return 0;
    if (head->arg[1] > head->arg[2])
        return -EINVAL;
    if (head->arg[2] > limit[1])
        return -EPERM;
    limit[0] = head->arg[1];
    limit[1] = head->arg[2];
    return 0;
}

int64_t do_grow(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = request->head.arg[1]
                                  ? image_unstarted(request, request->head.arg[1], &error)
                                  : requester(request, &error);
    if (!process)
        return error;
    uint64_t least = request->head.arg[0], wanted;
    if (least == 0 || __builtin_add_overflow(least, PAGE_SIZE - 1, &least) || least > INT64_MAX)
        return -ENOMEM;
    least &= ~(PAGE_SIZE - 1);
    /* In proportion, so that who needs much asks seldom; if that is not there, what was asked. */
    wanted = process->budget / 4 & ~(PAGE_SIZE - 1);
    if (wanted < PROCESS_GROW_STEP)
        wanted = PROCESS_GROW_STEP;
    if (wanted > least && process_grow(process, wanted) == 0)
        return (int64_t)wanted;
    error = process_grow(process, least);
    return error < 0 ? error : (int64_t)least;
}

/* ---- Threads --------------------------------------------------------------------------------- */

int64_t do_thread_add(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    handle_t thread = request->handles[0];
    if (thread == HANDLE_NONE)
        return -EINVAL;
    int64_t slot = thread_add(process, thread);
    if (slot < 0)
        return slot;
    request_take(request, 0);
    if (process->state == PROCESS_STOPPED)
        sys_thread_suspend(thread);
    return slot;
}

int64_t do_thread_remove(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    struct process_thread *thread = request->head.arg[0] < PROCESS_THREADS_MAX
                                        ? thread_of_slot(process, (uint32_t)request->head.arg[0])
                                        : NULL;
    if (!thread)
        return -ESRCH;
    thread_remove(process, thread);
    signals_choose_again(process);
    return 0;
}
