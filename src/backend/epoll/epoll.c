/* backend/epoll/epoll.c - operations by non-blocking attempts and edge-triggered readiness.
 *
 * An operation is tried first and armed only when it would block. A descriptor is registered once,
 * for both directions and edge-triggered, so that a steady connection costs no epoll_ctl. Each
 * direction of a weir_fd is one word: the index of the loop that watches it and the operation that
 * waits. A loop touches the operation only while the word names that loop, so an event that another
 * thread had already fetched when the direction moved to a new loop finds nothing.
 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "backend/ready/attempt.h"
#include "base/alloc.h"
#include "core/call.h"
#include "core/loop.h"
#include "sys/call.h"
#include "sys/lock.h"
#include "sys/sys.h"

#define EVENTS_MAX     32
#define ACCEPTS_A_TURN 64
#define READ_EVENTS    (EPOLLIN | EPOLLPRI | EPOLLRDHUP)
#define WRITE_EVENTS   EPOLLOUT

struct epoll_state {
    int epoll;
    int wake;
    struct weir_op *again; /* multishot operations that stopped at a bound; linked by next */
    struct epoll_event events[EVENTS_MAX];
};

static uint64_t word_of(const struct weir_loop *loop, struct weir_op *op)
{
    return (uint64_t)loop->index << WEIR__FD_WATCHER_SHIFT | (uint64_t)(uintptr_t)op;
}

static uint64_t load(const uint64_t *word)
{
    return WEIR_ATOMIC_LOAD(word, SEQ_CST);
}

static uint16_t word_index(uint64_t word)
{
    return (uint16_t)(word >> WEIR__FD_WATCHER_SHIFT);
}

static struct weir_op *word_op(uint64_t word)
{
    return (struct weir_op *)(uintptr_t)(word & ((1ull << WEIR__FD_WATCHER_SHIFT) - 1));
}

static void epoll_fini(struct weir_loop *loop)
{
    struct epoll_state *state = loop->state;

    if (state->wake >= 0)
        weir__sys_close(state->wake);
    if (state->epoll >= 0)
        weir__sys_close(state->epoll);
    weir__free(state);
    loop->state = NULL;
}

static int epoll_init(struct weir_loop *loop)
{
    struct epoll_state *state = weir__calloc(1, sizeof *state);
    struct epoll_event event = {.events = EPOLLIN};
    int rc;

    if (!state)
        return WEIR_ENOMEM;
    loop->state = state;
    state->wake = -1;
    state->epoll = rc = weir__sys_epoll_create1(EPOLL_CLOEXEC);
    if (rc < 0)
        goto fail;
    state->wake = rc = weir__sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (rc < 0)
        goto fail;
    rc = weir__sys_epoll_ctl(state->epoll, EPOLL_CTL_ADD, state->wake, &event);
    if (rc < 0)
        goto fail;
    return 0;
fail:
    epoll_fini(loop);
    return rc;
}

/* ---- registration ---- */

static int control(uint16_t index, int how, weir_fd *fd, uint32_t events)
{
    struct weir_loop *loop = weir__loop_by_index(index);
    struct epoll_event event = {.events = events | EPOLLET, .data.ptr = fd};
    struct epoll_state *state;

    if (!loop)
        return 0;
    state = loop->state;
    return weir__sys_epoll_ctl(state->epoll, how, fd->number, &event);
}

/* One direction of a descriptor, and the one beside it. */
struct direction {
    uint64_t *word;
    uint64_t *beside;
    uint32_t events;
    uint32_t beside_events;
};

static struct direction direction_of(const struct weir_op *op)
{
    weir_fd *fd = op->fd;

    if (weir__ready_writes(op))
        return (struct direction){&fd->weir__writer, &fd->weir__reader, WRITE_EVENTS, READ_EVENTS};
    return (struct direction){&fd->weir__reader, &fd->weir__writer, READ_EVENTS, WRITE_EVENTS};
}

/* Moves a direction of a registered descriptor from the loop that has it to this one. */
static int move(struct weir_loop *loop, weir_fd *fd, const struct direction *moved)
{
    uint16_t from = word_index(load(moved->word)), beside = word_index(load(moved->beside));
    uint32_t both = moved->events | moved->beside_events;
    int rc = 0;

    if (from)
        rc = beside == from ? control(from, EPOLL_CTL_MOD, fd, moved->beside_events)
                            : control(from, EPOLL_CTL_DEL, fd, 0);
    if (rc == 0)
        rc = beside == loop->index ? control(beside, EPOLL_CTL_MOD, fd, both)
                                   : control(loop->index, EPOLL_CTL_ADD, fd, moved->events);
    WEIR_ATOMIC_STORE(moved->word, rc < 0 ? 0 : word_of(loop, NULL), SEQ_CST);
    return rc;
}

static int register_locked(struct weir_loop *loop, weir_fd *fd, const struct direction *wanted)
{
    int rc;

    if (load(wanted->word) || load(wanted->beside))
        return move(loop, fd, wanted);
    rc = control(loop->index, EPOLL_CTL_ADD, fd, READ_EVENTS | WRITE_EVENTS);
    if (rc < 0)
        return rc;
    WEIR_ATOMIC_STORE(wanted->word, word_of(loop, NULL), SEQ_CST);
    WEIR_ATOMIC_STORE(wanted->beside, word_of(loop, NULL), SEQ_CST);
    return 0;
}

/* Guard the registrations of descriptors, by number. Registering is rare. */
#define LOCKS 64
static uint32_t locks[LOCKS];

/* A reader and a writer of two loops may come at once: whoever is second moves its direction. */
static int register_fd(struct weir_loop *loop, weir_fd *fd, const struct direction *wanted)
{
    uint32_t *lock = &locks[(unsigned)fd->number % LOCKS];
    int rc;

    weir__lock(lock);
    rc = register_locked(loop, fd, wanted);
    weir__unlock(lock);
    return rc;
}

static void arm(struct weir_loop *loop, struct weir_op *op)
{
    struct direction direction = direction_of(op);

    if (word_index(load(direction.word)) != loop->index) {
        int rc = register_fd(loop, op->fd, &direction);

        if (rc < 0) {
            weir__loop_end(loop, op, rc);
            return;
        }
    }
    WEIR_ATOMIC_STORE(direction.word, word_of(loop, op), SEQ_CST);
}

/* ---- attempts ---- */

static void finish(struct weir_loop *loop, struct weir_op *op)
{
    if (op->kind != WEIR_OP_RECV_LENT || op->result != WEIR_ENOBUFS || !weir__loop_starve(loop, op))
        weir__loop_complete(loop, op);
}

static void try_later(struct weir_loop *loop, struct weir_op *op)
{
    struct epoll_state *state = loop->state;

    op->weir__next = state->again;
    state->again = op;
    loop->unfinished = true;
}

/* Accepts until the queue is empty; an error or the end ends a multishot operation. */
static void accept_many(struct weir_loop *loop, struct weir_op *op)
{
    int budget = ACCEPTS_A_TURN;
    int rc = 0;

    while (budget-- && !weir__loop_shots_full(loop)) {
        rc = weir__ready_accept(op);
        if (rc == WEIR_EAGAIN) {
            WEIR_ATOMIC_STORE(&op->fd->weir__read_hint, 0, RELAXED);
            arm(loop, op);
            return;
        }
        if (rc == WEIR_ECONNABORTED)
            continue;
        weir__loop_shot(loop, op, rc, rc >= 0);
        if (rc < 0)
            return;
    }
    try_later(loop, op);
}

static void receive_on(struct weir_loop *loop, struct weir_op *op)
{
    switch (weir__ready_receive(loop, op)) {
    case READY_WAIT:
        arm(loop, op);
        break;
    case READY_LATER:
        try_later(loop, op);
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

static void attempt(struct weir_loop *loop, struct weir_op *op)
{
    if (weir__op_accepts_on(op))
        accept_many(loop, op);
    else if (weir__op_receives_on(op))
        receive_on(loop, op);
    else if (weir__ready_attempt(loop, op))
        finish(loop, op);
    else
        arm(loop, op);
}

static void epoll_submit(struct weir_loop *loop, struct weir_op *op)
{
    bool writes, hint;
    uint64_t word;

    if (op->kind == WEIR_OP_CALL) {
        weir__call_offload(loop, op);
        return;
    }
    writes = weir__ready_writes(op);
    word = load(writes ? &op->fd->weir__writer : &op->fd->weir__reader);
    hint = WEIR_ATOMIC_LOAD(writes ? &op->fd->weir__write_hint : &op->fd->weir__read_hint, RELAXED);

    if (hint || word_index(word) != loop->index || op->kind == WEIR_OP_POLL
        || op->kind == WEIR_OP_CONNECT)
        attempt(loop, op);
    else
        arm(loop, op);
}

static bool leave_again(struct epoll_state *state, struct weir_op *op)
{
    struct weir_op **at = &state->again;

    while (*at && *at != op)
        at = &(*at)->weir__next;
    if (!*at)
        return false;
    *at = op->weir__next;
    return true;
}

static void epoll_cancel(struct weir_loop *loop, struct weir_op *op)
{
    uint64_t *word;

    if (op->kind == WEIR_OP_CALL) {
        (void)weir__call_withdraw(loop, op);
        return;
    }
    word = weir__ready_writes(op) ? &op->fd->weir__writer : &op->fd->weir__reader;
    if (load(word) == word_of(loop, op))
        WEIR_ATOMIC_STORE(word, word_of(loop, NULL), SEQ_CST);
    else if (!leave_again(loop->state, op))
        return;
    weir__loop_end(loop, op,
                   op->kind == WEIR_OP_SEND && op->u.buffer.done ? (int)op->u.buffer.done
                                                                 : WEIR_ECANCELED);
}

/* ---- reaping ---- */

static void stir(struct weir_loop *loop, uint64_t *word, uint8_t *hint)
{
    uint64_t now = WEIR_ATOMIC_LOAD(word, SEQ_CST);
    struct weir_op *op = word_op(now);

    if (word_index(now) != loop->index)
        return;
    WEIR_ATOMIC_STORE(hint, 1, RELAXED);
    if (!op)
        return;
    WEIR_ATOMIC_STORE(word, word_of(loop, NULL), SEQ_CST);
    attempt(loop, op);
}

static bool is_poll(const struct weir_loop *loop, uint64_t word)
{
    struct weir_op *op = word_index(word) == loop->index ? word_op(word) : NULL;

    return op && op->kind == WEIR_OP_POLL;
}

static void reap_event(struct weir_loop *loop, const struct epoll_event *event)
{
    struct epoll_state *state = loop->state;
    weir_fd *fd = event->data.ptr;
    bool hup = event->events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP);
    uint64_t count;

    if (!fd) {
        (void)weir__sys_read(state->wake, &count, sizeof count);
        WEIR_ATOMIC_COUNT(&loop->wake_count, 1);
        return;
    }
    if (hup)
        (void)WEIR_ATOMIC_OR(&fd->weir__facts, WEIR__FD_HUP, RELAXED);
    if ((event->events & (EPOLLIN | EPOLLPRI)) || hup || is_poll(loop, load(&fd->weir__reader)))
        stir(loop, &fd->weir__reader, &fd->weir__read_hint);
    if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        stir(loop, &fd->weir__writer, &fd->weir__write_hint);
}

static void retry(struct weir_loop *loop)
{
    struct epoll_state *state = loop->state;
    struct weir_op *op = state->again;

    state->again = NULL;
    loop->unfinished = false;
    while (op) {
        struct weir_op *next = op->weir__next;

        attempt(loop, op);
        op = next;
    }
}

static int wait_events(struct epoll_state *state, int64_t timeout_ns)
{
    int rc = weir__sys_epoll_wait(state->epoll, state->events, EVENTS_MAX, timeout_ns);

    return rc == WEIR_EINTR ? 0 : rc;
}

/* Looks without sleeping: the count of events, or an error. */
static int spin(struct weir_loop *loop)
{
    int rc;

    while (!(rc = wait_events(loop->state, 0)) && !weir__loop_called(loop)
           && weir__spin_again(&loop->spin)) {
    }
    weir__spin_end(&loop->spin, rc != 0);
    return rc;
}

static int sleep_or_spin(struct weir_loop *loop, int64_t timeout_ns)
{
    int rc = weir__spin_begin(&loop->spin, timeout_ns) ? spin(loop) : 0;

    if (rc || !weir__loop_fall_asleep(loop))
        return rc ? rc : wait_events(loop->state, 0);
    rc = wait_events(loop->state, timeout_ns);
    weir__loop_awake(loop);
    return rc;
}

static int epoll_wait_turn(struct weir_loop *loop, int64_t timeout_ns)
{
    struct epoll_state *state = loop->state;
    int i, count;

    if (state->again) {
        retry(loop);
        timeout_ns = 0;
    }
    if (weir__loop_pending(loop))
        timeout_ns = 0;
    count = timeout_ns ? sleep_or_spin(loop, timeout_ns) : wait_events(state, 0);
    for (i = 0; i < count; i++)
        reap_event(loop, &state->events[i]);
    return count < 0 ? count : 0;
}

static void epoll_wake(struct weir_loop *loop)
{
    struct epoll_state *state = loop->state;

    weir__sys_event_signal(state->wake);
}

static int epoll_descriptor(struct weir_loop *loop)
{
    return ((struct epoll_state *)loop->state)->epoll;
}

static void epoll_forget(struct weir_loop *loop, weir_fd *fd, int close)
{
    uint16_t reader = word_index(load(&fd->weir__reader)),
             writer = word_index(load(&fd->weir__writer));

    (void)loop;
    if (reader)
        (void)control(reader, EPOLL_CTL_DEL, fd, 0);
    if (writer && writer != reader)
        (void)control(writer, EPOLL_CTL_DEL, fd, 0);
    WEIR_ATOMIC_STORE(&fd->weir__reader, 0, SEQ_CST);
    WEIR_ATOMIC_STORE(&fd->weir__writer, 0, SEQ_CST);
    if (close)
        weir__sys_close(fd->number);
}

static void epoll_give(struct weir_loop *loop, uint32_t id)
{
    weir__buffers_put(&loop->buffers, id);
}

const struct weir__backend weir__backend_epoll = {
    .name = "epoll",
    .init = epoll_init,
    .fini = epoll_fini,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .wait = epoll_wait_turn,
    .wake = epoll_wake,
    .descriptor = epoll_descriptor,
    .forget = epoll_forget,
    .give = epoll_give,
};
