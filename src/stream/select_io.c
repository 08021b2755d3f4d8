/* stream/select_io.c - reading and writing as cases of a select; see task/case.h.
 *
 * A case holds the stream's reader or writer slot while the select lasts. Reading waits for the
 * standing receive, which stays with the stream whatever is chosen, so that what comes late is the
 * next reader's. Writing waits until the socket has room, and writes when it is chosen. A stream
 * that is no socket has the case look again when something has changed, or is waited for by
 * readiness.
 */
#include <poll.h>

#include "core/handle.h"
#include "stream/stream.h"
#include "task/case.h"
#include "task/task.h"
#include "task/worker.h"

static int enter(struct weir__case *c, uint32_t bit)
{
    struct weir__stream *stream;
    int error;

    if (c->len == 0 || c->len > INT32_MAX)
        return WEIR_EINVAL;
    stream = weir__stream_enter((weir_stream){c->id}, bit, &error);
    if (stream && stream->other && !stream->kind->enlist && !stream->kind->watch) {
        weir__stream_leave(stream, bit);
        return WEIR_ENOTSUP;
    }
    c->object = stream;
    return stream ? 0 : error;
}

/* Waits for readiness, if anything is waited for. */
static bool poll_other(struct weir__case *c, struct weir__stream *stream, bool writes)
{
    if (!stream->kind->watch(stream, c, writes))
        return false;
    weir_op_poll(&c->op, &stream->fd, writes ? POLLOUT : POLLIN);
    c->enlisted = true;
    weir__case_submit(c, c->waiter.task);
    return true;
}

/* Ends the wait of one that polls. */
static void withdraw(struct weir__case *c, struct weir__task *task, bool writes)
{
    struct weir__stream *stream = c->object;

    weir__case_take_back(c, task);
    if (c->enlisted && stream->other && stream->kind->watch)
        (void)stream->kind->watch(stream, NULL, writes);
    c->enlisted = false;
}

/* Whether a stream that is no socket may be ready. */
static bool check_other(const struct weir__case *c)
{
    return c->enlisted && !c->polls;
}

/* Whether the wait itself has failed, and was not taken back: then that is the result. */
static bool fails_other(struct weir__case *c)
{
    if (!((struct weir__stream *)c->object)->other || !check_other(c) || c->op.result >= 0
        || c->op.result == WEIR_ECANCELED)
        return false;
    c->result = c->op.result;
    return true;
}

/* Of a stream that is no socket: who brings bytes, or takes them, has the case look again. */
static enum weir__case_step enlist_other(struct weir__case *c, struct weir__select *select,
                                         bool writes)
{
    struct weir__stream *stream = c->object;

    if (stream->kind->watch) {
        if (poll_other(c, stream, writes))
            return CASE_WAITS;
    } else if (stream->kind->enlist(stream, c, select, writes)) {
        return CASE_WAITS;
    }
    if (!weir__case_claim(c, select))
        return CASE_LOST;
    return c->calls->attempt(c, c->waiter.task) ? CASE_DONE : CASE_AGAIN;
}

/* ---- reading ---- */

static int enter_read(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    return enter(c, WEIR__HANDLE_READER);
}

static bool attempt_read(struct weir__case *c, struct weir__task *task)
{
    c->result = weir__stream_read_now(c->object, task, c->data, c->len);
    return c->result != WEIR_EAGAIN || fails_other(c);
}

static enum weir__case_step enlist_read(struct weir__case *c, struct weir__select *select)
{
    weir_loop *loop = c->waiter.task->worker->loop;

    if (((struct weir__stream *)c->object)->other)
        return enlist_other(c, select, false);
    return weir__stream_arm(c->object, loop) ? CASE_WAITS
                                             : weir__case_gone(c, select, WEIR_ECLOSED);
}

/* A receive that has ended by itself without a word is begun anew. */
static bool check_read(struct weir__case *c)
{
    const struct weir__stream *stream = c->object;

    return stream->other ? check_other(c) : weir__stream_has_bytes(stream) || !stream->armed_at;
}

/* Of a socket there is nothing to withdraw: what is received belongs to the stream. */
static void withdraw_read(struct weir__case *c, struct weir__task *task)
{
    withdraw(c, task, false);
}

static void leave_read(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    weir__stream_leave(c->object, WEIR__HANDLE_READER);
}

static struct weir__wait_slot *slot_read(struct weir__case *c)
{
    return &((struct weir__stream *)c->object)->reader;
}

static const struct weir__case_calls read_calls = {.enter = enter_read,
                                                   .attempt = attempt_read,
                                                   .enlist = enlist_read,
                                                   .check = check_read,
                                                   .withdraw = withdraw_read,
                                                   .leave = leave_read,
                                                   .slot = slot_read,
                                                   .pins = true,
                                                   .looks = true};

void weir_case_read(weir_case *out, weir_stream stream, void *bytes, size_t len)
{
    weir__case_fill(out, &read_calls, stream.id, bytes, len);
}

/* ---- writing ---- */

static int enter_write(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    return enter(c, WEIR__HANDLE_WRITER);
}

static bool attempt_write(struct weir__case *c, struct weir__task *task)
{
    struct weir__stream *stream = c->object;

    if (!stream->other && c->enlisted && c->op.result < 0 && !weir__handle_closed(stream->id)) {
        c->result = c->op.result; /* the wait itself has failed */
        return true;
    }
    c->result = weir__stream_write_now(stream, c->data, c->len);
    if (c->result > 0)
        WEIR_ATOMIC_STORE(&stream->active_ns, task->worker->loop->now_ns, RELAXED);
    return c->result != WEIR_EAGAIN || fails_other(c);
}

static enum weir__case_step enlist_write(struct weir__case *c, struct weir__select *select)
{
    if (((struct weir__stream *)c->object)->other)
        return enlist_other(c, select, true);
    weir_op_poll(&c->op, &((struct weir__stream *)c->object)->fd, POLLOUT);
    c->enlisted = true;
    weir__case_submit(c, c->waiter.task);
    return CASE_WAITS;
}

static bool check_write(struct weir__case *c)
{
    return ((struct weir__stream *)c->object)->other ? check_other(c) : !c->polls;
}

static void withdraw_write(struct weir__case *c, struct weir__task *task)
{
    withdraw(c, task, true);
}

static void leave_write(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    weir__stream_leave(c->object, WEIR__HANDLE_WRITER);
}

static struct weir__wait_slot *slot_write(struct weir__case *c)
{
    return &((struct weir__stream *)c->object)->writer;
}

static const struct weir__case_calls write_calls = {.enter = enter_write,
                                                    .attempt = attempt_write,
                                                    .enlist = enlist_write,
                                                    .check = check_write,
                                                    .withdraw = withdraw_write,
                                                    .leave = leave_write,
                                                    .slot = slot_write,
                                                    .pins = true,
                                                    .looks = true};

void weir_case_write(weir_case *out, weir_stream stream, const void *bytes, size_t len)
{
    weir__case_fill(out, &write_calls, stream.id, (void *)(uintptr_t)bytes, len);
}
