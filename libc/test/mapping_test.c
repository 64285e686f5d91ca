/*
 * Mapped memory: anonymous and of files, shared and private, cut and protected.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define PAGE 4096

static void fails(const void *result, int error, const char *name)
{
    int seen = errno;
    ok(result == MAP_FAILED && seen == error, name);
    if (result != MAP_FAILED || seen != error)
        printf("#   result %p, errno %d, wanted %d\n", result, seen, error);
}

static void *anonymous(size_t length)
{
    return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void test_anonymous(void)
{
    char *memory = anonymous(10 * PAGE + 1), *other;
    ok(memory != MAP_FAILED && ((uintptr_t)memory & (PAGE - 1)) == 0, "mmap");
    ok(memory[0] == 0 && memory[10 * PAGE] == 0, "is zero");
    memset(memory, 7, 11 * PAGE);
    is(munmap(memory + 3 * PAGE, 2 * PAGE), 0, "munmap of the middle");
    ok(memory[3 * PAGE - 1] == 7 && memory[5 * PAGE] == 7, "leaves the rest");
    other =
        mmap(memory + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(other == memory + 3 * PAGE && *other == 0, "MAP_FIXED in the hole");
    other =
        mmap(memory, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(other == memory && *other == 0 && memory[PAGE] == 7, "and over what is there");
    is(mprotect(memory + PAGE, PAGE, PROT_READ), 0, "mprotect");
    ok(memory[PAGE] == 7, "to read only");
    is(mprotect(memory + PAGE, PAGE, PROT_READ | PROT_WRITE), 0, "and back");
    memory[PAGE] = 8;
    errno = 0;
    ok(mprotect(memory + 4 * PAGE, PAGE, PROT_READ) == -1 && errno == ENOMEM, "not of a hole");
    ok(mprotect(memory + PAGE, PAGE, PROT_WRITE | PROT_EXEC) == -1 && errno == ENOTSUP,
       "never writable code");
    is(munmap(memory, 11 * PAGE), 0, "munmap of all, with the holes");
    is(munmap(memory, PAGE), 0, "and of nothing");
    ok(munmap(memory + 1, PAGE) == -1 && errno == EINVAL, "not at an odd address");
    fails(anonymous(0), EINVAL, "no length");
    fails(anonymous(1ul << 47), ENOMEM, "too much");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL, "neither shared nor private");
    fails(mmap(NULL, PAGE, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOTSUP,
          "no writable code");
}

static int make_file(const char *name, size_t length)
{
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char page[PAGE];
    for (size_t i = 0; i < length; i += PAGE) {
        memset(page, 'a' + (int)(i / PAGE), PAGE);
        write(file, page, length - i < PAGE ? length - i : PAGE);
    }
    return file;
}

static void test_shared(void)
{
    char byte;
    int file = make_file("/mapped", 3 * PAGE + 100);
    char *memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ok(memory != MAP_FAILED, "a shared file");
    ok(memory[0] == 'a' && memory[PAGE] == 'b' && memory[3 * PAGE + 99] == 'd', "its bytes");
    ok(memory[3 * PAGE + 100] == 0, "zeros behind its end");
    memory[5] = 'X';
    ok(pread(file, &byte, 1, 5) == 1 && byte == 'X', "a store is seen by read");
    ok(pwrite(file, "Y", 1, PAGE) == 1 && memory[PAGE] == 'Y', "a write is seen in memory");
    is(msync(memory, 4 * PAGE, MS_SYNC), 0, "msync");
    ok(msync(memory, PAGE, 99) == -1 && errno == EINVAL, "unknown flags");
    char *second = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, PAGE);
    ok(second != MAP_FAILED && *second == 'Y', "at an offset");
    memory[PAGE] = 'Z';
    is(*second, 'Z', "the same memory");
    is(munmap(second, PAGE), 0, "munmap");
    close(file);
    is(memory[2 * PAGE], 'c', "outlives its descriptor");
    is(munmap(memory, 4 * PAGE), 0, "munmap");
    ok(msync(memory, PAGE, MS_SYNC) == -1 && errno == ENOMEM, "msync of nothing");
}

static void test_private(void)
{
    char byte;
    int file = open("/mapped", O_RDONLY);
    char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, PAGE);
    ok(memory != MAP_FAILED && memory[0] == 'Z' && memory[PAGE] == 'c', "a private file");
    memory[0] = '!';
    ok(pread(file, &byte, 1, PAGE) == 1 && byte == 'Z', "keeps what is stored to itself");
    is(munmap(memory, 2 * PAGE), 0, "munmap");
    fails(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, file, 0), EACCES, "not opened for writing");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 100), EINVAL, "at an odd offset");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 100 * PAGE), ENXIO, "behind the end");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 77, 0), EBADF, "of no file");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 1, 0), ENODEV, "of the log");
    close(file);
}

/* What is mapped can be lent: files are read into it and written from it. */
static void test_lending(void)
{
    int file = make_file("/large", 100 * PAGE);
    char *memory = anonymous(200 * PAGE);
    bool good = true;
    is(pread(file, memory + 50, 100 * PAGE, 0), 100 * PAGE, "a file into mapped memory");
    for (int i = 0; i < 100; i++)
        good &= memory[50 + i * PAGE] == (char)('a' + i) &&
                memory[49 + (i + 1) * PAGE] == (char)('a' + i);
    ok(good, "all of it");
    munmap(memory + 20 * PAGE, PAGE);
    char *fixed = mmap(memory + 20 * PAGE, PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(fixed != MAP_FAILED && pread(file, memory, 100 * PAGE, 0) == 100 * PAGE, "across mappings");
    ok(memory[20 * PAGE] == 'a' + 20 && memory[99 * PAGE] == (char)('a' + 99), "all of it");
    ok(pread(file, memory + 77, 90 * PAGE, 0) == 90 * PAGE && memory[77 + 30 * PAGE] == 'a' + 30,
       "at odd addresses");
    pread(file, memory, 100 * PAGE, 0);
    is(pwrite(file, memory, 100 * PAGE, PAGE), 100 * PAGE, "and back");
    munmap(memory, 200 * PAGE);
    char *shared = mmap(NULL, 50 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    is(pread(file, shared, 10 * PAGE, 40 * PAGE), 10 * PAGE, "a file into itself");
    ok(shared[PAGE] == (char)('a' + 40), "moves");
    munmap(shared, 50 * PAGE);
    close(file);
    unlink("/large");
}

static void test_many(void)
{
    enum { COUNT = 500 };
    static char *parts[COUNT];
    bool good = true;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            parts[i] = anonymous(2 * PAGE);
            good &= parts[i] != MAP_FAILED;
            parts[i][PAGE] = (char)i;
        }
        for (int i = 0; i < COUNT; i++) {
            good &= parts[i][PAGE] == (char)i;
            good &= munmap(parts[i], 2 * PAGE) == 0;
        }
    }
    ok(good, "many mappings come and go");
}

int main(void)
{
    test_anonymous();
    test_shared();
    test_private();
    test_lending();
    test_many();
    return tap_end();
}
