/* task/runtime.c - see <weir/runtime.h>.
 *
 * Everything that runs belongs to a scope, and the main task's function returns after the scopes
 * that it opened. So when the main task has ended nothing is left, and the workers stop.
 */
#include "task/runtime.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/options.h"
#include "sys/current.h"
#include "sys/limits.h"
#include "task/overflow.h"
#include "task/scope.h"
#include "task/worker.h"

#define SPIN_DEFAULT_NS  200000
#define FAILED_STEPS_MAX 100

struct weir__runtime {
    uint32_t count;
    uint32_t started;  /* workers with a thread of their own */
    uint32_t stopping; /* partner: weir__runtime_stop */
    struct weir__sched sched;
    struct weir__scope root;
    int result;
    weir_task_fn *fn;
    void *arg;
    struct weir__worker workers[];
};

uint32_t weir_version(void)
{
    return WEIR_VERSION;
}

uint32_t weir__runtime_workers(const struct weir__runtime *runtime)
{
    return runtime->count;
}

struct weir__sched *weir__runtime_sched(struct weir__runtime *runtime)
{
    return &runtime->sched;
}

struct weir__worker *weir__runtime_worker(struct weir__runtime *runtime, uint32_t index)
{
    return &runtime->workers[index - 1];
}

uint32_t weir_worker_count(void)
{
    struct weir__worker *worker = weir__current_worker();

    return worker ? worker->runtime->count : 0;
}

uint32_t weir_worker_index(void)
{
    struct weir__worker *worker = weir__current_worker();

    return worker ? worker->index : 0;
}

const char *weir_backend_name(void)
{
    struct weir__worker *worker = weir__current_worker();

    return worker ? weir_loop_backend(worker->loop) : "";
}

static void ignore(weir_post *post, weir_loop *loop)
{
    (void)post;
    (void)loop;
}

void weir__runtime_stop(struct weir__runtime *runtime)
{
    uint32_t i;

    WEIR_ATOMIC_STORE(&runtime->stopping, 1, SEQ_CST);
    for (i = 0; i < runtime->count; i++) {
        runtime->workers[i].stop_post.deliver = ignore;
        weir_loop_post(runtime->workers[i].loop, &runtime->workers[i].stop_post);
    }
}

/* A wait call that fails does so again and again, in a process whose calls a filter refuses, say:
 * the worker goes on, as slowly as it may. */
static void step(struct weir__worker *worker)
{
    uint32_t word = 0;

    if (weir__worker_step(worker) >= 0) {
        worker->failed_steps = 0;
        return;
    }
    if (worker->failed_steps < FAILED_STEPS_MAX)
        worker->failed_steps++;
    (void)weir__sys->park(&word, 0, WEIR_MILLISECONDS(worker->failed_steps));
}

static void run_worker(void *arg)
{
    struct weir__worker *worker = arg;

    weir__current_set_worker(worker);
    weir__current_set_loop(worker->loop);
    weir__context_init_thread(&worker->context);
    (void)weir__overflow_stack_init(&worker->signal_stack);
    while (!WEIR_ATOMIC_LOAD(&worker->runtime->stopping, SEQ_CST))
        step(worker);
    if (worker->end_streams)
        worker->end_streams(worker);
    while (weir__sched_has_work(worker) || worker->loop->inflight > worker->loop->silent
           || !weir__inbox_empty(&worker->loop->inbox) || worker->streams.live)
        step(worker);
    weir__loop_poll(worker->loop,
                    0); /* sends what is prepared still, closes: only this thread may */
    weir__overflow_stack_fini(&worker->signal_stack);
    weir__context_fini(&worker->context);
    weir__current_set_loop(NULL);
    weir__current_set_worker(NULL);
}

static const char *describe_current(uint64_t *id)
{
    struct weir__task *task = weir__task_current();

    if (!task)
        return NULL;
    *id = task->id;
    return task->name;
}

static int main_entry(void *arg)
{
    struct weir__runtime *runtime = arg;

    runtime->result = runtime->fn(runtime->arg);
    return 0;
}

static void destroy(struct weir__runtime *runtime)
{
    uint32_t i;

    for (i = 0; i < runtime->started; i++)
        weir__sys->thread_join(&runtime->workers[i + 1].thread);
    for (i = 0; i < runtime->count; i++)
        weir__worker_fini(&runtime->workers[i]);
    weir__free(runtime);
}

static int create(struct weir__runtime **out, const struct weir_runtime_options *o)
{
    struct weir_loop_options loop_options = {.backend = o->backend,
                                             .buffers_max = o->buffers_max,
                                             .spin_ns = o->spin_ns ? o->spin_ns : SPIN_DEFAULT_NS};
    uint32_t count = o->workers ? o->workers : (uint32_t)weir__limits_cpus();
    struct weir__runtime *runtime;
    int rc;

    if (count > WEIR_WORKERS_MAX || o->spin_ns > 1000000000)
        return WEIR_EOPTION;
    if (loop_options.spin_ns < 0)
        loop_options.spin_ns = 0;
    runtime = weir__calloc(1, sizeof *runtime + count * sizeof *runtime->workers);
    if (!runtime)
        return WEIR_ENOMEM;
    for (; runtime->count < count; runtime->count++) {
        rc = weir__worker_init(&runtime->workers[runtime->count], runtime, runtime->count + 1,
                               &loop_options, o->stack_size);
        if (rc < 0) {
            destroy(runtime);
            return rc;
        }
    }
    *out = runtime;
    return 0;
}

static int start_threads(struct weir__runtime *runtime)
{
    int rc = 0;

    while (rc == 0 && runtime->started + 1 < runtime->count) {
        struct weir__worker *worker = &runtime->workers[runtime->started + 1];

        rc = weir__sys->thread_start(&worker->thread, run_worker, worker, "weir-worker");
        if (rc == 0)
            runtime->started++;
    }
    return rc;
}

int weir_run_n(weir_task_fn *fn, void *arg, const struct weir_runtime_options *options,
               size_t options_size, uint32_t header_version)
{
    struct weir_runtime_options o = {0};
    struct weir_spawn_options main_options = {.name = "main"};
    struct weir__runtime *runtime;
    bool reports;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (header_version >> 8 != WEIR_VERSION >> 8)
        return WEIR_EVERSION;
    if (weir__current_worker())
        return WEIR_EBUSY;
    rc = create(&runtime, &o);
    if (rc < 0)
        return rc;
    runtime->fn = fn;
    runtime->arg = arg;
    weir__overflow_describe = describe_current;
    reports = !o.no_overflow_report && weir__overflow_install() == 0;
    weir__scope_init(&runtime->root, &runtime->workers[0], NULL);
    rc = start_threads(runtime);
    if (rc == 0)
        rc = weir__task_start(&runtime->workers[0], &runtime->root, main_entry, runtime,
                              &main_options);
    if (rc < 0)
        weir__runtime_stop(runtime);
    else
        weir__scope_release(&runtime->root);
    run_worker(&runtime->workers[0]);
    if (rc == 0)
        rc = runtime->result;
    if (reports)
        weir__overflow_uninstall();
    destroy(runtime);
    return rc;
}
