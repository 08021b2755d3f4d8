/* backend/ready/attempt.c - see attempt.h.
 *
 * The read hint of a descriptor says whether more bytes may be there: a receive that did not fill
 * its buffer has emptied the socket, so no speculative read follows it. After a hang-up the hint
 * stays on, since the end of the stream is still to be read. A loop that does not watch the
 * descriptor leaves the hint on as well: the loop that does may just have been told of new bytes.
 */
#include "backend/ready/attempt.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "core/loop.h"
#include "sys/call.h"

static bool would_block(int rc)
{
    return rc == WEIR_EAGAIN || rc == -EWOULDBLOCK;
}

/* Hints may be written by a loop that had the direction before: they are only hints. */
static void hint(uint8_t *which, int value)
{
    WEIR_ATOMIC_STORE(which, (uint8_t)value, RELAXED);
}

static bool finish(struct weir_op *op, int result)
{
    op->result = result;
    return true;
}

/* Makes the descriptor non-blocking, once. Who reads and who writes may do so at the same time. */
static int nonblock(weir_fd *fd)
{
    int rc;

    if (WEIR_ATOMIC_LOAD(&fd->weir__nonblock, RELAXED))
        return 0;
    rc = weir__sys_set_nonblock(fd->number, true);
    if (rc == 0)
        WEIR_ATOMIC_STORE(&fd->weir__nonblock, 1, RELAXED);
    return rc;
}

static void note_read(struct weir_loop *loop, struct weir_op *op, int rc, size_t room)
{
    uint8_t hup = WEIR_ATOMIC_LOAD(&op->fd->weir__facts, RELAXED) & WEIR__FD_HUP;
    uint16_t watcher = weir__fd_watcher(&op->fd->weir__reader);

    if (rc > 0 && (size_t)rc < room && (watcher == 0 || watcher == loop->index))
        hint(&op->fd->weir__read_hint, hup);
    else if (would_block(rc))
        hint(&op->fd->weir__read_hint, 0);
}

static bool attempt_recv(struct weir_loop *loop, struct weir_op *op)
{
    size_t room = weir__loop_cut(loop, op->u.buffer.len);
    int rc = weir__sys_recv(op->fd->number, op->u.buffer.base, room, MSG_DONTWAIT);

    note_read(loop, op, rc, room);
    return would_block(rc) ? false : finish(op, rc);
}

/* Receives into a buffer of the group: the count, and *lent, or 0 or an error. */
static int recv_lent(struct weir_loop *loop, struct weir_op *op, weir_lent *lent)
{
    struct weir__buffers *group = &loop->buffers;
    int64_t id = weir__buffers_take(group);
    size_t room = weir__loop_cut(loop, WEIR__BUFFER_SIZE);
    int rc;

    if (id < 0)
        return WEIR_ENOBUFS;
    rc = weir__sys_recv(op->fd->number, weir__buffers_at(group, (uint32_t)id), room, MSG_DONTWAIT);
    note_read(loop, op, rc, room);
    if (rc > 0)
        weir__buffers_lend(group, (uint32_t)id, (uint32_t)rc, false, lent);
    else
        weir__buffers_put(group, (uint32_t)id);
    return rc;
}

static bool attempt_recv_lent(struct weir_loop *loop, struct weir_op *op)
{
    int rc = recv_lent(loop, op, &op->u.lent);

    return would_block(rc) ? false : finish(op, rc);
}

enum weir__ready_next weir__ready_receive(struct weir_loop *loop, struct weir_op *op)
{
    while (op->u.received.count < WEIR_RECEIVED_MAX) {
        weir_lent lent;
        int rc = recv_lent(loop, op, &lent);

        if (would_block(rc))
            return READY_WAIT;
        if (rc == WEIR_ENOBUFS)
            return READY_STARVE;
        if (rc <= 0) {
            finish(op, rc);
            return READY_END;
        }
        weir__loop_receive(loop, op, &lent);
        if (!WEIR_ATOMIC_LOAD(&op->fd->weir__read_hint, RELAXED))
            return READY_WAIT;
    }
    return READY_LATER;
}

static bool attempt_send(struct weir_loop *loop, struct weir_op *op)
{
    int rc;

    do {
        size_t done = op->u.buffer.done;

        rc = weir__sys_send(op->fd->number, (char *)op->u.buffer.base + done,
                            weir__loop_cut(loop, op->u.buffer.len - done),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (rc > 0)
            op->u.buffer.done += (size_t)rc;
    } while (rc > 0 && (op->flags & WEIR_OP_WHOLE) && op->u.buffer.done < op->u.buffer.len);
    hint(&op->fd->weir__write_hint, !would_block(rc));
    if (op->u.buffer.done == op->u.buffer.len
        || (op->u.buffer.done && !(op->flags & WEIR_OP_WHOLE)))
        return finish(op, (int)op->u.buffer.done);
    if (would_block(rc))
        return false;
    return finish(op, op->u.buffer.done ? (int)op->u.buffer.done : rc);
}

static bool attempt_sendmsg(struct weir_op *op)
{
    int rc = weir__sys_sendmsg(op->fd->number, op->u.message, MSG_DONTWAIT | MSG_NOSIGNAL);

    hint(&op->fd->weir__write_hint, !would_block(rc));
    return would_block(rc) ? false : finish(op, rc);
}

static bool attempt_sendfile(struct weir_loop *loop, struct weir_op *op)
{
    off_t offset = (off_t)op->u.file.offset;
    int rc = nonblock(op->fd);

    if (rc < 0)
        return finish(op, rc);
    rc = (int)weir__sys_sendfile(op->fd->number, op->u.file.file, &offset,
                                 weir__loop_cut(loop, op->u.file.len));
    hint(&op->fd->weir__write_hint, !would_block(rc));
    return would_block(rc) ? false : finish(op, rc);
}

static bool attempt_connect(struct weir_op *op)
{
    int rc;

    if (op->u.connect.started) {
        struct pollfd poll_fd = {.fd = op->fd->number, .events = POLLOUT};
        int error = 0;
        socklen_t size = sizeof error;

        rc = weir__sys_poll(&poll_fd, 1, 0);
        if (rc == 0)
            return false;
        rc = weir__sys_getsockopt(op->fd->number, SOL_SOCKET, SO_ERROR, &error, &size);
        return finish(op, rc < 0 ? rc : -error);
    }
    op->u.connect.started = true;
    rc = nonblock(op->fd);
    if (rc < 0)
        return finish(op, rc);
    rc = weir__sys_connect(op->fd->number, op->u.connect.address, op->u.connect.len);
    if (rc == -EINPROGRESS)
        return false;
    return finish(op, rc); /* a UNIX socket with a full backlog answers EAGAIN: an error */
}

static bool attempt_poll(struct weir_op *op)
{
    struct pollfd poll_fd = {.fd = op->fd->number, .events = (short)op->u.events};
    int rc = weir__sys_poll(&poll_fd, 1, 0);

    if (rc == 0)
        return false;
    return finish(op, rc < 0 ? rc : poll_fd.revents);
}

int weir__ready_accept(struct weir_op *op)
{
    int rc = nonblock(op->fd);

    if (rc < 0)
        return rc;
    return weir__sys_accept4(op->fd->number, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static bool attempt_accept(struct weir_op *op)
{
    int rc = weir__ready_accept(op);

    if (would_block(rc)) {
        hint(&op->fd->weir__read_hint, 0);
        /* all that a UNIX socket says that was shut down (seen with 6.18) */
        if (WEIR_ATOMIC_LOAD(&op->fd->weir__facts, RELAXED) & WEIR__FD_HUP)
            return finish(op, WEIR_EINVAL);
        return false;
    }
    return finish(op, rc);
}

bool weir__ready_writes(const struct weir_op *op)
{
    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_CONNECT:
    case WEIR_OP_SEND:
    case WEIR_OP_SENDMSG:
    case WEIR_OP_SENDFILE:
        return true;
    case WEIR_OP_POLL:
        return (op->u.events & POLLOUT) && !(op->u.events & ~(uint32_t)POLLOUT);
    case WEIR_OP_NOP:
    case WEIR_OP_TIMER:
    case WEIR_OP_ACCEPT:
    case WEIR_OP_RECV:
    case WEIR_OP_RECV_LENT:
    case WEIR_OP_CALL:
        return false;
    }
    return false;
}

bool weir__ready_attempt(struct weir_loop *loop, struct weir_op *op)
{
    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_ACCEPT:
        return attempt_accept(op);
    case WEIR_OP_CONNECT:
        return attempt_connect(op);
    case WEIR_OP_RECV:
        return attempt_recv(loop, op);
    case WEIR_OP_RECV_LENT:
        return attempt_recv_lent(loop, op);
    case WEIR_OP_SEND:
        return attempt_send(loop, op);
    case WEIR_OP_SENDMSG:
        return attempt_sendmsg(op);
    case WEIR_OP_POLL:
        return attempt_poll(op);
    case WEIR_OP_SENDFILE:
        return attempt_sendfile(loop, op);
    case WEIR_OP_NOP:
    case WEIR_OP_TIMER:
    case WEIR_OP_CALL:
        break;
    }
    return finish(op, WEIR_EINVAL);
}
