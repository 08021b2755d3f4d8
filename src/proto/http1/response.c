/* proto/http1/response.c - the head of a response. The contract is in response.h.
 *
 * The usual head is a handful of copies: status lines are whole texts, the date is the caller's.
 */
#include "proto/http1/response.h"

#include <limits.h>

#include "proto/http1/field.h"
#include "proto/http1/scan.h"
#include "proto/http1/status.h"
#include "proto/http1/text.h"
#include "weir/error.h"

enum {
    DATE_LEN = 29
};

static bool value_valid(struct weir__slice value)
{
    return value.len == 0
           || weir__http1_scan_value(value.at, value.at + value.len) == value.at + value.len;
}

static bool name_valid(struct weir__slice name)
{
    return name.len > 0
           && weir__http1_scan_run(name.at, name.at + name.len, WEIR__HTTP1_TOKEN)
                  == name.at + name.len;
}

/* Whether the status has no body at all, RFC 9112 6.3. */
static bool bodiless(int status)
{
    return status < 200 || status == 204;
}

static int check_framing(const struct weir__http1_response *response)
{
    if (response->status < 100 || response->status > 599)
        return WEIR_EINVAL;
    if (response->framing == WEIR__HTTP1_FRAMING_NONE)
        return bodiless(response->status) || response->status == 304 ? 0 : WEIR_HTTP_ESTATE;
    if (bodiless(response->status))
        return WEIR_HTTP_ESTATE;
    if (response->framing == WEIR__HTTP1_FRAMING_CHUNKED && response->minor == 0)
        return WEIR_HTTP_ESTATE;
    return 0;
}

static int check_header(const struct weir__http1_header *header)
{
    if (!name_valid(header->name) || !value_valid(header->value))
        return WEIR_EINVAL;
    switch (weir__http1_field_identify(header->name.at, header->name.len)) {
    case WEIR__HTTP1_FIELD_CONTENT_LENGTH:
    case WEIR__HTTP1_FIELD_TRANSFER_ENCODING:
        return WEIR_HTTP_ESTATE;
    default: /* every other name is the caller's */
        return 0;
    }
}

static int check(const struct weir__http1_response *response)
{
    int rc = check_framing(response);

    if (rc == 0
        && !(value_valid(response->type) && value_valid(response->etag)
             && value_valid(response->modified) && value_valid(response->location)))
        rc = WEIR_EINVAL;
    for (size_t i = 0; i < response->header_count && rc == 0; i++)
        rc = check_header(&response->headers[i]);
    return rc;
}

static void put_status(struct weir__http1_text *text, int status)
{
    struct weir__slice line = weir__http1_status_line(status);

    if (line.len > 0) {
        weir__http1_text_slice(text, line);
        return;
    }
    weir__http1_text_literal(text, "HTTP/1.1 ");
    weir__http1_text_number(text, (uint64_t)status);
    weir__http1_text_literal(text, " \r\n");
}

static void put_field(struct weir__http1_text *text, const char *name, struct weir__slice value)
{
    if (value.len == 0)
        return;
    weir__http1_text_literal(text, name);
    weir__http1_text_slice(text, value);
    weir__http1_text_literal(text, "\r\n");
}

static void put_framing(struct weir__http1_text *text, const struct weir__http1_response *response)
{
    switch (response->framing) {
    case WEIR__HTTP1_FRAMING_LENGTH:
        weir__http1_text_literal(text, "Content-Length: ");
        weir__http1_text_number(text, response->length);
        weir__http1_text_literal(text, "\r\n");
        break;
    case WEIR__HTTP1_FRAMING_CHUNKED:
        weir__http1_text_literal(text, "Transfer-Encoding: chunked\r\n");
        break;
    case WEIR__HTTP1_FRAMING_NONE:
    case WEIR__HTTP1_FRAMING_CLOSE:
        break;
    }
}

/* RFC 9112 9.3: silence means that 1.1 lives on and 1.0 ends. An interim response says nothing
 * about the connection. */
static void put_connection(struct weir__http1_text *text,
                           const struct weir__http1_response *response)
{
    bool keep = response->keep_alive && response->framing != WEIR__HTTP1_FRAMING_CLOSE;

    if (response->status < 200)
        return;
    if (!keep)
        weir__http1_text_literal(text, "Connection: close\r\n");
    else if (response->minor == 0)
        weir__http1_text_literal(text, "Connection: keep-alive\r\n");
}

static void put_headers(struct weir__http1_text *text, const struct weir__http1_response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        weir__http1_text_slice(text, response->headers[i].name);
        weir__http1_text_literal(text, ": ");
        weir__http1_text_slice(text, response->headers[i].value);
        weir__http1_text_literal(text, "\r\n");
    }
}

int weir__http1_response_write(const struct weir__http1_response *response, char *into, size_t cap)
{
    struct weir__http1_text text = weir__http1_text_into(into, cap < INT_MAX ? cap : INT_MAX);
    int rc = check(response);

    if (rc < 0)
        return rc;
    put_status(&text, response->status);
    if (response->date)
        put_field(&text, "Date: ", weir__slice_of(response->date, DATE_LEN));
    put_framing(&text, response);
    put_connection(&text, response);
    put_field(&text, "Content-Type: ", response->type);
    put_field(&text, "ETag: ", response->etag);
    put_field(&text, "Last-Modified: ", response->modified);
    put_field(&text, "Location: ", response->location);
    put_headers(&text, response);
    weir__http1_text_literal(&text, "\r\n");
    return text.full ? WEIR_ENOBUFS : (int)weir__http1_text_len(&text);
}

int weir__http1_response_whole(const struct weir__http1_response *response, struct weir__slice body,
                               bool head_only, char *into, size_t cap)
{
    struct weir__http1_response whole = *response;
    int head;

    whole.framing = WEIR__HTTP1_FRAMING_LENGTH;
    whole.length = body.len;
    head = weir__http1_response_write(&whole, into, cap);
    if (head < 0 || head_only || body.len == 0)
        return head;
    if (body.len > cap - (size_t)head || body.len > (size_t)(INT_MAX - head))
        return WEIR_ENOBUFS;
    memcpy(into + head, body.at, body.len);
    return head + (int)body.len;
}

struct weir__slice weir__http1_response_continue(void)
{
    return weir__slice_text("HTTP/1.1 100 Continue\r\n\r\n");
}
