/* test/os/guard_limiter.c - so many at once, a bounded queue, and whoever leaves it takes no place.
 */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <weir.h>

#include "support/check.h"
#include "support/run.h"

enum {
    INSIDE = 3,
    QUEUE = 5,
    TASKS = 30,
    ROUNDS = 60
};

struct hall {
    weir_limiter limiter;
    int inside, entered, refused, stopped;
    int order[TASKS], ordered;
    uint32_t seed;
};

struct guest {
    struct hall *hall;
    int number;
    uint32_t random;
};

static struct weir_guard_counts counts_of(struct hall *hall)
{
    struct weir_guard_counts counts;

    weir_limiter_count(&hall->limiter, &counts);
    return counts;
}

TEST(wrong_limits_are_refused)
{
    weir_limiter limiter;

    assert_int_equal(weir_limiter_init(&limiter, 0, 1), WEIR_EINVAL);
    assert_int_equal(weir_limiter_init(&limiter, 1u << 31, 1), WEIR_EINVAL);
    assert_int_equal(weir_limiter_init(&limiter, 1, 1u << 31), WEIR_EINVAL);
    assert_int_equal(weir_limiter_init(&limiter, 1, 0), 0);
    assert_int_equal(weir_limiter_set(&limiter, 0, 0), WEIR_EINVAL);
    assert_int_equal(weir_limiter_enter(&limiter), 0);
    assert_int_equal(weir_limiter_try_enter(&limiter), WEIR_EBUSY);
    assert_int_equal(weir_limiter_enter(&limiter), WEIR_EBUSY);
    weir_limiter_leave(&limiter);
    assert_int_equal(weir_limiter_try_enter(&limiter), 0);
    weir_limiter_leave(&limiter);
    weir_limiter_leave(&limiter); /* once too often: nobody is inside */
    assert_int_equal(weir_limiter_try_enter(&limiter), 0);
    assert_int_equal(weir_limiter_try_enter(&limiter), WEIR_EBUSY);
}

/* ---- the queue ---- */

static int come_in(void *arg)
{
    struct guest *guest = arg;
    struct hall *hall = guest->hall;
    int rc = weir_limiter_enter(&hall->limiter);

    if (rc < 0)
        return rc;
    hall->order[ADD(hall->ordered, 1) - 1] = guest->number;
    weir_limiter_leave(&hall->limiter);
    return 0;
}

static int fill(void *arg)
{
    struct hall *hall = arg;
    struct guest guests[QUEUE];
    weir_scope scope;
    int i;

    memset(hall, 0, sizeof *hall);
    CHECK(weir_limiter_init(&hall->limiter, INSIDE, QUEUE) == 0);
    for (i = 0; i < INSIDE; i++)
        CHECK(weir_limiter_enter(&hall->limiter) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < QUEUE; i++) {
        guests[i] = (struct guest){hall, i, 0};
        CHECK(weir_spawn(&scope, come_in, &guests[i]) == 0);
        YIELD_UNTIL(counts_of(hall).waiting == (uint32_t)i + 1);
    }
    CHECK(weir_limiter_enter(&hall->limiter) == WEIR_EBUSY);
    CHECK(weir_limiter_try_enter(&hall->limiter) == WEIR_EBUSY);
    CHECK(counts_of(hall).running == INSIDE && counts_of(hall).refused == 2);
    weir_limiter_leave(&hall->limiter);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < QUEUE; i++)
        CHECK(hall->order[i] == i);
    CHECK(counts_of(hall).running == INSIDE - 1 && counts_of(hall).waiting == 0);
    CHECK(counts_of(hall).admitted == INSIDE + QUEUE);
    return 0;
}

TEST(the_queue_is_bounded_and_in_order)
{
    struct hall hall;

    (void)run_with(fill, &hall, 1);
}

static int change_limits(void *arg)
{
    struct hall *hall = arg;
    struct guest guests[TASKS];
    weir_scope scope;
    int i;

    memset(hall, 0, sizeof *hall);
    CHECK(weir_limiter_init(&hall->limiter, 1, TASKS) == 0);
    CHECK(weir_limiter_enter(&hall->limiter) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++) {
        guests[i] = (struct guest){hall, i, 0};
        CHECK(weir_spawn(&scope, come_in, &guests[i]) == 0);
    }
    YIELD_UNTIL(counts_of(hall).waiting == TASKS);
    CHECK(weir_limiter_set(&hall->limiter, TASKS + 1, 0) == 0); /* more than one section wakes */
    CHECK(counts_of(hall).waiting == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(counts_of(hall).running == 1 && hall->ordered == TASKS);
    for (i = 0; i < 3; i++)
        CHECK(weir_limiter_enter(&hall->limiter) == 0);
    CHECK(weir_limiter_set(&hall->limiter, 2, 0) == 0);
    for (i = 0; i < 2; i++) {
        CHECK(weir_limiter_try_enter(&hall->limiter) == WEIR_EBUSY);
        weir_limiter_leave(&hall->limiter);
    }
    CHECK(weir_limiter_try_enter(&hall->limiter) == WEIR_EBUSY);
    weir_limiter_leave(&hall->limiter);
    CHECK(weir_limiter_try_enter(&hall->limiter) == 0);
    return 0;
}

TEST(limits_change_at_run_time)
{
    struct hall hall;

    (void)run_with(change_limits, &hall, 1);
    (void)run_with(change_limits, &hall, 3);
}

static int shut(void *arg)
{
    struct hall *hall = arg;
    struct guest guest = {hall, 0, 0};
    weir_scope scope;

    memset(hall, 0, sizeof *hall);
    CHECK(weir_limiter_init(&hall->limiter, 1, 1) == 0);
    CHECK(weir_limiter_enter(&hall->limiter) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, come_in, &guest) == 0);
    YIELD_UNTIL(counts_of(hall).waiting == 1);
    weir_limiter_close(&hall->limiter);
    weir_limiter_close(&hall->limiter);
    CHECK(weir_scope_join(&scope) == WEIR_ECLOSED);
    CHECK(weir_limiter_enter(&hall->limiter) == WEIR_ECLOSED);
    CHECK(weir_limiter_try_enter(&hall->limiter) == WEIR_ECLOSED);
    weir_limiter_leave(&hall->limiter);
    CHECK(counts_of(hall).running == 0 && counts_of(hall).waiting == 0);
    return 0;
}

TEST(a_closed_limiter_lets_nobody_in)
{
    struct hall hall;

    (void)run_with(shut, &hall, 1);
}

/* ---- threads and many tasks ---- */

static void be_inside(struct hall *hall)
{
    CHECK(ADD(hall->inside, 1) <= INSIDE);
    ADD(hall->entered, 1);
}

static void go(struct hall *hall)
{
    ADD(hall->inside, -1);
    weir_limiter_leave(&hall->limiter);
}

static void *enter_as_thread(void *arg)
{
    struct hall *hall = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        int rc = weir_limiter_enter(&hall->limiter);

        CHECK(rc == 0 || rc == WEIR_EBUSY);
        if (rc == 0) {
            be_inside(hall);
            sched_yield();
            go(hall);
        } else {
            ADD(hall->refused, 1);
        }
    }
    return NULL;
}

static uint32_t next_random(struct guest *guest)
{
    guest->random = guest->random * 1664525u + 1013904223u;
    return guest->random >> 16;
}

static int enter_somehow(struct guest *guest)
{
    struct hall *hall = guest->hall;
    weir_block block;
    int rc;

    switch (next_random(guest) % 3) {
    case 0:
        return weir_limiter_try_enter(&hall->limiter);
    case 1:
        return weir_limiter_enter(&hall->limiter);
    default:
        CHECK(weir_deadline_begin(&block, next_random(guest) % 30000) == 0);
        rc = weir_limiter_enter(&hall->limiter);
        weir_block_end(&block);
        return rc;
    }
}

static int visit(void *arg)
{
    struct guest *guest = arg;
    struct hall *hall = guest->hall;
    int i, rc = 0;

    for (i = 0; i < ROUNDS && rc != WEIR_ECANCELED; i++) {
        rc = enter_somehow(guest);
        if (rc == 0) {
            be_inside(hall);
            if (next_random(guest) % 2)
                (void)weir_yield();
            go(hall);
        } else if (rc == WEIR_EBUSY) {
            ADD(hall->refused, 1);
            if (weir_yield() == WEIR_ECANCELED)
                break;
        } else {
            CHECK(rc == WEIR_EDEADLINE || rc == WEIR_ECANCELED);
        }
    }
    return 0;
}

static int visit_by_many(void *arg)
{
    struct hall *hall = arg;
    struct guest guests[TASKS];
    weir_scope scope, cancelled;
    uint32_t i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    for (i = 0; i < TASKS; i++) {
        guests[i] = (struct guest){hall, (int)i, hall->seed * 77 + i};
        CHECK(weir_spawn(i % 2 ? &scope : &cancelled, visit, &guests[i]) == 0);
    }
    for (i = 0; i < hall->seed % 30; i++)
        CHECK(weir_yield() == 0);
    weir_scope_cancel(&cancelled);
    CHECK(weir_scope_join(&cancelled) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(never_too_many_inside_and_no_place_is_lost)
{
    struct hall hall;
    pthread_t threads[2];
    uint32_t seed;
    int i;

    for (seed = 0; seed < 30; seed++) {
        memset(&hall, 0, sizeof hall);
        hall.seed = seed;
        assert_int_equal(weir_limiter_init(&hall.limiter, INSIDE, QUEUE), 0);
        for (i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, enter_as_thread, &hall), 0);
        (void)run_with(visit_by_many, &hall, 1 + seed % 4);
        for (i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(counts_of(&hall).running, 0);
        assert_int_equal(counts_of(&hall).waiting, 0);
        assert_int_equal(counts_of(&hall).admitted, hall.entered);
        assert_int_equal(counts_of(&hall).refused, hall.refused);
        for (i = 0; i < INSIDE; i++)
            assert_int_equal(weir_limiter_try_enter(&hall.limiter), 0);
        assert_int_equal(weir_limiter_try_enter(&hall.limiter), WEIR_EBUSY);
    }
}
