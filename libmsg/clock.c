/*
 * Time from the counter and the clock page.
 */
#include "clock.h"

static const struct clock_page *clock;

void clock_open(const struct clock_page *page)
{
    clock = page;
}

uint64_t clock_nanoseconds(uint64_t counts)
{
    if (clock == NULL)
        return 0;
    return (uint64_t)((unsigned __int128)counts * clock->multiplier >> 32);
}

uint64_t clock_now(void)
{
    if (clock == NULL)
        return 0;
    return clock->base_ns + clock_nanoseconds(clock_counter() - clock->base_tsc);
}

uint64_t clock_after(uint64_t nanoseconds)
{
    return clock_now() + nanoseconds;
}
