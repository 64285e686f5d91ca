/*
 * Waiting for files, and what there is to ask about the system and its terminals.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void test_files(void)
{
    struct timespec start;
    int file = open("/polled", O_RDWR | O_CREAT, 0600);
    struct pollfd entries[3] = {{.fd = file, .events = POLLIN | POLLOUT}, {.fd = -1}, {.fd = 99}};
    is(poll(entries, 1, -1), 1, "a file is ready");
    is(entries[0].revents, POLLIN | POLLOUT, "to be read and written");
    is(poll(entries, 3, 1000), 2, "poll of several");
    ok(entries[1].revents == 0 && entries[2].revents == POLLNVAL, "POLLNVAL");
    clock_gettime(CLOCK_MONOTONIC, &start);
    is(poll(NULL, 0, 30), 0, "poll of nothing waits");
    ok(elapsed_ms(&start) >= 29, "as long as asked");
    is(poll(NULL, 0, 0), 0, "or not");
    fd_set reads, writes;
    struct timeval span = {0, 20000};
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(file, &reads);
    FD_SET(file, &writes);
    is(select(file + 1, &reads, &writes, NULL, &span), 2, "select counts bits");
    clock_gettime(CLOCK_MONOTONIC, &start);
    is(select(0, NULL, NULL, NULL, &span), 0, "select of nothing");
    ok(elapsed_ms(&start) >= 19, "waits");
    FD_SET(99, &reads);
    ok(select(100, &reads, NULL, NULL, &span) == -1 && errno == EBADF, "select of no descriptor");
    ok(select(-1, NULL, NULL, NULL, &span) == -1 && errno == EINVAL, "of a negative number");
    close(file);
}

static void test_no_terminal(void)
{
    struct termios attributes;
    struct winsize size;
    int file = open("/polled", O_RDWR);
    ok(!isatty(file) && errno == ENOTTY, "a file is no terminal");
    ok(tcgetattr(file, &attributes) == -1 && errno == ENOTTY, "tcgetattr");
    ok(ioctl(file, TIOCGWINSZ, &size) == -1 && errno == ENOTTY, "ioctl");
    ok(!isatty(99) && errno == EBADF, "nor is what is not open");
    ok(!isatty(1) && errno == ENOTTY, "nor the log");
    ok(ttyname(file) == NULL, "ttyname");
    int on = 1;
    ok(ioctl(file, FIONBIO, &on) == 0 && (fcntl(file, F_GETFL) & O_NONBLOCK), "FIONBIO");
    cfmakeraw(&attributes);
    ok(cfsetspeed(&attributes, B38400) == 0 && cfgetispeed(&attributes) == B38400, "speeds");
    ok(cfsetspeed(&attributes, 7) == -1 && errno == EINVAL, "that there are");
    close(file);
}

static void test_system(void)
{
    struct utsname names;
    char name[HOST_NAME_MAX + 1], text[100];
    struct rusage usage;
    struct tms times_used;
    struct timespec time;
    ok(uname(&names) == 0 && strcmp(names.sysname, "Portolan") == 0, "uname");
    ok(gethostname(name, sizeof name) == 0 && strcmp(name, names.nodename) == 0, "gethostname");
    ok(gethostname(name, 2) == -1 && errno == ENAMETOOLONG, "with little room");
    ok(sysconf(_SC_PAGESIZE) == 4096 && sysconf(_SC_NPROCESSORS_ONLN) >= 1 &&
           sysconf(_SC_PHYS_PAGES) > sysconf(_SC_AVPHYS_PAGES),
       "sysconf");
    errno = 0;
    ok(sysconf(_SC_TRACE) == -1 && errno == 0, "an option that there is not");
    ok(sysconf(99999) == -1 && errno == EINVAL, "no such name");
    size_t length = confstr(_CS_PATH, text, sizeof text);
    ok(length > 1 && length == strlen(text) + 1, "confstr");
    volatile unsigned long sum = 0;
    for (unsigned long i = 0; i < 20000000; i++)
        sum += i;
    ok(getrusage(RUSAGE_SELF, &usage) == 0 &&
           (usage.ru_utime.tv_usec > 0 || usage.ru_utime.tv_sec > 0) && usage.ru_maxrss > 0,
       "getrusage");
    ok(getrusage(99, &usage) == -1 && errno == EINVAL, "of whom");
    ok(times(&times_used) != (clock_t)-1 && times_used.tms_cutime == 0, "times");
    ok(clock() > 0 && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 && time.tv_nsec > 0,
       "processor time");
}

static void test_log(void)
{
    char line[100] = "";
    int ends[2], before = dup(2);
    ok(pipe(ends) == 0 && dup2(ends[1], 2) == 2, "standard error is a pipe");
    openlog("name", LOG_PID | LOG_PERROR, LOG_USER);
    setlogmask(LOG_UPTO(LOG_INFO));
    errno = ENOENT;
    syslog(LOG_INFO, "%d%% of %m", 50);
    long length = read(ends[0], line, sizeof line - 1);
    ok(length > 0 && strstr(line, "name[") == line &&
           strstr(line, "]: 50% of No such file or directory\n"),
       "syslog");
    syslog(LOG_DEBUG, "not wanted");
    is(setlogmask(0), LOG_UPTO(LOG_INFO), "setlogmask");
    closelog();
    dup2(before, 2);
    close(ends[1]);
    is(read(ends[0], line, sizeof line), 0, "what is masked is not written");
    close(ends[0]), close(before);
}

int main(void)
{
    test_log();
    test_files();
    test_no_terminal();
    test_system();
    return tap_end();
}
