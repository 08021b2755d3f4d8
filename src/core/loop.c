/* core/loop.c - the turn of a loop, and the bare loop's public calls.
 *
 * A turn: wait (which submits what is prepared, in the same system call), read the clock, fire
 * timers, deliver posts, then call `done` of each operation that was linked when that began.
 * Whatever completes meanwhile is called in the next turn, so a turn is bounded.
 */
#include "core/loop.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/container.h"
#include "base/hostile.h"
#include "base/options.h"
#include "base/probe.h"
#include "core/call.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sys.h"

#define LOOPS_MAX 4096
#define DRAIN_MAX 4096 /* callbacks a turn */

static struct weir_loop *loops[LOOPS_MAX]; /* by index; written by compare-and-swap */

_Static_assert(sizeof(struct weir__loop_timer) <= sizeof(((weir_op *)0)->u),
               "a loop timer lies over the timer part of an operation");
_Static_assert(offsetof(struct weir__loop_timer, fire)
                   == offsetof(weir_op, u.timer.fire) - offsetof(weir_op, u),
               "same layout");

struct weir_loop *weir__loop_by_index(uint16_t index)
{
    return index < LOOPS_MAX ? WEIR_ATOMIC_LOAD(&loops[index], ACQUIRE) : NULL;
}

bool weir__loop_any(void)
{
    uint16_t i;

    for (i = 1; i < LOOPS_MAX; i++) {
        if (WEIR_ATOMIC_LOAD(&loops[i], ACQUIRE))
            return true;
    }
    return false;
}

static int take_index(struct weir_loop *loop)
{
    uint16_t i;

    for (i = 1; i < LOOPS_MAX; i++) {
        struct weir_loop *none = NULL;

        if (WEIR_ATOMIC_CAS(&loops[i], &none, loop, SEQ_CST)) {
            loop->index = i;
            return 0;
        }
    }
    return WEIR_ELIMIT;
}

static void loop_fini(struct weir_loop *loop)
{
    weir__call_fini(loop);
    if (loop->embed_timer >= 0)
        weir__sys_close(loop->embed_timer);
    if (loop->embed_epoll >= 0)
        weir__sys_close(loop->embed_epoll);
    if (loop->state)
        loop->backend->fini(loop);
    weir__buffers_fini(&loop->buffers);
    weir__free(loop->shots);
    if (loop->index)
        WEIR_ATOMIC_STORE(&loops[loop->index], NULL, RELEASE);
    weir__free(loop);
}

static int init_backend(struct weir_loop *loop, uint32_t wanted)
{
    const struct weir__backend *const *choice = weir__backend_choices(wanted);
    int rc = WEIR_EOPTION;

    for (; choice && *choice; choice++) {
        loop->backend = *choice;
        rc = loop->backend->init(loop);
        if (rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EMFILE || rc == WEIR_ENFILE)
            break;
    }
    return rc;
}

int weir_loop_create_n(weir_loop **out, const struct weir_loop_options *options,
                       size_t options_size)
{
    WEIR__CALL;
    struct weir_loop_options o = {0};
    struct weir_loop *loop;
    int rc;

    rc = weir__options_copy(&o, sizeof o, options, options_size);
    if (rc < 0)
        return rc;
    if (o.buffers_max > WEIR__BUFFERS_LIMIT || o.spin_ns < 0)
        return WEIR_EOPTION;
    loop = weir__calloc(1, sizeof *loop);
    if (!loop)
        return WEIR_ENOMEM;
    loop->shared = o.shared == WEIR_ON;
    loop->embed_epoll = loop->embed_timer = -1;
    weir__spin_init(&loop->spin, o.spin_ns);
    loop->now_ns = weir__now_ns();
    loop->alarm_ns = UINT64_MAX;
    weir__wheel_init(&loop->wheel, loop->now_ns);
    weir__inbox_init(&loop->inbox);
    rc = weir__buffers_init(&loop->buffers, loop,
                            o.buffers_max ? o.buffers_max : WEIR__BUFFERS_DEFAULT_MAX);
    loop->shots = weir__calloc(WEIR__LOOP_SHOTS, sizeof *loop->shots);
    if (rc == 0 && !loop->shots)
        rc = WEIR_ENOMEM;
    if (rc == 0)
        rc = take_index(loop);
    if (rc == 0)
        rc = init_backend(loop, o.backend);
    if (rc < 0) {
        loop_fini(loop);
        return rc;
    }
    *out = loop;
    return 0;
}

int weir_loop_destroy(weir_loop *loop)
{
    WEIR__CALL;

    if (loop->inflight || loop->running)
        return WEIR_EBUSY;
    loop_fini(loop);
    return 0;
}

const char *weir_loop_backend(const weir_loop *loop)
{
    return loop->backend->name;
}

uint64_t weir_loop_now_ns(const weir_loop *loop)
{
    return loop->now_ns;
}

/* ---- timers ---- */

static void timer_op_fire(void *timer, struct weir_loop *loop)
{
    weir_op *op = WEIR_CONTAINER_OF(timer, weir_op, u);

    op->result = 0;
    weir__loop_complete(loop, op);
}

void weir__loop_timer_start(struct weir_loop *loop, struct weir__loop_timer *timer,
                            uint64_t deadline_ns)
{
    weir__wheel_start(&loop->wheel, &timer->node, deadline_ns);
}

static void fire_timers(struct weir_loop *loop)
{
    struct weir__timer *node;

    while ((node = weir__wheel_expire(&loop->wheel, loop->now_ns))) {
        struct weir__loop_timer *timer = WEIR_CONTAINER_OF(node, struct weir__loop_timer, node);

        timer->fire(timer, loop);
    }
}

/* ---- operations ---- */

/* What an operation that is submitted again has left of its last time. */
static void renew(weir_op *op)
{
    op->flags &= WEIR__OP_WISHES;
    if (op->kind == WEIR_OP_SEND || op->kind == WEIR_OP_RECV)
        op->u.buffer.done = 0;
    else if (op->kind == WEIR_OP_CONNECT)
        op->u.connect.started = false;
}

void weir_loop_submit(weir_loop *loop, weir_op *op)
{
    renew(op);
    op->weir__state = OP_BACKEND;
    op->weir__wait++;
    op->weir__loop = loop->index;
    loop->inflight++;
    WEIR_ATOMIC_COUNT(&loop->pending[op->kind % WEIR__OP_KINDS], 1);
    if (op->flags & WEIR_OP_SILENT)
        loop->silent++;
    WEIR_PROBE3(submit, op, op->kind, loop->index);
    if (op->kind == WEIR_OP_TIMER) {
        op->u.timer.fire = timer_op_fire;
        if (op->u.timer.deadline_ns != UINT64_MAX) /* which never comes: until it is cancelled */
            weir__loop_timer_start(loop, (struct weir__loop_timer *)&op->u,
                                   op->u.timer.deadline_ns);
    } else if (op->kind == WEIR_OP_NOP) {
        weir__loop_complete(loop, op);
    } else {
        loop->backend->submit(loop, op);
    }
}

bool weir__loop_submit_inline(struct weir_loop *loop, struct weir_op *op)
{
    weir_loop_submit(loop, op);
    if (op->weir__state != OP_COMPLETED || loop->completed_head != op || loop->news_head)
        return false;
    loop->completed_head = loop->completed_tail = NULL;
    op->weir__state = OP_IDLE;
    loop->inflight--;
    WEIR_ATOMIC_COUNT(&loop->pending[op->kind % WEIR__OP_KINDS], -1);
    WEIR_PROBE3(complete, op, op->kind, op->result);
    return true;
}

static void unstarve(struct weir_loop *loop, struct weir_op *op)
{
    struct weir_op *before = NULL, *at = loop->starved_head;

    while (at && at != op) {
        before = at;
        at = at->weir__next;
    }
    WEIR_ASSERT(at);
    if (before)
        before->weir__next = op->weir__next;
    else
        loop->starved_head = op->weir__next;
    if (loop->starved_tail == op)
        loop->starved_tail = before;
}

void weir_loop_cancel(weir_loop *loop, weir_op *op)
{
    WEIR_PROBE2(cancel_op, op, op->kind);
    if (op->weir__state == OP_STARVED) {
        unstarve(loop, op);
        op->result = WEIR_ECANCELED;
        if (op->weir__cancels)
            op->weir__state = OP_HELD;
        else
            weir__loop_complete(loop, op);
    } else if (op->weir__state == OP_HELD) {
        loop->backend->cancel(loop, op); /* it may be held to be submitted anew */
    } else if (op->weir__state != OP_BACKEND) {
        return;
    } else if (op->kind == WEIR_OP_TIMER) {
        weir__loop_timer_stop(loop, (struct weir__loop_timer *)&op->u);
        op->result = WEIR_ECANCELED;
        weir__loop_complete(loop, op);
    } else {
        loop->backend->cancel(loop, op);
    }
}

bool weir__loop_starve(struct weir_loop *loop, struct weir_op *op)
{
    loop->buffers.exhausted_count++;
    if (!loop->buffers.lent) {
        op->result = WEIR_ENOMEM;
        return false;
    }
    op->weir__state = OP_STARVED;
    op->weir__next = NULL;
    if (loop->starved_tail)
        loop->starved_tail->weir__next = op;
    else
        loop->starved_head = op;
    loop->starved_tail = op;
    return true;
}

void weir__loop_feed(struct weir_loop *loop)
{
    struct weir_op *op = loop->starved_head;

    loop->starved_head = op->weir__next;
    if (!loop->starved_head)
        loop->starved_tail = NULL;
    op->weir__state = OP_BACKEND;
    loop->backend->submit(loop, op);
}

void weir_loop_close(weir_loop *loop, weir_fd *fd)
{
    if (fd->number < 0)
        return;
    loop->backend->forget(loop, fd, 1);
    fd->number = -1;
}

void weir_loop_forget(weir_loop *loop, weir_fd *fd)
{
    loop->backend->forget(loop, fd, 0);
}

void weir_loop_give_back(weir_lent *lent)
{
    WEIR__CALL;

    weir__buffers_return(lent);
}

/* ---- sleep and wake ---- */

bool weir__loop_fall_asleep(struct weir_loop *loop)
{
    (void)WEIR_ATOMIC_EXCHANGE(&loop->sleeping, LOOP_ASLEEP, SEQ_CST);
    if (weir__inbox_empty(&loop->inbox) && !WEIR_ATOMIC_LOAD(&loop->roused, SEQ_CST))
        return true;
    weir__loop_awake(loop);
    return false;
}

void weir__loop_awake(struct weir_loop *loop)
{
    WEIR_ATOMIC_STORE(&loop->sleeping, LOOP_AWAKE, RELAXED);
}

void weir__loop_wake(struct weir_loop *loop)
{
    if (WEIR_ATOMIC_LOAD(&loop->sleeping, SEQ_CST) == LOOP_ASLEEP
        && WEIR_ATOMIC_EXCHANGE(&loop->sleeping, LOOP_AWAKE, SEQ_CST) == LOOP_ASLEEP)
        loop->backend->wake(loop);
}

void weir__loop_rouse(struct weir_loop *loop)
{
    WEIR_ATOMIC_STORE(&loop->roused, 1, SEQ_CST);
    weir__loop_wake(loop);
}

void weir__loop_post(struct weir_loop *loop, struct weir__inbox_node *node)
{
    weir__inbox_push(&loop->inbox, node);
    weir__loop_wake(loop);
}

void weir_loop_post(weir_loop *loop, weir_post *post)
{
    weir__loop_post(loop, post);
}

void weir__loop_deliver(struct weir_loop *loop)
{
    struct weir__inbox_node *node = weir__inbox_take_all(&loop->inbox);

    while (node) {
        struct weir__inbox_node *next = node->weir__next;

        WEIR_ATOMIC_COUNT(&loop->post_count, 1);
        node->deliver(node, loop);
        node = next;
    }
}

/* ---- the turn ---- */

/* The timeout cut to the next timer, unless the backend wakes before it anyway. The turn may have
 * been long: the clock is read anew. */
static int64_t until_next_timer(struct weir_loop *loop, int64_t timeout_ns)
{
    uint64_t now, next = weir__wheel_next(&loop->wheel);
    int64_t until;

    if (next >= loop->alarm_ns)
        return timeout_ns;
    now = weir__now_ns();
    until = next > now ? (int64_t)(next - now) : 0;
    loop->next_ns = next;
    return timeout_ns < 0 || until < timeout_ns ? until : timeout_ns;
}

int weir__loop_poll(struct weir_loop *loop, int64_t timeout_ns)
{
    uint64_t before_ns = loop->now_ns;
    bool may_sleep;
    int rc;

    if (weir__loop_pending(loop) || weir__loop_called(loop))
        timeout_ns = 0;
    if (timeout_ns != 0)
        timeout_ns = until_next_timer(loop, timeout_ns);
    may_sleep = timeout_ns != 0;
    WEIR_ATOMIC_COUNT(&loop->wait_count, 1);
    rc = loop->backend->wait(loop, timeout_ns);
    WEIR_ATOMIC_STORE(&loop->roused, 0, RELAXED);
    loop->now_ns = weir__now_ns();
    if (may_sleep)
        weir__spin_note_wait(&loop->spin, (int64_t)(loop->now_ns - before_ns));
    fire_timers(loop);
    if (!weir__inbox_empty(&loop->inbox))
        weir__loop_deliver(loop);
    return rc;
}

static void finish(struct weir_loop *loop, weir_op *op)
{
    op->weir__state = OP_IDLE;
    loop->inflight--;
    WEIR_ATOMIC_COUNT(&loop->pending[op->kind % WEIR__OP_KINDS], -1);
    WEIR_ATOMIC_COUNT(&loop->completed_count, 1);
    if (op->flags & WEIR_OP_SILENT)
        loop->silent--;
    WEIR_PROBE3(complete, op, op->kind, op->result);
    op->done(op);
}

static void drain_shots(struct weir_loop *loop)
{
    uint32_t end = loop->shots_head;

    while (loop->shots_tail != end) {
        struct weir__loop_shot shot = loop->shots[loop->shots_tail++ % WEIR__LOOP_SHOTS];

        shot.op->result = shot.result;
        if (shot.more) {
            shot.op->flags |= WEIR_OP_MORE;
            WEIR_PROBE3(complete, shot.op, shot.op->kind, shot.result);
            shot.op->done(shot.op);
        } else {
            shot.op->flags &= (uint8_t)~WEIR_OP_MORE;
            finish(loop, shot.op);
        }
    }
}

/* Tells of received buffers; a receive whose buffers nobody takes is ended. */
static void drain_news(struct weir_loop *loop)
{
    weir_op *op, *last = loop->news_tail;

    while (last && (op = loop->news_head)) {
        loop->news_head = op->u.received.next;
        if (!loop->news_head)
            loop->news_tail = NULL;
        if (op == last)
            last = NULL;
        op->flags = (uint8_t)((op->flags & ~WEIR__OP_NEWS) | WEIR_OP_MORE);
        weir__spin_note_fd(&loop->spin, op->fd);
        op->done(op);
        if (op->u.received.count >= WEIR_RECEIVED_MAX)
            weir_loop_cancel(loop, op);
    }
}

/* A worker's completions may be told in any order, and later. */
static bool held_back(struct weir_loop *loop)
{
    if (!loop->worker)
        return false;
    while (weir__chance_io(2) && loop->completed_head != loop->completed_tail) {
        weir_op *op = loop->completed_head;

        loop->completed_head = op->weir__next;
        op->weir__next = NULL;
        loop->completed_tail->weir__next = op;
        loop->completed_tail = op;
    }
    return weir__chance_io(4);
}

void weir__loop_drain(struct weir_loop *loop)
{
    weir_op *op, *last;
    unsigned budget = DRAIN_MAX;

    if (held_back(loop))
        return;
    last = loop->completed_tail;
    if (loop->news_head)
        drain_news(loop);

    while (last && budget-- && (op = loop->completed_head)) {
        loop->completed_head = op->weir__next;
        if (!loop->completed_head)
            loop->completed_tail = NULL;
        if (op == last)
            last = NULL;
        op->flags &= (uint8_t)~WEIR_OP_MORE;
        if (op->fd)
            weir__spin_note_fd(&loop->spin, op->fd);
        finish(loop, op);
    }
    drain_shots(loop);
}

static bool loop_alive(const struct weir_loop *loop)
{
    return loop->inflight > loop->silent;
}

int weir_loop_run(weir_loop *loop, enum weir_loop_mode mode)
{
    WEIR__CALL;
    struct weir_loop *before = weir__current_loop();
    int rc = 0;

    if (loop->running)
        return WEIR_EBUSY;
    loop->running = true;
    weir__current_set_loop(loop);
    weir__loop_enter(loop);
    do {
        bool wait = mode != WEIR_LOOP_NOWAIT && !loop->stop && loop_alive(loop);

        if (mode == WEIR_LOOP_DEFAULT && !loop_alive(loop) && weir__inbox_empty(&loop->inbox))
            break;
        rc = weir__loop_poll(loop, wait ? -1 : 0);
        weir__loop_drain(loop);
    } while (rc >= 0 && mode == WEIR_LOOP_DEFAULT && !loop->stop);
    weir__loop_leave(loop);
    weir__current_set_loop(before);
    loop->stop = false;
    loop->running = false;
    if (loop->embed_epoll >= 0)
        weir__loop_embed_arm(loop);
    return rc < 0 ? rc : loop_alive(loop);
}

void weir_loop_stop(weir_loop *loop)
{
    loop->stop = true;
}
