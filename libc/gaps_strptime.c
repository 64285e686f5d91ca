/*
 * strptime() of POSIX.1-2008, in place of newlib's, which takes all the digits there are for a
 * number: so that it cannot read 20200102 by %Y%m%d.
 *
 * A number has at most the digits POSIX gives it, may have leading zeros and, as elsewhere, blanks
 * before it.  Beyond POSIX: %F, %k, %l, %s, %z.  What is told of the year, month and day decides
 * tm_wday and tm_yday, too.
 */
#include <langinfo.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct parse {
    const char *at; /* what has not been read yet */
    struct tm *tm;
    int century, year_of_century, hour_of_12; /* -1: not told */
    bool is_afternoon;
    bool has_year, has_month, has_day;
};

static bool parse_format(struct parse *parse, const char *format);

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct parse *parse)
{
    while (is_blank(*parse->at))
        parse->at++;
}

/* A number from `low` to `high` of at most `digits` digits, which is stored less `base`. */
static bool number(struct parse *parse, int digits, int low, int high, int base, int *value)
{
    int sum = 0, count = 0;

    skip_blanks(parse);
    for (; count < digits && *parse->at >= '0' && *parse->at <= '9'; count++)
        sum = sum * 10 + (*parse->at++ - '0');
    if (!count || sum < low || sum > high)
        return false;
    *value = sum - base;
    return true;
}

/* One of `count` names, which are told by consecutive numbers from `full` on and, short, from
 * `brief` on: the longest that is there. */
static bool name(struct parse *parse, nl_item full, nl_item brief, int count, int *value)
{
    size_t longest = 0;

    for (int i = 0; i < 2 * count; i++) {
        const char *text = nl_langinfo(i < count ? full + i : brief + i - count);
        size_t length = strlen(text);

        if (length > longest && !strncasecmp(parse->at, text, length)) {
            longest = length;
            *value = i % count;
        }
    }
    parse->at += longest;
    return longest > 0;
}

static bool half_of_day(struct parse *parse)
{
    for (int i = 0; i < 2; i++) {
        const char *text = nl_langinfo(i ? PM_STR : AM_STR);

        if (*text && !strncasecmp(parse->at, text, strlen(text))) {
            parse->at += strlen(text);
            parse->is_afternoon = i;
            return true;
        }
    }
    return false;
}

/* Seconds since the epoch: decides all there is. */
static bool epoch(struct parse *parse)
{
    time_t seconds = 0;

    if (*parse->at < '0' || *parse->at > '9')
        return false;
    for (; *parse->at >= '0' && *parse->at <= '9'; parse->at++) {
        if (__builtin_mul_overflow(seconds, 10, &seconds) ||
            __builtin_add_overflow(seconds, *parse->at - '0', &seconds))
            return false;
    }
    return localtime_r(&seconds, parse->tm);
}

/* +hhmm, +hh:mm, +hh or Z.  struct tm has no place for it. */
static bool zone(struct parse *parse)
{
    int hours, minutes;

    skip_blanks(parse);
    if (*parse->at == 'Z') {
        parse->at++;
        return true;
    }
    if (*parse->at != '+' && *parse->at != '-')
        return false;
    parse->at++;
    if (!number(parse, 2, 0, 14, 0, &hours))
        return false;
    parse->at += *parse->at == ':';
    return *parse->at < '0' || *parse->at > '9' || number(parse, 2, 0, 59, 0, &minutes);
}

static bool date_field(struct parse *parse, char field)
{
    struct tm *tm = parse->tm;
    int unused;

    switch (field) {
    case 'a':
    case 'A':
        return name(parse, DAY_1, ABDAY_1, 7, &tm->tm_wday);
    case 'b':
    case 'B':
    case 'h':
        return parse->has_month = name(parse, MON_1, ABMON_1, 12, &tm->tm_mon);
    case 'C':
        return number(parse, 2, 0, 99, 0, &parse->century);
    case 'd':
    case 'e':
        return parse->has_day = number(parse, 2, 1, 31, 0, &tm->tm_mday);
    case 'j':
        return number(parse, 3, 1, 366, 1, &tm->tm_yday);
    case 'm':
        return parse->has_month = number(parse, 2, 1, 12, 1, &tm->tm_mon);
    case 'u':
        if (!number(parse, 1, 1, 7, 0, &tm->tm_wday))
            return false;
        tm->tm_wday %= 7;
        return true;
    case 'w':
        return number(parse, 1, 0, 6, 0, &tm->tm_wday);
    case 'U':
    case 'W':
        return number(parse, 2, 0, 53, 0, &unused);
    case 'y':
        return number(parse, 2, 0, 99, 0, &parse->year_of_century);
    case 'Y':
        return parse->has_year = number(parse, 4, 0, 9999, 1900, &tm->tm_year);
    default:
        return false;
    }
}

static bool time_field(struct parse *parse, char field)
{
    switch (field) {
    case 'H':
    case 'k':
        return number(parse, 2, 0, 23, 0, &parse->tm->tm_hour);
    case 'I':
    case 'l':
        return number(parse, 2, 1, 12, 0, &parse->hour_of_12);
    case 'M':
        return number(parse, 2, 0, 59, 0, &parse->tm->tm_min);
    case 'p':
        return half_of_day(parse);
    case 's':
        return epoch(parse);
    case 'S':
        return number(parse, 2, 0, 60, 0, &parse->tm->tm_sec);
    case 'z':
        return zone(parse);
    default:
        return date_field(parse, field);
    }
}

static bool field(struct parse *parse, char field)
{
    switch (field) {
    case '%':
        return *parse->at == '%' && parse->at++;
    case 'n':
    case 't':
        skip_blanks(parse);
        return true;
    case 'c':
        return parse_format(parse, nl_langinfo(D_T_FMT));
    case 'D':
        return parse_format(parse, "%m/%d/%y");
    case 'F':
        return parse_format(parse, "%Y-%m-%d");
    case 'r':
        return parse_format(parse, nl_langinfo(T_FMT_AMPM));
    case 'R':
        return parse_format(parse, "%H:%M");
    case 'T':
        return parse_format(parse, "%H:%M:%S");
    case 'x':
        return parse_format(parse, nl_langinfo(D_FMT));
    case 'X':
        return parse_format(parse, nl_langinfo(T_FMT));
    default:
        return time_field(parse, field);
    }
}

static bool parse_format(struct parse *parse, const char *format)
{
    for (; *format; format++) {
        if (is_blank(*format)) {
            skip_blanks(parse);
        } else if (*format != '%') {
            if (*parse->at++ != *format)
                return false;
        } else {
            format++;
            if (*format == 'E' || *format == 'O') /* the locale's other numbers and eras */
                format++;
            if (!*format || !field(parse, *format))
                return false;
        }
    }
    return true;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1 January of year 1 to the year's, by the Gregorian calendar. */
static int days_before(int year)
{
    int past = year - 1;

    return past * 365 + past / 4 - past / 100 + past / 400;
}

/* What several fields decide together. */
static void conclude(struct parse *parse)
{
    static const short before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    struct tm *tm = parse->tm;

    if (parse->hour_of_12 >= 0)
        tm->tm_hour = parse->hour_of_12 % 12 + (parse->is_afternoon ? 12 : 0);
    if (parse->year_of_century >= 0 && parse->century < 0) {
        /* POSIX: 69 to 99 are of the twentieth century. */
        tm->tm_year = parse->year_of_century + (parse->year_of_century < 69 ? 100 : 0);
        parse->has_year = true;
    } else if (parse->century >= 0) {
        int rest = parse->year_of_century >= 0 ? parse->year_of_century : 0;

        tm->tm_year = parse->century * 100 + rest - 1900;
        parse->has_year = true;
    }
    if (parse->has_year && parse->has_month && parse->has_day && tm->tm_year > -1900) {
        int year = tm->tm_year + 1900;

        tm->tm_yday = before[tm->tm_mon] + tm->tm_mday - 1 + (tm->tm_mon > 1 && is_leap(year));
        tm->tm_wday = (days_before(year) + tm->tm_yday + 1) % 7;
    }
}

/* The first byte that was not read, or null if the text is not as the format says. */
char *strptime(const char *restrict text, const char *restrict format, struct tm *restrict tm)
{
    struct parse parse = {
        .at = text, .tm = tm, .century = -1, .year_of_century = -1, .hour_of_12 = -1};

    if (!parse_format(&parse, format))
        return 0;
    conclude(&parse);
    return (char *)(size_t)parse.at;
}
