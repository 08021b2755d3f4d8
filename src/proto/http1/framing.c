/* proto/http1/framing.c - what the fields of a request mean. The contract is in framing.h.
 *
 * Order matters little, since every doubt is an error and an error ends the connection; the host
 * comes first because it is the cheapest.
 */
#include "proto/http1/framing.h"

#include "proto/http1/host.h"
#include "proto/http1/request.h"
#include "proto/http1/scan.h"
#include "weir/error.h"

static bool repeated(const struct weir__http1_request *request, enum weir__http1_field field)
{
    return (request->repeated & (1u << field)) != 0;
}

/* RFC 9112 3.2: exactly one valid Host in HTTP/1.1; at most one in 1.0. */
static int derive_host_field(struct weir__http1_request *request)
{
    struct weir__slice value, name, port;

    request->host = weir__slice_of("", 0);
    if (!weir__http1_request_known(request, WEIR__HTTP1_FIELD_HOST, &value))
        return request->minor == 0 ? 0 : WEIR_HTTP_ESYNTAX;
    if (repeated(request, WEIR__HTTP1_FIELD_HOST) || !weir__http1_host_split(value, &name, &port))
        return WEIR_HTTP_ESYNTAX;
    request->host = value;
    return 0;
}

/* "scheme://authority[/path][?query]" (RFC 9112 3.2.2): its authority replaces that of the Host
 * field, which has been checked all the same. */
static int derive_absolute(struct weir__http1_request *request)
{
    struct weir__slice target = request->target, authority, name, port;
    const char *end = target.at + target.len, *at = target.at, *stop;

    while (*at != ':')
        at++;
    at += 3;
    for (stop = at; stop < end && *stop != '/' && *stop != '?';)
        stop++;
    authority = weir__slice_of(at, (size_t)(stop - at));
    if (!weir__http1_host_split(authority, &name, &port) || name.len == 0)
        return WEIR_HTTP_ESYNTAX;
    request->host = authority;
    request->path = weir__slice_of(stop, (size_t)(end - stop));
    if (stop == end)
        request->path = request->method == WEIR__HTTP1_METHOD_OPTIONS ? weir__slice_of("*", 1)
                                                                      : weir__slice_of("/", 1);
    return 0;
}

/* "host:port" of CONNECT, RFC 9112 3.2.3: both must be there. */
static int derive_authority(struct weir__http1_request *request)
{
    struct weir__slice name, port;

    if (!weir__http1_host_split(request->target, &name, &port) || name.len == 0 || port.len == 0)
        return WEIR_HTTP_ESYNTAX;
    request->host = request->target;
    request->path = weir__slice_of("", 0);
    return 0;
}

static int derive_target(struct weir__http1_request *request)
{
    switch (request->form) {
    case WEIR__HTTP1_FORM_ABSOLUTE:
        return derive_absolute(request);
    case WEIR__HTTP1_FORM_AUTHORITY:
        return derive_authority(request);
    case WEIR__HTTP1_FORM_ORIGIN:
    case WEIR__HTTP1_FORM_ASTERISK:
        request->path = request->target;
        return 0;
    }
    return WEIR_HTTP_ESYNTAX;
}

/* RFC 9110 8.6. A repeated field is refused even when the values agree, and so is a list. */
static int derive_length(struct weir__http1_request *request)
{
    struct weir__slice value;

    if (!weir__http1_request_known(request, WEIR__HTTP1_FIELD_CONTENT_LENGTH, &value))
        return 0;
    if (repeated(request, WEIR__HTTP1_FIELD_CONTENT_LENGTH)
        || !weir__http1_scan_number(value.at, value.len, INT64_MAX, &request->content_length))
        return WEIR_HTTP_EFRAMING;
    request->has_length = true;
    return 0;
}

/* One coding of Transfer-Encoding: token *( OWS ";" parameter ). What stands in the parameters
 * does not matter: no coding but chunked is supported, and chunked has none. */
static bool coding_valid(struct weir__slice coding)
{
    const char *end = coding.at + coding.len;
    const char *stop = weir__http1_scan_run(coding.at, end, WEIR__HTTP1_TOKEN);

    while (stop > coding.at && stop < end && (*stop == ' ' || *stop == '\t'))
        stop++;
    return stop > coding.at && (stop == end || *stop == ';');
}

/* RFC 9112 6.1 and 6.3: chunked exactly once and last; any other coding before it is valid and
 * not supported. */
static int derive_coding(struct weir__http1_request *request)
{
    struct weir__slice list, coding;
    bool other = false;
    size_t index = 0;

    if (request->known[WEIR__HTTP1_FIELD_TRANSFER_ENCODING] == 0)
        return 0;
    if (request->minor == 0 || request->known[WEIR__HTTP1_FIELD_CONTENT_LENGTH] != 0)
        return WEIR_HTTP_EFRAMING;
    while (weir__http1_request_next(request, WEIR__HTTP1_FIELD_TRANSFER_ENCODING, &index, &list))
        while (weir__http1_field_next(&list, &coding)) {
            if (request->chunked || !coding_valid(coding))
                return WEIR_HTTP_EFRAMING;
            if (weir__slice_is_nocase(coding, "chunked"))
                request->chunked = true;
            else
                other = true;
        }
    if (!request->chunked)
        return WEIR_HTTP_EFRAMING;
    return other ? WEIR_HTTP_EENCODING : 0;
}

/* RFC 9112 9.3 and 9.6: "close" wins over everything. */
static void derive_connection(struct weir__http1_request *request)
{
    bool close = false, keep = request->minor == 1, upgrade = false;
    struct weir__slice list, option;
    size_t index = 0;

    request->keep_alive = keep;
    if (request->known[WEIR__HTTP1_FIELD_CONNECTION] == 0)
        return;
    while (weir__http1_request_next(request, WEIR__HTTP1_FIELD_CONNECTION, &index, &list))
        while (weir__http1_field_next(&list, &option)) {
            close |= weir__slice_is_nocase(option, "close");
            keep |= weir__slice_is_nocase(option, "keep-alive");
            upgrade |= weir__slice_is_nocase(option, "upgrade");
        }
    request->keep_alive = keep && !close;
    request->upgrade =
        upgrade && request->minor == 1 && request->known[WEIR__HTTP1_FIELD_UPGRADE] != 0;
}

/* RFC 9110 10.1.1: HTTP/1.0 has no expectations; unknown ones may be ignored, and are. */
static void derive_expect(struct weir__http1_request *request)
{
    struct weir__slice list, item;
    size_t index = 0;

    if (request->minor == 0 || request->known[WEIR__HTTP1_FIELD_EXPECT] == 0)
        return;
    while (weir__http1_request_next(request, WEIR__HTTP1_FIELD_EXPECT, &index, &list))
        while (weir__http1_field_next(&list, &item))
            request->expect_continue |= weir__slice_is_nocase(item, "100-continue");
}

int weir__http1_framing_derive(struct weir__http1_request *request)
{
    int rc = derive_host_field(request);

    if (rc == 0)
        rc = derive_target(request);
    if (rc == 0)
        rc = derive_length(request);
    if (rc == 0)
        rc = derive_coding(request);
    if (rc < 0)
        return rc;
    derive_connection(request);
    derive_expect(request);
    return 0;
}
