/* stream/conduit.h - a pipe through which bytes go from one stream to another inside the kernel.
 *
 * splice(2) moves between a pipe and a socket or another pipe. A conduit belongs to the task that
 * copies; it has a pipe of the worker's, or a new one, only while bytes are in it or about to be:
 * a connection over which nothing comes holds none. Zeroed memory is one without a pipe. At the end
 * it is given to weir__conduit_end, whatever has happened.
 */
#ifndef WEIR_STREAM_CONDUIT_H
#define WEIR_STREAM_CONDUIT_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/stream.h>

struct weir__stream;
struct weir__task;

struct weir__conduit {
    bool open;
    int out, in; /* the pipe's ends */
    size_t held; /* bytes in it */
};

/* Whether both streams are of a kind that splice(2) takes. */
bool weir__conduit_fits(weir_stream from, weir_stream to);

/* Moves up to `len` bytes of `from` into the conduit, which is empty: as weir_read. WEIR_EAGAIN:
 * nothing was moved, and what comes next is for weir_read_lent (it was received already, or splice
 * does not get at it); WEIR_ENOTSUP: likewise, and so will be all that follows. Suspends. */
ptrdiff_t weir__conduit_fill(struct weir__conduit *conduit, weir_stream from, size_t len);

/* Moves what it holds on to `to`: as weir_write. Suspends. */
ptrdiff_t weir__conduit_drain(struct weir__conduit *conduit, weir_stream to);

/* Gives the pipe up. What it still holds goes to `to` if that takes it at once; else it is lost,
 * and the direction is broken. The result is how much went. Does not suspend. */
size_t weir__conduit_end(struct weir__conduit *conduit, weir_stream to);

/* As weir_send_file, by the task that holds the writer's bit of a stream that is no socket.
 * WEIR_ENOTSUP: splice does not take it. */
int weir__conduit_send_file(struct weir__stream *stream, struct weir__task *task, int file,
                            uint64_t offset, uint64_t len);

#endif
