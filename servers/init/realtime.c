/*
 * The time of day at boot, from the machine's real-time clock (Motorola MC146818; the century's
 * place by ACPI 6.4, 5.2.9, mostly 0x32).  Read by init itself and before it starts anything:
 * programs take the time from the clock page, some of them once.
 */
#include "realtime.h"

/* Register B, and the hour's mark of the afternoon. */
enum { B_24_HOURS = 1u << 1, B_BINARY = 1u << 2, HOUR_PM = 1u << 7 };

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
