/* test/unit/http1_scan.c - the table of byte classes against the text of the RFCs, and the wide
 * scan against the table.
 */
#include "proto/http1/scan.h"

#include "support/guard.h"
#include "test.h"

static bool alpha_or_digit(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool among(int c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

TEST(classes_are_those_of_the_rfcs)
{
    for (int c = 0; c < 256; c++) {
        bool visible = c > 0x20 && c < 0x7f, high = c >= 0x80;
        bool host = alpha_or_digit(c)
                    || among(c, "-._~"
                                "!$&'()*+,;="
                                "%");
        char byte = (char)c;

        assert_int_equal(weir__http1_scan_is(byte, WEIR__HTTP1_TOKEN),
                         alpha_or_digit(c) || among(c, "!#$%&'*+-.^_`|~"));
        assert_int_equal(weir__http1_scan_is(byte, WEIR__HTTP1_TARGET),
                         visible && !among(c, "#\"<>"));
        assert_int_equal(weir__http1_scan_is(byte, WEIR__HTTP1_VALUE),
                         visible || high || c == ' ' || c == '\t');
        assert_int_equal(weir__http1_scan_is(byte, WEIR__HTTP1_HOST), host);
        assert_int_equal(weir__http1_scan_is(byte, WEIR__HTTP1_ETAG),
                         (visible && c != '"') || high);
        assert_int_equal(weir__http1_scan_is(byte, WEIR__HTTP1_PATH),
                         (host && c != '%') || among(c, ":@/"));
    }
}

TEST(the_wide_scan_stops_where_the_table_does)
{
    struct guard guard;

    guard_init(&guard, 64);
    for (size_t len = 0; len <= 40; len++)
        for (size_t place = 0; place < len; place++)
            for (int c = 0; c < 256; c++) {
                char *at = guard_place(&guard, NULL, len);
                const char *want;

                memset(at, (int)('a' + len % 20), len);
                at[len / 2] = '\t';
                at[place] = (char)c;
                want = weir__http1_scan_run(at, at + len, WEIR__HTTP1_VALUE);
                assert_ptr_equal(weir__http1_scan_value(at, at + len), want);
            }
    guard_fini(&guard);
}

TEST(reads_numbers_within_a_bound)
{
    uint64_t number = 7;

    assert_true(weir__http1_scan_number("18446744073709551615", 20, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_false(weir__http1_scan_number("18446744073709551616", 20, UINT64_MAX, &number));
    assert_true(weir__http1_scan_number("255", 3, 255, &number) && number == 255);
    assert_false(weir__http1_scan_number("256", 3, 255, &number));
    assert_false(weir__http1_scan_number("", 0, 255, &number));
    assert_false(weir__http1_scan_number("1 ", 2, 255, &number));
    assert_true(number == 255);
}

TEST(reads_hexadecimal_digits)
{
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdef";
        int lower = c >= 'A' && c <= 'F' ? c + 32 : c;
        const char *found = lower ? strchr(digits, lower) : NULL;

        assert_int_equal(weir__http1_scan_hex((char)c), found ? found - digits : -1);
    }
}
