/* test/os/token.c - cancellation tokens: trees, waits, scopes that are bound, and a runtime's. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>

#include "support/run.h"

enum {
    WAITERS = 40,
    TREE = 200,
    ROUNDS = 50
};

/* ---- the tree ---- */

TEST(a_cancel_reaches_all_below_and_nothing_above)
{
    weir_token root, left, right, leaf, late;

    assert_int_equal(weir_token_create(&root), 0);
    assert_int_equal(weir_token_child(root, &left), 0);
    assert_int_equal(weir_token_child(root, &right), 0);
    assert_int_equal(weir_token_child(left, &leaf), 0);
    assert_int_equal(weir_token_cancel(left), 0);
    assert_int_equal(weir_token_cancelled(root), 0);
    assert_int_equal(weir_token_cancelled(right), 0);
    assert_int_equal(weir_token_cancelled(left), 1);
    assert_int_equal(weir_token_cancelled(leaf), 1);
    assert_int_equal(weir_token_child(leaf, &late), 0);
    assert_int_equal(weir_token_cancelled(late), 1);
    assert_int_equal(weir_token_cancel(left), 0);
    assert_int_equal(weir_token_cancel(root), 0);
    assert_int_equal(weir_token_cancelled(right), 1);
    assert_int_equal(weir_token_wait(right), 0); /* a thread, at once */
    weir_token_destroy(late);
    weir_token_destroy(leaf);
    weir_token_destroy(left);
    weir_token_destroy(left);
    weir_token_destroy(root);
    weir_token_destroy(right);
    assert_int_equal(weir_token_cancel(root), WEIR_EBADHANDLE);
    assert_int_equal(weir_token_cancelled(root), WEIR_EBADHANDLE);
    assert_int_equal(weir_token_wait(root), WEIR_EBADHANDLE);
    late.id = 7;
    assert_int_equal(weir_token_child(root, &late), WEIR_EBADHANDLE);
    assert_int_equal(late.id, 7);
}

TEST(a_cancel_passes_through_tokens_that_are_destroyed)
{
    weir_token root, between, leaf;
    int i;

    assert_int_equal(weir_token_create(&root), 0);
    leaf = root;
    for (i = 0; i < 10000; i++) { /* a deep tree, of which only the ends are held */
        between = leaf;
        assert_int_equal(weir_token_child(between, &leaf), 0);
        if (between.id != root.id)
            weir_token_destroy(between);
    }
    assert_int_equal(weir_token_cancelled(leaf), 0);
    assert_int_equal(weir_token_cancel(root), 0);
    assert_int_equal(weir_token_cancelled(leaf), 1);
    weir_token_destroy(leaf);
    weir_token_destroy(root);
}

TEST(a_deep_tree_ends_with_its_leaf)
{
    weir_token tokens[TREE];
    int i;

    assert_int_equal(weir_token_create(&tokens[0]), 0);
    for (i = 1; i < TREE; i++)
        assert_int_equal(weir_token_child(tokens[i - 1], &tokens[i]), 0);
    for (i = 0; i < TREE; i++)
        weir_token_destroy(tokens[i]);
}

/* A random tree, of which random tokens are destroyed and one is cancelled: what is below that one
 * is cancelled, and nothing else. */
TEST(a_cancel_reaches_the_subtree_of_any_tree)
{
    weir_token tokens[TREE];
    int parents[TREE], destroyed[TREE], round, i;
    unsigned seed = 1;

    for (round = 0; round < ROUNDS; round++) {
        int chosen;

        assert_int_equal(weir_token_create(&tokens[0]), 0);
        parents[0] = -1;
        for (i = 1; i < TREE; i++) {
            parents[i] = rand_r(&seed) % i;
            assert_int_equal(weir_token_child(tokens[parents[i]], &tokens[i]), 0);
        }
        chosen = rand_r(&seed) % TREE;
        for (i = 0; i < TREE; i++) {
            destroyed[i] = i != chosen && rand_r(&seed) % 3 == 0;
            if (destroyed[i])
                weir_token_destroy(tokens[i]);
        }
        assert_int_equal(weir_token_cancel(tokens[chosen]), 0);
        for (i = 0; i < TREE; i++) {
            int at = i;

            while (at != chosen && at >= 0)
                at = parents[at];
            if (!destroyed[i])
                assert_int_equal(weir_token_cancelled(tokens[i]), at == chosen);
        }
        for (i = 0; i < TREE; i++)
            weir_token_destroy(tokens[i]);
    }
}

/* ---- many at once ---- */

struct shared {
    weir_token root;
    int ready, go;
};

static void *grow(void *arg)
{
    struct shared *shared = arg;
    weir_token own[20];
    unsigned seed = (unsigned)ADD(shared->ready, 1);
    int i, count = 0;

    SPIN_UNTIL(SEE(shared->go));
    for (i = 0; i < 400; i++) {
        weir_token parent = count ? own[rand_r(&seed) % count] : shared->root;

        if (count < 20 && rand_r(&seed) % 2)
            CHECK(weir_token_child(parent, &own[count++]) == 0);
        else if (count)
            weir_token_destroy(own[--count]);
        if (rand_r(&seed) % 50 == 0)
            CHECK(weir_token_cancel(parent) == 0);
    }
    for (i = 0; i < count; i++) {
        CHECK(weir_token_wait(own[i]) == 0); /* the root is cancelled in the end */
        weir_token_destroy(own[i]);
    }
    return NULL;
}

TEST(trees_grow_end_and_are_cancelled_at_once)
{
    int round, i;

    for (round = 0; round < 20; round++) {
        struct shared shared = {.ready = 0};
        pthread_t threads[3];

        assert_int_equal(weir_token_create(&shared.root), 0);
        for (i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, grow, &shared), 0);
        SPIN_UNTIL(SEE(shared.ready) == 3);
        SAY(shared.go, 1);
        for (i = 0; i < round * 20; i++)
            sched_yield();
        assert_int_equal(weir_token_cancel(shared.root), 0);
        for (i = 0; i < 3; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        weir_token_destroy(shared.root);
        assert_checks();
    }
}

/* ---- waiting ---- */

struct waited {
    weir_token token;
    int waiting, woken, result;
};

static int wait_for_token(void *arg)
{
    struct waited *waited = arg;
    int rc;

    ADD(waited->waiting, 1);
    rc = weir_token_wait(waited->token);
    /* a thread may come too late for the end of the handle */
    CHECK(rc == waited->result || (waited->result == WEIR_ECLOSED && rc == WEIR_EBADHANDLE));
    ADD(waited->woken, 1);
    return 0;
}

static void *wait_as_thread(void *arg)
{
    (void)wait_for_token(arg);
    return NULL;
}

static int cancel_waited(void *arg)
{
    struct waited *waited = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(weir_spawn(&scope, wait_for_token, waited) == 0);
    YIELD_UNTIL(SEE(waited->waiting) == WAITERS + 1);
    CHECK(SEE(waited->woken) == 0);
    if (waited->result == 0)
        CHECK(weir_token_cancel(waited->token) == 0);
    else
        weir_token_destroy(waited->token);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(SEE(waited->woken) >= WAITERS);
    return 0;
}

TEST(tasks_and_a_thread_wait_for_a_token)
{
    static const int results[] = {0, WEIR_ECLOSED};
    int i;

    for (i = 0; i < 4; i++) {
        struct waited waited = {.result = results[i % 2]};
        pthread_t thread;

        assert_int_equal(weir_token_create(&waited.token), 0);
        assert_int_equal(pthread_create(&thread, NULL, wait_as_thread, &waited), 0);
        SPIN_UNTIL(SEE(waited.waiting) == 1);
        (void)run_with(cancel_waited, &waited, i < 2 ? 1 : 3);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_checks();
        weir_token_destroy(waited.token);
    }
}

static int select_token(void *arg)
{
    weir_case cases[3];
    weir_token token, child;

    (void)arg;
    CHECK(weir_token_create(&token) == 0);
    CHECK(weir_token_child(token, &child) == 0);
    weir_case_after(&cases[0], WEIR_MILLISECONDS(1));
    weir_case_token(&cases[1], child);
    CHECK(weir_select(cases, 2) == 0);
    CHECK(weir_token_cancel(token) == 0);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == 0);
    weir_token_destroy(child);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == WEIR_EBADHANDLE);
    weir_token_destroy(token);
    return 0;
}

static int cancel_soon(void *arg)
{
    CHECK(weir_yield() == 0);
    CHECK(weir_token_cancel(*(weir_token *)arg) == 0);
    return 0;
}

static int select_waiting(void *arg)
{
    weir_case cases[2];
    weir_token token;
    weir_scope scope;

    (void)arg;
    CHECK(weir_token_create(&token) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, cancel_soon, &token) == 0);
    weir_case_after(&cases[0], WEIR_FOREVER);
    weir_case_token(&cases[1], token);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_token_destroy(token);
    return 0;
}

TEST(a_select_waits_for_a_token)
{
    (void)run_with(select_token, NULL, 1);
    (void)run_with(select_waiting, NULL, 1);
    (void)run_with(select_waiting, NULL, 2);
}

/* ---- scopes ---- */

static int sleep_for_ever(void *arg)
{
    ADD(*(int *)arg, 1);
    CHECK(weir_sleep(WEIR_FOREVER) == WEIR_ECANCELED);
    return WEIR_ECANCELED;
}

static int bind_scope(void *arg)
{
    struct waited *waited = arg;
    struct weir_scope_options options = {.token = waited->token};
    weir_scope scope;
    int i;

    CHECK(weir_scope_open_with(&scope, &options) == 0);
    for (i = 0; i < 8; i++) {
        struct weir_spawn_options spawn = {.worker = 1 + (uint32_t)i % weir_worker_count()};

        CHECK(weir_spawn_with(&scope, sleep_for_ever, &waited->waiting, &spawn) == 0);
    }
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    CHECK(weir_check() == 0); /* the owner itself is not cancelled */
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_spawn(&scope, sleep_for_ever, &waited->waiting) == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == 0);
    options.token.id = 5;
    CHECK(weir_scope_open_with(&scope, &options) == WEIR_EBADHANDLE);
    return 0;
}

static void *cancel_when_ready(void *arg)
{
    struct waited *waited = arg;

    SPIN_UNTIL(SEE(waited->waiting) >= 8);
    CHECK(weir_token_cancel(waited->token) == 0);
    return NULL;
}

TEST(a_token_cancels_a_scope_from_any_thread)
{
    uint32_t workers;

    for (workers = 1; workers <= 3; workers++) {
        struct waited waited = {.waiting = 0};
        pthread_t thread;

        assert_int_equal(weir_token_create(&waited.token), 0);
        assert_int_equal(pthread_create(&thread, NULL, cancel_when_ready, &waited), 0);
        (void)run_with(bind_scope, &waited, workers);
        assert_int_equal(pthread_join(thread, NULL), 0);
        weir_token_destroy(waited.token);
        assert_checks();
    }
}

static int end_at_once(void *arg)
{
    (void)arg;
    return 0;
}

/* Scopes are bound and joined while the token is being cancelled. */
static int bind_and_join(void *arg)
{
    struct waited *waited = arg;
    struct weir_scope_options options = {.token = waited->token};
    weir_scope scope;
    int rc;

    do {
        CHECK(weir_scope_open_with(&scope, &options) == 0);
        rc = weir_spawn(&scope, end_at_once, NULL);
        CHECK(weir_scope_join(&scope) == 0);
        ADD(waited->waiting, 1);
    } while (rc == 0);
    return 0;
}

static int bind_by_many(void *arg)
{
    return run_many(bind_and_join, arg, 6);
}

TEST(a_scope_may_end_while_its_token_is_cancelled)
{
    int i;

    for (i = 0; i < 40; i++) {
        struct waited waited = {.waiting = 0};
        pthread_t thread;

        assert_int_equal(weir_token_create(&waited.token), 0);
        waited.waiting = -i * 5;
        assert_int_equal(pthread_create(&thread, NULL, cancel_when_ready, &waited), 0);
        (void)run_with(bind_by_many, &waited, 1 + (uint32_t)i % 3);
        assert_int_equal(pthread_join(thread, NULL), 0);
        weir_token_destroy(waited.token);
        assert_checks();
    }
}

/* ---- of a runtime ---- */

static int watch_shutdown(void *arg)
{
    struct waited *waited = arg;
    weir_token token;

    CHECK(weir_runtime_token(NULL, &token) == 0);
    CHECK(weir_token_cancelled(token) == 0);
    SAY(waited->waiting, 1);
    CHECK(weir_token_wait(token) == 0); /* before the cancel of the task */
    SAY(waited->woken, 1);
    return weir_sleep(WEIR_FOREVER);
}

TEST(a_task_sees_the_beginning_of_a_shutdown)
{
    int i;

    for (i = 0; i < 6; i++) {
        struct weir_runtime_options options = {.workers = 1 + (uint32_t)i % 3};
        struct waited waited = {.waiting = 0};
        weir_runtime *runtime;
        weir_token token, again;

        assert_int_equal(weir_runtime_create(&runtime, &options), 0);
        if (i < 3) { /* who asks first makes it */
            assert_int_equal(weir_runtime_token(runtime, &token), 0);
            assert_int_equal(weir_token_cancelled(token), 0);
        }
        assert_int_equal(weir_runtime_spawn(runtime, watch_shutdown, &waited), 0);
        SPIN_UNTIL(SEE(waited.waiting));
        assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
        assert_int_equal(waited.woken, 1);
        assert_int_equal(weir_runtime_token(runtime, &again), 0);
        assert_int_equal(weir_token_cancelled(again), 1);
        assert_int_equal(weir_runtime_destroy(runtime), 0);
        assert_int_equal(weir_token_cancelled(again), WEIR_EBADHANDLE);
        assert_checks();
    }
}

TEST(a_token_that_is_asked_for_in_a_shutdown_is_cancelled)
{
    struct weir_runtime_options options = {.workers = 1};
    weir_runtime *runtime;
    weir_token token;

    assert_int_equal(weir_runtime_token(NULL, &token), WEIR_ENOTASK);
    assert_int_equal(weir_runtime_create(&runtime, &options), 0);
    assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
    assert_int_equal(weir_runtime_token(runtime, &token), 0);
    assert_int_equal(weir_token_cancelled(token), 1);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
}
