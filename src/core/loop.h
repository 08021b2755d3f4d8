/* core/loop.h - the loop: one backend, its timers, its completed operations and its inbox.
 *
 * Belongs to one thread. The loop has two halves, as the contracts lay them out: the owner half
 * (the backend's submission side) that only its thread touches, and the shared half (completed,
 * wheel, reaping) that is guarded by `owner`: the word is OWNED while the thread is inside the loop
 * and FREE while a task runs. Nobody else takes it yet; a rescuer will.
 *
 * States of an operation: IDLE (the caller's), BACKEND (in the kernel's hands or waiting in the
 * backend), STARVED (a receive that waits for a free buffer), HELD (finished, while a cancel for it
 * is still in the ring), COMPLETED (linked, `done` not yet called).
 *
 * A multishot receive that has got buffers stands in a list of its own, `news`, besides whatever
 * else it stands in. A drain calls the news before the completions that were there when it began,
 * so that an operation is off that list before its last completion is told.
 */
#ifndef WEIR_CORE_LOOP_H
#define WEIR_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>

#include "base/atomic.h"
#include "base/hostile.h"
#include "base/queue.h"
#include "core/backend.h"
#include "core/buffers.h"
#include "core/inbox.h"
#include "core/spin.h"
#include "core/wheel.h"

enum weir__op_state {
    OP_IDLE,
    OP_BACKEND,
    OP_STARVED,
    OP_HELD,
    OP_COMPLETED
};

/* What is known of a descriptor: bits of weir_fd.weir__facts, changed atomically. */
#define WEIR__FD_HUP   1u /* the peer has hung up */
#define WEIR__FD_TCP   4u
#define WEIR__FD_OTHER 8u /* not TCP */

/* The loop that watches a direction of a descriptor for readiness: the top bits of its word. */
#define WEIR__FD_WATCHER_SHIFT 48
static inline uint16_t weir__fd_watcher(const uint64_t *word)
{
    return (uint16_t)(WEIR_ATOMIC_LOAD(word, SEQ_CST) >> WEIR__FD_WATCHER_SHIFT);
}

/* The flags of an operation that its owner sets; the others are the loop's and the backend's. */
#define WEIR__OP_WISHES (WEIR_OP_MULTISHOT | WEIR_OP_WHOLE | WEIR_OP_SILENT)
#define WEIR__OP_NEWS   0x80u /* a flag of an operation: it stands in the list of news */

/* Bits of weir_op.weir__zero_copy: who fills a send sets the first after that, a backend that does
 * not know it sends as ever. Such a send completes when the kernel has let go of the bytes. */
#define WEIR__ZERO_COPY_WANTED  1u /* from the sender's memory */
#define WEIR__ZERO_COPY_SENT    2u /* it has been, so far as the next bit does not say otherwise */
#define WEIR__ZERO_COPY_COPIED  4u /* the kernel has made a copy nevertheless */
#define WEIR__ZERO_COPY_REFUSED 8u /* it has refused, and a plain send was made */

enum weir__loop_sleep {
    LOOP_AWAKE = 0,
    LOOP_ASLEEP = 1
};
enum weir__loop_owner {
    LOOP_FREE = 0,
    LOOP_OWNED = 1
};

/* One completion of a multishot accept: several may come in one reap. */
struct weir__loop_shot {
    struct weir_op *op;
    int32_t result;
    bool more;
};
#define WEIR__OP_KINDS   16
#define WEIR__LOOP_SHOTS 512u /* a backend stops reaping while the ring of shots is full */

/* A timer of the loop. Lies over the timer part of an operation: same layout. */
struct weir__loop_timer {
    struct weir__timer node;
    void (*fire)(void *timer, struct weir_loop *loop);
};

struct weir_loop {
    const struct weir__backend *backend;
    void *state; /* the backend's */
    uint64_t now_ns;
    struct weir_op *completed_head;
    struct weir_op *completed_tail;
    struct weir_op *news_head; /* by u.received.next */
    struct weir_op *news_tail;
    struct weir__loop_shot *shots; /* a ring, WEIR__LOOP_SHOTS long */
    uint32_t shots_head;
    uint32_t shots_tail;
    uint32_t inflight; /* submitted, not yet called back */
    uint32_t silent;   /* of those, the ones that do not keep the loop running */
    bool stop;
    bool running;
    bool unfinished;   /* the backend has work that no event will tell of */
    bool runnable;     /* the worker has more tasks to run before it waits */
    bool shared;       /* no thread owns the ring */
    uint16_t index;    /* of the loop in the process, 1..; names it in 16 bits */
    uint32_t owner;    /* enum weir__loop_owner; partner: weir__loop_enter, weir__loop_leave */
    uint64_t next_ns;  /* of a wait with a timeout: the moment that the timeout stands for */
    uint64_t alarm_ns; /* the backend wakes at this moment by itself; UINT64_MAX: it does not */
    struct weir__wheel wheel;
    struct weir__buffers buffers;
    struct weir_op *starved_head;
    struct weir_op *starved_tail;
    struct weir__spin spin;
    /* embedding */
    int embed_epoll;
    int embed_timer;
    /* shared with other threads */
    uint32_t sleeping; /* enum weir__loop_sleep; partner: weir__loop_wake */
    uint32_t roused;   /* there is work that is not in the inbox; partner: weir__loop_rouse */
    struct weir__inbox inbox;
    uint32_t calls; /* that the pool has, or tells of; partner: weir__call_fini */
    bool holds_pool;
    void *worker;         /* the task layer's, NULL for a bare loop */
    uint64_t wait_serial; /* waits of tasks that began here: numbers them */
    /* counters */
    uint64_t wait_count;
    uint64_t wake_count;
    uint64_t completed_count;
    uint64_t post_count;
    uint32_t pending[WEIR__OP_KINDS]; /* in flight, by kind */
};

/* How much of `len` bytes to ask the kernel for: in a hostile build a worker may get less. */
static inline size_t weir__loop_cut(const struct weir_loop *loop, size_t len)
{
    return loop->worker && weir__chance_io(3) ? 1 : len;
}

/* Links a completed operation: the way in which a backend reports an end. */
static inline void weir__loop_complete(struct weir_loop *loop, struct weir_op *op)
{
    op->weir__state = OP_COMPLETED;
    op->weir__next = NULL;
    if (loop->completed_tail)
        loop->completed_tail->weir__next = op;
    else
        loop->completed_head = op;
    loop->completed_tail = op;
}

/* Whether an operation is a receive that goes on by itself. */
static inline bool weir__op_receives_on(const struct weir_op *op)
{
    return op->kind == WEIR_OP_RECV_LENT && (op->flags & WEIR_OP_MULTISHOT);
}

/* A multishot receive has got a buffer. The other way in which a backend reports. */
static inline void weir__loop_receive(struct weir_loop *loop, struct weir_op *op,
                                      const weir_lent *lent)
{
    weir__received_push(op, lent);
    if (op->flags & WEIR__OP_NEWS)
        return;
    op->flags |= WEIR__OP_NEWS;
    op->u.received.next = NULL;
    if (loop->news_tail)
        loop->news_tail->u.received.next = op;
    else
        loop->news_head = op;
    loop->news_tail = op;
}

/* Whether callbacks wait to be called. */
static inline bool weir__loop_pending(const struct weir_loop *loop)
{
    return loop->completed_head || loop->news_head || loop->shots_head != loop->shots_tail;
}

/* Whether an operation is an accept that goes on by itself. */
static inline bool weir__op_accepts_on(const struct weir_op *op)
{
    return op->kind == WEIR_OP_ACCEPT && (op->flags & WEIR_OP_MULTISHOT);
}

/* Queues one completion of a multishot accept. The caller has looked that there is room. */
static inline bool weir__loop_shots_full(const struct weir_loop *loop)
{
    /* the rest is room for the ends of cancelled operations, which nothing holds back */
    return loop->shots_head - loop->shots_tail >= WEIR__LOOP_SHOTS - 64;
}
static inline void weir__loop_shot(struct weir_loop *loop, struct weir_op *op, int32_t result,
                                   bool more)
{
    struct weir__loop_shot *shot = &loop->shots[loop->shots_head++ % WEIR__LOOP_SHOTS];

    shot->op = op;
    shot->result = result;
    shot->more = more;
    if (!more) /* a cancel comes too late now */
        op->weir__state = OP_COMPLETED;
}

/* Ends an operation with a result; the completions of a multishot accept keep their order. */
static inline void weir__loop_end(struct weir_loop *loop, struct weir_op *op, int32_t result)
{
    op->result = result;
    if (weir__op_accepts_on(op))
        weir__loop_shot(loop, op, result, false);
    else
        weir__loop_complete(loop, op);
}

/* Puts a receive that found no buffer on the list of the starved, in order: true. False, with
 * WEIR_ENOMEM as its result, if no buffer is lent, so that none will come home. */
bool weir__loop_starve(struct weir_loop *loop, struct weir_op *op);
/* Submits the receive that has starved longest again, for a buffer that has come home. */
void weir__loop_feed(struct weir_loop *loop);

/* One part of a turn each; a worker calls them in its step, the bare loop in its turn.
 * poll: sends what is prepared, waits at most timeout_ns, links completions, reads the clock, fires
 * timers, delivers the inbox. drain: calls `done` of what was linked when it began. */
int weir__loop_poll(struct weir_loop *loop, int64_t timeout_ns);
void weir__loop_drain(struct weir_loop *loop);

/* Submits for a waiter that can take a result at once: true if the operation has completed already
 * and nothing else waits for its callback. It is idle then, and `done` is not called. */
bool weir__loop_submit_inline(struct weir_loop *loop, struct weir_op *op);

/* Announces the sleep; false if there is something to do instead. Partner: weir__loop_wake. */
bool weir__loop_fall_asleep(struct weir_loop *loop);
void weir__loop_awake(struct weir_loop *loop);

/* Wakes a loop that sleeps, after something was put where it looks. Any thread. */
void weir__loop_wake(struct weir_loop *loop);
/* The same for work that the loop itself does not know: ends the sleep, or the next one. Any
 * thread. */
void weir__loop_rouse(struct weir_loop *loop);
/* Whether another thread wants the loop's attention. */
static inline bool weir__loop_called(const struct weir_loop *loop)
{
    return !weir__inbox_empty(&loop->inbox) || WEIR_ATOMIC_LOAD(&loop->roused, RELAXED);
}
/* Delivers what is in the inbox. By the loop's thread, or by who ends the loop after it. */
void weir__loop_deliver(struct weir_loop *loop);
/* Puts a node into the inbox and wakes the loop. Any thread. */
void weir__loop_post(struct weir_loop *loop, struct weir__inbox_node *node);

void weir__loop_timer_start(struct weir_loop *loop, struct weir__loop_timer *timer,
                            uint64_t deadline_ns);
static inline void weir__loop_timer_stop(struct weir_loop *loop, struct weir__loop_timer *timer)
{
    weir__wheel_stop(&loop->wheel, &timer->node);
}

/* Ownership of the shared half: taken once a turn, free while a task runs. */
static inline void weir__loop_enter(struct weir_loop *loop)
{
    (void)WEIR_ATOMIC_EXCHANGE(&loop->owner, LOOP_OWNED, ACQUIRE);
}
static inline void weir__loop_leave(struct weir_loop *loop)
{
    WEIR_ATOMIC_STORE(&loop->owner, LOOP_FREE, RELEASE);
}

/* Sets the embedding descriptor's timer and lets posts wake it: after each run of such a loop. */
void weir__loop_embed_arm(struct weir_loop *loop);

/* The backends to try for a wish (enum weir_backend), best first, NULL at the end; NULL for an
 * unknown wish. In src/backend/pick.c. */
const struct weir__backend *const *weir__backend_choices(uint32_t wanted);

/* Whether there is any loop in the process. */
bool weir__loop_any(void);
/* The loop with this index, or NULL. */
struct weir_loop *weir__loop_by_index(uint16_t index);

#endif
