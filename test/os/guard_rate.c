/* test/os/guard_rate.c - a bucket of tokens: exact for hours, in order, and whoever leaves takes
 * none. Mostly in virtual time. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <weir.h>

#include "support/check.h"

#define TICK WEIR_MILLISECONDS(1) /* timers are late by at most this, in virtual time */
#define HOUR WEIR_MINUTES(60)

static int run_with(weir_task_fn *fn, void *arg, uint32_t workers, uint8_t clock)
{
    struct weir_runtime_options options = {.workers = workers, .clock = clock};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static void run_virtually(weir_task_fn *fn, void *arg)
{
    (void)run_with(fn, arg, 1, WEIR_CLOCK_VIRTUAL);
    (void)run_with(fn, arg, 3, WEIR_CLOCK_VIRTUAL);
}

static int64_t since(uint64_t moment_ns)
{
    return (int64_t)(weir_now_ns() - moment_ns);
}

TEST(wrong_numbers_are_refused)
{
    weir_rate rate;

    assert_int_equal(weir_rate_init(&rate, 0, 1, 1), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1, 0, 1), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1, -1, 1), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1, 1, 0), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1u << 31, 1, 1), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1, WEIR_RATE_PERIOD_MAX + 1, 1), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1, WEIR_RATE_PERIOD_MAX, 11), WEIR_EINVAL);
    assert_int_equal(weir_rate_init(&rate, 1, WEIR_RATE_PERIOD_MAX, 9), 0);
    assert_int_equal(weir_rate_init(&rate, INT32_MAX, 1, INT32_MAX), 0);
    assert_int_equal(weir_rate_try(&rate, INT32_MAX), 0);
    assert_int_equal(weir_rate_init(&rate, 5, WEIR_SECONDS(1), 3), 0);
    assert_int_equal(weir_rate_try(&rate, 0), WEIR_EINVAL);
    assert_int_equal(weir_rate_try(&rate, 4), WEIR_EINVAL);
    assert_int_equal(weir_rate_acquire(&rate, 0), WEIR_EINVAL);
    assert_int_equal(weir_rate_acquire(&rate, 4), WEIR_EINVAL);
    assert_int_equal(weir_rate_set(&rate, 0, 1, 1), WEIR_EINVAL);
}

/* ---- how many ---- */

/* Takes as fast as it can for a time: how many it got. */
static int64_t take_for(weir_rate *rate, uint32_t count, int64_t time_ns)
{
    uint64_t begun = weir_now_ns();
    int64_t got = 0;

    while (since(begun) <= time_ns) {
        CHECK(weir_rate_acquire(rate, count) == 0);
        if (since(begun) <= time_ns)
            got += count;
    }
    return got;
}

static int take_for_hours(void *arg)
{
    static const struct {
        uint32_t tokens, burst, count;
        int64_t period_ns, time_ns;
    } kinds[] = {{3, 2, 1, WEIR_SECONDS(1), 4 * HOUR},
                 {7, 5, 2, WEIR_SECONDS(13), 100 * HOUR},
                 {1, 1, 1, WEIR_MINUTES(7), 1000 * HOUR},
                 {999, 20, 10, WEIR_SECONDS(1), HOUR / 6}};
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int64_t most = kinds[i].burst + kinds[i].time_ns * kinds[i].tokens / kinds[i].period_ns;
        int64_t got;
        weir_rate rate;

        CHECK(weir_rate_init(&rate, kinds[i].tokens, kinds[i].period_ns, kinds[i].burst) == 0);
        got = take_for(&rate, kinds[i].count, kinds[i].time_ns);
        CHECK(got <= most);
        if (kinds[i].burst > 1) /* else each tick of a timer is lost */
            CHECK(got >= most - 2 * (int64_t)kinds[i].burst);
        else
            CHECK(got >= most * (kinds[i].period_ns - TICK) / kinds[i].period_ns - 2);
    }
    return 0;
}

TEST(hours_of_a_rate_are_exact)
{
    (void)run_with(take_for_hours, NULL, 1, WEIR_CLOCK_VIRTUAL);
}

/* Tries at each moment that try tells: no tick of a timer comes in between. */
static int try_exactly(void *arg)
{
    uint64_t begun = weir_now_ns();
    weir_rate rate;
    int i;

    (void)arg;
    CHECK(weir_rate_init(&rate, 3, WEIR_SECONDS(1), 2) == 0);
    CHECK(weir_rate_try(&rate, 2) == 0);
    for (i = 1; i <= 30000; i++) {
        int64_t wait_ns = weir_rate_try(&rate, 1);

        CHECK(wait_ns > 0);
        CHECK(weir_clock_advance(wait_ns - 1) == 0);
        CHECK(weir_rate_try(&rate, 1) == 1); /* not a nanosecond early */
        CHECK(weir_clock_advance(1) == 0);
        CHECK(weir_rate_try(&rate, 1) == 0);
        CHECK(since(begun) == (WEIR_SECONDS(i) + 2) / 3); /* thirds of a second are not rounded */
    }
    CHECK(weir_clock_advance(HOUR) == 0); /* it is full, and not fuller */
    CHECK(weir_rate_try(&rate, 2) == 0);
    CHECK(weir_rate_try(&rate, 1) > WEIR_MILLISECONDS(333));
    return 0;
}

TEST(try_tells_the_nanosecond)
{
    (void)run_with(try_exactly, NULL, 1, WEIR_CLOCK_VIRTUAL);
}

/* ---- order ---- */

enum {
    TAKERS = 20
};

struct line {
    weir_rate rate;
    int order[TAKERS], ordered;
    uint64_t begun;
};

struct taker {
    struct line *line;
    int number;
    uint32_t count;
};

static int take_in_line(void *arg)
{
    struct taker *taker = arg;
    struct line *line = taker->line;
    int rc = weir_rate_acquire(&line->rate, taker->count);

    if (rc == 0)
        line->order[__atomic_fetch_add(&line->ordered, 1, __ATOMIC_SEQ_CST)] = taker->number;
    return rc;
}

static int stand_in_line(void *arg)
{
    struct line *line = arg;
    struct taker takers[TAKERS];
    struct weir_guard_counts counts;
    weir_scope scope;
    int i;
    uint32_t wanted = 0;

    memset(line, 0, sizeof *line);
    CHECK(weir_rate_init(&line->rate, 10, WEIR_SECONDS(1), 5) == 0);
    CHECK(weir_rate_try(&line->rate, 5) == 0);
    line->begun = weir_now_ns();
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TAKERS; i++) {
        struct weir_spawn_options options = {.worker = 1};

        takers[i] = (struct taker){line, i, i % 4 == 0 ? 5 : 1};
        wanted += takers[i].count;
        CHECK(weir_spawn_with(&scope, take_in_line, &takers[i], &options) == 0);
        do { /* until it waits: no time passes */
            CHECK(weir_yield() == 0);
            weir_rate_count(&line->rate, &counts);
        } while (counts.waiting != (uint32_t)i + 1);
    }
    CHECK(weir_rate_try(&line->rate, 1) == WEIR_MILLISECONDS(100) * (wanted + 1));
    for (i = 0; i < 8; i++) { /* the first looks again, and keeps its place */
        CHECK(weir_rate_set(&line->rate, 10, WEIR_SECONDS(1), 5) == 0);
        CHECK(weir_yield() == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(since(line->begun) >= WEIR_MILLISECONDS(100) * wanted);
    CHECK(since(line->begun) <= WEIR_MILLISECONDS(100) * wanted + TAKERS * TICK);
    for (i = 0; i < TAKERS; i++)
        CHECK(line->order[i] == i);
    weir_rate_count(&line->rate, &counts);
    CHECK(counts.admitted == TAKERS + 1 && counts.refused == 1);
    CHECK(counts.waiting == 0 && counts.left == 0);
    return 0;
}

TEST(who_wants_many_is_not_overtaken)
{
    struct line line;

    run_virtually(stand_in_line, &line);
}

static int come_later(void *arg)
{
    struct line *line = arg;
    struct taker taker = {line, 0, 1};
    struct weir_guard_counts counts;
    weir_scope scope;

    memset(line, 0, sizeof *line);
    CHECK(weir_rate_init(&line->rate, 1, WEIR_MINUTES(1), 1) == 0);
    CHECK(weir_rate_try(&line->rate, 1) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, take_in_line, &taker) == 0);
    do {
        CHECK(weir_yield() == 0);
        weir_rate_count(&line->rate, &counts);
    } while (counts.waiting != 1);
    CHECK(weir_clock_advance(WEIR_MINUTES(1)) == 0);
    CHECK(weir_rate_set(&line->rate, 1, WEIR_MINUTES(1), 1) == 0); /* it is about to look */
    CHECK(weir_rate_try(&line->rate, 1) == WEIR_MINUTES(1));
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(line->ordered == 1);
    return 0;
}

TEST(nobody_is_overtaken_while_it_looks)
{
    struct line line;

    (void)run_with(come_later, &line, 1, WEIR_CLOCK_VIRTUAL);
}

/* ---- stops and changes ---- */

static int stop_the_first(void *arg)
{
    struct line *line = arg;
    struct taker first = {line, 0, 5}, second = {line, 1, 1};
    struct weir_guard_counts counts;
    weir_scope scope, cancelled;
    weir_block block;

    memset(line, 0, sizeof *line);
    CHECK(weir_rate_init(&line->rate, 1, WEIR_MINUTES(1), 5) == 0);
    CHECK(weir_rate_try(&line->rate, 5) == 0);
    line->begun = weir_now_ns();
    CHECK(weir_scope_open(&cancelled) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&cancelled, take_in_line, &first) == 0);
    do {
        CHECK(weir_yield() == 0);
        weir_rate_count(&line->rate, &counts);
    } while (counts.waiting != 1);
    CHECK(weir_spawn(&scope, take_in_line, &second) == 0);
    do {
        CHECK(weir_yield() == 0);
        weir_rate_count(&line->rate, &counts);
    } while (counts.waiting != 2);
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(10)) == 0); /* as the third */
    CHECK(weir_rate_acquire(&line->rate, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    weir_scope_cancel(&cancelled);
    CHECK(weir_scope_join(&cancelled) == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == 0); /* and has not waited for the first one's tokens */
    CHECK(since(line->begun) <= WEIR_MINUTES(1) + 2 * TICK);
    CHECK(line->ordered == 1);
    weir_rate_count(&line->rate, &counts);
    CHECK(counts.left == 2 && counts.waiting == 0 && counts.admitted == 2);
    return 0;
}

TEST(who_is_stopped_takes_nothing)
{
    struct line line;

    run_virtually(stop_the_first, &line);
}

static int change(void *arg)
{
    struct line *line = arg;
    struct taker many = {line, 0, 5}, few = {line, 1, 1};
    struct weir_guard_counts counts;
    weir_scope scope, refused;

    memset(line, 0, sizeof *line);
    CHECK(weir_rate_init(&line->rate, 1, WEIR_MINUTES(60), 5) == 0);
    CHECK(weir_rate_try(&line->rate, 5) == 0);
    CHECK(weir_scope_open(&refused) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&refused, take_in_line, &many) == 0);
    do {
        CHECK(weir_yield() == 0);
        weir_rate_count(&line->rate, &counts);
    } while (counts.waiting != 1);
    CHECK(weir_spawn(&scope, take_in_line, &few) == 0);
    do {
        CHECK(weir_yield() == 0);
        weir_rate_count(&line->rate, &counts);
    } while (counts.waiting != 2);
    line->begun = weir_now_ns();
    CHECK(weir_rate_set(&line->rate, 1, WEIR_SECONDS(1), 2) == 0);
    CHECK(weir_scope_join(&refused) == WEIR_EINVAL);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(since(line->begun) <= WEIR_SECONDS(1) + 2 * TICK);
    return 0;
}

TEST(a_change_reaches_who_waits)
{
    struct line line;

    run_virtually(change, &line);
}

/* ---- many, in real time ---- */

enum {
    ACTORS = 12,
    ROUNDS = 40
};

struct storm {
    weir_rate rate;
    uint64_t taken;
    uint32_t seed;
};

struct actor {
    struct storm *storm;
    uint32_t random;
};

static uint32_t next_random(struct actor *actor)
{
    actor->random = actor->random * 1664525u + 1013904223u;
    return actor->random >> 16;
}

static int act(void *arg)
{
    struct actor *actor = arg;
    struct storm *storm = actor->storm;
    int i, rc = 0;

    for (i = 0; i < ROUNDS && rc != WEIR_ECANCELED; i++) {
        uint32_t count = 1 + next_random(actor) % 8;
        weir_block block;

        CHECK(weir_deadline_begin(&block, next_random(actor) % 300000) == 0);
        rc = next_random(actor) % 3 ? weir_rate_acquire(&storm->rate, count)
                                    : (int)(weir_rate_try(&storm->rate, count) != 0);
        weir_block_end(&block);
        CHECK(rc == 0 || rc == 1 || rc == WEIR_EDEADLINE || rc == WEIR_ECANCELED);
        if (rc == 0)
            __atomic_add_fetch(&storm->taken, count, __ATOMIC_SEQ_CST);
        if (next_random(actor) % 4 == 0 && weir_yield() == WEIR_ECANCELED)
            break;
    }
    return 0;
}

static int run_storm(void *arg)
{
    struct storm *storm = arg;
    struct actor actors[ACTORS];
    struct weir_guard_counts counts;
    weir_scope scope, cancelled;
    uint64_t begun = weir_now_ns(), left;
    uint32_t i;

    CHECK(weir_rate_init(&storm->rate, 500, WEIR_MILLISECONDS(1), 8) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    for (i = 0; i < ACTORS; i++) {
        actors[i] = (struct actor){storm, storm->seed * 131 + i};
        CHECK(weir_spawn(i % 3 ? &scope : &cancelled, act, &actors[i]) == 0);
    }
    for (i = 0; i < storm->seed % 30; i++)
        CHECK(weir_yield() == 0);
    weir_scope_cancel(&cancelled);
    CHECK(weir_scope_join(&cancelled) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(storm->taken <= 8 + (uint64_t)since(begun) * 500 / 1000000 + 1);
    weir_rate_count(&storm->rate, &counts);
    CHECK(counts.waiting == 0);
    CHECK(weir_rate_acquire(&storm->rate, 8) == 0); /* nobody holds it up */
    left = (uint64_t)weir_rate_try(&storm->rate, 8);
    CHECK(left <= 16000); /* nothing is taken by who is gone */
    return 0;
}

TEST(cancels_take_no_tokens_and_keep_nobody_waiting)
{
    struct storm storm;
    uint32_t seed;

    for (seed = 0; seed < 20; seed++) {
        memset(&storm, 0, sizeof storm);
        storm.seed = seed;
        (void)run_with(run_storm, &storm, 1 + seed % 4, WEIR_CLOCK_REAL);
    }
}

/* ---- threads ---- */

enum {
    PART = 50
};

static void *take_part(void *arg)
{
    int i;

    for (i = 0; i < PART; i++)
        CHECK(weir_rate_acquire(arg, i % 2 + 1) == 0);
    return NULL;
}

static int take_part_as_task(void *arg)
{
    return take_part(arg) != NULL;
}

/* 150 + 75 tokens, of which two are there: the rest comes in within so many periods. */
TEST(threads_and_tasks_take_from_one_rate)
{
    struct weir_runtime_options options = {.workers = 2};
    struct weir_guard_counts counts;
    pthread_t threads[2];
    weir_rate rate;
    uint64_t begun;
    int i;

    not_on_sim("time does not wait for threads");
    assert_int_equal(weir_rate_init(&rate, 10, WEIR_MILLISECONDS(1), 2), 0);
    begun = weir_now_ns();
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_part, &rate), 0);
    assert_int_equal(weir_run(take_part_as_task, &rate, &options), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(since(begun) >= WEIR_MICROSECONDS(100) * (3 * PART * 3 / 2 - 2));
    assert_checks();
    weir_rate_count(&rate, &counts);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(counts.admitted, 3 * PART);
}

TEST(a_thread_that_waits_for_more_than_a_new_burst_is_told)
{
    weir_rate rate;

    assert_int_equal(weir_rate_init(&rate, 1, WEIR_MILLISECONDS(2), 3), 0);
    assert_int_equal(weir_rate_acquire(&rate, 3), 0);
    assert_int_equal(weir_rate_acquire(&rate, 1), 0); /* after a wait */
    assert_int_equal(weir_rate_set(&rate, 1, WEIR_MILLISECONDS(2), 1), 0);
    assert_int_equal(weir_rate_acquire(&rate, 2), WEIR_EINVAL);
}
