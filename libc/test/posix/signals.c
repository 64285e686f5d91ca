/*
 * Signals: handlers, masks, waits that are cut short, stopping, faults, threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static volatile sig_atomic_t count, last, nested;
static siginfo_t seen;

static void handler(int number)
{
    count++;
    last = number;
}

static void info_handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen = *info;
    handler(number);
}

static void set(int number, void (*to)(int), int flags)
{
    struct sigaction action = {.sa_flags = flags};
    action.sa_handler = to;
    sigaction(number, &action, NULL);
}

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A child that sends a signal to this process after so many ms. */
static pid_t sender(int number, int delay)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        usleep((useconds_t)delay * 1000);
        kill(parent, number);
        _exit(0);
    }
    return child;
}

static int reap(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        ;
    return status;
}

/* ---- To oneself ------------------------------------------------------------------------------ */

static void test_self(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO}, old;
    set(SIGUSR1, handler, 0);
    is(raise(SIGUSR1), 0, "raise");
    ok(count == 1 && last == SIGUSR1, "runs the handler");
    is(kill(getpid(), SIGUSR1), 0, "kill to oneself");
    is(count, 2, "before it returns");
    action.sa_sigaction = info_handler;
    is(sigaction(SIGUSR2, &action, &old), 0, "sigaction");
    ok(old.sa_handler == SIG_DFL, "tells what was");
    sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 77});
    ok(seen.si_signo == SIGUSR2 && seen.si_code == SI_QUEUE && seen.si_value.sival_int == 77 &&
           seen.si_pid == getpid(),
       "siginfo of sigqueue");
    set(SIGUSR1, handler, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &old);
    ok(old.sa_handler == SIG_DFL, "SA_RESETHAND");
    set(SIGUSR1, SIG_IGN, 0);
    ok(raise(SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0, "an ignored signal");
    ok(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL, "SIGKILL has no handler");
    ok(sigaction(70, &action, NULL) == -1 && errno == EINVAL, "nor 70");
    ok(kill(getpid(), 0) == 0 && kill(29999, 0) == -1 && errno == ESRCH, "kill 0 looks");
}

static void nest(int number)
{
    nested = nested * 10 + 1;
    if (number == SIGUSR1) {
        raise(SIGUSR2);
        raise(SIGUSR1); /* blocked until this one returns */
    }
    nested = nested * 10 + 2;
    if (nested > 100000)
        set(SIGUSR1, SIG_IGN, 0);
}

static void test_masks(void)
{
    sigset_t set_, old, pending;
    count = 0;
    set(SIGUSR1, handler, 0);
    sigemptyset(&set_);
    sigaddset(&set_, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set_, &old);
    ok(old == 0, "nothing is blocked at first");
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    sigpending(&pending);
    ok(count == 0 && pending == set_, "a blocked signal is pending");
    sigprocmask(SIG_UNBLOCK, &set_, NULL);
    ok(count >= 1 && count <= 2, "and comes when it is not");
    sigpending(&pending);
    ok(pending == 0, "then it is not pending any more");
    set(SIGUSR1, nest, 0);
    set(SIGUSR2, nest, 0);
    raise(SIGUSR1);
    ok(nested / 100 == 1122 || nested == 1122 || nested > 112200, "handlers nest");
    set(SIGUSR1, SIG_DFL, 0);
    set(SIGUSR2, handler, 0);
}

/* ---- From others, while waiting -------------------------------------------------------------- */

static void test_waits(void)
{
    count = 0;
    set(SIGUSR1, handler, 0);
    pid_t child = sender(SIGUSR1, 50);
    int64_t before = now_ms();
    struct timespec long_time = {20, 0}, left = {0, 0};
    errno = 0;
    is(nanosleep(&long_time, &left), -1, "a sleep is cut short");
    ok(errno == EINTR && count == 1 && left.tv_sec >= 15 && now_ms() - before < 5000, "in time");
    reap(child);

    child = sender(SIGUSR1, 50);
    while (count == 1)
        ;
    ok(count == 2, "a busy loop is interrupted");
    reap(child);

    child = sender(SIGUSR1, 50);
    ok(pause() == -1 && errno == EINTR && count == 3, "pause");
    reap(child);

    sigset_t block, none;
    sigemptyset(&none);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    child = sender(SIGUSR1, 0);
    reap(child);
    is(count, 3, "a blocked one waits");
    ok(sigsuspend(&none) == -1 && errno == EINTR && count == 4, "for sigsuspend");
    child = sender(SIGUSR1, 50);
    ok(sigsuspend(&none) == -1 && errno == EINTR && count == 5, "or sigsuspend for it");
    reap(child);
    raise(SIGUSR1);
    is(count, 5, "and it is blocked again");

    int number = 0;
    ok(sigwait(&block, &number) == 0 && number == SIGUSR1 && count == 5, "sigwait");
    siginfo_t info;
    struct timespec soon = {0, 20000000};
    ok(sigtimedwait(&block, &info, &soon) == -1 && errno == EAGAIN, "sigtimedwait");
    child = sender(SIGUSR1, 50);
    ok(sigwaitinfo(&block, &info) == SIGUSR1 && info.si_pid == child, "sigwaitinfo");
    reap(child);
    sigaddset(&block, SIGUSR2);
    sigprocmask(SIG_BLOCK, &block, NULL);
    set(SIGUSR2, SIG_DFL, 0);
    child = sender(SIGUSR2, 50);
    ok(sigwaitinfo(&block, NULL) == SIGUSR2, "of what would end the process");
    reap(child);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* wait() is restarted or not. */
static void test_restart(void)
{
    int status;
    count = 0;
    set(SIGUSR1, handler, 0);
    pid_t slow = fork();
    if (slow == 0) {
        usleep(300000);
        _exit(3);
    }
    pid_t child = sender(SIGUSR1, 50);
    errno = 0;
    ok(waitpid(slow, &status, 0) == -1 && errno == EINTR && count == 1, "wait is cut short");
    set(SIGUSR1, handler, SA_RESTART);
    pid_t second = sender(SIGUSR1, 50);
    ok(waitpid(slow, &status, 0) == slow && WEXITSTATUS(status) == 3 && count == 2,
       "with SA_RESTART it goes on");
    reap(child);
    reap(second);
}

static void test_alarm(void)
{
    count = 0;
    set(SIGALRM, handler, 0);
    struct itimerval timer = {{0, 20000}, {0, 20000}}, old;
    is(setitimer(ITIMER_REAL, &timer, NULL), 0, "setitimer");
    while (count < 3)
        pause();
    timer.it_value.tv_usec = 0;
    setitimer(ITIMER_REAL, &timer, &old);
    ok(old.it_interval.tv_usec == 20000, "ticks");
    alarm(100);
    is(alarm(0), 100, "alarm");
    count = 0;
    usleep(60000);
    is(count, 0, "a stopped timer");
}

/* ---- Children -------------------------------------------------------------------------------- */

static void test_child_signals(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = info_handler;
    sigaction(SIGCHLD, &action, NULL);
    count = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(9);
    while (count == 0)
        usleep(1000);
    ok(seen.si_pid == child && seen.si_code == CLD_EXITED && seen.si_status == 9, "SIGCHLD");
    is(WEXITSTATUS(reap(child)), 9, "and a status");
    set(SIGCHLD, SIG_IGN, 0);
    child = fork();
    if (child == 0)
        _exit(9);
    int status;
    ok(waitpid(child, &status, 0) == -1 && errno == ECHILD, "who ignores it has no zombies");
    set(SIGCHLD, SIG_DFL, 0);
    child = fork();
    if (child == 0)
        for (;;)
            ;
    kill(child, SIGKILL);
    ok(WTERMSIG(reap(child)) == SIGKILL, "a loop is killed");
    child = fork();
    if (child == 0) {
        pause();
        _exit(1);
    }
    kill(child, SIGTERM);
    ok(WTERMSIG(reap(child)) == SIGTERM, "a sleeper too");
}

static void test_stop(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            usleep(1000);
    }
    /* In the parent's own group SIGTSTP would do nothing: that has nobody to make it go on. */
    setpgid(child, child);
    kill(child, SIGSTOP);
    ok(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
           WSTOPSIG(status) == SIGSTOP,
       "a stopped child");
    is(waitpid(child, &status, WUNTRACED | WNOHANG), 0, "is told once");
    kill(child, SIGCONT);
    ok(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status), "goes on");
    kill(child, SIGTSTP);
    ok(waitpid(child, &status, WUNTRACED) == child && WSTOPSIG(status) == SIGTSTP, "SIGTSTP");
    kill(child, SIGTERM);
    kill(child, SIGCONT);
    ok(WTERMSIG(reap(child)) == SIGTERM, "and ends");
}

static void test_groups(void)
{
    int status;
    pid_t first = fork();
    if (first == 0) {
        setpgid(0, 0);
        pause();
        _exit(1);
    }
    setpgid(first, first);
    pid_t second = fork();
    if (second == 0) {
        setpgid(0, first);
        pause();
        _exit(1);
    }
    is(setpgid(second, first), 0, "a group of two");
    is(getpgid(second), first, "getpgid");
    usleep(20000);
    is(killpg(first, SIGTERM), 0, "killpg");
    ok(waitpid(-first, &status, 0) > 0 && waitpid(-first, &status, 0) > 0, "both end");
    ok(waitpid(-first, &status, 0) == -1 && errno == ECHILD, "and the group");
    ok(killpg(first, SIGTERM) == -1 && errno == ESRCH, "is gone");
    pid_t child = fork();
    if (child == 0)
        _exit(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid() ? 4 : 5);
    is(WEXITSTATUS(reap(child)), 4, "setsid");
    ok(setpgid(0, 29998) == -1 && errno == EPERM, "no such group");
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static sigjmp_buf back;
static char *volatile bad = (char *)0x700000000000;

static void fault_handler(int number, siginfo_t *info, void *context)
{
    seen = *info;
    (void)context;
    siglongjmp(back, number);
}

static void skip_handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)info;
    handler(number);
    interrupted->uc_mcontext.rip += 2; /* ud2 */
    interrupted->uc_mcontext.rax = 5;
}

static int recurse(int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

static void test_faults(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = fault_handler;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    int number = sigsetjmp(back, 1);
    if (number == 0)
        *bad = 1;
    ok(number == SIGSEGV && seen.si_addr == (void *)0x700000000000 && seen.si_code == SEGV_MAPERR,
       "a bad pointer's handler");
    number = sigsetjmp(back, 1);
    if (number == 0)
        *(volatile char *)(uintptr_t)test_faults = 1;
    ok(number == SIGSEGV && seen.si_code == SEGV_ACCERR, "and of writing to code, again");
    number = sigsetjmp(back, 1);
    volatile int zero = 0;
    if (number == 0)
        zero = 10 / zero;
    ok(number == SIGFPE && seen.si_code == FPE_INTDIV, "a division by zero");
    action.sa_sigaction = skip_handler;
    sigaction(SIGILL, &action, NULL);
    count = 0;
    long result;
    __asm__ volatile("ud2" : "=a"(result));
    ok(count == 1 && result == 5, "a handler may change registers");

    static char stack[65536];
    stack_t alternate = {stack, 0, sizeof stack}, old;
    is(sigaltstack(&alternate, NULL), 0, "sigaltstack");
    sigaltstack(NULL, &old);
    ok(old.ss_sp == stack && old.ss_size == sizeof stack && old.ss_flags == 0, "is told");
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = fault_handler;
    sigaction(SIGSEGV, &action, NULL);
    number = sigsetjmp(back, 1);
    if (number == 0)
        recurse(0);
    is(number, SIGSEGV, "a stack that is used up");
    pid_t child = fork();
    if (child == 0) {
        set(SIGSEGV, SIG_DFL, 0);
        recurse(0);
    }
    ok(WTERMSIG(reap(child)) == SIGSEGV, "without a handler it is the end");
    set(SIGSEGV, SIG_DFL, 0);
}

/* ---- All registers --------------------------------------------------------------------------- */

/* Sums in registers of all kinds while signals come; true: no sum was spoilt. */
static bool sums_hold(void)
{
    double a = 0, b = 1;
    unsigned long c = 1, d = 0;
    for (int i = 0; i < 200000; i++) {
        a += b;
        b = -b + 2.0 - 1.0 + (double)(c & 1) - (double)(c & 1);
        c = c * 6364136223846793005ul + 1442695040888963407ul;
        d ^= c;
        b = 1;
    }
    unsigned long e = 1, f = 0;
    for (int i = 0; i < 200000; i++) {
        e = e * 6364136223846793005ul + 1442695040888963407ul;
        f ^= e;
    }
    return a == 200000.0 && d == f && c == e;
}

static volatile double spoiler = 1;
static void spoil(int number)
{
    spoiler = spoiler * 1.5 / 1.25;
    handler(number);
}

static void test_registers(void)
{
    set(SIGALRM, spoil, SA_RESTART);
    count = 0;
    struct itimerval timer = {{0, 500}, {0, 500}};
    setitimer(ITIMER_REAL, &timer, NULL);
    bool good = true;
    int64_t until = now_ms() + 10000;
    for (int i = 0; (i < 20 || count < 30) && now_ms() < until; i++)
        good &= sums_hold();
    timer.it_value.tv_usec = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    ok(good && count >= 30, "registers are as they were after many signals");
}

/* ---- Threads --------------------------------------------------------------------------------- */

static volatile pthread_t ran_in;
static void where(int number)
{
    ran_in = pthread_self();
    handler(number);
}

static void *sleeper(void *argument)
{
    (void)argument;
    struct timespec time = {20, 0};
    nanosleep(&time, NULL);
    return NULL;
}

static void *waiter(void *argument)
{
    sigset_t *set_ = argument;
    int number = 0;
    sigwait(set_, &number);
    return (void *)(long)number;
}

static void test_threads(void)
{
    pthread_t thread;
    void *result;
    count = 0;
    set(SIGUSR1, where, 0);
    pthread_create(&thread, NULL, sleeper, NULL);
    usleep(20000);
    is(pthread_kill(thread, SIGUSR1), 0, "pthread_kill");
    pthread_join(thread, NULL);
    ok(count == 1 && ran_in == thread, "goes to that thread");
    sigset_t set_;
    sigemptyset(&set_);
    sigaddset(&set_, SIGUSR1);
    pthread_create(&thread, NULL, sleeper, NULL);
    pthread_sigmask(SIG_BLOCK, &set_, NULL);
    usleep(20000);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, NULL);
    ok(count == 2 && ran_in == thread, "a process's signal to who has not blocked it");
    pthread_create(&thread, NULL, waiter, &set_);
    usleep(20000);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, &result);
    ok(count == 2 && result == (void *)SIGUSR1, "or waits for it");
    pthread_sigmask(SIG_UNBLOCK, &set_, NULL);
    is(pthread_kill(pthread_self(), 99), EINVAL, "no such signal");
    pid_t child = fork();
    if (child == 0) {
        pthread_create(&thread, NULL, sleeper, NULL);
        for (;;)
            usleep(1000);
    }
    usleep(30000);
    kill(child, SIGSTOP);
    int status;
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGKILL);
    ok(WTERMSIG(reap(child)) == SIGKILL, "a stopped program with threads is killed");
}

/* A storm between two processes: nothing hangs and no signal is lost that was waited for. */
static void test_ping_pong(void)
{
    sigset_t set_, old;
    int number;
    sigemptyset(&set_);
    sigaddset(&set_, SIGUSR1);
    set(SIGUSR1, handler, 0);
    sigprocmask(SIG_BLOCK, &set_, &old);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < 300; i++) {
            sigwait(&set_, &number);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    count = 0;
    for (int i = 0; i < 300; i++) {
        kill(child, SIGUSR1);
        sigsuspend(&old);
    }
    ok(count == 300 && reap(child) == 0, "three hundred signals there and back");
    sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_self();
    test_masks();
    test_waits();
    test_restart();
    test_alarm();
    test_child_signals();
    test_stop();
    test_groups();
    test_faults();
    test_registers();
    test_threads();
    test_ping_pong();
    return tap_end();
}
