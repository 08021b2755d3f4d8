/* test/unit/http1_type.c - content types from file names. */
#include "proto/http1/type.h"

#include "test.h"

static void assert_type(const char *file, const char *type)
{
    struct weir__slice got = weir__http1_type_of(weir__slice_text(file));

    assert_int_equal(got.len, strlen(type));
    assert_memory_equal(got.at, type, got.len);
}

TEST(knows_the_web)
{
    assert_type("index.html", "text/html; charset=utf-8");
    assert_type("a/b/STYLE.CSS", "text/css; charset=utf-8");
    assert_type("app.js", "text/javascript; charset=utf-8");
    assert_type("x.json", "application/json");
    assert_type("x.svg", "image/svg+xml");
    assert_type("x.tar.gz", "application/gzip");
    assert_type("x.woff2", "font/woff2");
    assert_type("x.otf", "font/otf");
    assert_type("x.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
}

TEST(calls_the_rest_bytes)
{
    static const char *const names[] = {"",        "a",       "a.",     "a.unknown",
                                        ".html",   "a/.js",   "html",   "a.b/c",
                                        "a.html/", "a.htmlx", "a.htm.", "a.html "};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_type(names[i], "application/octet-stream");
}
