/* test/os/mutex.c - a lock between tasks, on one worker and on several, and threads. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <weir.h>

#include "support/check.h"

enum {
    TASKS = 40,
    ROUNDS = 50
};

struct counter {
    weir_mutex mutex;
    int value; /* guarded by the mutex */
    int order[TASKS], ordered;
};

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static int add(void *arg)
{
    struct counter *counter = arg;
    int i, seen;

    for (i = 0; i < ROUNDS; i++) {
        CHECK(weir_mutex_lock(&counter->mutex) == 0);
        seen = counter->value;
        if (i % 3 == 0)
            CHECK(weir_yield() == 0); /* with the lock held */
        CHECK(counter->value == seen);
        counter->value = seen + 1;
        weir_mutex_unlock(&counter->mutex);
        if (i % 7 == 0)
            CHECK(weir_yield() == 0);
    }
    return 0;
}

static int add_by_many(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++)
        CHECK(weir_spawn(&scope, add, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(one_holds_the_lock_at_a_time)
{
    struct counter counter = {.value = 0};

    assert_int_equal(run(add_by_many, &counter, 1), 0);
    assert_int_equal(counter.value, TASKS * ROUNDS);
    counter.value = 0;
    assert_int_equal(run(add_by_many, &counter, 4), 0);
    assert_int_equal(counter.value, TASKS * ROUNDS);
}

static void *add_as_thread(void *arg)
{
    struct counter *counter = arg;
    int i;

    for (i = 0; i < ROUNDS * 10; i++) {
        CHECK(weir_mutex_lock(&counter->mutex) == 0);
        counter->value++;
        weir_mutex_unlock(&counter->mutex);
    }
    return NULL;
}

TEST(threads_and_tasks_share_a_lock)
{
    struct counter counter = {.value = 0};
    pthread_t threads[2];
    int i;

    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_as_thread, &counter), 0);
    assert_int_equal(run(add_by_many, &counter, 2), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(counter.value, TASKS * ROUNDS + 2 * 10 * ROUNDS);
}

struct numbered {
    struct counter *counter;
    int number;
};

static int note_order(void *arg)
{
    struct numbered *numbered = arg;
    struct counter *counter = numbered->counter;

    CHECK(weir_mutex_lock(&counter->mutex) == 0);
    counter->order[counter->ordered++] = numbered->number;
    weir_mutex_unlock(&counter->mutex);
    return 0;
}

static int in_order(void *arg)
{
    struct counter *counter = arg;
    struct numbered numbered[TASKS];
    weir_scope scope;
    int i;

    CHECK(weir_mutex_lock(&counter->mutex) == 0);
    CHECK(weir_mutex_try_lock(&counter->mutex) == WEIR_EBUSY);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++) {
        numbered[i] = (struct numbered){counter, i};
        CHECK(weir_spawn(&scope, note_order, &numbered[i]) == 0);
        CHECK(weir_yield() == 0);
    }
    weir_mutex_unlock(&counter->mutex);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(who_came_first_is_served_first)
{
    struct counter counter = {.value = 0};
    int i;

    assert_int_equal(run(in_order, &counter, 1), 0);
    for (i = 0; i < TASKS; i++)
        assert_int_equal(counter.order[i], i);
}

static int wait_shortly(void *arg)
{
    struct counter *counter = arg;
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    rc = weir_mutex_lock(&counter->mutex);
    weir_block_end(&block);
    CHECK(rc == WEIR_EDEADLINE);
    return 0;
}

static int wait_until_cancelled(void *arg)
{
    struct counter *counter = arg;

    CHECK(weir_mutex_lock(&counter->mutex) == WEIR_ECANCELED);
    return 0;
}

static int give_up(void *arg)
{
    struct counter *counter = arg;
    weir_scope scope, cancelled;
    int i;

    CHECK(weir_mutex_lock(&counter->mutex) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    for (i = 0; i < 10; i++) {
        CHECK(weir_spawn(&scope, wait_shortly, counter) == 0);
        CHECK(weir_spawn(&cancelled, wait_until_cancelled, counter) == 0);
    }
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&cancelled);
    weir_scope_join(&cancelled);
    CHECK(weir_scope_join(&scope) == 0);
    weir_mutex_unlock(&counter->mutex);
    CHECK(weir_mutex_try_lock(&counter->mutex) == 0); /* nobody holds it who has gone */
    weir_mutex_unlock(&counter->mutex);
    return 0;
}

TEST(who_gives_up_takes_nothing)
{
    struct counter counter = {.value = 0};

    (void)run(give_up, &counter, 1);
    (void)run(give_up, &counter, 3);
}

static void *unlock_when_asked(void *arg)
{
    struct counter *counter = arg;

    CHECK(weir_mutex_lock(&counter->mutex) == 0);
    __atomic_store_n(&counter->ordered, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&counter->ordered, __ATOMIC_SEQ_CST) != 2)
        CHECK(sched_yield() == 0);
    weir_mutex_unlock(&counter->mutex);
    return NULL;
}

static int lock_and_end(void *arg)
{
    struct counter *counter = arg;

    __atomic_store_n(&counter->ordered, 2, __ATOMIC_SEQ_CST);
    return weir_mutex_lock(&counter->mutex);
}

TEST(a_runtime_ends_after_the_thread_that_wakes_its_last_task)
{
    struct counter counter = {.value = 0};
    pthread_t thread;
    int i;

    for (i = 0; i < 300; i++) {
        counter = (struct counter){.value = 0};
        assert_int_equal(pthread_create(&thread, NULL, unlock_when_asked, &counter), 0);
        while (__atomic_load_n(&counter.ordered, __ATOMIC_SEQ_CST) != 1)
            sched_yield();
        assert_int_equal(run(lock_and_end, &counter, 1 + i % 2), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}
