/* test/unit/http1_conditional.c - conditional requests in the order of RFC 9110 13.2.2. */
#include "proto/http1/conditional.h"

#include <stdio.h>

#include "proto/http1/request.h"
#include "test.h"

#define PROCEED      WEIR__HTTP1_VERDICT_PROCEED
#define NOT_MODIFIED WEIR__HTTP1_VERDICT_NOT_MODIFIED
#define FAILED       WEIR__HTTP1_VERDICT_FAILED

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define THEN   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct weir__http1_validators file = {
    .exists = true, .etag = {"\"a\"", 3}, .modified = 784111777};
static const struct weir__http1_validators weak = {
    .exists = true, .etag = {"W/\"a\"", 5}, .modified = 784111777};
static const struct weir__http1_validators bare = {.exists = true, .modified = WEIR__HTTP1_NO_DATE};
static const struct weir__http1_validators absent = {.modified = WEIR__HTTP1_NO_DATE};

static int64_t now;
static bool range;

static enum weir__http1_verdict judge(const char *method, const char *fields,
                                      const struct weir__http1_validators *validators)
{
    static struct weir__http1_request request;
    char text[400];
    int len = snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);

    now = now ? now : 1760000000;
    range = false;
    assert_int_equal(weir__http1_request_parse(text, (size_t)len, 0, NULL, &request), len);
    return weir__http1_conditional(&request, validators, now, &range);
}

TEST(proceeds_without_conditions)
{
    assert_int_equal(judge("GET", "", &file), PROCEED);
    assert_false(range);
    assert_int_equal(judge("GET", "", &absent), PROCEED);
}

TEST(if_match_is_strong_and_comes_first)
{
    assert_int_equal(judge("GET", "If-Match: \"a\"\r\n", &file), PROCEED);
    assert_int_equal(judge("PUT", "If-Match: \"b\", \"a\"\r\n", &file), PROCEED);
    assert_int_equal(judge("PUT", "If-Match: \"b\"\r\nIf-Match: \"a\"\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-Match: \"b\"\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-Match: W/\"a\"\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-Match: W/\"a\"\r\n", &weak), FAILED);
    assert_int_equal(judge("GET", "If-Match: *\r\n", &file), PROCEED);
    assert_int_equal(judge("PUT", "If-Match: *\r\n", &absent), FAILED);
    assert_int_equal(judge("GET", "If-Match: junk\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-Match:\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-Match: \"a\"\r\n", &bare), FAILED);
    assert_int_equal(judge("GET", "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", &file),
                     PROCEED);
    assert_int_equal(judge("GET", "If-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n", &file),
                     NOT_MODIFIED);
}

TEST(if_unmodified_since_fails_on_newer)
{
    assert_int_equal(judge("GET", "If-Unmodified-Since: " BEFORE "\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-Unmodified-Since: " THEN "\r\n", &file), PROCEED);
    assert_int_equal(judge("PUT", "If-Unmodified-Since: " AFTER "\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-Unmodified-Since: junk\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-Unmodified-Since: " BEFORE "\r\n", &bare), PROCEED);
}

TEST(if_none_match_is_weak_and_overrules_the_date)
{
    assert_int_equal(judge("GET", "If-None-Match: \"a\"\r\n", &file), NOT_MODIFIED);
    assert_int_equal(judge("HEAD", "If-None-Match: W/\"a\"\r\n", &file), NOT_MODIFIED);
    assert_int_equal(judge("GET", "If-None-Match: \"a\"\r\n", &weak), NOT_MODIFIED);
    assert_int_equal(judge("PUT", "If-None-Match: \"a\"\r\n", &file), FAILED);
    assert_int_equal(judge("GET", "If-None-Match: *\r\n", &file), NOT_MODIFIED);
    assert_int_equal(judge("PUT", "If-None-Match: *\r\n", &file), FAILED);
    assert_int_equal(judge("PUT", "If-None-Match: *\r\n", &absent), PROCEED);
    assert_int_equal(judge("GET", "If-None-Match: \"b\"\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-None-Match: junk\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", &file),
                     NOT_MODIFIED);
    assert_int_equal(
        judge("GET", "If-None-Match: \"b\"\r\nIf-Modified-Since: " AFTER "\r\n", &file), PROCEED);
}

TEST(if_modified_since_is_for_reading)
{
    assert_int_equal(judge("GET", "If-Modified-Since: " BEFORE "\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-Modified-Since: " THEN "\r\n", &file), NOT_MODIFIED);
    assert_int_equal(judge("HEAD", "If-Modified-Since: " AFTER "\r\n", &file), NOT_MODIFIED);
    assert_int_equal(judge("POST", "If-Modified-Since: " AFTER "\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-Modified-Since: junk\r\n", &file), PROCEED);
    assert_int_equal(judge("GET", "If-Modified-Since: " AFTER "\r\n", &bare), PROCEED);
    assert_int_equal(
        judge("GET", "If-Modified-Since: " AFTER "\r\nIf-Modified-Since: " AFTER "\r\n", &file),
        PROCEED);
}

static bool counts(const char *method, const char *fields,
                   const struct weir__http1_validators *validators)
{
    assert_int_equal(judge(method, fields, validators), PROCEED);
    return range;
}

TEST(if_range_wants_a_strong_validator)
{
    assert_true(counts("GET", "Range: bytes=0-\r\n", &file));
    assert_false(counts("HEAD", "Range: bytes=0-\r\n", &file));
    assert_false(counts("GET", "If-Range: \"a\"\r\n", &file));
    assert_true(counts("GET", "Range: bytes=0-\r\nIf-Range: \"a\"\r\n", &file));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: \"b\"\r\n", &file));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: W/\"a\"\r\n", &weak));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: \"a\"\r\n", &bare));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: \"a\", \"b\"\r\n", &file));
    assert_true(counts("GET", "Range: bytes=0-\r\nIf-Range: " THEN "\r\n", &file));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: " AFTER "\r\n", &file));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: " BEFORE "\r\n", &file));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: junk\r\n", &file));
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: \"a\"\r\nIf-Range: \"a\"\r\n", &file));
    now = file.modified;
    assert_false(counts("GET", "Range: bytes=0-\r\nIf-Range: " THEN "\r\n", &file));
    now = 0;
}
