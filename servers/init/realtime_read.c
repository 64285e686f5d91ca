/*
 * Reading the machine's real-time clock; see realtime.h.
 */
#include "realtime.h"

#include "clock.h"
#include "syscall.h"

enum { RTC_INDEX = 0x70, RTC_DATA = 0x71 };
enum { SECOND_AT = 0, MINUTE_AT = 2, HOUR_AT = 4, DAY_AT = 7, MONTH_AT = 8, YEAR_AT = 9 };
enum { STATUS_A = 10, STATUS_B = 11, CENTURY_AT = 0x32, A_UPDATING = 1u << 7 };

static uint32_t read_register(handle_t resource, uint32_t at)
{
    sys_ioport_write(resource, RTC_INDEX, 1, at);
    return (uint32_t)sys_ioport_read(resource, RTC_DATA, 1) & 0xff;
}

static void read_fields(handle_t resource, struct realtime_fields *f)
{
    f->second = read_register(resource, SECOND_AT);
    f->minute = read_register(resource, MINUTE_AT);
    f->hour = read_register(resource, HOUR_AT);
    f->day = read_register(resource, DAY_AT);
    f->month = read_register(resource, MONTH_AT);
    f->year = read_register(resource, YEAR_AT);
    f->century = read_register(resource, CENTURY_AT);
    f->status = read_register(resource, STATUS_B);
}

void realtime_set(handle_t resource)
{
    /* An update takes 2 ms at most; without such a clock it never ends. */
    uint64_t limit = clock_after(10 * MILLISECOND);
    while ((read_register(resource, STATUS_A) & A_UPDATING) && clock_now() < limit)
        continue;
    struct realtime_fields fields;
    read_fields(resource, &fields);
    uint64_t seconds = realtime_of(&fields), now = clock_now();
    if (seconds)
        sys_clock_set(resource, seconds * SECOND - now);
}
