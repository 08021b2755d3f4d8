/* weir/reader.h - reads units from a stream: lines, frames, so many bytes.
 *
 * A reader is the caller's struct, for one task at a time. It uses the bytes where the stream has
 * put them, in a buffer that the worker lends, and copies only a unit that has come in parts, into
 * memory of its own of at most `max` bytes. While it waits with nothing in hand it holds no buffer.
 *
 * Bytes that a call gives stay where they are until the next call with the same reader. A call
 * that fails has taken nothing: after WEIR_EDEADLINE or the like it may be made again, and goes on
 * where it was. Errors are those of weir_read; WEIR_EEOF: the stream has ended within a unit;
 * WEIR_ELIMIT: the unit is longer than it may be; WEIR_ENOMEM; and, with a writer joined, those of
 * weir_writer_flush. What the reader holds when one stops using it is seen by nobody else.
 */
#ifndef WEIR_READER_H
#define WEIR_READER_H

#include <weir/codec.h>
#include <weir/stream.h>
#include <weir/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_READER_MAX_DEFAULT 65536

/* Bytes in memory of the reader. */
typedef struct weir_bytes {
    const unsigned char *at;
    size_t len;
} weir_bytes;

typedef struct weir_reader {
    weir_stream weir__stream;
    weir_writer *weir__writer;
    weir_lent weir__lent;
    unsigned char *weir__own;
    size_t weir__cap, weir__off, weir__len, weir__max;
    bool weir__ended;
} weir_reader;

/* Zero means default. */
struct weir_reader_options {
    size_t max; /* bytes of a unit with all that belongs to it; default 64 KiB, at most 1 GiB */
    weir_writer *writer; /* is flushed before the reader waits for more; borrowed till the end */
};

/* Begins a reader of a stream, which stays the caller's. Options are borrowed for the call and may
 * be NULL. Does not suspend. WEIR_EOPTION. */
WEIR_PUBLIC int weir_reader_init_n(weir_reader *reader, weir_stream stream,
                                   const struct weir_reader_options *options, size_t options_size);
static inline int weir_reader_init(weir_reader *reader, weir_stream stream)
{
    return weir_reader_init_n(reader, stream, NULL, 0);
}
static inline int weir_reader_init_with(weir_reader *reader, weir_stream stream,
                                        const struct weir_reader_options *options)
{
    return weir_reader_init_n(reader, stream, options, sizeof *options);
}

/* Gives its memory up, and what is in it. Does not suspend, cannot fail. Accepts a zeroed struct,
 * and one that it has had. */
WEIR_PUBLIC void weir_reader_fini(weir_reader *reader);

/* Reads more, behind what is held: how many bytes are held now; 0: the stream has ended and nothing
 * is held; WEIR_EEOF: it has ended, and something is. WEIR_ELIMIT: `max` bytes are held already.
 * Suspends. */
WEIR_PUBLIC ptrdiff_t weir_reader_fill(weir_reader *reader);

/* What is held, perhaps nothing. Does not suspend. */
WEIR_PUBLIC weir_bytes weir_reader_peek(const weir_reader *reader);

/* Waits until `len` bytes are held, 0..max, else WEIR_ELIMIT: 0, and they are the first of
 * weir_reader_peek. Suspends, unless they are there. */
WEIR_PUBLIC int weir_reader_await(weir_reader *reader, size_t len);

/* Drops the first `len` bytes of what is held: 0, or WEIR_EINVAL if there are less. Does not
 * suspend. */
WEIR_PUBLIC int weir_reader_consume(weir_reader *reader, size_t len);

/* As weir_read, what is held first. Suspends, unless something is held. Borrows `out`. */
WEIR_PUBLIC ptrdiff_t weir_reader_read(weir_reader *reader, void *out, size_t len);

/* Copies exactly `len` bytes: 0 or an error. If they are more than `max` those that had come before
 * a failure are gone. Suspends, unless they are held. Borrows `out`. */
WEIR_PUBLIC int weir_reader_read_exactly(weir_reader *reader, void *out, size_t len);

/* Reads up to the first `delimiter`: 1, and *out gives all before it, while the delimiter itself is
 * dropped; or 0: the stream has ended, and nothing is held. `limit`: bytes before the delimiter, 0:
 * `max`. Suspends, unless it is held. */
WEIR_PUBLIC int weir_reader_read_until(weir_reader *reader, unsigned char delimiter, size_t limit,
                                       weir_bytes *out);

/* Reads a line: 1, and *out gives it without its end, which is a line feed or a carriage return and
 * a line feed, or the end of the stream after some bytes; or 0: the stream has ended. `limit`:
 * bytes of a line, 0: `max` less its end. A line that is too long (WEIR_ELIMIT) stays unread: it
 * can be skipped. Suspends, unless it is held. */
WEIR_PUBLIC int weir_reader_read_line(weir_reader *reader, size_t limit, weir_bytes *out);

/* Drops everything up to and with the first `delimiter`, however far it is: 1, or 0 if the stream
 * has ended before. What was dropped before a failure is gone. Suspends, unless it is held. */
WEIR_PUBLIC int weir_reader_skip_until(weir_reader *reader, unsigned char delimiter);

/* Reads a frame: 1 with *out, or 0: the stream has ended. WEIR_EFRAME and what a codec of the
 * program's own returns: nothing is taken, so that the next call finds the same. WEIR_EINVAL: the
 * codec's answer makes no sense. Suspends, unless the frame is held. Borrows `codec`. */
WEIR_PUBLIC int weir_frame_read(weir_reader *reader, const weir_codec *codec, weir_bytes *out);

#ifdef __cplusplus
}
#endif
#endif
