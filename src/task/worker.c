/* task/worker.c - see worker.h. */
#include "task/worker.h"

#include <string.h>

#include "base/assert.h"
#include "base/container.h"
#include "base/hostile.h"
#include "base/probe.h"
#include "sys/page.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/state.h"
#include "task/strand.h"

/* ---- memory on the worker's node: it may be touched first by whoever starts or steps it ---- */

static void *take_near(const struct weir__slab_source *source, size_t size)
{
    void *chunk;

    if (weir__page_map(size, &chunk) < 0)
        return NULL;
    (void)weir__page_prefer(chunk, size, source->node);
    return chunk;
}

static void stay_near(struct weir__worker *worker, int node)
{
    if (node < 0)
        return;
    worker->near = (struct weir__slab_source){take_near, weir__page_unmap, node};
    worker->source = &worker->near;
    worker->tasks.source = worker->alarms.source = worker->stacks.source = worker->source;
}

/* ---- life ---- */

int weir__worker_init(struct weir__worker *worker, struct weir__runtime *runtime, uint32_t index,
                      const struct weir_loop_options *options, size_t stack_size,
                      int64_t pack_after_ns)
{
    int rc;

    memset(worker, 0, sizeof *worker);
    worker->runtime = runtime;
    worker->hooks = weir__runtime_hooks(runtime);
    worker->sched = weir__runtime_sched(runtime);
    worker->counts.began_ns = weir__now_ns();
    worker->index = index;
    weir__run_init(&worker->run, index);
    weir__cold_init(&worker->cold, pack_after_ns);
    weir__slab_init(&worker->tasks, sizeof(struct weir__task));
    weir__slab_init(&worker->alarms, sizeof(struct weir__alarm));
    rc = weir__stack_pool_init(&worker->stacks, stack_size);
    stay_near(worker, weir__runtime_node(runtime, index));
    if (rc == 0)
        rc = weir_loop_create(&worker->loop, options);
    if (rc < 0) {
        weir__worker_fini(worker);
        return rc;
    }
    worker->loop->worker = worker;
    worker->back = &worker->context;
    return 0;
}

void weir__worker_fini(struct weir__worker *worker)
{
    if (worker->end_pipes)
        worker->end_pipes(worker);
    if (worker->loop)
        WEIR_ASSERT(weir_loop_destroy(worker->loop) == 0);
    weir__cold_fini(&worker->cold);
    weir__oneshot_cache_fini(&worker->oneshots);
    weir__strand_cache_fini(&worker->strand_posts);
    weir__stack_pool_fini(&worker->stacks);
    weir__slab_fini(&worker->tasks);
    weir__slab_fini(&worker->alarms);
    if (worker->streams.object_size)
        weir__slab_fini(&worker->streams);
    if (worker->sockets.object_size)
        weir__slab_fini(&worker->sockets);
    memset(worker, 0, sizeof *worker);
}

/* ---- running tasks ---- */

/* Sends a task that goes to another worker on its way: pinned there until it has arrived. */
static void dispatch(struct weir__task *task)
{
    struct weir__worker *to = task->going_to;

    task->going_to = NULL;
    task->pins++;
    WEIR_ATOMIC_STORE(&task->worker, to, RELAXED);
    WEIR_ATOMIC_STORE(&task->state, TASK_RUNNABLE, RELAXED);
    weir__sched_ready(task, false);
}

/* The hostile build packs at every wait at rest, as the last thing: the task may be gone. */
static void pack_at_once(struct weir__task *task)
{
#if defined(WEIR__HOSTILE)
    weir__cold_pack_now(weir__current_worker(), task);
#else
    (void)task;
#endif
}

/* In a hostile build a wake for nothing may come first. */
static bool pauses(struct weir__task *task)
{
    if (weir__chance(8))
        (void)weir__task_state_wake(&task->state);
    return weir__task_state_pause(&task->state);
}

/* The task has left its stack: decides what becomes of it. After this it may run elsewhere. */
static void settle(struct weir__task *task)
{
    uint64_t word = WEIR_ATOMIC_LOAD(&task->wait, RELAXED);

    if (task->strand)
        weir__strand_leave(task);
    if (WEIR_ATOMIC_LOAD(&task->state, RELAXED) == TASK_ENDED) {
        weir__task_bury(task);
    } else if (task->waiting) {
        weir__task_state_wait(&task->state);
        weir__task_parked(task, word);
    } else if (task->yielding) {
        task->yielding = false;
        WEIR_ATOMIC_STORE(&task->state, TASK_RUNNABLE, RELAXED);
        weir__sched_ready(task, true);
    } else if (task->going_to) {
        dispatch(task);
    } else if (pauses(task)) {
        weir__task_parked(task, word);
        pack_at_once(task);
    } else {
        weir__sched_ready(task, true);
    }
}

static void call_hook(struct weir__task *task,
                      void (*hook)(uint64_t id, const char *name, void **user, void *arg),
                      void *arg)
{
    if (hook)
        hook(task->id, task->name, &task->user, arg);
}

/* Of a run that is timed: now. */
static uint64_t begin_sample(struct weir__worker *worker, struct weir__task *task)
{
    uint64_t now_ns = weir__now_ns();

    if (task->ready_ns)
        weir__count_time(worker->counts.latency_ns, now_ns - task->ready_ns);
    task->ready_ns = 0;
    return now_ns;
}

static void run_task(struct weir__worker *worker, struct weir__task *task)
{
    const struct weir_runtime_hooks *hooks = worker->hooks;
    bool timed = (worker->counts.runs % WEIR__SAMPLE_EVERY) == 0;
    uint64_t began_ns = timed || task->ready_ns ? begin_sample(worker, task) : 0;

    WEIR_ATOMIC_COUNT(&worker->run.runs, 1); /* partner: thieves */
    WEIR_ATOMIC_COUNT(&worker->counts.runs, 1);
    weir__task_state_run(&task->state);
    WEIR_ATOMIC_STORE(&task->worker, worker, RELAXED); /* partner: a dump */
    if (__builtin_expect(task->image != NULL, 0))
        weir__cold_unpack(worker, task);
    task->refusals = 0;
    task->inlined = 0;
    task->look_at = WEIR__LOOK_FIRST;
    task->began_ns = worker->began_ns;
    WEIR_ATOMIC_STORE(&worker->current, task, RELAXED); /* partner: the monitor */
    if (hooks)
        call_hook(task, hooks->task_begin, hooks->arg);
    WEIR_PROBE2(run, task->id, worker->index);
    weir__context_switch(worker->back, &task->context);
    WEIR_PROBE2(suspend, task->id, worker->index);
    WEIR_ATOMIC_STORE(&worker->current, NULL, RELAXED);
    if (hooks)
        call_hook(task, hooks->task_pause, hooks->arg);
    if (timed)
        weir__count_time(worker->counts.run_ns, weir__now_ns() - began_ns);
    settle(task);
}

/* Runs what is runnable, and what becomes so meanwhile, up to a bound, so that the kernel is asked
 * again before long. What was runnable at the beginning is run if it is short: each look at the
 * kernel brings new handlers with stacks of their own, and a backlog of them would be cold when it
 * is run. */
static void run_batch(struct weir__worker *worker, struct weir__task *task)
{
    struct weir__run *run = &worker->run;
    uint32_t count = 0, most = weir__sched_batch(worker);

    worker->began_ns = worker->loop->now_ns;
    while (task) {
        worker->loop->runnable = weir__sched_has_work(worker);
        weir__sched_fetch(worker);
        run_task(worker, task);
        worker->began_ns = 0;
        task = ++count < most ? weir__sched_next(worker) : NULL;
    }
    worker->loop->runnable = false;
    if (count > 1 || (count && (run->tick & 7) == 0))
        weir__sched_note_batch(worker, count, (int64_t)(weir__now_ns() - worker->loop->now_ns));
}

static int sleep_until_work(struct weir__worker *worker)
{
    const struct weir_runtime_hooks *hooks = worker->hooks;
    weir_loop *loop = worker->loop;
    uint64_t before_ns = weir__now_ns();
    int rc;

    if (hooks && hooks->worker_park)
        hooks->worker_park(worker->index, hooks->arg);
    if (worker->virtual_clock)
        weir__advance_sleep(worker);
    rc = weir__loop_poll(loop, worker->virtual_clock ? 0 : -1);
    WEIR_ATOMIC_COUNT(&worker->counts.parks, 1);
    WEIR_ATOMIC_COUNT(&worker->counts.idle_ns, loop->now_ns - before_ns);
    weir__sched_awake(worker);
    weir__monitor_rouse(weir__runtime_monitor(worker->runtime));
    if (hooks && hooks->worker_unpark)
        hooks->worker_unpark(worker->index, hooks->arg);
    return rc;
}

int weir__worker_step(struct weir__worker *worker)
{
    weir_loop *loop = worker->loop;
    struct weir__task *task = NULL;
    bool asleep = false;
    int rc;

    if (weir__sched_has_work(worker)) {
        if (weir__chance(2))
            task = weir__sched_search(worker);
        weir__sched_found(worker);
    } else {
        task = weir__sched_search(worker);
        asleep = !task && !weir__loop_pending(loop) && weir__sched_sleep(worker);
    }
    weir__loop_enter(loop);
    rc = asleep ? sleep_until_work(worker) : weir__loop_poll(loop, 0);
    weir__loop_drain(loop);
    weir__loop_leave(loop);
    weir__sched_gather(worker);
    run_batch(worker, task ? task : weir__sched_next(worker));
    return rc;
}
