/* test/os/sync_deadlock.c - who waits for itself is refused; rings of waiters are reported. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <weir.h>

#include "support/run.h"

enum {
    LINES = 8
};

static char lines[LINES][256];
static int line_count;

static void keep_line(enum weir_log_level level, const char *line)
{
    int at = ADD(line_count, 1) - 1;

    CHECK_INSIDE(level == WEIR_LOG_ERROR);
    if (at < LINES)
        strncpy(lines[at], line, sizeof lines[at] - 1);
}

static void watch(void)
{
    memset(lines, 0, sizeof lines);
    line_count = 0;
    weir_set_log(keep_line, WEIR_LOG_ERROR);
    weir_deadlock_watch(true);
}

static void watch_no_more(void)
{
    weir_deadlock_watch(false);
    weir_set_log(NULL, WEIR_LOG_DEFAULT);
}

struct shared {
    weir_mutex first, second;
    weir_rwlock rwlock;
    weir_once once;
    int held;
    int waits;
};

static int lock_twice(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    CHECK(weir_mutex_lock(&shared->first) == WEIR_EDEADLK);
    CHECK(weir_mutex_try_lock(&shared->first) == WEIR_EBUSY);
    weir_mutex_unlock(&shared->first);
    CHECK(weir_mutex_lock(&shared->first) == 0);
    weir_mutex_unlock(&shared->first);
    return 0;
}

TEST(who_would_wait_for_itself_is_refused)
{
    struct shared shared = {.held = 0};

    assert_int_equal(run_with(lock_twice, &shared, 1), 0);
    assert_int_equal(lock_twice(&shared), 0); /* as a thread */
    assert_checks();
}

static int first_then_second(void *arg)
{
    struct shared *shared = arg;
    int rc;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    ADD(shared->waits, 1);
    rc = weir_mutex_lock(&shared->second);
    if (rc == 0)
        weir_mutex_unlock(&shared->second);
    else
        CHECK(rc == WEIR_ECANCELED);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int second_then_first(void *arg)
{
    struct shared *shared = arg;
    int rc;

    CHECK(weir_mutex_lock(&shared->second) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    ADD(shared->waits, 1);
    rc = weir_mutex_lock(&shared->first);
    if (rc == 0)
        weir_mutex_unlock(&shared->first);
    else
        CHECK(rc == WEIR_ECANCELED);
    weir_mutex_unlock(&shared->second);
    return 0;
}

/* Both wait for each other, until the scope is cancelled after the report. */
static int cross(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, first_then_second, arg,
                          &(struct weir_spawn_options){.name = "left"})
          == 0);
    CHECK(weir_spawn_with(&scope, second_then_first, arg,
                          &(struct weir_spawn_options){.name = "right"})
          == 0);
    YIELD_UNTIL(SEE(line_count) >= 2);
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return 0;
}

static void expect_a_ring_of_two(const struct shared *shared)
{
    const char *left = strstr(lines[0], ": left ") ? lines[0] : lines[1];
    const char *right = left == lines[0] ? lines[1] : lines[0];
    char address[40];

    assert_int_equal(line_count, 2);
    assert_int_equal(strncmp(left, "deadlock ", 9), 0);
    assert_non_null(strstr(left, ": left "));
    assert_non_null(strstr(left, "held by right "));
    assert_non_null(strstr(right, ": right "));
    assert_non_null(strstr(right, "held by left "));
    snprintf(address, sizeof address, "waits for mutex %p,", (const void *)&shared->second);
    assert_non_null(strstr(left, address));
    snprintf(address, sizeof address, "waits for mutex %p,", (const void *)&shared->first);
    assert_non_null(strstr(right, address));
}

TEST(two_that_wait_for_each_other_are_reported)
{
    int workers;

    for (workers = 1; workers <= 3; workers++) {
        struct shared shared = {.held = 0};

        watch();
        assert_int_equal(run_with(cross, &shared, (uint32_t)workers), 0);
        watch_no_more();
        expect_a_ring_of_two(&shared);
    }
}

static void *mutex_then_rwlock(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    SAY(shared->held, 1);
    SPIN_UNTIL(SEE(shared->held) == 2);
    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    weir_rwlock_read_unlock(&shared->rwlock);
    weir_mutex_unlock(&shared->first);
    return NULL;
}

static int lock_first(void *arg)
{
    struct shared *shared = arg;

    return weir_mutex_lock(&shared->first);
}

static int writer_runs_once(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_write(&shared->rwlock) == 0);
    SAY(shared->held, 2);
    CHECK(weir_once_run(&shared->once, lock_first, shared) == WEIR_ECANCELED);
    weir_rwlock_write_unlock(&shared->rwlock);
    return 0;
}

static int waits_for_once(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_once_run(&shared->once, lock_first, shared) == WEIR_ECANCELED);
    return 0;
}

/* A ring through a thread, a mutex and a rwlock; another task waits for one of the ring. */
static int ring_with_a_thread(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;

    YIELD_UNTIL(SEE(shared->held) == 1);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, writer_runs_once, shared) == 0);
    YIELD_UNTIL(SEE(line_count) >= 2);
    CHECK(weir_spawn(&scope, waits_for_once, shared) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return 0;
}

TEST(a_ring_may_go_through_threads_and_other_locks)
{
    struct shared shared = {.held = 0};
    pthread_t thread;

    watch();
    assert_int_equal(pthread_create(&thread, NULL, mutex_then_rwlock, &shared), 0);
    assert_int_equal(run_with(ring_with_a_thread, &shared, 1), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    watch_no_more();
    assert_checks();
    assert_int_equal(line_count, 2); /* who waits for a ring is not in it */
    assert_non_null(strstr(strstr(lines[0], "thread ") ? lines[0] : lines[1], "thread "));
    assert_true(strstr(lines[0], "waits for rwlock ") || strstr(lines[1], "waits for rwlock "));
}

static int lock_in_order(void *arg)
{
    struct shared *shared = arg;
    int i;

    for (i = 0; i < 300; i++) {
        CHECK(weir_mutex_lock(&shared->first) == 0);
        CHECK(weir_rwlock_write(&shared->rwlock) == 0);
        CHECK(weir_mutex_lock(&shared->second) == 0);
        if (i % 3 == 0)
            CHECK(weir_yield() == 0);
        weir_mutex_unlock(&shared->first);
        weir_rwlock_write_unlock(&shared->rwlock);
        weir_mutex_unlock(&shared->second);
    }
    return 0;
}

static int lock_in_order_by_many(void *arg)
{
    return run_many(lock_in_order, arg, 12);
}

TEST(locks_that_are_taken_in_order_are_not_reported)
{
    struct shared shared = {.held = 0};

    watch();
    assert_int_equal(run_with(lock_in_order_by_many, &shared, 4), 0);
    watch_no_more();
    assert_int_equal(line_count, 0);
}
