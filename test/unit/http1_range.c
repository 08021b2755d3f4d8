/* test/unit/http1_range.c - byte ranges: reading, joining, and the parts of a multipart body. */
#include "proto/http1/range.h"

#include "support/guard.h"
#include "test.h"
#include "weir/error.h"

static struct weir__http1_ranges ranges;

static enum weir__http1_range_result parse(const char *value, uint64_t size)
{
    size_t len = strlen(value);
    enum weir__http1_range_result result;
    struct guard guard;

    guard_init(&guard, len);
    result = weir__http1_range_parse(weir__slice_of(guard_place(&guard, value, len), len), size,
                                     &ranges);
    guard_fini(&guard);
    return result;
}

static void assert_one(const char *value, uint64_t size, uint64_t first, uint64_t len)
{
    assert_int_equal(parse(value, size), WEIR__HTTP1_RANGE_PARTIAL);
    assert_int_equal(ranges.count, 1);
    assert_true(ranges.items[0].first == first);
    assert_true(ranges.items[0].len == len);
}

TEST(reads_one_range)
{
    assert_one("bytes=0-0", 10, 0, 1);
    assert_one("bytes=0-", 10, 0, 10);
    assert_one("bytes=3-5", 10, 3, 3);
    assert_one("bytes=9-", 10, 9, 1);
    assert_one("bytes=5-100", 10, 5, 5);
    assert_one("bytes=-3", 10, 7, 3);
    assert_one("bytes=-10", 10, 0, 10);
    assert_one("bytes=-11", 10, 0, 10);
    assert_one("Bytes=  1-2 ,", 10, 1, 2);
    assert_one("bytes=,,1-2", 10, 1, 2);
    assert_one("bytes=0-18446744073709551615", 10, 0, 10);
    assert_one("bytes=0-99999999999999999999999", 10, 0, 10);
    assert_one("bytes=-99999999999999999999999", 10, 0, 10);
    assert_one("bytes=0-", UINT64_MAX, 0, UINT64_MAX);
    assert_one("bytes=1-, 99-100", 10, 1, 9);
}

TEST(ignores_what_is_no_range)
{
    static const char *const bad[] = {
        "",          "bytes",       "bytes=",      "bytes=,",     "bytes=-",     "bytes=a-b",
        "bytes=1",   "bytes=5-3",   "bytes=0-1-2", "bytes=--1",   "bytes=+1-2",  "bytes=1 -2",
        "bytes =1-", "lines=0-1",   "bytes:0-1",   "bytes=0x1-2", "bytes=0-1;",  "bytes=0-1,x",
        "=0-1",      "bytes=0-1\"", "bytes 0-1",   "bytes=- 1",   "bytes=1.0-2",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ranges.count = 77;
        assert_int_equal(parse(bad[i], 10), WEIR__HTTP1_RANGE_IGNORE);
        assert_int_equal(ranges.count, 77);
    }
}

TEST(tells_unsatisfiable_from_ignored)
{
    assert_int_equal(parse("bytes=10-", 10), WEIR__HTTP1_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=10-20, 30-40", 10), WEIR__HTTP1_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=-0", 10), WEIR__HTTP1_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=18446744073709551615-", 10), WEIR__HTTP1_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=99999999999999999999999-", 10), WEIR__HTTP1_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=0-", 0), WEIR__HTTP1_RANGE_IGNORE);
    assert_int_equal(parse("bytes=-5", 0), WEIR__HTTP1_RANGE_IGNORE);
}

TEST(keeps_ranges_that_are_far_apart_in_their_order)
{
    assert_int_equal(parse("bytes=5000-5009,0-9,2000-2009", 10000), WEIR__HTTP1_RANGE_PARTIAL);
    assert_int_equal(ranges.count, 3);
    assert_true(ranges.items[0].first == 5000 && ranges.items[0].len == 10);
    assert_true(ranges.items[1].first == 0 && ranges.items[1].len == 10);
    assert_true(ranges.items[2].first == 2000 && ranges.items[2].len == 10);
}

TEST(joins_ranges_that_overlap_or_nearly_touch)
{
    assert_one("bytes=0-9,5-14", 10000, 0, 15);
    assert_one("bytes=5-14,0-9", 10000, 0, 15);
    assert_one("bytes=0-9,10-19", 10000, 0, 20);
    assert_one("bytes=0-9,89-99", 10000, 0, 100);
    assert_one("bytes=0-9,2-3", 10000, 0, 10);
    assert_one("bytes=0-9,1000-1009,5-1005", 10000, 0, 1010);
    assert_one("bytes=0-,0-,0-,0-,0-,0-,0-,0-", 10000, 0, 10000);
    assert_int_equal(parse("bytes=0-9,90-99", 10000), WEIR__HTTP1_RANGE_PARTIAL);
    assert_int_equal(ranges.count, 2);
}

TEST(ignores_too_many_ranges)
{
    assert_int_equal(parse("bytes=0-0,200-200,400-400,600-600,800-800,1000-1000,1200-1200,"
                           "1400-1400,1600-1600,1800-1800,2000-2000,2200-2200,2400-2400,2600-2600,"
                           "2800-2800,3000-3000",
                           10000),
                     WEIR__HTTP1_RANGE_PARTIAL);
    assert_int_equal(ranges.count, WEIR__HTTP1_RANGES_MAX);
    assert_int_equal(parse("bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", 10000),
                     WEIR__HTTP1_RANGE_IGNORE);
}

TEST(writes_content_range)
{
    static const struct weir__http1_range range = {.first = 3, .len = 4};
    static const struct weir__http1_range huge = {.first = UINT64_MAX - 2, .len = 1};
    char into[WEIR__HTTP1_RANGE_VALUE_MAX];

    assert_int_equal(weir__http1_range_value(&range, 10, into), 12);
    assert_memory_equal(into, "bytes 3-6/10", 12);
    assert_int_equal(weir__http1_range_value(NULL, 10, into), 10);
    assert_memory_equal(into, "bytes */10", 10);
    assert_int_equal(weir__http1_range_value(&huge, UINT64_MAX, into), 68);
}

TEST(writes_parts_and_knows_their_total)
{
    struct weir__slice boundary = weir__slice_text("B"), type = weir__slice_text("text/plain");
    char into[200];
    uint64_t total = 0;
    int len;

    assert_int_equal(parse("bytes=0-9,5000-5009", 10000), WEIR__HTTP1_RANGE_PARTIAL);
    for (size_t i = 0; i < ranges.count; i++) {
        len = weir__http1_range_part(boundary, type, &ranges.items[i], 10000, into, sizeof into);
        total += (uint64_t)len + ranges.items[i].len;
    }
    assert_memory_equal(into,
                        "\r\n--B\r\nContent-Type: text/plain\r\n"
                        "Content-Range: bytes 5000-5009/10000\r\n\r\n",
                        (size_t)len);
    assert_int_equal(
        weir__http1_range_part(boundary, type, &ranges.items[1], 10000, into, (size_t)len - 1),
        WEIR_ENOBUFS);
    len = weir__http1_range_part(boundary, type, NULL, 10000, into, sizeof into);
    assert_memory_equal(into, "\r\n--B--\r\n", 9);
    assert_int_equal(len, 9);
    assert_true(weir__http1_range_total(&ranges, boundary, type, 10000) == total + 9);
}

TEST(makes_boundaries)
{
    char into[WEIR__HTTP1_RANGE_BOUNDARY_LEN];

    weir__http1_range_boundary(UINT64_C(0xabc), into);
    assert_memory_equal(into, "weir-part-00000000000abc", sizeof into);
}
