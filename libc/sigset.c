/*
 * Sets of signals: signal n is bit n - 1.
 */
#include <errno.h>
#include <signal.h>

static int refuse(void)
{
    errno = EINVAL;
    return -1;
}

static int is_signal(int number)
{
    return number >= 1 && number < NSIG;
}

static sigset_t bit(int number)
{
    return (sigset_t)1 << (number - 1);
}

int sigemptyset(sigset_t *set)
{
    *set = 0;
    return 0;
}

int sigfillset(sigset_t *set)
{
    *set = ~(sigset_t)0;
    return 0;
}

int sigaddset(sigset_t *set, int number)
{
    if (!is_signal(number))
        return refuse();
    *set |= bit(number);
    return 0;
}

int sigdelset(sigset_t *set, int number)
{
    if (!is_signal(number))
        return refuse();
    *set &= ~bit(number);
    return 0;
}

int sigismember(const sigset_t *set, int number)
{
    if (!is_signal(number))
        return refuse();
    return (*set & bit(number)) != 0;
}
