/* net/unix.c - UNIX streams: descriptors with bytes, who the peer is, pairs; and streams that come
 * from outside. See <weir/unix.h> and <weir/stream.h>. */
#include <weir/handover.h>
#include <weir/pipe.h>
#include <weir/unix.h>

#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "core/handle.h"
#include "net/message_op.h"
#include "net/socket.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"
#include "task/task.h"
#include "task/worker.h"

/* ---- making streams ---- */

static int make(int fd, bool tcp, weir_stream *out)
{
    struct weir__stream *stream;
    int rc = weir__stream_make(weir__current_worker(), fd, tcp, &stream);

    if (rc == 0)
        out->id = stream->id;
    return rc;
}

int weir_unix_pair(weir_stream out[2])
{
    WEIR__CALL;
    weir_stream first = {0}, second = {0};
    int rc, fds[2];

    if (!weir__task_current())
        return WEIR_ENOTASK;
    rc = weir__sys_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    if (rc < 0)
        return rc;
    rc = make(fds[0], false, &first);
    if (rc < 0) {
        weir__sys_close(fds[0]);
    } else {
        rc = make(fds[1], false, &second);
        if (rc < 0)
            (void)weir_close(first);
    }
    if (rc < 0) {
        weir__sys_close(fds[1]);
        return rc;
    }
    out[0] = first;
    out[1] = second;
    return 0;
}

/* Makes a stream of a connected socket, whose first reads return what is in the list, too. */
static int adopt_socket(weir_stream *out, int descriptor, struct weir__received *list)
{
    struct weir__stream *stream;
    int rc = weir__sys_set_cloexec(descriptor, true);

    if (rc == 0)
        rc = weir__stream_make(weir__current_worker(), descriptor,
                               weir__sockopt_protocol(descriptor) == IPPROTO_TCP, &stream);
    if (rc < 0)
        return rc;
    stream->taken = list;
    out->id = stream->id;
    return 0;
}

int weir_stream_adopt_unread(weir_stream *out, int descriptor, const void *unread, size_t len)
{
    WEIR__CALL;
    struct weir__received *list = NULL;
    int rc = weir__sockopt_type(descriptor);

    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (len > WEIR_HANDOVER_UNREAD_MAX)
        return WEIR_EINVAL;
    if (rc == WEIR_ENOTSOCK)
        return len ? WEIR_ENOTSUP : weir_pipe_adopt(out, descriptor);
    if (rc < 0)
        return rc;
    if (rc != SOCK_STREAM || weir__sockopt_listening(descriptor) > 0)
        return WEIR_EPROTOTYPE;
    rc = weir__stream_make_list(weir__current_worker()->loop, unread, len, &list);
    if (rc == 0)
        rc = adopt_socket(out, descriptor, list);
    if (rc < 0)
        weir__stream_drop_list(list);
    return rc;
}

int weir_stream_adopt(weir_stream *out, int descriptor)
{
    return weir_stream_adopt_unread(out, descriptor, NULL, 0);
}

/* As weir__stream_begin, for what only a socket can do. */
static struct weir__stream *begin(weir_stream handle, uint32_t bits, struct weir__task **task,
                                  int *error)
{
    *task = weir__task_current();
    *error = WEIR_ENOTASK;
    return *task ? weir__stream_enter_socket(handle, bits, error) : NULL;
}

int weir_stream_release(weir_stream handle, int *descriptor, void *unread, size_t cap)
{
    const uint32_t both = WEIR__HANDLE_READER | WEIR__HANDLE_WRITER;
    WEIR__CALL;
    struct weir__task *task;
    int rc;
    struct weir__stream *stream = begin(handle, both, &task, &rc);

    if (!stream)
        return rc;
    rc = weir__stream_detach(stream, task, unread, cap, descriptor);
    weir__stream_leave(stream, both);
    return rc;
}

/* ---- who the peer is ---- */

int weir_stream_credentials(weir_stream handle, struct weir_credentials *out)
{
    WEIR__CALL;
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(handle, 0, &rc);

    if (!stream)
        return rc;
    rc = weir__sockopt_family(stream->fd.number) == AF_UNIX
             ? weir__sockopt_credentials(stream->fd.number, out)
             : WEIR_ENOTSUP;
    weir__stream_leave(stream, 0);
    return rc;
}

int weir_stream_process(weir_stream handle)
{
    WEIR__CALL;
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(handle, 0, &rc);

    if (!stream)
        return rc;
    rc = weir__sockopt_process(stream->fd.number);
    weir__stream_leave(stream, 0);
    return rc;
}

int weir_socket_process(weir_socket handle)
{
    WEIR__CALL;
    int rc;
    struct weir__socket *socket = weir__socket_enter(handle, &rc);

    if (!socket)
        return rc;
    rc = weir__sockopt_process(socket->fd.number);
    weir__socket_leave(socket);
    return rc;
}

/* ---- descriptors with bytes ---- */

static void expect(struct weir__stream *stream, struct weir__task *task)
{
    if (stream->passes)
        return;
    stream->passes = true;
    weir__stream_recall_all(stream, task);
}

int weir_stream_expect_descriptors(weir_stream handle)
{
    WEIR__CALL;
    struct weir__task *task;
    int rc;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_READER, &task, &rc);

    if (!stream)
        return rc;
    expect(stream, task);
    weir__stream_leave(stream, WEIR__HANDLE_READER);
    return 0;
}

/* One try: the count, 0 at the end, or WEIR_EAGAIN. */
static int receive_now(struct weir__stream *stream, void *out, size_t len,
                       struct weir_descriptors *with)
{
    union weir__control_room room;
    struct iovec part = {out, len};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = room.bytes,
                            .msg_controllen = sizeof room.bytes};
    int n = weir__sys_recvmsg(stream->fd.number, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0)
        return n;
    with->lost = header.msg_flags & MSG_CTRUNC;
    with->count = weir__message_take_descriptors(&header, with->list, with->cap, &with->lost);
    return n;
}

/* Waits for bytes in the kernel, and reads them. */
static ptrdiff_t receive(struct weir__stream *stream, struct weir__task *task, void *out,
                         size_t len, struct weir_descriptors *with)
{
    int n = receive_now(stream, out, len, with);

    while (n == WEIR_EAGAIN) {
        weir_op_poll(&task->op, &stream->fd, POLLIN);
        n = weir__task_await_at_rest(task, &task->op, &stream->reader, out);
        if (n >= 0)
            n = receive_now(stream, out, len, with);
    }
    return n;
}

ptrdiff_t weir_read_descriptors(weir_stream handle, void *out, size_t len,
                                struct weir_descriptors *with)
{
    WEIR__CALL;
    struct weir_descriptors got = {.list = with->list, .cap = with->cap};
    struct weir__task *task;
    struct weir__stream *stream;
    int error;
    ptrdiff_t n;

    if (len == 0 || len > INT32_MAX)
        return WEIR_EINVAL;
    stream = begin(handle, WEIR__HANDLE_READER, &task, &error);
    if (!stream)
        return error;
    expect(stream, task);
    n = weir__stream_read_queued(stream, task, out, len);
    if (n == 0)
        n = receive(stream, task, out, len, &got);
    else if (n == WEIR_EEOF)
        n = 0;
    n = weir__stream_end(stream, task, WEIR__HANDLE_READER, n);
    if (n >= 0)
        *with = got;
    return n;
}

/* Sends some of the bytes with some of the descriptors: how many bytes. */
static int send_some(struct weir__stream *stream, struct weir__task *task, const char *at,
                     size_t len, const int *descriptors, uint32_t count)
{
    union weir__control_room room;
    struct iovec part = {(void *)(uintptr_t)at, len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    weir__message_put_descriptors(&header, (struct weir__control){room.bytes, sizeof room.bytes},
                                  descriptors, count);
    weir_op_sendmsg(&task->op, &stream->fd, &header);
    return weir__task_await_in(task, &task->op, &stream->writer);
}

static int send_all(struct weir__stream *stream, struct weir__task *task, const char *at,
                    size_t len, const int *descriptors, uint32_t count)
{
    int rc = stream->write_broken ? WEIR_EBROKEN : 0;
    bool begun = false;

    while (count && rc >= 0) {
        uint32_t some = count < WEIR__DESCRIPTORS_MAX ? count : WEIR__DESCRIPTORS_MAX;

        rc = send_some(stream, task, at, some < count ? 1 : len, descriptors, some);
        if (rc > 0) {
            begun = true;
            WEIR_ATOMIC_COUNT(&stream->written_bytes, (uint64_t)rc);
            at += rc;
            len -= (size_t)rc;
            descriptors += some;
            count -= some;
        }
    }
    if (rc >= 0 && len)
        rc = weir__stream_write_rest(stream, task, at, len);
    if (rc < 0 && begun)
        stream->write_broken = true;
    return rc < 0 ? rc : 0;
}

int weir_write_descriptors(weir_stream handle, const void *bytes, size_t len,
                           const int *descriptors, uint32_t count)
{
    WEIR__CALL;
    struct weir__task *task;
    struct weir__stream *stream;
    int rc;

    if (len == 0 || len < (count + WEIR__DESCRIPTORS_MAX - 1) / WEIR__DESCRIPTORS_MAX)
        return WEIR_EINVAL;
    stream = begin(handle, WEIR__HANDLE_WRITER, &task, &rc);
    if (!stream)
        return rc;
    rc = send_all(stream, task, bytes, len, descriptors, count);
    return (int)weir__stream_end(stream, task, WEIR__HANDLE_WRITER, rc);
}
