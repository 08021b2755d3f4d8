/* task/wait.c - see wait.h. Deadlines reach a wait through its task's alarm, see task.h. */
#include "task/wait.h"

#include "base/assert.h"
#include "base/container.h"
#include "sys/current.h"
#include "task/runtime.h"
#include "task/state.h"
#include "task/task.h"
#include "task/worker.h"

#define REFUSALS_MAX 16 /* calls that fail at once before the others get their turn */

/* ---- whether a task may wait ---- */

/* What the effective deadline is for the task: its innermost block's own, or another's. */
static int deadline_code(const struct weir__task *task)
{
    const weir_block *block = task->block;

    return block && block->weir__own_ns <= task->deadline_ns ? WEIR_EDEADLINE : WEIR_ECANCELED;
}

int weir__task_stopped(struct weir__task *task, int code)
{
    if (code == WEIR_EDEADLINE)
        task->block->weir__fired = 1;
    return code;
}

int weir__task_refusal(struct weir__task *task)
{
    if (WEIR_ATOMIC_LOAD(&task->cancelled, RELAXED) && !task->shields)
        return WEIR_ECANCELED;
    if (task->worker->loop->now_ns >= task->deadline_ns)
        return weir__task_stopped(task, deadline_code(task));
    return 0;
}

int weir__task_check(struct weir__task *task)
{
    int reason = weir__task_refusal(task);

    if (reason < 0 && ++task->refusals >= REFUSALS_MAX)
        weir__task_yield(task);
    return reason;
}

/* ---- the budget ---- */

static bool has_time(struct weir__task *task)
{
    uint64_t now_ns = weir__now_ns();

    if (!task->began_ns)
        task->began_ns = now_ns;
    if (now_ns - task->began_ns >= (uint64_t)weir__runtime_watch(task->runtime)->slice_ns) {
        task->inlined = task->look_at = WEIR__INLINE_MAX;
        return false;
    }
    task->look_at = (uint8_t)(2 * task->look_at);
    return true;
}

bool weir__task_has_budget(struct weir__task *task)
{
    if (task->inlined < task->look_at)
        return true;
    return task->inlined < WEIR__INLINE_MAX && has_time(task);
}

static void count(struct weir__task *task)
{
    task->inlined = (uint8_t)(task->inlined + !task->unbudgeted);
}

bool weir__task_spend(struct weir__task *task)
{
    bool left = weir__task_has_budget(task);

    if (left)
        count(task);
    else
        weir__task_yield(task);
    return left;
}

int weir_unbudgeted_begin(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    if (task->unbudgeted == UINT8_MAX)
        return WEIR_ELIMIT;
    task->unbudgeted++;
    task->inlined = 0;
    return 0;
}

int weir_unbudgeted_end(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    if (task->unbudgeted == 0)
        return WEIR_EINVAL;
    task->unbudgeted--;
    return 0;
}

/* ---- alarms ---- */

static void alarm_fire(void *timer, weir_loop *loop)
{
    struct weir__alarm *alarm = WEIR_CONTAINER_OF(timer, struct weir__alarm, timer);
    struct weir__task *task = WEIR_ATOMIC_LOAD(&alarm->task, ACQUIRE);
    uint64_t word = task ? WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE) : 0;
    uint64_t deadline_ns;
    int code;

    if (!word || weir__wait_word_loop(word) != loop->index)
        return; /* the next wait here arms it again */
    /* valid if the wait is still current afterwards */
    deadline_ns = WEIR_ATOMIC_LOAD(&task->wait_deadline_ns, RELAXED);
    code = WEIR_ATOMIC_LOAD(&task->wait_code, RELAXED);
    if (loop->now_ns < deadline_ns)
        weir__loop_timer_start(loop, &alarm->timer, deadline_ns);
    else
        weir__task_stop(task, word, code);
}

static void give_alarm(struct weir__alarm *alarm)
{
    struct weir__worker *worker = alarm->worker;

    weir__loop_timer_stop(worker->loop, &alarm->timer);
    weir__slab_give(&worker->alarms, alarm);
}

static void deliver_alarm(weir_post *post, weir_loop *loop)
{
    (void)loop;
    give_alarm(WEIR_CONTAINER_OF(post, struct weir__alarm, post));
}

void weir__task_drop_alarm(struct weir__task *task)
{
    struct weir__alarm *alarm = task->alarm;

    if (!alarm)
        return;
    task->alarm = NULL;
    WEIR_ATOMIC_STORE(&alarm->task, NULL, RELEASE);
    if (alarm->worker == task->worker) {
        give_alarm(alarm);
    } else {
        alarm->post.deliver = deliver_alarm;
        weir__loop_post(alarm->worker->loop, &alarm->post);
    }
}

/* Sees to it that the wait that begins ends at a moment, with a code. 0 or WEIR_ENOMEM. */
static int arm(struct weir__task *task, uint64_t deadline_ns, int code)
{
    struct weir__worker *worker = task->worker;
    struct weir__alarm *alarm = task->alarm;

    WEIR_ATOMIC_STORE(&task->wait_deadline_ns, deadline_ns, RELAXED); /* partner: alarm_fire */
    WEIR_ATOMIC_STORE(&task->wait_code, code, RELAXED);
    if (alarm && alarm->worker != worker) {
        weir__task_drop_alarm(task);
        alarm = NULL;
    }
    if (!alarm) {
        alarm = weir__slab_take(&worker->alarms);
        if (!alarm)
            return WEIR_ENOMEM;
        alarm->timer.node.link.next = NULL;
        alarm->timer.fire = alarm_fire;
        alarm->worker = worker;
        WEIR_ATOMIC_STORE(&alarm->task, task, RELEASE);
        task->alarm = alarm;
    }
    if (!weir__timer_armed(&alarm->timer.node) || alarm->timer.node.deadline_ns > deadline_ns)
        weir__loop_timer_start(worker->loop, &alarm->timer, deadline_ns);
    return 0;
}

/* The same for the effective deadline. */
static int arm_deadline(struct weir__task *task)
{
    if (task->deadline_ns != UINT64_MAX)
        return arm(task, task->deadline_ns, deadline_code(task));
    WEIR_ATOMIC_STORE(&task->wait_deadline_ns, UINT64_MAX, RELAXED);
    return 0;
}

/* ---- waiting ---- */

/* Names the wait that begins. Partners: weir__task_stop and the functions of slots. */
static void name_wait(struct weir__task *task, uint64_t kind, struct weir__wait_slot *const *slots,
                      uint32_t count)
{
    weir_loop *loop = task->worker->loop;
    uint64_t word = (uint64_t)loop->index << WEIR__WAIT_LOOP_SHIFT | kind
                    | (++loop->wait_serial & WEIR__WAIT_NUMBERS);

    if (task->shields)
        word |= WEIR__WAIT_SHIELDED;
    while (count--) {
        WEIR_ATOMIC_STORE(&slots[count]->task, task, RELAXED);
        WEIR_ATOMIC_STORE(&slots[count]->word, word, RELEASE);
    }
    WEIR_ATOMIC_STORE(&task->since_ns, loop->now_ns, RELAXED); /* partner: who asks */
    WEIR_ATOMIC_STORE(&task->wait, word, RELEASE);
}

static void suspend(struct weir__task *task, bool rests)
{
    task->rests = rests;
    weir__task_suspend(task);
    task->rests = false;
}

static void op_done(weir_op *op)
{
    struct weir__task *task = op->context;

    task->waiting = NULL;
    WEIR_ATOMIC_STORE(&task->wait, 0, RELAXED);
    weir__task_state_completed(&task->state);
    weir__sched_ready(task, false);
}

static int wait_result(struct weir__task *task, const weir_op *op)
{
    return op->result == WEIR_ECANCELED && task->stop_reason
               ? weir__task_stopped(task, task->stop_reason)
               : op->result;
}

/* Whether a wait that leaves only `memory` to others is one at rest. */
static bool at_rest(const struct weir__task *task, const void *memory)
{
    return task->packable && !weir__stack_has(&task->stack, memory);
}

static int await_op(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot, bool rests)
{
    weir_loop *loop;
    bool at_once;
    int rc = weir__task_check(task);

    if (rc < 0)
        return rc;
    loop = task->worker->loop; /* the check may have let others run */
    rc = arm_deadline(task);
    if (rc < 0)
        return rc;
    op->done = op_done;
    op->context = task;
    task->stop_reason = 0;
    at_once = weir__task_has_budget(task);
    if (at_once && weir__loop_submit_inline(loop, op)) {
        count(task);
        WEIR_ATOMIC_COUNT(&task->worker->counts.inline_count, 1);
        return op->result;
    }
    if (!at_once)
        weir_loop_submit(loop, op);
    task->waiting = op;
    name_wait(task, 0, &slot, slot != NULL);
    suspend(task, rests);
    WEIR_ASSERT(!task->waiting);
    return wait_result(task, op);
}

int weir__task_await_in(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot)
{
    return await_op(task, op, slot, false);
}

int weir__task_await_at_rest(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot,
                             const void *memory)
{
    return await_op(task, op, slot, at_rest(task, memory));
}

int weir__task_cut_short(const struct weir__task *task)
{
    return task->stop_reason;
}

static int pause_armed(struct weir__task *task, struct weir__wait_slot *const *slots,
                       uint32_t count, bool rests)
{
    uint64_t word;

    name_wait(task, WEIR__WAIT_PAUSE, slots, count);
    suspend(task, rests);
    word = WEIR_ATOMIC_EXCHANGE(&task->wait, 0, SEQ_CST); /* partner: weir__task_stop */
    return word >= WEIR__WAIT_STOPPED ? -(int)(uint32_t)word : 0;
}

void weir__task_waits_for(struct weir__task *task, const char *what)
{
    WEIR_ATOMIC_STORE(&task->since_ns, task->worker->loop->now_ns, RELAXED); /* partner: a dump */
    WEIR_ATOMIC_STORE(&task->waits_for, what, RELAXED);
}

int weir__task_pause_in(struct weir__task *task, struct weir__wait_slot *slot)
{
    return weir__task_pause_in_all(task, &slot, slot != NULL);
}

int weir__task_pause_at_rest(struct weir__task *task, struct weir__wait_slot *slot,
                             const void *memory)
{
    int rc = weir__task_check(task);

    if (rc == 0)
        rc = arm_deadline(task);
    return rc < 0 ? rc : pause_armed(task, &slot, slot != NULL, at_rest(task, memory));
}

int weir__task_pause_in_all(struct weir__task *task, struct weir__wait_slot *const *slots,
                            uint32_t count)
{
    int rc = weir__task_check(task);

    if (rc == 0)
        rc = arm_deadline(task);
    return rc < 0 ? rc : pause_armed(task, slots, count, false);
}

int weir__task_pause_until(struct weir__task *task, uint64_t until_ns)
{
    int rc = weir__task_check(task);

    if (rc == 0)
        rc =
            until_ns < task->deadline_ns ? arm(task, until_ns, WEIR_ETIMEDOUT) : arm_deadline(task);
    return rc < 0 ? rc : pause_armed(task, NULL, 0, false);
}

/* ---- ending a wait ---- */

void weir__task_stop(struct weir__task *task, uint64_t word, int reason)
{
    uint64_t seen = word;

    if (word & WEIR__WAIT_PAUSE) {
        if (WEIR_ATOMIC_CAS(&task->wait, &seen, WEIR__WAIT_STOPPED | (uint32_t)-reason, SEQ_CST))
            weir__task_wake(task);
    } else if (WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE) == word && !task->stop_reason) {
        task->stop_reason = reason;
        weir_loop_cancel(weir__loop_by_index(weir__wait_word_loop(word)), task->waiting);
    }
}

uint16_t weir__wait_loop(const struct weir__wait_slot *slot)
{
    return weir__wait_word_loop(WEIR_ATOMIC_LOAD(&slot->word, ACQUIRE));
}

void weir__wait_end(struct weir__wait_slot *slot, weir_loop *loop, int reason)
{
    uint64_t word = WEIR_ATOMIC_LOAD(&slot->word, ACQUIRE);
    struct weir__task *task = WEIR_ATOMIC_LOAD(&slot->task, RELAXED);

    if (word && weir__wait_word_loop(word) == loop->index)
        weir__task_stop(task, word, reason);
}

void weir__wait_wake(struct weir__wait_slot *slot)
{
    uint64_t word = WEIR_ATOMIC_LOAD(&slot->word, ACQUIRE);
    struct weir__task *task = WEIR_ATOMIC_LOAD(&slot->task, RELAXED);

    if (word && WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE) == word)
        weir__task_wake(task);
}
