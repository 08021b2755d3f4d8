/* test/unit/http1_response.c - heads of responses, and that nothing can be slipped into one. */
#include "proto/http1/response.h"

#include "proto/http1/chunk.h"
#include "proto/http1/status.h"
#include "support/guard.h"
#include "test.h"
#include "weir/error.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct weir__http1_response usual = {
    .status = 200,
    .minor = 1,
    .keep_alive = true,
    .framing = WEIR__HTTP1_FRAMING_LENGTH,
    .length = 1234,
    .date = DATE,
};

/* Writes with every smaller room first, against a guard page: all of them must be refused. */
static void assert_written(const struct weir__http1_response *response, const char *text)
{
    size_t len = strlen(text);
    struct guard guard;
    char *into;

    guard_init(&guard, len);
    for (size_t cap = 0; cap < len; cap++)
        assert_int_equal(weir__http1_response_write(response, guard_place(&guard, NULL, cap), cap),
                         WEIR_ENOBUFS);
    into = guard_place(&guard, NULL, len);
    assert_int_equal(weir__http1_response_write(response, into, len), len);
    assert_memory_equal(into, text, len);
    guard_fini(&guard);
}

static int write_rc(const struct weir__http1_response *response)
{
    char into[1024];

    return weir__http1_response_write(response, into, sizeof into);
}

TEST(writes_the_usual_head)
{
    assert_written(&usual, "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 1234\r\n\r\n");
}

TEST(writes_every_part)
{
    static const struct weir__http1_header headers[] = {{S("Server"), S("weir")},
                                                        {S("X-Empty"), {NULL, 0}}};
    struct weir__http1_response response = usual;

    response.status = 206;
    response.keep_alive = false;
    response.length = UINT64_MAX;
    response.type = weir__slice_text("text/plain");
    response.etag = weir__slice_text("\"a\"");
    response.modified = weir__slice_text(DATE);
    response.location = weir__slice_text("/x");
    response.headers = headers;
    response.header_count = 2;
    assert_written(&response, "HTTP/1.1 206 Partial Content\r\nDate: " DATE
                              "\r\nContent-Length: 18446744073709551615\r\nConnection: close\r\n"
                              "Content-Type: text/plain\r\nETag: \"a\"\r\nLast-Modified: " DATE
                              "\r\nLocation: /x\r\nServer: weir\r\nX-Empty: \r\n\r\n");
}

TEST(says_what_the_version_does_not_imply)
{
    struct weir__http1_response response = usual;

    response.date = NULL;
    response.minor = 0;
    assert_written(&response,
                   "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nConnection: keep-alive\r\n\r\n");
    response.framing = WEIR__HTTP1_FRAMING_CLOSE;
    assert_written(&response, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    response.minor = 1;
    response.framing = WEIR__HTTP1_FRAMING_CHUNKED;
    assert_written(&response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(writes_statuses_without_a_body)
{
    struct weir__http1_response response = {.minor = 1, .keep_alive = true};

    response.status = 304;
    assert_written(&response, "HTTP/1.1 304 Not Modified\r\n\r\n");
    response.status = 204;
    assert_written(&response, "HTTP/1.1 204 No Content\r\n\r\n");
    response.status = 101;
    response.keep_alive = false;
    assert_written(&response, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
}

TEST(writes_statuses_that_have_no_name)
{
    struct weir__http1_response response = {
        .minor = 1, .keep_alive = true, .status = 299, .framing = WEIR__HTTP1_FRAMING_LENGTH};

    assert_written(&response, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

TEST(refuses_contradicting_framing)
{
    struct weir__http1_response response = usual;

    response.status = 204;
    assert_int_equal(write_rc(&response), WEIR_HTTP_ESTATE);
    response.status = 100;
    assert_int_equal(write_rc(&response), WEIR_HTTP_ESTATE);
    response.status = 200;
    response.framing = WEIR__HTTP1_FRAMING_NONE;
    assert_int_equal(write_rc(&response), WEIR_HTTP_ESTATE);
    response.framing = WEIR__HTTP1_FRAMING_CHUNKED;
    response.minor = 0;
    assert_int_equal(write_rc(&response), WEIR_HTTP_ESTATE);
    response = usual;
    response.status = 99;
    assert_int_equal(write_rc(&response), WEIR_EINVAL);
    response.status = 600;
    assert_int_equal(write_rc(&response), WEIR_EINVAL);
}

TEST(refuses_injected_lines)
{
    static const struct weir__slice bad[] = {S("a\r\nX: y"), S("a\nb"), S("a\rb"),
                                             S("a\0b"),      S("\x01"), S("\x7f")};
    static const struct weir__slice names[] = {S(""),     S("a b"), S("a:"),  S("a\r\n"),
                                               S("a\0b"), S("("),   S("\x80")};
    struct weir__http1_header header = {S("X"), S("y")};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weir__http1_response response = usual;

        response.type = bad[i];
        assert_int_equal(write_rc(&response), WEIR_EINVAL);
        response = usual;
        response.etag = bad[i];
        assert_int_equal(write_rc(&response), WEIR_EINVAL);
        response = usual;
        response.modified = bad[i];
        assert_int_equal(write_rc(&response), WEIR_EINVAL);
        response = usual;
        response.location = bad[i];
        assert_int_equal(write_rc(&response), WEIR_EINVAL);
        response = usual;
        response.headers = &header;
        response.header_count = 1;
        header.value = bad[i];
        assert_int_equal(write_rc(&response), WEIR_EINVAL);
    }
    header.value = weir__slice_text("y");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct weir__http1_response response = usual;

        header.name = names[i];
        response.headers = &header;
        response.header_count = 1;
        assert_int_equal(write_rc(&response), WEIR_EINVAL);
    }
}

TEST(keeps_framing_to_itself)
{
    static const struct weir__http1_header headers[] = {{S("content-LENGTH"), S("1")},
                                                        {S("Transfer-Encoding"), S("chunked")}};
    struct weir__http1_response response = usual;

    response.header_count = 1;
    for (size_t i = 0; i < 2; i++) {
        response.headers = &headers[i];
        assert_int_equal(write_rc(&response), WEIR_HTTP_ESTATE);
    }
}

TEST(writes_a_whole_answer)
{
    const char *text = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n";
    struct weir__http1_response response = {.status = 404, .minor = 1, .keep_alive = true};
    struct weir__slice body = S("no\n");
    size_t len = strlen(text);
    char into[100];

    for (size_t cap = 0; cap < len; cap++)
        assert_int_equal(weir__http1_response_whole(&response, body, false, into, cap),
                         WEIR_ENOBUFS);
    assert_int_equal(weir__http1_response_whole(&response, body, false, into, len), len);
    assert_memory_equal(into, text, len);
    assert_int_equal(weir__http1_response_whole(&response, body, true, into, len), len - 3);
    assert_memory_equal(into, text, len - 3);
}

TEST(writes_chunk_heads)
{
    char into[WEIR__HTTP1_CHUNK_HEAD_MAX];

    assert_int_equal(weir__http1_chunk_head(into, 0), 0);
    assert_int_equal(weir__http1_chunk_head(into, 1), 3);
    assert_memory_equal(into, "1\r\n", 3);
    assert_int_equal(weir__http1_chunk_head(into, 0x12abcd), 8);
    assert_memory_equal(into, "12abcd\r\n", 8);
    assert_int_equal(weir__http1_chunk_head(into, UINT64_MAX), 18);
    assert_memory_equal(into, "ffffffffffffffff\r\n", 18);
}

TEST(maps_errors_to_statuses)
{
    assert_int_equal(weir__http1_status_of(WEIR_HTTP_ESYNTAX), 400);
    assert_int_equal(weir__http1_status_of(WEIR_HTTP_EFRAMING), 400);
    assert_int_equal(weir__http1_status_of(WEIR_HTTP_ETOOLARGE), 413);
    assert_int_equal(weir__http1_status_of(WEIR_HTTP_EENCODING), 501);
    assert_int_equal(weir__http1_status_of(WEIR_HTTP_EVERSION), 505);
    assert_int_equal(weir__http1_status_of(WEIR_EDEADLINE), 408);
    assert_int_equal(weir__http1_status_of(WEIR_ENOENT), 404);
    assert_int_equal(weir__http1_status_of(WEIR_EACCES), 403);
    assert_int_equal(weir__http1_status_of(WEIR_EMFILE), 503);
    assert_int_equal(weir__http1_status_of(WEIR_EIO), 500);
}

TEST(names_statuses)
{
    assert_true(weir__slice_is(weir__http1_status_reason(200), "OK"));
    assert_true(weir__slice_is(weir__http1_status_reason(416), "Range Not Satisfiable"));
    assert_int_equal(weir__http1_status_reason(299).len, 0);
    assert_true(weir__slice_is(weir__http1_status_line(505),
                               "HTTP/1.1 505 HTTP Version Not Supported\r\n"));
    assert_true(weir__slice_is(weir__http1_response_continue(), "HTTP/1.1 100 Continue\r\n\r\n"));
}
