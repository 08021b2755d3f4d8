/* weir/wrap.h - streams round streams: what is read and written passes through, and something is
 * done about it.
 *
 * Each call takes the inner streams, also when it fails: then they are closed. The wrapper is a
 * stream like others, and is no socket: what asks for one returns WEIR_ENOTSUP. Closing it closes
 * what is inside, which nobody else should use meanwhile (WEIR_EBUSY). Unless it is said below,
 * reads, writes and weir_shutdown are those of the inner stream, with its errors, and
 * weir_read_lent copies nothing. The calls do not suspend. By tasks. WEIR_ENOTASK, WEIR_EBADHANDLE,
 * WEIR_ENOMEM, WEIR_ELIMIT (handles), WEIR_EOPTION.
 */
#ifndef WEIR_WRAP_H
#define WEIR_WRAP_H

#include <weir/stream.h>
#include <weir/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives a stream that ends when `len` bytes were read. The inner one may have been read further
 * then. Writing passes. */
WEIR_PUBLIC int weir_wrap_take(weir_stream *out, weir_stream inner, uint64_t len);

/* Gives a stream that reads `first` to its end, closes it, and goes on with `second`, to which all
 * is written. */
WEIR_PUBLIC int weir_wrap_chain(weir_stream *out, weir_stream first, weir_stream second);

/* Gives a stream that writes to `copy` all that is read from the inner one, before the read
 * returns; so a slow copy slows the reader. The end is passed on as weir_shutdown of the copy. If
 * the copy fails the read fails with that error, its bytes are gone, and so do later reads. */
WEIR_PUBLIC int weir_wrap_tee(weir_stream *out, weir_stream inner, weir_stream copy);

/* Called in the task that reads or writes, after `len` bytes, 1 or more, were read or written. It
 * does not suspend. */
typedef void weir_wrap_count_fn(void *arg, bool written, size_t len);

/* Gives a stream that tells of all that passes, between the calls of the inner stream and the
 * return of its own. `arg` is borrowed until the stream is closed and no call is under way. See
 * also weir_stream_counts. WEIR_EINVAL: `fn` is NULL. */
WEIR_PUBLIC int weir_wrap_count(weir_stream *out, weir_stream inner, weir_wrap_count_fn *fn,
                                void *arg);

/* Zero means default. */
struct weir_wrap_rate_options {
    uint64_t read_per_second;  /* bytes, 1..2^40; default: no limit */
    uint64_t write_per_second; /* likewise */
    size_t burst; /* bytes that pass at once after a rest; default: those of a tenth of a second */
};
/* Gives a stream that lets so many bytes pass in a time, in each direction on its own. A lent
 * buffer passes as it is, and the next read waits so much longer. */
WEIR_PUBLIC int weir_wrap_rate_n(weir_stream *out, weir_stream inner,
                                 const struct weir_wrap_rate_options *options, size_t options_size);
static inline int weir_wrap_rate(weir_stream *out, weir_stream inner,
                                 const struct weir_wrap_rate_options *options)
{
    return weir_wrap_rate_n(out, inner, options, sizeof *options);
}

/* Zero means default. */
struct weir_wrap_timeout_options {
    int64_t read_ns;  /* a read that takes longer fails; default and WEIR_FOREVER: never */
    int64_t write_ns; /* likewise, and each part of a longer write */
};
/* Gives a stream whose reads and writes return WEIR_ETIMEDOUT when they take longer. What had been
 * read or written is not lost: the call may be made again. A read is one that suspends, so a peer
 * that sends a byte now and then is never late: for a whole request see weir_deadline_begin. */
WEIR_PUBLIC int weir_wrap_timeout_n(weir_stream *out, weir_stream inner,
                                    const struct weir_wrap_timeout_options *options,
                                    size_t options_size);
static inline int weir_wrap_timeout(weir_stream *out, weir_stream inner,
                                    const struct weir_wrap_timeout_options *options)
{
    return weir_wrap_timeout_n(out, inner, options, sizeof *options);
}

#ifdef __cplusplus
}
#endif
#endif
