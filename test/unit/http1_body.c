/* test/unit/http1_body.c - bodies: counted and chunked, in every split, and what is refused. */
#include "proto/http1/body.h"

#include <stdio.h>

#include "proto/http1/request.h"
#include "support/guard.h"
#include "test.h"
#include "weir/error.h"

/* What a body came to. */
struct outcome {
    int event; /* the last event, or the error */
    size_t used;
    size_t len;
    char data[512];
};

static const struct weir__http1_request chunked = {.chunked = true};
static const struct weir__http1_request none;

static struct weir__http1_request counted(uint64_t length)
{
    return (struct weir__http1_request){.has_length = true, .content_length = length};
}

/* Feeds one piece; false when the body is over. */
static bool feed(struct weir__http1_body *body, const char *bytes, size_t len, struct outcome *out)
{
    size_t at = 0;

    do {
        struct weir__slice data;
        size_t used;

        out->event = weir__http1_body_feed(body, bytes + at, len - at, &used, &data);
        if (out->event < 0)
            return false;
        assert_true(used <= len - at);
        at += used;
        out->used += used;
        if (out->event == WEIR__HTTP1_BODY_DATA) {
            assert_true(data.len > 0 && data.at >= bytes && data.at + data.len == bytes + at);
            memcpy(out->data + out->len, data.at, data.len);
            out->len += data.len;
        }
    } while (out->event == WEIR__HTTP1_BODY_DATA);
    assert_true(out->event == WEIR__HTTP1_BODY_END || at == len);
    return out->event != WEIR__HTTP1_BODY_END;
}

/* Feeds the text against a guard page in the pieces [0, first), [first, second) and the rest. */
static struct outcome run_split(struct guard *guard, const struct weir__http1_request *request,
                                const struct weir__http1_body_limits *limits, const char *text,
                                size_t first, size_t second)
{
    size_t len = strlen(text), ends[3] = {first, second, len}, at = 0;
    struct weir__http1_body body;
    struct outcome out = {0};

    assert_int_equal(weir__http1_body_begin(&body, request, limits), 0);
    for (size_t i = 0; i < 3; i++) {
        size_t piece = ends[i] - at;

        if (!feed(&body, guard_place(guard, text + at, piece), piece, &out))
            break;
        at = ends[i];
    }
    assert_int_equal(weir__http1_body_ended(&body), out.event == WEIR__HTTP1_BODY_END);
    return out;
}

/* The outcome, after a check that it is the same in every split into three. */
static struct outcome run_limited(const struct weir__http1_request *request,
                                  const struct weir__http1_body_limits *limits, const char *text)
{
    size_t len = strlen(text);
    struct outcome whole, other;
    struct guard guard;

    guard_init(&guard, 4096);
    whole = run_split(&guard, request, limits, text, len, len);
    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++) {
            other = run_split(&guard, request, limits, text, first, second);
            assert_int_equal(other.event, whole.event);
            assert_int_equal(other.len, whole.len);
            assert_memory_equal(other.data, whole.data, whole.len);
            if (whole.event >= 0)
                assert_int_equal(other.used, whole.used);
        }
    guard_fini(&guard);
    return whole;
}

static struct outcome run_chunked(const char *text)
{
    return run_limited(&chunked, NULL, text);
}

static void assert_body(struct outcome out, const char *data, size_t used)
{
    assert_int_equal(out.event, WEIR__HTTP1_BODY_END);
    assert_int_equal(out.len, strlen(data));
    assert_memory_equal(out.data, data, out.len);
    assert_int_equal(out.used, used);
}

static void assert_refused(const char *text, int code)
{
    struct outcome out = run_chunked(text);

    if (out.event != code)
        print_error("for: %s\n", text);
    assert_int_equal(out.event, code);
}

TEST(a_request_without_framing_has_no_body)
{
    struct weir__http1_body body;

    assert_int_equal(weir__http1_body_begin(&body, &none, NULL), 0);
    assert_true(weir__http1_body_ended(&body));
    assert_body(run_limited(&none, NULL, "GET"), "", 0);
}

TEST(counts_a_body)
{
    struct weir__http1_request five = counted(5), zero = counted(0);

    assert_body(run_limited(&five, NULL, "helloGET"), "hello", 5);
    assert_body(run_limited(&zero, NULL, "GET"), "", 0);
    assert_int_equal(run_limited(&five, NULL, "hell").event, WEIR__HTTP1_BODY_MORE);
}

TEST(joins_chunks)
{
    assert_body(run_chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET"), "hello world", 26);
    assert_body(run_chunked("0\r\n\r\n"), "", 5);
    assert_body(run_chunked("000A\r\n0123456789\r\n00\r\n\r\n"), "0123456789", 24);
    assert_body(run_chunked("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n"), "\r\n\r\n\r\n\r\n\r\n", 20);
}

TEST(skips_extensions)
{
    static const char *const extensions[] = {
        ";a",
        ";a=b",
        ";a=b;c=d",
        ";a=\"b\"",
        ";a=\"\"",
        ";a=\"b;c\\\"d\\\\\"",
        " ;a",
        "\t ; a = b",
        ";a =\t\"b\";c",
        ";a=\"b\" ; c",
        ";a ;b",
        ";a=b ;c",
        ";a=\"\x80\t\"",
    };
    char text[100];

    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        snprintf(text, sizeof text, "1%s\r\nx\r\n0%s\r\n\r\n", extensions[i], extensions[i]);
        assert_body(run_chunked(text), "x", strlen(text));
    }
}

TEST(refuses_bad_chunks)
{
    static const char *const bad[] = {
        "\r\n",
        "x\r\n",
        "-1\r\nx\r\n",
        "+1\r\nx\r\n",
        "0x1\r\nx\r\n",
        " 1\r\nx\r\n",
        "1 \r\nx\r\n",
        "1\t\r\nx\r\n",
        "1 2\r\nx\r\n",
        "1\nx\r\n",
        "1\r\rx\r\n",
        "1\rx\r\n",
        "1\r\nx\n",
        "1\r\nxy\r\n",
        "1\r\nx\r\r",
        "1\r\nx0\r\n",
        "1;\r\nx\r\n",
        "1;=b\r\nx\r\n",
        "1;a=\r\nx\r\n",
        "1;a=b=c\r\nx\r\n",
        "1;a b\r\nx\r\n",
        "1;a=b c\r\nx\r\n",
        "1;a\nx\r\n",
        "1;a=\"\r\n\"\r\nx\r\n",
        "1;a=\"\n\"\r\nx\r\n",
        "1;a=\"\\\r\n\"\r\nx\r\n",
        "1;a=\"\x01\"\r\nx\r\n",
        "1;a=\"b\"c\r\nx\r\n",
        "1;a=b\"c\"\r\nx\r\n",
        "1;a=b \r\nx\r\n",
        "1;a \r\nx\r\n",
        "1,a\r\nx\r\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(bad[i], WEIR_HTTP_ESYNTAX);
    assert_refused("00000000000000001\r\nx\r\n", WEIR_HTTP_EFRAMING);
    assert_refused("10000000000000000\r\nx\r\n", WEIR_HTTP_EFRAMING);
    assert_refused("ffffffffffffffff\r\nx\r\n", WEIR_HTTP_ETOOLARGE);
}

TEST(drops_trailers)
{
    assert_body(run_chunked("1\r\nx\r\n0\r\nA: b\r\nLong-Name-Of-A-Trailer-Field:\tc d\r\n\r\nG"),
                "x", 52);
    assert_body(run_chunked("0\r\nETag:\r\n\r\n"), "", 12);
}

TEST(refuses_bad_trailers)
{
    static const char *const framing[] = {
        "Content-Length: 1", "TRANSFER-encoding: chunked", "Host: b",   "Trailer: x",
        "Connection: close", "Expect: 100-continue",       "Upgrade: x"};
    static const char *const bad[] = {": b\r\n", " A: b\r\n",   "A : b\r\n",   "A\r\n",
                                      "A: b\n",  "A: b\rc\r\n", "A: \x01\r\n", "A: b\r\n c\r\n",
                                      "\n",      "\r\r"};
    char text[100];

    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++) {
        snprintf(text, sizeof text, "0\r\nA: b\r\n%s\r\n\r\n", framing[i]);
        assert_refused(text, WEIR_HTTP_EFRAMING);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "0\r\n%s\r\n", bad[i]);
        assert_refused(text, WEIR_HTTP_ESYNTAX);
    }
}

TEST(limits_the_data)
{
    struct weir__http1_body_limits limits = {.data_max = 4};
    struct weir__http1_request four = counted(4), five = counted(5), huge = counted(INT64_MAX);
    struct weir__http1_body body;

    assert_int_equal(weir__http1_body_begin(&body, &four, &limits), 0);
    assert_int_equal(weir__http1_body_begin(&body, &five, &limits), WEIR_HTTP_ETOOLARGE);
    assert_int_equal(weir__http1_body_begin(&body, &huge, NULL), WEIR_HTTP_ETOOLARGE);
    assert_body(run_limited(&chunked, &limits, "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), "abcd", 19);
    assert_int_equal(run_limited(&chunked, &limits, "5\r\nabcde\r\n0\r\n\r\n").event,
                     WEIR_HTTP_ETOOLARGE);
    assert_int_equal(run_limited(&chunked, &limits, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").event,
                     WEIR_HTTP_ETOOLARGE);
    limits.data_max = WEIR__HTTP1_BODY_UNLIMITED;
    assert_int_equal(weir__http1_body_begin(&body, &huge, &limits), 0);
}

TEST(limits_extensions_and_trailers)
{
    struct weir__http1_body_limits limits = {.extension_max = 7, .trailer_max = 8};

    /* The semicolon is seen as part of the size, what follows up to the CR counts. */
    assert_body(run_limited(&chunked, &limits, "1;ab\r\nx\r\n1;cd\r\ny\r\n0\r\n\r\n"), "xy", 23);
    assert_int_equal(run_limited(&chunked, &limits, "1;abc\r\nx\r\n1;def\r\ny\r\n0\r\n\r\n").event,
                     WEIR_HTTP_ETOOLARGE);
    assert_body(run_limited(&chunked, &limits, "0\r\nA: bcd\r\n\r\n"), "", 13);
    assert_int_equal(run_limited(&chunked, &limits, "0\r\nA: bcde\r\n\r\n").event,
                     WEIR_HTTP_ETOOLARGE);
}

TEST(an_error_is_final_and_an_end_too)
{
    struct weir__http1_body body;
    struct weir__slice data;
    size_t used = 7;

    assert_int_equal(weir__http1_body_begin(&body, &chunked, NULL), 0);
    assert_int_equal(weir__http1_body_feed(&body, "x", 1, &used, &data), WEIR_HTTP_ESYNTAX);
    assert_int_equal(used, 7);
    assert_int_equal(weir__http1_body_feed(&body, "0\r\n", 3, &used, &data), WEIR_HTTP_ESTATE);
    assert_int_equal(weir__http1_body_begin(&body, &chunked, NULL), 0);
    assert_int_equal(weir__http1_body_feed(&body, "0\r\n\r\n", 5, &used, &data),
                     WEIR__HTTP1_BODY_END);
    assert_int_equal(weir__http1_body_feed(&body, "0\r\n\r\n", 5, &used, &data),
                     WEIR__HTTP1_BODY_END);
    assert_int_equal(used, 0);
}
