/* task/task.c - starting, suspending, waking and stopping tasks; see task.h. */
#include "task/task.h"

#include <string.h>

#include "base/assert.h"
#include "base/container.h"
#include "base/options.h"
#include "sys/current.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/state.h"
#include "task/worker.h"

#define REFUSALS_MAX 16 /* calls that fail at once before the others get their turn */
#define INLINE_MAX   64 /* operations that complete at once, likewise */

#define WAIT_LOOP_SHIFT 48
#define WAIT_STOPPED    (0xffffull << WAIT_LOOP_SHIFT) /* no loop: a pause ended, by this error */

struct weir__task *weir__task_current(void)
{
    struct weir__worker *worker = weir__current_worker();

    return worker ? worker->current : NULL;
}

const char *weir_task_name(void)
{
    struct weir__task *task = weir__task_current();

    return task ? task->name : NULL;
}

uint64_t weir_task_id(void)
{
    struct weir__task *task = weir__task_current();

    return task ? task->id : 0;
}

/* ---- suspending and waking ---- */

void weir__task_suspend(struct weir__task *task)
{
    weir__context_switch(&task->context, &task->worker->context);
}

static void deliver_wake(weir_post *post, weir_loop *loop)
{
    struct weir__task *task = WEIR_CONTAINER_OF(post, struct weir__task, post);

    (void)loop;
    weir__worker_enqueue(task->worker, task);
}

void weir__task_wake(struct weir__task *task)
{
    if (!weir__task_state_wake(&task->state))
        return;
    if (weir__current_worker() == task->worker) {
        weir__worker_enqueue(task->worker, task);
    } else {
        task->post.deliver = deliver_wake;
        weir_loop_post(task->worker->loop, &task->post);
    }
}

static void yield(struct weir__task *task)
{
    task->yielding = true;
    weir__task_suspend(task);
}

/* ---- deadlines and cancellation ---- */

/* Why the effective deadline, which has passed, stops the task. */
static int deadline_reason(struct weir__task *task, uint64_t now_ns)
{
    weir_block *block = task->block;

    if (!block || block->weir__own_ns > now_ns)
        return WEIR_ECANCELED;
    block->weir__fired = 1;
    return WEIR_EDEADLINE;
}

static int refusal(struct weir__task *task)
{
    uint64_t now_ns = task->worker->loop->now_ns;

    if (task->cancelled && !task->shields)
        return WEIR_ECANCELED;
    if (now_ns >= task->deadline_ns)
        return deadline_reason(task, now_ns);
    return 0;
}

int weir__task_check(struct weir__task *task)
{
    int reason = refusal(task);

    if (reason < 0 && ++task->refusals >= REFUSALS_MAX)
        yield(task);
    return reason;
}

/* On the loop of the wait: ends it for a reason, unless that was done before. */
static void interrupt(struct weir__task *task, int reason)
{
    uint64_t word = WEIR_ATOMIC_LOAD(&task->wait, RELAXED);

    if (!word || word >= WAIT_STOPPED || task->stop_reason)
        return;
    if (task->waiting) {
        task->stop_reason = reason;
        weir_loop_cancel(task->worker->loop, task->waiting);
    } else if (WEIR_ATOMIC_CAS(&task->wait, &word, WAIT_STOPPED | (uint64_t)-reason, SEQ_CST)) {
        weir__task_wake(task);
    }
}

void weir__task_cancel(struct weir__task *task)
{
    struct weir__list *link;

    task->cancelled = true;
    if (!task->shields)
        interrupt(task, WEIR_ECANCELED);
    for (link = task->scopes.next; link != &task->scopes; link = link->next) {
        struct weir__scope *scope = WEIR_CONTAINER_OF(link, struct weir__scope, open);

        if (!scope->shielded)
            weir__scope_cancel(scope);
    }
}

static void timer_fire(void *fired, weir_loop *loop)
{
    struct weir__task *task = WEIR_CONTAINER_OF(fired, struct weir__task, timer);

    if (task->deadline_ns == UINT64_MAX)
        return;
    if (loop->now_ns < task->deadline_ns)
        weir__loop_timer_start(loop, &task->timer, task->deadline_ns);
    else if (WEIR_ATOMIC_LOAD(&task->wait, RELAXED))
        interrupt(task, deadline_reason(task, loop->now_ns));
}

static void arm_deadline(struct weir__task *task, weir_loop *loop)
{
    if (task->deadline_ns == UINT64_MAX)
        return;
    if (weir__timer_armed(&task->timer.node) && task->timer.node.deadline_ns <= task->deadline_ns)
        return;
    task->timer.fire = timer_fire;
    weir__loop_timer_start(loop, &task->timer, task->deadline_ns);
}

/* ---- waiting for an operation ---- */

void weir__task_spend(struct weir__task *task)
{
    if (task->inlined++ >= INLINE_MAX)
        yield(task);
}

static void op_done(weir_op *op)
{
    struct weir__task *task = op->context;

    task->waiting = NULL;
    WEIR_ATOMIC_STORE(&task->wait, 0, RELAXED);
    weir__task_wake(task);
}

/* Names the wait that begins. Partners: the functions of wait.h. */
static void name_wait(struct weir__task *task, weir_loop *loop, struct weir__wait_slot *slot)
{
    uint64_t word = (uint64_t)loop->index << WAIT_LOOP_SHIFT | ++loop->wait_serial;

    task->stop_reason = 0;
    if (slot) {
        WEIR_ATOMIC_STORE(&slot->task, task, RELAXED);
        WEIR_ATOMIC_STORE(&slot->word, word, RELEASE);
    }
    WEIR_ATOMIC_STORE(&task->wait, word, RELEASE);
}

/* False if the operation has completed at once: there is nothing to wait for. */
static bool begin_wait(struct weir__task *task, weir_loop *loop, weir_op *op,
                       struct weir__wait_slot *slot)
{
    op->done = op_done;
    op->context = task;
    if (task->inlined == INLINE_MAX) {
        weir_loop_submit(loop, op);
    } else if (weir__loop_submit_inline(loop, op)) {
        task->inlined++;
        task->stop_reason = 0;
        return false;
    }
    task->waiting = op;
    name_wait(task, loop, slot);
    arm_deadline(task, loop);
    return true;
}

static int wait_result(const struct weir__task *task, const weir_op *op)
{
    return op->result == WEIR_ECANCELED && task->stop_reason ? task->stop_reason : op->result;
}

int weir__task_await_in(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot)
{
    weir_loop *loop = task->worker->loop;
    int rc = weir__task_check(task);

    if (rc < 0)
        return rc;
    if (begin_wait(task, loop, op, slot)) {
        do {
            weir__task_suspend(task);
        } while (task->waiting);
    }
    return wait_result(task, op);
}

int weir__task_pause_in(struct weir__task *task, struct weir__wait_slot *slot)
{
    uint64_t word;
    int rc = weir__task_check(task);

    if (rc < 0)
        return rc;
    name_wait(task, task->worker->loop, slot);
    arm_deadline(task, task->worker->loop);
    weir__task_suspend(task);
    word = WEIR_ATOMIC_EXCHANGE(&task->wait, 0, SEQ_CST); /* partner: interrupt */
    return word >= WAIT_STOPPED ? -(int)(word & ~WAIT_STOPPED) : 0;
}

/* The task whose wait is current and on this loop, or NULL. */
static struct weir__task *waiter(struct weir__wait_slot *slot, weir_loop *loop)
{
    uint64_t word = WEIR_ATOMIC_LOAD(&slot->word, ACQUIRE);
    struct weir__task *task = WEIR_ATOMIC_LOAD(&slot->task, RELAXED);

    if (word >> WAIT_LOOP_SHIFT != loop->index || WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE) != word)
        return NULL;
    return task;
}

uint16_t weir__wait_loop(const struct weir__wait_slot *slot)
{
    return (uint16_t)(WEIR_ATOMIC_LOAD(&slot->word, ACQUIRE) >> WAIT_LOOP_SHIFT);
}

void weir__wait_end(struct weir__wait_slot *slot, weir_loop *loop, int reason)
{
    struct weir__task *task = waiter(slot, loop);

    if (task)
        interrupt(task, reason);
}

void weir__wait_wake(struct weir__wait_slot *slot, weir_loop *loop)
{
    struct weir__task *task = waiter(slot, loop);

    if (task)
        weir__task_wake(task);
}

int weir_yield(void)
{
    struct weir__task *task = weir__task_current();
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    rc = weir__task_check(task);
    if (rc == 0)
        yield(task);
    return rc;
}

int weir_check(void)
{
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    task->worker->loop->now_ns = weir__now_ns();
    return refusal(task);
}

uint64_t weir_now_ns(void)
{
    return weir__now_ns();
}

static uint64_t later(uint64_t now_ns, int64_t limit_ns)
{
    return limit_ns == WEIR_FOREVER ? UINT64_MAX : now_ns + (uint64_t)limit_ns;
}

int weir_sleep(int64_t duration_ns)
{
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    if (duration_ns < 0)
        return WEIR_EINVAL;
    weir_op_timer(&task->op, later(weir__now_ns(), duration_ns));
    return weir__task_await(task, &task->op);
}

/* ---- blocks ---- */

enum block_kind {
    BLOCK_DEADLINE,
    BLOCK_SHIELD
};

static int block_begin(weir_block *block, int64_t limit_ns, enum block_kind kind)
{
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    if (limit_ns < 0)
        return WEIR_EINVAL;
    block->weir__outer = task->block;
    block->weir__kind = (uint8_t)kind;
    block->weir__fired = 0;
    block->weir__own_ns = later(weir__now_ns(), limit_ns);
    block->weir__effective_ns = task->deadline_ns; /* the outer one, to put back */
    if (kind == BLOCK_SHIELD || block->weir__own_ns < task->deadline_ns)
        task->deadline_ns = block->weir__own_ns;
    task->shields = (uint8_t)(task->shields + (kind == BLOCK_SHIELD));
    task->block = block;
    return 0;
}

int weir_deadline_begin(weir_block *block, int64_t limit_ns)
{
    return block_begin(block, limit_ns, BLOCK_DEADLINE);
}

int weir_shield_begin(weir_block *block, int64_t limit_ns)
{
    return block_begin(block, limit_ns, BLOCK_SHIELD);
}

bool weir_block_end(weir_block *block)
{
    struct weir__task *task = weir__task_current();

    WEIR_ASSERT(task && task->block == block);
    task->block = block->weir__outer;
    task->deadline_ns = block->weir__effective_ns;
    task->shields = (uint8_t)(task->shields - (block->weir__kind == BLOCK_SHIELD));
    return block->weir__fired;
}

/* ---- starting ---- */

static void task_entry(void *arg)
{
    struct weir__task *task = arg;

    task->result = task->fn(task->arg);
    WEIR_ATOMIC_STORE(&task->state, TASK_ENDED, RELAXED);
    weir__context_switch_final(&task->context, &task->worker->context);
    __builtin_unreachable();
}

/* Puts a copy of the argument at the top of the stack; the bytes of it that are used up. */
static size_t copy_arg(struct weir__task *task, const void *arg, size_t size)
{
    size_t room = (size + 63) & ~(size_t)63;

    task->arg = memcpy(task->stack.high - room, arg, size);
    return room;
}

int weir__task_start(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                     void *arg, const struct weir_spawn_options *options)
{
    struct weir__task *task = weir__slab_take(&worker->tasks);
    size_t used = 0;
    int rc;

    if (!task)
        return WEIR_ENOMEM;
    rc = weir__stack_take(&worker->stacks, options->stack_size, &task->stack);
    if (rc < 0) {
        weir__slab_give(&worker->tasks, task);
        return rc;
    }
    task->worker = worker;
    task->fn = fn;
    task->arg = arg;
    if (options->copy_size)
        used = copy_arg(task, arg, options->copy_size);
    weir__context_make(&task->context, task->stack.low,
                       (size_t)(task->stack.high - task->stack.low) - used, task_entry, task);
    /* atomic: a late wake of the memory's former task may come, and does nothing worse than a
     * spurious wake; partner: weir__task_state_wake */
    WEIR_ATOMIC_STORE(&task->state, TASK_RUNNABLE, RELAXED);
    task->cancelled = false;
    task->yielding = false;
    task->shields = 0;
    WEIR_ATOMIC_STORE(&task->wait, 0, RELAXED); /* partner: a slot that is out of date */
    task->waiting = NULL;
    task->op.weir__state = 0;
    task->timer.node.link.next = NULL;
    task->deadline_ns = scope->deadline_ns;
    task->block = NULL;
    task->scope = scope;
    task->name = options->name ? options->name : "task";
    task->id = (uint64_t)worker->index << 48 | ++worker->task_count;
    weir__list_init(&task->scopes);
    weir__scope_enter(scope, worker, task);
    weir__worker_enqueue(worker, task);
    return 0;
}

int weir_spawn_n(weir_scope *scope, weir_task_fn *fn, void *arg,
                 const struct weir_spawn_options *options, size_t options_size)
{
    struct weir__worker *worker = weir__current_worker();
    struct weir_spawn_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (!worker)
        return WEIR_ENOTASK;
    if (o.worker > weir__runtime_workers(worker->runtime) || o.copy_size > WEIR_SPAWN_COPY_MAX)
        return WEIR_EOPTION;
    if (weir__scope_cancelled(weir__scope_of(scope)))
        return WEIR_ECANCELED;
    if (o.worker && o.worker != worker->index)
        return weir__scope_spawn_on(weir__scope_of(scope),
                                    weir__runtime_worker(worker->runtime, o.worker), fn, arg, &o);
    return weir__task_start(worker, weir__scope_of(scope), fn, arg, &o);
}

int weir_spawn_copy(weir_scope *scope, weir_task_fn *fn, const void *arg, size_t size)
{
    struct weir_spawn_options options = {.copy_size = (uint32_t)size};

    if (size == 0 || size > WEIR_SPAWN_COPY_MAX)
        return WEIR_EINVAL;
    return weir_spawn_with(scope, fn, (void *)(uintptr_t)arg, &options);
}
