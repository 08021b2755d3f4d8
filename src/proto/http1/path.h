/* proto/http1/path.h - from a request's path to the name of a file, and back.
 *
 * The result is relative and stays below the directory it is opened from: no leading slash, no "."
 * or ".." segments, no empty ones. Symbolic links are the file system's business. Percent-decoding
 * happens exactly once, and before dot segments are resolved, so that "%2e%2e" is "..". A
 * backslash is an ordinary character of a name. Pure: the caller's memory, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_PATH_H
#define WEIR_PROTO_HTTP1_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct weir__http1_path {
    struct weir__slice file;  /* in the caller's buffer and followed by a NUL; empty: the root */
    struct weir__slice query; /* behind "?", not decoded; borrows from the target */
    bool directory;           /* the path ended in "/", "/." or "/..", or is the root */
    bool has_query;           /* there is a "?", maybe with nothing behind it */
};

/* Decodes the `path` of a request (path and query of its target) into `cap` bytes at `into`. 0, or
 * WEIR_HTTP_ESYNTAX (400) for a percent sign without two digits, an encoded NUL or slash, a path
 * that leaves its root, or one that does not begin with "/" or "?"; WEIR_ENAMETOOLONG if it does
 * not fit; *out is untouched then. `cap` of path.len + 1 is always enough. RFC 3986 2.1, 5.2.4. */
int weir__http1_path_decode(struct weir__slice path, char *into, size_t cap,
                            struct weir__http1_path *out);

/* Writes "/" and the file name percent-encoded, with a "/" behind it for a directory: fit for a
 * Location field, and never a reference to another host. Returns its length, or WEIR_ENOBUFS.
 * No NUL. */
int weir__http1_path_encode(struct weir__slice file, bool directory, char *into, size_t cap);

#endif
