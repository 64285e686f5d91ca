/*
 * The real-time clock's registers as seconds since 1970.
 */
// sources: servers/init/realtime.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "../../servers/init/realtime.h"

uint64_t clock_now(void)
{
    return 0;
}
uint64_t clock_after(uint64_t nanoseconds)
{
    return nanoseconds;
}

enum { BINARY = 4, HOURS_24 = 2 };

static uint64_t expected(int year, int month, int day, int hour, int minute, int second)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    return (uint64_t)timegm(&tm);
}

static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 60 * 366; day++) {
        time_t time = day * 86400 + 12345;
        struct tm tm;
        gmtime_r(&time, &tm);
        struct realtime_fields f = {.second = (uint32_t)tm.tm_sec,
                                    .minute = (uint32_t)tm.tm_min,
                                    .hour = (uint32_t)tm.tm_hour,
                                    .day = (uint32_t)tm.tm_mday,
                                    .month = (uint32_t)tm.tm_mon + 1,
                                    .year = (uint32_t)tm.tm_year % 100,
                                    .century = (uint32_t)tm.tm_year / 100 + 19,
                                    .status = BINARY | HOURS_24};
        assert_int_equal(realtime_of(&f), time);
    }
}

static void test_decimal_and_twelve_hours(void **state)
{
    (void)state;
    struct realtime_fields f = {.second = 0x59,
                                .minute = 0x07,
                                .hour = 0x23,
                                .day = 0x24,
                                .month = 0x11,
                                .year = 0x26,
                                .century = 0x20,
                                .status = HOURS_24};
    assert_int_equal(realtime_of(&f), expected(2026, 11, 24, 23, 7, 59));
    f.status = 0, f.hour = 0x80 | 0x12; /* 12 pm is noon */
    assert_int_equal(realtime_of(&f), expected(2026, 11, 24, 12, 7, 59));
    f.hour = 0x12; /* and 12 am midnight */
    assert_int_equal(realtime_of(&f), expected(2026, 11, 24, 0, 7, 59));
    f.hour = 0x80 | 0x11;
    assert_int_equal(realtime_of(&f), expected(2026, 11, 24, 23, 7, 59));
    f.hour = 0x09, f.century = 0; /* no such register: this century */
    assert_int_equal(realtime_of(&f), expected(2026, 11, 24, 9, 7, 59));
}

static void test_nonsense(void **state)
{
    (void)state;
    struct realtime_fields f = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(realtime_of(&f), 0);
    struct realtime_fields zero = {0};
    assert_int_equal(realtime_of(&zero), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_decimal_and_twelve_hours),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
