/*
 * How a process's end, stop and continuation come to its parent: zombies, PROCESS_WAIT, and the
 * parents of orphans.
 *
 * A wait that nothing answers at once keeps its token in a struct waiter.  The waiter's thread may
 * be interrupted meanwhile: then the reply is refused, and the child's state stays for the next.
 */
#include "string.h"
#include "syscall.h"
#include "table.h"

#define WAITERS_MAX 4096u
#define OPTIONS                                                                                    \
    (PROCESS_WAIT_NOHANG | PROCESS_WAIT_STOPPED | PROCESS_WAIT_EXITED | PROCESS_WAIT_CONTINUED |   \
     PROCESS_WAIT_KEEP)

struct waiter {
    uint64_t token; /* 0: free */
    uint32_t parent, kind, number, options;
};

static struct waiter waiters[WAITERS_MAX];
static uint32_t waiters_used;

/* Statuses as <sys/wait.h> has them. */
#define STATUS_CONTINUED 0xffffu
#define STATUS_STOPPED(number) ((uint32_t)(number) << 8 | 0x7fu)

uint32_t status_of_task(int64_t status)
{
    if (status >= 0 && status < 256)
        return (uint32_t)status << 8;
    if (status > 256 && status <= (int64_t)PROCESS_BY_SIGNAL(SIGNALS))
        return (uint32_t)status - 256;
    return SIGKILL;
}

/* ---- Which child, and what of it ------------------------------------------------------------- */

static bool is_meant(const struct waiter *waiter, const struct process *child)
{
    if (child->parent != waiter->parent || child->state == PROCESS_NEW)
        return false;
    if (waiter->kind == PROCESS_WAIT_ONE)
        return child->number == waiter->number;
    return waiter->kind == PROCESS_WAIT_ANY || child->group == waiter->number;
}

static bool has_news(const struct waiter *waiter, const struct process *child)
{
    if (child->state == PROCESS_ZOMBIE)
        return waiter->options & PROCESS_WAIT_EXITED;
    if (!child->changed)
        return false;
    return waiter->options &
           (child->state == PROCESS_STOPPED ? PROCESS_WAIT_STOPPED : PROCESS_WAIT_CONTINUED);
}

/* A child with news; else *any says whether there is one that may have some. */
static struct process *find_news(const struct waiter *waiter, bool *any)
{
    *any = false;
    FOR_EACH_PROCESS(child)
    {
        if (!is_meant(waiter, child))
            continue;
        *any = true;
        if (has_news(waiter, child))
            return child;
    }
    return NULL;
}

static void tell_end_of_children(uint32_t parent);

/* The news has been told. */
static void consume(struct process *child)
{
    if (child->state != PROCESS_ZOMBIE) {
        child->changed = false;
        return;
    }
    struct process *parent = process_find(child->parent);
    uint32_t number = child->parent;
    if (parent)
        parent->children_time += child->time + child->children_time;
    image_free(child);
    tell_end_of_children(number);
}

static void describe(const struct process *child, struct message *reply)
{
    reply->result = child->number;
    reply->arg[0] = child->status;
    reply->arg[1] = child->time;
    reply->arg[2] = child->children_time;
}

/* ---- Waiters --------------------------------------------------------------------------------- */

/* True: the waiter has been answered (or is gone) and is free. */
static bool answer(struct waiter *waiter, struct process *child, int64_t error)
{
    struct message reply = {.result = error};
    bool keep = waiter->options & PROCESS_WAIT_KEEP;
    if (child)
        describe(child, &reply);
    bool told = server_reply(waiter->token, &reply) == 0;
    waiter->token = 0;
    if (told && child && !keep)
        consume(child);
    return told;
}

static void tell_end_of_children(uint32_t parent)
{
    for (struct waiter *waiter = waiters; waiter < waiters + waiters_used; waiter++) {
        bool any;
        if (waiter->token && waiter->parent == parent && !find_news(waiter, &any) && !any)
            answer(waiter, NULL, -ECHILD);
    }
}

void child_changed(struct process *child)
{
    uint64_t serial = child->serial;
    for (struct waiter *waiter = waiters; waiter < waiters + waiters_used; waiter++) {
        if (!waiter->token || !is_meant(waiter, child) || !has_news(waiter, child))
            continue;
        answer(waiter, child, 0);
        if (child->serial != serial)
            return;
    }
}

static struct waiter *waiter_allocate(uint32_t parent)
{
    struct waiter *found = NULL;
    for (struct waiter *waiter = waiters; waiter < waiters + waiters_used; waiter++) {
        /* Those of this process that were interrupted are forgotten now. */
        if (waiter->token && waiter->parent == parent && sys_message_info(waiter->token) < 0)
            waiter->token = 0;
        if (!waiter->token)
            found = waiter;
    }
    if (!found && waiters_used < WAITERS_MAX)
        found = &waiters[waiters_used++];
    return found;
}

int64_t do_wait(struct server *at, struct request *request)
{
    (void)at;
    int64_t error = 0;
    const struct message *head = &request->head;
    struct process *parent = is_system(request) ? NULL : requester(request, &error);
    if (error < 0)
        return error;
    if (head->arg[0] > PROCESS_WAIT_GROUP || head->arg[1] > UINT32_MAX ||
        head->arg[2] & ~(uint64_t)OPTIONS)
        return -EINVAL;
    struct waiter wanted = {.token = request->token,
                            .parent = parent ? parent->number : 0,
                            .kind = (uint32_t)head->arg[0],
                            .number = (uint32_t)head->arg[1],
                            .options = (uint32_t)head->arg[2]};
    if (wanted.kind == PROCESS_WAIT_GROUP && wanted.number == 0 && parent)
        wanted.number = parent->group;
    bool any;
    struct process *child = find_news(&wanted, &any);
    if (child) {
        answer(&wanted, child, 0);
        return EASYNC;
    }
    if (!any)
        return -ECHILD;
    if (wanted.options & PROCESS_WAIT_NOHANG)
        return 0;
    struct waiter *waiter = waiter_allocate(wanted.parent);
    if (!waiter)
        return -EAGAIN;
    *waiter = wanted;
    return EASYNC;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

/* Children of one that is gone are process 1's, or if it is that one, nobody's. */
static void give_away_children(const struct process *parent)
{
    const struct process *heir = process_find(FIRST_PROCESS);
    bool has_heir = heir && heir != parent && process_lives(heir);
    FOR_EACH_PROCESS(child)
    {
        if (child->parent != parent->number || child == parent)
            continue;
        child->parent = has_heir ? FIRST_PROCESS : 0;
        child->orphan = !has_heir;
        if (child->state != PROCESS_ZOMBIE)
            continue;
        if (has_heir)
            child_changed(child);
        else
            image_free(child);
    }
}

/* Its threads that waited are dead. */
static void forget_waits(uint32_t parent)
{
    for (struct waiter *waiter = waiters; waiter < waiters + waiters_used; waiter++)
        if (waiter->token && waiter->parent == parent)
            waiter->token = 0;
}

static void tell_parent(struct process *child)
{
    struct process *parent = process_find(child->parent);
    bool no_stop, no_wait = false;
    if (!parent) {
        child->parent == 0 && !child->orphan ? child_changed(child) : image_free(child);
        return;
    }
    const struct signal_info info = {
        .code = child->status & 0x7f ? CLD_KILLED : CLD_EXITED,
        .sender = child->number,
        .status = (int32_t)(child->status & 0x7f ? child->status & 0x7f : child->status >> 8)};
    signal_child_wishes(parent, &no_stop, &no_wait);
    if (no_wait) {
        image_free(child);
        tell_end_of_children(parent->number);
    } else {
        child_changed(child);
    }
    signal_send(parent, SIGCHLD, &info, -1);
}

void process_died(struct process *process, int64_t status)
{
    if (process->number == 0 || process->state == PROCESS_NEW) {
        image_free(process);
        return;
    }
    threads_close(process);
    sys_handle_close(process->task);
    process->task = HANDLE_NONE;
    if (process->page)
        sys_handle_close(process->page);
    process->page = HANDLE_NONE;
    process->alarm = 0;
    process->state = PROCESS_ZOMBIE;
    process->status = status_of_task(status);
    discard_unstarted(process->number);
    forget_waits(process->number);
    give_away_children(process);
    if (process->session == process->number)
        session_ended(process);
    groups_check(process);
    tell_parent(process);
}
