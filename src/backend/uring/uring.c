/* backend/uring/uring.c - operations as submission entries of one ring.
 *
 * Everything prepared in a turn goes out in the system call that waits. `user_data` is the address
 * of the operation with its wait number in the top 16 bits, so that a cancel names one wait and no
 * other; the lowest bit marks the answer to a cancel, and small numbers are the loop's own. An
 * operation is busy until it and every cancel for it have come back.
 *
 * Receives into lent buffers, single and multishot, are the business of receive.c. What the ring
 * does not know, sendfile, waits in it for readiness and is then done by a plain call; a send is
 * tried by one first when the ring has nothing else to take. Reaping links completions and calls
 * nobody.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "backend/ready/attempt.h"
#include "backend/uring/uring.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/loop.h"
#include "sys/call.h"
#include "sys/sys.h"

/* ERESTARTSYS and its like */
#define URING_RESTART_MIN 512
#define URING_RESTART_MAX 516

#define SQ_ENTRIES 1024
#define CQ_ENTRIES 8192

/* ---- life ---- */

static void uring_fini(struct weir_loop *loop)
{
    struct weir__uring *state = loop->state;

    if (state->ring.enabled && weir__ring_unsent(&state->ring))
        (void)weir__ring_enter(&state->ring, 0, 0); /* closes */
    weir__ring_fini(&state->ring);
    weir__uring_fini_group(loop);
    if (state->wake >= 0)
        weir__sys_close(state->wake);
    if (state->event >= 0)
        weir__sys_close(state->event);
    weir__free(state);
    loop->state = NULL;
}

static int uring_init(struct weir_loop *loop)
{
    struct weir__uring *state = weir__calloc(1, sizeof *state);
    int rc;

    if (!state)
        return WEIR_ENOMEM;
    loop->state = state;
    state->wake = state->event = -1;
    rc = weir__ring_init(&state->ring, SQ_ENTRIES, CQ_ENTRIES, loop->shared);
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

/* ---- waking ---- */

static void arm_wake(struct weir__uring *state)
{
    struct io_uring_sqe *sqe = weir__ring_sqe(&state->ring);

    sqe->opcode = IORING_OP_READ;
    sqe->fd = state->wake;
    sqe->addr = (uint64_t)(uintptr_t)&state->wake_value;
    sqe->len = sizeof state->wake_value;
    sqe->user_data = URING_DATA_WAKE;
    state->wake_armed = true;
}

/* The event descriptor is written, too. A completion that comes from within a write to an event
 * descriptor, as that of the read of `wake` does, is announced only once in the life of a ring with
 * deferred task running (seen with 6.18; it looks as if the kernel never takes the mark back that
 * such an announcement is on its way). Any thread; partner: uring_descriptor. */
static void uring_wake(struct weir_loop *loop)
{
    struct weir__uring *state = loop->state;
    int event = WEIR_ATOMIC_LOAD(&state->event, RELAXED);

    weir__sys_event_signal(state->wake);
    if (event >= 0)
        weir__sys_event_signal(event);
}

/* ---- the alarm ---- */

/* A timer that is far away is put into the ring once, instead of into every wait: a wait without a
 * timeout saves the kernel setting up and taking down a timer. An alarm that a nearer one replaces
 * is left to ring in vain; it must be twice as far away, so that there are never many. */
#define ALARM_MIN_NS 20000000

static uint64_t alarm_data(const struct weir__uring *state)
{
    return URING_DATA_ALARM | (uint64_t)state->alarm_number << 8;
}

/* True if the wait needs no timeout. */
static bool set_alarm(struct weir_loop *loop, int64_t timeout_ns)
{
    struct weir__uring *state = loop->state;
    struct io_uring_sqe *sqe;

    if (timeout_ns < ALARM_MIN_NS || loop->next_ns > loop->alarm_ns - (uint64_t)timeout_ns)
        return false;
    state->alarm_number++;
    state->alarm.tv_sec = (int64_t)(loop->next_ns / 1000000000);
    state->alarm.tv_nsec = (int64_t)(loop->next_ns % 1000000000);
    sqe = weir__ring_sqe(&state->ring);
    sqe->opcode = IORING_OP_TIMEOUT;
    sqe->fd = -1;
    sqe->addr = (uint64_t)(uintptr_t)&state->alarm;
    sqe->len = 1;
    sqe->timeout_flags = IORING_TIMEOUT_ABS;
    sqe->user_data = alarm_data(state);
    loop->alarm_ns = loop->next_ns;
    return true;
}

/* The ring's own descriptor does not say that completions are deferred to the next enter; an event
 * descriptor that is registered with it does. */
static int uring_descriptor(struct weir_loop *loop)
{
    struct weir__uring *state = loop->state;
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
    WEIR_ATOMIC_STORE(&state->event, fd, RELAXED); /* partner: uring_wake */
    return fd;
}

/* ---- submission ---- */

struct io_uring_sqe *weir__uring_prepare(struct weir__uring *state, struct weir_op *op, int opcode)
{
    struct io_uring_sqe *sqe = weir__ring_sqe(&state->ring);

    sqe->opcode = (uint8_t)opcode;
    sqe->fd = op->fd->number;
    sqe->user_data = weir__uring_data(op);
    return sqe;
}

void weir__uring_prepare_poll(struct weir__uring *state, struct weir_op *op, uint32_t events)
{
    weir__uring_prepare(state, op, IORING_OP_POLL_ADD)->poll32_events = events;
}

static void prepare_send(const struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;
    struct io_uring_sqe *sqe = weir__uring_prepare(state, op, IORING_OP_SEND);

    sqe->addr = (uint64_t)(uintptr_t)op->u.buffer.base + op->u.buffer.done;
    sqe->len = (uint32_t)(op->u.buffer.len - op->u.buffer.done);
    if (!(op->flags & WEIR_OP_WHOLE))
        sqe->len = (uint32_t)weir__loop_cut(loop, sqe->len);
    sqe->msg_flags = MSG_NOSIGNAL | (op->flags & WEIR_OP_WHOLE ? MSG_WAITALL : 0);
}

static void prepare_sendmsg(struct weir__uring *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = weir__uring_prepare(state, op, IORING_OP_SENDMSG);

    sqe->addr = (uint64_t)(uintptr_t)op->u.message;
    sqe->len = 1;
    sqe->msg_flags = MSG_NOSIGNAL;
}

static void prepare_accept(struct weir__uring *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = weir__uring_prepare(state, op, IORING_OP_ACCEPT);

    sqe->accept_flags = SOCK_CLOEXEC;
    if (op->flags & WEIR_OP_MULTISHOT)
        sqe->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void prepare_connect(struct weir__uring *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = weir__uring_prepare(state, op, IORING_OP_CONNECT);

    sqe->addr = (uint64_t)(uintptr_t)op->u.connect.address;
    sqe->off = op->u.connect.len;
}

/* A plain call, tried when it saves a trip through the ring: the ring has nothing else to take, and
 * nobody else is about to give it something. */
static bool worth_a_call(const struct weir_loop *loop, const struct weir__uring *state)
{
    return !loop->runnable && !loop->completed_head && !loop->news_head
           && !weir__ring_unsent(&state->ring);
}

void weir__uring_submit(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;

    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_ACCEPT:
        prepare_accept(state, op);
        break;
    case WEIR_OP_CONNECT:
        prepare_connect(state, op);
        break;
    case WEIR_OP_RECV:
    case WEIR_OP_RECV_LENT:
        weir__uring_prepare_recv(loop, op);
        break;
    case WEIR_OP_SEND:
        if (weir__uring_send_zero_copy(loop, op))
            break;
        if (worth_a_call(loop, state) && weir__ready_attempt(loop, op))
            weir__loop_complete(loop, op);
        else
            prepare_send(loop, op);
        break;
    case WEIR_OP_SENDMSG:
        if (worth_a_call(loop, state) && weir__ready_attempt(loop, op))
            weir__loop_complete(loop, op);
        else
            prepare_sendmsg(state, op);
        break;
    case WEIR_OP_POLL:
        weir__uring_prepare_poll(state, op, op->u.events);
        break;
    case WEIR_OP_SENDFILE:
        if (weir__ready_attempt(loop, op))
            weir__loop_complete(loop, op);
        else
            weir__uring_prepare_poll(state, op, POLLOUT);
        break;
    case WEIR_OP_CALL:
        weir__uring_submit_call(loop, op);
        break;
    case WEIR_OP_NOP:
    case WEIR_OP_TIMER:
        WEIR_ASSERT(!"the loop completes these itself");
    }
}

static void uring_cancel(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;

    if (op->kind == WEIR_OP_CALL && weir__call_withdraw(loop, op))
        return;
    op->flags &= (uint8_t)~WEIR__URING_RENEW; /* if one was under way, it ends instead */
    op->flags |= WEIR__URING_STOP;
    if (op->weir__cancels)
        return;
    weir__uring_ask_back(state, op);
}

void weir__uring_ask_back(struct weir__uring *state, struct weir_op *op)
{
    struct io_uring_sqe *sqe = weir__ring_sqe(&state->ring);

    op->weir__cancels++;
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = -1;
    sqe->addr = weir__uring_data(op);
    sqe->user_data = weir__uring_data(op) | URING_DATA_CANCEL_BIT;
}

static void uring_forget(struct weir_loop *loop, weir_fd *fd, int close)
{
    struct weir__uring *state = loop->state;
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
    sqe->user_data = URING_DATA_IGNORE;
}

/* ---- reaping ---- */

void weir__uring_done(struct weir_loop *loop, struct weir_op *op)
{
    /* an operation that blocked a thread of the kernel is interrupted by its cancel; an open then
     * ends with a code that is the kernel's own (seen with 6.18) */
    if ((op->flags & WEIR__URING_STOP)
        && (op->result == WEIR_EINTR
            || (op->result <= -URING_RESTART_MIN && op->result >= -URING_RESTART_MAX)))
        op->result = WEIR_ECANCELED;
    if (op->weir__cancels)
        op->weir__state = OP_HELD;
    else
        weir__loop_complete(loop, op);
}

/* A disk answers by itself, and the kernel finds nothing to cancel until it does. */
static bool may_hang(const struct weir_op *op)
{
    return op->kind != WEIR_OP_CALL || op->u.call->may_hang;
}

/* The answer to a cancel. The kernel does not find an operation that it has just woken and is about
 * to try again, and may go on waiting with it afterwards (seen with 6.18 for a connect to a UNIX
 * socket with a full backlog, which is woken all the time): so one that is still out there is asked
 * for again. */
static void reap_cancel(struct weir_loop *loop, struct weir_op *op, int result)
{
    op->weir__cancels--;
    if (op->weir__state == OP_BACKEND && result == WEIR_ENOENT && may_hang(op)
        && !weir__uring_awaits_notice(op)) {
        weir__uring_ask_back(loop->state, op);
        return;
    }
    if (op->weir__state != OP_HELD || op->weir__cancels)
        return;
    if (op->flags & WEIR__URING_RENEW) {
        weir__uring_renew(loop, op);
        return;
    }
    weir__loop_end(loop, op, op->result);
}

static void reap_accept(struct weir_loop *loop, struct weir_op *op, const struct io_uring_cqe *cqe)
{
    bool more = cqe->flags & IORING_CQE_F_MORE;

    op->result = cqe->res;
    if (!(op->flags & WEIR_OP_MULTISHOT)) {
        weir__uring_done(loop, op);
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

/* Readiness came for an operation that is then done by a plain call. */
static void reap_ready(struct weir_loop *loop, struct weir_op *op, int result)
{
    struct weir__uring *state = loop->state;
    bool finished;

    if (result < 0) {
        op->result = result;
        weir__uring_done(loop, op);
        return;
    }
    if (weir__op_receives_on(op)) {
        weir__uring_reap_readable(loop, op);
        return;
    }
    finished = (op->kind == WEIR_OP_SENDFILE || !state->group) && weir__ready_attempt(loop, op);
    if (!finished && (op->flags & WEIR__URING_STOP)) { /* it has missed the readiness that came */
        op->result = WEIR_ECANCELED;
        finished = true;
    }
    if (finished && op->result == WEIR_ENOBUFS && op->kind == WEIR_OP_RECV_LENT
        && !(op->flags & WEIR__URING_STOP) && weir__loop_starve(loop, op))
        return;
    if (finished)
        weir__uring_done(loop, op);
    else
        weir__uring_submit(loop, op);
}

static void reap_op(struct weir_loop *loop, const struct io_uring_cqe *cqe)
{
    struct weir__uring *state = loop->state;
    struct weir_op *op = weir__uring_op(cqe->user_data);

    if (op->kind == WEIR_OP_SEND && (op->weir__zero_copy & WEIR__ZERO_COPY_SENT)) {
        weir__uring_reap_zero_copy(loop, op, cqe);
        return;
    }
    op->result = cqe->res;
    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_ACCEPT:
        reap_accept(loop, op, cqe);
        return;
    case WEIR_OP_RECV_LENT:
        op->fd->weir__read_hint = (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
        /* readiness for a receive from before the group was registered is no byte count */
        if (state->group
            && (cqe->res <= 0 || (cqe->flags & (IORING_CQE_F_BUFFER | IORING_CQE_F_MORE))))
            weir__uring_reap_lent(loop, op, cqe);
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
    case WEIR_OP_CALL:
    case WEIR_OP_CONNECT:
    case WEIR_OP_SENDMSG:
    case WEIR_OP_POLL:
    case WEIR_OP_NOP:
    case WEIR_OP_TIMER:
        break;
    }
    weir__uring_done(loop, op);
}

/* A completion of the backend itself. */
static void reap_own(struct weir_loop *loop, uint64_t data)
{
    struct weir__uring *state = loop->state;

    if (data == URING_DATA_WAKE) {
        state->wake_armed = false;
        WEIR_ATOMIC_COUNT(&loop->wake_count, 1);
    } else if (data == alarm_data(state)) {
        loop->alarm_ns = UINT64_MAX;
    }
}

static void reap_one(struct weir_loop *loop, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data <= URING_DATA_OWN_MAX) {
        reap_own(loop, cqe->user_data);
    } else if (cqe->user_data & URING_DATA_CANCEL_BIT) {
        reap_cancel(loop, weir__uring_op(cqe->user_data), cqe->res);
    } else {
        reap_op(loop, cqe);
    }
}

static void reap(struct weir_loop *loop)
{
    struct weir__ring *ring = &((struct weir__uring *)loop->state)->ring;
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
    struct weir__ring *ring = &((struct weir__uring *)loop->state)->ring;
    bool found;

    while (!(found = weir__ring_stirs(ring) || weir__loop_called(loop))
           && weir__spin_again(&loop->spin))
        weir__sys_cpu_relax();
    weir__spin_end(&loop->spin, found);
    return found;
}

static int sleep_or_spin(struct weir_loop *loop, int64_t timeout_ns)
{
    struct weir__ring *ring = &((struct weir__uring *)loop->state)->ring;
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
    struct weir__uring *state = loop->state;
    uint64_t count;
    int rc = 0;

    if (!state->ring.enabled) {
        rc = weir__ring_enable(&state->ring);
        if (rc < 0)
            return rc;
        weir__uring_init_group(loop);
    }
    if (state->event >= 0)
        (void)weir__sys_read(state->event, &count, sizeof count);
    if (!state->wake_armed)
        arm_wake(state);
    if (timeout_ns && weir__ring_cq_count(&state->ring))
        timeout_ns = 0;
    if (timeout_ns > 0 && set_alarm(loop, timeout_ns))
        timeout_ns = -1;
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
    .submit = weir__uring_submit,
    .cancel = uring_cancel,
    .wait = uring_wait,
    .wake = uring_wake,
    .descriptor = uring_descriptor,
    .forget = uring_forget,
    .give = weir__uring_give,
};
