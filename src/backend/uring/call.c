/* backend/uring/call.c - system calls on files as submission entries.
 *
 * Which of them the kernel knows it says itself, when the first one is submitted; those that it
 * does not know are the pool's. Buffered reads that are in memory complete at once, direct ones are
 * waited for without a thread, the rest is done by threads of the kernel.
 */
#include <string.h>

#include "backend/uring/uring.h"
#include "core/call.h"
#include "sys/call.h"

#define ASKED 1ull /* no call is the opcode 0 */

static const uint8_t opcodes[WEIR__CALL_CODES] = {
    [WEIR__CALL_READ] = IORING_OP_READ,
    [WEIR__CALL_WRITE] = IORING_OP_WRITE,
    [WEIR__CALL_READV] = IORING_OP_READV,
    [WEIR__CALL_WRITEV] = IORING_OP_WRITEV,
    [WEIR__CALL_SYNC] = IORING_OP_FSYNC,
    [WEIR__CALL_SYNC_RANGE] = IORING_OP_SYNC_FILE_RANGE,
    [WEIR__CALL_ALLOCATE] = IORING_OP_FALLOCATE,
    [WEIR__CALL_TRUNCATE] = WEIR__URING_OP_FTRUNCATE,
    [WEIR__CALL_ADVISE] = IORING_OP_FADVISE,
    [WEIR__CALL_MADVISE] = IORING_OP_MADVISE,
    [WEIR__CALL_OPEN] = IORING_OP_OPENAT2,
    [WEIR__CALL_CLOSE] = IORING_OP_CLOSE,
    [WEIR__CALL_STATX] = IORING_OP_STATX,
    [WEIR__CALL_RENAME] = IORING_OP_RENAMEAT,
    [WEIR__CALL_UNLINK] = IORING_OP_UNLINKAT,
    [WEIR__CALL_MKDIR] = IORING_OP_MKDIRAT,
    [WEIR__CALL_SYMLINK] = IORING_OP_SYMLINKAT,
    [WEIR__CALL_LINK] = IORING_OP_LINKAT,
    [WEIR__CALL_GETXATTR] = IORING_OP_FGETXATTR,
    [WEIR__CALL_SETXATTR] = IORING_OP_FSETXATTR,
};

/* What the kernel knows of its first 64 opcodes. */
static uint64_t ask(const struct weir__ring *ring)
{
    union {
        struct io_uring_probe probe;
        char room[sizeof(struct io_uring_probe) + 64 * sizeof(struct io_uring_probe_op)];
    } answer;
    uint64_t known = ASKED;
    unsigned i;

    memset(&answer, 0, sizeof answer);
    if (weir__sys_io_uring_register(ring->fd, IORING_REGISTER_PROBE, &answer.probe, 64) < 0)
        return known;
    for (i = 1; i < 64 && i < answer.probe.ops_len; i++) {
        if (answer.probe.ops[i].flags & IO_URING_OP_SUPPORTED)
            known |= 1ull << answer.probe.ops[i].op;
    }
    return known;
}

bool weir__uring_knows(struct weir__uring *state, unsigned opcode)
{
    if (!state->opcodes)
        state->opcodes = ask(&state->ring);
    return state->opcodes >> opcode & 1;
}

static uint64_t address(const void *at)
{
    return (uint64_t)(uintptr_t)at;
}

/* Two names, each below a directory; the second one's offset is that of `addr2`. */
static void fill_names(struct io_uring_sqe *sqe, const struct weir__call *call)
{
    sqe->addr = address(call->path);
    sqe->len = (uint32_t)call->to_fd;
    sqe->addr2 = address(call->to);
    sqe->rename_flags = call->flags;
}

static void fill(struct io_uring_sqe *sqe, const struct weir__call *call)
{
    sqe->fd = call->fd;
    switch ((enum weir__call_code)call->code) {
    case WEIR__CALL_READ:
    case WEIR__CALL_WRITE:
    case WEIR__CALL_READV:
    case WEIR__CALL_WRITEV:
        sqe->addr = address(call->data);
        sqe->len = (uint32_t)call->len;
        sqe->off = call->offset;
        break;
    case WEIR__CALL_SYNC:
        sqe->fsync_flags = call->flags;
        break;
    case WEIR__CALL_SYNC_RANGE:
        sqe->off = call->offset;
        sqe->len = (uint32_t)call->len;
        sqe->sync_range_flags = call->flags;
        break;
    case WEIR__CALL_ALLOCATE:
        sqe->off = call->offset;
        sqe->addr = call->len;
        sqe->len = call->flags;
        break;
    case WEIR__CALL_TRUNCATE:
        sqe->off = call->len;
        break;
    case WEIR__CALL_ADVISE:
        sqe->off = call->offset;
        sqe->len = (uint32_t)call->len;
        sqe->fadvise_advice = call->flags;
        break;
    case WEIR__CALL_MADVISE:
        sqe->fd = -1;
        sqe->addr = address(call->data);
        sqe->len = (uint32_t)call->len;
        sqe->fadvise_advice = call->flags;
        break;
    case WEIR__CALL_OPEN:
        sqe->addr = address(call->path);
        sqe->addr2 = address(call->data);
        sqe->len = sizeof(struct weir__open_how);
        /* else the kernel tries first without waiting, and opens a FIFO that has no other end */
        sqe->flags = IOSQE_ASYNC;
        break;
    case WEIR__CALL_STATX:
        sqe->addr = address(call->path);
        sqe->addr2 = address(call->data);
        sqe->len = call->mode;
        sqe->statx_flags = call->flags;
        break;
    case WEIR__CALL_RENAME:
    case WEIR__CALL_LINK:
        fill_names(sqe, call);
        break;
    case WEIR__CALL_UNLINK:
        sqe->addr = address(call->path);
        sqe->unlink_flags = call->flags;
        break;
    case WEIR__CALL_MKDIR:
        sqe->addr = address(call->path);
        sqe->len = call->mode;
        break;
    case WEIR__CALL_SYMLINK:
        sqe->addr = address(call->path);
        sqe->addr2 = address(call->to);
        break;
    case WEIR__CALL_GETXATTR:
    case WEIR__CALL_SETXATTR:
        sqe->addr = address(call->path);
        sqe->addr2 = address(call->data);
        sqe->len = (uint32_t)call->len;
        sqe->xattr_flags = call->flags;
        break;
    case WEIR__CALL_CLOSE:
    case WEIR__CALL_OTHER:
    case WEIR__CALL_CODES:
        break;
    }
}

/* A length that its field does not hold is the pool's, too. */
static bool fits(const struct weir__call *call)
{
    return call->len <= UINT32_MAX || call->code == WEIR__CALL_ALLOCATE
           || call->code == WEIR__CALL_TRUNCATE;
}

void weir__uring_submit_call(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;
    const struct weir__call *call = op->u.call;
    unsigned opcode = opcodes[call->code];
    struct io_uring_sqe *sqe;

    if (opcode == 0 || !weir__uring_knows(state, opcode) || !fits(call)) {
        weir__call_offload(loop, op);
        return;
    }
    sqe = weir__ring_sqe(&state->ring);
    sqe->opcode = (uint8_t)opcode;
    fill(sqe, call);
    sqe->user_data = weir__uring_data(op);
}
