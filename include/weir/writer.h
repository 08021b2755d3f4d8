/* weir/writer.h - gathers small writes to a stream.
 *
 * A writer is the caller's struct, for one task at a time. What is written stands in its buffer
 * until the buffer is full, weir_writer_flush is called, or a reader that is joined to it
 * (<weir/reader.h>) has to wait for more. The buffer is made by the first write and given up by
 * each flush, so an idle connection holds none.
 *
 * A call that fails has taken nothing of what it was given, unless it is said below, and what was
 * taken before is there still: after WEIR_EDEADLINE or the like it may be made again. Errors are
 * those of weir_write, and WEIR_ENOMEM.
 */
#ifndef WEIR_WRITER_H
#define WEIR_WRITER_H

#include <weir/codec.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_WRITER_SIZE_DEFAULT 16384

typedef struct weir_writer {
    weir_stream weir__stream;
    unsigned char *weir__bytes;
    size_t weir__size, weir__off, weir__len;
    bool weir__broken;
} weir_writer;

/* Begins a writer to a stream, which stays the caller's. `size` bytes are gathered at most, 0: the
 * default; else 1..1 GiB, or WEIR_EINVAL. Does not suspend. */
WEIR_PUBLIC int weir_writer_init(weir_writer *writer, weir_stream stream, size_t size);

/* Gives the buffer up, and what is in it: flush before. Does not suspend, cannot fail. Accepts a
 * zeroed struct, and one that it has had. */
WEIR_PUBLIC void weir_writer_fini(weir_writer *writer);

/* Writes `len` bytes, 0 or more. What does not fit into the buffer together with what is there is
 * written behind it, at once if it is longer than the buffer: a failure in the middle of that
 * breaks the writer, and later calls return WEIR_EBROKEN. May suspend. Borrows `bytes`. */
WEIR_PUBLIC int weir_writer_write(weir_writer *writer, const void *bytes, size_t len);

/* Writes one frame: whole, or after a failure in the middle broken as above. Errors of the codec:
 * WEIR_ELIMIT, WEIR_EINVAL, WEIR_ENOTSUP. May suspend. Borrows all. */
WEIR_PUBLIC int weir_frame_write(weir_writer *writer, const weir_codec *codec, const void *bytes,
                                 size_t len);

/* Hands all that was gathered to the stream. Suspends, unless there is nothing. */
WEIR_PUBLIC int weir_writer_flush(weir_writer *writer);

/* The bytes that were gathered and are not written yet. Does not suspend. */
WEIR_PUBLIC size_t weir_writer_held(const weir_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
