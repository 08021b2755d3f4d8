/* test/unit/http1_request.c - the head of a request: what is read, what is refused, and that the
 * answer is the same however the bytes arrive.
 */
#include "proto/http1/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/guard.h"
#include "test.h"
#include "weir/error.h"

#define HOST "Host: a\r\n"

static struct weir__http1_request request;

static void assert_slice(struct weir__slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.at, text, slice.len);
}

/* Feeds the bytes in the two parts [0, split) and the rest, as a server would. */
static int parse_in_two(const char *bytes, size_t len, size_t split,
                        const struct weir__http1_limits *limits)
{
    int rc = weir__http1_request_parse(bytes, split, 0, limits, &request);

    return rc != 0 ? rc : weir__http1_request_parse(bytes, len, split, limits, &request);
}

static int parse_by_byte(const char *bytes, size_t len, const struct weir__http1_limits *limits)
{
    int rc = 0;

    for (size_t i = 1; i <= len && rc == 0; i++)
        rc = weir__http1_request_parse(bytes, i, i - 1, limits, &request);
    return rc;
}

/* Parses whole, in two at every place, byte by byte, and cut short against a guard page; all must
 * agree, in code and status. Returns what they agree on and leaves the whole parse in `request`. */
static int parse_limited(const char *bytes, size_t len, const struct weir__http1_limits *limits)
{
    struct guard guard;
    const char *at;
    int whole, status;

    guard_init(&guard, len);
    at = guard_place(&guard, bytes, len);
    whole = weir__http1_request_parse(at, len, 0, limits, &request);
    status = whole < 0 ? request.status : 0;
    for (size_t split = 0; split <= len; split++) {
        assert_int_equal(parse_in_two(at, len, split, limits), whole);
        if (whole < 0)
            assert_int_equal(request.status, status);
    }
    assert_int_equal(parse_by_byte(at, len, limits), whole);
    for (size_t cut = 0; cut < len; cut++) {
        int rc =
            weir__http1_request_parse(guard_place(&guard, bytes, cut), cut, 0, limits, &request);

        assert_true(rc == 0 || rc == whole);
    }
    guard_fini(&guard);
    assert_int_equal(weir__http1_request_parse(bytes, len, 0, limits, &request), whole);
    return whole;
}

static int parse(const char *text)
{
    return parse_limited(text, strlen(text), NULL);
}

static void assert_refused(const char *text, int code, int status)
{
    int rc = parse(text);

    if (rc != code || request.status != status)
        print_error("for: %s\n", text);
    assert_int_equal(rc, code);
    assert_int_equal(request.status, status);
}

static void assert_accepted(const char *text)
{
    int rc = parse(text);

    if (rc != (int)strlen(text))
        print_error("for: %s\n", text);
    assert_int_equal(rc, strlen(text));
}

TEST(reads_a_small_get)
{
    assert_accepted("GET /index.html?x=1 HTTP/1.1\r\nHost: example.org:8080\r\n"
                    "User-Agent:curl/7.88 \t\r\nAccept:   */*\r\nX-Empty:\r\n\r\n");
    assert_int_equal(request.method, WEIR__HTTP1_METHOD_GET);
    assert_slice(request.method_text, "GET");
    assert_slice(request.target, "/index.html?x=1");
    assert_slice(request.path, "/index.html?x=1");
    assert_slice(request.host, "example.org:8080");
    assert_int_equal(request.form, WEIR__HTTP1_FORM_ORIGIN);
    assert_int_equal(request.minor, 1);
    assert_int_equal(request.field_count, 4);
    assert_slice(weir__http1_request_name(&request, 1), "User-Agent");
    assert_slice(weir__http1_request_value(&request, 1), "curl/7.88");
    assert_slice(weir__http1_request_value(&request, 2), "*/*");
    assert_slice(weir__http1_request_value(&request, 3), "");
    assert_true(request.keep_alive);
    assert_false(request.has_length || request.chunked || request.expect_continue);
}

TEST(consumes_only_the_head)
{
    const char *two = "GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n";
    int len = parse(two);

    assert_int_equal(len, strlen(two) / 2);
    assert_slice(request.target, "/a");
    assert_int_equal(parse(two + len), len);
    assert_slice(request.target, "/b");
}

TEST(asks_for_more_until_the_empty_line)
{
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("G"), 0);
    assert_int_equal(parse("GET / HTTP/1.1\r\n"), 0);
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST), 0);
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "\r"), 0);
}

TEST(knows_the_methods)
{
    static const char *const names[] = {"PRI!",   "GET",     "HEAD",    "POST",  "PUT",
                                        "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    char text[100];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n" HOST "\r\n", names[i],
                 i == WEIR__HTTP1_METHOD_CONNECT ? "a:1" : "/");
        assert_accepted(text);
        assert_int_equal(request.method, i);
        assert_slice(request.method_text, names[i]);
    }
    assert_accepted("PROPFIND / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(request.method, WEIR__HTTP1_METHOD_OTHER);
    assert_accepted("get / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(request.method, WEIR__HTTP1_METHOD_OTHER);
}

TEST(refuses_malformed_request_lines)
{
    static const char *const lines[] = {
        "GET\r\n",
        "GET /\r\n",
        " GET / HTTP/1.1\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET\t/ HTTP/1.1\r\n",
        "GET /\tHTTP/1.1\r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/11\r\n",
        "GET / HTTP/1.\r\n",
        "GET / HTTP/1.1x\r\n",
        "GET / HTTP/1.10\r\n",
        "GET / HTTP/01.1\r\n",
        "GET / HTTP\r\n",
        "GET / HTTP/1,1\r\n",
        "GE(T / HTTP/1.1\r\n",
        "GE\x01T / HTTP/1.1\r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /\x7f HTTP/1.1\r\n",
        "GET /\x80 HTTP/1.1\r\n",
        "GET /#f HTTP/1.1\r\n",
        "GET /<> HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r\r\n",
        "GET / HTTP/1.1\rX\r\n",
        "GET /\rX HTTP/1.1\r\n",
        "GET\n/ HTTP/1.1\r\n",
        "\nGET / HTTP/1.1\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n",
        "\rGET / HTTP/1.1\r\n",
        "GET a HTTP/1.1\r\n",
        "GET a:80 HTTP/1.1\r\n",
        "GET * HTTP/1.1\r\n",
        "GET ftp://a/ HTTP/1.1\r\n",
        "OPTIONS ** HTTP/1.1\r\n",
        "\x16\x03\x01\x02\r\n",
    };
    char text[200];

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(text, sizeof text, "%s" HOST "\r\n", lines[i]);
        assert_refused(text, WEIR_HTTP_ESYNTAX, 400);
    }
}

TEST(refuses_a_nul_anywhere)
{
    const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    size_t len = sizeof text - 1;
    char copy[sizeof text];

    for (size_t i = 0; i < len; i++) {
        int rc;

        memcpy(copy, text, len);
        copy[i] = '\0';
        rc = parse_limited(copy, len, NULL);
        assert_true(rc < 0 || (rc == 0 && i == len - 1));
    }
}

TEST(tolerates_one_empty_line_before)
{
    assert_accepted("\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
}

TEST(refuses_other_versions)
{
    static const char *const versions[] = {"0.9", "1.2", "1.9", "2.0", "3.0", "9.9"};
    char text[100];

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/%s\r\n" HOST "\r\n", versions[i]);
        assert_refused(text, WEIR_HTTP_EVERSION, 505);
    }
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WEIR_HTTP_EVERSION, 505);
}

TEST(refuses_malformed_fields)
{
    static const char *const fields[] = {
        "X\r\n",
        ": y\r\n",
        "X : y\r\n",
        "X\t: y\r\n",
        " X: y\r\n",
        "X: y\r\n z\r\n",
        "X: y\r\n\tz\r\n",
        "X: y\n",
        "X: y\n\r\n",
        "X: y\rz\r\n",
        "X: y\r\r\n",
        "X: \x01\r\n",
        "X: \x0b\r\n",
        "X: a long enough value, long \x1f enough\r\n",
        "X: a long enough value, long \x7f enough\r\n",
        "X(: y\r\n",
        "X[]: y\r\n",
        "X\x80: y\r\n",
        "X\"\": y\r\n",
        "\rX: y\r\n",
        "\nX: y\r\n",
        "X,Y: y\r\n",
    };
    char text[200];

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s" HOST "\r\n", fields[i]);
        assert_refused(text, WEIR_HTTP_ESYNTAX, 400);
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "%s\r\n", fields[i]);
        assert_refused(text, WEIR_HTTP_ESYNTAX, 400);
    }
}

TEST(accepts_tabs_and_high_bytes_in_values)
{
    assert_accepted("GET / HTTP/1.1\r\n" HOST
                    "X: \t a\tb\x80\xff long enough \t tabbed\t \r\n\r\n");
    assert_slice(weir__http1_request_value(&request, 1), "a\tb\x80\xff long enough \t tabbed");
}

TEST(needs_exactly_one_good_host)
{
    static const char *const bad[] = {
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhOST: b\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a:b\r\n",
        "Host: a:65536\r\n",
        "Host: a:1:2\r\n",
        "Host: a?\r\n",
        "Host: a#\r\n",
        "Host: [::1\r\n",
        "Host: ::1\r\n",
        "Host: []\r\n",
        "Host: [::1]x\r\n",
        "Host: [g]\r\n",
        "Host: a%2\r\n",
        "Host: a%zz\r\n",
        "Host: a\\b\r\n",
        "Host: <a>\r\n",
        "Host: \x80\r\n",
        "Host: http://a\r\n",
    };
    static const char *const good[] = {"a",       "a.b-c_d~e",   "a:",    "a:0",
                                       "a:65535", "1.2.3.4:5",   "[::1]", "[::1]:8",
                                       "a%20b",   "[::1.2.3.4]", ""};
    char text[200];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", bad[i]);
        assert_refused(text, WEIR_HTTP_ESYNTAX, 400);
        if (i == 0)
            continue;
        snprintf(text, sizeof text, "GET / HTTP/1.0\r\n%s\r\n", bad[i]);
        assert_refused(text, WEIR_HTTP_ESYNTAX, 400);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        assert_accepted(text);
        assert_slice(request.host, good[i]);
    }
    assert_accepted("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(request.host.len, 0);
}

TEST(takes_the_host_of_an_absolute_target)
{
    assert_accepted("GET http://b:81/p?q HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(request.form, WEIR__HTTP1_FORM_ABSOLUTE);
    assert_slice(request.host, "b:81");
    assert_slice(request.path, "/p?q");
    assert_slice(request.target, "http://b:81/p?q");
    assert_accepted("GET HTTPS://b HTTP/1.1\r\n" HOST "\r\n");
    assert_slice(request.path, "/");
    assert_accepted("GET http://b?q HTTP/1.1\r\n" HOST "\r\n");
    assert_slice(request.path, "?q");
    assert_accepted("OPTIONS http://b HTTP/1.1\r\n" HOST "\r\n");
    assert_slice(request.path, "*");
    assert_refused("GET http://b/ HTTP/1.1\r\n\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("GET http://u@b/ HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("GET http:///p HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("GET http:// HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("GET http://:80/ HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("GET http://b:x/ HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
}

TEST(keeps_each_form_to_its_method)
{
    assert_accepted("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(request.form, WEIR__HTTP1_FORM_ASTERISK);
    assert_slice(request.path, "*");
    assert_accepted("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
    assert_int_equal(request.form, WEIR__HTTP1_FORM_AUTHORITY);
    assert_slice(request.host, "b:443");
    assert_slice(request.path, "");
    assert_refused("CONNECT b HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("CONNECT b: HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("CONNECT / HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
    assert_refused("CONNECT :443 HTTP/1.1\r\n" HOST "\r\n", WEIR_HTTP_ESYNTAX, 400);
}

TEST(reads_a_content_length)
{
    assert_accepted("POST / HTTP/1.1\r\n" HOST "Content-Length: 42\r\n\r\n");
    assert_true(request.has_length && request.content_length == 42);
    assert_accepted("POST / HTTP/1.1\r\n" HOST "content-length: 000\r\n\r\n");
    assert_true(request.has_length && request.content_length == 0);
    assert_accepted("POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775807\r\n\r\n");
    assert_true(request.content_length == INT64_MAX);
}

/* Each of these has been read by one server as one request and by another as two. */
TEST(refuses_what_smuggles)
{
    static const char *const fields[] = {
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: 1,2\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 1 2\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1;\r\n",
        "Content-Length: 1.0\r\n",
        "Content-Length: 1e3\r\n",
        "Content-Length: \"1\"\r\n",
        "Content-Length: \r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 18446744073709551617\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
        "Transfer-Encoding: \r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: , chunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: gzip chunked\r\n",
        "Transfer-Encoding: chunked x\r\n",
        "Transfer-Encoding: chun\x80ked\r\n",
    };
    char text[300];

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\n" HOST "%s\r\n", fields[i]);
        assert_refused(text, WEIR_HTTP_EFRAMING, 400);
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\n%s" HOST "\r\n", fields[i]);
        assert_refused(text, WEIR_HTTP_EFRAMING, 400);
    }
    assert_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", WEIR_HTTP_EFRAMING,
                   400);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n",
                   WEIR_HTTP_ESYNTAX, 400);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b"
                   "chunked\r\n\r\n",
                   WEIR_HTTP_ESYNTAX, 400);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n",
                   WEIR_HTTP_ESYNTAX, 400);
}

TEST(does_not_know_other_codings)
{
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
                   WEIR_HTTP_EENCODING, 501);
    assert_refused("POST / HTTP/1.1\r\n" HOST
                   "Transfer-Encoding: gzip;q=1\r\nTransfer-Encoding: chunked\r\n\r\n",
                   WEIR_HTTP_EENCODING, 501);
}

TEST(reads_chunked)
{
    assert_accepted("POST / HTTP/1.1\r\n" HOST "tRANSFER-eNCODING: \t Chunked\t\r\n\r\n");
    assert_true(request.chunked && !request.has_length);
}

static bool keeps(int minor, const char *fields)
{
    char text[200];

    snprintf(text, sizeof text, "GET / HTTP/1.%d\r\n" HOST "%s\r\n", minor, fields);
    assert_accepted(text);
    return request.keep_alive;
}

TEST(works_out_persistence)
{
    assert_true(keeps(1, ""));
    assert_false(keeps(0, ""));
    assert_true(keeps(0, "Connection: keep-alive\r\n"));
    assert_true(keeps(0, "Connection: x, Keep-Alive\r\n"));
    assert_false(keeps(1, "Connection: close\r\n"));
    assert_false(keeps(1, "Connection: keep-alive, Close\r\n"));
    assert_false(keeps(0, "Connection: keep-alive\r\nConnection: close\r\n"));
    assert_true(keeps(1, "Connection: closed\r\n"));
    assert_true(keeps(1, "Connection: \r\n"));
}

TEST(sees_upgrades_and_expectations)
{
    assert_accepted("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    assert_true(request.upgrade && request.keep_alive);
    assert_accepted("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n");
    assert_false(request.upgrade);
    assert_accepted("GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\n\r\n");
    assert_false(request.upgrade);
    assert_accepted("POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n");
    assert_true(request.expect_continue);
    assert_accepted("POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n\r\n");
    assert_false(request.expect_continue);
    assert_accepted("POST / HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n");
    assert_false(request.expect_continue);
}

TEST(finds_fields)
{
    struct weir__slice value = {0};
    size_t index = 0;

    assert_accepted("GET / HTTP/1.1\r\n" HOST "If-None-Match: \"a\"\r\nX-Own: 1\r\n"
                    "if-none-match: \"b\"\r\nRange: bytes=0-\r\n\r\n");
    assert_true(weir__http1_request_known(&request, WEIR__HTTP1_FIELD_RANGE, &value));
    assert_slice(value, "bytes=0-");
    assert_false(weir__http1_request_known(&request, WEIR__HTTP1_FIELD_IF_MATCH, &value));
    assert_true(
        weir__http1_request_next(&request, WEIR__HTTP1_FIELD_IF_NONE_MATCH, &index, &value));
    assert_slice(value, "\"a\"");
    assert_true(
        weir__http1_request_next(&request, WEIR__HTTP1_FIELD_IF_NONE_MATCH, &index, &value));
    assert_slice(value, "\"b\"");
    assert_false(
        weir__http1_request_next(&request, WEIR__HTTP1_FIELD_IF_NONE_MATCH, &index, &value));
    index = 0;
    assert_false(weir__http1_request_next(&request, WEIR__HTTP1_FIELD_EXPECT, &index, &value));
    assert_true(weir__http1_request_find(&request, "x-own", &value));
    assert_slice(value, "1");
    assert_false(weir__http1_request_find(&request, "x-other", &value));
}

TEST(identifies_every_known_field)
{
    static const char *const names[WEIR__HTTP1_FIELD_KINDS] = {NULL,
                                                               "Host",
                                                               "Connection",
                                                               "Content-Length",
                                                               "Transfer-Encoding",
                                                               "Expect",
                                                               "Upgrade",
                                                               "Range",
                                                               "If-Match",
                                                               "If-None-Match",
                                                               "If-Modified-Since",
                                                               "If-Unmodified-Since",
                                                               "If-Range",
                                                               "Trailer",
                                                               "Referer",
                                                               "User-Agent",
                                                               "Accept-Encoding",
                                                               "Content-Type"};

    for (int field = 1; field < WEIR__HTTP1_FIELD_KINDS; field++) {
        char name[40];
        size_t len = strlen(names[field]);

        memcpy(name, names[field], len);
        assert_int_equal(weir__http1_field_identify(name, len), field);
        for (size_t i = 0; i < len; i++) {
            name[i] = (char)(names[field][i] == 'z' ? 'y' : names[field][i] == '-' ? '.' : 'z');
            assert_int_equal(weir__http1_field_identify(name, len), WEIR__HTTP1_FIELD_OTHER);
            name[i] = names[field][i];
        }
        assert_int_equal(weir__http1_field_identify(name, len - 1), WEIR__HTTP1_FIELD_OTHER);
    }
}

TEST(limits_the_request_line)
{
    struct weir__http1_limits limits = {.line_max = 20};
    const char *fits = "GET /345 HTTP/1.1\r\n" HOST "\r\n";
    const char *exact = "GET /3456 HTTP/1.1\r\n" HOST "\r\n";
    const char *over = "GET /34567 HTTP/1.1\r\n" HOST "\r\n";
    const char *never = "GET /3456789012345678901234567890";

    assert_int_equal(parse_limited(fits, strlen(fits), &limits), strlen(fits));
    assert_int_equal(parse_limited(exact, strlen(exact), &limits), strlen(exact));
    assert_int_equal(parse_limited(over, strlen(over), &limits), WEIR_HTTP_ETOOLARGE);
    assert_int_equal(request.status, 414);
    assert_int_equal(parse_limited(never, strlen(never), &limits), WEIR_HTTP_ETOOLARGE);
    assert_int_equal(request.status, 414);
}

TEST(limits_the_head)
{
    const char *text = "GET / HTTP/1.1\r\n" HOST "X: 0123456789\r\n\r\n";
    const char *never = "GET / HTTP/1.1\r\n" HOST "X: 0123456789012345678901234567890123456789";
    struct weir__http1_limits limits = {.head_max = (uint32_t)strlen(text)};

    assert_int_equal(parse_limited(text, strlen(text), &limits), strlen(text));
    limits.head_max--;
    assert_int_equal(parse_limited(text, strlen(text), &limits), WEIR_HTTP_ETOOLARGE);
    assert_int_equal(request.status, 431);
    assert_int_equal(parse_limited(never, strlen(never), &limits), WEIR_HTTP_ETOOLARGE);
    assert_int_equal(request.status, 431);
}

TEST(limits_the_number_of_fields)
{
    char text[4096];
    size_t len = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" HOST);

    for (int i = 1; i < WEIR__HTTP1_FIELDS_MAX; i++)
        len += (size_t)sprintf(text + len, "X: %d\r\n", i);
    memcpy(text + len, "\r\n", 3);
    assert_int_equal(parse(text), len + 2);
    assert_int_equal(request.field_count, WEIR__HTTP1_FIELDS_MAX);
    memcpy(text + len, "X: y\r\n\r\n", 9);
    assert_refused(text, WEIR_HTTP_ETOOLARGE, 431);
}

TEST(never_reads_beyond_the_offsets_it_can_hold)
{
    struct weir__http1_limits limits = {.head_max = UINT32_MAX, .line_max = UINT32_MAX};
    size_t len = 70000;
    char *text = malloc(len);

    memset(text, 'a', len);
    memcpy(text, "GET /", 5);
    assert_int_equal(weir__http1_request_parse(text, len, 0, &limits, &request),
                     WEIR_HTTP_ETOOLARGE);
    memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
    assert_int_equal(weir__http1_request_parse(text, len, 0, &limits, &request),
                     WEIR_HTTP_ETOOLARGE);
    memcpy(text + WEIR__HTTP1_HEAD_MAX - 13, "\r\n" HOST "\r\n", 13);
    assert_int_equal(weir__http1_request_parse(text, len, 0, &limits, &request),
                     WEIR__HTTP1_HEAD_MAX);
    free(text);
}
