/* proto/http1/http1_io.c - a connection of an HTTP/1.1 server. The contract is in http1_io.h. */
#include "proto/http1/http1_io.h"

#include <string.h>
#include <weir/memory.h>
#include <weir/time.h>

#include "proto/http1/body.h"
#include "proto/http1/response.h"

enum {
    SPARE_MAX = 64, /* chunks of a kind that a worker keeps */
    LINGER_MAX = 256 * 1024,
    READ_MAX = 16 * 1024, /* at once: a longer read would end the stream's standing receive */
};

#define LINGER_NS WEIR_SECONDS(1)

/* ---- chunks ---- */

static struct weir__http1_chunk *chunk_take(struct weir__http1_io *io, size_t size)
{
    bool large = size > WEIR__HTTP1_CHUNK_SMALL;
    struct weir__http1_pool *pool = io->pool(io->server);
    struct weir__http1_chunk *chunk = pool->spare[large];
    uint32_t cap = large ? WEIR__HTTP1_CHUNK_LARGE : WEIR__HTTP1_CHUNK_SMALL;

    if (size > cap)
        return NULL;
    if (chunk) {
        pool->spare[large] = chunk->next;
        pool->count[large]--;
    } else {
        chunk = weir_allocate(sizeof *chunk + cap);
        if (!chunk)
            return NULL;
        chunk->cap = cap;
    }
    chunk->len = 0;
    return chunk;
}

static void chunk_give(struct weir__http1_io *io, struct weir__http1_chunk **held)
{
    struct weir__http1_chunk *chunk = *held;
    struct weir__http1_pool *pool;
    bool large;

    if (!chunk)
        return;
    *held = NULL;
    pool = io->pool(io->server);
    large = chunk->cap > WEIR__HTTP1_CHUNK_SMALL;
    if (pool->count[large] == SPARE_MAX) {
        weir_release(chunk);
        return;
    }
    chunk->next = pool->spare[large];
    pool->spare[large] = chunk;
    pool->count[large]++;
}

void weir__http1_pool_fini(struct weir__http1_pool *pool)
{
    for (size_t kind = 0; kind < 2; kind++) {
        while (pool->spare[kind]) {
            struct weir__http1_chunk *chunk = pool->spare[kind];

            pool->spare[kind] = chunk->next;
            weir_release(chunk);
        }
        pool->count[kind] = 0;
    }
}

/* ---- input ---- */

static void input_release(struct weir__http1_io *io)
{
    weir_give_back(&io->lent);
    io->lent = (weir_lent){0};
    chunk_give(io, &io->gathered);
    io->at = NULL;
    io->len = 0;
}

/* Nothing is unread: reads into a lent buffer. */
static int read_fresh(struct weir__http1_io *io)
{
    int n;

    input_release(io);
    WEIR__HTTP1_AWAIT(n = weir_read_lent(io->peer, &io->lent));
    if (n <= 0)
        return n;
    io->at = (const char *)io->lent.bytes;
    io->len = (size_t)n;
    io->wall_ns = weir_wall_ns();
    return n;
}

/* Moves what is unread to the start of a chunk of its own. */
static int gather(struct weir__http1_io *io)
{
    struct weir__http1_chunk *chunk = io->gathered;

    if (!chunk) {
        chunk = chunk_take(io, WEIR__HTTP1_CHUNK_SMALL);
        if (!chunk)
            return WEIR_ENOMEM;
        memcpy(chunk->bytes, io->at, io->len);
        weir_give_back(&io->lent);
        io->lent = (weir_lent){0};
        io->gathered = chunk;
    } else if (io->at != chunk->bytes) {
        memmove(chunk->bytes, io->at, io->len);
    }
    io->at = chunk->bytes;
    return 0;
}

/* Reads behind what is unread: the count, 0 at the end, or an error. */
static int read_more(struct weir__http1_io *io)
{
    size_t room;
    ptrdiff_t n;
    int rc;

    if (io->len == 0)
        return read_fresh(io);
    rc = gather(io);
    if (rc < 0)
        return rc;
    if (io->len == io->gathered->cap)
        return WEIR_HTTP_ETOOLARGE;
    room = io->gathered->cap - io->len;
    if (room > READ_MAX)
        room = READ_MAX;
    WEIR__HTTP1_AWAIT(n = weir_read(io->peer, io->gathered->bytes + io->len, room));
    if (n > 0) {
        io->len += (size_t)n;
        io->wall_ns = weir_wall_ns();
    }
    return (int)n;
}

int weir__http1_io_begin(struct weir__http1_io *io)
{
    return read_fresh(io);
}

void weir__http1_io_end(struct weir__http1_io *io)
{
    input_release(io);
    chunk_give(io, &io->kept);
    chunk_give(io, &io->out);
}

/* Reads until the head that has begun is whole: its length, 0 if the peer went away, or an error.
 * */
static int gather_head(struct weir__http1_io *io, struct weir__http1_request *request)
{
    int rc;

    do {
        size_t last = io->len;

        rc = read_more(io);
        if (rc <= 0) {
            request->status = 0;
            return rc;
        }
        rc = weir__http1_request_parse(io->at, io->len, last, NULL, request);
    } while (rc == 0);
    return rc;
}

/* The head is not whole: what is out is written, and the rest has a time limit. */
static int wait_for_head(struct weir__http1_io *io, struct weir__http1_request *request)
{
    weir_block block;
    int rc = weir__http1_io_flush(io);

    request->status = 0;
    if (rc < 0)
        return rc;
    rc = weir_deadline_begin(&block, io->head_limit_ns);
    if (rc < 0)
        return rc;
    rc = gather_head(io, request);
    io->timed_out = weir_block_end(&block) && rc < 0;
    if (io->timed_out && rc == WEIR_EDEADLINE)
        request->status = 408;
    return rc;
}

int weir__http1_io_head(struct weir__http1_io *io, struct weir__http1_request *request)
{
    int rc;

    if (io->len == 0)
        return 0;
    rc = weir__http1_request_parse(io->at, io->len, 0, NULL, request);
    if (rc == 0)
        rc = wait_for_head(io, request);
    if (rc > 0) {
        io->head_len = (size_t)rc;
        rc = 1;
    }
    io->unread |= rc < 0;
    return rc;
}

void weir__http1_io_next(struct weir__http1_io *io)
{
    io->at += io->head_len;
    io->len -= io->head_len;
    io->head_len = 0;
    chunk_give(io, &io->kept);
}

/* ---- bodies ---- */

/* Copies the head away from the input, which the body will run through. */
static int keep_head(struct weir__http1_io *io, struct weir__http1_request *request)
{
    int len = (int)io->head_len;

    io->kept = chunk_take(io, io->head_len);
    if (!io->kept)
        return WEIR_ENOMEM;
    memcpy(io->kept->bytes, io->at, io->head_len);
    if (weir__http1_request_parse(io->kept->bytes, io->head_len, 0, NULL, request) != len)
        return WEIR_HTTP_ESTATE;
    io->at += io->head_len;
    io->len -= io->head_len;
    io->head_len = 0;
    return 0;
}

static int run_through(struct weir__http1_io *io, struct weir__http1_body *body)
{
    struct weir__slice data;
    size_t used;
    int rc = 0;

    while (rc >= 0) {
        rc = weir__http1_body_feed(body, io->at, io->len, &used, &data);
        if (rc < 0)
            break;
        io->at += used;
        io->len -= used;
        if (rc == WEIR__HTTP1_BODY_END)
            return 0;
        if (rc == WEIR__HTTP1_BODY_MORE) {
            rc = read_more(io);
            if (rc == 0)
                rc = WEIR_EEOF;
        }
    }
    return rc;
}

static int say_continue(struct weir__http1_io *io)
{
    struct weir__slice line = weir__http1_response_continue();
    char *room = weir__http1_io_room(io, line.len);
    int rc = 0;

    if (!room) {
        rc = weir__http1_io_flush(io);
        room = rc < 0 ? NULL : weir__http1_io_room(io, line.len);
    }
    if (!room)
        return rc < 0 ? rc : WEIR_ENOMEM;
    memcpy(room, line.at, line.len);
    weir__http1_io_put(io, line.len);
    return 0;
}

static int limited_body(struct weir__http1_io *io, struct weir__http1_body *body)
{
    weir_block block;
    int rc = weir__http1_io_flush(io);

    if (rc < 0)
        return rc;
    rc = weir_deadline_begin(&block, io->head_limit_ns);
    if (rc < 0)
        return rc;
    rc = run_through(io, body);
    io->timed_out = weir_block_end(&block) && rc < 0;
    return rc;
}

static uint16_t body_status(const struct weir__http1_io *io, int rc)
{
    if (rc == WEIR_HTTP_ETOOLARGE)
        return 413;
    if (rc == WEIR_HTTP_ESYNTAX || rc == WEIR_HTTP_EFRAMING)
        return 400;
    return io->timed_out && rc == WEIR_EDEADLINE ? 408 : 0;
}

int weir__http1_io_drop_body(struct weir__http1_io *io, struct weir__http1_request *request)
{
    struct weir__http1_body_limits limits = {.data_max = io->body_max};
    struct weir__http1_body body;
    int rc = weir__http1_body_begin(&body, request, &limits);

    if (rc == 0 && weir__http1_body_ended(&body))
        return 0;
    if (rc == 0)
        rc = keep_head(io, request);
    if (rc == 0 && request->expect_continue && io->len == 0)
        rc = say_continue(io);
    if (rc == 0)
        rc = limited_body(io, &body);
    if (rc < 0) {
        request->status = body_status(io, rc);
        io->unread = true;
    }
    return rc;
}

/* ---- output ---- */

char *weir__http1_io_room(struct weir__http1_io *io, size_t size)
{
    struct weir__http1_chunk *larger;

    if (io->out && io->out->cap - io->out->len >= size)
        return io->out->bytes + io->out->len;
    if (!io->out) {
        io->out = chunk_take(io, size);
        return io->out ? io->out->bytes : NULL;
    }
    if (io->out->cap >= WEIR__HTTP1_CHUNK_LARGE || io->out->len + size > WEIR__HTTP1_CHUNK_LARGE)
        return NULL;
    larger = chunk_take(io, WEIR__HTTP1_CHUNK_LARGE);
    if (!larger)
        return NULL;
    memcpy(larger->bytes, io->out->bytes, io->out->len);
    larger->len = io->out->len;
    chunk_give(io, &io->out);
    io->out = larger;
    return larger->bytes + larger->len;
}

struct weir__http1_chunk *weir__http1_io_chunk(struct weir__http1_io *io, size_t size)
{
    return chunk_take(io, size);
}

void weir__http1_io_unchunk(struct weir__http1_io *io, struct weir__http1_chunk *chunk)
{
    chunk_give(io, &chunk);
}

int weir__http1_io_flush(struct weir__http1_io *io)
{
    int rc = 0;

    if (io->out && io->out->len > 0)
        WEIR__HTTP1_AWAIT(rc = weir_write_all(io->peer, io->out->bytes, io->out->len));
    chunk_give(io, &io->out);
    return rc;
}

void weir__http1_io_linger(struct weir__http1_io *io)
{
    weir_block block;
    size_t total = 0;
    int n;

    if (weir_shutdown(io->peer) < 0 || weir_deadline_begin(&block, LINGER_NS) < 0)
        return;
    do {
        n = read_fresh(io);
        total += n > 0 ? (size_t)n : 0;
    } while (n > 0 && total < LINGER_MAX);
    weir_block_end(&block);
}
