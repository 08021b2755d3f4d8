/* proto/http1/response.h - the head of a response.
 *
 * A response is written into the caller's memory in one call. The writer owns the framing: length,
 * chunking and persistence come from the struct, never from a header of the caller's, so that what
 * is said about the body is one thing and true. Names and values are checked: nothing that the
 * caller passes can end a line (RFC 9110 5.5, RFC 9112 11.1).
 *
 * Pure computation: the date is a text that the caller keeps. Any thread.
 */
#ifndef WEIR_PROTO_HTTP1_RESPONSE_H
#define WEIR_PROTO_HTTP1_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum weir__http1_framing {
    WEIR__HTTP1_FRAMING_NONE,    /* no body and no length: 1xx, 204 and 304 only */
    WEIR__HTTP1_FRAMING_LENGTH,  /* `length` bytes */
    WEIR__HTTP1_FRAMING_CHUNKED, /* chunks; HTTP/1.1 only */
    WEIR__HTTP1_FRAMING_CLOSE,   /* up to the end of the connection */
};

struct weir__http1_header {
    struct weir__slice name;
    struct weir__slice value;
};

/* What to say. Also for HEAD, where it is what GET would get and only the body stays away. Empty
 * slices say nothing. All pointers are borrowed by the call. */
struct weir__http1_response {
    int status;      /* 100 to 599 */
    uint8_t minor;   /* of the request; 0 for HTTP/1.0 */
    bool keep_alive; /* whether the connection lives on after this response */
    enum weir__http1_framing framing;
    uint64_t length;             /* bytes of body, for FRAMING_LENGTH */
    const char *date;            /* 29 bytes as weir__http1_date_format makes them, or NULL */
    struct weir__slice type;     /* Content-Type */
    struct weir__slice etag;     /* ETag, with its quotes */
    struct weir__slice modified; /* Last-Modified */
    struct weir__slice location; /* Location */
    const struct weir__http1_header *headers; /* further fields, in this order */
    size_t header_count;
};

/* Writes the head, empty line included, into `cap` bytes at `into`. Returns its length, or
 * WEIR_ENOBUFS if it does not fit; WEIR_EINVAL for a status out of range, a name that is not a
 * token or a value with CR, LF, NUL or another control character; WEIR_HTTP_ESTATE for framing
 * that contradicts itself: NONE with a status that has a body, a body with 1xx or 204, CHUNKED for
 * HTTP/1.0, or a header that is the writer's (Content-Length, Transfer-Encoding). What is in
 * `into` after an error means nothing. Does not suspend. RFC 9112 4, 6, 9.6. */
int weir__http1_response_write(const struct weir__http1_response *response, char *into, size_t cap);

/* Writes a whole response: the head with FRAMING_LENGTH and body.len, whatever the struct says,
 * and then the body unless `head_only`. Returns and errors as above. For short answers. */
int weir__http1_response_whole(const struct weir__http1_response *response, struct weir__slice body,
                               bool head_only, char *into, size_t cap);

/* "HTTP/1.1 100 Continue" CRLF CRLF, static. */
struct weir__slice weir__http1_response_continue(void);

#endif
