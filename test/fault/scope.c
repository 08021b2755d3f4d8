/* test/fault/scope.c - handles, results, tokens, values and strands for which the n-th allocation
 * fails.
 *
 * What is made may fail, with an error of its own; nothing may crash, hang or stay behind. What
 * ends something needs no memory: it is not looked whether it fails, it must not.
 */
#include "test.h"

#include <weir.h>

#include "support/faults.h"

static weir_local_key key;
static int values; /* alive */

static void end_value(void *value)
{
    (void)value;
    values--;
}

static void *share_value(void *value)
{
    values++;
    return value;
}

static int set_value(void)
{
    struct weir_local_options options = {.destroy = end_value, .inherit = share_value};
    int rc = key.id ? 0 : weir_local_key_create_with(&key, &options);

    if (rc == 0)
        rc = weir_local_set(key, &values);
    values += rc == 0;
    return rc;
}

static int work(void *arg)
{
    return weir_sleep(arg ? WEIR_FOREVER : 0);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static int count_call(void *arg)
{
    return ++*(int *)arg;
}

/* Posts, calls and spawns; each that was accepted has run when the scope is joined. */
static int use_strand(weir_scope *scope, int *counted, int *wanted)
{
    weir_strand strand = {7};
    int i, rc = weir_strand_open(scope, &strand);

    if (rc < 0)
        return strand.id == 7 ? rc : 1;
    for (i = 0; i < 20 && rc == 0; i++) {
        rc = weir_strand_post(strand, count, counted);
        *wanted += rc == 0;
    }
    if (rc == 0) {
        rc = weir_strand_run(strand, count_call, counted);
        *wanted += rc > 0;
        rc = rc < 0 ? rc : 0;
    }
    if (rc == 0)
        rc = weir_strand_spawn(strand, work, NULL);
    return rc;
}

static int use_scope(weir_token token)
{
    struct weir_scope_options options = {
        .policy = WEIR_SCOPE_ALL, .collected = WEIR_ON, .token = token};
    struct weir_spawn_options elsewhere = {.worker = 1};
    struct weir_ended ended;
    weir_task task = {7};
    weir_scope scope;
    int spawned = 0, collected = 0, counted = 0, wanted = 0;
    int rc = weir_scope_open_with(&scope, &options);

    if (rc < 0)
        return rc;
    rc = weir_spawn_task(&scope, &task, work, &task);
    spawned += rc == 0;
    if (rc < 0 && task.id != 7)
        rc = 1;
    if (rc == 0) {
        rc = weir_spawn_with(&scope, work, NULL, &elsewhere);
        spawned += rc == 0;
    }
    if (rc == 0)
        rc = use_strand(&scope, &counted, &wanted);
    if (task.id != 7)
        (void)weir_task_abort(task);
    while (weir_scope_next(&scope, &ended) == 1)
        collected++;
    (void)weir_scope_join(&scope);
    if (counted != wanted || collected < spawned)
        rc = 1;
    return rc;
}

static int app(void *arg)
{
    weir_token token = {7}, child = {7}, ended = {7};
    int rc = weir_token_create(&token);

    (void)arg;
    if (rc < 0)
        return token.id == 7 ? rc : 1;
    rc = weir_token_child(token, &child);
    if (rc == 0)
        rc = set_value();
    if (rc == 0)
        rc = weir_runtime_token(NULL, &ended);
    if (rc == 0)
        rc = use_scope(child);
    if (weir_token_cancel(token) < 0)
        rc = 1;
    weir_token_destroy(child);
    weir_token_destroy(token);
    return rc;
}

static int run(void)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};
    int rc = weir_run(app, NULL, &options);

    return values == 0 ? rc : 1;
}

/* First in the process: later what comes from pools is there. */
TEST(the_first_of_each_may_not_be_there)
{
    int n, rc = 1;

    for (n = 1; n < 200; n++) {
        weir__fault_arm(WEIR__FAULT_ALLOC, (uint64_t)n);
        rc = run();
        weir__fault_arm(WEIR__FAULT_ALLOC, 0);
        assert_true(rc <= 0);
    }
    assert_int_equal(rc, 0);
}

TEST(every_allocation_of_a_scope_and_what_is_in_it_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}

/* ---- a thread that waits for its task ---- */

static int answer(void *arg)
{
    (void)arg;
    return 42;
}

/* With an allocation or call that fails once, and a runtime that is made anew each time. */
TEST(a_thread_hears_that_its_task_could_not_start)
{
    struct weir_runtime_options options = {.workers = 1};
    uint64_t n, sites = 1;
    int refused = 0, kind;

    for (kind = WEIR__FAULT_ALLOC; kind <= WEIR__FAULT_CALL; kind++) {
        for (n = 1, sites = 1; n < 200 && sites >= n; n++) {
            weir_runtime *runtime;
            int rc;

            assert_int_equal(weir_runtime_create(&runtime, &options), 0);
            weir__fault_arm(kind, n);
            rc = weir_runtime_block_on(runtime, answer, NULL);
            sites = weir__fault_count(kind);
            weir__fault_arm(kind, 0);
            assert_true(rc == 42 || rc == WEIR_ENOMEM || rc == WEIR_ELIMIT || rc == WEIR_EAGAIN);
            refused += rc != 42;
            assert_int_equal(weir_runtime_block_on(runtime, answer, NULL), 42);
            assert_int_equal(weir_runtime_destroy(runtime), 0);
        }
    }
    assert_true(refused > 1);
}
