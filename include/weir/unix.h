/* weir/unix.h - what only UNIX streams can: descriptors that go with bytes, and who the peer is.
 *
 * Messages on UNIX sockets bring descriptors and credentials as fields (<weir/socket.h>); this is
 * the same for streams, and pairs of streams.
 */
#ifndef WEIR_UNIX_H
#define WEIR_UNIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/socket.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two connected UNIX streams. out[0] and out[1] give them. WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM,
 * WEIR_ELIMIT, WEIR_ENOTASK. By a task; does not suspend. */
WEIR_PUBLIC int weir_unix_pair(weir_stream out[2]);

/* Says that descriptors may come on a stream, before the peer sends any: from here on bytes are
 * taken from the kernel only when somebody reads. Those that come with bytes that are read in any
 * other way than by weir_read_descriptors are closed by the kernel. 0, or WEIR_EBADHANDLE,
 * WEIR_EBUSY (somebody reads), WEIR_ENOTASK. Suspends, if at all, for a turn of a loop. */
WEIR_PUBLIC int weir_stream_expect_descriptors(weir_stream stream);

/* Descriptors that came with bytes: room for `cap` of them (at most 253 come at once) in `list`;
 * `count` were put there, and `lost` says whether others found no room and were closed. */
struct weir_descriptors {
    int *list;
    uint32_t cap;
    uint32_t count;
    bool lost;
};

/* As weir_read, and *with gives the descriptors that came with these bytes: close-on-exec, and the
 * caller's to close. Bytes that came with different descriptors are read one after the other. Calls
 * weir_stream_expect_descriptors by itself. Suspends. */
WEIR_PUBLIC ptrdiff_t weir_read_descriptors(weir_stream stream, void *out, size_t len,
                                            struct weir_descriptors *with);

/* As weir_write_all, with any number of descriptors, which stay the caller's. They go with the
 * first bytes, 253 with each: WEIR_EINVAL if there are too few bytes. Suspends. */
WEIR_PUBLIC int weir_write_descriptors(weir_stream stream, const void *bytes, size_t len,
                                       const int *descriptors, uint32_t count);

/* Who made the other end. WEIR_EBADHANDLE, WEIR_ENOTSUP (not a UNIX stream). Do not suspend. Any
 * thread. */
WEIR_PUBLIC int weir_stream_credentials(weir_stream stream, struct weir_credentials *out);
/* Its process, as a new descriptor (pidfd_open(2)), close-on-exec and the caller's to close; it
 * names that process and no later one of the same number. WEIR_ENOTSUP before Linux 6.5. */
WEIR_PUBLIC int weir_stream_process(weir_stream stream);
WEIR_PUBLIC int weir_socket_process(weir_socket socket);

#ifdef __cplusplus
}
#endif
#endif
