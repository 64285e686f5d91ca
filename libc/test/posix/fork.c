/*
 * fork: what is copied and what is shared, threads, and atfork handlers.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static int status_of(pid_t child)
{
    int status = -1;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int global = 1;
static _Thread_local int local = 2;

static void test_copies(void)
{
    char *heap = malloc(300000);
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int automatic = 3;
    pid_t parent = getpid();
    heap[299999] = 4;
    private[1024] = 5;
    *shared = 0;
    pid_t child = fork();
    if (child == 0) {
        bool good = global == 1 && local == 2 && automatic == 3 && heap[299999] == 4 &&
                    private[1024] == 5 && getppid() == parent && getpid() != parent;
        global = local = automatic = heap[299999] = private[1024] = 77;
        char *more = malloc(1000000);
        good = good && more;
        memset(more, 1, 1000000);
        free(more);
        *shared = 6;
        _exit(good ? 21 : 22);
    }
    ok(child > 0, "fork");
    is(status_of(child), 21, "the child sees what was");
    ok(global == 1 && local == 2 && automatic == 3 && heap[299999] == 4 && private[1024] == 5,
       "the parent does not see what it did");
    is(*shared, 6, "but in shared memory");
    free(heap);
}

static void test_files(void)
{
    int file = open("/forked", O_RDWR | O_CREAT | O_TRUNC, 0644);
    write(file, "one ", 4);
    pid_t child = fork();
    if (child == 0) {
        write(file, "two ", 4);
        _exit(close(file));
    }
    is(status_of(child), 0, "a child with a file");
    write(file, "three", 5);
    char buffer[20] = "";
    lseek(file, 0, SEEK_SET);
    read(file, buffer, 19);
    ok(strcmp(buffer, "one two three") == 0, "shares its offset");
    close(file);
}

static void test_generations(void)
{
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(5);
        _exit(status_of(grandchild) + 1);
    }
    is(status_of(child), 6, "a child forks");
    pid_t children[10];
    int sum = 0;
    for (int i = 0; i < 10; i++)
        if ((children[i] = fork()) == 0)
            _exit(i);
    for (int i = 9; i >= 0; i--)
        sum += status_of(children[i]);
    is(sum, 45, "ten children");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile bool stop;

static void *busy(void *argument)
{
    while (!stop) {
        pthread_mutex_lock(&mutex);
        free(malloc(100));
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

static void *forker(void *argument)
{
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        void *result;
        int error = pthread_create(&thread, NULL, busy, (void *)7);
        stop = true;
        if (error || (error = pthread_join(thread, &result)) != 0 || result != (void *)7)
            _exit(error ? error : 1);
        char *block = malloc(5000);
        _exit(block ? 9 : 2);
    }
    *(int *)argument = status_of(child);
    return NULL;
}

static int prepared, in_parent, in_child;
static void prepare(void)
{
    prepared++;
    pthread_mutex_lock(&mutex);
}
static void after_in_parent(void)
{
    in_parent++;
    pthread_mutex_unlock(&mutex);
}
static void after_in_child(void)
{
    in_child++;
    pthread_mutex_unlock(&mutex);
}

static void test_threads(void)
{
    pthread_t threads[3], other;
    int statuses[8];
    pthread_atfork(prepare, after_in_parent, after_in_child);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, busy, NULL);
    for (int i = 0; i < 4; i++)
        forker(&statuses[i]);
    for (int i = 4; i < 8; i++) {
        pthread_create(&other, NULL, forker, &statuses[i]);
        pthread_join(other, NULL);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    bool good = true;
    for (int i = 0; i < 8; i++)
        good &= statuses[i] == 9;
    for (int i = 0; i < 8; i++)
        if (statuses[i] != 9)
            printf("# %d: %d\n", i, statuses[i]);
    ok(good, "a child of a busy program has one thread, and can make others");
    ok(prepared == 8 && in_parent == 8 && in_child == 0, "atfork handlers");
}

static void test_exec(void)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/posix_spawn", "/posix_spawn", "exit", "33", (char *)NULL);
        _exit(1);
    }
    is(status_of(child), 33, "fork and exec");
    child = vfork();
    if (child == 0) {
        execl("/none", "none", (char *)NULL);
        _exit(errno == ENOENT ? 12 : 1);
    }
    is(status_of(child), 12, "vfork, and exec of what is not there");
}

int main(void)
{
    test_copies();
    test_files();
    test_generations();
    test_exec();
    test_threads();
    return tap_end();
}
