/* test/unit/http1_date.c - HTTP dates, there and back. */
#include "proto/http1/date.h"

#include <stdio.h>
#include <time.h>

#include "test.h"
#include "weir/error.h"

#define EXAMPLE INT64_C(784111777)  /* Sun, 06 Nov 1994 08:49:37 GMT */
#define NOW     INT64_C(1760000000) /* October 2025 */
#define LATE    INT64_C(3800000000) /* June 2090 */

static void assert_date(const char *text, int64_t seconds)
{
    int64_t got = -1;

    assert_int_equal(weir__http1_date_parse(weir__slice_text(text), NOW, &got), 0);
    assert_true(got == seconds);
}

TEST(reads_the_three_forms)
{
    assert_date("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE);
    assert_date("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE);
    assert_date("Wednesday, 06-Nov-94 08:49:37 GMT", EXAMPLE);
    assert_date("Sun Nov  6 08:49:37 1994", EXAMPLE);
    assert_date("Sun Nov 06 08:49:37 1994", EXAMPLE);
    assert_date("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    assert_date("Thu, 29 Feb 2024 23:59:59 GMT", INT64_C(1709251199));
    assert_date("Sat, 31 Dec 2016 23:59:60 GMT", INT64_C(1483228800));
}

TEST(refuses_what_is_no_date)
{
    static const char *const bad[] = {
        "",
        "0",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 00:00:00 GMT",
        "Wed, 29 Feb 1900 00:00:00 GMT",
        "Sun, 06 Nov 19 4 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunyday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94  ",
    };
    int64_t got = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(weir__http1_date_parse(weir__slice_text(bad[i]), NOW, &got),
                         WEIR_HTTP_ESYNTAX);
    assert_true(got == 7);
}

static int year_of(int64_t seconds)
{
    char text[WEIR__HTTP1_DATE_LEN];
    int year = 0;

    weir__http1_date_format(seconds, text);
    for (int i = 12; i < 16; i++)
        year = year * 10 + (text[i] - '0');
    return year;
}

TEST(settles_the_century_of_two_digits)
{
    for (int year = 0; year < 100; year++) {
        char text[40];
        int64_t seconds;

        snprintf(text, sizeof text, "Friday, 06-Nov-%02d 08:49:37 GMT", year);
        assert_int_equal(weir__http1_date_parse(weir__slice_text(text), NOW, &seconds), 0);
        assert_int_equal(year_of(seconds), year <= 75 ? 2000 + year : 1900 + year);
        assert_int_equal(weir__http1_date_parse(weir__slice_text(text), LATE, &seconds), 0);
        assert_int_equal(year_of(seconds), year <= 40 ? 2100 + year : 2000 + year);
    }
}

TEST(agrees_with_the_calendar_of_libc)
{
    const int64_t first = INT64_C(-62167219200), last = INT64_C(253402300799);

    for (int64_t t = first; t <= last; t += INT64_C(86400) * 61 + 3599) {
        char ours[WEIR__HTTP1_DATE_LEN], theirs[40];
        time_t time = (time_t)t;
        int64_t back;
        struct tm tm;

        gmtime_r(&time, &tm);
        strftime(theirs, sizeof theirs, "%a, %d %b ", &tm);
        sprintf(theirs + 12, "%04d %02d:%02d:%02d GMT", (tm.tm_year + 1900) % 10000, tm.tm_hour,
                tm.tm_min, tm.tm_sec);
        weir__http1_date_format(t, ours);
        assert_memory_equal(ours, theirs, sizeof ours);
        assert_int_equal(weir__http1_date_parse(weir__slice_of(ours, sizeof ours), NOW, &back), 0);
        assert_true(back == t);
    }
}

TEST(writes_the_nearest_date_that_has_four_digits)
{
    char text[WEIR__HTTP1_DATE_LEN];

    weir__http1_date_format(INT64_MIN, text);
    assert_memory_equal(text, "Sat, 01 Jan 0000 00:00:00 GMT", sizeof text);
    weir__http1_date_format(INT64_MAX, text);
    assert_memory_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT", sizeof text);
}
