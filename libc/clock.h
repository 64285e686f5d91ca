/*
 * libc's view of time: the clock page, read without a system call.
 */
#ifndef LIBC_CLOCK_H
#define LIBC_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NANOSECONDS 1000000000l

/* Nanoseconds of the monotonic clock, as deadlines count them. */
uint64_t __libc_now(void);

/* What the clock showed when the monotonic one was at zero: its time t is the deadline t - *zero.
 * EINVAL: not a clock that can be waited for. */
int __libc_clock_zero(clockid_t clock, uint64_t *zero);

#endif
