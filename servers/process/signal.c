/*
 * Sending signals: what a signal does to a process, and PROCESS_KILL and its like.
 *
 * What the process has asked for is read from its signal page at that moment.  A default action
 * (ending, stopping, going on) is the server's own doing and needs nobody's help; a caught signal
 * is marked as sent, and a thread that has not blocked it is redirected (redirect.c).
 */
#include "string.h"
#include "syscall.h"
#include "table.h"
#include "thread.h"

#define NEVER_CAUGHT (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define DEFAULT_STOPS                                                                              \
    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define DEFAULT_IGNORES                                                                            \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT))

/* What is known of a process's wishes. */
struct wishes {
    struct signal_header header; /* up to `info` */
    uint64_t masks[PROCESS_THREADS_MAX], waits[PROCESS_THREADS_MAX];
};
#define HEADER_WORDS offsetof(struct signal_header, info)

static struct wishes wishes; /* of the process at hand */

/* One that has spoilt its page, or has none, catches nothing. */
static void read_wishes(const struct process *process)
{
    uint32_t slots = 0;
    for (const struct process_thread *thread = process->threads; thread; thread = thread->next)
        slots = thread->slot >= slots ? thread->slot + 1 : slots;
    memset(&wishes.header, 0, HEADER_WORDS);
    memset(wishes.waits, 0, slots * 8);
    if (!process->page || !page_read(process, 0, &wishes.header, HEADER_WORDS) ||
        !page_read(process, SIGNAL_MASKS_OFFSET, wishes.masks, slots * 8) ||
        (wishes.header.waiters &&
         !page_read(process, SIGNAL_WAITS_OFFSET, wishes.waits, slots * 8))) {
        memset(&wishes.header, 0, HEADER_WORDS);
        memset(wishes.masks, 0, slots * 8);
        memset(wishes.waits, 0, slots * 8);
        wishes.header.ignored = process->ignored;
        wishes.masks[0] = process->mask;
    }
    wishes.header.caught &= ~NEVER_CAUGHT;
    wishes.header.ignored &= ~NEVER_CAUGHT;
    /* The server's own word is not taken from where others can write. */
    wishes.header.sent = process->sent;
}

static bool blocked(const struct process_thread *thread, uint64_t bit)
{
    return wishes.masks[thread->slot] & bit & ~NEVER_CAUGHT;
}

/* A thread that the signal can go to: one that waits for it, else one that has not blocked it.
 * `slot`: only that one, or -1. */
static struct process_thread *choose(const struct process *process, uint64_t bit, int32_t slot)
{
    struct process_thread *found = NULL;
    for (struct process_thread *thread = process->threads; thread; thread = thread->next) {
        if (slot >= 0 && thread->slot != (uint32_t)slot)
            continue;
        if (wishes.waits[thread->slot] & bit)
            return thread;
        /* Threads are linked the youngest first: the first thread is the last found. */
        if (!blocked(thread, bit))
            found = thread;
    }
    return found;
}

/* ---- Pending --------------------------------------------------------------------------------- */

static uint64_t info_offset(uint32_t number)
{
    return offsetof(struct signal_header, info) + (number - 1) * sizeof(struct signal_info);
}

/* Marks as sent: to the process, or to the thread with that slot. */
static void mark_sent(struct process *process, uint32_t number, const struct signal_info *info,
                      int32_t slot)
{
    uint64_t bit = SIGNAL_BIT(number);
    if (!process->page) {
        process->sent |= bit;
        return;
    }
    if (slot >= 0) {
        struct signal_slot words;
        if (!page_read(process, slot_offset((uint32_t)slot), &words, sizeof words) ||
            (words.sent ^ words.taken) & bit)
            return;
        words.sent ^= bit;
        page_write(process, info_offset(number), info, sizeof *info);
        page_write(process, slot_offset((uint32_t)slot), &words.sent, 8);
        return;
    }
    if ((process->sent ^ wishes.header.taken) & bit)
        return; /* it is pending already, and does not queue */
    page_write(process, info_offset(number), info, sizeof *info);
    process->sent ^= bit;
    page_write(process, offsetof(struct signal_header, sent), &process->sent, 8);
}

/* Stop signals and SIGCONT wipe each other out. */
static void withdraw(struct process *process, uint64_t bits)
{
    if (!process->page) {
        process->sent &= ~bits;
        return;
    }
    uint64_t taken, pending;
    if (!page_read(process, offsetof(struct signal_header, taken), &taken, 8))
        return;
    pending = (process->sent ^ taken) & bits;
    if (!pending)
        return;
    process->sent ^= pending;
    page_write(process, offsetof(struct signal_header, sent), &process->sent, 8);
}

/* ---- Stopping and going on ------------------------------------------------------------------- */

void signal_child_wishes(const struct process *parent, bool *no_stop, bool *no_wait)
{
    read_wishes(parent);
    bool ignored = wishes.header.ignored & SIGNAL_BIT(SIGCHLD);
    *no_stop = ignored || (wishes.header.no_child_stop & 1);
    *no_wait = ignored || (wishes.header.no_child_stop & 2);
}

static void tell_parent(struct process *child, int32_t code, uint32_t number)
{
    struct process *parent = process_find(child->parent);
    bool no_stop, no_wait;
    child->changed = true;
    child_changed(child);
    if (!parent)
        return;
    signal_child_wishes(parent, &no_stop, &no_wait);
    const struct signal_info info = {
        .code = code, .sender = child->number, .status = (int32_t)number};
    if (!no_stop)
        signal_send(parent, SIGCHLD, &info, -1);
}

static void stop(struct process *process, uint32_t number)
{
    if (process->state != PROCESS_RUNNING || process->leaves)
        return;
    process->state = PROCESS_STOPPED;
    process->status = number << 8 | 0x7f;
    for (struct process_thread *thread = process->threads; thread; thread = thread->next)
        sys_thread_suspend(thread->handle);
    tell_parent(process, CLD_STOPPED, number);
}

static void go_on(struct process *process)
{
    withdraw(process, DEFAULT_STOPS);
    if (process->state != PROCESS_STOPPED)
        return;
    process->state = PROCESS_RUNNING;
    process->status = 0xffff;
    for (struct process_thread *thread = process->threads; thread; thread = thread->next)
        sys_thread_resume(thread->handle);
    tell_parent(process, CLD_CONTINUED, SIGCONT);
}

/* POSIX 2.4.3: terminal stops do nothing to a group that nobody could make go on. */
void signal_default(struct process *process, uint32_t number)
{
    uint64_t bit = SIGNAL_BIT(number);
    if (bit & DEFAULT_IGNORES)
        return;
    if (!(bit & DEFAULT_STOPS))
        process_end(process, PROCESS_BY_SIGNAL((int32_t)number));
    else if (number == SIGSTOP || !group_is_orphan(process->group))
        stop(process, number);
}

/* ---- Sending --------------------------------------------------------------------------------- */

int64_t signal_send(struct process *process, uint32_t number, const struct signal_info *info,
                    int32_t slot)
{
    uint64_t bit = SIGNAL_BIT(number);
    if (!process_lives(process) || process->leaves)
        return 0;
    if (number == SIGCONT)
        go_on(process);
    else if (bit & DEFAULT_STOPS)
        withdraw(process, SIGNAL_BIT(SIGCONT));
    read_wishes(process);
    struct process_thread *thread = choose(process, bit, slot);
    bool waits = thread && (wishes.waits[thread->slot] & bit);
    bool caught = wishes.header.caught & bit;
    bool nothing = !caught && ((wishes.header.ignored & bit) || (bit & DEFAULT_IGNORES));
    if (number == SIGKILL || (thread && !waits && !caught)) {
        if (!nothing)
            signal_default(process, number);
        return 0;
    }
    mark_sent(process, number, info, slot);
    /* The masks are read again, now that the signal is there to be seen (see process.h). */
    read_wishes(process);
    thread = choose(process, bit, slot);
    if (thread)
        thread_redirect(process, thread, &wishes.header, NULL);
    return 0;
}

void signals_choose_again(struct process *process)
{
    if (!process->page)
        return;
    read_wishes(process);
    uint64_t pending = process->sent ^ wishes.header.taken;
    for (; pending; pending &= pending - 1) {
        uint64_t bit = pending & -pending;
        struct process_thread *thread = choose(process, bit, -1);
        if (thread)
            thread_redirect(process, thread, &wishes.header, NULL);
    }
}

int64_t signal_group(uint32_t group, uint32_t session, uint32_t number,
                     const struct signal_info *info)
{
    bool any = false;
    FOR_EACH_PROCESS(process)
    {
        if (process->group != group || process->state == PROCESS_NEW ||
            (session && process->session != session))
            continue;
        any = true;
        if (number)
            signal_send(process, number, info, -1);
    }
    return any ? 0 : -ESRCH;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* kill(-1): all but the sender and process 1. */
static int64_t signal_all(const struct process *sender, uint32_t number,
                          const struct signal_info *info)
{
    bool any = false;
    FOR_EACH_PROCESS(process)
    {
        if (process == sender || process->number == FIRST_PROCESS || !process_lives(process))
            continue;
        any = true;
        if (number)
            signal_send(process, number, info, -1);
    }
    return any ? 0 : -ESRCH;
}

int64_t do_kill(struct server *at, struct request *request)
{
    (void)at;
    int64_t error = 0, target = (int64_t)request->head.arg[0];
    uint64_t number = request->head.arg[1];
    struct process *sender = is_system(request) ? NULL : requester(request, &error);
    if (error < 0)
        return error;
    if (number > SIGNALS || target > INT32_MAX || target < INT32_MIN)
        return -EINVAL;
    const struct signal_info info = {.code = request->head.offset ? SI_QUEUE : SI_USER,
                                     .sender = sender ? sender->number : 0,
                                     .value = request->head.arg[2]};
    if (target == -1)
        return signal_all(sender, (uint32_t)number, &info);
    if (target <= 0) {
        uint32_t group = target ? (uint32_t)-target : sender ? sender->group : 0;
        return group ? signal_group(group, 0, (uint32_t)number, &info) : -ESRCH;
    }
    struct process *process = process_find((uint32_t)target);
    if (!process)
        return -ESRCH;
    return number ? signal_send(process, (uint32_t)number, &info, -1) : 0;
}

int64_t do_kill_thread(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    uint64_t slot = request->head.arg[0], number = request->head.arg[1];
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    if (number > SIGNALS || slot >= PROCESS_THREADS_MAX)
        return -EINVAL;
    if (!thread_of_slot(process, (uint32_t)slot))
        return -ESRCH;
    const struct signal_info info = {.code = SI_USER, .sender = process->number};
    return number ? signal_send(process, (uint32_t)number, &info, (int32_t)slot) : 0;
}

int64_t do_signal_group(struct server *at, struct request *request)
{
    (void)at;
    const struct message *head = &request->head;
    if (!is_system(request))
        return -EPERM;
    if (head->arg[0] == 0 || head->arg[0] > UINT32_MAX || head->arg[1] > SIGNALS ||
        head->arg[2] > UINT32_MAX)
        return -EINVAL;
    const struct signal_info info = {.code = SI_KERNEL};
    return signal_group((uint32_t)head->arg[0], (uint32_t)head->arg[2], (uint32_t)head->arg[1],
                        &info);
}

int64_t do_default_action(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    uint64_t number = request->head.arg[0];
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    if (number < 1 || number > SIGNALS)
        return -EINVAL;
    signal_default(process, (uint32_t)number);
    return 0;
}

int64_t do_signals(struct server *at, struct request *request)
{
    (void)at;
    int64_t error;
    struct process *process = requester(request, &error);
    if (!process)
        return error;
    if (!process->page && (error = page_open(process)) < 0)
        return error;
    int64_t page = sys_handle_duplicate(process->page,
                                        RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_TRANSFER, 0);
    if (page < 0)
        return page;
    message_area()->handles[0] = (struct message_handle){(handle_t)page, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    return 0;
}
