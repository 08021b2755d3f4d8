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
