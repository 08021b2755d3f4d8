/* test/os/task.c - tasks, scopes, deadlines and cancellation on a real runtime. */
#include "test.h"

#include <stdbool.h>
#include <string.h>
#include <weir.h>

#include "support/check.h"

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};

    return weir_run(fn, arg, &options);
}

static int give(void *arg)
{
    return *(int *)arg;
}

static int count_up(void *arg)
{
    (void)__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int sleep_for_ever(void *arg)
{
    int rc = weir_sleep(WEIR_SECONDS(600));

    if (arg)
        *(int *)arg = rc;
    return rc;
}

TEST(outside_of_tasks_there_is_no_task)
{
    weir_block block;
    weir_scope scope;

    assert_int_equal(weir_yield(), WEIR_ENOTASK);
    assert_int_equal(weir_sleep(1), WEIR_ENOTASK);
    assert_int_equal(weir_check(), WEIR_ENOTASK);
    assert_int_equal(weir_scope_open(&scope), WEIR_ENOTASK);
    assert_int_equal(weir_deadline_begin(&block, 1), WEIR_ENOTASK);
    assert_int_equal(weir_worker_count(), 0);
    assert_null(weir_task_name());
    assert_int_equal(weir_task_id(), 0);
}

#define NUMBERED 200

static int note_number(void *arg)
{
    uint64_t id = weir_task_id();
    int rc = weir_yield();

    *(uint64_t *)arg = id;
    return rc == 0 && weir_task_id() == id && id != 0 ? 0 : -1;
}

static int number_tasks(void *arg)
{
    uint64_t *ids = arg;
    weir_scope scope;
    int i, rc = 0;

    ids[0] = weir_task_id();
    for (i = 1; i < NUMBERED && rc == 0; i += 2) {
        rc = weir_scope_open(&scope);
        if (rc == 0)
            rc = weir_spawn(&scope, note_number, &ids[i]);
        if (rc == 0 && i + 1 < NUMBERED)
            rc = weir_spawn(&scope, note_number, &ids[i + 1]);
        if (rc == 0)
            rc = weir_scope_join(&scope); /* the next ones have the stacks of these */
    }
    return rc;
}

TEST(a_task_has_a_number_that_no_other_has)
{
    uint64_t ids[NUMBERED] = {0};
    int i, j;

    assert_int_equal(run(number_tasks, ids, 2), 0);
    for (i = 0; i < NUMBERED; i++) {
        for (j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]);
    }
}

TEST(run_returns_what_main_returns)
{
    int value = 17;

    assert_int_equal(run(give, &value, 1), 17);
    value = -9;
    assert_int_equal(run(give, &value, 2), -9);
    assert_int_equal(run(give, &value, WEIR_WORKERS_MAX + 1), WEIR_EOPTION);
}

/* ThreadSanitizer makes a thread of each task, and knows 8,000 at most. */
#ifdef __SANITIZE_THREAD__
#define MANY 500
#else
#define MANY 10000
#endif

static int spawn_many(void *arg)
{
    int i, *total = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < MANY; i++)
        CHECK(weir_spawn(&scope, count_up, total) == 0);
    CHECK(*total == 0); /* a spawn does not suspend */
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(*total == MANY);
    return 0;
}

TEST(many_tasks_run_once_each)
{
    int total = 0;

    assert_int_equal(run(spawn_many, &total, 1), 0);
    assert_checks();
}

struct copied {
    int number;
    char fill[200];
    int *sum;
};

static int add_copied(void *arg)
{
    struct copied *copied = arg;

    CHECK((uintptr_t)arg % 16 == 0);
    CHECK(copied->fill[199] == 'x');
    (void)__atomic_add_fetch(copied->sum, copied->number, __ATOMIC_SEQ_CST);
    return 0;
}

static int spawn_copies(void *arg)
{
    char large[WEIR_SPAWN_COPY_MAX + 1];
    struct copied copied = {.sum = arg};
    weir_scope scope;
    int i;

    memset(copied.fill, 'x', sizeof copied.fill);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 1; i <= 10; i++) {
        copied.number = i;
        CHECK(weir_spawn_copy(&scope, add_copied, &copied, sizeof copied) == 0);
    }
    copied.number = 1000;
    CHECK(weir_spawn_copy(&scope, add_copied, large, sizeof large) == WEIR_EINVAL);
    CHECK(weir_spawn_copy(&scope, add_copied, large, 0) == WEIR_EINVAL);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(spawn_copy_gives_each_task_its_own)
{
    int sum = 0;

    assert_int_equal(run(spawn_copies, &sum, 1), 0);
    assert_checks();
    assert_int_equal(sum, 55);
}

static int first_error(void *arg)
{
    int value = -42, seen = 0;
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, &seen) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_spawn(&scope, give, &value) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_spawn(&scope, give, &value) == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == -42);
    CHECK(seen == WEIR_ECANCELED);
    CHECK(weir_check() == 0); /* the owner goes on */
    return 0;
}

TEST(first_error_cancels_the_others)
{
    assert_int_equal(run(first_error, NULL, 1), 0);
    assert_checks();
}

static int policies(void *arg)
{
    struct weir_scope_options all = {.policy = WEIR_SCOPE_ALL};
    struct weir_scope_options success = {.policy = WEIR_SCOPE_FIRST_SUCCESS};
    struct weir_scope_options unknown = {.policy = 9};
    int bad = -3, worse = -4, good = 5, ended = 0, seen = 0;
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open_with(&scope, &unknown) == WEIR_EOPTION);
    CHECK(weir_scope_open_with(&scope, &all) == 0);
    CHECK(weir_spawn(&scope, give, &bad) == 0 && weir_spawn(&scope, give, &worse) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_spawn(&scope, count_up, &ended) == 0);
    CHECK(weir_scope_join(&scope) == -3);
    CHECK(ended == 1);

    CHECK(weir_scope_open_with(&scope, &success) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, &seen) == 0);
    CHECK(weir_spawn(&scope, give, &bad) == 0 && weir_spawn(&scope, give, &good) == 0);
    CHECK(weir_scope_join(&scope) == 5);
    CHECK(seen == WEIR_ECANCELED);

    CHECK(weir_scope_open_with(&scope, &success) == 0);
    CHECK(weir_spawn(&scope, give, &bad) == 0 && weir_spawn(&scope, give, &worse) == 0);
    CHECK(weir_scope_join(&scope) == -3);
    return 0;
}

TEST(policies_decide_the_result)
{
    assert_int_equal(run(policies, NULL, 1), 0);
    assert_checks();
}

static int nested(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, arg) == 0);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    CHECK(weir_check() == WEIR_ECANCELED);
    CHECK(weir_sleep(1) == WEIR_ECANCELED); /* latched */
    CHECK(weir_yield() == WEIR_ECANCELED);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, NULL) == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

static int cancel_nested(void *arg)
{
    int seen = 0;
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, nested, &seen) == 0);
    CHECK(weir_yield() == 0 && weir_yield() == 0);
    weir_scope_cancel(&scope);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(seen == WEIR_ECANCELED);
    return 0;
}

TEST(cancel_reaches_nested_scopes_and_latches)
{
    assert_int_equal(run(cancel_nested, NULL, 1), 0);
    assert_checks();
}

static int deadlines(void *arg)
{
    weir_block outer, inner;
    uint64_t began = weir_now_ns();

    (void)arg;
    CHECK(weir_deadline_begin(&outer, -1) == WEIR_EINVAL);
    CHECK(weir_deadline_begin(&outer, WEIR_SECONDS(600)) == 0);
    CHECK(weir_deadline_begin(&inner, WEIR_MILLISECONDS(5)) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(100)) == WEIR_EDEADLINE);
    CHECK(weir_now_ns() - began >= 5000000);
    CHECK(weir_yield() == WEIR_EDEADLINE);
    CHECK(weir_block_end(&inner));
    CHECK(weir_check() == 0);
    CHECK(!weir_block_end(&outer));

    CHECK(weir_deadline_begin(&outer, WEIR_MILLISECONDS(5)) == 0);
    CHECK(weir_deadline_begin(&inner, WEIR_SECONDS(600)) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(100)) == WEIR_ECANCELED); /* not the inner's own */
    CHECK(!weir_block_end(&inner));
    CHECK(weir_sleep(1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&outer));
    CHECK(weir_check() == 0);
    return 0;
}

TEST(inner_and_outer_deadlines_have_their_codes)
{
    assert_int_equal(run(deadlines, NULL, 1), 0);
    assert_checks();
}

static int scope_limit(void *arg)
{
    struct weir_scope_options options = {.limit_ns = WEIR_MILLISECONDS(5)};
    int seen = 0;
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, &seen) == 0);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    CHECK(seen == WEIR_ECANCELED);
    CHECK(weir_check() == 0);
    return 0;
}

TEST(scope_limit_stops_its_tasks)
{
    assert_int_equal(run(scope_limit, NULL, 1), 0);
    assert_checks();
}

static int cleaner(void *arg)
{
    weir_block block;

    (void)arg;
    CHECK(weir_sleep(WEIR_SECONDS(600)) == WEIR_ECANCELED);
    CHECK(weir_shield_begin(&block, WEIR_SECONDS(600)) == 0);
    CHECK(weir_check() == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    CHECK(!weir_block_end(&block));
    CHECK(weir_shield_begin(&block, WEIR_MILLISECONDS(2)) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(600)) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_yield() == WEIR_ECANCELED);
    return 0;
}

static int cancel_cleaner(void *arg)
{
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, cleaner, NULL) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(shield_holds_cancel_off_for_its_limit)
{
    assert_int_equal(run(cancel_cleaner, NULL, 1), 0);
    assert_checks();
}

struct turns {
    int *last;
    int number, others;
};

static int take_turns(void *arg)
{
    struct turns *turns = arg;
    int i;

    for (i = 0; i < 100; i++) {
        CHECK(*turns->last == (turns->number + turns->others - 1) % turns->others);
        *turns->last = turns->number;
        CHECK(weir_yield() == 0);
    }
    return 0;
}

static int fair(void *arg)
{
    int last = 3, i;
    struct turns turns[4];
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 4; i++) {
        turns[i] = (struct turns){&last, i, 4};
        CHECK(weir_spawn(&scope, take_turns, &turns[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(yield_is_fair)
{
    assert_int_equal(run(fair, NULL, 1), 0);
    assert_checks();
}

static int stubborn(void *arg)
{
    int *stop = arg, refused = 0;

    while (!*stop)
        refused += weir_yield() < 0;
    CHECK(refused > 0);
    return 0;
}

static int cancel_stubborn(void *arg)
{
    int stop = 0;
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, stubborn, &stop) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    stop = 1;
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_task_that_ignores_its_cancel_lets_others_run)
{
    assert_int_equal(run(cancel_stubborn, NULL, 1), 0);
    assert_checks();
}

static int sleeper(void *arg)
{
    uint64_t began = weir_now_ns();
    int64_t duration = *(int64_t *)arg;

    CHECK(weir_sleep(duration) == 0);
    CHECK(weir_now_ns() - began >= (uint64_t)duration);
    return 0;
}

static int sleep_many(void *arg)
{
    int64_t durations[200];
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 200; i++) {
        durations[i] = (int64_t)i * i * 1037;
        CHECK(weir_spawn(&scope, sleeper, &durations[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(sleep_is_never_early)
{
    assert_int_equal(run(sleep_many, NULL, 1), 0);
    assert_checks();
}

/* ---- several workers ---- */

static int on_worker(void *arg)
{
    uint32_t index = weir_worker_index();

    CHECK(weir_yield() == 0 && weir_worker_index() == index);
    CHECK(weir_sleep(1000) == 0 && weir_worker_index() == index);
    (void)__atomic_add_fetch(&((int *)arg)[index], 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int place(void *arg)
{
    struct weir_spawn_options options = {.pinned = WEIR_ON};
    weir_scope scope;
    uint32_t i, n = weir_worker_count();

    CHECK(n == 4);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 400; i++) {
        options.worker = i % n + 1;
        CHECK(weir_spawn_with(&scope, on_worker, arg, &options) == 0);
    }
    options.worker = n + 1;
    CHECK(weir_spawn_with(&scope, on_worker, arg, &options) == WEIR_EOPTION);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(pinned_tasks_stay_on_the_worker_that_was_chosen)
{
    int counts[5] = {0}, i;

    assert_int_equal(run(place, counts, 4), 0);
    assert_checks();
    for (i = 1; i <= 4; i++)
        assert_int_equal(counts[i], 100);
}

struct spread {
    int started, cancelled;
};

static int wait_for_cancel(void *arg)
{
    struct spread *spread = arg;

    (void)__atomic_add_fetch(&spread->started, 1, __ATOMIC_SEQ_CST);
    CHECK(weir_sleep(WEIR_SECONDS(600)) == WEIR_ECANCELED);
    (void)__atomic_add_fetch(&spread->cancelled, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int nest_elsewhere(void *arg)
{
    struct weir_spawn_options options = {.worker = weir_worker_index() % weir_worker_count() + 1};
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 10; i++)
        (void)weir_spawn_with(&scope, wait_for_cancel, arg, &options);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

static int cancel_across(void *arg)
{
    struct spread *spread = arg;
    struct weir_spawn_options options = {0};
    weir_scope scope;
    uint32_t i;
    int round;

    for (round = 0; round < 20; round++) {
        CHECK(weir_scope_open(&scope) == 0);
        for (i = 0; i < 8; i++) {
            options.worker = i % weir_worker_count() + 1;
            CHECK(weir_spawn_with(&scope, nest_elsewhere, arg, &options) == 0);
        }
        if (round % 2) {
            while (__atomic_load_n(&spread->started, __ATOMIC_SEQ_CST)
                       - __atomic_load_n(&spread->cancelled, __ATOMIC_SEQ_CST)
                   < 80)
                CHECK(weir_yield() == 0);
        }
        weir_scope_cancel(&scope);
        CHECK(weir_scope_join(&scope) == 0);
        CHECK(spread->started == spread->cancelled);
    }
    return 0;
}

TEST(cancel_reaches_tasks_of_other_workers)
{
    struct spread spread = {0};

    assert_int_equal(run(cancel_across, &spread, 3), 0);
    assert_checks();
    assert_true(spread.started >= 800);
}

static int fail_elsewhere(void *arg)
{
    struct weir_spawn_options two = {.worker = 2}, three = {.worker = 3};
    struct spread spread = {0};
    int bad = -77, i;
    weir_scope scope;

    (void)arg;
    for (i = 0; i < 50; i++) {
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, wait_for_cancel, &spread) == 0);
        CHECK(weir_spawn_with(&scope, wait_for_cancel, &spread, &two) == 0);
        CHECK(weir_spawn_with(&scope, give, &bad, &three) == 0);
        CHECK(weir_scope_join(&scope) == -77);
        CHECK(spread.started == spread.cancelled);
    }
    return 0;
}

TEST(failure_on_another_worker_cancels_the_scope)
{
    assert_int_equal(run(fail_elsewhere, NULL, 3), 0);
    assert_checks();
}

static int run_inside(void *arg)
{
    (void)arg;
    return run(give, &(int){1}, 1);
}

TEST(run_inside_of_a_task_is_refused)
{
    assert_int_equal(run(run_inside, NULL, 1), WEIR_EBUSY);
}
