/* proto/http1/serve_io.c - the server of a folder's files: its life, and its handler.
 *
 * The handler answers all requests that have come, writes the answers together, and ends: the
 * connection waits without a task. A server that drains says "Connection: close" with the answer
 * that it was about to give, and closes. Public contract in <weir/http.h>.
 */
#include <string.h>
#include <weir/dir.h>
#include <weir/memory.h>
#include <weir/net.h>
#include <weir/runtime.h>
#include <weir/time.h>

#include "proto/http1/files_io.h"

enum {
    ENTRIES_DEFAULT = 1024,
    BODY_DEFAULT = 64 * 1024
};

#define CACHE_DEFAULT   (16u << 20)
#define HEADER_LIMIT_NS WEIR_SECONDS(10)

static bool is_zero(const unsigned char *bytes, size_t len)
{
    while (len > 0 && *bytes == 0) {
        bytes++;
        len--;
    }
    return len == 0;
}

static int take_options(struct weir_http_files_options *own, const void *theirs, size_t size)
{
    const unsigned char *bytes = theirs;

    *own = (struct weir_http_files_options){0};
    if (theirs && size > sizeof *own && !is_zero(bytes + sizeof *own, size - sizeof *own))
        return WEIR_EOPTION;
    if (theirs)
        memcpy(own, theirs, size < sizeof *own ? size : sizeof *own);
    if (own->header_limit_ns < 0)
        return WEIR_EOPTION;
    if (own->header_limit_ns == 0)
        own->header_limit_ns = HEADER_LIMIT_NS;
    if (own->body_max == 0)
        own->body_max = BODY_DEFAULT;
    if (own->cache_entries_max == 0)
        own->cache_entries_max = ENTRIES_DEFAULT;
    if (own->cache_bytes_max == 0)
        own->cache_bytes_max = CACHE_DEFAULT;
    return 0;
}

/* Part 0 is for callers without a worker, so that an index needs no doubt. */
static int make_parts(weir_http_files *files)
{
    uint32_t count = weir_worker_count() + 1;
    size_t size = count * sizeof *files->parts;
    uintptr_t at;

    if (count == 1)
        return WEIR_ENOTASK;
    files->memory = weir_allocate(size + 63);
    if (!files->memory)
        return WEIR_ENOMEM;
    at = ((uintptr_t)files->memory + 63) & ~(uintptr_t)63;
    files->parts = (struct weir__http1_part *)at;
    memset(files->parts, 0, size);
    for (uint32_t i = 0; i < count; i++)
        weir__http1_filecache_init(&files->parts[i].cache, files->options.cache_entries_max,
                                   files->options.cache_bytes_max);
    files->parts_count = count;
    return 0;
}

int weir_http_files_create_n(weir_http_files **out, const char *folder,
                             const struct weir_http_files_options *options, size_t options_size)
{
    weir_http_files *files = weir_allocate(sizeof *files);
    int rc;

    if (!files)
        return WEIR_ENOMEM;
    *files = (weir_http_files){0};
    rc = take_options(&files->options, options, options_size);
    if (rc == 0)
        rc = make_parts(files);
    if (rc == 0)
        rc = weir_dir_open(&files->folder, weir_cwd(), folder, 0);
    if (rc < 0) {
        weir_http_files_destroy(files);
        return rc;
    }
    *out = files;
    return 0;
}

void weir_http_files_destroy(weir_http_files *files)
{
    if (!files)
        return;
    for (uint32_t i = 0; i < files->parts_count; i++) {
        weir__http1_filecache_fini(&files->parts[i].cache);
        weir__http1_pool_fini(&files->parts[i].pool);
    }
    weir_dir_close(files->folder);
    weir_release(files->memory);
    weir_release(files);
}

static struct weir__http1_pool *pool_here(void *files)
{
    return &weir__http1_files_part(files)->pool;
}

/* The head or the body was wrong: says so, if there is something to say, and ends the connection.
 * */
static int end_badly(weir_http_files *files, struct weir__http1_io *io,
                     const struct weir__http1_request *request, bool head_known, int rc)
{
    if (request->status == 0)
        return rc;
    return weir__http1_files_refuse(files, io, head_known ? request : NULL, request->status, false);
}

/* One request. 1: and the connection lives on; 0: it ends after what is out; or an error. */
static int exchange(weir_http_files *files, struct weir__http1_io *io,
                    struct weir__http1_request *request)
{
    bool keep_alive = request->keep_alive;
    int rc = 0;

    if (request->has_length || request->chunked) {
        bool read = request->method == WEIR__HTTP1_METHOD_GET
                    || request->method == WEIR__HTTP1_METHOD_HEAD || !request->expect_continue;

        rc = read ? weir__http1_io_drop_body(io, request) : 0;
        io->unread |= !read;
        keep_alive &= read;
        if (rc < 0)
            return end_badly(files, io, request, request->status == 413, rc);
    }
    if (weir_stream_draining(io->peer) != 0)
        keep_alive = false;
    rc = weir__http1_files_answer(files, io, request, keep_alive);
    weir__http1_io_next(io);
    return rc < 0 ? rc : keep_alive;
}

/* Everything that has come: as exchange. */
static int converse(weir_http_files *files, struct weir__http1_io *io)
{
    struct weir__http1_request request;
    int rc;

    do {
        rc = weir__http1_io_head(io, &request);
        if (rc < 0)
            return end_badly(files, io, &request, false, rc);
        if (rc == 0)
            return io->len == 0;
        rc = exchange(files, io, &request);
    } while (rc > 0);
    return rc;
}

int weir_http_files_serve(weir_stream peer, void *arg)
{
    weir_http_files *files = arg;
    struct weir__http1_io io = {
        .peer = peer,
        .pool = pool_here,
        .server = files,
        .head_limit_ns = files->options.header_limit_ns,
        .body_max = files->options.body_max,
    };
    int flushed, rc;

    (void)weir_pin(); /* fails outside of tasks only, as the first read does */
    rc = weir__http1_io_begin(&io);
    if (rc > 0) {
        rc = converse(files, &io);
        if (rc >= 0) {
            flushed = weir__http1_io_flush(&io);
            rc = flushed < 0 ? flushed : rc;
        }
        if (rc == 0 && io.unread)
            weir__http1_io_linger(&io);
        rc = rc > 0 ? WEIR_SERVE_AGAIN : rc;
    }
    weir__http1_io_end(&io);
    (void)weir_unpin();
    return rc;
}
