/*
 * The table of handlers: sigaction, signal and their older relatives.
 */
#include <errno.h>
#include <string.h>

#include "lock.h"
#include "signal_state.h"

static struct __lock_word lock;
static struct sigaction actions[SIGNALS + 1];
static bool filled; /* with what was ignored at the start */

#define IGNORED_BY_DEFAULT                                                                         \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT))

bool __libc_signal_ignored_by_default(int number)
{
    return IGNORED_BY_DEFAULT & SIGNAL_BIT(number);
}

static void fill(void)
{
    uint64_t ignored = __libc_signals_ignored();
    if (filled)
        return;
    filled = true;
    for (int number = 1; number <= (int)SIGNALS; number++)
        if (ignored & SIGNAL_BIT(number))
            actions[number].sa_handler = SIG_IGN;
}

static void set_bit(uint64_t *word, uint64_t bit, bool on)
{
    __atomic_store_n(word, on ? *word | bit : *word & ~bit, __ATOMIC_SEQ_CST);
}

/* What the server has to know of it. */
static void publish(int number)
{
    const struct sigaction *action = &actions[number];
    struct signal_header *page = __libc_signal_page;
    uint64_t bit = SIGNAL_BIT(number);
    bool ignored = action->sa_handler == SIG_IGN;
    if (!page->entry) {
        extern const char __libc_kernel_wait[];
        page->interruptible = (uint64_t)__libc_kernel_wait;
        __atomic_store_n(&page->entry, (uint64_t)__libc_signal_entry, __ATOMIC_RELEASE);
    }
    set_bit(&page->on_stack, bit, action->sa_flags & SA_ONSTACK);
    if (number == SIGCHLD)
        page->no_child_stop =
            (action->sa_flags & SA_NOCLDSTOP ? 1u : 0) | (action->sa_flags & SA_NOCLDWAIT ? 2u : 0);
    set_bit(&page->ignored, bit, ignored);
    set_bit(&page->caught, bit, !ignored && action->sa_handler != SIG_DFL);
}

/* POSIX 2.4.3: what is pending of a signal that becomes ignored is forgotten. */
static void discard(int number)
{
    siginfo_t info;
    bool ignored =
        actions[number].sa_handler == SIG_IGN ||
        (actions[number].sa_handler == SIG_DFL && __libc_signal_ignored_by_default(number));
    if (ignored)
        __libc_signal_take(SIGNAL_BIT(number), &info);
}

struct sigaction __libc_signal_action_taken(int number)
{
    __libc_lock(&lock);
    fill();
    struct sigaction action = actions[number];
    if ((action.sa_flags & SA_RESETHAND) && number != SIGILL && number != SIGTRAP) {
        actions[number].sa_handler = SIG_DFL;
        actions[number].sa_flags &= ~(SA_RESETHAND | SA_SIGINFO);
        publish(number);
    }
    __libc_unlock(&lock);
    return action;
}

int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old)
{
    if (number < 1 || number > (int)SIGNALS ||
        (action && (SIGNALS_NEVER_BLOCKED & SIGNAL_BIT(number)))) {
        errno = EINVAL;
        return -1;
    }
    if (action && !__libc_signals_open()) {
        errno = ENOMEM;
        return -1;
    }
    __libc_lock(&lock);
    fill();
    if (old)
        *old = actions[number];
    if (action) {
        actions[number] = *action;
        publish(number);
        discard(number);
    }
    __libc_unlock(&lock);
    return 0;
}

/* ---- Older ----------------------------------------------------------------------------------- */

/* Which of signal()'s handlers cut calls short: siginterrupt. */
static uint64_t interrupting;

_sig_func_ptr signal(int number, _sig_func_ptr handler)
{
    struct sigaction action = {.sa_flags = SA_RESTART}, old;
    action.sa_handler = handler;
    if (number >= 1 && number <= (int)SIGNALS && (interrupting & SIGNAL_BIT(number)))
        action.sa_flags = 0;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

int siginterrupt(int number, int interrupts)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0)
        return -1;
    set_bit(&interrupting, SIGNAL_BIT(number), interrupts != 0);
    if (interrupts)
        action.sa_flags &= ~SA_RESTART;
    else
        action.sa_flags |= SA_RESTART;
    return sigaction(number, &action, NULL);
}

int sigignore(int number)
{
    return signal(number, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static int change_one(int how, int number)
{
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, number) == 0 ? sigprocmask(how, &set, NULL) : -1;
}

int sighold(int number)
{
    return change_one(SIG_BLOCK, number);
}

int sigrelse(int number)
{
    return change_one(SIG_UNBLOCK, number);
}

#define SIG_HOLD ((_sig_func_ptr)2)

_sig_func_ptr sigset(int number, _sig_func_ptr handler)
{
    struct sigaction old;
    sigset_t before;
    if (sigaction(number, NULL, &old) != 0 || sigprocmask(SIG_BLOCK, NULL, &before) != 0)
        return SIG_ERR;
    if (handler == SIG_HOLD) {
        sighold(number);
    } else {
        struct sigaction action = {0};
        action.sa_handler = handler;
        if (sigaction(number, &action, NULL) != 0)
            return SIG_ERR;
        sigrelse(number);
    }
    return before & SIGNAL_BIT(number) ? SIG_HOLD : old.sa_handler;
}
