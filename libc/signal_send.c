/*
 * Sending signals: raise, kill and their relatives.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lock.h"
#include "process_call.h"
#include "signal_state.h"

/* Without a server the page's other side is ours too. */
static void send_alone(int number)
{
    __libc_signal_page->info[number - 1] = (struct signal_info){.code = SI_USER, .sender = 1};
    uint64_t pending = __libc_signal_page->sent ^ __libc_signal_page->taken;
    if (!(pending & SIGNAL_BIT(number)))
        __atomic_fetch_xor(&__libc_signal_page->sent, SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
}

/* To the calling thread: at once, if it is not blocked. */
static int64_t send_self(int number)
{
    struct __pthread *self = thread_self();
    siginfo_t info;
    if (__libc_signals_mask() & SIGNAL_BIT(number) & ~SIGNALS_NEVER_BLOCKED) {
        struct message head = {.op = PROCESS_KILL_THREAD,
                               .arg = {self->signal_slot, (uint64_t)number, 0}};
        if (!__libc_signals_alone())
            return __libc_process_ask(&head);
        send_alone(number);
        return 0;
    }
    if (!__libc_signals_open())
        return -ENOMEM;
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_USER;
    info.si_pid = getpid();
    __libc_signal_handle(number, &info);
    return 0;
}

int pthread_kill(pthread_t thread, int number)
{
    if (number < 0 || number > (int)SIGNALS)
        return EINVAL;
    if (number == 0)
        return 0;
    if (thread == thread_self())
        return (int)-send_self(number);
    struct message head = {.op = PROCESS_KILL_THREAD,
                           .arg = {thread->signal_slot, (uint64_t)number, 0}};
    return (int)-__libc_process_ask(&head);
}

int raise(int number)
{
    int error = pthread_kill(thread_self(), number);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

static int send(pid_t target, int number, uint64_t value, bool queued)
{
    if (number < 0 || number > (int)SIGNALS)
        return (int)call_return(-EINVAL);
    struct message head = {.op = PROCESS_KILL,
                           .offset = queued,
                           .arg = {(uint64_t)(int64_t)target, (uint64_t)number, value}};
    int64_t result = __libc_process_ask(&head);
    if (result == -ENOSYS)
        result = target != 1 && target != 0 ? -ESRCH : number ? send_self(number) : 0;
    return (int)call_return(result);
}

int kill(pid_t target, int number)
{
    return send(target, number, 0, false);
}

int killpg(pid_t group, int number)
{
    return group < 0 ? (int)call_return(-EINVAL) : send(-group, number, 0, false);
}

int sigqueue(pid_t target, int number, const union sigval value)
{
    if (target <= 0)
        return (int)call_return(-EINVAL);
    return send(target, number, (uint64_t)value.sival_ptr, true);
}
