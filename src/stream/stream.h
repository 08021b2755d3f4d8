/* stream/stream.h - the object behind a weir_stream.
 *
 * Lives in a slab of the worker that made it (home) and goes back there; its memory stays readable,
 * so a late event finds at worst another stream's hint. The reader bit of the handle guards
 * `reader`, the writer bit guards `writer`.
 *
 * A stream receives by one standing operation, `recv`, which is in flight on one loop (armed_at)
 * and fills its own queue; while it is, only that loop's thread touches the queue, else the reader
 * does. What starts a handler is moved to `taken`, which is the reader's alone. An idle stream so
 * holds no buffer, and a message costs no new operation. A reader on another worker recalls the
 * operation first. Where messages are large, or nobody takes them, the stream receives directly:
 * one operation for each read, into the reader's own memory or a lent buffer; after some short
 * reads it goes back.
 *
 * A stream that is no socket has a kind: a table of what to do in place of the system's calls. It
 * has no standing receive, and a descriptor only if its kind puts one into `fd`.
 */
#ifndef WEIR_STREAM_STREAM_H
#define WEIR_STREAM_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/stream.h>

#include "core/loop.h"
#include "task/wait.h"

struct weir__task;
struct weir__worker;
struct weir__served;
struct weir__stream;
struct weir__case;
struct weir__select;
struct weir__zero_copy;

/* A request to end the reader's and the writer's wait, on its way over the loops. */
struct weir__stream_note {
    weir_post post;
    uint32_t stage;
    int32_t reason;
};

/* What a stream does that is no socket. The calls that suspend are made by the task that holds the
 * reader's or the writer's bit, once at a time each; their results are those of the public calls. A
 * close makes them end: they return anything then. */
struct weir__stream_kind {
    /* At least a byte, 0 at the end, or an error. Suspends. */
    ptrdiff_t (*read)(struct weir__stream *stream, struct weir__task *task, void *out, size_t len);
    /* Waits until a read would not: 0, or an error. Suspends. NULL if there is the next one. */
    int (*await_bytes)(struct weir__stream *stream, struct weir__task *task);
    /* As weir_read_lent. NULL: read into a buffer that is made when await_bytes has returned. */
    int (*read_lent)(struct weir__stream *stream, struct weir__task *task, weir_lent *out);
    /* At least a byte of what is not empty, or an error. Suspends. */
    ptrdiff_t (*write)(struct weir__stream *stream, struct weir__task *task, const void *bytes,
                       size_t len);
    /* The same without waiting: WEIR_EAGAIN if they would have to. */
    ptrdiff_t (*read_now)(struct weir__stream *stream, void *out, size_t len);
    ptrdiff_t (*write_now)(struct weir__stream *stream, const void *bytes, size_t len);
    /* Whether splice(2) takes `fd`, to read from or to write to. NULL: it does not. */
    bool (*splices)(const struct weir__stream *stream, bool writes);
    /* Where it does: waits until it is worth another try: 0, or an error. Suspends. */
    int (*await)(struct weir__stream *stream, struct weir__task *task, bool writes);
    /* Has a case of a select wait until reading or writing is worth another try; false: it is. A
     * close ends the wait. */
    bool (*enlist)(struct weir__stream *stream, struct weir__case *c, struct weir__select *select,
                   bool writes);
    /* In place of enlist, for what is waited for by readiness of `fd`: the case, which is about to
     * wait for that on its task's loop, or NULL when it does not any more. While it waits, a stop
     * takes its operation back. False: nothing is waited for. */
    bool (*watch)(struct weir__stream *stream, struct weir__case *c, bool writes);
    /* Ends the writing direction: 0 or an error. Does not suspend. Any thread. */
    int (*shutdown)(struct weir__stream *stream);
    /* Ends the calls under way, now that the stream is closed. Does not suspend. Any thread. */
    void (*stop)(struct weir__stream *stream);
    /* Nobody uses the stream any more: frees what `object` is. On the home worker. */
    void (*release)(struct weir__stream *stream);
};

struct weir__stream {
    uint64_t id; /* what a message touches comes first, what only begins and ends use comes last */
    weir_fd fd;
    struct weir__served *served; /* the part of a weir_serve that has it, or NULL */
    struct weir__wait_slot reader;
    uint64_t active_ns;  /* when bytes last moved */
    uint16_t home;       /* index of its loop */
    uint16_t armed_at;   /* index of the loop where `recv` is in flight; partner: received */
    uint8_t direct_left; /* direct reads before the standing receive is tried again */
    bool idling;         /* a served stream without a handler: bytes start one. Home only */
    bool write_broken;
    bool passes; /* descriptors may come: bytes are taken only by who reads */
    /* of the loop where `recv` is in flight, and of the reader when it is not */
    uint8_t recalled : 1; /* the reader waits for the end of `recv` */
    uint8_t ended : 1;    /* recv.result says how; after what is in the queue */
    bool other; /* no socket: `kind` and `object` are valid, `recv` is not, `fd` is the kind's */
    union {
        weir_op recv;
        struct {
            weir_post post; /* on its way home, at the end */
            const struct weir__stream_kind *kind;
            void *object; /* the kind's */
        };
    };
    struct weir__received *taken;
    struct weir__wait_slot writer;
    uint64_t read_bytes;
    uint64_t written_bytes;
    struct weir__zero_copy *zero_copy; /* NULL: nobody has asked for it */
    union {
        struct weir__loop_timer limit; /* of a served connection, on the home loop */
        struct weir__stream_note note; /* while the limit is not armed */
    };
};

/* Makes a stream for a socket, of TCP or another protocol, which it takes on success. On a worker.
 * */
int weir__stream_make(struct weir__worker *worker, int fd, bool tcp, struct weir__stream **out);

/* Makes one of another kind, which takes `object` on success. On a worker. */
int weir__stream_make_other(struct weir__worker *worker, const struct weir__stream_kind *kind,
                            void *object, struct weir__stream **out);

/* What a server is told of its streams, on their home worker. Set by the net layer. */
struct weir__served_calls {
    /* The stream, which was idling, is not any more: bytes are there, or the end. */
    void (*stirred)(struct weir__stream *stream);
    /* The stream is released: its memory goes when this returns. */
    void (*released)(struct weir__stream *stream);
    /* The note of weir__stream_stop has come back. */
    void (*stopped)(struct weir__stream *stream);
};
extern const struct weir__served_calls *weir__served_calls;

/* The stream, pinned: `bits` as of weir__handle_enter. Or NULL with *error. */
struct weir__stream *weir__stream_enter(weir_stream stream, uint32_t bits, int *error);
/* The same for what only a socket can do: WEIR_ENOTSUP if it is none. */
struct weir__stream *weir__stream_enter_socket(weir_stream stream, uint32_t bits, int *error);
void weir__stream_leave(struct weir__stream *stream, uint32_t bits);

/* Whether bytes are there for the next read. By who holds the reader bit, on the loop where the
 * stream receives or while it receives nowhere. */
static inline bool weir__stream_has_bytes(const struct weir__stream *stream)
{
    return stream->taken || stream->recv.u.received.head;
}

/* Moves what has come into the reader's hands, before there is a reader. On the loop of `recv`. */
void weir__stream_take(struct weir__stream *stream);

/* Lets the stream receive on the calling thread's loop, which is `loop`, unless it receives
 * already, has ended or has bytes. False if it is closed. By who holds the reader bit. */
bool weir__stream_arm(struct weir__stream *stream, weir_loop *loop);
/* Ends the standing receive unless it is on this loop, where the task runs. Suspends, whatever
 * happens. By the task that holds the reader bit. */
void weir__stream_recall(struct weir__stream *stream, struct weir__task *task, weir_loop *loop);

/* Ends it on whichever loop it is. Likewise. */
void weir__stream_recall_all(struct weir__stream *stream, struct weir__task *task);

/* Without waiting: as weir_read, by who holds the reader bit, and as weir_write, by who holds the
 * writer bit. WEIR_EAGAIN if there is nothing to read, or no room. Reading may suspend to end a
 * receive on another loop; the task is pinned. */
ptrdiff_t weir__stream_read_now(struct weir__stream *stream, struct weir__task *task, void *out,
                                size_t len);
ptrdiff_t weir__stream_write_now(struct weir__stream *stream, const void *bytes, size_t len);

/* Ends a call that holds `bit` (READER, WRITER): counts what was moved, and says WEIR_ECLOSED for
 * what a close has stopped. */
ptrdiff_t weir__stream_end(struct weir__stream *stream, struct weir__task *task, uint32_t bit,
                           ptrdiff_t result);

/* Reads what was received already: the count; 0 if there is nothing, and nothing else receives; or
 * an error, WEIR_EEOF at the end. Suspends. By the task that holds the reader bit. */
ptrdiff_t weir__stream_read_queued(struct weir__stream *stream, struct weir__task *task, void *out,
                                   size_t len);
/* Ends the standing receive, and receives by hand for a while: 0 if what comes next lies in the
 * kernel, 1 if it was received already, or an error, WEIR_EEOF at the end. Suspends. Likewise. */
int weir__stream_await_direct(struct weir__stream *stream, struct weir__task *task);

/* Writes what the stream takes at once, for a copy that has failed; if that is not all, the rest is
 * lost and the direction broken. The result is how much went. Does not suspend. */
size_t weir__stream_write_last(weir_stream stream, const void *bytes, size_t len);

/* As weir_write_all, by the task that holds the writer bit. */
int weir__stream_write_rest(struct weir__stream *stream, struct weir__task *task, const void *bytes,
                            size_t len);

/* Closes the handle without shutting the socket down, and gives another descriptor of it, with the
 * bytes that were received and not read: how many, WEIR_ENOBUFS if they do not fit, WEIR_EMFILE, or
 * WEIR_ECLOSED; nothing is lost by a failure. Suspends. By the task that holds both bits. */
int weir__stream_detach(struct weir__stream *stream, struct weir__task *task, void *unread,
                        size_t cap, int *descriptor);

/* The parts of such a hand-over: ends the standing receive, and says how much lies unread; copies
 * that without taking it; closes the handle without shutting the socket down: false if somebody has
 * closed it. The first suspends. By the task that holds both bits. */
size_t weir__stream_rest(struct weir__stream *stream, struct weir__task *task);
void weir__stream_peek(const struct weir__stream *stream, void *out);
bool weir__stream_give_away(struct weir__stream *stream);

/* The other way: copies bytes as if they had been received on a loop; 0 or WEIR_ENOMEM. What the
 * list gives is for a stream's `taken`, or for weir__stream_drop_list. */
int weir__stream_make_list(weir_loop *loop, const void *bytes, size_t len,
                           struct weir__received **list);
void weir__stream_drop_list(struct weir__received *list);

/* Closes, by the holder of one reference, which stays. On the home worker. */
void weir__stream_close(struct weir__stream *stream);

/* Ends the waits of the reader and the writer, on whichever loops they are. Takes the note, which
 * comes back by weir__served_calls.stopped. On the home worker, by the holder of a reference. */
void weir__stream_stop(struct weir__stream *stream, int reason);

#endif
