/*
 * system() of POSIX.1-2008: newlib's knows no system to run a command on.
 */
#include <errno.h>
#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What system() changes while the command runs. */
struct kept {
    struct sigaction interrupt, quit;
    sigset_t mask;
};

static void ignore_signals(struct kept *kept)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t child;
    sigaction(SIGINT, &ignore, &kept->interrupt);
    sigaction(SIGQUIT, &ignore, &kept->quit);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &kept->mask);
}

static void restore_signals(const struct kept *kept)
{
    sigaction(SIGINT, &kept->interrupt, 0);
    sigaction(SIGQUIT, &kept->quit, 0);
    sigprocmask(SIG_SETMASK, &kept->mask, 0);
}

/* Starts the shell with the signals as they were: 0 or an error number. */
static int start(const char *command, const struct kept *kept, pid_t *child)
{
    char *arguments[] = {"sh", "-c", (char *)(size_t)command, 0};
    posix_spawnattr_t attributes;
    sigset_t normal;
    int error = posix_spawnattr_init(&attributes);
    if (error)
        return error;
    sigemptyset(&normal);
    if (kept->interrupt.sa_handler != SIG_IGN)
        sigaddset(&normal, SIGINT);
    if (kept->quit.sa_handler != SIG_IGN)
        sigaddset(&normal, SIGQUIT);
    posix_spawnattr_setsigdefault(&attributes, &normal);
    posix_spawnattr_setsigmask(&attributes, &kept->mask);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    error = posix_spawn(child, _PATH_BSHELL, 0, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* The command's status as waitpid() gives it, that of `exit 127` if there is no shell, -1 and
 * errno; without a command: is there a shell? */
int system(const char *command)
{
    struct kept kept;
    pid_t child;
    int error, status = 127 << 8;
    if (!command)
        return access(_PATH_BSHELL, X_OK) == 0;
    ignore_signals(&kept);
    error = start(command, &kept, &child);
    if (error == EAGAIN || error == ENOMEM) {
        status = -1;
    } else if (!error) {
        while (waitpid(child, &status, 0) < 0) {
            if (errno != EINTR) {
                error = errno;
                status = -1;
                break;
            }
        }
    }
    restore_signals(&kept);
    if (status == -1)
        errno = error;
    return status;
}
