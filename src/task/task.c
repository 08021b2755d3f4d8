/* task/task.c - starting, suspending, waking and ending tasks; see task.h. */
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

struct weir__task *weir__task_current(void)
{
    struct weir__worker *worker = weir__current_worker();

    return worker ? worker->current : NULL;
}

const char *weir_task_name(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    return task ? task->name : NULL;
}

void **weir_task_user(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    return task ? &task->user : NULL;
}

uint64_t weir_task_id(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    return task ? task->id : 0;
}

/* ---- suspending and waking ---- */

void weir__task_suspend(struct weir__task *task)
{
    WEIR_ASSERT(WEIR_ATOMIC_LOAD(&weir__here()->inside, RELAXED));
    weir__context_switch(&task->context, task->worker->back);
}

void weir__task_wake(struct weir__task *task)
{
    if (weir__task_state_wake(&task->state))
        weir__sched_ready(task, false);
}

void weir__task_yield(struct weir__task *task)
{
    task->yielding = true;
    weir__task_suspend(task);
}

int weir_yield(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    rc = weir__task_check(task);
    if (rc == 0)
        weir__task_yield(task);
    return rc;
}

/* Parks off the stack: the worker does what remains. */
void weir__task_go_to(struct weir__task *task, struct weir__worker *worker)
{
    if (task->worker == worker)
        return;
    task->going_to = worker;
    weir__task_suspend(task);
    WEIR_ASSERT(task->worker == worker);
    task->pins--;
}

int weir_pin(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc = 0;

    if (!task)
        return WEIR_ENOTASK;
    if (task->pins == UINT8_MAX)
        rc = WEIR_ELIMIT;
    else
        task->pins++;
    return rc;
}

int weir_unpin(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc = 0;

    if (!task)
        return WEIR_ENOTASK;
    if (task->pins == 0)
        rc = WEIR_EINVAL;
    else
        task->pins--;
    return rc;
}

/* ---- ending ---- */

void weir__task_release(struct weir__task *task)
{
    struct weir__worker *home = task->home;
    struct weir__scope *scope = task->scope;
    int result = task->result;

    if (task->stop_out) {
        task->ended = true; /* when it has come back */
        return;
    }
    task->id = 0; /* not there any more, for a census */
    WEIR_ATOMIC_COUNT(&home->counts.ended, 1);
    if (task->packable)
        weir__cold_remove(home);
    weir__list_remove(&task->member);
    weir__stack_give(&home->stacks, &task->stack);
    weir__slab_give(&home->tasks, task);
    weir__scope_leave(scope, result);
}

static void deliver_end(weir_post *post, weir_loop *loop)
{
    (void)loop;
    weir__task_release(WEIR_CONTAINER_OF(post, struct weir__task, post));
}

void weir__task_bury(struct weir__task *task)
{
    const struct weir_runtime_hooks *hooks = task->worker->hooks;

    WEIR_ASSERT(weir__list_empty(&task->scopes));
    if (hooks && hooks->task_end)
        hooks->task_end(task->id, task->name, &task->user, hooks->arg);
    weir__task_drop_alarm(task);
    weir__context_fini(&task->context);
    if (task->worker == task->home) {
        weir__task_release(task);
    } else {
        task->post.deliver = deliver_end;
        weir__loop_post(task->home->loop, &task->post);
    }
}

/* ---- starting ---- */

static void task_entry(void *arg)
{
    struct weir__task *task = arg;

    weir__current_leave();
    task->result = task->fn(task->arg);
    weir__current_enter();
    WEIR_ATOMIC_STORE(&task->state, TASK_ENDED, RELAXED);
    weir__context_switch_final(&task->context, task->worker->back);
    __builtin_unreachable();
}

/* Puts a copy of the argument at the top of the stack; the bytes of it that are used up. */
static size_t copy_arg(struct weir__task *task, const void *arg, size_t size)
{
    size_t room = (size + 63) & ~(size_t)63;

    task->arg = memcpy(task->stack.high - room, arg, size);
    return room;
}

static uint8_t class_of(const struct weir_spawn_options *options)
{
    switch ((enum weir_priority)options->priority) {
    case WEIR_PRIORITY_HIGH:
        return CLASS_HIGH;
    case WEIR_PRIORITY_LOW:
        return CLASS_LOW;
    case WEIR_PRIORITY_NORMAL:
        break;
    }
    return CLASS_NORMAL;
}

int weir__task_start(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                     void *arg, const struct weir_spawn_options *options)
{
    struct weir__task *task;
    size_t used = 0;
    int rc = worker == scope->home ? 0 : weir__scope_make_parts(scope);

    if (rc < 0)
        return rc;
    task = weir__slab_take(&worker->tasks);
    if (!task)
        return WEIR_ENOMEM;
    rc = weir__stack_take(&worker->stacks, options->stack_size, &task->stack);
    if (rc < 0) {
        weir__slab_give(&worker->tasks, task);
        return rc;
    }
    task->worker = task->home = worker;
    task->runtime = worker->runtime;
    task->fn = fn;
    task->arg = arg;
    if (options->copy_size)
        used = copy_arg(task, arg, options->copy_size);
    weir__context_make(&task->context, task->stack.low,
                       (size_t)(task->stack.high - task->stack.low) - used, task_entry, task);
    /* atomic: a late wake of the memory's former task may come, and does nothing worse than a
     * spurious wake; partner: weir__task_state_wake */
    WEIR_ATOMIC_STORE(&task->state, TASK_RUNNABLE, RELAXED);
    WEIR_ATOMIC_STORE(&task->wait, 0, RELAXED); /* partner: a slot that is out of date */
    WEIR_ATOMIC_STORE(&task->cancelled, false, RELAXED);
    task->yielding = false;
    task->class = class_of(options);
    task->pins = options->pinned == WEIR_ON;
    task->shields = 0;
    task->packable = options->packable == WEIR_ON;
    task->rests = false;
    WEIR_ATOMIC_STORE(&task->cold_shift, 0, RELAXED); /* partner: a look at the former task */
    task->image = NULL;
    task->scopes_lock = 0;
    task->waiting = NULL;
    task->going_to = NULL;
    task->op.weir__state = 0;
    task->alarm = NULL;
    task->stop_out = false;
    task->ended = false;
    task->stop_word = 0;
    task->deadline_ns = scope->deadline_ns;
    task->block = NULL;
    task->scope = scope;
    task->name = options->name ? options->name : "task";
    task->id = (uint64_t)worker->index << 48 | ++worker->task_count;
    task->user = NULL;
    task->ready_ns = 0;
    WEIR_ATOMIC_COUNT(&worker->counts.spawned, 1);
    if (worker->hooks && worker->hooks->task_spawn)
        worker->hooks->task_spawn(task->id, task->name, &task->user, worker->hooks->arg);
    weir__list_init(&task->scopes);
    weir__scope_enter(scope, worker, task);
    if (task->packable)
        weir__cold_add(worker);
    weir__sched_ready(task, true);
    return 0;
}

int weir_spawn_n(weir_scope *scope, weir_task_fn *fn, void *arg,
                 const struct weir_spawn_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_spawn_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);
    struct weir__worker *worker;

    if (rc < 0)
        return rc;
    worker = weir__current_worker();
    if (!worker)
        rc = WEIR_ENOTASK;
    else if (o.worker > weir__runtime_workers(worker->runtime) || o.copy_size > WEIR_SPAWN_COPY_MAX
             || o.priority > WEIR_PRIORITY_LOW || o.pinned > WEIR_OFF || o.packable > WEIR_OFF)
        rc = WEIR_EOPTION;
    else if (weir__scope_cancelled(weir__scope_of(scope)))
        rc = WEIR_ECANCELED;
    else if (o.worker && o.worker != worker->index)
        rc = weir__scope_spawn_on(weir__scope_of(scope),
                                  weir__runtime_worker(worker->runtime, o.worker), fn, arg, &o);
    else
        rc = weir__task_start(worker, weir__scope_of(scope), fn, arg, &o);
    return rc;
}

int weir_spawn_copy(weir_scope *scope, weir_task_fn *fn, const void *arg, size_t size)
{
    WEIR__CALL;
    struct weir_spawn_options options = {.copy_size = (uint32_t)size};

    if (size == 0 || size > WEIR_SPAWN_COPY_MAX)
        return WEIR_EINVAL;
    return weir_spawn_with(scope, fn, (void *)(uintptr_t)arg, &options);
}
