/*
 * Ending the process: _exit, abort and what both do.  exit() itself is newlib's.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "process.h"
#include "syscall.h"

/* Without SIGABRT's machinery in the program nobody can have asked to catch it. */
extern int raise(int) __attribute__((weak));

_Noreturn void __libc_die(int status)
{
    sys_task_kill(__libc_process.task, status);
    for (;;)
        sys_thread_exit(status);
}

void _exit(int status)
{
    __libc_die(status & 0xff);
}

void _Exit(int status)
{
    __libc_die(status & 0xff);
}

/* POSIX abort(): a handler may run and leave by longjmp; if it returns the process ends all
 * the same. */
void abort(void)
{
    if (raise)
        raise(SIGABRT);
    __libc_die(EXIT_BY_SIGNAL(SIGABRT));
}
