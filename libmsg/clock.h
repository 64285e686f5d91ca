/*
 * The time, and the CPU's number, without a system call.
 */
#ifndef LIBMSG_CLOCK_H
#define LIBMSG_CLOCK_H

#include <portolan/syscall.h>

/* The clock page is mapped at `page`.  Called once, before anything else here. */
void clock_open(const struct clock_page *page);

/* Monotonic nanoseconds, as deadlines count them; 0 before clock_open. */
uint64_t clock_now(void);

/* The time `nanoseconds` from now, as a deadline. */
uint64_t clock_after(uint64_t nanoseconds);

/* Counts of the time-stamp counter to nanoseconds. */
uint64_t clock_nanoseconds(uint64_t counts);

static inline uint64_t clock_counter(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* The CPU this thread runs on at the moment. */
static inline uint32_t clock_cpu(void)
{
    uint32_t low, high, cpu;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(cpu));
    return cpu;
}

#define MICROSECOND 1000ul
#define MILLISECOND 1000000ul
#define SECOND 1000000000ul

#endif
