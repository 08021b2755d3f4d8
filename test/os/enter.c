/* test/os/enter.c - a thread that runs no tasks enters a runtime. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <weir.h>

#include "base/atomic.h"
#include "support/check.h"
#include "sys/current.h"

static int add_one(void *arg)
{
    (void)WEIR_ATOMIC_ADD((int *)arg, 1, SEQ_CST);
    return 0;
}

static void end(weir_runtime *runtime)
{
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_null(weir__here()->entered);
    assert_checks();
}

static weir_runtime *make(uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    weir_runtime *runtime = NULL;

    assert_int_equal(weir_runtime_create(&runtime, &options), 0);
    return runtime;
}

TEST(inside_the_runtime_is_current)
{
    weir_runtime *runtime = make(2);
    weir_runtime_entry entry;

    assert_int_equal(weir_worker_count(), 0);
    assert_string_equal(weir_backend_name(), "");
    assert_int_equal(weir_runtime_enter(&entry, runtime), 0);
    assert_ptr_equal(weir_runtime_current(), runtime);
    assert_int_equal(weir_worker_count(), 2);
    assert_true(strlen(weir_backend_name()) > 0);
    assert_int_equal(weir_worker_index(), 0);
    assert_null(weir_task_name());
    assert_int_equal(weir_yield(), WEIR_ENOTASK);
    assert_int_equal(weir_runtime_leave(&entry), 0);
    assert_null(weir_runtime_current());
    assert_int_equal(weir_worker_count(), 0);
    end(runtime);
}

static void count_task(const struct weir_dump_task *task, void *arg)
{
    (void)task;
    ++*(int *)arg;
}

static int wait_long(void *arg)
{
    add_one(arg);
    return weir_sleep(WEIR_FOREVER);
}

static void await(int *count, int least)
{
    while (WEIR_ATOMIC_LOAD(count, ACQUIRE) < least)
        sched_yield();
}

TEST(calls_take_the_current_runtime_for_none)
{
    weir_runtime *runtime = make(2);
    struct weir_metrics metrics;
    weir_runtime_entry entry;
    weir_token token, same;
    int count = 0, told = 0;

    assert_int_equal(weir_runtime_spawn(NULL, add_one, &count), WEIR_ENOTASK);
    assert_int_equal(weir_runtime_block_on(NULL, add_one, &count), WEIR_ENOTASK);
    assert_int_equal(weir_runtime_token(NULL, &token), WEIR_ENOTASK);
    assert_int_equal(weir_metrics_read(NULL, &metrics, NULL, 0), WEIR_ENOTASK);
    assert_int_equal(weir_dump(NULL, count_task, &told), WEIR_ENOTASK);
    assert_int_equal(weir_runtime_enter(&entry, runtime), 0);
    assert_int_equal(weir_runtime_block_on(NULL, add_one, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(weir_runtime_spawn(NULL, wait_long, &count), 0);
    await(&count, 2);
    assert_int_equal(weir_runtime_token(NULL, &token), 0);
    assert_int_equal(weir_runtime_token(runtime, &same), 0);
    assert_true(token.id == same.id);
    assert_int_equal(weir_metrics_read(NULL, &metrics, NULL, 0), 2);
    assert_int_equal(weir_dump(NULL, count_task, &told), 1);
    assert_int_equal(told, 1);
    assert_int_equal(weir_runtime_leave(&entry), 0);
    end(runtime);
}

static int current_is(void *arg)
{
    weir_runtime_entry entry;

    CHECK(weir_runtime_current() == arg);
    CHECK(weir_runtime_enter(&entry, arg) == WEIR_EBUSY);
    return 0;
}

static int run_here(void *arg)
{
    CHECK(weir_runtime_current() && weir_runtime_current() != arg);
    return 7;
}

TEST(entries_nest)
{
    weir_runtime *runtimes[2];
    weir_runtime_entry a, b, c;

    not_on_sim("there is one simulation a process");
    runtimes[0] = make(1);
    runtimes[1] = make(2);
    assert_int_equal(weir_runtime_enter(&a, runtimes[0]), 0);
    assert_int_equal(weir_runtime_enter(&b, runtimes[1]), 0);
    assert_ptr_equal(weir_runtime_current(), runtimes[1]);
    assert_int_equal(weir_runtime_enter(&c, runtimes[0]), 0);
    assert_ptr_equal(weir_runtime_current(), runtimes[0]);
    assert_int_equal(weir_runtime_block_on(NULL, current_is, runtimes[0]), 0);
    assert_int_equal(weir_runtime_leave(&c), 0);
    assert_int_equal(weir_runtime_block_on(NULL, current_is, runtimes[1]), 0);
    assert_int_equal(weir_run(run_here, runtimes[1], NULL), 7);
    assert_ptr_equal(weir_runtime_current(), runtimes[1]);
    assert_int_equal(weir_runtime_leave(&b), 0);
    assert_ptr_equal(weir_runtime_current(), runtimes[0]);
    assert_int_equal(weir_runtime_leave(&a), 0);
    assert_null(weir_runtime_current());
    assert_int_equal(weir_runtime_destroy(runtimes[0]), 0);
    end(runtimes[1]);
}

static void *leave_of_another(void *arg)
{
    CHECK(weir_runtime_leave(arg) == WEIR_EINVAL);
    CHECK(!weir_runtime_current());
    return NULL;
}

TEST(wrong_entering_and_leaving_changes_nothing)
{
    weir_runtime *runtime = make(1);
    weir_runtime_entry a = {0}, b;
    pthread_t thread;

    assert_int_equal(weir_runtime_leave(&a), WEIR_EINVAL);
    assert_int_equal(weir_runtime_leave(NULL), WEIR_EINVAL);
    assert_int_equal(weir_runtime_enter(&a, NULL), WEIR_EINVAL);
    assert_int_equal(weir_runtime_enter(&a, runtime), 0);
    assert_int_equal(weir_runtime_enter(&a, runtime), WEIR_EBUSY);
    assert_int_equal(weir_runtime_enter(&b, runtime), 0);
    assert_int_equal(weir_runtime_enter(&a, runtime), WEIR_EBUSY);
    assert_int_equal(weir_runtime_leave(&a), WEIR_EINVAL);
    assert_int_equal(pthread_create(&thread, NULL, leave_of_another, &b), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_runtime_leave(&b), 0);
    assert_int_equal(weir_runtime_leave(&b), WEIR_EINVAL);
    assert_int_equal(weir_runtime_leave(&a), 0);
    assert_int_equal(weir_runtime_leave(&a), WEIR_EINVAL);
    end(runtime);
}

static int leave_as_task(void *arg)
{
    CHECK(weir_runtime_leave(arg) == WEIR_EINVAL);
    return 0;
}

TEST(a_task_does_not_leave_what_its_thread_has_entered)
{
    weir_runtime *runtime;
    struct weir_runtime_options options = {.workers = 1};
    weir_runtime_entry entry;

    not_on_sim("there is one simulation a process");
    runtime = make(1);
    assert_int_equal(weir_runtime_enter(&entry, runtime), 0);
    assert_int_equal(weir_run(leave_as_task, &entry, &options), 0);
    assert_int_equal(weir_runtime_leave(&entry), 0);
    end(runtime);
}

TEST(a_runtime_that_is_entered_is_not_destroyed)
{
    weir_runtime *runtime = make(2);
    weir_runtime_entry entry;
    int count = 0;

    assert_int_equal(weir_runtime_enter(&entry, runtime), 0);
    assert_int_equal(weir_runtime_destroy(runtime), WEIR_EBUSY);
    assert_int_equal(weir_runtime_block_on(NULL, add_one, &count), 0); /* nothing was done */
    assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
    assert_int_equal(weir_runtime_block_on(NULL, add_one, &count), WEIR_ESHUTDOWN);
    assert_int_equal(weir_runtime_spawn(NULL, add_one, &count), WEIR_ESHUTDOWN);
    assert_int_equal(weir_runtime_destroy(runtime), WEIR_EBUSY);
    assert_int_equal(weir_runtime_leave(&entry), 0);
    assert_int_equal(count, 1);
    end(runtime);
}

/* ---- a thread that outlives the tasks of weir_run ---- */

struct late {
    weir_runtime *runtime;
    int entered, refused;
};

/* Pauses grow, so that some time the last task has ended before there is another. */
static int block_on_and_pause(int *count, uint32_t *pauses)
{
    int rc = weir_runtime_block_on(NULL, add_one, count);
    uint32_t i;

    for (i = 0; i < *pauses; i++)
        sched_yield();
    *pauses *= 2;
    return rc;
}

static void *stay_on(void *arg)
{
    struct late *late = arg;
    weir_runtime_entry entry;
    uint32_t pauses = 1;
    int rc, count = 0;

    CHECK(weir_runtime_enter(&entry, late->runtime) == 0);
    WEIR_ATOMIC_STORE(&late->entered, 1, RELEASE);
    while ((rc = block_on_and_pause(&count, &pauses)) == 0)
        ;
    CHECK(rc == WEIR_ESHUTDOWN);
    CHECK(weir_runtime_current() == late->runtime);
    WEIR_ATOMIC_STORE(&late->refused, 1, RELEASE);
    CHECK(weir_runtime_leave(&entry) == 0);
    return NULL;
}

static int begin_thread(void *arg)
{
    struct late *late = arg;
    pthread_t thread;

    late->runtime = weir_runtime_current();
    CHECK(pthread_create(&thread, NULL, stay_on, late) == 0);
    CHECK(pthread_detach(thread) == 0);
    while (!WEIR_ATOMIC_LOAD(&late->entered, ACQUIRE))
        CHECK(weir_yield() == 0);
    return 5;
}

TEST(weir_run_returns_when_all_have_left)
{
    int i;

    for (i = 0; i < 50; i++) {
        struct late late = {0};

        assert_int_equal(weir_run(begin_thread, &late, NULL), 5);
        assert_true(WEIR_ATOMIC_LOAD(&late.refused, ACQUIRE));
    }
    assert_checks();
}

/* ---- scopes and strands ---- */

struct job {
    weir_runtime *runtime;
    weir_scope *scope;
    weir_strand strand;
    int count, cancelled;
};

static int spawn_from_pool(void *arg)
{
    struct weir_spawn_options named = {.worker = 2}, far = {.worker = 99};
    struct job *job = arg;
    weir_runtime_entry entry;
    weir_task task;
    int i, value = 3;

    if (!test_simulated()) { /* where a worker runs the jobs */
        CHECK_INSIDE(weir_spawn(job->scope, add_one, &job->count) == WEIR_ENOTASK);
        CHECK_INSIDE(weir_strand_spawn(job->strand, add_one, &job->count) == WEIR_ENOTASK);
    }
    CHECK_INSIDE(weir_runtime_enter(&entry, job->runtime) == 0);
    for (i = 0; i < 10; i++)
        CHECK_INSIDE(weir_spawn(job->scope, add_one, &job->count) == 0);
    CHECK_INSIDE(weir_spawn_with(job->scope, add_one, &job->count, &named) == 0);
    CHECK_INSIDE(weir_spawn_with(job->scope, add_one, &job->count, &far) == WEIR_EOPTION);
    CHECK_INSIDE(weir_spawn_copy(job->scope, add_one, &value, sizeof value) == 0);
    for (i = 0; i < 10; i++)
        CHECK_INSIDE(weir_strand_spawn(job->strand, add_one, &job->count) == 0);
    CHECK_INSIDE(weir_spawn_task(job->scope, &task, add_one, &job->count) == 0);
    if (!test_simulated()) /* it blocks the thread */
        CHECK_INSIDE(weir_task_join(task, NULL) == 0);
    CHECK_INSIDE(weir_runtime_leave(&entry) == 0);
    return value;
}

static int spawn_cancelled(void *arg)
{
    struct job *job = arg;
    weir_runtime_entry entry;

    CHECK_INSIDE(weir_runtime_enter(&entry, job->runtime) == 0);
    CHECK_INSIDE(weir_spawn(job->scope, add_one, &job->count) == WEIR_ECANCELED);
    CHECK_INSIDE(weir_strand_spawn(job->strand, add_one, &job->count) == WEIR_ECANCELED);
    CHECK_INSIDE(weir_runtime_leave(&entry) == 0);
    return 0;
}

static int lend_scope(void *arg)
{
    struct job *job = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    job->runtime = weir_runtime_current();
    job->scope = &scope;
    CHECK(weir_strand_open(&scope, &job->strand) == 0);
    CHECK(weir_blocking(spawn_from_pool, job) == 3);
    weir_scope_cancel(&scope);
    CHECK(weir_blocking(spawn_cancelled, job) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_job_starts_tasks_in_the_scopes_and_strands_of_its_caller)
{
    struct weir_runtime_options options = {.workers = 2};
    struct job job = {0};

    assert_int_equal(weir_run(lend_scope, &job, &options), 0);
    assert_int_equal(job.count, 22);
    assert_checks();
}

static int spawn_into_other(void *arg)
{
    struct job *job = arg;
    weir_runtime_entry entry;

    CHECK_INSIDE(weir_runtime_enter(&entry, job->runtime) == 0);
    CHECK_INSIDE(weir_spawn(job->scope, add_one, &job->count) == WEIR_EINVAL);
    CHECK_INSIDE(weir_strand_spawn(job->strand, add_one, &job->count) == WEIR_EINVAL);
    CHECK_INSIDE(weir_runtime_leave(&entry) == 0);
    return 0;
}

static int lend_to_other(void *arg)
{
    struct job *job = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    job->scope = &scope;
    CHECK(weir_strand_open(&scope, &job->strand) == 0);
    CHECK(weir_blocking(spawn_into_other, job) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_scope_of_another_runtime_is_refused)
{
    struct weir_runtime_options options = {.workers = 1};
    struct job job = {0};

    not_on_sim("there is one simulation a process");
    job.runtime = make(1);
    assert_int_equal(weir_run(lend_to_other, &job, &options), 0);
    assert_int_equal(job.count, 0);
    end(job.runtime);
}

/* ---- shutting down while other threads start tasks ---- */

static void *block_on_until_refused(void *arg)
{
    int rc, count = 0;

    while ((rc = weir_runtime_block_on(arg, add_one, &count)) == 0)
        ;
    CHECK(rc == WEIR_ESHUTDOWN);
    return NULL;
}

TEST(no_task_is_lost_that_is_started_while_the_runtime_shuts_down)
{
    int i, k;

    for (i = 0; i < 100; i++) {
        weir_runtime *runtime = make(2);
        pthread_t threads[2];
        int count = 0;

        for (k = 0; k < 2; k++)
            assert_int_equal(pthread_create(&threads[k], NULL, block_on_until_refused, runtime), 0);
        assert_int_equal(weir_runtime_block_on(runtime, add_one, &count), 0);
        assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
        for (k = 0; k < 2; k++)
            assert_int_equal(pthread_join(threads[k], NULL), 0);
        assert_int_equal(weir_runtime_destroy(runtime), 0);
    }
    assert_checks();
}
