/* proto/http1/etag.h - entity tags: making, comparing, looking one up in a list.
 *
 * RFC 9110 8.8.3. Pure: no state, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_ETAG_H
#define WEIR_PROTO_HTTP1_ETAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    WEIR__HTTP1_ETAG_MAX = 40
};

/* Writes a strong tag of a file, "\"size-mtime\"" in hexadecimal with its quotes, and no NUL.
 * `modified_ns` is nanoseconds since 1970. Returns its length, at most WEIR__HTTP1_ETAG_MAX. */
size_t weir__http1_etag_make(uint64_t size, int64_t modified_ns, char into[WEIR__HTTP1_ETAG_MAX]);

/* Whether the slice is one entity-tag and nothing else. */
bool weir__http1_etag_valid(struct weir__slice tag);

/* The two comparisons of RFC 9110 8.8.3.2: strong is false if either tag is weak; weak looks at
 * what is between the quotes alone. */
bool weir__http1_etag_equal_strong(struct weir__slice a, struct weir__slice b);
bool weir__http1_etag_equal_weak(struct weir__slice a, struct weir__slice b);

/* Whether a list of tags has one that equals `tag`. The list ends where it stops being one: what
 * stands before an error counts, what stands behind does not. "*" is not a list. */
bool weir__http1_etag_listed(struct weir__slice list, struct weir__slice tag, bool strong);

#endif
