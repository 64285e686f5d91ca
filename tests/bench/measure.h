/*
 * Counting instructions: the median of several runs of many rounds, less what the empty loop takes.
 * One more round is marked for tools/plugin/path.c.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "test.h"

#define RUNS 7u

static inline __attribute__((always_inline)) uint64_t counter(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static int32_t marked = -1; /* the number of the stretch marked last */

static inline void report(const char *name, uint64_t value, uint32_t budget, const char *peers)
{
    print("BENCH\t%s\t%lu\tinstructions\t%u\t%s\t%d\n", name, value, budget, peers, marked);
}

/* The mark for tools/plugin/path.c; nothing to the processor. */
static inline __attribute__((always_inline)) void mark(void)
{
    __asm__ volatile("xchgw %%bx, %%bx" : : : "memory");
}

static inline uint64_t median(uint64_t *values)
{
    for (uint32_t i = 1; i < RUNS; i++)
        for (uint32_t j = i; j && values[j - 1] > values[j]; j--) {
            uint64_t swap = values[j];
            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    return values[RUNS / 2];
}

/* Instructions per round of body, without the loop's. */
#define MEASURE(rounds, body...)                                                                   \
    ({                                                                                             \
        uint64_t runs_[RUNS];                                                                      \
        for (uint32_t run_ = 0; run_ < RUNS; run_++) {                                             \
            uint64_t start_ = counter();                                                           \
            for (uint32_t round_ = 0; round_ < (rounds); round_++)                                 \
                __asm__ volatile("" : : : "memory");                                               \
            uint64_t empty_ = counter() - start_;                                                  \
            start_ = counter();                                                                    \
            for (uint32_t round_ = 0; round_ < (rounds); round_++) {                               \
                body;                                                                              \
                __asm__ volatile("" : : : "memory");                                               \
            }                                                                                      \
            runs_[run_] = (counter() - start_ - empty_) / (rounds);                                \
        }                                                                                          \
        mark();                                                                                    \
        body;                                                                                      \
        mark();                                                                                    \
        marked++;                                                                                  \
        median(runs_);                                                                             \
    })

#endif
