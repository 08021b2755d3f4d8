/* test/unit/base_error.c - names and texts of errors. */
#include <errno.h>
#include <string.h>
#include <weir/error.h>

#include "test.h"

TEST(codes_of_the_system_have_the_numbers_of_linux)
{
    assert_int_equal(WEIR_ECONNRESET, -ECONNRESET);
    assert_int_equal(WEIR_ENOTSUP, -ENOTSUP);
    assert_int_equal(WEIR_ECANCELED, -ECANCELED);
    assert_int_equal(WEIR_ELOOP, -ELOOP);
    assert_int_equal(WEIR_EDEADLK, -EDEADLK);
}

TEST(every_errno_has_a_text)
{
    for (int code = 1; code <= 133; code++) {
        if (code == 41 || code == 58) /* numbers that Linux does not use */
            continue;
        assert_string_not_equal(weir_strerror(-code), "unknown error");
    }
    assert_string_equal(weir_strerror(WEIR_ECONNRESET), strerror(ECONNRESET));
}

TEST(codes_of_weir_have_name_and_text)
{
    assert_string_equal(weir_error_name(0), "WEIR_OK");
    assert_string_equal(weir_strerror(0), "success");
    assert_string_equal(weir_error_name(WEIR_EAGAIN), "WEIR_EAGAIN");
    assert_string_equal(weir_error_name(WEIR_EDEADLK), "WEIR_EDEADLK");
    for (int code = WEIR_EDEADLINE; code >= WEIR_ESHUTDOWN; code--)
        assert_string_not_equal(weir_error_name(code), "WEIR_EUNKNOWN");
    for (int code = WEIR_EBROKEN; code >= WEIR_ENAME; code--)
        assert_string_not_equal(weir_strerror(code), "unknown error");
    for (int code = WEIR_HTTP_ESYNTAX; code >= WEIR_HTTP_ESTATE; code--)
        assert_string_not_equal(weir_strerror(code), "unknown error");
}

TEST(codes_of_dns_have_a_text)
{
    for (int code = WEIR_DNS_ENXDOMAIN; code >= WEIR_DNS_EUNREACH; code--)
        assert_string_not_equal(weir_strerror(code), "unknown error");
}

TEST(unknown_codes_get_a_text_that_says_so)
{
    static const int unknown[] = {1, 999, -999, -1000, -5000, INT32_MAX, INT32_MIN};

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_string_equal(weir_strerror(unknown[i]), "unknown error");
        assert_string_equal(weir_error_name(unknown[i]), "WEIR_EUNKNOWN");
    }
}
