/*
 * The time of day at boot, from the machine's real-time clock (Motorola MC146818; the century's
 * place by ACPI 6.4, 5.2.9, mostly 0x32).  Read by init itself and before it starts anything:
 * programs take the time from the clock page, some of them once.
 */
#include "realtime.h"

#include <portolan/syscall.h>

#include "clock.h"
#include "syscall.h"

enum { RTC_INDEX = 0x70, RTC_DATA = 0x71 };
enum { SECOND_AT = 0, MINUTE_AT = 2, HOUR_AT = 4, DAY_AT = 7, MONTH_AT = 8, YEAR_AT = 9 };
enum { STATUS_A = 10, STATUS_B = 11, CENTURY_AT = 0x32 };
enum { A_UPDATING = 1u << 7, B_BINARY = 1u << 2, B_24_HOURS = 1u << 1, HOUR_PM = 1u << 7 };

static uint32_t read_register(handle_t resource, uint32_t at)
{
    sys_ioport_write(resource, RTC_INDEX, 1, at);
    return (uint32_t)sys_ioport_read(resource, RTC_DATA, 1) & 0xff;
}

static uint32_t from_bcd(uint32_t value)
{
    return (value >> 4) * 10 + (value & 15);
}

uint64_t realtime_of(const struct realtime_fields *raw)
{
    struct realtime_fields f = *raw;
    bool pm = !(f.status & B_24_HOURS) && (f.hour & HOUR_PM);
    if (!(f.status & B_24_HOURS))
        f.hour &= ~(uint32_t)HOUR_PM;
    if (!(f.status & B_BINARY)) {
        f.second = from_bcd(f.second), f.minute = from_bcd(f.minute), f.hour = from_bcd(f.hour);
        f.day = from_bcd(f.day), f.month = from_bcd(f.month), f.year = from_bcd(f.year);
        f.century = from_bcd(f.century);
    }
    if (!(f.status & B_24_HOURS))
        f.hour = f.hour % 12 + (pm ? 12 : 0);
    uint32_t year = (f.century >= 19 && f.century <= 21 ? f.century : 20) * 100 + f.year;
    if (f.second > 59 || f.minute > 59 || f.hour > 23 || f.day < 1 || f.day > 31 || f.month < 1 ||
        f.month > 12 || f.year > 99 || year < 1970)
        return 0;
    /* Days since 1970-03-01 of a year that begins in March, whose leap day is its last. */
    uint32_t y = f.month > 2 ? year : year - 1, m = (f.month + 9) % 12;
    uint64_t days = 365ul * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + f.day - 1 - 719468;
    return ((days * 24 + f.hour) * 60 + f.minute) * 60 + f.second;
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
