/* test/os/sync_rwlock.c - one writer or many readers, in the order of arrival. */
#include "test.h"

#include <pthread.h>
#include <weir.h>

#include "support/run.h"

enum {
    MANY = 40,
    ROUNDS = 60
};

struct shared {
    weir_rwlock rwlock;
    int readers, most, writers;
    int value; /* guarded by the lock */
    char log[MANY + 3];
    int logged;
};

static void read_it(struct shared *shared, bool yields)
{
    int readers, value;

    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    readers = ADD(shared->readers, 1);
    if (readers > SEE(shared->most))
        SAY(shared->most, readers);
    value = shared->value;
    CHECK(SEE(shared->writers) == 0);
    if (yields)
        CHECK(weir_yield() == 0);
    CHECK(shared->value == value);
    ADD(shared->readers, -1);
    weir_rwlock_read_unlock(&shared->rwlock);
}

static void write_it(struct shared *shared, bool yields)
{
    CHECK(weir_rwlock_write(&shared->rwlock) == 0);
    CHECK(ADD(shared->writers, 1) == 1);
    CHECK(SEE(shared->readers) == 0);
    if (yields)
        CHECK(weir_yield() == 0);
    shared->value++;
    ADD(shared->writers, -1);
    if (shared->value % 2) {
        weir_rwlock_write_unlock(&shared->rwlock);
    } else {
        weir_rwlock_downgrade(&shared->rwlock);
        CHECK(SEE(shared->writers) == 0);
        weir_rwlock_read_unlock(&shared->rwlock);
    }
}

static int read_and_write(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        if (i % 5 == 0)
            write_it(arg, i % 2);
        else
            read_it(arg, i % 3 == 0);
    }
    return 0;
}

static void *read_and_write_as_thread(void *arg)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        if (i % 5 == 0)
            write_it(arg, false);
        else
            read_it(arg, false);
    }
    return NULL;
}

static int by_many(void *arg)
{
    return run_many(read_and_write, arg, MANY);
}

TEST(a_writer_is_alone_and_readers_are_not)
{
    int workers;

    for (workers = 1; workers <= 4; workers += 3) {
        struct shared shared = {.value = 0};

        assert_int_equal(run_with(by_many, &shared, (uint32_t)workers), 0);
        assert_int_equal(shared.value, MANY * ROUNDS / 5);
        assert_true(shared.most > 1);
        assert_int_equal(weir_rwlock_try_write(&shared.rwlock), 0);
        weir_rwlock_write_unlock(&shared.rwlock);
    }
}

TEST(threads_and_tasks_share_a_rwlock)
{
    struct shared shared = {.value = 0};
    pthread_t threads[2];
    int i;

    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_write_as_thread, &shared), 0);
    assert_int_equal(run_with(by_many, &shared, 2), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_checks();
    assert_int_equal(shared.value, (MANY + 2) * ROUNDS / 5);
}

/* ---- order, on one worker ---- */

static int log_read(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    shared->log[shared->logged++] = 'r';
    YIELD_UNTIL(SEE(shared->value)); /* until the test lets them go */
    weir_rwlock_read_unlock(&shared->rwlock);
    return 0;
}

static int log_write(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_write(&shared->rwlock) == 0);
    shared->log[shared->logged++] = 'w';
    weir_rwlock_write_unlock(&shared->rwlock);
    return 0;
}

static int log_write_shortly(void *arg)
{
    struct shared *shared = arg;
    weir_block block;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_rwlock_write(&shared->rwlock) == WEIR_EDEADLINE);
    weir_block_end(&block);
    return 0;
}

static void spawn_waiting(weir_scope *scope, weir_task_fn *fn, struct shared *shared)
{
    CHECK(weir_spawn(scope, fn, shared) == 0);
    CHECK(weir_yield() == 0);
}

static int in_order(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    spawn_waiting(&scope, log_write, shared);
    CHECK(weir_rwlock_try_read(&shared->rwlock) == WEIR_EBUSY); /* behind the writer */
    for (i = 0; i < MANY; i++)
        spawn_waiting(&scope, log_read, shared);
    spawn_waiting(&scope, log_write, shared);
    CHECK(shared->logged == 0);
    weir_rwlock_read_unlock(&shared->rwlock);
    YIELD_UNTIL(shared->logged == MANY + 1);
    CHECK(weir_yield() == 0);
    CHECK(shared->logged == MANY + 1); /* all readers, and not the second writer */
    SAY(shared->value, 1);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->log[0] == 'w' && shared->log[MANY + 1] == 'w');
    return 0;
}

TEST(readers_come_in_together_between_writers)
{
    struct shared shared = {.value = 0};

    assert_int_equal(run_with(in_order, &shared, 1), 0);
}

static int writer_gives_up(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    spawn_waiting(&scope, log_write_shortly, shared);
    spawn_waiting(&scope, log_read, shared);
    spawn_waiting(&scope, log_read, shared);
    CHECK(shared->logged == 0);
    YIELD_UNTIL(shared->logged == 2); /* this one reads still */
    SAY(shared->value, 1);
    CHECK(weir_scope_join(&scope) == 0);
    weir_rwlock_read_unlock(&shared->rwlock);
    CHECK(weir_rwlock_try_write(&shared->rwlock) == 0);
    weir_rwlock_write_unlock(&shared->rwlock);
    return 0;
}

TEST(a_writer_that_gives_up_lets_the_readers_in)
{
    struct shared shared = {.value = 0};

    assert_int_equal(run_with(writer_gives_up, &shared, 1), 0);
}

static int downgrade(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_rwlock_write(&shared->rwlock) == 0);
    spawn_waiting(&scope, log_read, shared);
    spawn_waiting(&scope, log_write, shared);
    weir_rwlock_downgrade(&shared->rwlock);
    YIELD_UNTIL(shared->logged == 1);
    CHECK(weir_yield() == 0);
    CHECK(shared->logged == 1 && shared->log[0] == 'r');
    SAY(shared->value, 1);
    CHECK(weir_yield() == 0);
    CHECK(shared->logged == 1);
    weir_rwlock_read_unlock(&shared->rwlock);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(shared->logged == 2);
    return 0;
}

TEST(a_downgraded_writer_reads_beside_the_next_readers)
{
    struct shared shared = {.value = 0};

    assert_int_equal(run_with(downgrade, &shared, 1), 0);
}

TEST(a_writer_that_would_wait_for_itself_is_told)
{
    weir_rwlock rwlock = {0};

    assert_int_equal(weir_rwlock_write(&rwlock), 0);
    assert_int_equal(weir_rwlock_write(&rwlock), WEIR_EDEADLK);
    assert_int_equal(weir_rwlock_read(&rwlock), WEIR_EDEADLK);
    weir_rwlock_write_unlock(&rwlock);
    assert_int_equal(weir_rwlock_read(&rwlock), 0);
    assert_int_equal(weir_rwlock_try_write(&rwlock), WEIR_EBUSY);
    weir_rwlock_read_unlock(&rwlock);
    assert_int_equal(weir_rwlock_try_write(&rwlock), 0);
    assert_int_equal(weir_rwlock_try_read(&rwlock), WEIR_EBUSY);
    weir_rwlock_write_unlock(&rwlock);
}
