/* test/unit/net_order.c - RFC 6724: which address is tried first. */
#include "test.h"

#include "net/order.h"

#include <weir/resolve.h>

struct pair {
    const char *to, *own; /* own NULL: it cannot be reached */
};

/* Sorts, and compares with the order that `wanted` gives by index. */
static void check_order(const struct pair *pairs, size_t count, const size_t *wanted)
{
    weir_address list[WEIR_RESOLVE_MAX] = {{.len = 0}}, own[WEIR_RESOLVE_MAX] = {{.len = 0}};
    weir_address expected;
    size_t i;

    for (i = 0; i < count; i++) {
        assert_int_equal(weir_address_host(&list[i], pairs[i].to, 80), 0);
        if (pairs[i].own)
            assert_int_equal(weir_address_host(&own[i], pairs[i].own, 0), 0);
    }
    weir__address_order_by(list, own, count);
    for (i = 0; i < count; i++) {
        assert_int_equal(weir_address_host(&expected, pairs[wanted[i]].to, 80), 0);
        assert_true(weir_address_equal(&list[i], &expected));
    }
}

TEST(what_cannot_be_reached_is_last)
{
    static const struct pair pairs[] = {{"2001:db8::1", NULL}, {"198.51.100.1", "192.0.2.1"}};

    check_order(pairs, 2, (size_t[]){1, 0});
}

/* The examples of RFC 6724, section 10.2, as far as they use these rules. */
TEST(the_examples_of_the_standard_hold)
{
    static const struct pair a[] = {{"198.51.100.121", "169.254.13.78"},
                                    {"2001:db8:1::1", "2001:db8:1::2"}};
    static const struct pair b[] = {{"2001:db8:1::1", "fe80::1"},
                                    {"198.51.100.121", "198.51.100.117"}};
    static const struct pair c[] = {{"10.1.2.3", "10.1.2.4"}, {"2001:db8:1::1", "2001:db8:1::2"}};
    static const struct pair d[] = {{"2001:db8:1::1", "2001:db8:1::2"}, {"fe80::1", "fe80::2"}};
    static const struct pair e[] = {{"2001:db8:3ffe::1", "2001:db8:1::2"},
                                    {"2001:db8:1::1", "2001:db8:1::2"}};
    static const struct pair f[] = {{"2002:c633:6401::1", "2002:c633:6401::2"},
                                    {"2001:db8:1::1", "2002:c633:6401::2"}};

    check_order(a, 2, (size_t[]){1, 0});
    check_order(b, 2, (size_t[]){1, 0});
    check_order(c, 2, (size_t[]){1, 0});
    check_order(d, 2, (size_t[]){1, 0});
    check_order(e, 2, (size_t[]){1, 0});
    check_order(f, 2, (size_t[]){0, 1});
}

TEST(equals_stay_as_they_are)
{
    static const struct pair pairs[] = {{"192.0.2.9", "192.0.2.1"},
                                        {"192.0.2.2", "192.0.2.1"},
                                        {"::1", "::1"},
                                        {"192.0.2.5", "192.0.2.1"}};

    check_order(pairs, 4, (size_t[]){2, 0, 1, 3});
}

TEST(families_take_turns)
{
    static const char *const before[] = {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1",
                                         "192.0.2.2"};
    static const size_t wanted[] = {0, 3, 1, 4, 2};
    weir_address list[5], expected;
    size_t i;

    for (i = 0; i < 5; i++)
        assert_int_equal(weir_address_host(&list[i], before[i], 80), 0);
    weir__address_interleave(list, 5);
    for (i = 0; i < 5; i++) {
        assert_int_equal(weir_address_host(&expected, before[wanted[i]], 80), 0);
        assert_true(weir_address_equal(&list[i], &expected));
    }
}
