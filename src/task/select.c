/* task/select.c - the first of several operations; see <weir/select.h>, select.h and case.h.
 *
 * A select first tries its cases, from a changing one on, while nothing of it is anywhere. If none
 * can be done it puts a waiter into the queue of each object, where it may be granted from then on.
 * Whoever grants it, or finds that one of its cases can be done, commits it by one compare-and-swap
 * (`winner`). When it is committed, or stopped, all its waits are withdrawn.
 *
 * Two selects may meet at a channel without a capacity: the second commits itself first, then the
 * other one. If that was granted elsewhere meanwhile, the second has passed by everything that came
 * to its other cases since it was committed: it withdraws them, and begins again.
 *
 * A timer is a deadline of the wait: of the cases that are moments the earliest one counts.
 */
#include "task/select.h"

#include "base/options.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/sys.h"
#include "task/case.h"
#include "task/deadlock.h"
#include "task/scope.h"
#include "task/task.h"
#include "task/worker.h"

#define NONE UINT32_MAX

struct selection {
    struct weir__select word;
    struct weir__task *task;
    weir_case *cases;
    uint32_t count;
    uint32_t first; /* where the trying begins */
    uint32_t timer; /* the case with the earliest moment, or NONE */
    uint32_t slot_count;
    bool pinned;
    struct weir__waiter stopped; /* wins if the task is stopped */
    struct weir__wait_slot *slots[WEIR_SELECT_MAX];
};

static struct weir__case *case_at(const struct selection *s, uint32_t index)
{
    return weir__case_of(&s->cases[index]);
}

/* ---- for the kinds ---- */

void weir__case_fill(weir_case *out, const struct weir__case_calls *calls, uint64_t id, void *data,
                     size_t len)
{
    *weir__case_of(out) = (struct weir__case){.calls = calls, .id = id, .data = data, .len = len};
}

void weir__case_queue(struct weir__case *c, struct weir__select *select, struct weir__waitq *queue,
                      uint32_t *lock)
{
    c->waiter.select = select;
    c->waiter.data = c->data;
    c->waiter.state = WAITER_QUEUED;
    c->lock = lock;
    weir__waitq_push(queue, &c->waiter);
}

enum weir__case_step weir__case_gone(struct weir__case *c, struct weir__select *select, int error)
{
    if (!weir__case_claim(c, select))
        return CASE_LOST;
    c->result = error;
    return CASE_DONE;
}

static void come_back(weir_op *op)
{
    struct weir__case *c = op->context;

    c->polls = false;
    weir__task_wake(c->waiter.task);
}

void weir__case_submit(struct weir__case *c, struct weir__task *task)
{
    c->waiter.task = task;
    c->op.done = come_back;
    c->op.context = c;
    c->polls = true;
    weir_loop_submit(task->worker->loop, &c->op);
}

void weir__case_take_back(struct weir__case *c, struct weir__task *task)
{
    if (c->polls)
        weir_loop_cancel(task->worker->loop, &c->op);
    weir__task_waits_for(task, "select");
    while (c->polls)
        weir__task_suspend(task);
}

/* ---- moments ---- */

static bool attempt_moment(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = 0;
    return weir__now_ns() >= c->id;
}

static enum weir__case_step enlist_moment(struct weir__case *c, struct weir__select *select)
{
    (void)c;
    (void)select;
    return CASE_WAITS; /* for the deadline of the wait */
}

static const struct weir__case_calls moment_calls = {
    .attempt = attempt_moment, .enlist = enlist_moment, .timed = true};

void weir_case_at(weir_case *out, uint64_t moment_ns)
{
    weir__case_fill(out, &moment_calls, moment_ns, NULL, 0);
}

void weir_case_after(weir_case *out, int64_t duration_ns)
{
    weir_case_at(out, weir__time_later(weir__now_ns(), duration_ns < 0 ? 0 : duration_ns));
}

void weir_case_none(weir_case *out)
{
    weir__case_fill(out, NULL, 0, NULL, 0);
}

/* The case with the earliest moment, or NONE. */
static uint32_t earliest(const struct selection *s)
{
    uint32_t i, found = NONE;

    for (i = 0; i < s->count; i++) {
        const struct weir__case *c = case_at(s, i);

        if (c->calls && c->calls->timed && (found == NONE || c->id < case_at(s, found)->id))
            found = i;
    }
    return found;
}

/* Opens a block with the earliest moment as its deadline: false if that comes too late anyway. */
static bool begin_moment(struct selection *s, weir_block *block)
{
    struct weir__task *task = s->task;
    uint64_t moment_ns = s->timer == NONE ? UINT64_MAX : case_at(s, s->timer)->id;

    if (moment_ns >= task->deadline_ns)
        return false;
    *block = (weir_block){.weir__outer = task->block,
                          .weir__own_ns = moment_ns,
                          .weir__effective_ns = task->deadline_ns};
    task->block = block;
    task->deadline_ns = moment_ns;
    return true;
}

static void end_moment(struct weir__task *task, const weir_block *block)
{
    task->block = block->weir__outer;
    task->deadline_ns = block->weir__effective_ns;
}

/* ---- joins: while one waits, the scope's count lacks the owner's share ---- */

static int enter_join(struct weir__case *c, struct weir__task *task)
{
    struct weir__scope *scope = weir__scope_of(c->data);

    if (scope->owner != task || scope->selected)
        return WEIR_EINVAL;
    scope->selected = true;
    return 0;
}

static void leave_join(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    weir__scope_of(c->data)->selected = false;
}

static bool attempt_join(struct weir__case *c, struct weir__task *task)
{
    struct weir__scope *scope = weir__scope_of(c->data);

    (void)task;
    if (WEIR_ATOMIC_LOAD(&scope->count, SEQ_CST) != (c->enlisted ? 0 : 1))
        return false;
    if (c->enlisted)
        weir__scope_hold(scope);
    c->enlisted = false;
    c->result = weir_scope_join(c->data);
    return true;
}

static enum weir__case_step enlist_join(struct weir__case *c, struct weir__select *select)
{
    (void)select;
    (void)WEIR_ATOMIC_SUB(&weir__scope_of(c->data)->count, 1, SEQ_CST); /* partner: release */
    c->enlisted = true;
    return CASE_WAITS;
}

static bool check_join(struct weir__case *c)
{
    return WEIR_ATOMIC_LOAD(&weir__scope_of(c->data)->count, SEQ_CST) == 0;
}

static void withdraw_join(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    if (c->enlisted)
        weir__scope_hold(weir__scope_of(c->data));
    c->enlisted = false;
}

static void want_join(const struct weir__case *c, struct weir__want *out)
{
    *out = (struct weir__want){WANT_SCOPE, weir__scope_of(c->data), NULL};
}

static const struct weir__case_calls join_calls = {.enter = enter_join,
                                                   .want = want_join,
                                                   .attempt = attempt_join,
                                                   .enlist = enlist_join,
                                                   .check = check_join,
                                                   .withdraw = withdraw_join,
                                                   .leave = leave_join};

void weir_case_join(weir_case *out, weir_scope *scope)
{
    weir__case_fill(out, &join_calls, 0, scope, 0);
}

/* ---- one round ---- */

/* Tries each case: the index of the one that was done, or NONE. */
static uint32_t attempt_all(struct selection *s)
{
    uint32_t i;

    for (i = 0; i < s->count; i++) {
        uint32_t at = s->first + i < s->count ? s->first + i : s->first + i - s->count;
        struct weir__case *c = case_at(s, at);

        if (c->calls && (!c->entered || c->calls->attempt(c, s->task)))
            return at;
    }
    return NONE;
}

static void withdraw_all(struct selection *s, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct weir__case *c = case_at(s, i);

        if (c->lock) {
            weir__lock(c->lock);
            weir__waitq_remove(NULL, &c->waiter);
            weir__unlock(c->lock);
            c->lock = NULL;
        }
        if (c->calls && c->calls->withdraw)
            c->calls->withdraw(c, s->task);
    }
}

/* The case that the select was committed to by others, when it has been done; NONE: it is open. */
static uint32_t granted(struct selection *s)
{
    struct weir__waiter *winner = WEIR_ATOMIC_LOAD(&s->word.winner, ACQUIRE);
    struct weir__case *c;

    if (!winner)
        return NONE;
    while (WEIR_ATOMIC_LOAD(&winner->state, ACQUIRE) != WAITER_GRANTED)
        weir__task_suspend(s->task); /* for the few instructions of the one who grants */
    c = WEIR_CONTAINER_OF(winner, struct weir__case, waiter);
    c->result = winner->result;
    return (uint32_t)((weir_case *)(void *)c - s->cases);
}

/* The first case, if any, that says that it can be done. */
static uint32_t ready(struct selection *s)
{
    uint32_t i;

    for (i = 0; i < s->count; i++) {
        uint32_t at = s->first + i < s->count ? s->first + i : s->first + i - s->count;
        struct weir__case *c = case_at(s, at);

        if (c->calls && c->calls->check && c->calls->check(c))
            return at;
    }
    return NONE;
}

/* Puts waiters everywhere. CASE_DONE with *at, CASE_AGAIN, or CASE_WAITS: until it is granted. */
static enum weir__case_step enlist_all(struct selection *s, uint32_t *at, uint32_t *enlisted)
{
    uint32_t i;

    for (i = 0; i < s->count; i++) {
        struct weir__case *c = case_at(s, i);
        enum weir__case_step step;

        if (!c->calls)
            continue;
        c->waiter.task = s->task;
        step = c->calls->enlist(c, &s->word);
        *enlisted = i + 1;
        *at = i;
        if (step == CASE_LOST)
            return CASE_WAITS;
        if (step != CASE_WAITS)
            return step;
    }
    return CASE_WAITS;
}

/* Does the case that the select was committed to. */
static enum weir__case_step complete(struct selection *s, uint32_t at)
{
    struct weir__case *c = case_at(s, at);

    return c->calls->attempt(c, s->task) ? CASE_DONE : CASE_AGAIN;
}

/* For a watcher of deadlocks. */
static void want_of_case(const void *from, uint32_t at, struct weir__want *out)
{
    const struct weir__case *c = case_at(from, at);

    *out = (struct weir__want){c->calls ? WANT_ANYTHING : WANT_NOTHING, NULL, NULL};
    if (c->calls && c->calls->want)
        c->calls->want(c, out);
}

/* Waits until the select is committed: CASE_DONE with *at; CASE_AGAIN; or CASE_LOST: the task was
 * stopped, with the reason in *rc. */
static enum weir__case_step wait_until_committed(struct selection *s, uint32_t *at, int *rc)
{
    weir__task_waits_for(s->task, "select");
    for (;;) {
        *at = granted(s);
        if (*at != NONE)
            return case_at(s, *at)->calls->looks ? complete(s, *at) : CASE_DONE;
        *at = ready(s);
        if (*at != NONE) {
            if (weir__case_claim(case_at(s, *at), &s->word))
                return complete(s, *at);
            continue;
        }
        *rc = weir__task_pause_in_all(s->task, s->slots, s->slot_count);
        if (*rc < 0 && weir__select_claim(&s->word, &s->stopped))
            return CASE_LOST;
    }
}

/* The same with the earliest moment. */
static enum weir__case_step wait_or_expire(struct selection *s, uint32_t *at, int *rc)
{
    weir_block block;
    struct weir__blocked blocked;
    enum weir__case_step step;
    bool timed;

    s->timer = earliest(s);
    timed = begin_moment(s, &block);
    weir__deadlock_enter_any(&blocked, &s->word, want_of_case, s, s->count, s->task);
    step = wait_until_committed(s, at, rc);
    weir__deadlock_leave(&blocked);
    if (timed)
        end_moment(s->task, &block);
    if (step != CASE_LOST)
        return step;
    if (timed && *rc == WEIR_EDEADLINE) {
        *at = s->timer;
        return complete(s, *at);
    }
    *rc = weir__task_stopped(s->task, *rc);
    return CASE_LOST;
}

/* The index of the case that was done, or why none was. */
static int run(struct selection *s, bool no_wait)
{
    enum weir__case_step step;
    uint32_t at, enlisted;
    int rc = 0;

    do {
        at = attempt_all(s);
        if (at != NONE)
            return (int)at;
        if (no_wait)
            return WEIR_EAGAIN;
        s->word.winner = NULL;
        enlisted = 0;
        step = enlist_all(s, &at, &enlisted);
        if (step == CASE_WAITS)
            step = wait_or_expire(s, &at, &rc);
        withdraw_all(s, enlisted);
        if (step == CASE_AGAIN)
            (void)weir__task_spend(s->task);
    } while (step == CASE_AGAIN);
    return step == CASE_DONE ? (int)at : rc;
}

/* ---- the whole ---- */

/* Where to begin, so that no case is passed over for long. */
static uint32_t turn(struct weir__task *task, uint32_t count)
{
    uint32_t *state = &task->worker->select_random;

    *state = *state * 1664525u + 1013904223u;
    return (*state >> 16) % count;
}

/* Takes hold of the objects. 0 or an error. */
static int enter_all(struct selection *s)
{
    uint32_t i;

    for (i = 0; i < s->count; i++) {
        struct weir__case *c = case_at(s, i);

        c->result = 0;
        c->lock = NULL;
        c->entered = c->enlisted = c->polls = false;
        c->vain = 0;
        if (!c->calls)
            continue;
        if (c->calls->pins && !s->pinned) {
            if (s->task->pins == UINT8_MAX)
                return WEIR_ELIMIT;
            s->task->pins++;
            s->pinned = true;
        }
        if (c->calls->enter)
            c->result = c->calls->enter(c, s->task);
        c->entered = c->result == 0; /* else the result is an error, and the case is done */
        if (c->entered && c->calls->slot)
            s->slots[s->slot_count++] = c->calls->slot(c);
    }
    return 0;
}

static void leave_all(struct selection *s)
{
    uint32_t i;

    for (i = 0; i < s->count; i++) {
        struct weir__case *c = case_at(s, i);

        if (c->calls && c->entered && c->calls->leave)
            c->calls->leave(c, s->task);
        c->entered = false;
    }
    if (s->pinned)
        s->task->pins--;
}

static int select_of(struct weir__task *task, weir_case *cases, uint32_t count,
                     const struct weir_select_options *o)
{
    struct selection s; /* large: nothing is zeroed that is not used */
    int rc = weir__leaf();

    if (rc < 0)
        return rc;
    s.task = task;
    s.cases = cases;
    s.count = count;
    s.first = o->in_order == WEIR_ON ? 0 : turn(task, count);
    s.slot_count = 0;
    s.pinned = false;
    rc = enter_all(&s);
    if (rc == 0)
        rc = run(&s, o->no_wait == WEIR_ON);
    leave_all(&s);
    return rc;
}

int weir_select_n(weir_case *cases, size_t count, const struct weir_select_options *options,
                  size_t options_size)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    struct weir_select_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (!task)
        return WEIR_ENOTASK;
    if (rc == 0 && (o.in_order > WEIR_OFF || o.no_wait > WEIR_OFF))
        rc = WEIR_EOPTION;
    if (rc == 0 && (count == 0 || count > WEIR_SELECT_MAX))
        rc = WEIR_EINVAL;
    if (rc == 0)
        rc = select_of(task, cases, (uint32_t)count, &o);
    return rc;
}
