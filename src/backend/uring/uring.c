/* backend/uring/uring.c - operations as submission entries of one ring.
 *
 * Everything prepared in a turn goes out in the system call that waits. `user_data` is the address
 * of the operation with its wait number in the top 16 bits, so that a cancel names one wait and no
 * other; the lowest bit marks the answer to a cancel, and small numbers are the loop's own. An
 * operation is busy until it and every cancel for it have come back.
 *
 * Tasks receive single-shot with a buffer that the kernel picks from the loop's group. A receive
 * polls first unless the last one said that more is there. Where the kernel has no buffer rings the
 * receive waits for readiness and takes a buffer itself. Reaping links completions and calls
 * nobody.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "backend/ready/attempt.h"
#include "backend/uring/ring.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "core/loop.h"
#include "sys/call.h"
#include "sys/sys.h"

#define SQ_ENTRIES      1024
#define CQ_ENTRIES      8192
#define GROUP_ID        1
#define WAIT_SHIFT      48
#define DATA_IGNORE     0u
#define DATA_WAKE       2u
#define DATA_CANCEL_BIT 1u

struct uring_state {
    struct weir__ring ring;
    struct io_uring_buf_ring *group; /* NULL: the kernel has none */
    uint32_t group_entries;
    uint16_t group_tail;
    uint32_t in_ring; /* buffers in the kernel's hands */
    int wake;
    int event; /* for embedding; -1 until it is asked for */
    uint64_t wake_value;
    bool wake_armed;
};

static uint64_t data_of(const struct weir_op *op)
{
    return (uint64_t)(uintptr_t)op | (uint64_t)op->weir__wait << WAIT_SHIFT;
}

static struct weir_op *op_of(uint64_t data)
{
    return (struct weir_op *)(uintptr_t)(data & ((1ull << WAIT_SHIFT) - 1) & ~(uint64_t)1);
}

/* ---- life ---- */

static void uring_fini(struct weir_loop *loop)
{
    struct uring_state *state = loop->state;

    if (state->ring.enabled && weir__ring_unsent(&state->ring))
        (void)weir__ring_enter(&state->ring, 0, 0); /* closes */
    weir__ring_fini(&state->ring);
    if (state->group)
        weir__sys_munmap(state->group, state->group_entries * sizeof(struct io_uring_buf));
    if (state->wake >= 0)
        weir__sys_close(state->wake);
    if (state->event >= 0)
        weir__sys_close(state->event);
    weir__free(state);
    loop->state = NULL;
}

static int uring_init(struct weir_loop *loop)
{
    struct uring_state *state = weir__calloc(1, sizeof *state);
    int rc;

    if (!state)
        return WEIR_ENOMEM;
    loop->state = state;
    state->wake = state->event = -1;
    rc = weir__ring_init(&state->ring, SQ_ENTRIES, CQ_ENTRIES);
    if (rc < 0)
        goto fail;
    state->wake = rc = weir__sys_eventfd(0, EFD_CLOEXEC);
    if (rc < 0)
        goto fail;
    return 0;
fail:
    uring_fini(loop);
    return rc;
}

/* ---- buffers ---- */

static void ring_add(struct weir_loop *loop, uint32_t id)
{
    struct uring_state *state = loop->state;
    struct io_uring_buf *buf = &state->group->bufs[state->group_tail & (state->group_entries - 1)];

    buf->addr = (uint64_t)(uintptr_t)weir__buffers_at(&loop->buffers, id);
    buf->len = WEIR__BUFFER_SIZE;
    buf->bid = (uint16_t)id;
    state->group_tail++;
    state->in_ring++;
    WEIR_ATOMIC_STORE(&state->group->tail, state->group_tail, RELEASE);
}

static bool grow_group(struct weir_loop *loop)
{
    int64_t first = weir__buffers_grow(&loop->buffers);
    uint32_t i;

    if (first < 0)
        return false;
    for (i = 0; i < WEIR__BUFFERS_CHUNK; i++)
        ring_add(loop, (uint32_t)first + i);
    return true;
}

static void uring_give(struct weir_loop *loop, uint32_t id)
{
    struct uring_state *state = loop->state;

    if (state->group)
        ring_add(loop, id);
    else
        weir__buffers_put(&loop->buffers, id);
}

static uint32_t power_of_two(uint32_t n)
{
    uint32_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

/* Registers the group; without it receives are readiness and a plain call. */
static void init_group(struct weir_loop *loop)
{
    struct uring_state *state = loop->state;
    uint32_t entries = power_of_two(loop->buffers.max);
    struct io_uring_buf_reg reg = {.ring_entries = entries, .bgid = GROUP_ID};
    size_t size = entries * sizeof(struct io_uring_buf);
    void *memory = NULL;

    if (weir__sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
                       &memory)
        < 0)
        return;
    reg.ring_addr = (uint64_t)(uintptr_t)memory;
    if (weir__sys_io_uring_register(state->ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1) < 0) {
        weir__sys_munmap(memory, size);
        return;
    }
    state->group = memory;
    state->group_entries = entries;
    grow_group(loop);
}

/* ---- waking ---- */

static void arm_wake(struct uring_state *state)
{
    struct io_uring_sqe *sqe = weir__ring_sqe(&state->ring);

    sqe->opcode = IORING_OP_READ;
    sqe->fd = state->wake;
    sqe->addr = (uint64_t)(uintptr_t)&state->wake_value;
    sqe->len = sizeof state->wake_value;
    sqe->user_data = DATA_WAKE;
    state->wake_armed = true;
}

static void uring_wake(struct weir_loop *loop)
{
    struct uring_state *state = loop->state;
    uint64_t one = 1;

    (void)weir__sys_write(state->wake, &one, sizeof one);
}

/* The ring's own descriptor does not say that completions are deferred to the next enter; an event
 * descriptor that is registered with it does. */
static int uring_descriptor(struct weir_loop *loop)
{
    struct uring_state *state = loop->state;
    int rc, fd;

    if (state->event >= 0)
        return state->event;
    fd = weir__sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return fd;
    rc = weir__sys_io_uring_register(state->ring.fd, IORING_REGISTER_EVENTFD, &fd, 1);
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    state->event = fd;
    return fd;
}

/* ---- submission ---- */

static struct io_uring_sqe *prepare(struct uring_state *state, struct weir_op *op, int opcode)
{
    struct io_uring_sqe *sqe = weir__ring_sqe(&state->ring);

    sqe->opcode = (uint8_t)opcode;
    sqe->fd = op->fd->number;
    sqe->user_data = data_of(op);
    return sqe;
}

static void prepare_poll(struct uring_state *state, struct weir_op *op, uint32_t events)
{
    prepare(state, op, IORING_OP_POLL_ADD)->poll32_events = events;
}

static void prepare_recv(struct uring_state *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe;

    if (op->kind == WEIR_OP_RECV_LENT && !state->group) {
        prepare_poll(state, op, POLLIN);
        return;
    }
    sqe = prepare(state, op, IORING_OP_RECV);
    sqe->ioprio = op->fd->weir__read_hint ? 0 : IORING_RECVSEND_POLL_FIRST;
    if (op->kind == WEIR_OP_RECV_LENT) {
        sqe->flags = IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP_ID;
    } else {
        sqe->addr = (uint64_t)(uintptr_t)op->u.buffer.base;
        sqe->len = (uint32_t)op->u.buffer.len;
    }
}

static void prepare_send(struct uring_state *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = prepare(state, op, IORING_OP_SEND);

    sqe->addr = (uint64_t)(uintptr_t)op->u.buffer.base + op->u.buffer.done;
    sqe->len = (uint32_t)(op->u.buffer.len - op->u.buffer.done);
    sqe->msg_flags = MSG_NOSIGNAL | (op->flags & WEIR_OP_WHOLE ? MSG_WAITALL : 0);
}

static void prepare_sendmsg(struct uring_state *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = prepare(state, op, IORING_OP_SENDMSG);

    sqe->addr = (uint64_t)(uintptr_t)op->u.message;
    sqe->len = 1;
    sqe->msg_flags = MSG_NOSIGNAL;
}

static void prepare_accept(struct uring_state *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = prepare(state, op, IORING_OP_ACCEPT);

    sqe->accept_flags = SOCK_CLOEXEC;
    if (op->flags & WEIR_OP_MULTISHOT)
        sqe->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void prepare_connect(struct uring_state *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = prepare(state, op, IORING_OP_CONNECT);

    sqe->addr = (uint64_t)(uintptr_t)op->u.connect.address;
    sqe->off = op->u.connect.len;
}

/* A plain call, tried when it saves a trip through the ring: the ring has nothing else to take, and
 * nobody else is about to give it something. */
static bool worth_a_call(const struct weir_loop *loop, const struct uring_state *state)
{
    return !loop->runnable && !loop->completed_head && !weir__ring_unsent(&state->ring);
}

/* sendfile has no flag for one call, so the socket is non-blocking for its duration only: the ring
 * does not wait on a socket that is. */
static bool attempt_sendfile(struct weir_loop *loop, struct weir_op *op)
{
    bool finished = weir__ready_attempt(loop, op);

    if (op->fd->weir__nonblock && weir__sys_set_nonblock(op->fd->number, false) == 0)
        op->fd->weir__nonblock = 0;
    return finished;
}

static void submit_now(struct weir_loop *loop, struct weir_op *op)
{
    struct uring_state *state = loop->state;

    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_ACCEPT:
        prepare_accept(state, op);
        break;
    case WEIR_OP_CONNECT:
        prepare_connect(state, op);
        break;
    case WEIR_OP_RECV:
    case WEIR_OP_RECV_LENT:
        prepare_recv(state, op);
        break;
    case WEIR_OP_SEND:
        if (worth_a_call(loop, state) && weir__ready_attempt(loop, op))
            weir__loop_complete(loop, op);
        else
            prepare_send(state, op);
        break;
    case WEIR_OP_SENDMSG:
        if (worth_a_call(loop, state) && weir__ready_attempt(loop, op))
            weir__loop_complete(loop, op);
        else
            prepare_sendmsg(state, op);
        break;
    case WEIR_OP_POLL:
        prepare_poll(state, op, op->u.events);
        break;
    case WEIR_OP_SENDFILE:
        if (attempt_sendfile(loop, op))
            weir__loop_complete(loop, op);
        else
            prepare_poll(state, op, POLLOUT);
        break;
    case WEIR_OP_NOP:
    case WEIR_OP_TIMER:
        WEIR_ASSERT(!"the loop completes these itself");
    }
}

static void uring_submit(struct weir_loop *loop, struct weir_op *op)
{
    submit_now(loop, op);
}

static void uring_cancel(struct weir_loop *loop, struct weir_op *op)
{
    struct uring_state *state = loop->state;
    struct io_uring_sqe *sqe;

    if (op->weir__cancels)
        return;
    op->weir__cancels++;
    sqe = weir__ring_sqe(&state->ring);
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = -1;
    sqe->addr = data_of(op);
    sqe->user_data = data_of(op) | DATA_CANCEL_BIT;
}

static void uring_forget(struct weir_loop *loop, weir_fd *fd, int close)
{
    struct uring_state *state = loop->state;
    struct io_uring_sqe *sqe;

    if (!close)
        return;
    if (!state->ring.enabled || worth_a_call(loop, state)) {
        weir__sys_close(fd->number);
        return;
    }
    sqe = weir__ring_sqe(&state->ring);
    sqe->opcode = IORING_OP_CLOSE;
    sqe->fd = fd->number;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = DATA_IGNORE;
}

/* ---- reaping ---- */

static void link_done(struct weir_loop *loop, struct weir_op *op)
{
    if (op->weir__cancels)
        op->weir__state = OP_HELD;
    else
        weir__loop_complete(loop, op);
}

static void reap_cancel(struct weir_loop *loop, struct weir_op *op)
{
    op->weir__cancels--;
    if (op->weir__state != OP_HELD || op->weir__cancels)
        return;
    if (op->flags & WEIR_OP_MULTISHOT)
        weir__loop_shot(loop, op, op->result, false);
    else
        weir__loop_complete(loop, op);
}

static void reap_accept(struct weir_loop *loop, struct weir_op *op, const struct io_uring_cqe *cqe)
{
    bool more = cqe->flags & IORING_CQE_F_MORE;

    op->result = cqe->res;
    if (!(op->flags & WEIR_OP_MULTISHOT)) {
        link_done(loop, op);
        return;
    }
    if (more || !op->weir__cancels) {
        weir__loop_shot(loop, op, cqe->res, more);
        return;
    }
    if (cqe->res >= 0)
        weir__loop_shot(loop, op, cqe->res, true);
    op->result = WEIR_ECANCELED;
    op->weir__state = OP_HELD;
}

static void reap_lent(struct weir_loop *loop, struct weir_op *op, const struct io_uring_cqe *cqe)
{
    struct uring_state *state = loop->state;
    uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

    if (cqe->flags & IORING_CQE_F_BUFFER) {
        state->in_ring--;
        if (cqe->res > 0)
            weir__buffers_lend(&loop->buffers, id, (uint32_t)cqe->res, &op->u.lent);
        else
            uring_give(loop, id);
        if (state->in_ring < loop->buffers.count / 4)
            grow_group(loop);
    }
    if (cqe->res != WEIR_ENOBUFS || op->weir__cancels) {
        link_done(loop, op);
        return;
    }
    if (state->in_ring || grow_group(loop))
        submit_now(loop, op);
    else
        weir__loop_starve(loop, op);
}

/* Readiness came for an operation that is then done by a plain call. */
static void reap_ready(struct weir_loop *loop, struct weir_op *op, int result)
{
    struct uring_state *state = loop->state;
    bool finished;

    if (result < 0) {
        op->result = result;
        link_done(loop, op);
        return;
    }
    if (op->kind == WEIR_OP_SENDFILE)
        finished = attempt_sendfile(loop, op);
    else
        finished = !state->group && weir__ready_attempt(loop, op);
    if (!finished && op->weir__cancels) { /* the cancel has missed the readiness that came */
        op->result = WEIR_ECANCELED;
        finished = true;
    }
    if (finished && op->result == WEIR_ENOBUFS && op->kind == WEIR_OP_RECV_LENT)
        weir__loop_starve(loop, op);
    else if (finished)
        link_done(loop, op);
    else
        submit_now(loop, op);
}

static void reap_op(struct weir_loop *loop, const struct io_uring_cqe *cqe)
{
    struct uring_state *state = loop->state;
    struct weir_op *op = op_of(cqe->user_data);

    op->result = cqe->res;
    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_ACCEPT:
        reap_accept(loop, op, cqe);
        return;
    case WEIR_OP_RECV_LENT:
        op->fd->weir__read_hint = (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
        /* readiness for a receive from before the group was registered is no byte count */
        if (state->group && (cqe->res <= 0 || (cqe->flags & IORING_CQE_F_BUFFER)))
            reap_lent(loop, op, cqe);
        else
            reap_ready(loop, op, cqe->res);
        return;
    case WEIR_OP_SENDFILE:
        reap_ready(loop, op, cqe->res);
        return;
    case WEIR_OP_RECV:
        op->fd->weir__read_hint = (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
        break;
    case WEIR_OP_SEND:
        if (op->u.buffer.done)
            op->result = (int32_t)op->u.buffer.done + (cqe->res > 0 ? cqe->res : 0);
        break;
    case WEIR_OP_CONNECT:
    case WEIR_OP_SENDMSG:
    case WEIR_OP_POLL:
    case WEIR_OP_NOP:
    case WEIR_OP_TIMER:
        break;
    }
    link_done(loop, op);
}

static void reap_one(struct weir_loop *loop, const struct io_uring_cqe *cqe)
{
    struct uring_state *state = loop->state;

    if (cqe->user_data == DATA_IGNORE)
        return;
    if (cqe->user_data == DATA_WAKE) {
        state->wake_armed = false;
        loop->wake_count++;
    } else if (cqe->user_data & DATA_CANCEL_BIT) {
        reap_cancel(loop, op_of(cqe->user_data));
    } else {
        reap_op(loop, cqe);
    }
}

static void reap(struct weir_loop *loop)
{
    struct weir__ring *ring = &((struct uring_state *)loop->state)->ring;
    unsigned head = *ring->cq_head;
    unsigned tail = WEIR_ATOMIC_LOAD(ring->cq_tail, ACQUIRE);

    while (head != tail && !weir__loop_shots_full(loop)) {
        reap_one(loop, &ring->cqes[head & ring->cq_mask]);
        head++;
    }
    WEIR_ATOMIC_STORE(ring->cq_head, head, RELEASE);
}

/* Looks at the ring's own memory, without a system call: true if there is something. */
static bool spin(struct weir_loop *loop)
{
    struct weir__ring *ring = &((struct uring_state *)loop->state)->ring;
    bool found;

    while (!(found = weir__ring_stirs(ring) || !weir__inbox_empty(&loop->inbox))
           && weir__spin_again(&loop->spin))
        weir__sys_cpu_relax();
    weir__spin_end(&loop->spin, found);
    return found;
}

static int sleep_or_spin(struct weir_loop *loop, int64_t timeout_ns)
{
    struct weir__ring *ring = &((struct uring_state *)loop->state)->ring;
    int rc;

    if (weir__spin_begin(&loop->spin, timeout_ns)) {
        rc = weir__ring_enter(ring, 0, 0);
        if (rc < 0)
            return rc;
        if (spin(loop))
            return weir__ring_cq_count(ring) ? 0 : weir__ring_enter(ring, 0, 0);
    }
    if (!weir__loop_fall_asleep(loop))
        return weir__ring_enter(ring, 0, 0);
    rc = weir__ring_enter(ring, 1, timeout_ns);
    weir__loop_awake(loop);
    return rc;
}

static int uring_wait(struct weir_loop *loop, int64_t timeout_ns)
{
    struct uring_state *state = loop->state;
    uint64_t count;
    int rc = 0;

    if (!state->ring.enabled) {
        rc = weir__ring_enable(&state->ring);
        if (rc < 0)
            return rc;
        init_group(loop);
    }
    if (state->event >= 0)
        (void)weir__sys_read(state->event, &count, sizeof count);
    if (!state->wake_armed)
        arm_wake(state);
    if (timeout_ns && weir__ring_cq_count(&state->ring))
        timeout_ns = 0;
    if (timeout_ns)
        rc = sleep_or_spin(loop, timeout_ns);
    else if (weir__ring_unsent(&state->ring) || weir__ring_stirs(&state->ring))
        rc = weir__ring_enter(&state->ring, 0, 0);
    reap(loop);
    return rc;
}

const struct weir__backend weir__backend_uring = {
    .name = "uring",
    .init = uring_init,
    .fini = uring_fini,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .wait = uring_wait,
    .wake = uring_wake,
    .descriptor = uring_descriptor,
    .forget = uring_forget,
    .give = uring_give,
};
