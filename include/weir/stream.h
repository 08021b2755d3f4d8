/* weir/stream.h - streams: what can be read and written.
 *
 * A stream is named by a value. A closed or foreign value gives WEIR_EBADHANDLE from every call and
 * never touches another object. One task may read while another writes; a second reader or writer
 * gets WEIR_EBUSY. Calls that suspend return when the kernel has let go of the buffer, also after a
 * deadline (WEIR_EDEADLINE), a cancel (WEIR_ECANCELED), the idle limit of a served connection
 * (WEIR_EIDLE) or a close by another task (WEIR_ECLOSED); a call that has moved bytes returns their
 * count and leaves the reason to the next call.
 */
#ifndef WEIR_STREAM_H
#define WEIR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;

typedef struct weir_stream {
    uint64_t id;
} weir_stream;

/* Reads at most `len` bytes (1..INT32_MAX, else WEIR_EINVAL) into `out`, as soon as there are some:
 * their count, or 0 at the end of the stream. Suspends. Borrows `out`. */
WEIR_PUBLIC ptrdiff_t weir_read(weir_stream stream, void *out, size_t len);

/* Reads exactly `len` bytes: 0, or an error; WEIR_EEOF if the stream ends before. Suspends. */
WEIR_PUBLIC int weir_read_exactly(weir_stream stream, void *out, size_t len);

/* Reads into a buffer of the worker's own: the count, or 0 at the end. Gives *out with a positive
 * result: return it with weir_give_back. An idle connection so holds no buffer. Suspends. */
WEIR_PUBLIC int weir_read_lent(weir_stream stream, weir_lent *out);

/* Returns a lent buffer. Accepts one that is empty or returned already. Does not suspend. */
WEIR_PUBLIC void weir_give_back(weir_lent *lent);

/* Writes as much as the kernel takes at once, at least one byte: the count. Suspends. Borrows. */
WEIR_PUBLIC ptrdiff_t weir_write(weir_stream stream, const void *bytes, size_t len);
/* The same from several buffers, at most 1024. */
WEIR_PUBLIC ptrdiff_t weir_writev(weir_stream stream, const struct iovec *parts, size_t count);

/* Writes everything: 0, or an error. An error after some bytes have gone leaves the direction
 * broken: later writes return WEIR_EBROKEN. Suspends. Borrows. */
WEIR_PUBLIC int weir_write_all(weir_stream stream, const void *bytes, size_t len);

/* Moves `len` bytes of a file from `offset` to the stream without passing through the process: 0,
 * or an error as of weir_write_all; WEIR_EEOF if the file is shorter. Suspends. The descriptor
 * stays the caller's. */
WEIR_PUBLIC int weir_send_file(weir_stream stream, int file, uint64_t offset, uint64_t len);

/* Ends the writing direction: the peer reads the end of the stream. Does not suspend. */
WEIR_PUBLIC int weir_shutdown(weir_stream stream);

/* Closes. New calls on the stream fail; calls under way return WEIR_ECLOSED; the descriptor goes
 * with the last of them. 0, also if it was closed already. Does not suspend, cannot fail. Any task.
 * */
WEIR_PUBLIC int weir_close(weir_stream stream);

/* Bytes moved since the stream was opened. WEIR_EBADHANDLE. Does not suspend. */
struct weir_byte_counts {
    uint64_t read;
    uint64_t written;
};
WEIR_PUBLIC int weir_stream_counts(weir_stream stream, struct weir_byte_counts *out);

#ifdef __cplusplus
}
#endif
#endif
