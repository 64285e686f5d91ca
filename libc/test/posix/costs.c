/*
 * What processes and signals cost, in counts of the time-stamp counter: with -icount these are
 * instructions.  Prints the median of some rounds of each; fails only if something does not work.
 */
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define ROUNDS 15

extern char **environ;

static inline uint64_t counter(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void measure(const char *name, bool (*operation)(void))
{
    uint64_t counts[ROUNDS];
    bool good = true;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = counter();
        good &= operation();
        counts[i] = counter() - before;
    }
    qsort(counts, ROUNDS, sizeof counts[0], compare);
    ok(good, name);
    printf("# %s: %lu\n", name, (unsigned long)counts[ROUNDS / 2]);
}

static bool fork_exit_wait(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3;
}

static bool spawn_exit_wait(void)
{
    static char *const arguments[] = {(char *)"posix_costs", (char *)"exit", NULL};
    int status;
    pid_t child;
    return posix_spawn(&child, "/posix_costs", NULL, NULL, arguments, environ) == 0 &&
           waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3;
}

static volatile int count;
static void handler(int number)
{
    (void)number;
    count++;
}

static bool raise_one(void)
{
    return raise(SIGUSR1) == 0;
}

static bool kill_self(void)
{
    return kill(getpid(), SIGUSR1) == 0;
}

static bool mask(void)
{
    sigset_t set = 0, old;
    return sigprocmask(SIG_BLOCK, &set, &old) == 0;
}

static bool wait_nothing(void)
{
    int status;
    return waitpid(-1, &status, WNOHANG) == -1;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        _exit(3);
    measure("wait for nobody", wait_nothing);
    measure("fork+exit+wait", fork_exit_wait);
    measure("spawn+exit+wait", spawn_exit_wait);
    signal(SIGUSR1, handler);
    measure("raise, handled", raise_one);
    measure("kill self, handled", kill_self);
    measure("sigprocmask", mask);
    measure("fork+exit+wait, with handlers", fork_exit_wait);
    return tap_end();
}
