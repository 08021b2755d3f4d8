/* core/op.c - filling operations.
 *
 * Each function sets every field but `done` and `context`, so that an operation can be filled again
 * after it has completed. Nothing here can fail; wrong arguments show in the result.
 */
#include "core/loop.h"

void weir_fd_init(weir_fd *fd, int number)
{
    /* atomic: a loop on another thread may still have an event of the memory's former use in hand,
     * and note a hint; partner: reap_event of the epoll backend */
    WEIR_ATOMIC_STORE(&fd->number, number, RELAXED);
    WEIR_ATOMIC_STORE(&fd->weir__read_hint, 0, RELAXED);
    WEIR_ATOMIC_STORE(&fd->weir__write_hint, 1, RELAXED);
    WEIR_ATOMIC_STORE(&fd->weir__facts, 0, RELAXED);
    WEIR_ATOMIC_STORE(&fd->weir__nonblock, 0, RELAXED);
    WEIR_ATOMIC_STORE(&fd->weir__reader, 0, SEQ_CST);
    WEIR_ATOMIC_STORE(&fd->weir__writer, 0, SEQ_CST);
}

static void fill(weir_op *op, weir_fd *fd, enum weir_op_kind kind, uint8_t flags)
{
    op->fd = fd;
    op->kind = (uint8_t)kind;
    op->flags = flags;
    op->result = 0;
    op->weir__next = NULL;
    op->weir__state = OP_IDLE;
    op->weir__cancels = 0;
}

void weir_op_nop(weir_op *op)
{
    fill(op, NULL, WEIR_OP_NOP, 0);
}

void weir_op_timer(weir_op *op, uint64_t deadline_ns)
{
    fill(op, NULL, WEIR_OP_TIMER, 0);
    op->u.timer.links[0] = NULL;
    op->u.timer.links[1] = NULL;
    op->u.timer.deadline_ns = deadline_ns;
    op->u.timer.fire = NULL;
}

void weir_op_accept(weir_op *op, weir_fd *listener, uint8_t flags)
{
    fill(op, listener, WEIR_OP_ACCEPT, flags & (WEIR_OP_MULTISHOT | WEIR_OP_SILENT));
}

void weir_op_connect(weir_op *op, weir_fd *fd, const struct sockaddr *address, uint32_t len)
{
    fill(op, fd, WEIR_OP_CONNECT, 0);
    op->u.connect.address = address;
    op->u.connect.len = len;
    op->u.connect.started = false;
}

void weir_op_recv(weir_op *op, weir_fd *fd, void *base, size_t len)
{
    fill(op, fd, WEIR_OP_RECV, 0);
    op->u.buffer.base = base;
    op->u.buffer.len = len > INT32_MAX ? INT32_MAX : len;
    op->u.buffer.done = 0;
}

void weir_op_recv_lent(weir_op *op, weir_fd *fd, uint8_t flags)
{
    fill(op, fd, WEIR_OP_RECV_LENT, flags & (WEIR_OP_MULTISHOT | WEIR_OP_SILENT));
    if (flags & WEIR_OP_MULTISHOT) {
        op->u.received.head = op->u.received.tail = NULL;
        op->u.received.count = 0;
    } else {
        op->u.lent.bytes = NULL;
        op->u.lent.len = 0;
        op->u.lent.weir__group = NULL;
    }
}

void weir_op_send(weir_op *op, weir_fd *fd, const void *base, size_t len, uint8_t flags)
{
    fill(op, fd, WEIR_OP_SEND, flags & WEIR_OP_WHOLE);
    op->weir__zero_copy = 0;
    op->u.buffer.base = (void *)(uintptr_t)base;
    op->u.buffer.len = len > INT32_MAX ? INT32_MAX : len;
    op->u.buffer.done = 0;
}

void weir_op_sendmsg(weir_op *op, weir_fd *fd, struct msghdr *message)
{
    fill(op, fd, WEIR_OP_SENDMSG, 0);
    op->u.message = message;
}

void weir_op_poll(weir_op *op, weir_fd *fd, uint32_t events)
{
    fill(op, fd, WEIR_OP_POLL, 0);
    op->u.events = events;
}

void weir_op_sendfile(weir_op *op, weir_fd *fd, int file, uint64_t offset, size_t len)
{
    fill(op, fd, WEIR_OP_SENDFILE, 0);
    op->u.file.offset = offset;
    op->u.file.len = len > INT32_MAX ? INT32_MAX : len;
    op->u.file.file = file;
}
