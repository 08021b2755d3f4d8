/* stream/conduit.c - see conduit.h.
 *
 * Each call is tried first, and waits for readiness by a poll if it would block: io_uring has a
 * splice of its own, but does it on one of its threads, whatever the descriptors are, and is slower
 * for it (measured: docs/moving.md).
 *
 * splice has no flag that is good for a socket, so sockets are made non-blocking, and stay so. The
 * ring waits on them nevertheless (seen with 6.18).
 */
#include "stream/conduit.h"

#include <poll.h>

#include "core/handle.h"
#include "core/sim.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/nowait.h"
#include "task/waitq.h"
#include "task/worker.h"

#define PIECE (256 * 1024) /* at most at once; a pipe rarely has room for more */

/* ---- pipes ---- */

/* Of the default size: four times and sixteen times as much room has not made it faster. */
static bool take_pipe(struct weir__conduit *conduit, struct weir__worker *worker)
{
    int fresh[2];
    const int *ends = fresh;

    if (conduit->open)
        return true;
    if (worker->spare_pipe_count) {
        ends = worker->spare_pipes[--worker->spare_pipe_count];
    } else {
        if (weir__sys_pipe2(fresh, O_NONBLOCK) < 0)
            return false;
    }
    conduit->out = ends[0];
    conduit->in = ends[1];
    conduit->open = true;
    return true;
}

static void end_pipes(struct weir__worker *worker)
{
    while (worker->spare_pipe_count) {
        const int *ends = worker->spare_pipes[--worker->spare_pipe_count];

        weir__sys_close(ends[0]);
        weir__sys_close(ends[1]);
    }
}

static void give_pipe(struct weir__conduit *conduit, struct weir__worker *worker)
{
    if (!conduit->open)
        return;
    conduit->open = false;
    if (!conduit->held && worker->spare_pipe_count < WEIR__SPARE_PIPES) {
        int *ends = worker->spare_pipes[worker->spare_pipe_count++];

        ends[0] = conduit->out;
        ends[1] = conduit->in;
        worker->end_pipes = end_pipes;
    } else {
        weir__sys_close(conduit->out);
        weir__sys_close(conduit->in);
    }
    conduit->held = 0;
}

/* ---- streams ---- */

static bool takes_splice(const struct weir__stream *stream, bool writes)
{
    if (stream->other)
        return stream->kind->splices && stream->kind->splices(stream, writes);
    return writes || !stream->passes;
}

static bool fits(weir_stream handle, bool writes)
{
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &error);
    bool takes;

    if (!stream)
        return false;
    takes = takes_splice(stream, writes);
    weir__stream_leave(stream, 0);
    return takes;
}

bool weir__conduit_fits(weir_stream from, weir_stream to)
{
    return !weir__sim_on() && fits(from, false) && fits(to, true);
}

static int nonblock(struct weir__stream *stream)
{
    int rc = 0;

    if (!stream->other && !WEIR_ATOMIC_LOAD(&stream->fd.weir__nonblock, RELAXED)) {
        rc = weir__sys_set_nonblock(stream->fd.number, true);
        if (rc == 0)
            WEIR_ATOMIC_STORE(&stream->fd.weir__nonblock, 1, RELAXED);
    }
    return rc;
}

/* Waits for readiness: 0, or an error. */
static int await(struct weir__stream *stream, struct weir__task *task, bool writes)
{
    int rc;

    if (stream->other)
        return stream->kind->await(stream, task, writes);
    weir_op_poll(&task->op, &stream->fd, writes ? POLLOUT : POLLIN);
    rc =
        weir__task_await_at_rest(task, &task->op, writes ? &stream->writer : &stream->reader, NULL);
    return rc < 0 ? rc : 0;
}

/* ---- in ---- */

static int fill_now(struct weir__conduit *conduit, struct weir__stream *stream,
                    struct weir__task *task, size_t len)
{
    int rc;

    if (!take_pipe(conduit, task->worker))
        return WEIR_ENOTSUP;
    rc = weir__sys_splice_now(stream->fd.number, conduit->in,
                              weir__loop_cut(task->worker->loop, len < PIECE ? len : PIECE));
    if (rc > 0)
        conduit->held = (size_t)rc;
    else
        give_pipe(conduit, task->worker);
    return rc;
}

/* One that finds nothing although there is something is at a mark of urgent data: no splice gets
 * past it. */
static ptrdiff_t fill(struct weir__conduit *conduit, struct weir__stream *stream,
                      struct weir__task *task, size_t len)
{
    int rc = weir__leaf_of(task);

    if (rc == 0 && !stream->other)
        rc = weir__stream_await_direct(stream, task);
    if (rc == 0)
        rc = nonblock(stream);
    if (rc < 0)
        return rc == WEIR_EEOF ? 0 : rc;
    if (rc > 0)
        return WEIR_EAGAIN;
    rc = fill_now(conduit, stream, task, len);
    if (rc == WEIR_EAGAIN) {
        rc = await(stream, task, false);
        if (rc == 0)
            rc = fill_now(conduit, stream, task, len);
    }
    return rc == WEIR_EINVAL || rc == WEIR_ENOSYS || rc == WEIR_EPERM ? WEIR_ENOTSUP : rc;
}

ptrdiff_t weir__conduit_fill(struct weir__conduit *conduit, weir_stream from, size_t len)
{
    struct weir__task *task = weir__task_current();
    int error;
    struct weir__stream *stream = weir__stream_enter(from, WEIR__HANDLE_READER, &error);

    if (!stream)
        return error;
    return weir__stream_end(stream, task, WEIR__HANDLE_READER, fill(conduit, stream, task, len));
}

/* ---- out ---- */

static int drain_now(struct weir__conduit *conduit, struct weir__stream *stream, size_t len)
{
    int rc = stream->write_broken ? WEIR_EBROKEN : nonblock(stream);

    if (rc == 0)
        rc = weir__sys_splice_now(conduit->out, stream->fd.number, len);
    if (rc > 0)
        conduit->held -= (size_t)rc;
    else if (rc == WEIR_EBADF && stream->other)
        rc = WEIR_EPIPE; /* shut down meanwhile */
    return rc;
}

static ptrdiff_t drain(struct weir__conduit *conduit, struct weir__stream *stream,
                       struct weir__task *task)
{
    int rc = weir__leaf_of(task);

    while (rc == 0) {
        rc = drain_now(conduit, stream, weir__loop_cut(task->worker->loop, conduit->held));
        if (rc != WEIR_EAGAIN)
            return rc ? rc : WEIR_EIO;
        rc = await(stream, task, true);
    }
    return rc;
}

ptrdiff_t weir__conduit_drain(struct weir__conduit *conduit, weir_stream to)
{
    struct weir__task *task = weir__task_current();
    int error;
    struct weir__stream *stream = weir__stream_enter(to, WEIR__HANDLE_WRITER, &error);

    if (!stream)
        return error;
    return weir__stream_end(stream, task, WEIR__HANDLE_WRITER, drain(conduit, stream, task));
}

/* ---- the end ---- */

static size_t drain_last(struct weir__conduit *conduit, weir_stream to)
{
    size_t held = conduit->held;
    int error, rc = 1;
    struct weir__stream *stream = weir__stream_enter(to, WEIR__HANDLE_WRITER, &error);

    if (!stream)
        return 0;
    while (rc > 0 && conduit->held)
        rc = drain_now(conduit, stream, conduit->held);
    if (conduit->held)
        stream->write_broken = true;
    WEIR_ATOMIC_COUNT(&stream->written_bytes, held - conduit->held);
    held -= conduit->held;
    weir__stream_leave(stream, WEIR__HANDLE_WRITER);
    return held;
}

size_t weir__conduit_end(struct weir__conduit *conduit, weir_stream to)
{
    size_t gone = conduit->held ? drain_last(conduit, to) : 0;

    give_pipe(conduit, weir__task_current()->worker);
    return gone;
}

/* ---- files ---- */

static int send_some(struct weir__stream *stream, int file, off_t *offset, uint64_t len)
{
    int rc;

    rc = weir__sys_splice(file, offset, stream->fd.number, NULL, len < PIECE ? (size_t)len : PIECE,
                          SPLICE_F_NONBLOCK);
    return rc == WEIR_EBADF ? WEIR_EPIPE : rc;
}

int weir__conduit_send_file(struct weir__stream *stream, struct weir__task *task, int file,
                            uint64_t offset, uint64_t len)
{
    off_t at = (off_t)offset;
    bool begun = false;
    int rc = 0;

    if (!takes_splice(stream, true))
        return WEIR_ENOTSUP;
    if (stream->write_broken)
        return WEIR_EBROKEN;
    while (len && rc >= 0) {
        rc = weir__leaf_of(task);
        if (rc == 0)
            rc = send_some(stream, file, &at, len);
        if (rc == WEIR_EAGAIN) {
            rc = await(stream, task, true);
        } else if (rc == 0) {
            rc = WEIR_EEOF;
        } else if (rc > 0) {
            begun = true;
            len -= (uint64_t)rc;
            WEIR_ATOMIC_COUNT(&stream->written_bytes, (uint64_t)rc);
        }
    }
    if (rc < 0 && begun)
        stream->write_broken = true;
    return rc < 0 ? rc : 0;
}
