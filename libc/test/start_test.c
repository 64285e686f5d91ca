/*
 * The program's start: relocation, thread-local data, constructors, arguments, the heap, time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static int value = 5;
static int *const pointer = &value;
static _Thread_local int initial = 42;
static _Thread_local char zeros[100];
static _Thread_local struct {
    char bytes[64];
} aligned __attribute__((aligned(64))) = {"aligned"};
static bool constructed;

__attribute__((constructor)) static void construct(void)
{
    constructed = true;
}

static void test_start(int argc, char **argv)
{
    ok(*pointer == 5, "pointers in data are relocated");
    ok(initial == 42 && zeros[99] == 0, "thread-local data is initial");
    ok(((uintptr_t)&aligned & 63) == 0 && strcmp(aligned.bytes, "aligned") == 0, "and aligned");
    ok(constructed, "constructors have run");
    ok(argc >= 1, "argc");
    ok(strcmp(argv[0], "libc_start") == 0 && argv[argc] == NULL, "argv");
    ok(environ && environ[0] == NULL && getenv("PATH") == NULL, "environ");
    ok(setenv("HOME", "/", 1) == 0 && strcmp(getenv("HOME"), "/") == 0, "setenv");
}

static void test_heap(void)
{
    char *blocks[100];
    bool good = true;
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = malloc(i * 1000 + 1);
        good &= blocks[i] != NULL;
        memset(blocks[i], (int)i, i * 1000 + 1);
    }
    for (size_t i = 0; i < 100; i++) {
        good &= blocks[i][i * 1000] == (char)i;
        free(blocks[i]);
    }
    ok(good, "malloc gives distinct memory");
    errno = 0;
    ok(malloc(1ul << 30) == NULL && errno == ENOMEM, "what is over budget is refused");
    char *large = malloc(20 << 20);
    ok(large != NULL, "and a large block is not");
    memset(large, 1, 20 << 20);
    free(large);
    void *before = sbrk(0);
    ok(sbrk(4096) == before && sbrk(-4096) == (char *)before + 4096 && sbrk(0) == before, "sbrk");
    ok(sbrk(1l << 40) == (void *)-1 && errno == ENOMEM, "sbrk too far");
}

static void test_exhaustion(void)
{
    enum { COUNT = 4000, SIZE = 100000 };
    static char *blocks[COUNT];
    int got = 0;
    while (got < COUNT && (blocks[got] = malloc(SIZE)) != NULL)
        memset(blocks[got++], 0xaa, SIZE);
    ok(got < COUNT && got > 500, "memory runs out by NULL, not by a fault");
    for (int i = 0; i < got; i++)
        free(blocks[i]);
    ok(malloc(SIZE) != NULL, "and comes back");
}

static void test_time(void)
{
    struct timespec a, b, c = {0, 20000000};
    struct timeval day;
    ok(clock_gettime(CLOCK_MONOTONIC, &a) == 0 && a.tv_nsec < 1000000000, "clock_gettime");
    is(nanosleep(&c, NULL), 0, "nanosleep");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000l + b.tv_nsec - a.tv_nsec >= 20000000, "is long enough");
    ok(clock_gettime(CLOCK_REALTIME, &a) == 0 && gettimeofday(&day, NULL) == 0, "realtime");
    ok(labs(time(NULL) - a.tv_sec) <= 1 && labs(day.tv_sec - a.tv_sec) <= 1, "time agrees");
    /* Without a driver for the clock on the board the date of boot is not known. */
    ok(a.tv_sec < 3600 || a.tv_sec > 1600000000, "and is of this age, or counts from boot");
    errno = 0;
    ok(clock_gettime((clockid_t)77, &a) == -1 && errno == EINVAL, "no such clock");
    ok(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a) == 0, "thread time");
    c.tv_nsec = 1000000000;
    ok(nanosleep(&c, NULL) == -1 && errno == EINVAL, "not a time");
    clock_gettime(CLOCK_REALTIME, &a);
    a.tv_nsec += 5000000;
    if (a.tv_nsec >= 1000000000)
        a.tv_sec++, a.tv_nsec -= 1000000000;
    ok(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &a, NULL) == 0, "until a date");
    clock_gettime(CLOCK_REALTIME, &b);
    ok(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec), "reached");
}

static void test_random(void)
{
    unsigned char a[256] = {0}, b[256] = {0};
    ok(getentropy(a, 256) == 0 && getentropy(b, 256) == 0, "getentropy");
    ok(memcmp(a, b, 256) != 0, "differs");
    ok(getentropy(a, 257) == -1 && errno == EIO, "at most 256 bytes");
    is(getrandom(a, 100, 0), 100, "getrandom");
}

int main(int argc, char **argv)
{
    test_start(argc, argv);
    test_heap();
    test_exhaustion();
    test_time();
    test_random();
    printf("# %s %5.2f %ld %s\n", "printf", 3.14159, 1234567890123l, "works");
    return tap_end();
}
