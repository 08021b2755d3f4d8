/* test/unit/http1_field.c - lists in the values of fields. */
#include "proto/http1/field.h"

#include "support/guard.h"
#include "test.h"

/* Puts the elements behind each other, each between brackets. */
static void assert_elements(const char *text, const char *elements)
{
    size_t len = strlen(text), used = 0;
    struct weir__slice list, element;
    struct guard guard;
    char got[100];

    guard_init(&guard, len);
    list = weir__slice_of(guard_place(&guard, text, len), len);
    while (weir__http1_field_next(&list, &element)) {
        got[used++] = '[';
        memcpy(got + used, element.at, element.len);
        used += element.len;
        got[used++] = ']';
    }
    got[used] = '\0';
    guard_fini(&guard);
    assert_string_equal(got, elements);
}

TEST(splits_at_commas)
{
    assert_elements("", "[]");
    assert_elements("a", "[a]");
    assert_elements(" a , b\t,c", "[a][b][c]");
    assert_elements("a,,b,", "[a][][b][]");
    assert_elements("a b;c=d, e", "[a b;c=d][e]");
}

TEST(leaves_quoted_commas_alone)
{
    assert_elements("\"a,b\",c", "[\"a,b\"][c]");
    assert_elements("\"a\\\",b\",c", "[\"a\\\",b\"][c]");
    assert_elements("\"a,b", "[\"a,b]");
    assert_elements("\"a\\", "[\"a\\]");
}
