/* test/os/task_handle.c - handles of tasks: join, abort, forget; on one worker and on several. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "support/run.h"
#include "task/record.h"
#include "task/scope.h"

enum {
    TASKS = 30
};

static int give_back(void *arg)
{
    CHECK(weir_yield() == 0);
    return (int)(intptr_t)arg;
}

static int sleep_for_ever(void *arg)
{
    int rc = weir_sleep(WEIR_FOREVER);

    if (arg)
        SAY(*(int *)arg, rc);
    return rc;
}

/* ---- joining ---- */

static int join_all(void *arg)
{
    weir_task tasks[TASKS];
    weir_scope scope;
    int i, result;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++) {
        struct weir_spawn_options options = {.task = &tasks[i],
                                             .worker = 1 + (uint32_t)i % weir_worker_count()};

        CHECK(weir_spawn_with(&scope, give_back, (void *)(intptr_t)i, &options) == 0);
        CHECK(weir_task_done(tasks[i]) >= 0); /* valid at once */
    }
    for (i = TASKS - 1; i >= 0; i--) {
        CHECK(weir_task_join(tasks[i], &result) == 0);
        CHECK(result == i);
        CHECK(weir_task_done(tasks[i]) == 1);
        CHECK(weir_task_join(tasks[i], NULL) == 0); /* and again */
    }
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < TASKS; i++)
        CHECK(weir_task_join(tasks[i], &result) == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_join_gives_the_result_until_the_scope_is_joined)
{
    (void)run_with(join_all, NULL, 1);
    (void)run_with(join_all, NULL, 3);
}

struct joined {
    weir_task task;
    int go, joiners;
};

static int wait_for_go(void *arg)
{
    struct joined *joined = arg;

    YIELD_UNTIL(SEE(joined->go));
    return 77;
}

static int join_one(void *arg)
{
    struct joined *joined = arg;
    int result = 0;

    ADD(joined->joiners, 1);
    CHECK(weir_task_join(joined->task, &result) == 0);
    CHECK(result == 77);
    return 0;
}

static void *join_as_thread(void *arg)
{
    (void)join_one(arg);
    return NULL;
}

static int joined_by_many(void *arg)
{
    struct joined *joined = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_task(&scope, &joined->task, wait_for_go, joined) == 0);
    for (i = 0; i < TASKS; i++)
        CHECK(weir_spawn(&scope, join_one, joined) == 0);
    YIELD_UNTIL(SEE(joined->joiners) == TASKS + 2);
    SAY(joined->go, 1);
    YIELD_UNTIL(SEE(joined->joiners) == 0); /* the threads have come back */
    return weir_scope_join(&scope) == 77 ? 1 : 0;
}

TEST(several_tasks_and_threads_join_one_task)
{
    uint32_t workers;

    for (workers = 1; workers <= 3; workers += 2) {
        struct joined joined = {.go = 0};
        weir_runtime *runtime;
        struct weir_runtime_options options = {.workers = workers};
        pthread_t threads[2], main_thread;
        int i;

        (void)main_thread;
        assert_int_equal(weir_runtime_create(&runtime, &options), 0);
        assert_int_equal(weir_runtime_spawn(runtime, joined_by_many, &joined), 0);
        SPIN_UNTIL(SEE(joined.joiners) == TASKS); /* the handle is there */
        for (i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, join_as_thread, &joined), 0);
        for (i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        SAY(joined.joiners, 0);
        assert_int_equal(weir_runtime_destroy(runtime), 0);
        assert_checks();
    }
}

static int join_itself(void *arg)
{
    weir_task *self = arg;

    CHECK(weir_task_join(*self, NULL) == WEIR_EDEADLK);
    return 0;
}

static int give_up_joining(void *arg)
{
    weir_task task, self;
    weir_scope scope;
    weir_block block;
    int result = 5;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_task(&scope, &task, sleep_for_ever, NULL) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_task_join(task, &result) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(result == 5);
    CHECK(weir_spawn_task(&scope, &self, join_itself, &self) == 0);
    CHECK(weir_task_join(self, &result) == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    return 0;
}

TEST(a_join_that_gives_up_leaves_the_task_alone)
{
    (void)run_with(give_up_joining, NULL, 1);
}

/* ---- aborting ---- */

static int abort_each(void *arg)
{
    weir_task tasks[TASKS];
    int ends[TASKS] = {0};
    weir_scope scope;
    int i, result;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TASKS; i++) {
        struct weir_spawn_options options = {.task = &tasks[i],
                                             .worker = 1 + (uint32_t)i % weir_worker_count()};

        CHECK(weir_spawn_with(&scope, sleep_for_ever, &ends[i], &options) == 0);
        if (i % 3 == 0)
            CHECK(weir_yield() == 0); /* some are aborted before they begin */
    }
    for (i = 0; i < TASKS; i += 2) {
        CHECK(weir_task_abort(tasks[i]) == 0);
        CHECK(weir_task_abort(tasks[i]) == 0);
    }
    for (i = 0; i < TASKS; i += 2) {
        CHECK(weir_task_join(tasks[i], &result) == 0);
        CHECK(result == WEIR_ECANCELED && SEE(ends[i]) == WEIR_ECANCELED);
        CHECK(weir_task_abort(tasks[i]) == 0); /* it has ended */
    }
    for (i = 1; i < TASKS; i += 2) {
        CHECK(weir_task_done(tasks[i]) == 0); /* that is no failure of the scope */
        CHECK(weir_task_abort(tasks[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_task_abort(tasks[0]) == WEIR_EBADHANDLE);
    return 0;
}

TEST(an_abort_cancels_one_task_alone)
{
    (void)run_with(abort_each, NULL, 1);
    (void)run_with(abort_each, NULL, 3);
}

static int inside_count; /* tasks that sleep_inside has spawned */

static int sleep_inside(void *arg)
{
    weir_scope scope;
    weir_task task;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_task(&scope, &task, sleep_for_ever, arg) == 0);
    (void)__atomic_add_fetch(&inside_count, 1, __ATOMIC_SEQ_CST);
    return weir_scope_join(&scope);
}

static int abort_outer(void *arg)
{
    weir_scope scope;
    weir_task task;
    int end = 0, result = 0, before = inside_count;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_task(&scope, &task, sleep_inside, &end) == 0);
    do
        CHECK(weir_yield() == 0);
    while (__atomic_load_n(&inside_count, __ATOMIC_SEQ_CST) == before);
    CHECK(weir_task_abort(task) == 0);
    CHECK(weir_task_join(task, &result) == 0);
    CHECK(result == WEIR_ECANCELED && end == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(an_abort_reaches_the_scopes_of_the_task)
{
    (void)run_with(abort_outer, NULL, 1);
    (void)run_with(abort_outer, NULL, 2);
}

static int fail_when_aborted(void *arg)
{
    (void)arg;
    CHECK(weir_sleep(WEIR_FOREVER) == WEIR_ECANCELED);
    return WEIR_EIO;
}

static int abort_failure(void *arg)
{
    weir_scope scope;
    weir_task task;
    int end = 0;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, &end) == 0);
    CHECK(weir_spawn_task(&scope, &task, fail_when_aborted, NULL) == 0);
    CHECK(weir_task_abort(task) == 0);
    CHECK(weir_scope_join(&scope) == WEIR_EIO);
    CHECK(end == WEIR_ECANCELED);
    return 0;
}

TEST(another_failure_of_an_aborted_task_counts)
{
    (void)run_with(abort_failure, NULL, 1);
}

static void *abort_as_thread(void *arg)
{
    CHECK(weir_task_abort(*(weir_task *)arg) == 0);
    return NULL;
}

TEST(a_thread_aborts_the_last_task_of_a_runtime)
{
    int i;

    for (i = 0; i < 200; i++) {
        struct weir_runtime_options options = {.workers = 1 + (uint32_t)i % 2};
        struct weir_spawn_options spawn = {0};
        weir_runtime *runtime;
        weir_task task;
        pthread_t thread;
        int result;

        spawn.task = &task;
        assert_int_equal(weir_runtime_create(&runtime, &options), 0);
        assert_int_equal(weir_runtime_spawn_n(runtime, sleep_for_ever, NULL, &spawn, sizeof spawn),
                         0);
        assert_int_equal(pthread_create(&thread, NULL, abort_as_thread, &task), 0);
        assert_int_equal(weir_task_join(task, &result), 0);
        assert_int_equal(result, WEIR_ECANCELED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(weir_runtime_destroy(runtime), 0);
        assert_checks();
    }
}

/* ---- forgetting ---- */

static int join_forgotten(void *arg)
{
    struct joined *joined = arg;

    ADD(joined->joiners, 1);
    CHECK(weir_task_join(joined->task, NULL) == WEIR_ECLOSED);
    return 0;
}

static int forget(void *arg)
{
    struct joined joined = {.go = 0};
    weir_scope scope;
    weir_task task;
    int i;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_task(&scope, &joined.task, wait_for_go, &joined) == 0);
    CHECK(weir_spawn(&scope, join_forgotten, &joined) == 0);
    YIELD_UNTIL(SEE(joined.joiners) == 1);
    CHECK(weir_yield() == 0);
    CHECK(weir_task_forget(joined.task) == 0);
    CHECK(weir_task_forget(joined.task) == WEIR_EBADHANDLE);
    CHECK(weir_task_done(joined.task) == WEIR_EBADHANDLE);
    SAY(joined.go, 1);
    for (i = 0; i < 1000; i++) { /* the scope keeps nothing of them */
        CHECK(weir_spawn_task(&scope, &task, give_back, NULL) == 0);
        if (i % 2)
            CHECK(weir_task_join(task, NULL) == 0);
        CHECK(weir_task_forget(task) == 0);
    }
    CHECK(weir__list_empty(&weir__scope_of(&scope)->ledger->named));
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_forgotten_task_goes_on)
{
    (void)run_with(forget, NULL, 1);
    (void)run_with(forget, NULL, 2);
}

/* ---- a case of a select ---- */

static int select_task(void *arg)
{
    weir_case cases[2];
    weir_task task, never;
    weir_scope scope;
    int result = 0;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_task(&scope, &never, sleep_for_ever, NULL) == 0);
    CHECK(weir_spawn_task(&scope, &task, give_back, (void *)41) == 0);
    weir_case_task(&cases[0], never, NULL);
    weir_case_task(&cases[1], task, &result);
    CHECK(weir_select(cases, 2) == 1);
    CHECK(cases[1].result == 0 && result == 41);
    result = 0;
    CHECK(weir_select(cases, 2) == 1); /* it stays so */
    CHECK(cases[1].result == 0 && result == 41);
    CHECK(weir_task_forget(task) == 0);
    CHECK(weir_select(cases, 2) == 1);
    CHECK(cases[1].result == WEIR_EBADHANDLE);
    CHECK(weir_task_abort(never) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_select_waits_for_a_task)
{
    (void)run_with(select_task, NULL, 1);
    (void)run_with(select_task, NULL, 2);
}
