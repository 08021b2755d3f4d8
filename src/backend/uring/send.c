/* backend/uring/send.c - sends without a copy.
 *
 * Such a send completes twice: with its result, and by a notice when the kernel has let go of the
 * memory; that is when the peer has confirmed the bytes, or the connection has ended. The operation
 * is the kernel's until then. A cancel finds nothing any more after the first completion. What the
 * kernel refuses, altogether or for this kind of socket, is sent as ever.
 */
#include <sys/socket.h>

#include "backend/uring/uring.h"
#include "sys/call.h"

bool weir__uring_send_zero_copy(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;
    struct io_uring_sqe *sqe;

    if (op->weir__zero_copy != WEIR__ZERO_COPY_WANTED || op->u.buffer.done)
        return false;
    if (state->no_zero_copy || !weir__uring_knows(state, WEIR__URING_OP_SEND_ZC)) {
        op->weir__zero_copy |= WEIR__ZERO_COPY_REFUSED;
        return false;
    }
    op->weir__zero_copy |= WEIR__ZERO_COPY_SENT;
    sqe = weir__uring_prepare(state, op, WEIR__URING_OP_SEND_ZC);
    sqe->addr = (uint64_t)(uintptr_t)op->u.buffer.base;
    sqe->len = (uint32_t)op->u.buffer.len;
    if (!(op->flags & WEIR_OP_WHOLE))
        sqe->len = (uint32_t)weir__loop_cut(loop, sqe->len);
    sqe->ioprio = IORING_SEND_ZC_REPORT_USAGE;
    sqe->msg_flags = MSG_NOSIGNAL | (op->flags & WEIR_OP_WHOLE ? MSG_WAITALL : 0);
    return true;
}

/* Not of the connection, but of sending so: the socket's kind, or a limit on held memory. */
static bool is_refusal(int result)
{
    return result == WEIR_EINVAL || result == WEIR_ENOTSUP || result == WEIR_ENOBUFS
           || result == WEIR_ENOMEM || result == WEIR_EMSGSIZE;
}

static void finish(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;

    if (!is_refusal(op->result)) {
        weir__uring_done(loop, op);
        return;
    }
    if (op->result == WEIR_EINVAL) /* before Linux 6.2 it knows the opcode and not the flag */
        state->no_zero_copy = true;
    op->weir__zero_copy = WEIR__ZERO_COPY_WANTED | WEIR__ZERO_COPY_REFUSED;
    if (op->flags & WEIR__URING_STOP) {
        op->result = WEIR_ECANCELED;
        weir__uring_done(loop, op);
    } else {
        weir__uring_submit(loop, op);
    }
}

void weir__uring_reap_zero_copy(struct weir_loop *loop, struct weir_op *op,
                                const struct io_uring_cqe *cqe)
{
    if (cqe->flags & IORING_CQE_F_NOTIF) {
        op->weir__zero_copy &= ~URING_ZERO_COPY_NOTICE;
        if ((uint32_t)cqe->res & IORING_NOTIF_USAGE_ZC_COPIED)
            op->weir__zero_copy |= WEIR__ZERO_COPY_COPIED;
        finish(loop, op);
        return;
    }
    op->result = cqe->res;
    if (cqe->flags & IORING_CQE_F_MORE)
        op->weir__zero_copy |= URING_ZERO_COPY_NOTICE;
    else
        finish(loop, op);
}
