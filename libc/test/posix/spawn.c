/*
 * posix_spawn, exit statuses, wait, exec.  The program is its own child: its first argument says
 * what to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define SELF "/posix_spawn"

extern char **environ;

static pid_t start(const char *what, const char *argument,
                   const posix_spawn_file_actions_t *actions)
{
    char *const arguments[] = {(char *)SELF, (char *)what, (char *)argument, NULL};
    pid_t child = -1;
    int error = posix_spawn(&child, SELF, actions, NULL, arguments, environ);
    if (error)
        printf("# posix_spawn: %s\n", strerror(error));
    return child;
}

static int status_of(pid_t child)
{
    int status = -1;
    pid_t found = waitpid(child, &status, 0);
    return found == child ? status : -1;
}

static void test_status(void)
{
    pid_t child = start("exit", "7", NULL);
    ok(child > 1, "a child has a number");
    int status = status_of(child);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "and a status");
    errno = 0;
    ok(waitpid(child, &status, 0) == -1 && errno == ECHILD, "which is told once");
    ok(wait(&status) == -1 && errno == ECHILD, "there are no others");
    ok(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "nor at once");
    status = status_of(start("exit", "300", NULL));
    ok(WIFEXITED(status) && WEXITSTATUS(status) == (300 & 255), "its low eight bits");
    status = status_of(start("abort", NULL, NULL));
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "abort");
    status = status_of(start("fault", NULL, NULL));
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a bad pointer");
    status = status_of(start("divide", NULL, NULL));
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGFPE, "a division by zero");
    status = status_of(start("illegal", NULL, NULL));
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "no instruction");
}

static void test_waiting(void)
{
    siginfo_t info;
    pid_t slow = start("sleep", "30", NULL);
    int status;
    is(waitpid(slow, &status, WNOHANG), 0, "a child that runs is not waited for");
    pid_t fast = start("exit", "1", NULL);
    is(wait(&status), fast, "any child");
    memset(&info, 0, sizeof info);
    is(waitid(P_PID, (id_t)slow, &info, WEXITED | WNOWAIT), 0, "waitid");
    ok(info.si_pid == slow && info.si_code == CLD_EXITED && info.si_status == 3, "tells");
    is(waitid(P_PID, (id_t)slow, &info, WEXITED | WNOHANG), 0, "and can be asked again");
    ok(info.si_pid == slow, "with the same answer");
    ok(waitpid(slow, &status, 0) == -1 && errno == ECHILD, "once");
    ok(waitid(P_ALL, 0, &info, 0) == -1 && errno == EINVAL, "for nothing");
}

static void test_errors(void)
{
    pid_t child = 77;
    char *const arguments[] = {(char *)"x", NULL};
    is(posix_spawn(&child, "/none", NULL, NULL, arguments, environ), ENOENT, "no such program");
    is(posix_spawn(&child, "/manifest", NULL, NULL, arguments, environ) != 0, 1, "not a program");
    is(posix_spawn(&child, "/", NULL, NULL, arguments, environ), EACCES, "a directory");
    is(posix_spawnp(&child, "none", NULL, NULL, arguments, environ), ENOENT, "nor in PATH");
    setenv("PATH", "/nowhere:/", 1);
    char *const true_arguments[] = {(char *)"posix_spawn", (char *)"exit", (char *)"4", NULL};
    is(posix_spawnp(&child, "posix_spawn", NULL, NULL, true_arguments, environ), 0, "one in PATH");
    is(WEXITSTATUS(status_of(child)), 4, "runs");
}

static void test_inheritance(void)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int file = open("/output", O_RDWR | O_CREAT | O_TRUNC, 0644);
    ok(file >= 0, "a file");
    int hidden = open("/output", O_RDONLY | O_CLOEXEC);
    posix_spawn_file_actions_adddup2(&actions, file, 1);
    posix_spawn_file_actions_addopen(&actions, 9, "/manifest", O_RDONLY, 0);
    posix_spawn_file_actions_addclose(&actions, file);
    char number[12];
    snprintf(number, sizeof number, "%d", hidden);
    setenv("COLOUR", "blue", 1);
    is(WEXITSTATUS(status_of(start("write", number, &actions))), 0, "a child with descriptors");
    char buffer[100] = "";
    lseek(file, 0, SEEK_SET);
    ssize_t length = read(file, buffer, sizeof buffer - 1);
    ok(length > 0 && strcmp(buffer, "blue /\n") == 0, "writes where it was told");
    posix_spawn_file_actions_destroy(&actions);
    close(hidden);
    close(file);
}

static void test_exec(void)
{
    is(WEXITSTATUS(status_of(start("exec", "5", NULL))), 5, "exec keeps the process");
    int script = open("/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    const char text[] = "#! " SELF " args\nnothing\n";
    write(script, text, sizeof text - 1);
    close(script);
    char *const arguments[] = {(char *)"script", (char *)"one", (char *)"two", NULL};
    pid_t child;
    is(posix_spawn(&child, "/script", NULL, NULL, arguments, environ), 0, "a script starts");
    is(WEXITSTATUS(status_of(child)), 5, "with its interpreter's arguments");
}

static int child(int argc, char **argv)
{
    const char *what = argv[1], *argument = argc > 2 ? argv[2] : "";
    if (strcmp(what, "exit") == 0)
        return atoi(argument);
    if (strcmp(what, "abort") == 0)
        abort();
    if (strcmp(what, "fault") == 0)
        *(volatile int *)(uintptr_t)(getpid() < 0 ? 0x10000 : 16) = 1;
    if (strcmp(what, "divide") == 0)
        return 10 / *(volatile int *)&(int){0};
    if (strcmp(what, "illegal") == 0)
        __builtin_trap();
    if (strcmp(what, "sleep") == 0) {
        usleep((useconds_t)atoi(argument) * 1000);
        return 3;
    }
    if (strcmp(what, "write") == 0) {
        struct stat status;
        char directory[100];
        if (fstat(atoi(argument), &status) == 0 || fstat(9, &status) != 0)
            return 1;
        printf("%s %s\n", getenv("COLOUR"), getcwd(directory, sizeof directory));
        return fflush(stdout) != 0;
    }
    if (strcmp(what, "exec") == 0) {
        char number[20];
        snprintf(number, sizeof number, "%d", (int)getpid());
        execl(SELF, SELF, "same", number, argument, (char *)NULL);
        return 1;
    }
    if (strcmp(what, "same") == 0)
        return atoi(argument) == getpid() ? atoi(argv[3]) : 2;
    if (strcmp(what, "args") == 0)
        return argc == 5 && strcmp(argv[2], "/script") == 0 && strcmp(argv[4], "two") == 0 ? 5 : 1;
    return 99;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child(argc, argv);
    test_status();
    test_waiting();
    test_errors();
    test_inheritance();
    test_exec();
    return tap_end();
}
