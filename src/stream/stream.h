/* stream/stream.h - the object behind a weir_stream.
 *
 * Lives in a slab of the worker that made it (home) and goes back there; its memory stays readable,
 * so a late event finds at worst another stream's hint. The reader bit of the handle guards
 * `reader`, the writer bit guards `writer`. `idle` is the operation by which a served connection
 * waits without a task, and keeps the bytes that started the handler until its first read.
 */
#ifndef WEIR_STREAM_STREAM_H
#define WEIR_STREAM_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/stream.h>

#include "core/loop.h"

struct weir__task;
struct weir__worker;
struct weir__served;

struct weir__stream {
    uint64_t id; /* what a message touches comes first, what only begins and ends use comes last */
    weir_fd fd;
    struct weir__served *served; /* the part of a weir_serve that has it, or NULL */
    struct weir__task *reader;   /* the task in the slot, while it waits */
    uint64_t active_ns;          /* when bytes last moved */
    uint16_t home;               /* index of its loop */
    bool idling;                 /* the idle operation is in flight */
    bool pending;                /* idle.u.lent holds bytes for the next read */
    bool write_broken;
    weir_op idle;
    struct weir__task *writer;
    uint64_t read_bytes;
    uint64_t written_bytes;
    struct weir__loop_timer limit; /* of a served connection */
};

/* Makes a stream for a connected socket, which it takes on success. On a worker. */
int weir__stream_make(struct weir__worker *worker, int fd, struct weir__stream **out);

/* Called when a served stream is released: on its home worker. Set by the net layer. */
extern void (*weir__stream_released)(struct weir__stream *stream);

/* The descriptor of an open stream for a call that does not suspend; leave with weir__handle_leave
 * through weir__stream_leave. */
struct weir__stream *weir__stream_enter(weir_stream stream, uint32_t bits, int *error);
void weir__stream_leave(struct weir__stream *stream, uint32_t bits);

#endif
