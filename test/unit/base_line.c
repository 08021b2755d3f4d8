/* test/unit/base_line.c - lines of messages. */
#include "test.h"

#include <string.h>

#include "base/line.h"

TEST(pieces_follow_each_other)
{
    struct weir__line line;

    weir__line_init(&line);
    assert_string_equal(line.text, "");
    weir__line_add(&line, "task ");
    weir__line_add_cut(&line, "worker", 4);
    weir__line_add(&line, " ");
    weir__line_add_number(&line, 0);
    weir__line_add(&line, " ");
    weir__line_add_number(&line, UINT64_MAX);
    weir__line_add(&line, " ");
    weir__line_add_address(&line, (void *)(uintptr_t)0xc0ffee);
    assert_string_equal(line.text, "task work 0 18446744073709551615 0xc0ffee");
    assert_int_equal(line.len, strlen(line.text));
}

TEST(what_does_not_fit_is_cut_off)
{
    struct weir__line line;
    int i;

    weir__line_init(&line);
    for (i = 0; i < 100; i++)
        weir__line_add(&line, "12345");
    assert_int_equal(line.len, WEIR__LINE_BYTES - 1);
    assert_int_equal(strlen(line.text), WEIR__LINE_BYTES - 1);
    weir__line_add_number(&line, 77);
    assert_int_equal(line.len, WEIR__LINE_BYTES - 1);
}
