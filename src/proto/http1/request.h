/* proto/http1/request.h - the head of an HTTP/1.x request: request line and header fields.
 *
 * Parse again when whole: the caller gathers bytes in one contiguous buffer and asks after each
 * arrival; nothing is kept between calls but the length that was asked about before. Only complete
 * lines count, so the answer does not depend on how the bytes were split: the same bytes give the
 * same answer, early or late. The work is bounded by one pass over the head for each line.
 *
 * Strict after RFC 9112: whatever two parsers might read differently is refused, not repaired
 * (docs/http.md has the table). Pure computation over the caller's memory: no descriptor, clock,
 * task or allocation. Any thread; one struct is one thread's at a time.
 */
#ifndef WEIR_PROTO_HTTP1_REQUEST_H
#define WEIR_PROTO_HTTP1_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "proto/http1/field.h"

enum {
    WEIR__HTTP1_HEAD_MAX = 65535, /* no head is longer, whatever the limits say */
    WEIR__HTTP1_FIELDS_MAX = 100, /* nor has more fields */
};

/* Bounds in bytes, line ends included. 0 means the default. */
struct weir__http1_limits {
    uint32_t line_max;   /* request line (and an empty line before it): 8 KiB; over it is 414 */
    uint32_t head_max;   /* everything up to the empty line: 16 KiB; over it is 431 */
    uint32_t fields_max; /* number of fields: 100; over it is 431 */
};

enum weir__http1_method {
    WEIR__HTTP1_METHOD_OTHER, /* a valid token that is none of these; method names are
                                 case-sensitive */
    WEIR__HTTP1_METHOD_GET,
    WEIR__HTTP1_METHOD_HEAD,
    WEIR__HTTP1_METHOD_POST,
    WEIR__HTTP1_METHOD_PUT,
    WEIR__HTTP1_METHOD_DELETE,
    WEIR__HTTP1_METHOD_CONNECT,
    WEIR__HTTP1_METHOD_OPTIONS,
    WEIR__HTTP1_METHOD_TRACE,
    WEIR__HTTP1_METHOD_PATCH,
};

/* The four forms of RFC 9112 3.2. */
enum weir__http1_form {
    WEIR__HTTP1_FORM_ORIGIN,    /* "/path?query" */
    WEIR__HTTP1_FORM_ABSOLUTE,  /* "http://host/path?query" */
    WEIR__HTTP1_FORM_AUTHORITY, /* "host:port", CONNECT only */
    WEIR__HTTP1_FORM_ASTERISK,  /* "*", OPTIONS only */
};

/* One field: offsets from the start of the head, so that the buffer may move. */
struct weir__http1_span {
    uint16_t name_off;
    uint16_t name_len;
    uint16_t value_off;
    uint16_t value_len;
};

/* What a head says. The slices borrow from the bytes that were parsed (an absent path is a static
 * "/" or "*"). */
struct weir__http1_request {
    const char *bytes;              /* the start of the head; set it anew after moving the bytes */
    struct weir__slice method_text; /* as it was sent */
    struct weir__slice target;      /* as it was sent */
    struct weir__slice path;        /* path and query of the target, maybe only a query; "*" for
                                       asterisk-form; empty for authority-form */
    struct weir__slice host;        /* the authority that counts: the target's if it has one,
                                       else the Host field's; may be empty */
    uint64_t content_length;        /* meaningful if has_length */
    enum weir__http1_method method;
    enum weir__http1_form form;
    uint16_t status; /* after an error: the status code to answer with */
    uint16_t field_count;
    uint8_t minor;        /* HTTP/1.minor: 0 or 1 */
    bool has_length;      /* Content-Length is there */
    bool chunked;         /* the body is chunked; never together with has_length */
    bool keep_alive;      /* the client lets the connection live on */
    bool expect_continue; /* "Expect: 100-continue" and HTTP/1.1 */
    bool upgrade;         /* asks for an upgrade: Connection says so and Upgrade is
                             there */
    uint32_t repeated;    /* bit 1 << field: a known field came more than once */
    uint8_t known[WEIR__HTTP1_FIELD_KINDS]; /* 1 + index of its first line, 0 if absent */
    struct weir__http1_span fields[WEIR__HTTP1_FIELDS_MAX];
};

/* Reads the head that begins at `bytes`, of which `len` bytes have come; `last_len` is the `len`
 * of the previous call on the same bytes, 0 on the first. `limits` may be NULL: all defaults.
 *
 * Returns the length of the head (> 0; the body or the next request begins there); 0: more bytes
 * are needed, *out is undefined; or an error, with the status code in out->status and nothing else
 * defined: WEIR_HTTP_ESYNTAX (400), WEIR_HTTP_EFRAMING (400), WEIR_HTTP_EENCODING (501),
 * WEIR_HTTP_EVERSION (505), WEIR_HTTP_ETOOLARGE (414 or 431). After an error the connection must
 * be closed: nobody knows where the next request begins. Does not suspend. Borrows `bytes` for as
 * long as *out is used. RFC 9112 2, 3, 5, 6; RFC 9110 5, 7.2, 8.6. */
int weir__http1_request_parse(const char *bytes, size_t len, size_t last_len,
                              const struct weir__http1_limits *limits,
                              struct weir__http1_request *out);

/* The name and the value of field `index`, which is below field_count. The value has no blanks at
 * its ends. */
static inline struct weir__slice weir__http1_request_name(const struct weir__http1_request *request,
                                                          size_t index)
{
    const struct weir__http1_span *span = &request->fields[index];

    return weir__slice_of(request->bytes + span->name_off, span->name_len);
}

static inline struct weir__slice
weir__http1_request_value(const struct weir__http1_request *request, size_t index)
{
    const struct weir__http1_span *span = &request->fields[index];

    return weir__slice_of(request->bytes + span->value_off, span->value_len);
}

/* The value of the first line of a known field. False, and *value untouched, if there is none. */
static inline bool weir__http1_request_known(const struct weir__http1_request *request,
                                             enum weir__http1_field field,
                                             struct weir__slice *value)
{
    if (request->known[field] == 0)
        return false;
    *value = weir__http1_request_value(request, request->known[field] - 1u);
    return true;
}

/* Looks for a known field from line *index on. True with its value and *index behind it; false
 * when there is no further one. Begin with *index = 0 to see every line of a list. */
bool weir__http1_request_next(const struct weir__http1_request *request,
                              enum weir__http1_field field, size_t *index,
                              struct weir__slice *value);

/* Looks for a field by name, which is in lower case. False, and *value untouched, if absent. */
bool weir__http1_request_find(const struct weir__http1_request *request, const char *lower,
                              struct weir__slice *value);

#endif
