/*
 * TAP for libc's own test programs.
 */
#ifndef LIBC_TAP_H
#define LIBC_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_tests, tap_failures;

static inline bool ok(bool good, const char *name)
{
    tap_failures += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++tap_tests, name);
    fflush(stdout);
    return good;
}

static inline bool is(long seen, long wanted, const char *name)
{
    if (!ok(seen == wanted, name))
        printf("#   saw %ld, wanted %ld\n", seen, wanted);
    return seen == wanted;
}

static inline int tap_end(void)
{
    printf("1..%d\n", tap_tests);
    return tap_failures != 0;
}

#endif
