/* proto/http1/body.h - the body of a request: counted or chunked, decoded in place.
 *
 * The reader is fed bytes as they come, in pieces of any size, and says which of them are data: a
 * view into what it was fed, nothing is copied. It also says where the body ends, so that what
 * follows can be read as the next request. Chunk extensions are checked and skipped; trailer
 * fields are checked and dropped, and those that would change the framing are refused (RFC 9110
 * 6.5.1).
 *
 * States: see enum body_state in body.c; WEIR__HTTP1_BODY_END is final, and so is an error.
 * Pure computation, the caller's memory. Any thread; one reader is one thread's at a time.
 */
#ifndef WEIR_PROTO_HTTP1_BODY_H
#define WEIR_PROTO_HTTP1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct weir__http1_request;

/* No bound on the data of a body. */
#define WEIR__HTTP1_BODY_UNLIMITED UINT64_MAX

/* Bounds in bytes. 0 means the default. */
struct weir__http1_body_limits {
    uint64_t data_max;      /* data of the whole body: 1 MiB */
    uint32_t extension_max; /* chunk extensions of the whole body: 4 KiB */
    uint32_t trailer_max;   /* the trailer section: 8 KiB */
};

struct weir__http1_body {
    uint64_t left;           /* data bytes to come, of the body or of this chunk */
    uint64_t room;           /* data bytes that later chunks may still have */
    uint32_t extension_left; /* bytes that extensions may still have */
    uint32_t trailer_left;   /* bytes that trailers may still have */
    uint8_t state;
    uint8_t digits;   /* of the chunk size so far */
    uint8_t name_len; /* of the trailer's name so far; stops at sizeof name */
    char name[20];
};

enum weir__http1_body_event {
    WEIR__HTTP1_BODY_MORE, /* all bytes are used and the body goes on */
    WEIR__HTTP1_BODY_DATA, /* *data has bytes of the body; feed what is behind *used */
    WEIR__HTTP1_BODY_END,  /* the body has ended; what is behind *used is not part of it */
};

/* Begins the body of a request that has been parsed. `limits` may be NULL: all defaults. 0, or
 * WEIR_HTTP_ETOOLARGE (413) if the announced length is over data_max, *body untouched. Does not
 * suspend and keeps no pointer. */
int weir__http1_body_begin(struct weir__http1_body *body, const struct weir__http1_request *request,
                           const struct weir__http1_body_limits *limits);

/* Looks at `len` bytes (0 is allowed, and tells an ended body) and returns an event, with *used
 * the number of bytes it is done with; call again with the rest until MORE or END. *data borrows
 * from `bytes` and is set only for DATA, where it is not empty. Errors: WEIR_HTTP_ESYNTAX,
 * WEIR_HTTP_EFRAMING (400), WEIR_HTTP_ETOOLARGE (413); then WEIR_HTTP_ESTATE for ever, and the
 * connection must be closed. Does not suspend. RFC 9112 6, 7.1. */
int weir__http1_body_feed(struct weir__http1_body *body, const char *bytes, size_t len,
                          size_t *used, struct weir__slice *data);

/* Whether the body has ended: at once for a request without one. */
bool weir__http1_body_ended(const struct weir__http1_body *body);

#endif
