/* proto/http1/http1_io.h - a connection of an HTTP/1.1 server: requests in, answers out.
 *
 * One weir__http1_io lives on the stack of a handler, from its start at the first byte until it
 * returns. Requests are read where they came, in a lent buffer; only one that is not whole moves to
 * a chunk of its own. Answers are gathered in a chunk and written together when no whole request is
 * left, or when the chunk is full. Chunks come from the worker on which the task runs, and go back
 * to the one on which it then runs. So the handler is pinned but for its waits: what is the
 * worker's is its own between two of them.
 */
#ifndef WEIR_PROTO_HTTP1_HTTP1_IO_H
#define WEIR_PROTO_HTTP1_HTTP1_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/stream.h>
#include <weir/task.h>

#include "proto/http1/request.h"

enum {
    WEIR__HTTP1_CHUNK_SMALL = 17 * 1024, /* holds the longest head */
    WEIR__HTTP1_CHUNK_LARGE = 72 * 1024, /* holds the largest answer from memory */
};

/* Round a call that waits. */
#define WEIR__HTTP1_AWAIT(call) ((void)weir_unpin(), (void)(call), (void)weir_pin())

struct weir__http1_chunk {
    struct weir__http1_chunk *next;
    uint32_t cap;
    uint32_t len;
    char bytes[];
};

/* Spare chunks of one worker: small ones and large ones. */
struct weir__http1_pool {
    struct weir__http1_chunk *spare[2];
    uint32_t count[2];
};

void weir__http1_pool_fini(struct weir__http1_pool *pool);

struct weir__http1_io {
    weir_stream peer;
    struct weir__http1_pool *(*pool)(void *server); /* of the present worker */
    void *server;
    int64_t head_limit_ns;
    uint64_t body_max;
    const char *at; /* unread input, in `lent` or in `gathered` */
    size_t len;
    size_t head_len; /* of the request that is being answered; counted in len */
    weir_lent lent;
    struct weir__http1_chunk *gathered;
    struct weir__http1_chunk *kept; /* the head of a request whose body was dropped */
    struct weir__http1_chunk *out;
    int64_t wall_ns; /* when bytes last came */
    bool timed_out;  /* the limit for a head or a body has passed */
    bool unread;     /* the peer may still be sending: linger */
};

/* Waits for the first bytes: their count, 0 at the end, or an error. Suspends. */
int weir__http1_io_begin(struct weir__http1_io *io);
/* Gives everything back. Accepts zeroed memory. */
void weir__http1_io_end(struct weir__http1_io *io);

/* Reads the next head: 1; 0 if nothing is left to read, or the peer went away; else an error, with
 * the status to answer in request->status (0: none). Writes what is out before it waits. Suspends.
 * */
int weir__http1_io_head(struct weir__http1_io *io, struct weir__http1_request *request);

/* Reads and drops the body of the request, which stays valid, with a "100 Continue" before if it
 * waits for one: 0, or an error with the status to answer in request->status (0: none). Suspends.
 * */
int weir__http1_io_drop_body(struct weir__http1_io *io, struct weir__http1_request *request);

/* Ends the request that was answered. */
void weir__http1_io_next(struct weir__http1_io *io);

/* Room for `size` more bytes of output, at most WEIR__HTTP1_CHUNK_LARGE: where to put them, before
 * weir__http1_io_put. NULL: flush first, then it can only be that memory is out. Does not suspend.
 * */
char *weir__http1_io_room(struct weir__http1_io *io, size_t size);
static inline void weir__http1_io_put(struct weir__http1_io *io, size_t size)
{
    io->out->len += (uint32_t)size;
}

/* A chunk of `size` bytes or more, for the time of one answer: NULL if memory is out. Given back
 * with weir__http1_io_unchunk. Does not suspend. */
struct weir__http1_chunk *weir__http1_io_chunk(struct weir__http1_io *io, size_t size);
void weir__http1_io_unchunk(struct weir__http1_io *io, struct weir__http1_chunk *chunk);

/* Writes what is out: 0, or an error. Suspends. */
int weir__http1_io_flush(struct weir__http1_io *io);

/* Before a close with bytes unread, which would reset the connection and take the answer along:
 * ends the output and reads for a while. Suspends. */
void weir__http1_io_linger(struct weir__http1_io *io);

#endif
