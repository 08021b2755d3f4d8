/* net/handover.c - see <weir/handover.h>.
 *
 * A frame is a head, the bytes that nobody has read, and a note; the descriptor goes with its first
 * byte. The sender holds both directions of the connection until the last byte is in the carrier,
 * and then closes its handle: so a connection has one owner at any time. The receiver, once it has
 * the head, is not stopped until it has the rest, or it has waited for too long.
 */
#include <weir/handover.h>
#include <weir/time.h>
#include <weir/unix.h>

#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "core/handle.h"
#include "net/listener.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"
#include "task/task.h"

#define MAGIC   0x77684f76u
#define VERSION 1
#define REST_NS WEIR_SECONDS(10) /* for the rest of a frame */

struct head {
    uint32_t magic;
    uint16_t version;
    uint16_t kind; /* enum weir_handed_kind */
    uint32_t unread_len;
    uint32_t note_len;
};

/* ---- sending ---- */

static int check_options(struct weir_handover_options *o, const void *options, size_t size)
{
    int rc = weir__options_copy(o, sizeof *o, options, size);

    if (rc < 0)
        return rc;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (o->note_len > WEIR_HANDOVER_NOTE_MAX)
        return WEIR_EINVAL;
    return o->unread_len > WEIR_HANDOVER_UNREAD_MAX ? WEIR_ELIMIT : 0;
}

/* Descriptors that are sent over other sockets are lost without a word. */
static int check_carrier(weir_stream carrier)
{
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(carrier, 0, &rc);

    if (!stream)
        return rc;
    rc = weir__sockopt_family(stream->fd.number) == AF_UNIX ? 0 : WEIR_ENOTSUP;
    weir__stream_leave(stream, 0);
    return rc;
}

/* Sends a frame; `stream` is the connection whose unread bytes go, `rest` of them, or NULL. */
static int send_frame(weir_stream carrier, struct head head, int descriptor,
                      const struct weir_handover_options *o, const struct weir__stream *stream,
                      size_t rest)
{
    size_t len = sizeof head + o->unread_len + rest + o->note_len;
    unsigned char *frame = weir__alloc(len), *at = frame;
    int rc;

    if (!frame)
        return WEIR_ENOMEM;
    head.magic = MAGIC;
    head.version = VERSION;
    head.unread_len = (uint32_t)(o->unread_len + rest);
    head.note_len = (uint32_t)o->note_len;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    if (o->unread_len)
        memcpy(at, o->unread, o->unread_len);
    at += o->unread_len;
    if (stream)
        weir__stream_peek(stream, at);
    at += rest;
    if (o->note_len)
        memcpy(at, o->note, o->note_len);
    rc = weir_write_descriptors(carrier, frame, len, &descriptor, 1);
    weir__free(frame);
    return rc;
}

static int send_connection(weir_stream carrier, struct weir__stream *stream,
                           struct weir__task *task, const struct weir_handover_options *o)
{
    size_t rest = weir__stream_rest(stream, task);
    int rc;

    if (stream->write_broken)
        return WEIR_EBROKEN;
    if (stream->ended && stream->recv.result < 0)
        return stream->recv.result;
    if (rest > WEIR_HANDOVER_UNREAD_MAX - o->unread_len)
        return WEIR_ELIMIT;
    rc = send_frame(carrier, (struct head){.kind = WEIR_HANDED_STREAM}, stream->fd.number, o,
                    stream, rest);
    if (rc == 0)
        (void)weir__stream_give_away(stream);
    return rc;
}

int weir_handover_send_n(weir_stream carrier, weir_stream connection,
                         const struct weir_handover_options *options, size_t options_size)
{
    const uint32_t both = WEIR__HANDLE_READER | WEIR__HANDLE_WRITER;
    WEIR__CALL;
    struct weir_handover_options o = {0};
    int rc = check_options(&o, options, options_size);
    struct weir__stream *stream;

    if (rc == 0)
        rc = check_carrier(carrier);
    if (rc < 0)
        return rc;
    stream = weir__stream_enter_socket(connection, both, &rc);
    if (!stream)
        return rc;
    rc = send_connection(carrier, stream, weir__task_current(), &o);
    weir__stream_leave(stream, both);
    return rc;
}

int weir_handover_send_listener_n(weir_stream carrier, weir_listener handle,
                                  const struct weir_handover_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_handover_options o = {0};
    int rc = check_options(&o, options, options_size);
    struct weir__listener *listener;

    if (rc == 0 && o.unread_len)
        rc = WEIR_EINVAL;
    if (rc == 0)
        rc = check_carrier(carrier);
    if (rc < 0)
        return rc;
    listener = weir__listener_enter(handle, &rc);
    if (!listener)
        return rc;
    rc =
        send_frame(carrier, (struct head){.kind = WEIR_HANDED_LISTENER}, listener->fd, &o, NULL, 0);
    if (rc == 0)
        weir__listener_share(listener);
    weir__listener_leave(listener);
    return rc;
}

/* ---- receiving ---- */

/* What has come of a frame. */
struct frame {
    struct head head;
    int descriptor; /* -1: none, or it is another's now */
    unsigned char *unread;
    unsigned char note[WEIR_HANDOVER_NOTE_MAX];
};

static bool head_makes_sense(const struct head *head)
{
    return head->magic == MAGIC && head->version == VERSION
           && (head->kind == WEIR_HANDED_STREAM
               || (head->kind == WEIR_HANDED_LISTENER && head->unread_len == 0))
           && head->unread_len <= WEIR_HANDOVER_UNREAD_MAX
           && head->note_len <= WEIR_HANDOVER_NOTE_MAX;
}

/* Keeps the first descriptor that comes, if it is the only one. */
static bool keep_descriptor(struct frame *frame, const struct weir_descriptors *came)
{
    uint32_t i;

    if (came->count == 1 && !came->lost && frame->descriptor < 0) {
        frame->descriptor = came->list[0];
        return true;
    }
    for (i = 0; i < came->count; i++)
        weir__sys_close(came->list[i]);
    return came->count == 0 && !came->lost;
}

/* Reads the head, of which `at` bytes are there: the bytes that are there now, or an error. */
static ptrdiff_t read_head(weir_stream carrier, struct frame *frame, size_t at)
{
    int list[4];
    struct weir_descriptors came = {.list = list, .cap = 4};
    ptrdiff_t n =
        weir_read_descriptors(carrier, (char *)&frame->head + at, sizeof frame->head - at, &came);

    if (n < 0 || (n == 0 && at == 0))
        return n;
    if (!keep_descriptor(frame, &came))
        return WEIR_EFRAME;
    return n ? (ptrdiff_t)at + n : WEIR_EEOF;
}

static int read_rest(weir_stream carrier, struct frame *frame, size_t at)
{
    struct head *head = &frame->head;
    int rc = 0;

    while (at < sizeof *head) {
        ptrdiff_t n = read_head(carrier, frame, at);

        if (n < 0)
            return (int)n;
        at = (size_t)n;
    }
    if (frame->descriptor < 0 || !head_makes_sense(head))
        return WEIR_EFRAME;
    if (head->unread_len) {
        frame->unread = weir__alloc(head->unread_len);
        if (!frame->unread)
            return WEIR_ENOMEM;
        rc = weir_read_exactly(carrier, frame->unread, head->unread_len);
    }
    return rc < 0 ? rc : weir_read_exactly(carrier, frame->note, head->note_len);
}

/* The same, within a time of its own. */
static int read_rest_in_time(weir_stream carrier, struct frame *frame, size_t at)
{
    weir_block block;
    int rc = weir_shield_begin(&block, REST_NS);

    if (rc < 0)
        return rc;
    rc = read_rest(carrier, frame, at);
    return weir_block_end(&block) ? WEIR_ETIMEDOUT : rc;
}

static int make_handle(struct frame *frame, struct weir_handed *out)
{
    struct weir_handed made = {.kind = frame->head.kind, .note_len = frame->head.note_len};
    int rc;

    if (made.kind == WEIR_HANDED_STREAM)
        rc = weir_stream_adopt_unread(&made.stream, frame->descriptor, frame->unread,
                                      frame->head.unread_len);
    else
        rc = weir_listener_adopt(&made.listener, frame->descriptor,
                                 &(struct weir_listen_options){0});
    if (rc < 0)
        return rc;
    frame->descriptor = -1;
    memcpy(made.note, frame->note, made.note_len);
    *out = made;
    return 1;
}

int weir_handover_receive(weir_stream carrier, struct weir_handed *out)
{
    WEIR__CALL;
    struct frame frame = {.descriptor = -1};
    ptrdiff_t n;
    int rc = check_carrier(carrier);

    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (rc < 0)
        return rc;
    n = read_head(carrier, &frame, 0);
    rc = n > 0 ? read_rest_in_time(carrier, &frame, (size_t)n) : (int)n;
    if (n > 0 && rc == 0)
        rc = make_handle(&frame, out);
    if (frame.descriptor >= 0)
        weir__sys_close(frame.descriptor);
    weir__free(frame.unread);
    return rc;
}
