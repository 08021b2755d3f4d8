/* test/os/sync_semaphore.c - permits among tasks and threads. */
#include "test.h"

#include <pthread.h>
#include <weir.h>

#include "support/run.h"

enum {
    PERMITS = 3,
    MANY = 40, /* more than are served under one hold of the lock */
    ROUNDS = 200
};

struct shared {
    weir_semaphore semaphore;
    int inside, most;
    int order[MANY], ordered;
    int closed;
};

static void enter_and_leave(struct shared *shared, bool yields)
{
    int inside;

    CHECK(weir_semaphore_acquire(&shared->semaphore) == 0);
    inside = ADD(shared->inside, 1);
    CHECK(inside <= PERMITS);
    if (inside > SEE(shared->most))
        SAY(shared->most, inside);
    if (yields)
        CHECK(weir_yield() == 0);
    ADD(shared->inside, -1);
    CHECK(weir_semaphore_release(&shared->semaphore) == 0);
}

static int visit(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS; i++)
        enter_and_leave(arg, i % 3 == 0);
    return 0;
}

static void *visit_as_thread(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS; i++)
        enter_and_leave(arg, false);
    return NULL;
}

static int visit_by_many(void *arg)
{
    return run_many(visit, arg, MANY);
}

TEST(no_more_come_in_than_there_are_permits)
{
    int workers;

    for (workers = 1; workers <= 4; workers += 3) {
        struct shared shared = {.semaphore = WEIR_SEMAPHORE_INIT(PERMITS)};

        assert_int_equal(run_with(visit_by_many, &shared, (uint32_t)workers), 0);
        assert_int_equal(shared.most, PERMITS);
        assert_int_equal(weir_semaphore_available(&shared.semaphore), PERMITS);
    }
}

TEST(threads_and_tasks_share_permits)
{
    struct shared shared = {.semaphore = WEIR_SEMAPHORE_INIT(PERMITS)};
    pthread_t threads[PERMITS];
    int i;

    for (i = 0; i < PERMITS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit_as_thread, &shared), 0);
    assert_int_equal(run_with(visit_by_many, &shared, 2), 0);
    for (i = 0; i < PERMITS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_checks();
    assert_int_equal(weir_semaphore_available(&shared.semaphore), PERMITS);
}

/* ---- order ---- */

struct wish {
    struct shared *shared;
    uint32_t count;
    int64_t limit_ns;
    int rc;
};

static int acquire(void *arg)
{
    struct wish *wish = arg;
    weir_block block;

    CHECK(weir_deadline_begin(&block, wish->limit_ns ? wish->limit_ns : WEIR_FOREVER) == 0);
    wish->rc = weir_semaphore_acquire_n(&wish->shared->semaphore, wish->count);
    if (wish->rc == 0)
        wish->shared->order[wish->shared->ordered++] = (int)wish->count;
    CHECK(weir_block_end(&block) == (wish->rc == WEIR_EDEADLINE));
    return 0;
}

static void spawn_wish(weir_scope *scope, struct wish *wish)
{
    CHECK(weir_spawn(scope, acquire, wish) == 0);
    CHECK(weir_yield() == 0); /* it waits */
}

static int many_before_few(void *arg)
{
    struct shared *shared = arg;
    struct wish many = {.shared = shared, .count = 3}, few = {.shared = shared, .count = 1};
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_semaphore_acquire_n(&shared->semaphore, PERMITS) == 0);
    spawn_wish(&scope, &many);
    spawn_wish(&scope, &few);
    CHECK(weir_semaphore_release_n(&shared->semaphore, 2) == 0);
    CHECK(weir_semaphore_available(&shared->semaphore) == 2);
    CHECK(weir_semaphore_try_acquire(&shared->semaphore) == WEIR_EBUSY);
    CHECK(weir_yield() == 0);
    CHECK(shared->ordered == 0);
    CHECK(weir_semaphore_release(&shared->semaphore) == 0);
    CHECK(weir_yield() == 0);
    CHECK(shared->ordered == 1 && shared->order[0] == 3);
    CHECK(weir_semaphore_release(&shared->semaphore) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->order[1] == 1);
    CHECK(weir_semaphore_available(&shared->semaphore) == 0);
    return 0;
}

TEST(who_wants_many_is_not_overtaken)
{
    struct shared shared = {.semaphore = WEIR_SEMAPHORE_INIT(PERMITS)};

    assert_int_equal(run_with(many_before_few, &shared, 1), 0);
}

static int give_up(void *arg)
{
    struct shared *shared = arg;
    struct wish many = {.shared = shared, .count = 3, .limit_ns = WEIR_MILLISECONDS(1)};
    struct wish few[PERMITS - 1];
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_semaphore_acquire(&shared->semaphore) == 0);
    spawn_wish(&scope, &many);
    for (i = 0; i < PERMITS - 1; i++) {
        few[i] = (struct wish){.shared = shared, .count = 1};
        spawn_wish(&scope, &few[i]);
    }
    CHECK(weir_scope_join(&scope) == 0); /* nobody has released anything */
    CHECK(many.rc == WEIR_EDEADLINE);
    CHECK(shared->ordered == PERMITS - 1);
    CHECK(weir_semaphore_release_n(&shared->semaphore, PERMITS) == 0);
    return 0;
}

TEST(who_gives_up_lets_the_next_pass)
{
    struct shared shared = {.semaphore = WEIR_SEMAPHORE_INIT(PERMITS)};

    assert_int_equal(run_with(give_up, &shared, 1), 0);
    assert_int_equal(run_with(give_up, &(struct shared){.semaphore = {.weir__word = PERMITS}}, 1),
                     0);
    assert_int_equal(weir_semaphore_available(&shared.semaphore), PERMITS);
}

static int serve_all_at_once(void *arg)
{
    struct shared *shared = arg;
    struct wish wishes[MANY];
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < MANY; i++) {
        wishes[i] = (struct wish){.shared = shared, .count = (uint32_t)(1 + i % 2)};
        spawn_wish(&scope, &wishes[i]);
    }
    CHECK(weir_semaphore_release_n(&shared->semaphore, 3 * MANY) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->ordered == MANY);
    return 0;
}

TEST(one_release_serves_all_that_it_can)
{
    struct shared shared = {.ordered = 0};

    assert_int_equal(run_with(serve_all_at_once, &shared, 1), 0);
    assert_int_equal(weir_semaphore_available(&shared.semaphore), 3 * MANY - MANY * 3 / 2);
}

/* ---- the rest ---- */

static int wait_for_close(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_semaphore_acquire(&shared->semaphore) == WEIR_ECLOSED);
    ADD(shared->closed, 1);
    return 0;
}

static int close_it(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < MANY; i++)
        CHECK(weir_spawn(&scope, wait_for_close, shared) == 0);
    CHECK(weir_yield() == 0);
    weir_semaphore_close(&shared->semaphore);
    weir_semaphore_close(&shared->semaphore);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->closed == MANY);
    CHECK(weir_semaphore_release(&shared->semaphore) == 0);
    CHECK(weir_semaphore_available(&shared->semaphore) == 1);
    CHECK(weir_semaphore_acquire(&shared->semaphore) == WEIR_ECLOSED);
    CHECK(weir_semaphore_try_acquire(&shared->semaphore) == WEIR_ECLOSED);
    return 0;
}

TEST(closing_ends_every_wait)
{
    struct shared one = {.closed = 0}, more = {.closed = 0};

    assert_int_equal(run_with(close_it, &one, 1), 0);
    assert_int_equal(run_with(close_it, &more, 3), 0);
}

TEST(permits_have_a_limit_and_can_be_forgotten)
{
    weir_semaphore semaphore = WEIR_SEMAPHORE_INIT(WEIR_SEMAPHORE_MAX - 1);

    assert_int_equal(weir_semaphore_release_n(&semaphore, 2), WEIR_ELIMIT);
    assert_int_equal(weir_semaphore_release(&semaphore), 0);
    assert_int_equal(weir_semaphore_available(&semaphore), WEIR_SEMAPHORE_MAX);
    assert_int_equal(weir_semaphore_try_acquire_n(&semaphore, 5), 0);
    assert_int_equal(weir_semaphore_forget(&semaphore, UINT32_MAX), WEIR_SEMAPHORE_MAX - 5);
    assert_int_equal(weir_semaphore_forget(&semaphore, 1), 0);
    assert_int_equal(weir_semaphore_try_acquire(&semaphore), WEIR_EBUSY);
    assert_int_equal(weir_semaphore_release_n(&semaphore, 5), 0);
    assert_int_equal(weir_semaphore_forget(&semaphore, 2), 2);
    assert_int_equal(weir_semaphore_available(&semaphore), 3);
}
