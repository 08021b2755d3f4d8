/* stream/stream.c - see stream.h and <weir/stream.h>. */
#include "stream/stream.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/container.h"
#include "core/handle.h"
#include "stream/conduit.h"
#include "stream/zero_copy.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/task.h"
#include "task/worker.h"

#define PIECE           (256u * 1024)      /* of a long write: each one counts as activity */
#define PIECE_ZERO_COPY (4u * 1024 * 1024) /* each of which is waited for until it is confirmed */
#define PARTS_MAX       1024
#define DIRECT_MANY     16 /* direct reads after a sign of large messages */

const struct weir__served_calls *weir__served_calls;

static void close_handle(weir_stream handle);

static void close_left(void *object, void *arg)
{
    (void)arg;
    close_handle((weir_stream){((struct weir__stream *)object)->id});
}

/* What is open when the runtime ends is closed. */
static void end_streams(struct weir__worker *worker)
{
    weir__slab_each(&worker->streams, close_left, NULL);
}

static int make(struct weir__worker *worker, int fd, struct weir__stream **out)
{
    const size_t behind_fd = offsetof(struct weir__stream, fd) + sizeof(weir_fd);
    struct weir__stream *stream;
    int rc;

    if (!worker->streams.object_size) {
        weir__slab_init(&worker->streams, sizeof *stream);
        worker->streams.source = worker->source;
        worker->end_streams = end_streams;
    }
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

int weir__stream_make(struct weir__worker *worker, int fd, bool tcp, struct weir__stream **out)
{
    int rc = make(worker, fd, out);

    if (rc == 0)
        (void)WEIR_ATOMIC_OR(&(*out)->fd.weir__facts, tcp ? WEIR__FD_TCP : WEIR__FD_OTHER, RELAXED);
    return rc;
}

int weir__stream_make_other(struct weir__worker *worker, const struct weir__stream_kind *kind,
                            void *object, struct weir__stream **out)
{
    int rc = make(worker, -1, out);

    if (rc == 0) {
        (*out)->other = true;
        (*out)->kind = kind;
        (*out)->object = object;
    }
    return rc;
}

/* ---- release: by the last one, at home ---- */

/* The oldest buffer that has come, which must be there. */
static struct weir__received *first_received(struct weir__stream *stream)
{
    return stream->taken ? stream->taken : stream->recv.u.received.head;
}

static void pop_received(struct weir__stream *stream, weir_lent *out)
{
    if (stream->taken) {
        *out = stream->taken->lent;
        stream->taken = stream->taken->next;
    } else {
        (void)weir_op_received(&stream->recv, out);
    }
}

static void drop_received(struct weir__stream *stream)
{
    weir_lent lent;

    while (weir__stream_has_bytes(stream)) {
        pop_received(stream, &lent);
        weir__buffers_return(&lent);
    }
}

static void release_at_home(struct weir__stream *stream, weir_loop *loop)
{
    struct weir__worker *worker = loop->worker;

    weir__loop_timer_stop(loop, &stream->limit);
    weir__free(stream->zero_copy);
    if (stream->other)
        stream->kind->release(stream);
    else
        weir_loop_close(loop, &stream->fd);
    weir__handle_free(stream->id);
    if (stream->served)
        WEIR_ATOMIC_LOAD(&weir__served_calls, ACQUIRE)->released(stream);
    weir__slab_give(&worker->streams, stream);
}

static void deliver_release(weir_post *post, weir_loop *loop)
{
    release_at_home(WEIR_CONTAINER_OF(post, struct weir__stream, post), loop);
}

static void release(struct weir__stream *stream)
{
    weir_loop *home = weir__loop_by_index(stream->home);

    if (!stream->other)
        drop_received(stream);
    if (weir__current_loop() == home) {
        release_at_home(stream, home);
        return;
    }
    stream->post.deliver = deliver_release; /* nothing is in flight any more */
    weir_loop_post(home, &stream->post);
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

struct weir__stream *weir__stream_enter_socket(weir_stream handle, uint32_t bits, int *error)
{
    struct weir__stream *stream = weir__stream_enter(handle, bits, error);

    if (!stream || !stream->other)
        return stream;
    *error = WEIR_ENOTSUP;
    weir__stream_leave(stream, bits);
    return NULL;
}

/* Ends the calls under way of a stream that is closed. */
static void stop_calls(struct weir__stream *stream)
{
    if (stream->other)
        stream->kind->stop(stream);
    else
        (void)weir__sys_shutdown(stream->fd.number, SHUT_RDWR);
}

static void close_handle(weir_stream handle)
{
    struct weir__stream *stream;
    uint32_t in_use;
    void *object;
    int error;

    stream =
        weir__stream_enter(handle, 0, &error); /* so that the descriptor outlives the shutdown */
    if (!stream)
        return;
    if (weir__handle_close(handle.id, WEIR__KIND_STREAM, &in_use, &object) == 1 && in_use != 1)
        stop_calls(stream);
    weir__stream_leave(stream, 0);
}

int weir_close(weir_stream handle)
{
    WEIR__CALL;

    close_handle(handle);
    return 0;
}

void weir__stream_close(struct weir__stream *stream)
{
    /* another loop's receive may end at this moment; partner: received */
    bool armed_here = WEIR_ATOMIC_LOAD(&stream->armed_at, SEQ_CST) == stream->home;
    uint32_t in_use;
    void *object;

    if (weir__handle_close(stream->id, WEIR__KIND_STREAM, &in_use, &object) != 1)
        return;
    if (in_use != (armed_here ? 2u : 1u))
        stop_calls(stream);
    else if (armed_here)
        weir_loop_cancel(weir__loop_by_index(stream->home), &stream->recv);
}

/* ---- the standing receive ---- */

void weir__stream_take(struct weir__stream *stream)
{
    WEIR_ASSERT(!stream->taken);
    stream->taken = stream->recv.u.received.head;
    stream->recv.u.received.head = stream->recv.u.received.tail = NULL;
    stream->recv.u.received.count = 0;
}

/* The loop ended the receive because too much lay there, and the reader has taken it all before
 * that was told: an idling stream goes on receiving. False if it is closed. */
static bool receive_on(struct weir__stream *stream)
{
    WEIR_ATOMIC_STORE(&stream->armed_at, 0, SEQ_CST);
    return weir__stream_arm(stream, weir__loop_by_index(stream->home));
}

/* On the loop where it is in flight. */
static void received(weir_op *op)
{
    struct weir__stream *stream = WEIR_CONTAINER_OF(op, struct weir__stream, recv);
    bool last = !(op->flags & WEIR_OP_MORE);
    struct weir__task *recaller = last && stream->recalled ? stream->reader.task : NULL;

    if (!last && !op->u.received.head)
        return; /* a reader has been quicker than the news */
    if (last) {
        stream->ended = op->result != WEIR_ECANCELED;
        if (!stream->ended && op->u.received.head)
            stream->direct_left = DIRECT_MANY; /* nobody took them */
    }
    if (stream->idling && last && !stream->ended && !op->u.received.head && receive_on(stream)) {
        weir__stream_leave(stream, 0);
        return;
    }
    if (stream->idling)
        WEIR_ATOMIC_LOAD(&weir__served_calls, ACQUIRE)->stirred(stream);
    else if (!recaller)
        weir__wait_wake(&stream->reader);
    if (!last)
        return;
    WEIR_ATOMIC_STORE(&stream->armed_at, 0, SEQ_CST); /* from here on the queue is the reader's */
    if (recaller)
        weir__task_wake(recaller);
    weir__stream_leave(stream, 0);
}

bool weir__stream_arm(struct weir__stream *stream, weir_loop *loop)
{
    int error;

    if (WEIR_ATOMIC_LOAD(&stream->armed_at, SEQ_CST) || stream->ended
        || weir__stream_has_bytes(stream))
        return true;
    if (!weir__stream_enter((weir_stream){stream->id}, 0, &error))
        return false;
    weir_op_recv_lent(&stream->recv, &stream->fd, WEIR_OP_MULTISHOT);
    stream->recv.done = received;
    stream->recalled = false;
    WEIR_ATOMIC_STORE(&stream->armed_at, loop->index, RELAXED);
    weir_loop_submit(loop, &stream->recv);
    return true;
}

struct recall {
    weir_post post;
    struct weir__stream *stream;
    struct weir__task *task;
    uint32_t delivered; /* partner: recall */
};

static void deliver_recall(weir_post *post, weir_loop *loop)
{
    struct recall *recall = WEIR_CONTAINER_OF(post, struct recall, post);
    struct weir__stream *stream = recall->stream;
    struct weir__task *task = recall->task;

    if (WEIR_ATOMIC_LOAD(&stream->armed_at, RELAXED) == loop->index) {
        stream->recalled = true;
        weir_loop_cancel(loop, &stream->recv);
    }
    WEIR_ATOMIC_STORE(&recall->delivered, 1, SEQ_CST); /* the last access to either */
    weir__task_wake(task);
}

/* Ends the standing receive, on whichever loop it is: that loop answers within a turn. The reader's
 * slot names the task. */
static void recall(struct weir__stream *stream, struct weir__task *task)
{
    struct recall recall = {{NULL, deliver_recall}, stream, task, 0};
    uint16_t at = WEIR_ATOMIC_LOAD(&stream->armed_at, SEQ_CST);

    if (!at)
        return;
    WEIR_ATOMIC_STORE(&stream->reader.task, task, RELAXED);
    weir__task_waits_for(task, "read");
    if (at == task->worker->loop->index)
        deliver_recall(&recall.post, task->worker->loop);
    else
        weir__loop_post(weir__loop_by_index(at), &recall.post);
    while (!WEIR_ATOMIC_LOAD(&recall.delivered, SEQ_CST)
           || WEIR_ATOMIC_LOAD(&stream->armed_at, SEQ_CST))
        weir__task_suspend(task);
}

void weir__stream_recall(struct weir__stream *stream, struct weir__task *task, weir_loop *loop)
{
    if (WEIR_ATOMIC_LOAD(&stream->armed_at, SEQ_CST) != loop->index)
        recall(stream, task);
}

void weir__stream_recall_all(struct weir__stream *stream, struct weir__task *task)
{
    recall(stream, task);
}

/* ---- being stopped ---- */

enum note_stage {
    NOTE_READER,
    NOTE_WRITER,
    NOTE_HOME
};

/* Visits the loops of reader and writer, then home; what it finds there it ends. */
static void deliver_note(weir_post *post, weir_loop *loop)
{
    struct weir__stream *stream = WEIR_CONTAINER_OF(post, struct weir__stream, note.post);
    struct weir__stream_note *note = &stream->note;
    uint16_t next = 0;

    weir__wait_end(&stream->reader, loop, note->reason);
    weir__wait_end(&stream->writer, loop, note->reason);
    while (note->stage != NOTE_HOME && (next == 0 || next == loop->index)) {
        next = weir__wait_loop(note->stage == NOTE_READER ? &stream->reader : &stream->writer);
        note->stage++;
    }
    if (next == 0 || next == loop->index)
        next = stream->home;
    if (next != loop->index)
        weir__loop_post(weir__loop_by_index(next), post);
    else
        WEIR_ATOMIC_LOAD(&weir__served_calls, ACQUIRE)->stopped(stream);
}

void weir__stream_stop(struct weir__stream *stream, int reason)
{
    stream->note.post.deliver = deliver_note;
    stream->note.stage = NOTE_READER;
    stream->note.reason = reason;
    deliver_note(&stream->note.post, weir__loop_by_index(stream->home));
}

/* ---- reading ---- */

static struct weir__stream *begin(weir_stream handle, uint32_t bit, struct weir__task **task,
                                  int *error)
{
    *task = weir__task_current();
    if (!*task) {
        *error = WEIR_ENOTASK;
        return NULL;
    }
    return weir__stream_enter(handle, bit, error);
}

static void count(uint64_t *counter, ptrdiff_t n)
{
    WEIR_ATOMIC_STORE(counter, *counter + (uint64_t)n, RELAXED); /* partner: weir_stream_counts */
}

ptrdiff_t weir__stream_end(struct weir__stream *stream, struct weir__task *task, uint32_t bit,
                           ptrdiff_t result)
{
    if (result > 0) {
        WEIR_ATOMIC_STORE(&stream->active_ns, task->worker->loop->now_ns, RELAXED);
        count(bit == WEIR__HANDLE_READER ? &stream->read_bytes : &stream->written_bytes, result);
    } else if (weir__handle_closed(stream->id)) {
        result = WEIR_ECLOSED;
    }
    weir__stream_leave(stream, bit);
    return result;
}

/* Whether a task on this loop may look at the queue. */
static bool queue_is_ours(const struct weir__stream *stream, const weir_loop *loop)
{
    uint16_t at = WEIR_ATOMIC_LOAD(&stream->armed_at, SEQ_CST);

    return at == 0 || at == loop->index;
}

static int pause_for_read(struct weir__stream *stream, struct weir__task *task)
{
    WEIR_ATOMIC_STORE(&task->waits_for, "read", RELAXED); /* partner: a dump */
    return weir__task_pause_at_rest(task, &stream->reader, NULL);
}

/* Waits until the queue has something: 1; 0 if there is nothing and the read is to be direct; else
 * the end of the stream (WEIR_EEOF) or an error. What has come is told before why a wait ended. */
static int wait_for_bytes(struct weir__stream *stream, struct weir__task *task, bool direct)
{
    int rc = weir__task_check(task);

    direct = direct || stream->passes;
    if (rc < 0)
        return rc;
    while (rc == 0) {
        weir_loop *loop = task->worker->loop;
        bool ours = queue_is_ours(stream, loop);

        if (stream->taken || (ours && weir__stream_has_bytes(stream))) {
            if (weir__task_spend(task))
                return 1;
        } else if (!ours)
            recall(stream, task);
        else if (WEIR_ATOMIC_LOAD(&stream->armed_at, RELAXED) && direct)
            recall(stream, task);
        else if (WEIR_ATOMIC_LOAD(&stream->armed_at, RELAXED))
            rc = pause_for_read(stream, task);
        else if (stream->ended)
            return stream->recv.result ? stream->recv.result : WEIR_EEOF;
        else if (direct || stream->direct_left)
            return 0;
        else if (!weir__stream_arm(stream, loop))
            return WEIR_ECLOSED;
    }
    if (queue_is_ours(stream, task->worker->loop) && weir__stream_has_bytes(stream))
        return 1;
    return weir__task_stopped(task, rc);
}

/* Learns from a direct read of n bytes into `room`: a short one speaks for the standing receive. */
static void note_direct(struct weir__stream *stream, ptrdiff_t n, size_t room)
{
    if (room > WEIR__BUFFER_SIZE || (size_t)n == room)
        stream->direct_left = DIRECT_MANY;
    else if (n > 0 && stream->direct_left)
        stream->direct_left--;
}

static ptrdiff_t take_bytes(struct weir__stream *stream, void *out, size_t len)
{
    weir_lent *lent = &first_received(stream)->lent, empty;
    size_t n = lent->len < len ? lent->len : len;

    memcpy(out, lent->bytes, n);
    if (n < lent->len) {
        weir__lent_advance(lent, (uint32_t)n);
    } else {
        pop_received(stream, &empty);
        weir__buffers_return(&empty);
    }
    return (ptrdiff_t)n;
}

static ptrdiff_t read_some(struct weir__stream *stream, struct weir__task *task, void *out,
                           size_t len)
{
    ptrdiff_t n;

    if (__builtin_expect(stream->other, 0))
        return stream->kind->read(stream, task, out, len);
    n = wait_for_bytes(stream, task, len > WEIR__BUFFER_SIZE);

    if (n == 1)
        return take_bytes(stream, out, len);
    if (n < 0)
        return n == WEIR_EEOF ? 0 : n;
    weir_op_recv(&task->op, &stream->fd, out, len);
    n = weir__task_await_at_rest(task, &task->op, &stream->reader, out);
    note_direct(stream, n, len);
    return n;
}

ptrdiff_t weir__stream_read_queued(struct weir__stream *stream, struct weir__task *task, void *out,
                                   size_t len)
{
    ptrdiff_t n = wait_for_bytes(stream, task, true);

    return n == 1 ? take_bytes(stream, out, len) : n;
}

/* What a call without waiting has done: counted, and told as a close tells it. */
static ptrdiff_t done_now(struct weir__stream *stream, uint64_t *counter, ptrdiff_t n)
{
    if (n > 0)
        count(counter, n);
    else if (n != WEIR_EAGAIN && weir__handle_closed(stream->id))
        n = WEIR_ECLOSED;
    return n;
}

ptrdiff_t weir__stream_read_now(struct weir__stream *stream, struct weir__task *task, void *out,
                                size_t len)
{
    ptrdiff_t n = WEIR_EAGAIN;

    if (stream->other)
        return done_now(stream, &stream->read_bytes, stream->kind->read_now(stream, out, len));
    if (!stream->taken)
        weir__stream_recall(stream, task, task->worker->loop);
    if (weir__stream_has_bytes(stream))
        n = take_bytes(stream, out, len);
    else if (!stream->armed_at)
        n = stream->ended ? stream->recv.result
                          : weir__sys_recv(stream->fd.number, out, len, MSG_DONTWAIT);
    if (n > 0)
        WEIR_ATOMIC_STORE(&stream->active_ns, task->worker->loop->now_ns, RELAXED);
    return done_now(stream, &stream->read_bytes, n);
}

int weir__stream_await_direct(struct weir__stream *stream, struct weir__task *task)
{
    stream->direct_left = DIRECT_MANY;
    return wait_for_bytes(stream, task, true);
}

ptrdiff_t weir_read(weir_stream handle, void *out, size_t len)
{
    WEIR__CALL;
    struct weir__task *task;
    struct weir__stream *stream;
    int error;

    if (len == 0 || len > INT32_MAX)
        return WEIR_EINVAL;
    stream = begin(handle, WEIR__HANDLE_READER, &task, &error);
    if (!stream)
        return error;
    return weir__stream_end(stream, task, WEIR__HANDLE_READER, read_some(stream, task, out, len));
}

int weir_read_exactly(weir_stream stream, void *out, size_t len)
{
    WEIR__CALL;
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

/* Of a stream that is no socket: a buffer is made when there is something for it. */
static int read_lent_other(struct weir__stream *stream, struct weir__task *task, weir_lent *out)
{
    weir_lent lent;
    int n;

    if (stream->kind->read_lent)
        return stream->kind->read_lent(stream, task, out);
    n = stream->kind->await_bytes(stream, task);
    if (n < 0)
        return n;
    n = weir__buffers_make_copy(&task->worker->loop->buffers, WEIR__BUFFER_SIZE, &lent);
    if (n < 0)
        return n;
    n = (int)stream->kind->read(stream, task, lent.bytes, lent.len);
    if (n > 0) {
        lent.len = (uint32_t)n;
        *out = lent;
    } else {
        weir__buffers_return(&lent);
    }
    return n;
}

static int read_lent(struct weir__stream *stream, struct weir__task *task, weir_lent *out)
{
    int n;

    if (__builtin_expect(stream->other, 0))
        return read_lent_other(stream, task, out);
    n = wait_for_bytes(stream, task, false);

    if (n == 1) {
        pop_received(stream, out);
        return (int)out->len;
    }
    if (n < 0)
        return n == WEIR_EEOF ? 0 : n;
    weir_op_recv_lent(&task->op, &stream->fd, 0);
    n = weir__task_await_at_rest(task, &task->op, &stream->reader, NULL);
    note_direct(stream, n, WEIR__BUFFER_SIZE);
    if (n > 0)
        *out = task->op.u.lent;
    return n;
}

int weir_read_lent(weir_stream handle, weir_lent *out)
{
    WEIR__CALL;
    struct weir__task *task;
    int error;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_READER, &task, &error);

    if (!stream)
        return error;
    return (int)weir__stream_end(stream, task, WEIR__HANDLE_READER, read_lent(stream, task, out));
}

void weir_give_back(weir_lent *lent)
{
    WEIR__CALL;

    weir__buffers_return(lent);
}

/* ---- writing ---- */

ptrdiff_t weir__stream_write_now(struct weir__stream *stream, const void *bytes, size_t len)
{
    ptrdiff_t n = WEIR_EBROKEN;

    if (stream->other)
        n = stream->write_broken ? n : stream->kind->write_now(stream, bytes, len);
    else if (!stream->write_broken)
        n = weir__sys_send(stream->fd.number, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return done_now(stream, &stream->written_bytes, n);
}

ptrdiff_t weir_write(weir_stream handle, const void *bytes, size_t len)
{
    WEIR__CALL;
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
    if (stream->other) {
        n = stream->write_broken ? n : stream->kind->write(stream, task, bytes, len);
    } else if (!stream->write_broken) {
        weir_op_send(&task->op, &stream->fd, bytes, len, 0);
        weir__zero_copy_ask(stream->zero_copy, &task->op);
        n = weir__task_await_at_rest(task, &task->op, &stream->writer, bytes);
        weir__zero_copy_note(stream->zero_copy, &task->op);
    }
    return weir__stream_end(stream, task, WEIR__HANDLE_WRITER, n);
}

/* The first part that is not empty. */
static ptrdiff_t write_parts_other(struct weir__stream *stream, struct weir__task *task,
                                   const struct iovec *parts, size_t count)
{
    while (count > 1 && parts->iov_len == 0) {
        parts++;
        count--;
    }
    return parts->iov_len ? stream->kind->write(stream, task, parts->iov_base, parts->iov_len) : 0;
}

ptrdiff_t weir_writev(weir_stream handle, const struct iovec *parts, size_t count)
{
    WEIR__CALL;
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
    if (stream->other) {
        n = stream->write_broken ? n : write_parts_other(stream, task, parts, count);
    } else if (!stream->write_broken) {
        weir_op_sendmsg(&task->op, &stream->fd, &message);
        n = weir__task_await_in(task, &task->op, &stream->writer);
    }
    return weir__stream_end(stream, task, WEIR__HANDLE_WRITER, n);
}

/* Notes what a part of something longer has come to, which less than a byte is an error of. */
static int note_piece(struct weir__stream *stream, struct weir__task *task, bool *begun, int n)
{
    if (n <= 0)
        return n < 0 ? n : WEIR_EEOF;
    *begun = true;
    count(&stream->written_bytes, n);
    WEIR_ATOMIC_STORE(&stream->active_ns, task->worker->loop->now_ns, RELAXED);
    return n;
}

/* Waits for the filled operation. It is an error too when the operation was stopped in the middle
 * of what it had to write. */
static int write_piece(struct weir__stream *stream, struct weir__task *task, bool *begun)
{
    int n = note_piece(stream, task, begun, weir__task_await_in(task, &task->op, &stream->writer));
    int reason = n > 0 ? weir__task_cut_short(task) : 0;

    return reason ? weir__task_stopped(task, reason) : n;
}

/* Goes on until everything is written. A failure after a part of it breaks the direction. */
static int write_pieces(struct weir__stream *stream, struct weir__task *task, const char *at,
                        size_t len)
{
    bool begun = false;

    if (stream->write_broken)
        return WEIR_EBROKEN;
    while (len) {
        size_t most = stream->zero_copy ? PIECE_ZERO_COPY : PIECE;
        size_t piece = len < most ? len : most;
        int n;

        if (stream->other) {
            n = note_piece(stream, task, &begun, (int)stream->kind->write(stream, task, at, piece));
        } else {
            weir_op_send(&task->op, &stream->fd, at, piece, WEIR_OP_WHOLE);
            weir__zero_copy_ask(stream->zero_copy, &task->op);
            n = write_piece(stream, task, &begun);
            weir__zero_copy_note(stream->zero_copy, &task->op);
        }
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
    WEIR__CALL;
    struct weir__task *task;
    int error;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_WRITER, &task, &error);

    if (!stream)
        return error;
    error = write_pieces(stream, task, bytes, len);
    if (error == 0) {
        weir__stream_leave(stream, WEIR__HANDLE_WRITER);
        return 0;
    }
    return (int)weir__stream_end(stream, task, WEIR__HANDLE_WRITER, error);
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
        n = write_piece(stream, task, &begun);
        if (n < 0) {
            stream->write_broken = begun;
            return n;
        }
        offset += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

int weir_send_file(weir_stream handle, int file, uint64_t offset, uint64_t len)
{
    WEIR__CALL;
    struct weir__task *task;
    int error;
    struct weir__stream *stream = begin(handle, WEIR__HANDLE_WRITER, &task, &error);

    if (!stream)
        return error;
    error = stream->other ? weir__conduit_send_file(stream, task, file, offset, len)
                          : send_pieces(stream, task, file, offset, len);
    if (error == 0) {
        weir__stream_leave(stream, WEIR__HANDLE_WRITER);
        return 0;
    }
    return (int)weir__stream_end(stream, task, WEIR__HANDLE_WRITER, error);
}

size_t weir__stream_write_last(weir_stream handle, const void *bytes, size_t len)
{
    size_t at = 0;
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, WEIR__HANDLE_WRITER, &error);
    bool tries;
    ptrdiff_t n = 1;

    if (!stream)
        return 0;
    tries = !stream->write_broken && (!stream->other || stream->kind->write_now);
    while (tries && n > 0 && at < len) {
        n = weir__stream_write_now(stream, (const char *)bytes + at, len - at);
        at += n > 0 ? (size_t)n : 0;
    }
    if (at < len)
        stream->write_broken = true;
    weir__stream_leave(stream, WEIR__HANDLE_WRITER);
    return at;
}

int weir__stream_write_rest(struct weir__stream *stream, struct weir__task *task, const void *bytes,
                            size_t len)
{
    return write_pieces(stream, task, bytes, len);
}

/* ---- giving the descriptor away ---- */

static size_t count_queued(const struct weir__stream *stream)
{
    const struct weir__received *it;
    size_t len = 0;

    for (it = stream->taken; it; it = it->next)
        len += it->lent.len;
    for (it = stream->recv.u.received.head; it; it = it->next)
        len += it->lent.len;
    return len;
}

size_t weir__stream_rest(struct weir__stream *stream, struct weir__task *task)
{
    recall(stream, task);
    return count_queued(stream);
}

static unsigned char *copy_list(const struct weir__received *it, unsigned char *out)
{
    for (; it; it = it->next) {
        memcpy(out, it->lent.bytes, it->lent.len);
        out += it->lent.len;
    }
    return out;
}

void weir__stream_peek(const struct weir__stream *stream, void *out)
{
    (void)copy_list(stream->recv.u.received.head, copy_list(stream->taken, out));
}

bool weir__stream_give_away(struct weir__stream *stream)
{
    uint32_t in_use;
    void *object;

    return weir__handle_close(stream->id, WEIR__KIND_STREAM, &in_use, &object) == 1;
}

int weir__stream_detach(struct weir__stream *stream, struct weir__task *task, void *unread,
                        size_t cap, int *descriptor)
{
    size_t len = weir__stream_rest(stream, task);
    int number;

    if (len > cap)
        return WEIR_ENOBUFS;
    number = weir__sys_dup(stream->fd.number);
    if (number < 0)
        return number;
    if (!weir__stream_give_away(stream)) {
        weir__sys_close(number);
        return WEIR_ECLOSED;
    }
    weir__stream_peek(stream, unread);
    drop_received(stream);
    *descriptor = number;
    return (int)len;
}

void weir__stream_drop_list(struct weir__received *list)
{
    while (list) {
        weir_lent lent = list->lent;

        list = list->next;
        weir__buffers_return(&lent);
    }
}

int weir__stream_make_list(weir_loop *loop, const void *bytes, size_t len,
                           struct weir__received **list)
{
    weir_op queue = {.u.received.head = NULL};
    const char *at = bytes;

    while (len) {
        uint32_t n = len < WEIR__BUFFER_SIZE ? (uint32_t)len : WEIR__BUFFER_SIZE;
        weir_lent lent;

        if (weir__buffers_make_copy(&loop->buffers, n, &lent) < 0) {
            weir__stream_drop_list(queue.u.received.head);
            return WEIR_ENOMEM;
        }
        memcpy(lent.bytes, at, n);
        weir__received_push(&queue, &lent);
        at += n;
        len -= n;
    }
    *list = queue.u.received.head;
    return 0;
}

int weir_shutdown(weir_stream handle)
{
    WEIR__CALL;
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &error);

    if (!stream)
        return error;
    error = stream->other ? stream->kind->shutdown(stream)
                          : weir__sys_shutdown(stream->fd.number, SHUT_WR);
    weir__stream_leave(stream, 0);
    return error;
}

int weir_stream_counts(weir_stream handle, struct weir_byte_counts *out)
{
    WEIR__CALL;
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &error);

    if (!stream)
        return error;
    out->read = WEIR_ATOMIC_LOAD(&stream->read_bytes, RELAXED);
    out->written = WEIR_ATOMIC_LOAD(&stream->written_bytes, RELAXED);
    weir__stream_leave(stream, 0);
    return 0;
}
