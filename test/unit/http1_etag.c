/* test/unit/http1_etag.c - entity tags: form, comparison, lists. */
#include "proto/http1/etag.h"

#include "support/guard.h"
#include "test.h"

static bool valid(const char *text)
{
    return weir__http1_etag_valid(weir__slice_text(text));
}

static bool listed(const char *list, const char *tag, bool strong)
{
    size_t len = strlen(list);
    struct guard guard;
    bool is;

    guard_init(&guard, len);
    is = weir__http1_etag_listed(weir__slice_of(guard_place(&guard, list, len), len),
                                 weir__slice_text(tag), strong);
    guard_fini(&guard);
    return is;
}

TEST(knows_the_form_of_a_tag)
{
    assert_true(valid("\"a\"") && valid("\"\"") && valid("W/\"a\"") && valid("\"a,b\\\""));
    assert_true(valid("\"\x80!\""));
    assert_false(valid("") || valid("a") || valid("\"") || valid("\"a") || valid("a\""));
    assert_false(valid("w/\"a\"") || valid("W\"a\"") || valid("W/a") || valid("W/"));
    assert_false(valid("\"a b\"") || valid("\"a\"b\"") || valid("\"a\" ") || valid("*"));
}

TEST(compares_as_the_table_of_the_rfc)
{
    static const struct {
        const char *a, *b;
        bool strong, weak;
    } rows[] = {
        {"W/\"1\"", "W/\"1\"", false, true}, {"W/\"1\"", "W/\"2\"", false, false},
        {"W/\"1\"", "\"1\"", false, true},   {"\"1\"", "\"1\"", true, true},
        {"\"1\"", "\"2\"", false, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir__slice a = weir__slice_text(rows[i].a), b = weir__slice_text(rows[i].b);

        assert_int_equal(weir__http1_etag_equal_strong(a, b), rows[i].strong);
        assert_int_equal(weir__http1_etag_equal_strong(b, a), rows[i].strong);
        assert_int_equal(weir__http1_etag_equal_weak(a, b), rows[i].weak);
        assert_int_equal(weir__http1_etag_equal_weak(b, a), rows[i].weak);
    }
}

TEST(looks_in_lists)
{
    assert_true(listed("\"a\"", "\"a\"", true));
    assert_true(listed("\"b\", \"a\"", "\"a\"", true));
    assert_true(listed(",, \"b\" ,\t\"a\",", "\"a\"", true));
    assert_true(listed("\"b,\", \"a\"", "\"a\"", true));
    assert_true(listed("\"a\", junk", "\"a\"", true));
    assert_true(listed("W/\"a\"", "\"a\"", false));
    assert_false(listed("W/\"a\"", "\"a\"", true));
    assert_false(listed("junk, \"a\"", "\"a\"", true));
    assert_false(listed("\"b\"\"a\"", "\"a\"", true));
    assert_false(listed("\"b, \"a\"", "\"a\"", true));
    assert_false(listed("", "\"a\"", true));
    assert_false(listed("*", "\"a\"", true));
    assert_false(listed("\"a", "\"a\"", true));
}

TEST(makes_a_tag_of_a_file)
{
    char into[WEIR__HTTP1_ETAG_MAX];
    size_t len = weir__http1_etag_make(0x1f, 0xabc, into);

    assert_int_equal(len, 8);
    assert_memory_equal(into, "\"1f-abc\"", 8);
    len = weir__http1_etag_make(UINT64_MAX, -1, into);
    assert_int_equal(len, 35);
    assert_true(weir__http1_etag_valid(weir__slice_of(into, len)));
}
