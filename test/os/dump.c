/* test/os/dump.c - what is told of tasks: states, what they wait for, stacks. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

/* A function in a section of its own, so that its extent is known. */
#define PLACED(name)                                                                               \
    extern const char __start_at_##name[], __stop_at_##name[];                                     \
    __attribute__((section("at_" #name), noinline)) static int name(void *arg)
#define EXTENT(name) __start_at_##name, __stop_at_##name

enum {
    TOLD_MAX = 4096
};

struct told {
    struct weir_dump_task task;
    char name[WEIR_DUMP_NAME];
    char waits_for[32];
    char state[16];
    void *frames[WEIR_DUMP_FRAMES];
};

struct dump {
    int count;
    struct told tasks[TOLD_MAX];
};

static void copy(char *to, const char *from, size_t room)
{
    CHECK(strlen(from) < room);
    strncpy(to, from, room - 1);
    to[room - 1] = 0;
}

static void note(const struct weir_dump_task *task, void *arg)
{
    struct dump *dump = arg;
    struct told *told = &dump->tasks[dump->count];

    CHECK(dump->count < TOLD_MAX && task->frame_count <= WEIR_DUMP_FRAMES);
    told->task = *task;
    copy(told->name, task->name, sizeof told->name);
    copy(told->waits_for, task->waits_for, sizeof told->waits_for);
    copy(told->state, task->state, sizeof told->state);
    memcpy(told->frames, task->frames, task->frame_count * sizeof *task->frames);
    if (dump->count < TOLD_MAX - 1)
        dump->count++;
}

/* The only task of a name; NULL: there is none, or more. */
static const struct told *find(const struct dump *dump, const char *name)
{
    const struct told *found = NULL;
    int i;

    for (i = 0; i < dump->count; i++) {
        if (strcmp(dump->tasks[i].name, name) != 0)
            continue;
        if (found)
            return NULL;
        found = &dump->tasks[i];
    }
    return found;
}

/* Whether all workers have answered: on a machine with much to do one may not. */
static bool is_whole(const struct dump *dump)
{
    int i;

    for (i = 0; i < dump->count; i++)
        if (strcmp(dump->tasks[i].state, "silent") == 0)
            return false;
    return true;
}

static bool has_frame(const struct told *told, const char *from, const char *to)
{
    uint32_t i;

    for (i = 0; i < told->task.frame_count; i++)
        if ((const char *)told->frames[i] > from && (const char *)told->frames[i] <= to)
            return true;
    return false;
}

/* ---- tasks that wait ---- */

struct world {
    weir_mutex mutex;
    weir_chan full, empty;
    weir_stream stream, other;
    struct dump *dump;
    int ready, release;
};

PLACED(stay_asleep)
{
    struct world *world = arg;

    ADD(world->ready, 1);
    CHECK(weir_sleep(WEIR_FOREVER) == WEIR_ECANCELED);
    return 0;
}

PLACED(stay_at_mutex)
{
    struct world *world = arg;

    ADD(world->ready, 1);
    CHECK(weir_mutex_lock(&world->mutex) == WEIR_ECANCELED);
    return 0;
}

PLACED(stay_sending)
{
    struct world *world = arg;
    int value = 1;

    ADD(world->ready, 1);
    CHECK(weir_chan_send(world->full, &value) == WEIR_ECANCELED);
    return 0;
}

PLACED(stay_receiving)
{
    struct world *world = arg;
    int value;

    ADD(world->ready, 1);
    CHECK(weir_chan_recv(world->empty, &value) == WEIR_ECANCELED);
    return 0;
}

PLACED(stay_reading)
{
    struct world *world = arg;
    char byte;

    ADD(world->ready, 1);
    CHECK(weir_read(world->stream, &byte, 1) == WEIR_ECANCELED);
    return 0;
}

PLACED(stay_joining)
{
    struct world *world = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, stay_asleep, world) == 0);
    ADD(world->ready, 1);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

PLACED(stay_selecting)
{
    struct world *world = arg;
    weir_case cases[1];
    int value;

    weir_case_recv(&cases[0], world->empty, &value);
    ADD(world->ready, 1);
    CHECK(weir_select(cases, 1) == WEIR_ECANCELED);
    return 0;
}

static int wait_for_release(void *arg)
{
    struct world *world = arg;

    ADD(world->ready, 1);
    SPIN_UNTIL(SEE(world->release));
    return 0;
}

PLACED(stay_blocking)
{
    CHECK(weir_blocking(wait_for_release, arg) == 0);
    return 0;
}

PLACED(stay_elsewhere)
{
    struct world *world = arg;
    struct weir__runtime *runtime = weir_runtime_current();

    {
        WEIR__CALL;
        weir__task_go_to(weir__task_current(), weir__runtime_worker(runtime, weir_worker_count()));
    }
    ADD(world->ready, 1);
    CHECK(weir_sleep(WEIR_FOREVER) == WEIR_ECANCELED);
    return 0;
}

static const struct place {
    const char *name;
    weir_task_fn *fn;
    const char *waits_for;
    const char *from, *to;
} places[] = {
    {"asleep", stay_asleep, "sleep", EXTENT(stay_asleep)},
    {"at the mutex", stay_at_mutex, "mutex", EXTENT(stay_at_mutex)},
    {"sending", stay_sending, "channel send", EXTENT(stay_sending)},
    {"receiving", stay_receiving, "channel receive", EXTENT(stay_receiving)},
    {"reading", stay_reading, "read", EXTENT(stay_reading)},
    {"joining", stay_joining, "join", EXTENT(stay_joining)},
    {"selecting", stay_selecting, "select", EXTENT(stay_selecting)},
    {"blocking", stay_blocking, "blocking job", EXTENT(stay_blocking)},
    {"elsewhere", stay_elsewhere, "sleep", EXTENT(stay_elsewhere)},
};

enum {
    PLACES = sizeof places / sizeof *places
};

static void connect_pair(struct world *world)
{
    struct dialling dialling;
    weir_listener listener;
    weir_scope scope;

    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(listener, dialling.address, sizeof dialling.address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial, &dialling) == 0);
    CHECK(weir_accept(listener, &world->stream) == 0);
    CHECK(weir_scope_join(&scope) == 0 && dialling.rc == 0);
    world->other = dialling.stream;
    weir_listener_close(listener);
}

static void build(struct world *world)
{
    int value = 0;

    CHECK(weir_mutex_lock(&world->mutex) == 0);
    CHECK(weir_chan_create(&world->full, sizeof value, 1) == 0);
    CHECK(weir_chan_send(world->full, &value) == 0);
    CHECK(weir_chan_create(&world->empty, sizeof value, 1) == 0);
    connect_pair(world);
}

static void tear_down(struct world *world)
{
    weir_mutex_unlock(&world->mutex);
    weir_chan_destroy(world->full);
    weir_chan_destroy(world->empty);
    weir_close(world->stream);
    weir_close(world->other);
}

static bool all_wait(const struct dump *dump)
{
    int i;

    for (i = 0; i < PLACES; i++) {
        const struct told *told = find(dump, places[i].name);

        if (!told || strcmp(told->state, "waiting") != 0 || told->task.frame_count == 0
            || strcmp(told->waits_for, places[i].waits_for) != 0)
            return false;
    }
    return true;
}

/* Dumps until all have come to where they stay. */
static void dump_all(struct world *world, int tasks)
{
    do {
        CHECK(weir_yield() == 0);
        world->dump->count = 0;
        CHECK(weir_dump(NULL, note, world->dump) == tasks);
    } while (!all_wait(world->dump));
}

static int dump_waiting(void *arg)
{
    struct world *world = arg;
    const struct told *told;
    weir_scope scope;
    int i;

    build(world);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < PLACES; i++) {
        struct weir_spawn_options options = {.name = places[i].name};

        CHECK(weir_spawn_with(&scope, places[i].fn, world, &options) == 0);
    }
    YIELD_UNTIL(SEE(world->ready) == PLACES + 1); /* the joining one has one of its own */
    dump_all(world, PLACES + 2);
    for (i = 0; i < PLACES; i++) {
        told = find(world->dump, places[i].name);
        CHECK(has_frame(told, places[i].from, places[i].to));
        CHECK(told->task.age_ns >= told->task.waited_ns && told->task.waited_ns >= 0);
        CHECK(told->task.deadline_ns == WEIR_FOREVER);
        CHECK(told->task.id != 0 && told->task.worker >= 1);
    }
    CHECK(find(world->dump, "elsewhere")->task.worker == weir_worker_count());
    told = find(world->dump, "main");
    CHECK(told && told->task.id == weir_task_id());
    CHECK(strcmp(told->waits_for, "dump") == 0 || strcmp(told->state, "running") == 0);
    SAY(world->release, 1);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    tear_down(world);
    return 0;
}

static void run_dump_waiting(uint32_t workers)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->dump = calloc(1, sizeof *world->dump);
    assert_non_null(world->dump);
    assert_int_equal(run_with(dump_waiting, world, workers), 0);
    free(world->dump);
    free(world);
}

TEST(waiting_tasks_are_told_with_what_they_wait_for_and_their_stacks)
{
    not_on_sim("jobs run on the driving thread");
    run_dump_waiting(1);
    run_dump_waiting(3);
}

/* ---- from a thread: tasks that run, runnable ones, deadlines ---- */

struct spin {
    int begun, stop;
};

PLACED(compute)
{
    struct spin *spin = arg;

    ADD(spin->begun, 1);
    SPIN_UNTIL(SEE(spin->stop));
    return 0;
}

static struct dump *make_dump(void)
{
    struct dump *dump = calloc(1, sizeof *dump);

    assert_non_null(dump);
    return dump;
}

static weir_runtime *make_runtime(const struct weir_runtime_options *options)
{
    weir_runtime *runtime;

    assert_int_equal(weir_runtime_create(&runtime, options), 0);
    return runtime;
}

static void spawn(weir_runtime *runtime, weir_task_fn *fn, void *arg, const char *name)
{
    struct weir_spawn_options options = {.name = name};

    assert_int_equal(weir_runtime_spawn_n(runtime, fn, arg, &options, sizeof options), 0);
}

TEST(a_running_task_is_told_with_its_stack)
{
    struct weir_runtime_options options = {.workers = 2};
    struct spin spin = {0, 0};
    struct dump *dump = make_dump();
    weir_runtime *runtime = make_runtime(&options);
    const struct told *told;

    spawn(runtime, compute, &spin, "computing");
    SPIN_UNTIL(SEE(spin.begun));
    do { /* a thread that is not let run in time does not answer */
        dump->count = 0;
        assert_int_equal(weir_dump(runtime, note, dump), 1);
        told = find(dump, "computing");
        assert_non_null(told);
        assert_string_equal(told->state, "running");
    } while (told->task.frame_count == 0);
    assert_true(has_frame(told, EXTENT(compute)));
    SAY(spin.stop, 1);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
    free(dump);
}

TEST(a_worker_that_does_not_answer_is_told_with_what_it_runs)
{
    struct weir_runtime_options options = {.workers = 1, .lend = WEIR_OFF};
    struct spin spin = {0, 0};
    struct dump *dump = make_dump();
    weir_runtime *runtime = make_runtime(&options);
    const struct told *told;

    spawn(runtime, compute, &spin, "computing");
    SPIN_UNTIL(SEE(spin.begun));
    do {
        dump->count = 0;
        assert_true(weir_dump(runtime, note, dump) >= 0);
        told = find(dump, "(a worker that does not answer)");
        assert_non_null(told);
        assert_string_equal(told->state, "silent");
        assert_int_equal(told->task.id, 0);
        told = find(dump, "computing");
    } while (!told);
    assert_string_equal(told->state, "running");
    assert_true(has_frame(told, EXTENT(compute)));
    SAY(spin.stop, 1);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
    free(dump);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int dump_new(void *arg)
{
    struct dump *dump = arg;
    struct weir_spawn_options options = {.name = "low", .priority = WEIR_PRIORITY_LOW};
    weir_scope scope;
    const struct told *told;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, nothing, NULL, &options) == 0);
    /* this worker is asked at the beginning of its next turn, before it runs anything */
    CHECK(weir_dump(NULL, note, dump) >= 1);
    told = find(dump, "low");
    if (told)
        CHECK(strcmp(told->state, "runnable") == 0 && told->task.frame_count == 0);
    return weir_scope_join(&scope);
}

TEST(a_runnable_task_is_told_without_a_stack)
{
    struct dump *dump = make_dump();

    assert_int_equal(run_with(dump_new, dump, 1), 0);
    free(dump);
}

static int dump_deadlines(void *arg)
{
    struct dump *dump = arg;
    struct world world = {.ready = 0};
    struct weir_scope_options limits = {.limit_ns = WEIR_SECONDS(3000)};
    struct weir_spawn_options options = {.name = "limited"};
    weir_scope scope;
    const struct told *told;

    CHECK(weir_scope_open_with(&scope, &limits) == 0);
    CHECK(weir_spawn_with(&scope, stay_asleep, &world, &options) == 0);
    YIELD_UNTIL(SEE(world.ready));
    CHECK(weir_dump(NULL, note, dump) == 2);
    told = find(dump, "limited");
    CHECK(told->task.deadline_ns > 0 && told->task.deadline_ns <= WEIR_SECONDS(3000));
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(deadlines_are_told)
{
    struct dump *dump = make_dump();

    assert_int_equal(run_with(dump_deadlines, dump, 2), 0);
    free(dump);
}

/* ---- a clock that stands still ---- */

static int dump_still(void *arg)
{
    struct dump *dump = arg;
    struct world world = {.ready = 0};
    struct weir_spawn_options options = {.worker = 2};
    uint64_t before_ns = weir_now_ns();
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, stay_asleep, &world, &options) == 0);
    for (i = 0; i < 100; i++) {
        dump->count = 0;
        CHECK(weir_dump(NULL, note, dump) >= 1);
        CHECK(is_whole(dump));
    }
    CHECK(weir_now_ns() == before_ns);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_virtual_clock_does_not_move_for_a_dump)
{
    struct weir_runtime_options options = {.workers = 2, .clock = WEIR_CLOCK_VIRTUAL};
    struct dump *dump = make_dump();

    assert_int_equal(weir_run(dump_still, dump, &options), 0);
    assert_checks();
    free(dump);
}

/* ---- little stack left ---- */

__attribute__((noinline)) static int sleep_deep(struct world *world)
{
    volatile char here = 0;
    const char *low;
    int rc;

    {
        WEIR__CALL;
        low = weir__task_current()->stack.low;
    }
    rc = (const char *)&here - low > 5500 && (const char *)__builtin_frame_address(0) - low > 5500
             ? sleep_deep(world)
             : stay_asleep(world);
    return rc + here;
}

static int stay_deep(void *arg)
{
    return sleep_deep(arg);
}

static int dump_deep(void *arg)
{
    struct dump *dump = arg;
    struct world world = {.ready = 0};
    struct weir_spawn_options options = {.name = "deep"};
    weir_scope scope;
    const struct told *told;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, stay_deep, &world, &options) == 0);
    YIELD_UNTIL(SEE(world.ready));
    do {
        dump->count = 0;
        CHECK(weir_dump(NULL, note, dump) == 2);
        told = find(dump, "deep");
    } while (strcmp(told->state, "waiting") != 0);
    CHECK(told->task.frame_count == 0);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_stack_without_room_for_a_trace_is_left_alone)
{
    struct dump *dump = make_dump();

    assert_int_equal(run_with(dump_deep, dump, 1), 0);
    free(dump);
}

/* ---- packed stacks ---- */

enum {
    COLD = 40
};

static uint64_t packed(void)
{
    struct weir_metrics metrics;

    CHECK(weir_metrics_read(NULL, &metrics, NULL, 0) > 0);
    CHECK(metrics.packed == 0 || metrics.packed_bytes > 0);
    return metrics.packed;
}

static int dump_cold(void *arg)
{
    struct dump *dump = arg;
    struct world world = {.ready = 0};
    struct weir_spawn_options options = {.packable = WEIR_ON};
    weir_scope scope;
    int i, k;

    CHECK(weir_mutex_lock(&world.mutex) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < COLD; i++) {
        options.worker = (uint32_t)i % weir_worker_count() + 1;
        CHECK(weir_spawn_with(&scope, i % 4 > 1 ? stay_asleep : stay_at_mutex, &world, &options)
              == 0);
    }
    for (k = 0; k < 3; k++) {
        while (packed() < COLD)
            CHECK(weir_sleep(WEIR_MICROSECONDS(300)) == 0);
        dump->count = 0;
        CHECK(weir_dump(NULL, note, dump) == COLD + 1);
        for (i = 0; i < dump->count; i++)
            CHECK(dump->tasks[i].task.id == weir_task_id()
                  || has_frame(&dump->tasks[i], EXTENT(stay_asleep))
                  || has_frame(&dump->tasks[i], EXTENT(stay_at_mutex)));
        CHECK(packed() == COLD); /* as before */
    }
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(packed() == 0);
    weir_mutex_unlock(&world.mutex);
    return 0;
}

TEST(a_packed_stack_is_told_and_packed_again)
{
    struct weir_runtime_options options = {.workers = 1, .pack_after_ns = WEIR_MILLISECONDS(1)};
    struct dump *dump = make_dump();

    assert_int_equal(weir_run(dump_cold, dump, &options), 0);
    assert_checks();
    options.workers = 3;
    assert_int_equal(weir_run(dump_cold, dump, &options), 0);
    assert_checks();
    free(dump);
}

/* ---- under load ---- */

static void dump_whole(weir_runtime *runtime, struct dump *dump)
{
    int rc;

    do {
        dump->count = 0;
        rc = weir_dump(runtime, note, dump);
        assert_true(rc >= 0);
    } while (!is_whole(dump));
    assert_int_equal(rc, dump->count);
}

enum {
    STAYING = 200,
    DUMPS = 20
};

struct load {
    weir_runtime *runtime;
    weir_mutex mutex;
    struct world world;
    int stop, stopped;
};

static int pass_by(void *arg)
{
    struct load *load = arg;

    CHECK(weir_sleep(1000) == 0);
    CHECK(weir_mutex_lock(&load->mutex) == 0);
    CHECK(weir_yield() == 0);
    weir_mutex_unlock(&load->mutex);
    return 0;
}

static int keep_coming(void *arg)
{
    struct load *load = arg;

    while (!SEE(load->stop))
        CHECK(run_many(pass_by, load, 20) == 0);
    ADD(load->stopped, 1);
    return 0;
}

static int stay(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < STAYING; i++) {
        struct weir_spawn_options options = {.name = "staying", .worker = (uint32_t)i % 4 + 1};

        CHECK(weir_spawn_with(&scope, i % 2 ? stay_asleep : stay_at_mutex, arg, &options) == 0);
    }
    return weir_scope_join(&scope);
}

/* Each of those that stay is there once: how many with their stack. */
static int check_staying(const struct dump *dump)
{
    int i, count = 0, seen = 0;

    for (i = 0; i < dump->count; i++) {
        const struct told *told = &dump->tasks[i];

        if (strcmp(told->name, "staying") != 0)
            continue;
        count++;
        if (has_frame(told, EXTENT(stay_asleep)) || has_frame(told, EXTENT(stay_at_mutex)))
            seen++;
    }
    assert_int_equal(count, STAYING);
    return seen;
}

TEST(every_task_that_stays_is_told_once_while_others_come_and_go)
{
    struct weir_runtime_options options = {.workers = 4};
    struct load load = {.world = {.ready = 0}};
    struct dump *dump = make_dump();
    weir_runtime *runtime = make_runtime(&options);
    bool settled = false; /* all have come to where they stay */
    int i;

    assert_int_equal(weir_mutex_lock(&load.world.mutex), 0);
    spawn(runtime, stay, &load.world, "root");
    SPIN_UNTIL(SEE(load.world.ready) == STAYING);
    for (i = 0; i < 4; i++)
        spawn(runtime, keep_coming, &load, "coming");
    for (i = 0; i < DUMPS; i += settled) {
        int seen;

        dump_whole(runtime, dump);
        seen = check_staying(dump);
        assert_true(!settled || seen == STAYING);
        settled = seen == STAYING;
    }
    SAY(load.stop, 1);
    SPIN_UNTIL(SEE(load.stopped) == 4);
    assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
    weir_mutex_unlock(&load.world.mutex);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
    free(dump);
}

enum {
    RESTLESS = 8,
    LOOKS = 300
};

struct restless {
    struct weir__task *tasks[RESTLESS];
    int wakes[RESTLESS];
    int begun, known, stop;
};

/* Is woken again and again, by wakes that mean nothing. */
static int be_woken(void *arg)
{
    struct restless *restless = arg;
    struct weir__task *task;
    int i;
    WEIR__CALL;

    task = weir__task_current();
    i = ADD(restless->begun, 1) - 1;
    restless->tasks[i] = task;
    ADD(restless->known, 1);
    while (!SEE(restless->stop)) {
        weir__task_suspend(task);
        ADD(restless->wakes[i], 1);
    }
    return 0;
}

static void *wake_all(void *arg)
{
    struct restless *restless = arg;
    int i;

    while (!SEE(restless->stop))
        for (i = 0; i < RESTLESS; i++)
            weir__task_wake(restless->tasks[i]);
    for (i = 0; i < RESTLESS; i++)
        weir__task_wake(restless->tasks[i]);
    return NULL;
}

TEST(a_wake_that_comes_during_a_look_is_kept)
{
    struct weir_runtime_options options = {.workers = 2};
    struct restless restless = {.begun = 0};
    struct dump *dump = make_dump();
    weir_runtime *runtime = make_runtime(&options);
    pthread_t thread;
    int i, seen;

    for (i = 0; i < RESTLESS; i++)
        spawn(runtime, be_woken, &restless, "restless");
    SPIN_UNTIL(SEE(restless.known) == RESTLESS);
    assert_int_equal(pthread_create(&thread, NULL, wake_all, &restless), 0);
    for (i = 0; i < LOOKS; i++) {
        dump_whole(runtime, dump);
        assert_int_equal(dump->count, RESTLESS);
    }
    for (i = 0; i < RESTLESS; i++) {
        seen = SEE(restless.wakes[i]);
        SPIN_UNTIL(SEE(restless.wakes[i]) != seen);
    }
    SAY(restless.stop, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
    free(dump);
}

/* ---- refusals ---- */

static void dump_again(const struct weir_dump_task *task, void *arg)
{
    (void)task;
    CHECK(weir_dump(NULL, note, arg) == WEIR_EBUSY);
}

static int dump_twice(void *arg)
{
    CHECK(weir_dump(NULL, dump_again, arg) == 1);
    CHECK(weir_dump(NULL, note, arg) == 1);
    return 0;
}

TEST(one_dump_at_a_time)
{
    struct dump *dump = make_dump();

    assert_int_equal(run_with(dump_twice, dump, 2), 0);
    assert_int_equal(weir_dump(NULL, note, dump), WEIR_ENOTASK);
    assert_int_equal(weir_dump_text(NULL, NULL, NULL), WEIR_ENOTASK);
    assert_int_equal(weir_dump_write(NULL, 1), WEIR_ENOTASK);
    free(dump);
}

static int dump_cancelled(void *arg)
{
    while (weir_check() == 0)
        (void)weir_yield();
    CHECK(weir_dump(NULL, note, arg) == WEIR_ECANCELED);
    return 0;
}

static int dump_stopped(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dump_cancelled, arg) == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_dump(NULL, note, arg) == 1); /* the other left nothing behind */
    return 0;
}

TEST(a_cancelled_task_gets_no_dump)
{
    struct dump *dump = make_dump();

    assert_int_equal(run_with(dump_stopped, dump, 1), 0);
    assert_int_equal(run_with(dump_stopped, dump, 2), 0);
    free(dump);
}

/* ---- as text, and at a signal ---- */

struct text {
    size_t len;
    char bytes[32 * 1024];
};

static void put(const char *bytes, size_t len, void *arg)
{
    struct text *text = arg;

    CHECK(len > 0 && bytes[len - 1] == '\n' && text->len + len < sizeof text->bytes);
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static int write_dump(void *arg)
{
    int *pipe = arg;
    struct text *text = calloc(1, sizeof *text);

    CHECK(text && weir_dump_text(NULL, put, text) == 1);
    CHECK(strncmp(text->bytes, "task ", 5) == 0);
#if !defined(WEIR__HOSTILE) /* which wakes for nothing */
    CHECK(strstr(text->bytes, "(main): waiting for dump since 0.") != NULL);
    CHECK(strstr(text->bytes, "\n  at ") != NULL);
#endif
    CHECK(strcmp(text->bytes + text->len - 8, "\n1 task\n") == 0);
    CHECK(weir_dump_write(NULL, pipe[1]) == 1);
    CHECK(weir_dump_write(NULL, -1) == WEIR_EBADF);
    free(text);
    return 0;
}

TEST(text_has_a_line_for_each_task_and_each_frame)
{
    char bytes[4096];
    int numbers[2];
    ssize_t n;

    assert_int_equal(pipe(numbers), 0);
    assert_int_equal(run_with(write_dump, numbers, 1), 0);
    n = read(numbers[0], bytes, sizeof bytes);
    assert_true(n > 8 && memcmp(bytes + n - 8, "\n1 task\n", 8) == 0);
    close(numbers[0]);
    close(numbers[1]);
}

static struct {
    int dumps, frames, names;
} logged;

static void count_lines(enum weir_log_level level, const char *line)
{
    CHECK_INSIDE(level == WEIR_LOG_WARNING);
    if (strncmp(line, "  at ", 5) == 0)
        ADD(logged.frames, 1);
    if (strstr(line, "(asleep): waiting for sleep since"))
        ADD(logged.names, 1);
    if (strcmp(line, "1 task") == 0)
        ADD(logged.dumps, 1);
}

TEST(a_signal_has_the_tasks_dumped_to_the_log)
{
    struct weir_runtime_options options = {.workers = 2, .dump_signal = SIGQUIT};
    struct sigaction before, after;
    struct world world = {.ready = 0};
    weir_runtime *runtime;
    int i;

    memset(&logged, 0, sizeof logged);
    sigaction(SIGQUIT, NULL, &before);
    weir_set_log(count_lines, WEIR_LOG_DEFAULT);
    runtime = make_runtime(&options);
    spawn(runtime, stay_asleep, &world, "asleep");
    SPIN_UNTIL(SEE(world.ready));
    for (i = 0; i == 0 || SEE(logged.names) == 0; i++) {
        assert_int_equal(kill(getpid(), SIGQUIT), 0);
        SPIN_UNTIL(SEE(logged.dumps) > i);
    }
    assert_true(SEE(logged.frames) > 0);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    weir_set_log(NULL, WEIR_LOG_DEFAULT);
    sigaction(SIGQUIT, NULL, &after);
    assert_true(before.sa_handler == after.sa_handler);
    assert_checks();
}

static int dump_begun, dump_goes_on;

static void hold_the_dump(enum weir_log_level level, const char *line)
{
    (void)level;
    if (strncmp(line, "dump of the tasks", 17) == 0) {
        SAY(dump_begun, 1);
        SPIN_UNTIL(SEE(dump_goes_on));
    }
}

/* The workers do not answer any more. Each was waited for half a second. */
TEST(a_dump_holds_the_end_of_its_runtime_up_for_a_moment_only)
{
    struct weir_runtime_options options = {.workers = 24, .dump_signal = SIGQUIT};
    weir_runtime *runtime;
    uint64_t began_ns;

    not_on_sim("one thread is all workers");
    runtime = make_runtime(&options);
    dump_begun = dump_goes_on = 0;
    weir_set_log(hold_the_dump, WEIR_LOG_DEFAULT);
    assert_int_equal(kill(getpid(), SIGQUIT), 0);
    SPIN_UNTIL(SEE(dump_begun));
    assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
    began_ns = weir_now_ns();
    SAY(dump_goes_on, 1);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_true(weir_now_ns() - began_ns < (uint64_t)WEIR_SECONDS(6));
    weir_set_log(NULL, WEIR_LOG_DEFAULT);
}

TEST(the_signal_is_an_option)
{
    struct weir_runtime_options options = {.workers = 1};
    weir_runtime *runtime;

    assert_int_equal(weir_runtime_options_parse(&options, "dump=3", NULL), 0);
    assert_int_equal(options.dump_signal, 3);
    options.dump_signal = SIGKILL;
    assert_int_equal(weir_runtime_create(&runtime, &options), WEIR_EOPTION);
    options.dump_signal = 1000;
    assert_int_equal(weir_runtime_create(&runtime, &options), WEIR_EOPTION);
    options.dump_signal = options.lend_signal = SIGUSR1;
    assert_int_equal(weir_runtime_create(&runtime, &options), WEIR_EOPTION);
}
