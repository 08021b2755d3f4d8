/* proto/http1/conditional.h - conditional requests: 200, 304 or 412, and whether a Range counts.
 *
 * The order of evaluation is that of RFC 9110 13.2.2. Pure: the clock and the validators are the
 * caller's. Any thread.
 */
#ifndef WEIR_PROTO_HTTP1_CONDITIONAL_H
#define WEIR_PROTO_HTTP1_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct weir__http1_request;

/* No modification date is known. */
#define WEIR__HTTP1_NO_DATE INT64_MIN

/* What the server knows about the representation that GET would send now. */
struct weir__http1_validators {
    bool exists;             /* there is one */
    struct weir__slice etag; /* with quotes, maybe weak; empty if there is none */
    int64_t modified;        /* seconds since 1970, or WEIR__HTTP1_NO_DATE */
};

enum weir__http1_verdict {
    WEIR__HTTP1_VERDICT_PROCEED,      /* answer as if no condition had been sent */
    WEIR__HTTP1_VERDICT_NOT_MODIFIED, /* 304 */
    WEIR__HTTP1_VERDICT_FAILED,       /* 412 */
};

/* Judges a parsed request. `now` is seconds since 1970. *range, set with PROCEED only, says
 * whether a Range field counts: there is one, the method is GET, and If-Range does not object.
 * Invalid dates are as if the field were absent; an If-Match that is not a list of tags fails.
 * Borrows for the call. */
enum weir__http1_verdict weir__http1_conditional(const struct weir__http1_request *request,
                                                 const struct weir__http1_validators *validators,
                                                 int64_t now, bool *range);

#endif
