/*
 * The session with the process server, and who this process is.
 */
#include "process_call.h"

#include <sys/types.h>
#include <unistd.h>

#include "arguments.h"
#include "process.h"
#include "signal_state.h"
#include "syscall.h"

static handle_t session;
static pid_t own_number; /* 0: not asked yet */

handle_t __libc_process_session(void)
{
    if (session == HANDLE_NONE)
        session = __libc_startup_handle(__libc_process.startup, "process");
    return session;
}

void __libc_process_session_reset(handle_t handle)
{
    session = handle;
}

int64_t __libc_process_do(struct message *head, uint32_t flags)
{
    handle_t server = __libc_process_session();
    return server == HANDLE_NONE ? -ENOSYS : call_do(server, head, flags);
}

int64_t __libc_process_ask(struct message *head)
{
    call_begin();
    int64_t result = __libc_process_do(head, 0);
    call_end();
    return result;
}

bool __libc_process_grow_other(uint64_t id, uint64_t bytes)
{
    struct message head = {.op = PROCESS_GROW, .arg = {bytes, id, 0}};
    return __libc_process_ask(&head) > 0;
}

bool __libc_process_grow(uint64_t bytes)
{
    return __libc_process_grow_other(0, bytes);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

void __libc_process_numbers_reset(void)
{
    own_number = 0;
}

struct identity {
    pid_t number, parent, group, session;
};

/* Without a process server there is process 1 alone. */
static int64_t identify(pid_t number, struct identity *identity)
{
    struct message head = {.op = PROCESS_IDENTITY, .arg = {(uint64_t)(int64_t)number, 0, 0}};
    int64_t result = number < 0 ? -ESRCH : __libc_process_ask(&head);
    if (result == -ENOSYS && number <= 1) {
        *identity = (struct identity){1, 0, 1, 1};
        return 1;
    }
    if (result < 0)
        return result == -ENOSYS ? -ESRCH : result;
    *identity = (struct identity){(pid_t)result, (pid_t)(uint32_t)head.arg[0],
                                  (pid_t)(head.arg[0] >> 32), (pid_t)(uint32_t)head.arg[1]};
    return result;
}

pid_t getpid(void)
{
    struct identity identity;
    pid_t number = __atomic_load_n(&own_number, __ATOMIC_RELAXED);
    if (number == 0 && identify(0, &identity) > 0) {
        number = identity.number;
        __atomic_store_n(&own_number, number, __ATOMIC_RELAXED);
    }
    return number;
}

pid_t getppid(void)
{
    struct identity identity;
    return identify(0, &identity) > 0 ? identity.parent : 0;
}

pid_t getpgid(pid_t number)
{
    struct identity identity;
    int64_t result = identify(number, &identity);
    return (pid_t)call_return(result > 0 ? identity.group : result);
}

pid_t getpgrp(void)
{
    return getpgid(0);
}

pid_t getsid(pid_t number)
{
    struct identity identity;
    int64_t result = identify(number, &identity);
    return (pid_t)call_return(result > 0 ? identity.session : result);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

int setpgid(pid_t number, pid_t group)
{
    struct message head = {.op = PROCESS_SET_GROUP,
                           .arg = {(uint64_t)(int64_t)number, (uint64_t)(int64_t)group, 0}};
    int64_t result = number < 0 || group < 0 ? -EINVAL : __libc_process_ask(&head);
    if (result == 0 && (number == 0 || number == getpid()))
        __atomic_store_n(&__libc_process.group, (uint32_t)getpgrp(), __ATOMIC_RELAXED);
    return (int)call_return(result);
}

int setpgrp(void)
{
    return setpgid(0, 0);
}

pid_t setsid(void)
{
    struct message head = {.op = PROCESS_NEW_SESSION};
    int64_t result = __libc_process_ask(&head);
    if (result > 0)
        __atomic_store_n(&__libc_process.group, (uint32_t)result, __ATOMIC_RELAXED);
    return (pid_t)call_return(result);
}

/* ---- Terminals ------------------------------------------------------------------------------- */

int64_t __libc_background(bool writes)
{
    struct __pthread *self = thread_self();
    int number = writes ? SIGTTOU : SIGTTIN;
    if (__libc_process_session() == HANDLE_NONE)
        return 0;
    uint64_t unwilling = __libc_signals_ignored() | __libc_signals_mask();
    uint32_t group = (uint32_t)getpgrp(), handled = self->signals_handled;
    /* Its parent may have moved it. */
    if (__atomic_exchange_n(&__libc_process.group, group, __ATOMIC_RELAXED) != group)
        return 1;
    if (unwilling & SIGNAL_BIT(number))
        return writes ? 0 : -EIO;
    /* POSIX 11.1.4: nobody would make an orphaned group go on. */
    struct message head = {.op = PROCESS_CHECK_GROUP, .offset = 1, .arg = {group, 0, 0}};
    if (__libc_process_ask(&head) == 1)
        return -EIO;
    if (kill(0, number) != 0)
        return -EIO;
    return self->signals_handled != handled ? -EINTR : 1;
}
