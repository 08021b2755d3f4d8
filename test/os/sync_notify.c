/* test/os/sync_notify.c - signals between tasks and threads: notify and condition. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <weir.h>

#include "support/run.h"

enum {
    MANY = 40,
    ROUNDS = 2000
};

struct shared {
    weir_notify notify, answer;
    weir_mutex mutex;
    weir_condition filled, emptied;
    int items, taken, sum; /* guarded by the mutex */
    int woken[MANY], woken_count;
    int flag, ready;
};

struct numbered {
    struct shared *shared;
    int number;
};

/* ---- notify ---- */

TEST(one_signal_is_kept_and_no_more)
{
    weir_notify notify = {0};

    assert_int_equal(weir_notify_try(&notify), WEIR_EBUSY);
    weir_notify_one(&notify);
    weir_notify_last(&notify);
    assert_int_equal(weir_notify_wait(&notify), 0);
    assert_int_equal(weir_notify_try(&notify), WEIR_EBUSY);
    weir_notify_all(&notify);
    assert_int_equal(weir_notify_try(&notify), WEIR_EBUSY);
    weir_notify_one(&notify);
    weir_notify_all(&notify);
    assert_int_equal(weir_notify_try(&notify), 0);
}

static int note_wake(void *arg)
{
    struct numbered *numbered = arg;
    struct shared *shared = numbered->shared;

    CHECK(weir_notify_wait(&shared->notify) == 0);
    shared->woken[shared->woken_count++] = numbered->number;
    return 0;
}

static int choose(void *arg)
{
    struct shared *shared = arg;
    struct numbered numbered[MANY];
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < MANY; i++) {
        numbered[i] = (struct numbered){shared, i};
        CHECK(weir_spawn(&scope, note_wake, &numbered[i]) == 0);
        CHECK(weir_yield() == 0);
    }
    weir_notify_one(&shared->notify);
    CHECK(weir_yield() == 0);
    weir_notify_last(&shared->notify);
    CHECK(weir_yield() == 0);
    weir_notify_one(&shared->notify);
    CHECK(weir_yield() == 0);
    CHECK(shared->woken_count == 3);
    CHECK(shared->woken[0] == 0 && shared->woken[1] == MANY - 1 && shared->woken[2] == 1);
    weir_notify_all(&shared->notify);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->woken_count == MANY);
    CHECK(weir_notify_try(&shared->notify) == WEIR_EBUSY);
    return 0;
}

TEST(a_signal_wakes_the_first_the_last_or_all)
{
    struct shared shared = {.items = 0};

    assert_int_equal(run_with(choose, &shared, 1), 0);
}

static int wait_again(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_notify_wait(&shared->notify) == 0);
    ADD(shared->woken_count, 1);
    CHECK(weir_notify_wait(&shared->notify) == WEIR_ECANCELED);
    return 0;
}

static int all_but_who_comes_later(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < MANY; i++)
        CHECK(weir_spawn(&scope, wait_again, shared) == 0);
    CHECK(weir_yield() == 0);
    weir_notify_all(&shared->notify);
    YIELD_UNTIL(SEE(shared->woken_count) == MANY);
    for (i = 0; i < 10; i++)
        CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return 0;
}

TEST(all_are_those_that_wait_already)
{
    struct shared shared = {.items = 0};

    assert_int_equal(run_with(all_but_who_comes_later, &shared, 1), 0);
}

static int wait_for_flag(void *arg)
{
    struct shared *shared = arg;

    for (;;) {
        uint32_t mark = weir_notify_mark(&shared->notify);

        if (SEE(shared->flag))
            return 0;
        ADD(shared->ready, 1);
        CHECK(weir_notify_wait_from(&shared->notify, mark) == 0);
    }
}

static void *raise_flag(void *arg)
{
    struct shared *shared = arg;

    SPIN_UNTIL(SEE(shared->ready));
    SAY(shared->flag, 1);
    weir_notify_all(&shared->notify);
    return NULL;
}

static int wait_for_flag_by_many(void *arg)
{
    return run_many(wait_for_flag, arg, 4);
}

TEST(a_mark_sees_a_signal_to_all_before_the_wait)
{
    int i;

    for (i = 0; i < 100; i++) {
        struct shared shared = {.items = 0};
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, raise_flag, &shared), 0);
        assert_int_equal(run_with(wait_for_flag_by_many, &shared, 2), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static int echo(void *arg)
{
    struct shared *shared = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        CHECK(weir_notify_wait(&shared->notify) == 0);
        CHECK(shared->items == i + 1); /* ordered by the signals alone */
        weir_notify_one(&shared->answer);
    }
    return 0;
}

static void *ask(void *arg)
{
    struct shared *shared = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        shared->items++;
        weir_notify_one(&shared->notify);
        CHECK(weir_notify_wait(&shared->answer) == 0);
    }
    return NULL;
}

TEST(a_thread_and_a_task_answer_each_other)
{
    struct shared shared = {.items = 0};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, ask, &shared), 0);
    assert_int_equal(run_with(echo, &shared, 2), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static int notify_it(void *arg)
{
    weir_notify_one(arg);
    return 0;
}

/* Each signal is the last use of memory that is written over at once. */
static int wait_and_free(void *arg)
{
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < ROUNDS; i++) {
        weir_notify *notify = calloc(1, sizeof *notify);

        CHECK(notify);
        if (!notify)
            break;
        CHECK(weir_spawn_with(&scope, notify_it, notify,
                              &(struct weir_spawn_options){.worker = (uint32_t)(1 + i % 2)})
              == 0);
        CHECK(weir_notify_wait(notify) == 0);
        free(notify);
    }
    return weir_scope_join(&scope);
}

TEST(who_was_woken_may_release_the_memory)
{
    assert_int_equal(run_with(wait_and_free, NULL, 2), 0);
}

/* ---- condition ---- */

#define ROOM 3

static void put(struct shared *shared)
{
    CHECK(weir_mutex_lock(&shared->mutex) == 0);
    while (shared->items == ROOM)
        CHECK(weir_condition_wait(&shared->emptied, &shared->mutex) == 0);
    shared->items++;
    weir_condition_signal(&shared->filled);
    weir_mutex_unlock(&shared->mutex);
}

static void get(struct shared *shared)
{
    CHECK(weir_mutex_lock(&shared->mutex) == 0);
    while (shared->items == 0)
        CHECK(weir_condition_wait(&shared->filled, &shared->mutex) == 0);
    shared->items--;
    shared->taken++;
    weir_condition_signal(&shared->emptied);
    weir_mutex_unlock(&shared->mutex);
}

static int put_many(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS / 10; i++)
        put(arg);
    return 0;
}

static int get_many(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS / 10; i++)
        get(arg);
    return 0;
}

static void *put_as_thread(void *arg)
{
    put_many(arg);
    return NULL;
}

static int put_and_get(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 8; i++)
        CHECK(weir_spawn(&scope, get_many, arg) == 0);
    for (i = 0; i < 6; i++)
        CHECK(weir_spawn(&scope, put_many, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(a_bounded_buffer_of_tasks_and_threads)
{
    int workers, i;

    for (workers = 1; workers <= 4; workers += 3) {
        struct shared shared = {.items = 0};
        pthread_t threads[2];

        for (i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, put_as_thread, &shared), 0);
        assert_int_equal(run_with(put_and_get, &shared, (uint32_t)workers), 0);
        for (i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(shared.taken, 8 * ROUNDS / 10);
        assert_int_equal(shared.items, 0);
    }
}

static int wait_on_condition(void *arg)
{
    struct shared *shared = arg;
    int rc;

    CHECK(weir_mutex_lock(&shared->mutex) == 0);
    shared->ready++;
    rc = weir_condition_wait(&shared->filled, &shared->mutex);
    CHECK(weir_mutex_try_lock(&shared->mutex) == WEIR_EBUSY);
    shared->taken += rc == 0;
    shared->sum += rc == WEIR_ECANCELED;
    CHECK(weir_yield() == (rc == 0 ? 0 : WEIR_ECANCELED));
    weir_mutex_unlock(&shared->mutex);
    return 0;
}

static int cancel_waits(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope, cancelled;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    for (i = 0; i < MANY; i++)
        CHECK(weir_spawn(i % 2 ? &scope : &cancelled, wait_on_condition, shared) == 0);
    do {
        CHECK(weir_yield() == 0);
        CHECK(weir_mutex_lock(&shared->mutex) == 0);
        i = shared->ready;
        if (i < MANY)
            weir_mutex_unlock(&shared->mutex);
    } while (i < MANY);
    weir_scope_cancel(&cancelled); /* they wait for the mutex now, and get it all the same */
    for (i = 0; i < 10; i++)
        CHECK(weir_yield() == 0);
    weir_mutex_unlock(&shared->mutex);
    weir_scope_join(&cancelled);
    CHECK(shared->sum == MANY / 2 && shared->taken == 0);
    for (i = 0; i < MANY / 2 - 18; i++)
        weir_condition_signal(&shared->filled);
    weir_condition_broadcast(&shared->filled); /* 18 of them */
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->taken == MANY / 2);
    return 0;
}

TEST(a_cancelled_wait_returns_with_the_mutex)
{
    struct shared one = {.items = 0}, more = {.items = 0};

    assert_int_equal(run_with(cancel_waits, &one, 1), 0);
    assert_int_equal(run_with(cancel_waits, &more, 3), 0);
}
