/* test/unit/http1_path.c - from paths to file names, and that none leaves its root. */
#include "proto/http1/path.h"

#include "support/guard.h"
#include "test.h"
#include "weir/error.h"

static struct weir__http1_path path;
static char into[256];

/* Decodes with the text and the result each against a guard page. */
static int decode(const char *text)
{
    size_t len = strlen(text);
    struct guard from, to;
    char *room;
    int rc;

    guard_init(&from, len);
    guard_init(&to, len + 1);
    room = guard_place(&to, NULL, len + 1);
    rc = weir__http1_path_decode(weir__slice_of(guard_place(&from, text, len), len), room, len + 1,
                                 &path);
    if (rc == 0) {
        assert_ptr_equal(path.file.at, room);
        assert_int_equal(room[path.file.len], '\0');
        assert_int_equal(strlen(room), path.file.len);
    }
    guard_fini(&to);
    guard_fini(&from);
    assert_int_equal(weir__http1_path_decode(weir__slice_text(text), into, sizeof into, &path), rc);
    return rc;
}

static void assert_file(const char *text, const char *file, bool directory)
{
    int rc = decode(text);

    if (rc < 0 || strcmp(into, file) != 0)
        print_error("for: %s\n", text);
    assert_int_equal(rc, 0);
    assert_string_equal(into, file);
    assert_int_equal(path.directory, directory);
}

TEST(decodes_once)
{
    assert_file("/", "", true);
    assert_file("/a", "a", false);
    assert_file("/a/b.html", "a/b.html", false);
    assert_file("/a/", "a", true);
    assert_file("/a%20b", "a b", false);
    assert_file("/%41%c3%a9", "A\xc3\xa9", false);
    assert_file("/%2541", "%41", false);
    assert_file("/%252e%252e/x", "%2e%2e/x", false);
    assert_file("/a\\..\\b", "a\\..\\b", false);
    assert_file("/%5c", "\\", false);
    assert_file("/a+b", "a+b", false);
    assert_file("/%3f", "?", false);
}

TEST(resolves_dots_and_empty_segments)
{
    assert_file("//", "", true);
    assert_file("//a//b///", "a/b", true);
    assert_file("/.", "", true);
    assert_file("/./", "", true);
    assert_file("/a/.", "a", true);
    assert_file("/a/./b", "a/b", false);
    assert_file("/a/..", "", true);
    assert_file("/a/../b", "b", false);
    assert_file("/a/b/..", "a", true);
    assert_file("/a/b/../c", "a/c", false);
    assert_file("/a/b/../../c", "c", false);
    assert_file("/a/%2E%2e/b", "b", false);
    assert_file("/a//../b", "b", false);
    assert_file("/...", "...", false);
    assert_file("/.a", ".a", false);
    assert_file("/..a", "..a", false);
    assert_file("/a..", "a..", false);
    assert_file("/a/.../b", "a/.../b", false);
}

TEST(refuses_what_leaves_the_root)
{
    static const char *const bad[] = {
        "/..",
        "/../",
        "/../a",
        "/a/../..",
        "/a/../../b",
        "/%2e%2e",
        "/.%2e/a",
        "/%2e./a",
        "//..",
        "/./..",
        "/a/b/../../../a/b",
        "/a%2f..",
        "/..%2fa",
        "/%2F",
        "/a%00",
        "/%00/..",
        "/%",
        "/%4",
        "/%4g",
        "/%g4",
        "/a%",
        "",
        "a",
        "*",
        "..",
        "a/b",
        "/%2",
        "/%%41",
        "/..?x",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int rc = decode(bad[i]);

        if (rc != WEIR_HTTP_ESYNTAX)
            print_error("for: %s\n", bad[i]);
        assert_int_equal(rc, WEIR_HTTP_ESYNTAX);
    }
}

TEST(splits_the_query_off)
{
    assert_file("/a?b=/../%zz", "a", false);
    assert_true(path.has_query);
    assert_true(weir__slice_is(path.query, "b=/../%zz"));
    assert_file("/a/?", "a", true);
    assert_true(path.has_query && path.query.len == 0);
    assert_file("/a", "a", false);
    assert_false(path.has_query);
    assert_file("?q?r", "", true);
    assert_true(weir__slice_is(path.query, "q?r"));
}

TEST(stays_within_its_buffer)
{
    struct weir__slice text = weir__slice_text("/abc/d");
    struct guard guard;

    guard_init(&guard, 16);
    for (size_t cap = 0; cap < 6; cap++)
        assert_int_equal(weir__http1_path_decode(text, guard_place(&guard, NULL, cap), cap, &path),
                         WEIR_ENAMETOOLONG);
    assert_int_equal(weir__http1_path_decode(text, guard_place(&guard, NULL, 6), 6, &path), 0);
    guard_fini(&guard);
}

static void assert_encoded(const char *file, bool directory, const char *text)
{
    char room[64];
    int len = (int)strlen(text);

    for (int cap = 0; cap < len; cap++)
        assert_int_equal(
            weir__http1_path_encode(weir__slice_text(file), directory, room, (size_t)cap),
            WEIR_ENOBUFS);
    assert_int_equal(weir__http1_path_encode(weir__slice_text(file), directory, room, (size_t)len),
                     len);
    assert_memory_equal(room, text, (size_t)len);
}

TEST(encodes_for_a_location)
{
    assert_encoded("", true, "/");
    assert_encoded("a/b", true, "/a/b/");
    assert_encoded("a b", false, "/a%20b");
    assert_encoded("%?#\r\n", false, "/%25%3F%23%0D%0A");
    assert_encoded("\xc3\xa9", false, "/%C3%A9");
    assert_encoded("\\evil.example", true, "/%5Cevil.example/");
}

TEST(an_encoded_name_decodes_to_itself)
{
    for (int c = 1; c < 256; c++) {
        char name[3] = {'x', (char)c, 'y'}, room[16];
        int len;

        if (c == '/')
            continue;
        len = weir__http1_path_encode(weir__slice_of(name, 3), false, room, sizeof room);
        assert_true(len > 0);
        assert_int_equal(
            weir__http1_path_decode(weir__slice_of(room, (size_t)len), into, sizeof into, &path),
            0);
        assert_true(weir__slice_equal(path.file, weir__slice_of(name, 3)));
    }
}
