/* backend/uring/receive.c - receives into buffers that the kernel picks from the loop's group.
 *
 * A single-shot receive polls first unless the last one said that more is there. Where the kernel
 * has no buffer rings a receive waits for readiness and takes a buffer itself.
 *
 * A multishot receive stays in the kernel's hands and is asked for nothing a message: a twentieth
 * of the processor time of a 64-byte echo. It is not told everything, though: when bytes and a
 * reset come together, before the loop has looked, the kernel hands over the bytes and waits for an
 * event that has been (seen with 6.18; a FIN after bytes is safe with TCP, and lost with UNIX
 * sockets). So only TCP sockets get it, others a single shot again and again; and a receive that
 * has got bytes without the word that more is there is doubtful: some time later one poll call asks
 * for the hang-up of up to 64 of them, and one that has it is taken back and submitted anew.
 */
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "backend/ready/attempt.h"
#include "backend/uring/uring.h"
#include "base/container.h"
#include "sys/call.h"

#define GROUP_ID    1
#define DOUBT_NS    250000000 /* how late a reset may be seen that came with the last bytes */
#define DOUBTS_ONCE 64
#define DOUBT_POLLS 8 /* in one turn; about 5 us each */

/* ---- buffers ---- */

static void ring_add(struct weir_loop *loop, uint32_t id)
{
    struct weir__uring *state = loop->state;
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

void weir__uring_give(struct weir_loop *loop, uint32_t id)
{
    struct weir__uring *state = loop->state;

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
void weir__uring_init_group(struct weir_loop *loop)
{
    struct weir__uring *state = loop->state;
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

void weir__uring_fini_group(struct weir_loop *loop)
{
    struct weir__uring *state = loop->state;

    if (state->group)
        weir__sys_munmap(state->group, state->group_entries * sizeof(struct io_uring_buf));
    state->group = NULL;
}

/* ---- submitting ---- */

static bool is_tcp(int number)
{
    int domain = 0, protocol = 0;
    socklen_t size = sizeof domain;

    if (weir__sys_getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0
        || weir__sys_getsockopt(number, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0)
        return false;
    return (domain == AF_INET || domain == AF_INET6) && protocol == IPPROTO_TCP;
}

static bool may_go_on(const struct weir__uring *state, weir_fd *fd)
{
    uint8_t facts = WEIR_ATOMIC_LOAD(&fd->weir__facts, RELAXED);

    if (state->no_multishot)
        return false;
    if (!(facts & (WEIR__FD_TCP | WEIR__FD_OTHER))) {
        facts = is_tcp(fd->number) ? WEIR__FD_TCP : WEIR__FD_OTHER;
        (void)WEIR_ATOMIC_OR(&fd->weir__facts, facts, RELAXED);
    }
    return facts & WEIR__FD_TCP;
}

void weir__uring_prepare_recv(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;
    struct io_uring_sqe *sqe;

    if (op->kind == WEIR_OP_RECV_LENT && !state->group) {
        weir__uring_prepare_poll(state, op, POLLIN);
        return;
    }
    sqe = weir__uring_prepare(state, op, IORING_OP_RECV);
    sqe->ioprio = op->fd->weir__read_hint ? 0 : IORING_RECVSEND_POLL_FIRST;
    if (op->kind == WEIR_OP_RECV_LENT) {
        sqe->flags = IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP_ID;
        if ((op->flags & WEIR_OP_MULTISHOT) && may_go_on(state, op->fd))
            sqe->ioprio |= IORING_RECV_MULTISHOT;
        else if (weir__loop_cut(loop, WEIR__BUFFER_SIZE) == 1)
            sqe->len = 1; /* else as much as the buffer has room for */
    } else {
        sqe->addr = (uint64_t)(uintptr_t)op->u.buffer.base;
        sqe->len = (uint32_t)weir__loop_cut(loop, op->u.buffer.len);
    }
}

/* ---- doubts ---- */

static void trust(struct weir__uring *state, struct weir_op *op)
{
    if (!(op->flags & WEIR__URING_DOUBTFUL))
        return;
    op->flags &= (uint8_t)~WEIR__URING_DOUBTFUL;
    if (op->u.received.before)
        op->u.received.before->weir__next = op->weir__next;
    else
        state->doubtful = op->weir__next;
    if (op->weir__next)
        op->weir__next->u.received.before = op->u.received.before;
    else
        state->doubtful_last = op->u.received.before;
}

static void list_doubt(struct weir__uring *state, struct weir_op *op)
{
    op->flags |= WEIR__URING_DOUBTFUL;
    op->weir__next = NULL;
    op->u.received.before = state->doubtful_last;
    if (state->doubtful_last)
        state->doubtful_last->weir__next = op;
    else
        state->doubtful = op;
    state->doubtful_last = op;
}

/* Asks for the hang-up of the first few; they are off the list. */
static void ask_some(struct weir__uring *state)
{
    struct pollfd polls[DOUBTS_ONCE];
    struct weir_op *ops[DOUBTS_ONCE];
    int i, count = 0;

    while (state->doubtful && count < DOUBTS_ONCE) {
        struct weir_op *op = state->doubtful;

        trust(state, op);
        polls[count] = (struct pollfd){.fd = op->fd->number, .events = POLLRDHUP};
        ops[count++] = op;
    }
    if (weir__sys_poll(polls, (nfds_t)count, 0) < 0) { /* no memory, say: later */
        for (i = 0; i < count; i++)
            list_doubt(state, ops[i]);
        return;
    }
    for (i = 0; i < count; i++) {
        if (polls[i].revents && !ops[i]->weir__cancels) {
            ops[i]->flags |= WEIR__URING_RENEW;
            weir__uring_ask_back(state, ops[i]);
        }
    }
}

static void ask(void *timer, struct weir_loop *loop)
{
    struct weir__uring *state = loop->state;
    int i;

    (void)timer;
    for (i = 0; i < DOUBT_POLLS && state->doubtful; i++)
        ask_some(state);
    if (state->doubtful)
        weir__loop_timer_start(loop, &state->doubt, loop->now_ns + 1000000);
}

static void doubt(struct weir__uring *state, struct weir_loop *loop, struct weir_op *op)
{
    if (op->flags & WEIR__URING_DOUBTFUL)
        return;
    list_doubt(state, op);
    if (!weir__timer_armed(&state->doubt.node)) {
        state->doubt.fire = ask;
        weir__loop_timer_start(loop, &state->doubt, loop->now_ns + DOUBT_NS);
    }
}

void weir__uring_renew(struct weir_loop *loop, struct weir_op *op)
{
    op->flags &= (uint8_t)~WEIR__URING_RENEW;
    op->weir__state = OP_BACKEND;
    op->fd->weir__read_hint = 1;
    weir__uring_submit(loop, op);
}

/* ---- reaping ---- */

/* The buffer of a completion, if it has one. */
static void take_buffer(struct weir_loop *loop, struct weir_op *op, const struct io_uring_cqe *cqe)
{
    struct weir__uring *state = loop->state;
    uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    bool on = op->flags & WEIR_OP_MULTISHOT;
    weir_lent lent;

    if (!(cqe->flags & IORING_CQE_F_BUFFER))
        return;
    state->in_ring--;
    if (cqe->res > 0) {
        /* beyond the bound the cancel is on its way, and nobody may take them for long */
        bool copy = on && op->u.received.count >= WEIR_RECEIVED_MAX;

        weir__buffers_lend(&loop->buffers, id, (uint32_t)cqe->res, copy, on ? &lent : &op->u.lent);
        if (on)
            weir__loop_receive(loop, op, &lent);
    } else {
        weir__uring_give(loop, id);
    }
    if (state->in_ring < loop->buffers.count / 4)
        grow_group(loop);
}

static void submit_or_starve(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;

    if (state->in_ring || grow_group(loop))
        weir__uring_submit(loop, op);
    else if (!weir__loop_starve(loop, op))
        weir__uring_done(loop, op);
}

/* The kernel has let go of a receive: an end, or a reason to ask again. */
static void reap_last(struct weir_loop *loop, struct weir_op *op, int result)
{
    struct weir__uring *state = loop->state;

    if (result == WEIR_EINVAL && (op->flags & WEIR_OP_MULTISHOT) && !state->no_multishot) {
        state->no_multishot = true;
        result = 1;
    }
    if ((op->flags & WEIR__URING_STOP) && (result > 0 || result == WEIR_ENOBUFS))
        result = WEIR_ECANCELED;
    if (result != WEIR_ECANCELED)
        op->flags &= (uint8_t)~WEIR__URING_RENEW; /* it has ended by itself meanwhile */
    op->result = result;
    if ((op->flags & WEIR__URING_RENEW) && !op->weir__cancels)
        weir__uring_renew(loop, op);
    else if (result > 0)
        weir__uring_submit(loop, op);
    else if (result == WEIR_ENOBUFS)
        submit_or_starve(loop, op);
    else
        weir__uring_done(loop, op);
}

void weir__uring_reap_lent(struct weir_loop *loop, struct weir_op *op,
                           const struct io_uring_cqe *cqe)
{
    struct weir__uring *state = loop->state;

    take_buffer(loop, op, cqe);
    if (cqe->flags & IORING_CQE_F_MORE) {
        if (!(cqe->flags & IORING_CQE_F_SOCK_NONEMPTY))
            doubt(state, loop, op);
        return;
    }
    trust(state, op);
    if ((op->flags & WEIR_OP_MULTISHOT) || cqe->res == WEIR_ENOBUFS)
        reap_last(loop, op, cqe->res);
    else
        weir__uring_done(loop, op);
}

void weir__uring_reap_readable(struct weir_loop *loop, struct weir_op *op)
{
    struct weir__uring *state = loop->state;
    enum weir__ready_next next = state->group ? READY_LATER : weir__ready_receive(loop, op);

    if (next != READY_END && (op->flags & WEIR__URING_STOP)) { /* it has missed what came */
        op->result = WEIR_ECANCELED;
        next = READY_END;
    }
    switch (next) {
    case READY_WAIT:
    case READY_LATER:
        weir__uring_submit(loop, op);
        break;
    case READY_STARVE:
        if (!weir__loop_starve(loop, op))
            weir__uring_done(loop, op);
        break;
    case READY_END:
        weir__uring_done(loop, op);
        break;
    }
}
