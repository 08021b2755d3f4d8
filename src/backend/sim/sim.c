/* backend/sim/sim.c - operations of the simulated kernel: tried, or waiting at their socket.
 *
 * An operation is tried when it is submitted or in a later turn of its loop, as chance decides; one
 * that would block waits at its socket, and what changes there brings it back to its loop, whose
 * next turn tries what has come back, in an order of chance. The loops of a runtime never sleep
 * here: the driver of the tasks decides when time passes (task/drive.c). A loop without a runtime
 * does it itself.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/ready/attempt.h"
#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/list.h"
#include "core/call.h"
#include "core/loop.h"
#include "sys/call.h"
#include "sys/network.h"
#include "sys/sys.h"

#define ACCEPTS_A_TURN 16
#define PICKED_OF      8 /* operations that may overtake each other in a turn */

struct sim_loop {
    struct weir_op *ready, **ready_end; /* to be tried, by weir__next */
};

static int sim_init(struct weir_loop *loop)
{
    struct sim_loop *state;
    int rc = weir__sim_hold();

    if (rc < 0)
        return rc;
    state = weir__calloc(1, sizeof *state);
    if (!state) {
        weir__sim_release();
        return WEIR_ENOMEM;
    }
    state->ready_end = &state->ready;
    loop->state = state;
    loop->spin.max_ns = 0;
    loop->now_ns = weir__now_ns(); /* the clock may be another one since the loop was made */
    weir__wheel_init(&loop->wheel, loop->now_ns);
    return 0;
}

static void sim_fini(struct weir_loop *loop)
{
    weir__free(loop->state);
    loop->state = NULL;
    weir__sim_release();
}

/* ---- waiting and coming back ---- */

static void push_ready(struct weir_loop *loop, struct weir_op *op)
{
    struct sim_loop *state = loop->state;

    op->weir__next = NULL;
    *state->ready_end = op;
    state->ready_end = &op->weir__next;
    loop->unfinished = true;
}

void weir__sim_ready(struct weir_op *op)
{
    push_ready(weir__loop_by_index(op->weir__loop), op);
}

void weir__sim_stir(struct sim_socket *socket)
{
    struct weir_op *op = socket->waiting;

    socket->waiting = NULL;
    while (op) {
        struct weir_op *next = op->weir__next;

        weir__sim_ready(op);
        op = next;
    }
}

static void await(struct weir_op *op)
{
    struct sim_socket *socket = weir__sim_socket(op->fd->number);
    struct weir_op **at;

    if (!socket) {
        weir__sim_outside_add(op);
        return;
    }
    for (at = &socket->waiting; *at; at = &(*at)->weir__next) {
    }
    op->weir__next = NULL;
    *at = op;
}

/* Takes one out of the list: false if it is not in. */
static bool leave(struct weir_op **list, struct weir_op *op)
{
    while (*list && *list != op)
        list = &(*list)->weir__next;
    if (!*list)
        return false;
    *list = op->weir__next;
    return true;
}

static bool leave_ready(struct weir_loop *loop, struct weir_op *op)
{
    struct sim_loop *state = loop->state;

    if (!leave(&state->ready, op))
        return false;
    for (state->ready_end = &state->ready; *state->ready_end;
         state->ready_end = &(*state->ready_end)->weir__next) {
    }
    loop->unfinished = state->ready;
    return true;
}

/* ---- attempts ---- */

static void accept_on(struct weir_loop *loop, struct weir_op *op)
{
    int budget = ACCEPTS_A_TURN;

    while (budget-- && !weir__loop_shots_full(loop)) {
        int rc = weir__ready_accept(op);

        if (rc == WEIR_EAGAIN) {
            await(op);
            return;
        }
        weir__loop_shot(loop, op, rc, rc >= 0);
        if (rc < 0)
            return;
    }
    push_ready(loop, op);
}

static void receive_on(struct weir_loop *loop, struct weir_op *op)
{
    switch (weir__ready_receive(loop, op)) {
    case READY_WAIT:
        await(op);
        break;
    case READY_LATER:
        push_ready(loop, op);
        break;
    case READY_STARVE:
        if (!weir__loop_starve(loop, op))
            weir__loop_complete(loop, op);
        break;
    case READY_END:
        weir__loop_complete(loop, op);
        break;
    }
}

static bool hung_up(const struct weir_op *op)
{
    return weir__network_has(op->fd->number) && weir__network->poll(op->fd->number, POLLRDHUP) > 0;
}

/* Every wait ends with a look whether there is more: the hints of a descriptor are for others. */
static void attempt(struct weir_loop *loop, struct weir_op *op)
{
    weir__sim_note(op->kind);
    if (hung_up(op))
        (void)WEIR_ATOMIC_OR(&op->fd->weir__facts, WEIR__FD_HUP, RELAXED);
    if (weir__op_accepts_on(op)) {
        accept_on(loop, op);
    } else if (weir__op_receives_on(op)) {
        WEIR_ATOMIC_STORE(&op->fd->weir__read_hint, 1, RELAXED);
        receive_on(loop, op);
    } else if (!weir__ready_attempt(loop, op)) {
        await(op);
    } else if (op->kind != WEIR_OP_RECV_LENT || op->result != WEIR_ENOBUFS
               || !weir__loop_starve(loop, op)) {
        weir__loop_complete(loop, op);
    }
}

static void sim_submit(struct weir_loop *loop, struct weir_op *op)
{
    WEIR__SIM_CALL;
    if (op->kind == WEIR_OP_CALL) /* a job, which the driver runs */
        weir__call_offload(loop, op);
    else if (weir__sim_below(2))
        attempt(loop, op);
    else
        push_ready(loop, op);
}

/* One that could go on may win the race against its cancel. */
static void sim_cancel(struct weir_loop *loop, struct weir_op *op)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket;

    if (op->kind == WEIR_OP_CALL) {
        (void)weir__call_withdraw(loop, op);
        return;
    }
    socket = weir__sim_socket(op->fd->number);
    if (leave_ready(loop, op)) {
        if (!weir__op_accepts_on(op) && !weir__op_receives_on(op) && weir__sim_below(2)
            && weir__ready_attempt(loop, op)
            && !(op->kind == WEIR_OP_RECV_LENT && op->result == WEIR_ENOBUFS)) {
            weir__loop_complete(loop, op);
            return;
        }
    } else if (!(socket && leave(&socket->waiting, op)) && !weir__sim_outside_take(op)) {
        return;
    }
    weir__loop_end(loop, op,
                   op->kind == WEIR_OP_SEND && op->u.buffer.done ? (int)op->u.buffer.done
                                                                 : WEIR_ECANCELED);
}

/* ---- turns ---- */

/* Takes one of the first of the list, by chance. */
static struct weir_op *pick(struct weir_op **list)
{
    struct weir_op **at = list, *op;
    uint32_t count = 0, which;

    for (op = *list; op && count < PICKED_OF; op = op->weir__next)
        count++;
    for (which = count > 1 ? weir__sim_below(count) : 0; which; which--)
        at = &(*at)->weir__next;
    op = *at;
    *at = op->weir__next;
    return op;
}

static void try_ready(struct weir_loop *loop)
{
    WEIR__SIM_CALL;
    struct sim_loop *state = loop->state;
    struct weir_op *list = state->ready;

    state->ready = NULL;
    state->ready_end = &state->ready;
    loop->unfinished = false;
    while (list)
        attempt(loop, pick(&list));
}

/* Of a loop without a runtime: until something has happened, or the time is over. */
static void sleep_until(struct weir_loop *loop, int64_t timeout_ns)
{
    uint64_t until_ns = timeout_ns < 0 ? UINT64_MAX : weir__now_ns() + (uint64_t)timeout_ns;

    while (!loop->unfinished && !weir__loop_called(loop)) {
        uint64_t next_ns = weir__sim_next_ns();

        if (next_ns > until_ns)
            next_ns = until_ns;
        if (weir__sim_look(false))
            continue;
        if (next_ns == UINT64_MAX) {
            if (weir__loop_fall_asleep(loop)) {
                (void)weir__sim_look(true);
                weir__loop_awake(loop);
            }
            continue;
        }
        weir__sim_move(next_ns);
        weir__sim_fire();
        if (next_ns == until_ns)
            break;
    }
}

static int sim_wait(struct weir_loop *loop, int64_t timeout_ns)
{
    if (!loop->worker) {
        weir__sim_drive(true);
        weir__sim_fire();
        (void)weir__sim_look(false);
        if (timeout_ns && !loop->unfinished)
            sleep_until(loop, timeout_ns);
    }
    try_ready(loop);
    return 0;
}

static void sim_wake(struct weir_loop *loop)
{
    (void)loop;
    weir__sim_wake();
}

/* None: virtual time has none. */
static int sim_descriptor(struct weir_loop *loop)
{
    (void)loop;
    return WEIR_ENOTSUP;
}

static void sim_forget(struct weir_loop *loop, weir_fd *fd, int close)
{
    (void)loop;
    if (close)
        weir__sys_close(fd->number);
}

static void sim_give(struct weir_loop *loop, uint32_t id)
{
    weir__buffers_put(&loop->buffers, id);
}

const struct weir__backend weir__backend_sim = {
    .name = "sim",
    .init = sim_init,
    .fini = sim_fini,
    .submit = sim_submit,
    .cancel = sim_cancel,
    .wait = sim_wait,
    .wake = sim_wake,
    .descriptor = sim_descriptor,
    .forget = sim_forget,
    .give = sim_give,
};
