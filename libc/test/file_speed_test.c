/*
 * What files cost, as a program sees it: with a name server, a tmpfs and a pipe server.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "measure.h"

static char buffer[65536];
static int file, ends[2];
static struct stat status;

static void open_close(void)
{
    close(open("/directory/file", O_RDONLY));
}

static void look(void)
{
    stat("/directory/file", &status);
}

static void look_at_file(void)
{
    fstat(file, &status);
}

static void read_little(void)
{
    pread(file, buffer, 64, 0);
}

static void read_page(void)
{
    pread(file, buffer, 4096, 4096);
}

static void read_much(void)
{
    pread(file, buffer, sizeof buffer, 0);
}

static void write_page(void)
{
    pwrite(file, buffer, 4096, 4096);
}

static void write_much(void)
{
    pwrite(file, buffer, sizeof buffer, 0);
}

static void through_pipe(void)
{
    write(ends[1], buffer, 64);
    read(ends[0], buffer, 64);
}

static void duplicate(void)
{
    close(dup(file));
}

int main(void)
{
    mkdir("/directory", 0777);
    file = open("/directory/file", O_RDWR | O_CREAT, 0600);
    write(file, buffer, sizeof buffer);
    pipe(ends);
    empty_cost = measure(empty);
    report("open + close of a file", open_close, 0);
    report("stat", look, 0);
    report("fstat", look_at_file, 0);
    report("pread of 64 bytes", read_little, 0);
    report("pread of 4 KiB", read_page, 0);
    report("pread of 64 KiB", read_much, 0);
    report("pwrite of 4 KiB", write_page, 0);
    report("pwrite of 64 KiB", write_much, 0);
    report("64 bytes through a pipe", through_pipe, 0);
    report("dup + close", duplicate, 0);
    return 0;
}
