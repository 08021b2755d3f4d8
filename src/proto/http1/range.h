/* proto/http1/range.h - byte ranges of a representation.
 *
 * Reads a Range field against a known size, and writes what a partial response needs: the
 * Content-Range value and, for several ranges, the parts of a multipart/byteranges body. RFC 9110
 * 14. Pure: the caller's memory, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_RANGE_H
#define WEIR_PROTO_HTTP1_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    WEIR__HTTP1_RANGES_MAX = 16,         /* more in one request, and the field is ignored */
    WEIR__HTTP1_RANGE_VALUE_MAX = 72,    /* room for a Content-Range value */
    WEIR__HTTP1_RANGE_BOUNDARY_LEN = 24, /* bytes of a multipart boundary */
};

/* Bytes first..first+len-1; len is never 0. */
struct weir__http1_range {
    uint64_t first;
    uint64_t len;
};

struct weir__http1_ranges {
    size_t count;
    struct weir__http1_range items[WEIR__HTTP1_RANGES_MAX];
};

enum weir__http1_range_result {
    WEIR__HTTP1_RANGE_IGNORE,        /* as if there were no Range: 200 */
    WEIR__HTTP1_RANGE_PARTIAL,       /* 206 with ranges->count >= 1 ranges */
    WEIR__HTTP1_RANGE_UNSATISFIABLE, /* 416, with Content-Range "bytes" and the size */
};

/* Reads the value of a Range field for a representation of `size` bytes. *ranges is set for PARTIAL
 * only: within the size, in the order asked for, but overlapping, touching and nearly touching ones
 * are joined, so that no byte is sent twice. Ignored are other units, bad syntax, more than
 * WEIR__HTTP1_RANGES_MAX ranges, and an empty representation. */
enum weir__http1_range_result weir__http1_range_parse(struct weir__slice value, uint64_t size,
                                                      struct weir__http1_ranges *ranges);

/* Writes "bytes 0-99/1234", or the value of a 416 for a NULL range. No NUL. Returns its length. */
size_t weir__http1_range_value(const struct weir__http1_range *range, uint64_t size,
                               char into[WEIR__HTTP1_RANGE_VALUE_MAX]);

/* The boundary of a multipart body, from a number that the data cannot know (random, or made of the
 * time and a counter): the data must not have the boundary in them. Fills all of `into`, no
 * NUL. */
void weir__http1_range_boundary(uint64_t number, char into[WEIR__HTTP1_RANGE_BOUNDARY_LEN]);

/* Writes what stands before the data of a part: CRLF "--" boundary CRLF Content-Type, Content-Range
 * and an empty line; for a NULL range what ends the body. Returns its length, or WEIR_ENOBUFS.
 * `type` may be empty. With `into` NULL and `cap` 0 it only counts. */
int weir__http1_range_part(struct weir__slice boundary, struct weir__slice type,
                           const struct weir__http1_range *range, uint64_t size, char *into,
                           size_t cap);

/* The length of the whole multipart body: parts, data and end. */
uint64_t weir__http1_range_total(const struct weir__http1_ranges *ranges,
                                 struct weir__slice boundary, struct weir__slice type,
                                 uint64_t size);

#endif
