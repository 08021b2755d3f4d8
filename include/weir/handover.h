/* weir/handover.h - handing live connections and listeners to another process or runtime.
 *
 * Any worker of a runtime may use a stream, so nothing has to be done between workers. Another
 * runtime of the process gets what weir_stream_release gives (<weir/stream.h>), and makes a stream
 * of it by weir_stream_adopt_unread. Another process gets both over a UNIX stream, the carrier,
 * which the two have for this alone: each call sends or receives one connection or listener, whole.
 */
#ifndef WEIR_HANDOVER_H
#define WEIR_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include <weir/net.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_HANDOVER_UNREAD_MAX (1024 * 1024) /* bytes that go with a connection */
#define WEIR_HANDOVER_NOTE_MAX   1024

/* As weir_stream_adopt of a connected socket, and the first reads return `len` bytes (at most
 * WEIR_HANDOVER_UNREAD_MAX, else WEIR_EINVAL), which are copied. WEIR_ENOTSUP, with bytes, for what
 * is no socket. */
WEIR_PUBLIC int weir_stream_adopt_unread(weir_stream *out, int descriptor, const void *unread,
                                         size_t len);

/* What goes with it, borrowed. Zero means nothing. */
struct weir_handover_options {
    const void *unread; /* bytes that the program has read itself and not used: they are read
                           again, before those that weir has received and nobody has read */
    size_t unread_len;
    const void *note; /* the program's own, which arrives as it is */
    size_t note_len;  /* at most WEIR_HANDOVER_NOTE_MAX, else WEIR_EINVAL */
};

/* Sends a connection over the carrier, with the bytes that were received and not read, and closes
 * the handle: 0, and the connection is the receiver's. An error leaves it here as it was; after one
 * in the middle of sending the carrier is broken. WEIR_EBUSY: somebody reads or writes the
 * connection, or writes to the carrier. WEIR_ELIMIT: more unread bytes than can go. WEIR_ENOTSUP:
 * the connection is no socket, or the carrier no UNIX socket. WEIR_EBROKEN: the connection's
 * writing direction is broken. WEIR_EBADHANDLE, WEIR_ENOMEM, WEIR_EINVAL, WEIR_EOPTION,
 * WEIR_ENOTASK, and errors of writing. What lies in the kernel and the options of the socket go
 * with it; deadlines, counts and what was served here do not. Suspends. */
WEIR_PUBLIC int weir_handover_send_n(weir_stream carrier, weir_stream connection,
                                     const struct weir_handover_options *options,
                                     size_t options_size);
static inline int weir_handover_send(weir_stream carrier, weir_stream connection,
                                     const struct weir_handover_options *options)
{
    return weir_handover_send_n(carrier, connection, options, sizeof *options);
}

/* Sends a listener, which stays open here too, and may be served here meanwhile: both ends accept
 * until one closes it. Closing it here then neither ends the other's accepts nor removes the file
 * of a UNIX socket; nor does it end a weir_accept that is under way, which is for a cancel to do.
 * The options are `note`. Errors as above. Suspends. */
WEIR_PUBLIC int weir_handover_send_listener_n(weir_stream carrier, weir_listener listener,
                                              const struct weir_handover_options *options,
                                              size_t options_size);
static inline int weir_handover_send_listener(weir_stream carrier, weir_listener listener,
                                              const struct weir_handover_options *options)
{
    return weir_handover_send_listener_n(carrier, listener, options, sizeof *options);
}

enum weir_handed_kind {
    WEIR_HANDED_STREAM = 1,
    WEIR_HANDED_LISTENER = 2,
};

/* What has come: one of the two handles, to be closed. */
struct weir_handed {
    uint32_t kind; /* enum weir_handed_kind */
    uint32_t note_len;
    weir_stream stream; /* its first reads return the bytes that were not read there */
    weir_listener listener;
    unsigned char note[WEIR_HANDOVER_NOTE_MAX];
};

/* Receives what comes next over the carrier: 1, and gives *out; 0 when the sender has closed it, or
 * an error. After WEIR_EFRAME (what came was not sent by weir_handover_send, or by another version
 * of it), WEIR_EEOF (it broke off) and WEIR_ETIMEDOUT (the rest has not come within ten seconds)
 * the carrier is of no use; what had come is closed here. A failure to make a handle (WEIR_ENOMEM,
 * WEIR_ELIMIT) loses what came. WEIR_ENOTSUP, WEIR_EBADHANDLE, WEIR_EBUSY, WEIR_ENOTASK, and errors
 * of reading; after a deadline or a cancel that came before the first byte nothing is lost.
 * Suspends. */
WEIR_PUBLIC int weir_handover_receive(weir_stream carrier, struct weir_handed *out);

#ifdef __cplusplus
}
#endif
#endif
