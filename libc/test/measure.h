/*
 * Measuring by the time-stamp counter: the median of some rounds, less what an empty round takes.
 */
#ifndef LIBC_MEASURE_H
#define LIBC_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 1000
#define SAMPLES 7

static uint64_t now(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t measure(void (*function)(void))
{
    uint64_t samples[SAMPLES];
    function();
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t before = now();
        for (int round = 0; round < ROUNDS; round++)
            function();
        samples[i] = (now() - before) / ROUNDS;
    }
    qsort(samples, SAMPLES, sizeof *samples, compare);
    return samples[SAMPLES / 2];
}

static uint64_t empty_cost; /* set with measure(empty) first */

/* budget 0: none */
static inline void report(const char *name, void (*function)(void), uint64_t budget)
{
    uint64_t cost = measure(function) - empty_cost;
    printf("BENCH\t%s\t%lu\tinstructions\t%lu\t\n", name, cost, budget);
}

static void empty(void)
{
    __asm__ volatile("");
}

#endif
