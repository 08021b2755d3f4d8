/* test/os/sync_gather.c - tasks that wait for each other or for something to be done: barrier,
 * latch, once. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <weir.h>

#include "support/run.h"

enum {
    PARTIES = 20,
    ROUNDS = 100
};

struct shared {
    weir_barrier barrier;
    weir_latch latch;
    weir_once once;
    int arrived, leaders, passed;
    int tries, failures;
    int value; /* written once */
    int go;
};

/* ---- barrier ---- */

static int meet(void *arg)
{
    struct shared *shared = arg;
    int i, rc;

    for (i = 1; i <= ROUNDS; i++) {
        ADD(shared->arrived, 1);
        rc = weir_barrier_wait(&shared->barrier);
        CHECK(rc == 0 || rc == 1);
        CHECK(SEE(shared->arrived) >= i * PARTIES);
        ADD(shared->leaders, rc);
        CHECK(SEE(shared->leaders) <= i);
        CHECK(weir_barrier_wait(&shared->barrier) >= 0); /* so that all have looked */
    }
    return 0;
}

static void *meet_as_thread(void *arg)
{
    meet(arg);
    return NULL;
}

static int meet_all(void *arg)
{
    return run_many(meet, arg, PARTIES);
}

static int meet_all_but_two(void *arg)
{
    return run_many(meet, arg, PARTIES - 2);
}

TEST(a_barrier_opens_for_all_and_has_one_leader)
{
    int workers;

    for (workers = 1; workers <= 4; workers += 3) {
        struct shared shared = {.barrier = WEIR_BARRIER_INIT(PARTIES)};

        assert_int_equal(run_with(meet_all, &shared, (uint32_t)workers), 0);
        assert_int_equal(shared.leaders, ROUNDS);
    }
}

TEST(threads_and_tasks_meet)
{
    struct shared shared = {.barrier = WEIR_BARRIER_INIT(PARTIES)};
    pthread_t threads[2];
    int i;

    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, meet_as_thread, &shared), 0);
    assert_int_equal(run_with(meet_all_but_two, &shared, 2), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_checks();
    assert_int_equal(shared.leaders, ROUNDS);
}

static int wait_shortly(void *arg)
{
    struct shared *shared = arg;
    weir_block block;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_barrier_wait(&shared->barrier) == WEIR_EDEADLINE);
    weir_block_end(&block);
    return 0;
}

static int wait_and_pass(void *arg)
{
    struct shared *shared = arg;
    int rc = weir_barrier_wait(&shared->barrier);

    CHECK(rc >= 0);
    ADD(shared->leaders, rc);
    ADD(shared->passed, 1);
    return 0;
}

static int two_and_one_that_gives_up(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;

    CHECK(run_many(wait_shortly, shared, 2) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_and_pass, shared) == 0);
    CHECK(weir_yield() == 0);
    CHECK(run_many(wait_shortly, shared, 1) == 0);
    CHECK(weir_spawn(&scope, wait_and_pass, shared) == 0);
    CHECK(weir_yield() == 0);
    CHECK(SEE(shared->passed) == 0);
    CHECK(weir_barrier_wait(&shared->barrier) == 1);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->passed == 2 && shared->leaders == 0);
    return 0;
}

TEST(who_gives_up_has_not_arrived)
{
    struct shared shared = {.barrier = WEIR_BARRIER_INIT(3)};

    assert_int_equal(run_with(two_and_one_that_gives_up, &shared, 1), 0);
}

TEST(a_barrier_for_one_is_open)
{
    weir_barrier one = WEIR_BARRIER_INIT(1), none = {0};

    assert_int_equal(weir_barrier_wait(&one), 1);
    assert_int_equal(weir_barrier_wait(&one), 1);
    assert_int_equal(weir_barrier_wait(&none), 1);
}

/* ---- latch ---- */

static int wait_for_latch(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_latch_wait(&shared->latch) == 0);
    CHECK(SEE(shared->arrived) == PARTIES);
    ADD(shared->passed, 1);
    return 0;
}

static int count_down(void *arg)
{
    struct shared *shared = arg;

    ADD(shared->arrived, 1);
    CHECK(weir_latch_count_down(&shared->latch, 1) == 0);
    return 0;
}

static int wait_and_count(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;
    int i;

    CHECK(weir_latch_try(&shared->latch) == WEIR_EBUSY);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 2 * PARTIES; i++)
        CHECK(weir_spawn(&scope, i % 2 ? count_down : wait_for_latch, shared) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->passed == PARTIES);
    CHECK(weir_latch_try(&shared->latch) == 0);
    CHECK(weir_latch_wait(&shared->latch) == 0);
    CHECK(weir_latch_count_down(&shared->latch, 1) == WEIR_EINVAL);
    CHECK(weir_latch_count_down(&shared->latch, 0) == 0);
    return 0;
}

TEST(a_latch_opens_when_all_have_counted)
{
    struct shared one = {.latch = WEIR_LATCH_INIT(PARTIES)};
    struct shared more = {.latch = WEIR_LATCH_INIT(PARTIES)};

    assert_int_equal(run_with(wait_and_count, &one, 1), 0);
    assert_int_equal(run_with(wait_and_count, &more, 3), 0);
}

static int give_up_on_latch(void *arg)
{
    weir_latch *latch = arg;
    weir_block block;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_latch_wait(latch) == WEIR_EDEADLINE);
    weir_block_end(&block);
    CHECK(weir_latch_count_down(latch, 1) == 0); /* nobody waits, though somebody has */
    CHECK(weir_latch_wait(latch) == 0);
    return 0;
}

TEST(a_latch_opens_after_a_wait_that_was_given_up)
{
    weir_latch latch = WEIR_LATCH_INIT(1);

    assert_int_equal(run_with(give_up_on_latch, &latch, 1), 0);
}

struct short_lived {
    weir_latch latch;
    char rest[64];
};

static void *count_short_lived(void *arg)
{
    struct short_lived **place = arg;
    int i;

    for (i = 0; i < ROUNDS * 10; i++) {
        struct short_lived *now;

        SPIN_UNTIL((now = __atomic_exchange_n(place, NULL, __ATOMIC_SEQ_CST)));
        CHECK(weir_latch_count_down(&now->latch, 1) == 0);
    }
    return NULL;
}

static int wait_and_free(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS * 10; i++) {
        struct short_lived *now = calloc(1, sizeof *now);

        if (!now)
            return WEIR_ENOMEM;
        now->latch = (weir_latch)WEIR_LATCH_INIT(1);
        __atomic_store_n((struct short_lived **)arg, now, __ATOMIC_SEQ_CST);
        if (i % 3 == 0)
            CHECK(weir_yield() == 0);
        CHECK(weir_latch_wait(&now->latch) == 0);
        free(now);
    }
    return 0;
}

TEST(who_waited_for_a_latch_may_release_its_memory)
{
    struct short_lived *place = NULL;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, count_short_lived, &place), 0);
    assert_int_equal(run_with(wait_and_free, &place, 1), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_checks();
}

/* ---- once ---- */

static int initialise(void *arg)
{
    struct shared *shared = arg;

    CHECK(ADD(shared->tries, 1) - SEE(shared->failures) == 1); /* one at a time */
    CHECK(weir_yield() == 0);
    if (SEE(shared->failures) < 3) {
        ADD(shared->failures, 1);
        return WEIR_EIO;
    }
    shared->value = 7;
    return 5;
}

static int use(void *arg)
{
    struct shared *shared = arg;
    int rc = weir_once_run(&shared->once, initialise, shared);

    CHECK(rc == 0 || rc == WEIR_EIO);
    if (rc == 0)
        CHECK(shared->value == 7 && weir_once_done(&shared->once));
    else
        ADD(shared->passed, 1);
    return 0;
}

static int use_by_many(void *arg)
{
    return run_many(use, arg, PARTIES);
}

TEST(the_next_one_tries_until_one_has_succeeded)
{
    int workers;

    for (workers = 1; workers <= 4; workers += 3) {
        struct shared shared = {.value = 0};

        assert_false(weir_once_done(&shared.once));
        assert_int_equal(run_with(use_by_many, &shared, (uint32_t)workers), 0);
        assert_int_equal(shared.tries, 4);
        assert_int_equal(shared.passed, 3);
        assert_int_equal(weir_once_run(&shared.once, initialise, &shared), 0); /* by a thread */
        assert_int_equal(shared.tries, 4);
    }
}

static int wait_for_cancel(void *arg)
{
    struct shared *shared = arg;

    SAY(shared->go, 1);
    return weir_sleep(WEIR_SECONDS(60));
}

static int run_until_cancelled(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_once_run(&shared->once, wait_for_cancel, shared) == WEIR_ECANCELED);
    return 0;
}

static int succeed(void *arg)
{
    struct shared *shared = arg;

    shared->value = 7;
    return 0;
}

static int run_and_succeed(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_once_run(&shared->once, succeed, shared) == 0);
    CHECK(shared->value == 7);
    return 0;
}

static int cancel_the_runner(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope, cancelled;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    CHECK(weir_spawn(&cancelled, run_until_cancelled, shared) == 0);
    YIELD_UNTIL(SEE(shared->go));
    CHECK(weir_spawn(&scope, run_and_succeed, shared) == 0);
    CHECK(weir_spawn(&scope, run_and_succeed, shared) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&cancelled);
    weir_scope_join(&cancelled);
    return weir_scope_join(&scope);
}

TEST(a_cancelled_runner_passes_its_turn_on)
{
    struct shared one = {.value = 0}, more = {.value = 0};

    assert_int_equal(run_with(cancel_the_runner, &one, 1), 0);
    assert_int_equal(run_with(cancel_the_runner, &more, 3), 0);
}

static int run_again(void *arg)
{
    struct shared *shared = arg;

    return weir_once_run(&shared->once, run_again, shared);
}

TEST(a_once_inside_of_itself_is_refused)
{
    struct shared shared = {.value = 0};

    assert_int_equal(run_with(run_again, &shared, 1), WEIR_EDEADLK);
    assert_int_equal(run_again(&shared), WEIR_EDEADLK);
    assert_int_equal(run_and_succeed(&shared), 0);
    assert_checks();
}
