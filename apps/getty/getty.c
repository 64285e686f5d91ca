/*
 * getty TERMINAL TYPE PROGRAM ARGUMENT...
 *
 * Opens a terminal, makes it the controlling one of its session, and becomes PROGRAM with it as
 * standard input, output and error.  TYPE is what TERM will be.  A TYPE of "-" leaves it alone.
 *
 * init starts it as the first process of a session; whatever goes wrong is said in the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void complain(const char *what)
{
    fprintf(stderr, "getty: %s: %s\n", what, strerror(errno));
}

static void fail(const char *what)
{
    complain(what);
    exit(1);
}

static void open_terminal(const char *path)
{
    int terminal = open(path, O_RDWR | O_NOCTTY);
    if (terminal < 0)
        fail(path);
    if (getsid(0) != getpid() && setsid() < 0)
        fail("setsid");
    if (ioctl(terminal, TIOCSCTTY, 0) < 0)
        complain("not the controlling terminal");
    for (int i = 0; i < 3; i++)
        if (terminal != i && dup2(terminal, i) < 0)
            fail("dup2");
    if (terminal > 2)
        close(terminal);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: getty TERMINAL TYPE PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    open_terminal(argv[1]);
    if (strcmp(argv[2], "-") != 0)
        setenv("TERM", argv[2], 1);
    if (!getenv("PATH"))
        setenv("PATH", "/bin:/sbin:/usr/bin", 1);
    if (!getenv("HOME"))
        setenv("HOME", "/", 1);
    execvp(argv[3], argv + 3);
    fail(argv[3]);
}
