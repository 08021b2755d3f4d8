/* task/runtime.c - making, running and ending runtimes; see runtime.h and <weir/runtime.h>. */
#include "task/runtime.h"

#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/options.h"
#include "core/offload.h"
#include "core/sim.h"
#include "sys/affinity.h"
#include "sys/current.h"
#include "sys/spawn.h"
#include "sys/virtual_clock.h"
#include "task/census.h"
#include "task/drive.h"
#include "task/dump.h"
#include "task/left.h"
#include "task/loan.h"
#include "task/monitor.h"
#include "task/overflow.h"
#include "task/scope.h"
#include "task/worker.h"

#define FAILED_STEPS_MAX 100

struct weir__runtime {
    struct weir_runtime_options options;
    struct weir__watch watch;
    uint32_t count;
    uint32_t started;  /* workers with a thread of their own */
    uint64_t blocked;  /* signals, of the thread that has made it */
    bool own_thread;   /* worker 1 is the thread that called weir_run */
    bool reports;      /* of stack overflows */
    bool released;     /* the owner's count of the root is given back */
    uint32_t stopping; /* partner: weir__runtime_stop; parked on by a shutdown */
    uint32_t visitors; /* threads of others that are waking a task; partner: await_visitors */
    struct weir__left_list left;
    uint32_t entries; /* of threads; partner: weir_runtime_destroy */
    uint32_t turn;    /* which worker gets the next task from outside */
    struct weir__sched sched;
    struct weir__standby standby;
    struct weir__monitor monitor;
    struct weir__dumper dumper;
    struct weir__advance advance;
    struct weir__drive *drive; /* NULL: not simulated */
    struct weir__scope root;
    uint64_t token;         /* 0: nobody has asked for it; partner: weir_runtime_shutdown */
    uint32_t shutting_down; /* partner: weir_runtime_token */
    int result;
    weir_task_fn *fn;
    void *arg;
    struct weir__worker workers[];
};

uint32_t weir_version(void)
{
    return WEIR_VERSION;
}

/* ---- what the parts know of it ---- */

uint32_t weir__runtime_workers(const struct weir__runtime *runtime)
{
    return runtime->count;
}

struct weir__worker *weir__runtime_worker(struct weir__runtime *runtime, uint32_t index)
{
    return &runtime->workers[index - 1];
}

struct weir__sched *weir__runtime_sched(struct weir__runtime *runtime)
{
    return &runtime->sched;
}

struct weir__standby *weir__runtime_standby(struct weir__runtime *runtime)
{
    return &runtime->standby;
}

struct weir__monitor *weir__runtime_monitor(struct weir__runtime *runtime)
{
    return &runtime->monitor;
}

struct weir__dumper *weir__runtime_dumper(struct weir__runtime *runtime)
{
    return &runtime->dumper;
}

const char *weir__runtime_name(const struct weir__runtime *runtime)
{
    return runtime->options.name;
}

struct weir__advance *weir__runtime_advance(struct weir__runtime *runtime)
{
    return &runtime->advance;
}

struct weir__scope *weir__runtime_root(struct weir__runtime *runtime)
{
    return &runtime->root;
}

struct weir__drive *weir__runtime_drive(struct weir__runtime *runtime)
{
    return runtime->drive;
}

bool weir__runtime_stopping(const struct weir__runtime *runtime)
{
    return WEIR_ATOMIC_LOAD(&runtime->stopping, SEQ_CST);
}

const struct weir__watch *weir__runtime_watch(const struct weir__runtime *runtime)
{
    return &runtime->watch;
}

int weir__runtime_node(const struct weir__runtime *runtime, uint32_t worker)
{
    uint8_t pin = runtime->options.pin;

    return pin == WEIR_PIN_NONE ? WEIR_ENOENT
                                : weir__affinity_node(worker - 1, pin == WEIR_PIN_NODES);
}

bool weir__runtime_on_cores(const struct weir__runtime *runtime)
{
    return runtime->options.pin == WEIR_PIN_CORES;
}

uint64_t weir__runtime_blocked(const struct weir__runtime *runtime)
{
    return runtime->blocked;
}

const struct weir_runtime_hooks *weir__runtime_hooks(const struct weir__runtime *runtime)
{
    return runtime->options.hooks;
}

uint32_t *weir__runtime_entries(struct weir__runtime *runtime)
{
    return &runtime->entries;
}

struct weir__worker *weir__runtime_next_worker(struct weir__runtime *runtime)
{
    return &runtime->workers[WEIR_ATOMIC_ADD(&runtime->turn, 1, RELAXED) % runtime->count];
}

uint32_t weir_worker_count(void)
{
    WEIR__CALL;
    struct weir__runtime *runtime = weir__runtime_here();

    return runtime ? runtime->count : 0;
}

uint32_t weir_worker_index(void)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    uint32_t index = worker ? worker->index : 0;

    return index;
}

const char *weir_backend_name(void)
{
    WEIR__CALL;
    struct weir__runtime *runtime = weir__runtime_here();

    return runtime ? weir_loop_backend(runtime->workers[0].loop) : "";
}

#define VISITORS_AWAITED ((uint32_t)1 << 31)

void weir__runtime_visit(struct weir__runtime *runtime)
{
    (void)WEIR_ATOMIC_ADD(&runtime->visitors, 1,
                          RELAXED); /* ordered by what keeps the task alive */
}

void weir__runtime_leave(struct weir__runtime *runtime)
{
    if (WEIR_ATOMIC_SUB(&runtime->visitors, 1, SEQ_CST) == (VISITORS_AWAITED | 1))
        weir__sys_table()->unpark(&runtime->visitors, 1);
}

struct weir__runtime *weir__runtime_visit_other(struct weir__runtime *runtime)
{
    struct weir__worker *here = weir__current_worker();

    if (here && here->runtime == runtime)
        return NULL;
    weir__runtime_visit(runtime);
    return runtime;
}

void weir__runtime_leave_other(struct weir__runtime *visited)
{
    if (visited)
        weir__runtime_leave(visited);
}

struct weir__left_list *weir__runtime_left(struct weir__runtime *runtime)
{
    return &runtime->left;
}

/* The task that a visitor has woken may have been the last one. */
static void await_visitors(struct weir__runtime *runtime)
{
    uint32_t seen;

    while ((seen = weir__left_count(&runtime->left)) != 0)
        (void)weir__left_wait(&runtime->left, seen, -1);
    (void)WEIR_ATOMIC_OR(&runtime->visitors, VISITORS_AWAITED, SEQ_CST);
    while ((seen = WEIR_ATOMIC_LOAD(&runtime->visitors, SEQ_CST)) != VISITORS_AWAITED)
        (void)weir__sys_table()->park(&runtime->visitors, seen, -1);
}

/* ---- a worker's thread ---- */

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
    weir__sys_table()->unpark(&runtime->stopping, UINT32_MAX);
}

/* A wait call that fails does so again and again, in a process whose calls a filter refuses, say:
 * the worker goes on, as slowly as it may. */
void weir__runtime_step(struct weir__worker *worker)
{
    uint32_t word = 0;

    if (weir__worker_step(worker) >= 0) {
        worker->failed_steps = 0;
        return;
    }
    if (worker->failed_steps < FAILED_STEPS_MAX)
        worker->failed_steps++;
    (void)weir__sys_table()->park(&word, 0, WEIR_MILLISECONDS(worker->failed_steps));
}

void weir__runtime_begin_thread(struct weir__worker *worker)
{
    const struct weir_runtime_hooks *hooks = worker->hooks;

    weir__current_set_worker(worker);
    weir__current_set_loop(worker->loop);
    weir__context_init_thread(&worker->context);
    (void)weir__overflow_stack_init(&worker->signal_stack);
    if (worker->runtime->options.pin != WEIR_PIN_NONE)
        (void)weir__affinity_bind(worker->index - 1,
                                  worker->runtime->options.pin == WEIR_PIN_NODES);
    if (worker->runtime->watch.signal)
        weir__thread_unblock(worker->runtime->watch.signal);
    WEIR_ATOMIC_STORE(&worker->thread_number, weir__thread_number(), RELAXED);
    if (hooks && hooks->worker_start)
        hooks->worker_start(worker->index, hooks->arg);
}

void weir__runtime_end_thread(struct weir__worker *worker)
{
    const struct weir_runtime_hooks *hooks = worker->hooks;

    if (hooks && hooks->worker_stop)
        hooks->worker_stop(worker->index, hooks->arg);
    weir__overflow_stack_fini(&worker->signal_stack);
    weir__context_fini(&worker->context);
    weir__current_set_loop(NULL);
    weir__current_set_worker(NULL);
    weir__current_leave();
}

bool weir__runtime_has_rest(const struct weir__worker *worker)
{
    const weir_loop *loop = worker->loop;

    return weir__sched_has_work(worker) || loop->inflight > loop->silent
           || !weir__inbox_empty(&loop->inbox) || worker->streams.live || worker->sockets.live;
}

static void run_worker(void *arg)
{
    struct weir__worker *worker = arg;

    if (worker->drive) {
        weir__drive_run(worker->drive); /* of all of them */
        return;
    }
    weir__runtime_begin_thread(worker);
    while (!weir__runtime_stopping(worker->runtime))
        weir__runtime_step(worker);
    if (worker->end_streams)
        worker->end_streams(worker);
    if (worker->end_sockets)
        worker->end_sockets(worker);
    if (worker->end_processes)
        worker->end_processes(worker);
    while (weir__runtime_has_rest(worker))
        weir__runtime_step(worker);
    /* sends what is prepared still, closes */
    weir__loop_poll(worker->loop, 0);
    if (worker->virtual_clock)
        weir__advance_leave(worker);
    weir__runtime_end_thread(worker);
}

/* ---- making one ---- */

static const char *describe_current(uint64_t *id)
{
    struct weir__task *task = weir__loan_task(weir__here());

    if (!task)
        return NULL;
    *id = task->id;
    return task->name;
}

void (*weir__runtime_at_end)(struct weir__runtime *runtime);

static void destroy(struct weir__runtime *runtime)
{
    void (*at_end)(struct weir__runtime *) = WEIR_ATOMIC_LOAD(&weir__runtime_at_end, ACQUIRE);
    uint32_t i, first = runtime->own_thread;

    weir__dump_unwatch(runtime);
    for (i = 0; i < runtime->started; i++)
        weir__sys_table()->thread_join(&runtime->workers[first + i].thread);
    if (at_end)
        at_end(runtime);
    await_visitors(runtime);
    weir__monitor_stop(runtime);
    weir__loan_fini(runtime);
    for (i = 0; i < runtime->count; i++)
        weir__loop_deliver(runtime->workers[i].loop); /* what came too late to be of use */
    for (i = 0; i < runtime->count; i++)
        weir__worker_fini(&runtime->workers[i]);
    weir__scope_fini(&runtime->root);
    weir_token_destroy((weir_token){runtime->token});
    if (runtime->reports)
        weir__overflow_uninstall();
    if (runtime->watch.signal)
        weir__loan_uninstall();
    weir__offload_release();
    if (runtime->advance.on)
        weir__virtual_clock_end();
    if (runtime->drive)
        weir__drive_fini(runtime->drive);
    weir__free(runtime->drive);
    weir__free(runtime);
}

static int make_worker(struct weir__runtime *runtime, uint32_t index,
                       const struct weir_loop_options *options)
{
    struct weir__worker *worker = &runtime->workers[index - 1];
    int rc = weir__worker_init(worker, runtime, index, options, runtime->options.stack_size,
                               runtime->options.pack_after_ns);

    if (rc < 0)
        return rc;
    worker->virtual_clock = runtime->advance.on;
    worker->drive = runtime->drive;
    if (worker->drive)
        worker->run.random = weir__drive_random();
    if (worker->virtual_clock) /* which then needs no more of the system */
        rc = worker->loop->backend->descriptor(worker->loop);
    if (rc < 0)
        weir__worker_fini(worker);
    return rc < 0 ? rc : 0;
}

static int make_workers(struct weir__runtime *runtime, uint32_t count)
{
    const struct weir_runtime_options *o = &runtime->options;
    struct weir_loop_options loop_options = {
        .backend = o->backend,
        .buffers_max = o->buffers_max,
        .spin_ns = o->spin_ns < 0 ? 0 : o->spin_ns,
        .shared = runtime->watch.lends ? WEIR_ON : WEIR_DEFAULT,
    };

    for (; runtime->count < count; runtime->count++) {
        int rc = make_worker(runtime, runtime->count + 1, &loop_options);

        if (rc < 0)
            return rc;
        runtime->workers[runtime->count].alone = count == 1;
    }
    return 0;
}

static int make_drive(struct weir__runtime *runtime)
{
    const struct weir_runtime_options *o = &runtime->options;
    struct weir__drive *drive = weir__calloc(1, sizeof *drive);
    int rc;

    if (!drive)
        return WEIR_ENOMEM;
    rc = weir__drive_init(drive, runtime, o->seed, o->clock == WEIR_CLOCK_VIRTUAL);
    if (rc == 0)
        runtime->drive = drive;
    else
        weir__free(drive);
    return rc;
}

/* Decides which clock the runtime has; there is one table of clocks in the process. */
static int choose_clock(struct weir__runtime *runtime)
{
    int rc = 0;

    if (runtime->options.backend == WEIR_BACKEND_SIM)
        return weir__loop_any() || weir__virtual_clock_on() ? WEIR_EBUSY : make_drive(runtime);
    if (weir__sim_on())
        return WEIR_EBUSY;
    if (runtime->options.clock != WEIR_CLOCK_VIRTUAL)
        return weir__virtual_clock_on() ? WEIR_EBUSY : 0;
    rc = weir__loop_any() ? WEIR_EBUSY : weir__virtual_clock_begin();
    runtime->advance.on = rc == 0;
    runtime->advance.workers = runtime->options.workers;
    return rc;
}

static int create(struct weir__runtime **out, const struct weir_runtime_options *o, bool own_thread)
{
    struct weir__runtime *runtime =
        weir__calloc(1, sizeof *runtime + o->workers * sizeof *runtime->workers);
    int rc = 0;

    if (!runtime)
        return WEIR_ENOMEM;
    runtime->options = *o;
    runtime->own_thread = own_thread;
    runtime->blocked = weir__spawn_blocked();
    weir__offload_hold();
    runtime->watch.slice_ns = o->slice_ns;
    if (o->report_ns < 0 || o->clock == WEIR_CLOCK_VIRTUAL || o->backend == WEIR_BACKEND_SIM)
        runtime->watch.report_ns = INT64_MAX;
    else
        runtime->watch.report_ns = o->report_ns;
    if (weir__loan_install(o->lend_signal) == 0)
        runtime->watch.signal = o->lend_signal;
    runtime->watch.lends = o->workers > 1 && o->lend != WEIR_OFF && o->clock == WEIR_CLOCK_REAL
                           && o->backend != WEIR_BACKEND_SIM && runtime->watch.signal;
    weir__overflow_describe = describe_current;
    runtime->reports = o->no_overflow_report == WEIR_OFF && weir__overflow_install() == 0;
    rc = choose_clock(runtime);
    if (!runtime->advance.on && !runtime->drive) /* where a thief may wait for time to pass */
        runtime->sched.newest_age_ns = WEIR__NEWEST_AGE_NS;
    if (rc == 0)
        rc = make_workers(runtime, o->workers);
    if (rc < 0) {
        destroy(runtime);
        return rc;
    }
    weir__scope_init(&runtime->root, &runtime->workers[0], NULL);
    runtime->root.policy = WEIR_SCOPE_ALL;
    *out = runtime;
    return 0;
}

/* On failure some may have been started: they are stopped by destroying. */
static int start_threads(struct weir__runtime *runtime)
{
    uint32_t first = runtime->own_thread;
    uint32_t count = runtime->drive ? 1 : runtime->count; /* one thread drives all */
    int rc = 0;

    while (rc == 0 && first + runtime->started < count) {
        struct weir__worker *worker = &runtime->workers[first + runtime->started];

        rc = weir__sys_table()->thread_start(&worker->thread, run_worker, worker, "weir-worker");
        runtime->started += rc == 0;
    }
    if (rc == 0 && !runtime->advance.on
        && (runtime->watch.lends || runtime->watch.report_ns != INT64_MAX))
        (void)weir__monitor_start(runtime);
    if (rc == 0 && runtime->options.dump_signal)
        rc = weir__dump_watch(runtime, runtime->options.dump_signal);
    return rc;
}

static int check(struct weir_runtime_options *o, const struct weir_runtime_options *options,
                 size_t options_size, uint32_t header_version)
{
    int rc = weir__options_copy(o, sizeof *o, options, options_size);

    if (rc < 0)
        return rc;
    if (header_version >> 8 != WEIR_VERSION >> 8)
        return WEIR_EVERSION;
    return weir__runtime_options_fill(o);
}

/* The owner lets go of the root: when the tasks have ended the workers do. */
static void release_root(struct weir__runtime *runtime)
{
    if (!runtime->released) {
        runtime->released = true;
        weir__scope_release(&runtime->root);
    }
}

/* ---- for a program whose main function is a task ---- */

static int main_entry(void *arg)
{
    struct weir__runtime *runtime = arg;

    runtime->result = runtime->fn(runtime->arg);
    return 0;
}

int weir_run_n(weir_task_fn *fn, void *arg, const struct weir_runtime_options *options,
               size_t options_size, uint32_t header_version)
{
    WEIR__CALL;
    struct weir_runtime_options o = {0};
    struct weir_spawn_options main_options = {.name = "main"};
    struct weir__runtime *runtime;
    int rc = check(&o, options, options_size, header_version);

    if (rc < 0)
        return rc;
    if (weir__current_worker())
        return WEIR_EBUSY;
    rc = create(&runtime, &o, true);
    if (rc < 0)
        return rc;
    runtime->fn = fn;
    runtime->arg = arg;
    rc = start_threads(runtime);
    if (rc == 0)
        rc = weir__task_start(&runtime->workers[0], &runtime->root, main_entry, runtime,
                              &main_options);
    if (rc < 0)
        weir__runtime_stop(runtime);
    else
        release_root(runtime);
    run_worker(&runtime->workers[0]);
    if (rc == 0)
        rc = runtime->drive && runtime->drive->failure ? runtime->drive->failure : runtime->result;
    destroy(runtime);
    return rc;
}

/* ---- beside a program's own threads ---- */

int weir_runtime_create_n(weir_runtime **out, const struct weir_runtime_options *options,
                          size_t options_size, uint32_t header_version)
{
    WEIR__CALL;
    struct weir_runtime_options o = {0};
    struct weir__runtime *runtime;
    int rc = check(&o, options, options_size, header_version);

    if (rc == 0)
        rc = create(&runtime, &o, false);
    if (rc < 0)
        return rc;
    rc = start_threads(runtime);
    if (rc < 0) {
        weir__runtime_stop(runtime);
        destroy(runtime);
        return rc;
    }
    *out = runtime;
    return 0;
}

/* The last task of the runtime may end meanwhile: what holds the root lets the workers go on, and
 * who visits keeps the memory. `outfit` is NULL, or for a thread that is no worker. */
static int spawn_detached(struct weir__runtime *runtime, weir_task_fn *fn, void *arg,
                          const struct weir_spawn_options *o, const struct weir__outfit *outfit)
{
    struct weir__runtime *visited = weir__runtime_visit_other(runtime);
    int rc = WEIR_ESHUTDOWN;

    if (!weir__scope_cancelled(&runtime->root) && weir__scope_hold_living(&runtime->root)) {
        struct weir__worker *worker =
            o->worker ? &runtime->workers[o->worker - 1] : weir__runtime_next_worker(runtime);

        rc = outfit ? weir__scope_spawn_on(&runtime->root, worker, fn, arg, o, outfit)
                    : weir__task_spawn(weir__current_worker(), worker, &runtime->root, fn, arg, o,
                                       NULL);
        weir__scope_release(&runtime->root);
    }
    weir__runtime_leave_other(visited);
    return rc;
}

int weir_runtime_spawn_n(weir_runtime *runtime, weir_task_fn *fn, void *arg,
                         const struct weir_spawn_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_spawn_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (!runtime)
        runtime = weir__runtime_here();
    if (!runtime)
        return WEIR_ENOTASK;
    rc = weir__spawn_options_check(&o, runtime->count);
    return rc < 0 ? rc : spawn_detached(runtime, fn, arg, &o, NULL);
}

struct call {
    weir_task_fn *fn;
    void *arg;
    int result;
    uint32_t done; /* partner: weir_runtime_block_on */
};

static void end_call(void *arg, int result)
{
    struct call *call = arg;

    call->result = result;
    WEIR_ATOMIC_STORE(&call->done, 1, SEQ_CST); /* from here on it may be gone */
    weir__sys_table()->unpark(&call->done, 1);
}

static int run_call(void *arg)
{
    struct call *call = arg;

    end_call(call, call->fn(call->arg));
    return 0;
}

int weir_runtime_block_on(weir_runtime *runtime, weir_task_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir__outfit outfit = {.refused = end_call};
    struct weir_spawn_options none = {0};
    struct call call = {.fn = fn, .arg = arg};
    int rc;

    if (weir__current_worker())
        return WEIR_EBUSY;
    if (!runtime)
        runtime = weir__runtime_here();
    rc = runtime ? spawn_detached(runtime, run_call, &call, &none, &outfit) : WEIR_ENOTASK;
    while (rc == 0 && !WEIR_ATOMIC_LOAD(&call.done, SEQ_CST))
        (void)weir__sys_table()->park(&call.done, 0, -1);
    return rc < 0 ? rc : call.result;
}

static int make_token(struct weir__runtime *runtime)
{
    weir_token token;
    uint64_t none = 0;
    int rc = weir_token_create(&token);

    if (rc < 0)
        return rc;
    if (!WEIR_ATOMIC_CAS(&runtime->token, &none, token.id, SEQ_CST)) {
        weir_token_destroy(token);
        return 0;
    }
    if (WEIR_ATOMIC_LOAD(&runtime->shutting_down, SEQ_CST))
        (void)weir_token_cancel(token);
    return 0;
}

int weir_runtime_token(weir_runtime *runtime, weir_token *out)
{
    WEIR__CALL;
    int rc = 0;

    if (!runtime)
        runtime = weir__runtime_here();
    if (!runtime)
        return WEIR_ENOTASK;
    if (!WEIR_ATOMIC_LOAD(&runtime->token, ACQUIRE))
        rc = make_token(runtime);
    if (rc == 0)
        out->id = WEIR_ATOMIC_LOAD(&runtime->token, ACQUIRE);
    return rc;
}

static bool is_own(const struct weir__runtime *runtime)
{
    const struct weir__task *task = weir__task_current();

    return task && task->runtime == runtime;
}

static bool ended(const struct weir__runtime *runtime)
{
    return WEIR_ATOMIC_LOAD(&runtime->stopping, SEQ_CST);
}

/* Parks on a word, which may have changed then; false when the time is over. */
static bool wait_until(uint32_t *word, uint32_t seen, uint64_t until_ns)
{
    uint64_t now_ns = weir__now_ns();

    if (until_ns == UINT64_MAX)
        (void)weir__sys_table()->park(word, seen, -1);
    else if (now_ns >= until_ns
             || weir__sys_table()->park(word, seen, (int64_t)(until_ns - now_ns)) == WEIR_ETIMEDOUT)
        return false;
    return true;
}

int weir_runtime_shutdown(weir_runtime *runtime, int64_t limit_ns, weir_remaining_fn *tell,
                          void *arg)
{
    WEIR__CALL;
    uint64_t until_ns = weir__time_later(weir__now_ns(), limit_ns);
    uint32_t jobs;

    if (is_own(runtime))
        return WEIR_EBUSY;
    WEIR_ATOMIC_STORE(&runtime->shutting_down, 1, SEQ_CST);
    (void)weir_token_cancel((weir_token){WEIR_ATOMIC_LOAD(&runtime->token, SEQ_CST)});
    weir__scope_cancel(&runtime->root);
    release_root(runtime);
    while (!ended(runtime)) {
        if (!wait_until(&runtime->stopping, 0, until_ns) && !ended(runtime))
            return weir__runtime_tell(runtime, tell, arg);
    }
    while ((jobs = weir__left_count(&runtime->left)) != 0) {
        if (!wait_until(&runtime->left.count, jobs, until_ns))
            return weir__left_tell(&runtime->left, tell, arg);
    }
    return 0;
}

int weir_runtime_destroy(weir_runtime *runtime)
{
    WEIR__CALL;
    int rc;

    if (is_own(runtime) || WEIR_ATOMIC_LOAD(&runtime->entries, SEQ_CST) != 0)
        return WEIR_EBUSY;
    rc = weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL);
    if (rc == 0)
        destroy(runtime);
    return rc;
}

/* ---- what does not suspend ---- */

int weir_block_in_place(weir_task_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    int rc;

    if (!fn)
        return WEIR_EINVAL;
    if (worker && worker->current && worker->current->pins == 0 && worker->runtime->watch.lends
        && !worker->run.lent && weir__loan_prepare(worker->runtime))
        weir__loan_begin(worker);
    weir__current_leave();
    rc = fn(arg);
    weir__current_enter(); /* takes it back */
    return rc;
}
