/*
 * How processes begin and end: PROCESS_CREATE, PROCESS_START, and the killing of tasks.
 */
#include "clock.h"
#include "string.h"
#include "syscall.h"
#include "table.h"
#include "thread.h"

#define BUDGET_MIN (128ul << 10)

/* ---- CREATE ---------------------------------------------------------------------------------- */

static void inherit(struct process *image, const struct process *maker)
{
    if (maker) {
        image->parent = maker->number;
        image->group = maker->group;
        image->session = maker->session;
        memcpy(image->limits, maker->limits, sizeof image->limits);
        return;
    }
    for (uint32_t i = 0; i < PROCESS_LIMITS; i++)
        image->limits[i][0] = image->limits[i][1] = PROCESS_LIMIT_NONE;
    image->limits[PROCESS_LIMIT_AS][0] = LIMIT_MEMORY_DEFAULT;
}

/* The task with its session, exception port and watch.  The session's number there, or an error. */
static int64_t make_task(struct process *image, uint64_t budget)
{
    if (!pool_has(budget))
        return -ENOMEM;
    int64_t result = sys_task_create(budget);
    if (result < 0)
        return result;
    image->task = (handle_t)result;
    image->budget = budget;
    int64_t session = sys_handle_duplicate(
        server.port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, image_badge(image));
    if (session < 0)
        return session;
    result = sys_handle_grant(image->task, (handle_t)session, RIGHTS_SAME);
    int64_t error = sys_task_set_exception_port(image->task, (handle_t)session);
    sys_handle_close((handle_t)session);
    if (error == 0)
        error = sys_watch(image->task, server.port, image_badge(image));
    return error < 0 ? error : result;
}

/* The reply's handles. */
static int64_t give_handles(const struct process *image, struct request *request)
{
    int64_t task = sys_handle_duplicate(
        image->task, RIGHT_MANAGE | RIGHT_READ | RIGHT_DUPLICATE | RIGHT_TRANSFER, 0);
    if (task < 0)
        return task;
    struct message_handle *handles = message_area()->handles;
    uint32_t count = 1;
    if (image->page) {
        int64_t page = sys_handle_duplicate(
            image->page, RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_TRANSFER, 0);
        if (page < 0) {
            sys_handle_close((handle_t)task);
            return page;
        }
        handles[1] = (struct message_handle){(handle_t)page, RIGHTS_SAME, 0};
        count = 2;
    }
    handles[0] = (struct message_handle){(handle_t)task, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, count, 0);
    return 0;
}

int64_t do_create(struct server *at, struct request *request)
{
    (void)at;
    int64_t error = 0;
    uint64_t flags = request->head.arg[0], budget = request->head.arg[1];
    struct process *maker = is_system(request) ? NULL : requester(request, &error);
    if (error < 0)
        return error;
    if (flags & ~(uint64_t)(PROCESS_REPLACE | PROCESS_SIGNAL_PAGE) ||
        (!maker && (flags & PROCESS_REPLACE)))
        return -EINVAL;
    if (budget == 0)
        budget = PROCESS_BUDGET_DEFAULT;
    if (budget < BUDGET_MIN)
        budget = BUDGET_MIN;
    struct process *image = image_allocate();
    if (!image)
        return -EAGAIN;
    inherit(image, maker);
    image->replaces = flags & PROCESS_REPLACE;
    uint32_t number = image->replaces ? maker->number : number_allocate();
    int64_t session = -EAGAIN;
    if (number && budget <= image->limits[PROCESS_LIMIT_AS][0])
        session = make_task(image, budget);
    error = session < 0 ? session : 0;
    if (error == 0 && (flags & PROCESS_SIGNAL_PAGE))
        error = page_open(image);
    if (error == 0)
        error = give_handles(image, request);
    if (error < 0) {
        process_discard(image);
        return error;
    }
    if (!image->replaces)
        number_set(number, image);
    request->reply.arg[0] = image_badge(image);
    request->reply.arg[1] = (uint64_t)session;
    return number;
}

/* ---- START ----------------------------------------------------------------------------------- */

struct process *image_unstarted(const struct request *request, uint64_t id, int64_t *error)
{
    struct process *image = image_of_badge(id);
    *error = 0;
    struct process *maker = is_system(request) ? NULL : requester(request, error);
    if (!*error &&
        (!image || image->state != PROCESS_NEW || image->parent != (maker ? maker->number : 0)))
        *error = -ESRCH;
    return *error ? NULL : image;
}

static int64_t place_in_group(struct process *image, const struct process_start *start)
{
    if (image->replaces)
        return 0;
    if (start->flags & PROCESS_START_SESSION || image->session == 0) {
        image->session = image->group = image->number;
    } else if (start->flags & PROCESS_START_GROUP) {
        uint32_t group = start->group ? start->group : image->number;
        bool there = group == image->number;
        FOR_EACH_PROCESS(other)
        {
            there |= other->group == group && other->session == image->session;
        }
        if (!there)
            return -EPERM;
        image->group = group;
    }
    return 0;
}

/* What is pending for the old image is pending for the new. */
static uint64_t pending(const struct process *process)
{
    uint64_t words[2];
    if (!process->page)
        return process->sent;
    return page_read(process, 0, words, sizeof words) ? words[0] ^ words[1] : 0;
}

static void take_over(struct process *image, struct process *old)
{
    number_set(old->number, image);
    image->parent = old->parent;
    image->group = old->group;
    image->session = old->session;
    memcpy(image->limits, old->limits, sizeof image->limits);
    image->started = old->started;
    image->time = process_time(old);
    image->children_time = old->children_time;
    image->alarm = old->alarm;
    image->alarm_interval = old->alarm_interval;
    image->terminal = old->terminal;
    image->terminal_number = old->terminal_number;
    image->status = old->status;
    image->changed = old->changed;
    image->has_exec = true;
    if (!image->page)
        image->sent = pending(old);
    old->terminal = HANDLE_NONE;
    old->number = 0;
    old->alarm = 0;
}

static int64_t start(struct process *image, const struct process_start *how, handle_t thread)
{
    int64_t result = place_in_group(image, how);
    if (result < 0)
        return result;
    result = thread_add(image, thread);
    if (result < 0)
        return result;
    memcpy(image->name, how->name, sizeof image->name);
    image->name[sizeof image->name - 1] = 0;
    image->ignored = how->ignored & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
    image->mask = how->mask & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
    image->started = clock_now();
    struct process *old = image->replaces ? process_find(image->parent) : NULL;
    enum process_state state = old ? old->state : PROCESS_RUNNING;
    if (state == PROCESS_STOPPED)
        sys_thread_suspend(thread);
    result = sys_thread_start(thread);
    if (result < 0)
        return result;
    image->state = state;
    if (old) {
        take_over(image, old);
        discard_unstarted(image->number);
        sys_task_kill(old->task, 0);
    }
    return image->number;
}

int64_t do_start(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process_start how;
    struct process *image = image_unstarted(request, request->head.arg[0], &error);
    if (!image)
        return error;
    if (request->head.arg[1] == PROCESS_GIVE_UP) {
        process_discard(image);
        return 0;
    }
    if (request->head.arg[1] != 0 || MESSAGE_FLAG_BYTES(request->head.flags) != sizeof how)
        return -EINVAL;
    memcpy(&how, message_area()->bytes, sizeof how);
    handle_t thread = request_take(request, 0);
    if (thread == HANDLE_NONE)
        return -EINVAL;
    int64_t result = start(image, &how, thread);
    if (result >= 0)
        return result;
    /* The thread's handle is closed with the image, once that has it. */
    if (!image->threads)
        sys_handle_close(thread);
    process_discard(image);
    return result;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

void process_discard(struct process *image)
{
    if (image->task)
        sys_task_kill(image->task, 0);
    image_free(image);
}

void discard_unstarted(uint32_t maker)
{
    for (struct process *image = images; image < images + images_used; image++)
        if (image->serial && image->state == PROCESS_NEW && image->parent == maker)
            process_discard(image);
}

void process_end(struct process *process, int32_t status)
{
    if (process->leaves)
        return;
    process->leaves = true;
    sys_task_kill(process->task, status);
}
