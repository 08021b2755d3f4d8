/* test/os/metrics.c - the numbers of a runtime. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <weir.h>

#include "support/run.h"

enum {
    TASKS = 200,
    ROUNDS = 20
};

static int nap(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < ROUNDS; i++) {
        CHECK(weir_yield() == 0);
        CHECK(weir_sleep(1000) == 0);
    }
    return 0;
}

static int nap_for_ever(void *arg)
{
    (void)arg;
    return weir_sleep(WEIR_SECONDS(3600)) == WEIR_ECANCELED ? 0 : -1;
}

struct seen {
    struct weir_metrics sum;
    struct weir_worker_metrics workers[4];
};

static uint64_t of_all(const uint64_t *buckets)
{
    uint64_t count = 0;
    int i;

    for (i = 0; i < WEIR_METRICS_BUCKETS; i++)
        count += buckets[i];
    return count;
}

static int count_tasks(void *arg)
{
    struct seen *seen = arg;
    weir_scope scope;
    weir_chan chan;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++)
        CHECK(weir_spawn(&scope, nap, NULL) == 0);
    CHECK(weir_scope_join(&scope) == 0);

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 10; i++)
        CHECK(weir_spawn(&scope, nap_for_ever, NULL) == 0);
    CHECK(weir_sleep(1000) == 0);
    CHECK(weir_chan_create(&chan, 1, 1) == 0);
    CHECK(weir_metrics_read(NULL, &seen->sum, seen->workers, 4) == 2);
    weir_chan_destroy(chan);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

static uint64_t sum_of(const struct seen *seen, size_t offset)
{
    uint64_t sum = 0, one;
    int i;

    for (i = 0; i < 2; i++) {
        memcpy(&one, (const char *)&seen->workers[i] + offset, sizeof one);
        sum += one;
    }
    return sum;
}

#define SUM(member) sum_of(&seen, offsetof(struct weir_worker_metrics, member))

TEST(numbers_count_what_happened)
{
    struct weir_runtime_options options = {.workers = 2, .spin_ns = -1};
    struct seen seen = {0};

    assert_int_equal(weir_run(count_tasks, &seen, &options), 0);
    assert_checks();
    assert_int_equal(seen.sum.workers, 2);
    assert_int_equal(seen.sum.tasks, 11);
    assert_true(seen.sum.running >= 1 && seen.sum.running <= 2);
    assert_true(seen.sum.waiting <= 10);
    assert_true(seen.sum.stacks >= 11);
    assert_int_equal(SUM(spawned), TASKS + 10 + 1);
    assert_int_equal(SUM(ended), TASKS);
    assert_true(SUM(runs) >= TASKS * ROUNDS * 2);
    assert_true(SUM(completions) >= TASKS * ROUNDS);
    assert_true(SUM(polls) > 0);
    assert_true(SUM(parks) > 0);
    assert_true(SUM(idle_ns) > 0);
    assert_true(SUM(busy_ns) > 0);
    assert_true(SUM(pending[WEIR_OP_TIMER]) <= 10);
    assert_int_equal(seen.sum.pending[WEIR_OP_TIMER], SUM(pending[WEIR_OP_TIMER]));
    assert_int_equal(seen.sum.handles_by_kind[WEIR_METRICS_CHAN], 1);
    assert_true(seen.sum.handles >= 1);
    assert_int_equal(seen.sum.packed, 0);
    assert_true(SUM(timers) >= SUM(pending[WEIR_OP_TIMER]));
    assert_true(of_all(seen.workers[0].run_ns) + of_all(seen.workers[1].run_ns)
                >= TASKS * ROUNDS / 64);
    assert_true(of_all(seen.workers[0].latency_ns) + of_all(seen.workers[1].latency_ns) > 0);
    assert_int_equal(seen.workers[2].runs, 0); /* not there: not touched */
}

TEST(reading_needs_a_runtime)
{
    struct weir_metrics sum = {0};

    assert_int_equal(weir_metrics_read(NULL, &sum, NULL, 0), WEIR_ENOTASK);
    assert_int_equal(weir_metrics_text(NULL, NULL, NULL), WEIR_ENOTASK);
    assert_int_equal(sum.workers, 0);
}

struct job {
    int begun, release;
    struct weir_metrics during;
};

static int hold(void *arg)
{
    struct job *job = arg;

    ADD(job->begun, 1);
    SPIN_UNTIL(SEE(job->release));
    return 0;
}

static int block(void *arg)
{
    return weir_blocking(hold, arg);
}

static int block_in_names(void *arg)
{
    return weir_blocking_in(WEIR_BLOCKING_NAMES, hold, arg);
}

static int count_jobs(void *arg)
{
    struct job *job = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, block, job) == 0);
    CHECK(weir_spawn(&scope, block, job) == 0);
    CHECK(weir_spawn(&scope, block_in_names, job) == 0);
    YIELD_UNTIL(SEE(job->begun) == 3);
    CHECK(weir_metrics_read(NULL, &job->during, NULL, 0) == 1);
    SAY(job->release, 1);
    return weir_scope_join(&scope);
}

TEST(blocking_work_is_told_by_class)
{
    struct job job = {.begun = 0};
    const struct weir_metrics_class *classes = job.during.blocking;

    not_on_sim("jobs run on the driving thread");
    assert_int_equal(run_with(count_jobs, &job, 1), 0);
    assert_int_equal(classes[WEIR_BLOCKING_USER].running, 2);
    assert_true(classes[WEIR_BLOCKING_USER].threads >= 2);
    assert_int_equal(classes[WEIR_BLOCKING_NAMES].running, 1);
    assert_int_equal(classes[WEIR_BLOCKING_FILES].running, 0);
    assert_int_equal(classes[WEIR_METRICS_CLASSES - 1].threads, 0);
    assert_int_equal(classes[WEIR_BLOCKING_USER].queued, 0);
    assert_int_equal(classes[WEIR_BLOCKING_USER].left, 0);
}

struct text {
    size_t len;
    char bytes[64 * 1024];
};

static void put(const char *bytes, size_t len, void *arg)
{
    struct text *text = arg;

    assert_true(text->len + len < sizeof text->bytes);
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = 0;
}

/* Every line is a comment or "name{labels} number". */
static void check_line(const char *line)
{
    const char *mark;
    char *end;

    if (*line == '#')
        return;
    mark = strrchr(line, ' ');
    assert_non_null(mark);
    (void)strtod(mark + 1, &end);
    assert_true(end != mark + 1 && *end == 0);
}

TEST(text_is_what_a_collector_reads)
{
    struct weir_runtime_options options = {.workers = 2};
    struct text *text = calloc(1, sizeof *text);
    weir_runtime *runtime;
    char *line, *rest;

    assert_non_null(text);
    assert_int_equal(weir_runtime_create(&runtime, &options), 0);
    assert_int_equal(weir_runtime_block_on(runtime, nap, NULL), 0);
    assert_int_equal(weir_metrics_text(runtime, put, text), 0);
    assert_non_null(strstr(text->bytes, "weir_tasks{state=\"waiting\"} "));
    assert_non_null(strstr(text->bytes, "weir_worker_runs_total{worker=\"2\"} "));
    assert_non_null(strstr(text->bytes, "weir_handles{kind=\"chan\"} 0\n"));
    assert_non_null(strstr(text->bytes, "weir_worker_packs_total{worker=\"1\"} 0\n"));
    assert_non_null(strstr(text->bytes, "weir_blocking_jobs{class=\"1\",name=\"weir-files\","
                                        "state=\"queued\"} 0\n"));
    assert_non_null(strstr(text->bytes, "weir_run_seconds_bucket{worker=\"1\",le=\"+Inf\"} "));
    for (line = strtok_r(text->bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        check_line(line);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
    free(text);
}
