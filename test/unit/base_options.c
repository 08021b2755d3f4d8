/* test/unit/base_options.c - options of callers of another version. */
#include "base/options.h"

#include <string.h>
#include <weir/error.h>

#include "test.h"

TEST(no_options_are_all_defaults)
{
    int own = 0;

    assert_int_equal(weir__options_copy(&own, sizeof own, NULL, sizeof own), 0);
    assert_int_equal(own, 0);
}

TEST(an_older_caller_sets_what_it_knows)
{
    unsigned char own[8] = {0}, theirs[4] = {1, 2, 3, 4};

    assert_int_equal(weir__options_copy(own, sizeof own, theirs, sizeof theirs), 0);
    assert_memory_equal(own, theirs, 4);
    assert_int_equal(own[4], 0);
}

TEST(a_newer_caller_is_refused_if_it_sets_what_is_unknown)
{
    unsigned char own[4] = {0}, theirs[8] = {1, 2, 3, 4};
    static const unsigned char zero[4];

    theirs[7] = 1;
    assert_int_equal(weir__options_copy(own, sizeof own, theirs, sizeof theirs), WEIR_EOPTION);
    assert_memory_equal(own, zero, 4);
    theirs[7] = 0;
    assert_int_equal(weir__options_copy(own, sizeof own, theirs, sizeof theirs), 0);
    assert_memory_equal(own, theirs, 4);
}

TEST(what_is_given_out_ends_with_zeroes)
{
    unsigned char own[4] = {1, 2, 3, 4}, older[3] = {9, 9, 9}, newer[8];
    static const unsigned char wanted[8] = {1, 2, 3, 4};

    weir__options_give(older, 2, own, sizeof own);
    assert_true(older[0] == 1 && older[1] == 2 && older[2] == 9);
    memset(newer, 9, sizeof newer);
    weir__options_give(newer, sizeof newer, own, sizeof own);
    assert_memory_equal(newer, wanted, sizeof wanted);
    weir__options_give(NULL, sizeof newer, own, sizeof own);
}
