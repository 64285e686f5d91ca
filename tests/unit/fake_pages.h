/*
 * Pages for tests of what is built on pages: from the host's allocator, so that ASan sees every
 * access past one, filled with garbage, counted, and refused on demand.  Addresses of the direct
 * map are the host's own.
 */
#ifndef FAKE_PAGES_H
#define FAKE_PAGES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu.h"
#include "page.h"
#include "spinlock.h"

static u64 fake_pages_out;                       /* allocated and not freed */
static u64 fake_pages_refuse_after = UINT64_MAX; /* so many more succeed */
static struct cpu fake_cpus[4];
static u32 fake_cpu;

struct cpu *this_cpu(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(fake_cpus); i++)
        fake_cpus[i].id = i;
    return &fake_cpus[fake_cpu];
}

void cpu_relax_poll(void)
{
    fail_msg("a lock is taken twice");
}

noreturn void panic(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    abort();
}

u64 page_alloc(u32 order, enum page_kind kind)
{
    (void)kind;
    assert_int_equal(order, 0);
    direct_map = 0;
    if (fake_pages_refuse_after == 0)
        return 0;
    fake_pages_refuse_after--;
    fake_pages_out++;
    return (u64)memset(aligned_alloc(PAGE_SIZE, PAGE_SIZE), 0xa5, PAGE_SIZE);
}

void page_free(u64 physical, u32 order)
{
    assert_int_equal(order, 0);
    fake_pages_out--;
    free((void *)physical);
}

u64 pager_reclaim(u64 wanted, const struct budget *budget)
{
    (void)wanted, (void)budget;
    return 0;
}

/* A repeatable sequence: every failure can be had again. */
static u64 random_state = 88172645463325252ull;
static inline u64 random_below(u64 limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

#endif
