/* weir/http.h - HTTP/1.1: a server of the files of a folder.
 *
 * Part of libweir-http. The server is a handler for weir_serve with at_first_byte: it answers what
 * has come of a connection, several requests at once if they were pipelined, and lets the
 * connection wait without a task in between. What it does with a request stands in docs/http.md.
 */
#ifndef WEIR_HTTP_H
#define WEIR_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that somebody else owns; not ended by NUL. */
struct weir_http_text {
    const char *at;
    size_t len;
};

/* One request that was answered. All is borrowed for the call. */
struct weir_http_access {
    weir_stream peer;
    int status;
    uint64_t body_len;             /* bytes of body that belong to the answer */
    int64_t wall_ns;               /* when, since 1970 */
    struct weir_http_text line;    /* the request line; empty if there was none that counts */
    struct weir_http_text referer; /* empty if there is none */
    struct weir_http_text agent;
};

/* Told of every answer, on the task that gives it, so by several threads at once. May not
 * suspend. */
typedef void weir_http_access_fn(const struct weir_http_access *access, void *arg);

/* Zero means default everywhere. */
struct weir_http_files_options {
    int64_t header_limit_ns;     /* for a whole head to come, and for a body: 10 s; else 408.
                                    Not negative; WEIR_FOREVER: no limit */
    uint64_t body_max;           /* bytes of a request's body, which is dropped: 64 KiB; else 413 */
    uint32_t cache_entries_max;  /* small files kept in memory, a worker: 1024 */
    uint64_t cache_bytes_max;    /* and their bytes: 16 MiB */
    weir_http_access_fn *access; /* default: nobody is told */
    void *access_arg;            /* passed to it; borrowed until the server is destroyed */
};

typedef struct weir_http_files weir_http_files;

/* Makes a server of the files of `folder`: *out gives it, released with weir_http_files_destroy.
 * Called by a task, whose runtime's workers may serve it. `folder` and `options` (NULL: defaults)
 * are borrowed for the call; the folder is opened once, and what is renamed over it later is not
 * looked at. Does not suspend, and may wait for the disk. Errors: WEIR_ENOTASK, WEIR_EOPTION,
 * WEIR_ENOMEM, and as of weir_dir_open. */
WEIR_PUBLIC int weir_http_files_create_n(weir_http_files **out, const char *folder,
                                         const struct weir_http_files_options *options,
                                         size_t options_size);
static inline int weir_http_files_create(weir_http_files **out, const char *folder,
                                         const struct weir_http_files_options *options)
{
    return weir_http_files_create_n(out, folder, options, sizeof *options);
}

/* Releases the server, when no connection is served by it any more: after the join or the drain of
 * what serves them. NULL is nothing. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_http_files_destroy(weir_http_files *files);

/* The handler for weir_serve, with at_first_byte on; `files` is the server. Suspends. */
WEIR_PUBLIC int weir_http_files_serve(weir_stream peer, void *files);

#ifdef __cplusplus
}
#endif
#endif
