/* proto/http1/date.c - HTTP dates. The contract is in date.h.
 *
 * Years are counted from March, so that the leap day is the last of its year and the lengths of
 * the months follow one formula; 400 years are one era of 146,097 days.
 */
#include "proto/http1/date.h"

#include <stdbool.h>

#include "weir/error.h"

enum {
    DAY = 86400,
    ERA_DAYS = 146097,
    EPOCH_DAYS = 719468 /* 0000-03-01 to 1970-01-01 */
};

static const int64_t FIRST = INT64_C(-62167219200); /* 0000-01-01T00:00:00Z */
static const int64_t LAST = INT64_C(253402300799);  /* 9999-12-31T23:59:59Z */

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

struct civil {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour;
    int minute;
    int second; /* to 60 */
};

static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

/* Days since 1970 to a date, for days within the years 0 to 9999. */
static void civil_of(int64_t days, struct civil *civil)
{
    int64_t z = days + EPOCH_DAYS;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t day_of_era = z - era * ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;

    civil->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    civil->month = (int)(month < 10 ? month + 3 : month - 9);
    civil->year = (int)(year_of_era + era * 400 + (civil->month <= 2));
}

static void put_two(char *at, int number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
}

void weir__http1_date_format(int64_t seconds, char into[WEIR__HTTP1_DATE_LEN])
{
    struct civil civil;
    int64_t days;
    int rest;

    seconds = seconds < FIRST ? FIRST : seconds > LAST ? LAST : seconds;
    days = (seconds - FIRST) / DAY + FIRST / DAY;
    rest = (int)((seconds - FIRST) % DAY);
    civil_of(days, &civil);
    memcpy(into, "Sun, 06 Nov 1994 08:49:37 GMT", WEIR__HTTP1_DATE_LEN);
    memcpy(into, weekdays + ((days - FIRST / DAY) + 6) % 7 * 3, 3); /* 0000-01-01: a Saturday */
    put_two(into + 5, civil.day);
    memcpy(into + 8, months + (civil.month - 1) * 3, 3);
    put_two(into + 12, civil.year / 100);
    put_two(into + 14, civil.year % 100);
    put_two(into + 17, rest / 3600);
    put_two(into + 20, rest / 60 % 60);
    put_two(into + 23, rest % 60);
}

static bool read_digits(const char *at, int count, int *number)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        sum = sum * 10 + (at[i] - '0');
    }
    *number = sum;
    return true;
}

static bool read_month(const char *at, int *month)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(at, months + (size_t)i * 3, 3) == 0) {
            *month = i + 1;
            return true;
        }
    return false;
}

static bool read_clock(const char *at, struct civil *civil)
{
    return read_digits(at, 2, &civil->hour) && at[2] == ':'
           && read_digits(at + 3, 2, &civil->minute) && at[5] == ':'
           && read_digits(at + 6, 2, &civil->second);
}

static bool is_weekday(const char *at)
{
    for (size_t i = 0; i < 7; i++)
        if (memcmp(at, weekdays + i * 3, 3) == 0)
            return true;
    return false;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_fixdate(struct weir__slice text, struct civil *civil)
{
    const char *at = text.at;

    return text.len == 29 && is_weekday(at) && memcmp(at + 3, ", ", 2) == 0
           && read_digits(at + 5, 2, &civil->day) && at[7] == ' '
           && read_month(at + 8, &civil->month) && at[11] == ' '
           && read_digits(at + 12, 4, &civil->year) && at[16] == ' ' && read_clock(at + 17, civil)
           && memcmp(at + 25, " GMT", 4) == 0;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(struct weir__slice text, struct civil *civil)
{
    const char *at = text.at;
    bool day;

    if (text.len != 24)
        return false;
    day = at[8] == ' ' ? read_digits(at + 9, 1, &civil->day) : read_digits(at + 8, 2, &civil->day);
    return day && is_weekday(at) && at[3] == ' ' && read_month(at + 4, &civil->month)
           && at[7] == ' ' && at[10] == ' ' && read_clock(at + 11, civil) && at[19] == ' '
           && read_digits(at + 20, 4, &civil->year);
}

/* "Sunday, 06-Nov-94 08:49:37 GMT": the long weekday is the only part of varying length. */
static bool read_rfc850(struct weir__slice text, struct civil *civil)
{
    static const char *const rests[] = {"day", "day", "sday", "nesday", "rsday", "day", "urday"};
    const char *at;

    if (text.len < 30 || !is_weekday(text.at))
        return false;
    at = text.at + 3;
    for (size_t i = 0; i < 7; i++) {
        size_t rest = strlen(rests[i]);

        if (memcmp(text.at, weekdays + i * 3, 3) != 0)
            continue;
        if (text.len != 3 + rest + 24 || memcmp(at, rests[i], rest) != 0)
            return false;
        at += rest;
    }
    return memcmp(at, ", ", 2) == 0 && read_digits(at + 2, 2, &civil->day) && at[4] == '-'
           && read_month(at + 5, &civil->month) && at[8] == '-'
           && read_digits(at + 9, 2, &civil->year) && at[11] == ' ' && read_clock(at + 12, civil)
           && memcmp(at + 20, " GMT", 4) == 0;
}

static bool civil_valid(const struct civil *civil)
{
    static const signed char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = civil->year % 4 == 0 && (civil->year % 100 != 0 || civil->year % 400 == 0);
    int length = lengths[civil->month - 1] + (civil->month == 2 && leap);

    return civil->day >= 1 && civil->day <= length && civil->hour <= 23 && civil->minute <= 59
           && civil->second <= 60;
}

static int64_t seconds_of(const struct civil *civil)
{
    return days_of(civil->year, civil->month, civil->day) * DAY + civil->hour * 3600
           + civil->minute * 60 + civil->second;
}

/* Puts two digits of a year into the century that is at most 50 years ahead of `now`. */
static void settle_century(struct civil *civil, int64_t now)
{
    struct civil today;

    now = now < FIRST ? FIRST : now > LAST ? LAST : now;
    civil_of((now - FIRST) / DAY + FIRST / DAY, &today);
    civil->year += today.year / 100 * 100;
    if (civil->year > today.year + 50)
        civil->year -= 100;
    else if (civil->year <= today.year - 50)
        civil->year += 100;
}

int weir__http1_date_parse(struct weir__slice text, int64_t now, int64_t *seconds)
{
    struct civil civil;

    if (read_rfc850(text, &civil))
        settle_century(&civil, now);
    else if (!read_fixdate(text, &civil) && !read_asctime(text, &civil))
        return WEIR_HTTP_ESYNTAX;
    if (civil.year < 0 || !civil_valid(&civil))
        return WEIR_HTTP_ESYNTAX;
    *seconds = seconds_of(&civil);
    return 0;
}
