/*
 * Pipes between processes, and signals that come while one is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static volatile sig_atomic_t count;

static void handler(int number)
{
    (void)number;
    count++;
}

static void set(int number, void (*to)(int), int flags)
{
    struct sigaction action = {.sa_flags = flags};
    action.sa_handler = to;
    sigaction(number, &action, NULL);
}

static int reap(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        ;
    return status;
}

static void test_between(void)
{
    int ends[2];
    char text[20] = "";
    is(pipe(ends), 0, "a pipe");
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        usleep(30000);
        _exit(write(ends[1], "hello", 5) != 5);
    }
    close(ends[1]);
    is(read(ends[0], text, 20), 5, "from a child");
    ok(strcmp(text, "hello") == 0, "comes what it wrote");
    is(read(ends[0], text, 20), 0, "then the end");
    reap(child);
    close(ends[0]);
}

static void test_broken(void)
{
    int ends[2];
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (;;)
            write(ends[1], "y\n", 2);
    }
    close(ends[0]);
    close(ends[1]);
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "who writes to nobody ends");
    pipe(ends);
    close(ends[0]);
    set(SIGPIPE, SIG_IGN, 0);
    ok(write(ends[1], "y", 1) == -1 && errno == EPIPE, "unless it ignores SIGPIPE");
    set(SIGPIPE, SIG_DFL, 0);
    close(ends[1]);
}

/* A child that signals after 50 ms, and after as many more writes. */
static pid_t signaller(int to)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        usleep(50000);
        kill(parent, SIGUSR1);
        usleep(50000);
        _exit(write(to, "z", 1) != 1);
    }
    return child;
}

static void test_interrupted(void)
{
    int ends[2];
    char byte = 0;
    pipe(ends);
    set(SIGUSR1, handler, 0);
    pid_t child = signaller(ends[1]);
    errno = 0;
    ok(read(ends[0], &byte, 1) == -1 && errno == EINTR && count == 1, "a read is cut short");
    ok(read(ends[0], &byte, 1) == 1 && byte == 'z', "and nothing is lost");
    reap(child);
    set(SIGUSR1, handler, SA_RESTART);
    child = signaller(ends[1]);
    byte = 0;
    ok(read(ends[0], &byte, 1) == 1 && byte == 'z' && count == 2, "or goes on: SA_RESTART");
    reap(child);
    child = signaller(ends[1]);
    struct pollfd wait_for = {ends[0], POLLIN, 0};
    ok(poll(&wait_for, 1, -1) == -1 && errno == EINTR && count == 3, "poll is never restarted");
    is(poll(&wait_for, 1, -1), 1, "poll");
    read(ends[0], &byte, 1);
    reap(child);
    close(ends[0]);
    close(ends[1]);
}

/* Signals around the beginnings and ends of reads: none is lost, and no byte. */
static void test_many(void)
{
    int there[2], back[2];
    char byte = 'a';
    pipe(there);
    pipe(back);
    set(SIGUSR1, handler, 0);
    count = 0;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < 300; i++) {
            if (read(there[0], &byte, 1) != 1)
                _exit(1);
            for (volatile int j = 0; j < i * 7; j++)
                ;
            kill(parent, SIGUSR1);
            for (volatile int j = 0; j < (300 - i) * 50; j++)
                ;
            write(back[1], &(char){(char)i}, 1);
        }
        _exit(0);
    }
    int cut = 0;
    bool in_order = true;
    for (int i = 0; i < 300; i++) {
        write(there[1], &byte, 1);
        while (read(back[0], &byte, 1) == -1 && errno == EINTR)
            cut++;
        in_order &= byte == (char)i;
    }
    is(count, 300, "three hundred signals around reads");
    ok(cut > 0 && cut <= 300 && in_order, "some of which cut them short, and no byte was lost");
    is(reap(child), 0, "and the sender is content");
}

static void test_pipeline(void)
{
    int first[2], second[2];
    pipe(first);
    pipe(second);
    pid_t head = fork();
    if (head == 0) {
        for (int i = 0; i < 20000; i++)
            if (write(first[1], &(char){(char)i}, 1) != 1)
                _exit(1);
        _exit(0);
    }
    pid_t middle = fork();
    if (middle == 0) {
        char buffer[777];
        ssize_t length;
        close(first[1]);
        while ((length = read(first[0], buffer, sizeof buffer)) > 0)
            if (write(second[1], buffer, (size_t)length) != length)
                _exit(1);
        _exit(length != 0);
    }
    close(first[0]);
    close(first[1]);
    close(second[1]);
    long sum = 0, wanted = 0;
    char buffer[1000];
    for (ssize_t length; (length = read(second[0], buffer, sizeof buffer)) > 0;)
        for (ssize_t i = 0; i < length; i++)
            sum += buffer[i];
    for (int i = 0; i < 20000; i++)
        wanted += (char)i;
    ok(sum == wanted && reap(head) == 0 && reap(middle) == 0, "a pipeline of three");
    close(second[0]);
}

int main(void)
{
    test_between();
    test_broken();
    test_interrupted();
    test_many();
    test_pipeline();
    return tap_end();
}
