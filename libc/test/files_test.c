/*
 * Files: what they hold, how descriptors to them behave, and which errors there are.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tap.h"

static void fails(long result, int error, const char *name)
{
    int seen = errno;
    ok(result == -1 && seen == error, name);
    if (result != -1 || seen != error)
        printf("#   result %ld, errno %d, wanted %d\n", result, seen, error);
}

static void test_bytes(void)
{
    char buffer[100] = "";
    struct stat status;
    int file = open("/bytes", O_RDWR | O_CREAT | O_EXCL, 0640);
    ok(file >= 3, "open makes a file");
    is(write(file, "hello, world", 12), 12, "write");
    is(lseek(file, 7, SEEK_SET), 7, "lseek");
    is(read(file, buffer, sizeof buffer), 5, "read gives what is left");
    ok(memcmp(buffer, "world", 5) == 0, "and it is that");
    is(read(file, buffer, sizeof buffer), 0, "at the end there is nothing");
    is(pread(file, buffer, 5, 0), 5, "pread");
    ok(memcmp(buffer, "hello", 5) == 0 && lseek(file, 0, SEEK_CUR) == 12, "leaves the offset");
    is(pwrite(file, "H", 1, 0), 1, "pwrite");
    is(lseek(file, -5, SEEK_END), 7, "lseek from the end");
    fails(lseek(file, -1, SEEK_SET), EINVAL, "not before the start");
    fails(lseek(file, 0, 77), EINVAL, "no such whence");
    is(fstat(file, &status), 0, "fstat");
    ok(S_ISREG(status.st_mode) && (status.st_mode & 07777) == 0640 && status.st_size == 12 &&
           status.st_nlink == 1,
       "says what it is");
    is(ftruncate(file, 4), 0, "ftruncate");
    ok(fstat(file, &status) == 0 && status.st_size == 4, "shortens");
    is(truncate("/bytes", 8), 0, "truncate");
    is(pread(file, buffer, 100, 0), 8, "lengthens");
    ok(memcmp(buffer, "Hell\0\0\0\0", 8) == 0, "with zeros");
    is(fsync(file), 0, "fsync");
    is(close(file), 0, "close");
    fails(close(file), EBADF, "close once");
    fails(read(file, buffer, 1), EBADF, "closed is closed");
    fails(open("/bytes", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST, "O_EXCL");
    fails(open("/nothing", O_RDONLY), ENOENT, "no such file");
    fails(open("", O_RDONLY), ENOENT, "no name");
    fails(open("/bytes/x", O_RDONLY), ENOTDIR, "below a file");
    fails(open("/bytes/", O_RDONLY), ENOTDIR, "a slash wants a directory");
    fails(open("/", O_RDWR), EISDIR, "a directory is not written");
    file = open("/bytes", O_RDONLY);
    fails(write(file, "x", 1), EBADF, "not opened for writing");
    fails(ftruncate(file, 0), EINVAL, "nor to be shortened");
    close(file);
    file = open("/bytes", O_WRONLY | O_TRUNC);
    fails(read(file, buffer, 1), EBADF, "not opened for reading");
    ok(fstat(file, &status) == 0 && status.st_size == 0, "O_TRUNC");
    close(file);
    file = open("/bytes", O_WRONLY | O_APPEND);
    write(file, "abc", 3);
    lseek(file, 0, SEEK_SET);
    write(file, "def", 3);
    ok(fstat(file, &status) == 0 && status.st_size == 6, "O_APPEND");
    close(file);
}

/* From memory that libc can lend, and from what it cannot. */
static bool round_trip(char *memory, size_t length, unsigned seed)
{
    int file = open("/large", O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool good = true;
    for (size_t i = 0; i < length; i++)
        memory[i] = (char)(i * 31 + seed + (i >> 9));
    good &= write(file, memory, length) == (ssize_t)length;
    memset(memory, 0, length);
    good &= pread(file, memory, length, 0) == (ssize_t)length;
    for (size_t i = 0; i < length; i++)
        good &= memory[i] == (char)(i * 31 + seed + (i >> 9));
    close(file);
    return good;
}

static char data[300000];

static void test_large(void)
{
    char stack[50000];
    char *heap = malloc(3000001);
    ok(round_trip(stack, sizeof stack, 1), "from and to the stack");
    ok(round_trip(stack + 1, sizeof stack - 3, 2), "at odd addresses");
    ok(round_trip(data, sizeof data, 3), "from and to the program's data");
    ok(round_trip(heap, 3000001, 4), "from and to the heap");
    ok(round_trip(heap + 5, 4097, 5), "a byte over a page");
    ok(round_trip(heap + 9, 4096, 6), "a page");
    int file = open("/large", O_RDWR | O_TRUNC);
    write(file, heap, 10000);
    is(pread(file, data, sizeof data, 0), 10000, "a short read is short");
    is(pread(file, data, sizeof data, 9000), 1000, "near the end as well");
    close(file);
    unlink("/large");
    free(heap);
}

static void test_vectors(void)
{
    char a[4] = "", b[5000], c[3] = "";
    struct iovec parts[3] = {{"one", 3}, {"", 0}, {"two", 3}};
    int file = open("/vector", O_RDWR | O_CREAT, 0600);
    is(writev(file, parts, 3), 6, "writev");
    lseek(file, 0, SEEK_SET);
    struct iovec into[3] = {{a, 4}, {c, 2}, {b, 100}};
    is(readv(file, into, 3), 6, "readv");
    ok(memcmp(a, "onet", 4) == 0 && memcmp(c, "wo", 2) == 0, "in order");
    memset(b, 'b', sizeof b);
    struct iovec large[2] = {{b, sizeof b}, {b, sizeof b}};
    is(writev(file, large, 2), 10000, "writev of more than a page");
    fails(writev(file, parts, 0), EINVAL, "of nothing");
    fails(readv(file, parts, IOV_MAX + 1), EINVAL, "of too many");
    close(file);
}

static void test_descriptors(void)
{
    int file = open("/bytes", O_RDWR | O_CLOEXEC | O_CREAT, 0600), copy, highest;
    is(fcntl(file, F_GETFD), FD_CLOEXEC, "O_CLOEXEC");
    is(fcntl(file, F_SETFD, 0), 0, "F_SETFD");
    is(fcntl(file, F_GETFD), 0, "is cleared");
    is(fcntl(file, F_GETFL) & O_ACCMODE, O_RDWR, "F_GETFL");
    copy = dup(file);
    is(copy, file + 1, "dup takes the lowest number");
    lseek(file, 3, SEEK_SET);
    is(lseek(copy, 0, SEEK_CUR), 3, "and shares the offset");
    is(fcntl(copy, F_SETFL, O_NONBLOCK), 0, "F_SETFL");
    ok(fcntl(file, F_GETFL) & O_NONBLOCK, "and the flags");
    is(dup2(file, 77), 77, "dup2");
    is(dup2(file, file), file, "to itself");
    fails(dup2(55, 56), EBADF, "of nothing");
    fails(dup2(55, 55), EBADF, "of nothing to itself");
    fails(dup2(file, 1024), EBADF, "to no number");
    fails(dup3(file, file, 0), EINVAL, "dup3 to itself");
    is(dup3(file, 78, O_CLOEXEC), 78, "dup3");
    is(fcntl(78, F_GETFD), FD_CLOEXEC, "with its flag");
    is(fcntl(file, F_DUPFD, 100), 100, "F_DUPFD");
    is(fcntl(file, F_DUPFD_CLOEXEC, 100), 101, "F_DUPFD_CLOEXEC");
    fails(fcntl(file, F_DUPFD, -1), EINVAL, "from no number");
    close(file);
    is(write(copy, "x", 1), 1, "a copy outlives its original");
    close(copy), close(77), close(78), close(100), close(101);
    for (highest = -1; (copy = open("/bytes", O_RDONLY)) >= 0;)
        highest = copy;
    fails(copy, EMFILE, "descriptors are bounded");
    is(highest, (int)sysconf(_SC_OPEN_MAX) - 1, "at sysconf's figure");
    for (copy = 3; copy <= highest; copy++)
        close(copy);
    is(open("/bytes", O_RDONLY), 3, "and come back");
    close(3);
}

static void test_stdio(void)
{
    char line[64] = "";
    FILE *file = fopen("/stdio", "w+");
    ok(file != NULL, "fopen");
    ok(fprintf(file, "%d %s\n%a\n", 42, "words", 1.5) > 0, "fprintf");
    rewind(file);
    ok(fgets(line, sizeof line, file) && strcmp(line, "42 words\n") == 0, "fgets");
    ok(fseek(file, 0, SEEK_END) == 0 && ftell(file) > 12, "fseek and ftell");
    is(fclose(file), 0, "fclose");
    file = fopen("/stdio", "a");
    ok(file && fputs("end\n", file) >= 0 && fclose(file) == 0, "appending");
    file = fopen("/stdio", "r");
    int lines = 0;
    while (fgets(line, sizeof line, file))
        lines++;
    ok(lines == 3 && strcmp(line, "end\n") == 0 && feof(file), "all lines");
    fclose(file);
    mkdir("/tmp", 01777);
    file = tmpfile();
    ok(file != NULL && fputs("x", file) >= 0 && fclose(file) == 0, "tmpfile");
    char name[] = "/nameXXXXXX";
    int made = mkstemp(name);
    ok(made >= 0 && strcmp(name, "/nameXXXXXX") != 0 && unlink(name) == 0, "mkstemp");
    close(made);
}

/* Threads that open, share and close while others do: no descriptor is lost or mixed up. */
static int shared;
static void *use(void *argument)
{
    intptr_t number = (intptr_t)argument, good = 1;
    char name[20], byte;
    snprintf(name, sizeof name, "/thread%d", (int)number);
    for (int i = 0; i < 200; i++) {
        int file = open(name, O_RDWR | O_CREAT, 0600);
        byte = (char)number;
        good &= file >= 0 && pwrite(file, &byte, 1, 0) == 1;
        byte = 0;
        int copy = dup(file);
        good &= close(file) == 0 && pread(copy, &byte, 1, 0) == 1 && byte == (char)number;
        good &= close(copy) == 0 && pread(shared, &byte, 1, 0) == 1;
    }
    return (void *)good;
}

static void test_threads(void)
{
    pthread_t threads[4];
    void *good = NULL, *all = (void *)1;
    shared = open("/bytes", O_RDONLY);
    for (intptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use, (void *)(i + 1));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &good);
        all = all && good ? all : NULL;
    }
    ok(all != NULL, "threads do not get in each other's way");
    close(shared);
}

int main(void)
{
    test_bytes();
    test_large();
    test_vectors();
    test_descriptors();
    test_stdio();
    test_threads();
    return tap_end();
}
