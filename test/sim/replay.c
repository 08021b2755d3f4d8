/* What a seed decides, and how a run that fails is told and replayed. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"

#define TASKS 6
#define STEPS 5

/* ---- what a seed decides ---- */

struct order {
    char text[TASKS * STEPS + 1];
    int len;
};

struct step {
    struct order *order;
    char name;
};

static int take_steps(void *arg)
{
    struct step step = *(struct step *)arg;
    int i;

    for (i = 0; i < STEPS; i++) {
        step.order->text[step.order->len++] = step.name;
        CHECK(weir_yield() == 0);
    }
    return 0;
}

static int interleave(void *arg)
{
    struct order *order = arg;
    weir_scope scope;
    int i;

    memset(order, 0, sizeof *order);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++) {
        struct step step = {order, (char)('a' + i)};

        CHECK(weir_spawn_copy(&scope, take_steps, &step, sizeof step) == 0);
    }
    return weir_scope_join(&scope);
}

static uint64_t run_seed(weir_task_fn *fn, void *arg, uint64_t seed, uint32_t workers)
{
    struct weir_sim_options options = {.seed = seed, .workers = workers};

    assert_int_equal(weir_sim_run(fn, arg, &options), 0);
    assert_checks();
    assert_true(weir_sim_seed() == seed);
    return weir_sim_trace();
}

TEST(seed_decides_the_interleaving)
{
    struct order one, again, other;
    int differ = 0;
    uint64_t seed;

    for (seed = 1; seed <= 20; seed++) {
        uint64_t trace = run_seed(interleave, &one, seed, 3);

        assert_true(run_seed(interleave, &again, seed, 3) == trace);
        assert_string_equal(one.text, again.text);
        assert_true(run_seed(interleave, &other, seed + 100, 3) != trace);
        differ += strcmp(one.text, other.text) != 0;
    }
    assert_true(differ >= 15);
}

struct seen_workers {
    uint32_t used;
};

static int note_worker(void *arg)
{
    struct seen_workers *seen = arg;
    int i;

    for (i = 0; i < 20; i++) {
        seen->used |= 1u << weir_worker_index();
        CHECK(weir_yield() == 0);
    }
    return 0;
}

static int spread(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 20; i++)
        CHECK(weir_spawn(&scope, note_worker, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(logical_workers_take_tasks_from_each_other)
{
    struct seen_workers seen = {0};

    (void)run_seed(spread, &seen, 5, 4);
    assert_int_equal(seen.used, 2 | 4 | 8 | 16);
}

struct turns {
    int taken[2]; /* by each worker */
    int first;    /* by worker 1, when one of them had all */
};

#define TURNS 100

static int take_turns(void *arg)
{
    struct turns *turns = arg;
    uint32_t worker = weir_worker_index();
    int i;

    for (i = 0; i < TURNS; i++) {
        if (++turns->taken[worker - 1] == TURNS && turns->taken[2 - worker] < TURNS)
            turns->first = turns->taken[0];
        CHECK(weir_yield() == 0);
    }
    return 0;
}

static int race(void *arg)
{
    struct weir_spawn_options options = {.pinned = WEIR_ON};
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    for (options.worker = 1; options.worker <= 2; options.worker++)
        CHECK(weir_spawn_with(&scope, take_turns, arg, &options) == 0);
    return weir_scope_join(&scope);
}

TEST(no_worker_is_preferred)
{
    int won = 0;
    uint64_t seed;

    for (seed = 1; seed <= 60; seed++) {
        struct turns turns = {{0, 0}, 0};

        (void)run_seed(race, &turns, seed, 2);
        won += turns.first == TURNS;
    }
    assert_in_range(won, 15, 45);
}

/* ---- everything at once ---- */

static int add_one(void *arg)
{
    return ++*(int *)arg;
}

static int answer(void *arg)
{
    weir_listener listener;
    weir_stream stream;
    char bytes[64];
    ptrdiff_t n;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://0.0.0.0:7", NULL) == 0);
    while (weir_accept(listener, &stream) == 0) {
        while ((n = weir_read(stream, bytes, sizeof bytes)) > 0) {
            if (weir_write_all(stream, bytes, (size_t)n) < 0)
                break;
        }
        weir_close(stream);
    }
    weir_listener_close(listener);
    return 0;
}

static int ask(void *arg)
{
    char bytes[1000] = {1}, back[1000];
    weir_stream stream;

    (void)arg;
    CHECK(weir_dial(&stream, "tcp://server:7") == 0);
    CHECK(weir_write_all(stream, bytes, sizeof bytes) == 0);
    CHECK(weir_read_exactly(stream, back, sizeof back) == 0);
    CHECK(memcmp(bytes, back, sizeof bytes) == 0);
    weir_close(stream);
    return 0;
}

static int everything(void *arg)
{
    weir_sim_host host;
    weir_scope scope;
    int i, jobs = 0;

    (void)arg;
    CHECK(weir_sim_host_start("server", answer, NULL, &host) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(10)) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_spawn(&scope, ask, NULL) == 0);
    CHECK(weir_blocking(add_one, &jobs) == 1);
    CHECK(weir_blocking(add_one, &jobs) == 2);
    return weir_scope_join(&scope);
}

TEST(run_of_everything_replays_exactly)
{
    uint64_t seed;

    for (seed = 1; seed <= 30; seed++) {
        uint64_t trace = run_seed(everything, NULL, seed, 0);

        assert_true(run_seed(everything, NULL, seed, 0) == trace);
        assert_true(run_seed(everything, NULL, seed + 1000, 0) != trace);
    }
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int withdraw_job(void *arg)
{
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, 1) == 0);
    rc = weir_blocking(do_nothing, NULL);
    CHECK(rc == 0 || rc == WEIR_EDEADLINE);
    *(int *)arg += rc < 0;
    weir_block_end(&block);
    return 0;
}

/* What was to run it goes with the simulation: a sanitizer would find it. */
TEST(withdrawn_job_leaves_nothing)
{
    struct weir_sim_options options = {0};
    int withdrawn = 0;

    assert_int_equal(weir_sim_seeds(withdraw_job, &withdrawn, 1, 20, &options), 0);
    assert_checks();
    assert_true(withdrawn > 0);
}

static int watch_time(void *arg)
{
    uint64_t *took_ns = arg, began_ns = weir_now_ns();
    int64_t wall_ns = weir_wall_ns();

    CHECK(weir_sleep(WEIR_SECONDS(1000)) == 0);
    *took_ns = weir_now_ns() - began_ns;
    CHECK(weir_wall_ns() - wall_ns == (int64_t)*took_ns);
    CHECK(wall_ns / WEIR_SECONDS(86400 * 365) == 56); /* 2026 */
    return 0;
}

TEST(time_is_virtual)
{
    uint64_t took_ns;

    (void)run_seed(watch_time, &took_ns, 3, 0);
    assert_true(took_ns >= 1000000000000u && took_ns < 1001000000000u);
}

/* ---- failures ---- */

static int fail_some(void *arg)
{
    int *count = arg;

    ++*count;
    return weir_sim_seed() % 10 == 7 ? WEIR_EIO : 5;
}

TEST(seeds_stop_at_the_first_that_fails)
{
    struct weir_sim_options quiet = {.quiet = 1};
    int count = 0;

    if (getenv("WEIR_SEED"))
        skip("WEIR_SEED is set");
    assert_int_equal(weir_sim_seeds(fail_some, &count, 1, 6, &quiet), 0);
    assert_int_equal(count, 6);
    assert_int_equal(weir_sim_seeds(fail_some, &count, 4, 100, &quiet), WEIR_EIO);
    assert_int_equal(count, 10);
    assert_int_equal(weir_sim_seed(), 7);
    setenv("WEIR_SEED", "27", 1);
    assert_int_equal(weir_sim_seeds(fail_some, &count, 1, 6, &quiet), WEIR_EIO);
    unsetenv("WEIR_SEED");
    assert_int_equal(count, 11);
    assert_int_equal(weir_sim_seed(), 27);
}

/* What a run writes to stderr. */
static int told(weir_task_fn *fn, const struct weir_sim_options *options, char *text, size_t cap)
{
    char path[] = "/tmp/weir-sim-XXXXXX";
    int file = mkstemp(path), before = dup(STDERR_FILENO), rc;
    ssize_t n;

    assert_true(file >= 0 && before >= 0);
    unlink(path);
    dup2(file, STDERR_FILENO);
    rc = weir_sim_run(fn, NULL, options);
    dup2(before, STDERR_FILENO);
    close(before);
    n = pread(file, text, cap - 1, 0);
    text[n > 0 ? n : 0] = 0;
    close(file);
    return rc;
}

static int fail_at_once(void *arg)
{
    (void)arg;
    return WEIR_EIO;
}

TEST(failure_tells_the_command_that_replays_it)
{
    struct weir_sim_options options = {.seed = 4711};
    char text[1000];

    assert_int_equal(told(fail_at_once, &options, text, sizeof text), WEIR_EIO);
    assert_non_null(strstr(text, "weir: seed 4711: WEIR_EIO; replay: WEIR_SEED=4711 "));
    assert_non_null(strstr(text, "replay"));
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static int wait_for_ever(void *arg)
{
    return weir_semaphore_acquire(arg);
}

static int deadlock(void *arg)
{
    struct weir_spawn_options name = {.name = "philosopher"};
    weir_semaphore semaphore = WEIR_SEMAPHORE_INIT(0);
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, wait_for_ever, &semaphore, &name) == 0);
    return weir_scope_join(&scope);
}

TEST(deadlock_is_a_failure_that_names_the_tasks)
{
    struct weir_sim_options options = {.seed = 3};
    char text[1000];

    assert_int_equal(told(deadlock, &options, text, sizeof text), WEIR_EDEADLK);
    assert_checks();
    assert_non_null(strstr(text, "task philosopher on host local"));
    assert_non_null(strstr(text, "WEIR_EDEADLK; replay: WEIR_SEED=3"));
}

static int sleep_on(void *arg)
{
    int rc;

    (void)arg;
    while ((rc = weir_sleep(WEIR_SECONDS(1))) == 0) {
    }
    return rc;
}

static int yield_on(void *arg)
{
    int rc;

    (void)arg;
    while ((rc = weir_yield()) == 0) {
    }
    return rc;
}

TEST(run_has_a_limit_of_time_and_of_steps)
{
    struct weir_sim_options time = {.seed = 3, .quiet = 1, .limit_ns = WEIR_SECONDS(60)};
    struct weir_sim_options steps = {.seed = 3, .quiet = 1, .steps_max = 10000};

    assert_int_equal(weir_sim_run(sleep_on, NULL, &time), WEIR_ETIMEDOUT);
    assert_int_equal(weir_sim_run(yield_on, NULL, &steps), WEIR_ELIMIT);
}

TEST(options_are_checked)
{
    struct weir_sim_options workers = {.workers = WEIR_WORKERS_MAX + 1};
    struct weir_sim_options limit = {.limit_ns = -1};
    struct weir_sim_options loss = {.link = {.loss_permille = 1001}};
    struct weir_sim_options latency = {.link = {.latency_min_ns = 2, .latency_max_ns = 1}};
    weir_sim_host host = {0};

    assert_int_equal(weir_sim_run(fail_at_once, NULL, &workers), WEIR_EOPTION);
    assert_int_equal(weir_sim_run(fail_at_once, NULL, &limit), WEIR_EOPTION);
    assert_int_equal(weir_sim_run(fail_at_once, NULL, &loss), WEIR_EOPTION);
    assert_int_equal(weir_sim_run(fail_at_once, NULL, &latency), WEIR_EOPTION);
    assert_int_equal(weir_sim_host_start("x", fail_at_once, NULL, &host), WEIR_ENOTSUP);
    assert_int_equal(weir_sim_random(), 0);
}

static int run_inside(void *arg)
{
    (void)arg;
    CHECK(weir_sim_run(fail_at_once, NULL, NULL) == WEIR_EBUSY);
    return 0;
}

TEST(there_is_one_simulation_a_process)
{
    struct weir_runtime_options real = {.backend = WEIR_BACKEND_EPOLL};
    struct weir_sim_options options = {.seed = 1};

    assert_int_equal(weir_sim_run(run_inside, NULL, &options), 0);
    assert_int_equal(weir_run(run_inside, NULL, &real), 0);
    assert_checks();
}
