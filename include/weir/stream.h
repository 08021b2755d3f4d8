/* weir/stream.h - streams: what can be read and written.
 *
 * A stream is named by a value. A closed or foreign value gives WEIR_EBADHANDLE from every call and
 * never touches another object. One task may read while another writes; a second reader or writer
 * gets WEIR_EBUSY. Calls that suspend return when the kernel has let go of the buffer, also after a
 * deadline (WEIR_EDEADLINE), a cancel (WEIR_ECANCELED), the idle limit of a served connection
 * (WEIR_EIDLE) or a close by another task (WEIR_ECLOSED); a call that has moved bytes returns their
 * count and leaves the reason to the next call.
 *
 * Besides these, reads and writes fail with WEIR_ENOTASK (the caller is not a task), WEIR_ENOMEM,
 * and what the system says of the connection: WEIR_ECONNRESET, WEIR_EPIPE, WEIR_ETIMEDOUT, ... A
 * call that is refused (WEIR_EINVAL, WEIR_EBADHANDLE, WEIR_EBUSY, WEIR_ENOTASK) has done nothing.
 * Tasks of any worker may use a stream; calls that do not suspend may be made by any thread while
 * the stream's runtime exists.
 */
#ifndef WEIR_STREAM_H
#define WEIR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/loop.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;

typedef struct weir_stream {
    uint64_t id;
} weir_stream;

/* Reads at most `len` bytes (1..INT32_MAX, else WEIR_EINVAL) into `out`, as soon as there are some:
 * their count, or 0 at the end of the stream. What stands in `out` behind the count is unspecified.
 * Suspends. Borrows `out`. */
WEIR_PUBLIC ptrdiff_t weir_read(weir_stream stream, void *out, size_t len);

/* Reads exactly `len` bytes (0 are at once there): 0, or an error; WEIR_EEOF if the stream ends
 * before. After an error the bytes that had come are gone. Suspends. Borrows `out`. */
WEIR_PUBLIC int weir_read_exactly(weir_stream stream, void *out, size_t len);

/* Reads into a buffer of the worker's own: the count, at most 16 KiB and a little more, or 0 at the
 * end. Gives *out with a positive result: return it soon with weir_give_back, since a worker has a
 * limited number (buffers_max of <weir/runtime.h>), and when they are short bytes are copied. An
 * idle connection so holds no buffer. Suspends. */
WEIR_PUBLIC int weir_read_lent(weir_stream stream, weir_lent *out);

/* Returns a lent buffer and empties *lent. Accepts one that is empty or returned already. Does not
 * suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_give_back(weir_lent *lent);

/* Writes as much of `len` bytes (1..INT32_MAX, else WEIR_EINVAL) as the kernel takes at once, at
 * least one byte: the count. WEIR_EBROKEN after a failure half-way, see below. Suspends. Borrows
 * `bytes`. */
WEIR_PUBLIC ptrdiff_t weir_write(weir_stream stream, const void *bytes, size_t len);
/* The same from `count` buffers (1..1024, else WEIR_EINVAL), which hold INT32_MAX bytes at most and
 * are not changed. */
WEIR_PUBLIC ptrdiff_t weir_writev(weir_stream stream, const struct iovec *parts, size_t count);

/* Writes everything, however long: 0, or an error. An error after some bytes have gone leaves the
 * direction broken: later writes return WEIR_EBROKEN, weir_stream_counts says how many had gone.
 * Suspends. Borrows `bytes`. */
WEIR_PUBLIC int weir_write_all(weir_stream stream, const void *bytes, size_t len);

/* Moves `len` bytes of a regular file from `offset` to a socket or a pipe without passing through
 * the process: 0, or an error as of weir_write_all; WEIR_EEOF if the file is shorter, WEIR_ENOTSUP
 * from other streams. The descriptor stays the caller's, and so does its own offset. Suspends, and
 * may wait for the disk besides. */
WEIR_PUBLIC int weir_send_file(weir_stream stream, int file, uint64_t offset, uint64_t len);

/* Ends the writing direction: the peer reads the end of the stream, later writes return WEIR_EPIPE,
 * and so does one that is under way when the kernel next looks at it (with UNIX sockets, when the
 * peer has read). WEIR_EBADHANDLE, WEIR_ENOTCONN. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_shutdown(weir_stream stream);

/* Closes. New calls on the stream fail; calls under way return WEIR_ECLOSED; the descriptor goes
 * with the last of them, soon after. 0, also if it was closed already. Does not suspend, cannot
 * fail. Any thread. */
WEIR_PUBLIC int weir_close(weir_stream stream);

/* One direction of a pair, made worse for tests. Zero means default. */
struct weir_lane_options {
    int64_t latency_ns;  /* what is written is read so much later, and so is the end; default 0 */
    size_t chunk_max;    /* a read gets 1 to so many bytes, by chance; default: all that is there */
    uint64_t fail_after; /* so many bytes go through before it fails; needs fail_code */
    int fail_code;       /* negative: what writes and, behind these bytes, reads return then */
};

/* Zero means default. */
struct weir_pair_options {
    size_t capacity; /* bytes on their way in each direction; default 64 KiB, at most 1 GiB */
    uint64_t seed;   /* of the chance: the same reads get the same lengths */
    struct weir_lane_options lanes[2]; /* from the first stream to the second, and back */
};

/* Makes two streams in memory: what is written to one is read from the other. Gives both, each to
 * be closed; they behave as two ends of a connection, but are no sockets: what asks for one (an
 * address, a socket option, weir_send_file) returns WEIR_ENOTSUP. A reader that is behind holds the
 * writer up. Options are borrowed and may be NULL. Does not suspend. WEIR_ENOTASK, WEIR_ENOMEM,
 * WEIR_ELIMIT (handles), WEIR_EOPTION. */
WEIR_PUBLIC int weir_stream_pair_n(weir_stream out[2], const struct weir_pair_options *options,
                                   size_t options_size);
static inline int weir_stream_pair(weir_stream out[2])
{
    return weir_stream_pair_n(out, NULL, 0);
}
static inline int weir_stream_pair_with(weir_stream out[2], const struct weir_pair_options *options)
{
    return weir_stream_pair_n(out, options, sizeof *options);
}

/* Makes a stream of a connected stream socket, or of what is no socket (weir_pipe_adopt of
 * <weir/pipe.h>, whose errors it has besides). Takes the descriptor if it succeeds, and makes it
 * close-on-exec. WEIR_EBADF, WEIR_EPROTOTYPE (another type of socket, or one that listens),
 * WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTASK. By a task; does not suspend. */
WEIR_PUBLIC int weir_stream_adopt(weir_stream *out, int descriptor);
/* The opposite: closes the handle, but not the connection, and *descriptor gives a descriptor of it
 * (it may have another number, and be in non-blocking mode). The result is how many bytes weir had
 * received that nobody has read: they are put into `unread`, at most 32 KiB and a little more. An
 * error leaves the stream as it was: WEIR_ENOBUFS (they do not fit `cap`), WEIR_EBUSY (another task
 * reads or writes), WEIR_EBADHANDLE, WEIR_EMFILE, WEIR_ENOTASK. Suspends, if at all, for a turn of
 * a loop. */
WEIR_PUBLIC int weir_stream_release(weir_stream stream, int *descriptor, void *unread, size_t cap);

/* Bytes that calls have moved since the stream was opened. WEIR_EBADHANDLE. Does not suspend. Any
 * thread. */
struct weir_byte_counts {
    uint64_t read;
    uint64_t written;
};
WEIR_PUBLIC int weir_stream_counts(weir_stream stream, struct weir_byte_counts *out);

#ifdef __cplusplus
}
#endif
#endif
