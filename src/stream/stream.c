/* stream/stream.c - see stream.h and <weir/stream.h>. */
#include "stream/stream.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/assert.h"
#include "base/container.h"
#include "core/handle.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/task.h"
#include "task/worker.h"

#define PIECE     (256u * 1024) /* of a long write: each one counts as activity */
#define PARTS_MAX 1024

void (*weir__stream_released)(struct weir__stream *stream);

int weir__stream_make(struct weir__worker *worker, int fd, struct weir__stream **out)
{
    const size_t behind_fd = offsetof(struct weir__stream, fd) + sizeof(weir_fd);
    struct weir__stream *stream;
    int rc;

    if (!worker->streams.object_size)
        weir__slab_init(&worker->streams, sizeof *stream);
    stream = weir__slab_take(&worker->streams);
    if (!stream)
        return WEIR_ENOMEM;
    weir_fd_init(&stream->fd, fd);
    memset((char *)stream + behind_fd, 0, sizeof *stream - behind_fd);
    stream->home = worker->loop->index;
    stream->active_ns = worker->loop->now_ns;
    rc = weir__handle_make(WEIR__KIND_STREAM, stream, &stream->id);
    if (rc < 0) {
        weir__slab_give(&worker->streams, stream);
        return rc;
    }
    *out = stream;
    return 0;
}

/* ---- release: by the last one, at home ---- */

static void release_at_home(struct weir__stream *stream, weir_loop *loop)
{
    struct weir__worker *worker = loop->worker;

    weir__loop_timer_stop(loop, &stream->limit);
    if (stream->pending)
        weir__buffers_return(&stream->idle.u.lent);
    weir_loop_close(loop, &stream->fd);
    weir__handle_free(stream->id);
    if (stream->served)
        weir__stream_released(stream);
    weir__slab_give(&worker->streams, stream);
}

static void deliver_release(weir_post *post, weir_loop *loop)
{
    release_at_home(WEIR_CONTAINER_OF(post, struct weir__stream, idle), loop);
}

static void release(struct weir__stream *stream)
{
    weir_loop *home = weir__loop_by_index(stream->home);
    weir_post *post;

    if (weir__current_loop() == home) {
        release_at_home(stream, home);
        return;
    }
    if (stream->pending) {
        weir__buffers_return(&stream->idle.u.lent);
        stream->pending = false;
    }
    post = (weir_post *)(void *)&stream->idle; /* not in flight any more: it carries the message */
    post->deliver = deliver_release;
    weir_loop_post(home, post);
}

struct weir__stream *weir__stream_enter(weir_stream handle, uint32_t bits, int *error)
{
    return weir__handle_enter(handle.id, WEIR__KIND_STREAM, bits, error);
}

void weir__stream_leave(struct weir__stream *stream, uint32_t bits)
{
    if (weir__handle_leave(stream->id, bits))
        release(stream);
}

int weir_close(weir_stream handle)
{
    struct weir__stream *stream;
    uint32_t in_use;
    void *object;
    int error;

    stream =
        weir__stream_enter(handle, 0, &error); /* so that the descriptor outlives the shutdown */
    if (!stream)
        return 0;
    if (weir__handle_close(handle.id, WEIR__KIND_STREAM, &in_use, &object) == 1 && in_use != 1)
        (void)weir__sys_shutdown(stream->fd.number, SHUT_RDWR); /* ends the calls under way */
    weir__stream_leave(stream, 0);
    return 0;
}

/* ---- reading ---- */

static struct weir__stream *begin(weir_stream handle, uint32_t bit, struct weir__task **task,
                                  int *error)
{
    struct weir__stream *stream;

    *task = weir__task_current();
    if (!*task) {
        *error = WEIR_ENOTASK;
        return NULL;
    }
    stream = weir__stream_enter(handle, bit, error);
    if (stream)
        *(bit == WEIR__HANDLE_READER ? &stream->reader : &stream->writer) = *task;
    return stream;
}

/* Ends a call: counts, clears the slot, and says ECLOSED for what a close has stopped. */
static ptrdiff_t end(struct weir__stream *stream, struct weir__task *task, uint32_t bit,
                     ptrdiff_t result)
{
    bool reads = bit == WEIR__HANDLE_READER;

    if (result > 0) {
        WEIR_ATOMIC_STORE(&stream->active_ns, task->worker->loop->now_ns, RELAXED);
        *(reads ? &stream->read_bytes : &stream->written_bytes) += (uint64_t)result;
    } else if (weir__handle_closed(stream->id)) {
        result = WEIR_ECLOSED;
    }
    *(reads ? &stream->reader : &stream->writer) = NULL;
    weir__stream_leave(stream, bit);
    return result;
}

static ptrdiff_t read_some(struct weir__stream *stream, struct weir__task *task, void *out,
                           size_t len)
{
    weir_lent *lent = &stream->idle.u.lent;

    if (stream->pending) {
        size_t n = lent->len < len ? lent->len : len;

        memcpy(out, lent->bytes, n);
        lent->bytes += n;
        lent->len -= (uint32_t)n;
        if (!lent->len) {
            weir__buffers_return(lent);
            stream->pending = false;
        }
        return (ptrdiff_t)n;
    }
    weir_op_recv(&task->op, &stream->fd, out, len);
    return weir__task_await(task, &task->op);
}

ptrdiff_t weir_read(weir_stream handle, void *out, size_t len)
{
    struct weir__task *task;
    struct weir__stream *stream;
    int error;

    if (len == 0 || len > INT32_MAX)
        return WEIR_EINVAL;
    stream = begin(handle, WEIR__HANDLE_READER, &task, &error);
    if (!stream)
        return error;
    return end(stream, task, WEIR__HANDLE_READER, read_some(stream, task, out, len));
}

int weir_read_exactly(weir_stream stream, void *out, size_t len)
{
    char *at = out;

    while (len) {
        ptrdiff_t n = weir_read(stream, at, len < INT32_MAX ? len : INT32_MAX);

        if (n <= 0)
            return n < 0 ? (int)n : WEIR_EEOF;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_lent(struct weir__stream *stream, struct weir__task *task, weir_lent *out)
{
    int n;

    if (stream->pending) {
        *out = stream->idle.u.lent;
        stream->pending = false;
        return (int)out->len;
    }
    weir_op_recv_lent(&task->op, &stream->fd);
    n = weir__task_await(task, &task->op);
    if (n > 0)
        *out = task->op.u.lent;
    return n;
}

int weir_read_lent(weir_stream handle, weir_lent *out)
{
    struct weir__task *task;
    int error;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_READER, &task, &error);

    if (!stream)
        return error;
    return (int)end(stream, task, WEIR__HANDLE_READER, read_lent(stream, task, out));
}

void weir_give_back(weir_lent *lent)
{
    weir__buffers_return(lent);
}

/* ---- writing ---- */

ptrdiff_t weir_write(weir_stream handle, const void *bytes, size_t len)
{
    struct weir__task *task;
    struct weir__stream *stream;
    int error;
    ptrdiff_t n;

    if (len == 0 || len > INT32_MAX)
        return WEIR_EINVAL;
    stream = begin(handle, WEIR__HANDLE_WRITER, &task, &error);
    if (!stream)
        return error;
    n = WEIR_EBROKEN;
    if (!stream->write_broken) {
        weir_op_send(&task->op, &stream->fd, bytes, len, 0);
        n = weir__task_await(task, &task->op);
    }
    return end(stream, task, WEIR__HANDLE_WRITER, n);
}

ptrdiff_t weir_writev(weir_stream handle, const struct iovec *parts, size_t count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
    struct weir__task *task;
    struct weir__stream *stream;
    int error;
    ptrdiff_t n;

    if (count == 0 || count > PARTS_MAX)
        return WEIR_EINVAL;
    stream = begin(handle, WEIR__HANDLE_WRITER, &task, &error);
    if (!stream)
        return error;
    n = WEIR_EBROKEN;
    if (!stream->write_broken) {
        weir_op_sendmsg(&task->op, &stream->fd, &message);
        n = weir__task_await(task, &task->op);
    }
    return end(stream, task, WEIR__HANDLE_WRITER, n);
}

static void note_written(struct weir__stream *stream, struct weir__task *task, ptrdiff_t n)
{
    if (n <= 0)
        return;
    stream->written_bytes += (uint64_t)n;
    WEIR_ATOMIC_STORE(&stream->active_ns, task->worker->loop->now_ns, RELAXED);
}

/* Goes on until everything is written. A failure after a part of it breaks the direction. */
static int write_pieces(struct weir__stream *stream, struct weir__task *task, const char *at,
                        size_t len)
{
    bool begun = false;

    if (stream->write_broken)
        return WEIR_EBROKEN;
    while (len) {
        size_t piece = len < PIECE ? len : PIECE;
        int n;

        weir_op_send(&task->op, &stream->fd, at, piece, WEIR_OP_WHOLE);
        n = weir__task_await(task, &task->op);
        note_written(stream, task, n);
        begun |= n > 0;
        if (n < 0) {
            stream->write_broken = begun;
            return n;
        }
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int weir_write_all(weir_stream handle, const void *bytes, size_t len)
{
    struct weir__task *task;
    int error;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_WRITER, &task, &error);

    if (!stream)
        return error;
    error = write_pieces(stream, task, bytes, len);
    if (error == 0) {
        stream->writer = NULL;
        weir__stream_leave(stream, WEIR__HANDLE_WRITER);
        return 0;
    }
    return (int)end(stream, task, WEIR__HANDLE_WRITER, error);
}

static int send_pieces(struct weir__stream *stream, struct weir__task *task, int file,
                       uint64_t offset, uint64_t len)
{
    bool begun = false;

    if (stream->write_broken)
        return WEIR_EBROKEN;
    while (len) {
        size_t piece = len < 8 * PIECE ? (size_t)len : 8 * PIECE;
        int n;

        weir_op_sendfile(&task->op, &stream->fd, file, offset, piece);
        n = weir__task_await(task, &task->op);
        note_written(stream, task, n);
        begun |= n > 0;
        if (n <= 0) {
            stream->write_broken = begun;
            return n < 0 ? n : WEIR_EEOF;
        }
        offset += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

int weir_send_file(weir_stream handle, int file, uint64_t offset, uint64_t len)
{
    struct weir__task *task;
    int error;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_WRITER, &task, &error);

    if (!stream)
        return error;
    error = send_pieces(stream, task, file, offset, len);
    if (error == 0) {
        stream->writer = NULL;
        weir__stream_leave(stream, WEIR__HANDLE_WRITER);
        return 0;
    }
    return (int)end(stream, task, WEIR__HANDLE_WRITER, error);
}

int weir_shutdown(weir_stream handle)
{
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &error);

    if (!stream)
        return error;
    error = weir__sys_shutdown(stream->fd.number, SHUT_WR);
    weir__stream_leave(stream, 0);
    return error;
}

int weir_stream_counts(weir_stream handle, struct weir_byte_counts *out)
{
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &error);

    if (!stream)
        return error;
    out->read = stream->read_bytes;
    out->written = stream->written_bytes;
    weir__stream_leave(stream, 0);
    return 0;
}
