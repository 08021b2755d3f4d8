/* task/task.c - starting, suspending, waking and ending tasks; see task.h. */
#include "task/task.h"

#include <string.h>

#include "base/assert.h"
#include "base/container.h"
#include "base/options.h"
#include "base/probe.h"
#include "sys/current.h"
#include "task/drive.h"
#include "task/local.h"
#include "task/record.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/state.h"
#include "task/strand.h"
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

void weir__task_switch_away(struct weir__task *task)
{
    WEIR_ASSERT(WEIR_ATOMIC_LOAD(&weir__here()->inside, RELAXED));
    weir__context_switch(&task->context, task->worker->back);
}

void weir__task_wake(struct weir__task *task)
{
    if (weir__task_state_wake(&task->state)) {
        WEIR_PROBE1(wake, task->id);
        weir__sched_ready(task, false);
    }
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
    bool counts = !task->uncounted;

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
    if (counts)
        weir__scope_leave(scope, result);
    else
        weir__scope_release(scope);
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
    WEIR_PROBE2(end, task->id, task->result);
    if (hooks && hooks->task_end)
        hooks->task_end(task->id, task->name, &task->user, hooks->arg);
    weir__task_drop_alarm(task);
    weir__context_fini(&task->context);
    if (task->strand)
        weir__strand_forget(task->strand);
    if (task->record)
        task->uncounted = weir__record_end(task->record, task->result);
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
    if (task->locals)
        weir__locals_end(task);
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

void weir__outfit_drop(const struct weir__outfit *outfit)
{
    if (outfit->record)
        weir__record_drop(outfit->record);
    if (outfit->locals)
        weir__locals_drop(outfit->locals);
    if (outfit->strand)
        weir__strand_forget(outfit->strand);
}

static const struct weir__outfit no_outfit;

int weir__task_start(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                     void *arg, const struct weir_spawn_options *options)
{
    return weir__task_start_with(worker, scope, fn, arg, options, &no_outfit);
}

/* Nothing has happened to a task that is new; its memory may have been another's. */
static void reset(struct weir__task *task)
{
    /* atomic: a late wake of the memory's former task may come, and does nothing worse than a
     * spurious wake; partner: weir__task_state_wake */
    WEIR_ATOMIC_STORE(&task->state, TASK_RUNNABLE, RELAXED);
    WEIR_ATOMIC_STORE(&task->wait, 0, RELAXED); /* partner: a slot that is out of date */
    WEIR_ATOMIC_STORE(&task->cancelled, false, RELAXED);
    task->yielding = false;
    task->shields = 0;
    task->rests = false;
    WEIR_ATOMIC_STORE(&task->cold_shift, 0, RELAXED); /* partner: a look at the former task */
    task->image = NULL;
    task->scopes_lock = 0;
    task->waiting = NULL;
    task->going_to = NULL;
    task->op.weir__state = 0;
    task->alarm = NULL;
    task->inspection = NULL;
    task->stop_out = false;
    task->ended = false;
    task->stop_word = 0;
    task->block = NULL;
    task->user = NULL;
    task->waits_for = NULL;
    task->uncounted = false;
    task->ready_ns = 0;
    weir__list_init(&task->scopes);
}

int weir__task_start_with(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                          void *arg, const struct weir_spawn_options *options,
                          const struct weir__outfit *outfit)
{
    struct weir__task *task;
    size_t used = 0;
    uint32_t life = worker->drive ? weir__drive_birth(worker->drive, scope) : 0;
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
    reset(task);
    task->class = class_of(options);
    task->pins = options->pinned == WEIR_ON;
    task->packable = options->packable == WEIR_ON;
    task->unbudgeted = options->unbudgeted == WEIR_ON;
    task->deadline_ns = scope->deadline_ns;
    task->scope = scope;
    task->name = options->name ? options->name : "task";
    task->id = (uint64_t)worker->index << 48 | ++worker->task_count;
    task->born_ns = task->since_ns = worker->loop->now_ns;
    task->record = outfit->record;
    task->locals = outfit->locals;
    task->strand = task->inside = outfit->strand;
    task->life = life;
    WEIR_ATOMIC_COUNT(&worker->counts.spawned, 1);
    WEIR_PROBE3(spawn, task->id, task->name, worker->index);
    if (worker->hooks && worker->hooks->task_spawn)
        worker->hooks->task_spawn(task->id, task->name, &task->user, worker->hooks->arg);
    weir__scope_enter(scope, worker, task);
    if (task->packable)
        weir__cold_add(worker);
    if (outfit->record && weir__record_begin(outfit->record, task))
        weir__task_cancel(task);
    weir__sched_ready(task, true);
    return 0;
}

/* Makes what the task of these options needs. 0 or an error, and nothing is made. */
static int make_outfit(struct weir__outfit *outfit, struct weir__scope *scope,
                       const struct weir__task *spawner, const struct weir_spawn_options *o)
{
    int rc = 0;

    if (o->task || scope->collected)
        rc = weir__record_make(scope, o->name, o->task, &outfit->record);
    if (rc == 0 && spawner && spawner->locals)
        rc = weir__locals_inherit(spawner->locals, &outfit->locals);
    if (rc < 0)
        weir__outfit_drop(outfit);
    return rc;
}

static int start_on(struct weir__worker *here, struct weir__worker *worker,
                    struct weir__scope *scope, weir_task_fn *fn, void *arg,
                    const struct weir_spawn_options *o, const struct weir__outfit *outfit)
{
    if (worker != here)
        return weir__scope_spawn_on(scope, worker, fn, arg, o, outfit);
    return weir__task_start_with(here, scope, fn, arg, o, outfit);
}

/* Whether a task of these options is nothing but a task. */
static bool is_plain(const struct weir__scope *scope, const struct weir__task *spawner,
                     const struct weir_spawn_options *o)
{
    return !o->task && !scope->collected && !(spawner && spawner->locals);
}

int weir__task_spawn(struct weir__worker *here, struct weir__worker *worker,
                     struct weir__scope *scope, weir_task_fn *fn, void *arg,
                     const struct weir_spawn_options *o, struct weir__strand *strand)
{
    struct weir__outfit outfit = {.strand = strand};
    weir_task handle = {0};
    int rc = make_outfit(&outfit, scope, here ? here->current : NULL, o);

    if (rc < 0)
        return rc;
    if (outfit.record)
        handle.id = outfit.record->handle;
    rc = start_on(here, worker, scope, fn, arg, o, &outfit);
    if (rc < 0)
        weir__outfit_drop(&outfit);
    else if (o->task)
        *o->task = handle;
    return rc;
}

int weir__spawn_options_check(const struct weir_spawn_options *o, uint32_t workers)
{
    bool right = o->worker <= workers && o->copy_size <= WEIR_SPAWN_COPY_MAX
                 && o->priority <= WEIR_PRIORITY_LOW && o->pinned <= WEIR_OFF
                 && o->packable <= WEIR_OFF && o->unbudgeted <= WEIR_OFF;

    return right ? 0 : WEIR_EOPTION;
}

/* By a thread that has entered a runtime. */
static int spawn_from_thread(struct weir__scope *scope, weir_task_fn *fn, void *arg,
                             const struct weir_spawn_options *o)
{
    struct weir__runtime *runtime = weir__runtime_here();
    struct weir__worker *worker;
    int rc;

    if (!runtime)
        return WEIR_ENOTASK;
    if (scope->home->runtime != runtime)
        return WEIR_EINVAL;
    rc = weir__spawn_options_check(o, weir__runtime_workers(runtime));
    if (rc < 0)
        return rc;
    if (weir__scope_cancelled(scope))
        return WEIR_ECANCELED;
    worker =
        o->worker ? weir__runtime_worker(runtime, o->worker) : weir__runtime_next_worker(runtime);
    return weir__task_spawn(NULL, worker, scope, fn, arg, o, NULL);
}

int weir_spawn_n(weir_scope *scope, weir_task_fn *fn, void *arg,
                 const struct weir_spawn_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_spawn_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);
    struct weir__worker *here, *worker;

    if (rc < 0)
        return rc;
    here = worker = weir__current_worker();
    if (!here)
        return spawn_from_thread(weir__scope_of(scope), fn, arg, &o);
    rc = weir__spawn_options_check(&o, weir__runtime_workers(here->runtime));
    if (rc < 0)
        return rc;
    if (weir__scope_cancelled(weir__scope_of(scope)))
        return WEIR_ECANCELED;
    if (o.worker)
        worker = weir__runtime_worker(here->runtime, o.worker);
    if (worker == here && is_plain(weir__scope_of(scope), here->current, &o))
        return weir__task_start(here, weir__scope_of(scope), fn, arg, &o);
    return weir__task_spawn(here, worker, weir__scope_of(scope), fn, arg, &o, NULL);
}

int weir_spawn_task(weir_scope *scope, weir_task *out, weir_task_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir_spawn_options options = {.task = out};

    return weir_spawn_with(scope, fn, arg, &options);
}

int weir_spawn_copy(weir_scope *scope, weir_task_fn *fn, const void *arg, size_t size)
{
    WEIR__CALL;
    struct weir_spawn_options options = {.copy_size = (uint32_t)size};

    if (size == 0 || size > WEIR_SPAWN_COPY_MAX)
        return WEIR_EINVAL;
    return weir_spawn_with(scope, fn, (void *)(uintptr_t)arg, &options);
}
