/*
 * Pipes and FIFOs: bytes in order, ends that close, waiting and not waiting, cancellation.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static void pause_ms(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static void test_basics(void)
{
    int ends[2], more[2], waiting;
    char buffer[100] = "";
    struct stat status;
    if (!is(pipe(ends), 0, "pipe")) {
        printf("# errno %d\n", errno);
        exit(tap_end());
    }
    ok(ends[0] != ends[1] && fcntl(ends[0], F_GETFD) == 0, "two descriptors");
    is(write(ends[1], "through", 7), 7, "write");
    ok(ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting == 7, "FIONREAD");
    is(read(ends[0], buffer, 4), 4, "read of a part");
    is(read(ends[0], buffer + 4, 90), 3, "and of what is left");
    ok(memcmp(buffer, "through", 7) == 0, "in order");
    ok(fstat(ends[0], &status) == 0 && S_ISFIFO(status.st_mode), "is a FIFO");
    ok(lseek(ends[0], 0, SEEK_SET) == -1 && errno == ESPIPE, "cannot seek");
    ok(read(ends[1], buffer, 1) == -1 && errno == EBADF, "the one only writes");
    ok(write(ends[0], buffer, 1) == -1 && errno == EBADF, "the other only reads");
    is(pipe2(more, O_NONBLOCK | O_CLOEXEC), 0, "pipe2");
    ok(fcntl(more[0], F_GETFD) == FD_CLOEXEC && (fcntl(more[1], F_GETFL) & O_NONBLOCK), "flags");
    ok(read(more[0], buffer, 1) == -1 && errno == EAGAIN, "nothing there yet");
    long filled = 0, written;
    while ((written = write(more[1], buffer, sizeof buffer)) > 0)
        filled += written;
    ok(written == -1 && errno == EAGAIN && filled >= 4096, "a full pipe");
    close(more[0]), close(more[1]);
    ok(pipe2(more, 0x10) == -1 && errno == EINVAL, "unknown flags");
    int copy = dup(ends[1]);
    close(ends[1]);
    write(copy, "x", 1);
    close(copy);
    is(read(ends[0], buffer, 10), 1, "what was written stays");
    is(read(ends[0], buffer, 10), 0, "after the last writer: the end");
    close(ends[0]);
    pipe(ends);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    ok(write(ends[1], "x", 1) == -1 && errno == EPIPE, "after the last reader: EPIPE");
    close(ends[1]);
}

/* ---- Much, by threads ------------------------------------------------------------------------ */

#define MUCH (3 << 20)
static unsigned char source[MUCH], sink[MUCH];

static void *feed(void *argument)
{
    int end = *(int *)argument;
    struct iovec parts[2] = {{source, 100}, {source + 100, 100}};
    bool good = writev(end, parts, 2) == 200 && write(end, source + 200, MUCH - 200) == MUCH - 200;
    close(end);
    return (void *)(intptr_t)good;
}

static void test_much(void)
{
    int ends[2];
    pthread_t thread;
    void *good;
    size_t done = 0;
    ssize_t got;
    for (size_t i = 0; i < MUCH; i++)
        source[i] = (unsigned char)(i * 7 + (i >> 11));
    pipe(ends);
    pthread_create(&thread, NULL, feed, &ends[1]);
    while ((got = read(ends[0], sink + done, MUCH - done < 100001 ? MUCH - done : 100001)) > 0)
        done += (size_t)got;
    pthread_join(thread, &good);
    ok(good && done == MUCH && memcmp(source, sink, MUCH) == 0, "three MiB through a pipe");
    close(ends[0]);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void *write_late(void *argument)
{
    pause_ms(50);
    write(*(int *)argument, "late", 4);
    return NULL;
}

static void *close_late(void *argument)
{
    pause_ms(50);
    close(*(int *)argument);
    return NULL;
}

static void test_waiting(void)
{
    int ends[2], other[2];
    char buffer[10];
    pthread_t thread;
    pipe(ends), pipe(other);
    struct pollfd entries[2] = {{.fd = ends[0], .events = POLLIN},
                                {.fd = other[0], .events = POLLIN}};
    is(poll(entries, 2, 20), 0, "poll runs out");
    pthread_create(&thread, NULL, write_late, &other[1]);
    is(poll(entries, 2, 10000), 1, "poll waits for one of two");
    ok(entries[0].revents == 0 && entries[1].revents == POLLIN, "and says which");
    pthread_join(thread, NULL);
    is(read(other[0], buffer, 10), 4, "which can be read");
    pthread_create(&thread, NULL, write_late, &ends[1]);
    is(read(ends[0], buffer, 10), 4, "read waits");
    pthread_join(thread, NULL);
    entries[0] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
    ok(poll(entries, 1, 0) == 1 && entries[0].revents == POLLOUT, "an empty pipe can be written");
    entries[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    pthread_create(&thread, NULL, close_late, &ends[1]);
    ok(poll(entries, 1, 10000) == 1 && (entries[0].revents & POLLHUP), "poll hears the end");
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, close_late, &other[1]);
    is(read(other[0], buffer, 10), 0, "as read does");
    pthread_join(thread, NULL);
    close(ends[0]), close(other[0]);
    fd_set set;
    FD_ZERO(&set);
    pipe(ends);
    FD_SET(ends[0], &set);
    pthread_create(&thread, NULL, write_late, &ends[1]);
    ok(select(ends[0] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(ends[0], &set), "select");
    pthread_join(thread, NULL);
    close(ends[0]), close(ends[1]);
}

/* ---- Cancellation ---------------------------------------------------------------------------- */

static int cleaned;
static void clean(void *argument)
{
    cleaned += *(int *)argument;
}

static void *read_for_ever(void *argument)
{
    int one = 1;
    char byte;
    pthread_cleanup_push(clean, &one);
    read(*(int *)argument, &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *poll_for_ever(void *argument)
{
    struct pollfd entry = {.fd = *(int *)argument, .events = POLLIN};
    int one = 1;
    pthread_cleanup_push(clean, &one);
    poll(&entry, 1, -1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *read_undisturbed(void *argument)
{
    char byte;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    intptr_t good = read(*(int *)argument, &byte, 1) == 1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    cleaned += 100 * (int)good;
    pthread_testcancel();
    return NULL;
}

static void test_no_cancellation(void)
{
    int ends[2];
    pthread_t thread;
    void *result;
    cleaned = 0;
    pipe(ends);
    pthread_create(&thread, NULL, read_undisturbed, &ends[0]);
    pause_ms(20);
    pthread_cancel(thread);
    pause_ms(20);
    write(ends[1], "x", 1);
    pthread_join(thread, &result);
    ok(result == PTHREAD_CANCELED && cleaned == 100, "cancellation that is disabled ends no read");
    close(ends[0]), close(ends[1]);
}

static void test_cancellation(void)
{
    int ends[2];
    pthread_t thread;
    void *result;
    bool good = true;
    pipe(ends);
    for (int i = 0; i < 20; i++) {
        pthread_create(&thread, NULL, i & 1 ? poll_for_ever : read_for_ever, &ends[0]);
        if (i & 2)
            pause_ms(5);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        good &= result == PTHREAD_CANCELED;
    }
    ok(good && cleaned == 20, "read and poll are cancellation points");
    is(write(ends[1], "x", 1), 1, "the pipe still works");
    char byte;
    is(read(ends[0], &byte, 1), 1, "both ways");
    close(ends[0]), close(ends[1]);
}

/* ---- FIFOs ----------------------------------------------------------------------------------- */

static void *open_writer(void *argument)
{
    int file = open(argument, O_WRONLY);
    write(file, "fifo", 4);
    close(file);
    return NULL;
}

static void test_fifo(void)
{
    char buffer[10];
    pthread_t thread;
    struct stat status;
    is(mkfifo("/fifo", 0600), 0, "mkfifo");
    ok(stat("/fifo", &status) == 0 && S_ISFIFO(status.st_mode), "is one");
    ok(open("/fifo", O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO, "nobody reads yet");
    pthread_create(&thread, NULL, open_writer, "/fifo");
    int file = open("/fifo", O_RDONLY);
    ok(file >= 0 && read(file, buffer, 10) == 4, "opening waits for the other side");
    pthread_join(thread, NULL);
    is(read(file, buffer, 10), 0, "the writer has gone");
    close(file);
}

int main(void)
{
    test_basics();
    test_much();
    test_waiting();
    test_cancellation();
    test_no_cancellation();
    test_fifo();
    return tap_end();
}
