/*
 * Memory on demand and limits on it; times.
 */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define MIB (1ul << 20)

static int status_of(pid_t child)
{
    int status = -1;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t deep(size_t left)
{
    volatile char frame[8192];
    frame[0] = frame[8191] = 1;
    return left > sizeof frame ? deep(left - sizeof frame) + (size_t)frame[0] : 0;
}

static void test_growth(void)
{
    char *block = malloc(12 * MIB);
    ok(block != NULL, "memory far beyond what a process begins with");
    memset(block, 1, 12 * MIB);
    free(block);
    ok(deep(4 * MIB) > 400, "a deep stack");
    static char zeros[3 * MIB];
    for (size_t i = 0; i < sizeof zeros; i += 4096)
        zeros[i] = 1;
    ok(zeros[4096] == 1, "data that the program is started without");
    pid_t child = fork();
    if (child == 0) {
        memset(zeros, 2, sizeof zeros);
        _exit(zeros[sizeof zeros - 1]);
    }
    is(status_of(child), 2, "a large program forks");
}

static void test_limits(void)
{
    struct rlimit limit, old;
    is(getrlimit(RLIMIT_AS, &old), 0, "getrlimit");
    pid_t child = fork();
    if (child == 0) {
        limit = (struct rlimit){32 * MIB, 32 * MIB};
        if (setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(1);
        errno = 0;
        if (malloc(40 * MIB) != NULL || errno != ENOMEM)
            _exit(2);
        limit.rlim_max = 128 * MIB;
        if (setrlimit(RLIMIT_AS, &limit) == 0 || errno != EPERM)
            _exit(3);
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(malloc(40 * MIB) == NULL ? 4 : 5);
        _exit(status_of(grandchild));
    }
    is(status_of(child), 4, "a limit holds, for children too");
    is(getrlimit(RLIMIT_NOFILE, &limit), 0, "descriptors");
    ok(limit.rlim_cur == (rlim_t)sysconf(_SC_OPEN_MAX), "as many as sysconf says");
    ok(getrlimit(99, &limit) == -1 && errno == EINVAL, "no such limit");
}

static void test_times(void)
{
    struct rusage usage;
    struct tms before, after;
    times(&before);
    pid_t child = fork();
    if (child == 0) {
        for (volatile long i = 0; i < 30000000; i++)
            ;
        _exit(0);
    }
    int status;
    wait4(child, &status, 0, &usage);
    times(&after);
    ok(usage.ru_utime.tv_sec > 0 || usage.ru_utime.tv_usec > 1000, "a child's time");
    getrusage(RUSAGE_CHILDREN, &usage);
    ok(usage.ru_utime.tv_sec > 0 || usage.ru_utime.tv_usec > 1000, "all children's");
    ok(after.tms_cutime >= before.tms_cutime, "times");
}

int main(void)
{
    test_growth();
    test_limits();
    test_times();
    return tap_end();
}
