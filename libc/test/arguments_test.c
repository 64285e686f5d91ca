/*
 * What a program was started with, from the VM object "args" that tests/boot/test_posix.c made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

int main(int argc, char **argv)
{
    char buffer[100] = "";
    ok(argc == 3 && strcmp(argv[0], "arguments") == 0 && strcmp(argv[1], "two words") == 0 &&
           argv[2][0] == '\0' && argv[3] == NULL,
       "arguments");
    ok(environ[0] && environ[1] && !environ[2] && strcmp(getenv("ONE"), "1") == 0 &&
           strcmp(getenv("EMPTY"), "") == 0,
       "environment");
    ok(getcwd(buffer, sizeof buffer) && strcmp(buffer, "/inherited") == 0, "working directory");
    is(umask(0), 027, "umask");
    argv[1][0] = 'T';
    ok(strcmp(argv[1], "Two words") == 0, "arguments can be written to");
    return tap_end();
}
