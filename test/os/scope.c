/* test/os/scope.c - policies of scopes, and their results in both orders. */
#include "test.h"

#include "support/run.h"

enum {
    TASKS = 40
};

struct racer {
    int *go; /* whose turn it is */
    int number, result;
};

static int end_in_turn(void *arg)
{
    const struct racer *racer = arg;

    while (SEE(*racer->go) != racer->number) {
        int rc = weir_yield();

        if (rc < 0)
            return rc;
    }
    return racer->result;
}

/* ---- first done ---- */

static int race(void *arg)
{
    const int *result = arg;
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_DONE};
    struct racer racers[4];
    weir_scope scope;
    int go = 2, i;

    CHECK(weir_scope_open_with(&scope, &options) == 0);
    for (i = 0; i < 4; i++) {
        racers[i] = (struct racer){&go, i, *result};
        CHECK(weir_spawn(&scope, end_in_turn, &racers[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == *result);
    return 0;
}

TEST(the_first_that_ends_cancels_the_others)
{
    int result;

    for (result = -5; result <= 5; result += 5) {
        (void)run_with(race, &result, 1);
        (void)run_with(race, &result, 3);
    }
}

static int empty_race(void *arg)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_DONE};
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    options.policy = WEIR_SCOPE_FIRST_DONE + 1;
    CHECK(weir_scope_open_with(&scope, &options) == WEIR_EOPTION);
    return 0;
}

TEST(nobody_is_first_in_an_empty_scope)
{
    (void)run_with(empty_race, NULL, 1);
}

/* ---- collecting ---- */

static const char *const names[] = {"red", "green", "blue"};

static void start_all(weir_scope *scope, struct racer *racers, int *go)
{
    int i;

    for (i = 0; i < TASKS; i++) {
        struct weir_spawn_options options = {.name = names[i % 3],
                                             .worker = 1 + (uint32_t)i % weir_worker_count()};

        racers[i] = (struct racer){go, TASKS - 1 - i, i};
        CHECK(weir_spawn_with(scope, end_in_turn, &racers[i], &options) == 0);
    }
}

/* The last spawned one ends first. */
static int collect_as_they_end(void *arg)
{
    struct weir_scope_options options = {.collected = WEIR_ON};
    struct racer racers[TASKS];
    struct weir_ended ended;
    weir_scope scope;
    int go = 0, i;

    (void)arg;
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_scope_next(&scope, &ended) == 0); /* there is none */
    start_all(&scope, racers, &go);
    for (i = TASKS - 1; i >= 0; i--) {
        CHECK(weir_scope_next(&scope, &ended) == 1);
        CHECK(ended.result == i && ended.name == names[i % 3] && ended.id && ended.task.id == 0);
        ADD(go, 1);
    }
    ended.id = 9;
    CHECK(weir_scope_next(&scope, &ended) == 0 && ended.id == 9);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(results_come_as_the_tasks_end)
{
    (void)run_with(collect_as_they_end, NULL, 1);
    (void)run_with(collect_as_they_end, NULL, 3);
}

static int hurry(void *arg)
{
    int *go = arg;

    while (SEE(*go) < TASKS) {
        ADD(*go, 1);
        CHECK(weir_yield() == 0);
        CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
    }
    return 0;
}

static int end_after(void *arg)
{
    const struct racer *racer = arg;

    YIELD_UNTIL(SEE(*racer->go) > racer->number);
    return racer->result;
}

static int collect_as_spawned(void *arg)
{
    struct weir_scope_options options = {.collected = WEIR_ON};
    struct racer racers[TASKS];
    struct weir_ended ended;
    weir_scope scope, other;
    int go = 0, i;

    (void)arg;
    CHECK(weir_scope_open(&other) == 0);
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    for (i = 0; i < TASKS; i++) {
        racers[i] = (struct racer){&go, TASKS - 1 - i, i};
        CHECK(weir_spawn(&scope, end_after, &racers[i]) == 0);
    }
    CHECK(weir_spawn(&other, hurry, &go) == 0);
    for (i = 0; i < TASKS; i++) {
        CHECK(weir_scope_next_in_order(&scope, &ended) == 1);
        CHECK(ended.result == i);
    }
    CHECK(weir_scope_next_in_order(&scope, &ended) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_scope_join(&other) == 0);
    return 0;
}

TEST(results_come_in_the_order_of_the_spawns)
{
    (void)run_with(collect_as_spawned, NULL, 1);
    (void)run_with(collect_as_spawned, NULL, 3);
}

static int collect_badly(void *arg)
{
    weir_scope *scope = arg;
    struct weir_ended ended;

    CHECK(weir_scope_next(scope, &ended) == WEIR_EINVAL); /* not its owner */
    return 3;
}

static int collect_some(void *arg)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_ALL, .collected = WEIR_ON};
    struct racer never = {&(int){0}, 1, 0};
    struct weir_ended ended = {.id = 4};
    weir_scope scope, plain;
    weir_block block;
    weir_task task;
    int i, result;

    (void)arg;
    CHECK(weir_scope_open(&plain) == 0);
    CHECK(weir_scope_next(&plain, &ended) == WEIR_EINVAL);
    CHECK(weir_scope_join(&plain) == 0);
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_spawn_task(&scope, &task, collect_badly, &scope) == 0);
    CHECK(weir_scope_next(&scope, &ended) == 1);
    CHECK(ended.task.id == task.id && ended.result == 3);
    CHECK(weir_task_join(task, &result) == 0 && result == 3); /* collected, but not forgotten */
    CHECK(weir_spawn(&scope, end_in_turn, &never) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_scope_next(&scope, &ended) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    for (i = 0; i < 10; i++) { /* forgotten ones are to be collected all the same */
        CHECK(weir_spawn_task(&scope, &task, collect_badly, &scope) == 0);
        if (i % 2)
            CHECK(weir_task_join(task, NULL) == 0);
        CHECK(weir_task_forget(task) == 0);
    }
    for (i = 0; i < 9; i++)
        CHECK(weir_scope_next(&scope, &ended) == 1 && ended.task.id == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_spawn(&scope, collect_badly, &scope) == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED); /* which drops the rest */
    return 0;
}

TEST(what_is_not_collected_is_dropped_by_the_join)
{
    (void)run_with(collect_some, NULL, 1);
    (void)run_with(collect_some, NULL, 2);
}

/* ---- in a select ---- */

static int select_next(void *arg)
{
    struct weir_scope_options options = {.collected = WEIR_ON};
    struct racer racers[TASKS];
    struct weir_ended ended;
    weir_case cases[3];
    weir_scope scope, plain;
    weir_token token;
    int go = 0, i;

    (void)arg;
    CHECK(weir_token_create(&token) == 0);
    CHECK(weir_scope_open(&plain) == 0);
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    weir_case_token(&cases[0], token);
    weir_case_next(&cases[1], &scope, &ended);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == 0); /* there is none */
    start_all(&scope, racers, &go);
    for (i = TASKS - 1; i >= 0; i--) {
        weir_case_after(&cases[2], i % 5 == 0 ? 0 : WEIR_FOREVER);
        while (weir_select(cases, 3) == 2) /* it is not lost when another case is done */
            weir_case_after(&cases[2], WEIR_MICROSECONDS(100));
        CHECK(cases[1].result == 1 && ended.result == i);
        ADD(go, 1);
    }
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == 0);
    weir_case_next(&cases[1], &plain, &ended);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == WEIR_EINVAL);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_scope_join(&plain) == 0);
    weir_token_destroy(token);
    return 0;
}

TEST(a_select_takes_the_next_result)
{
    (void)run_with(select_next, NULL, 1);
    (void)run_with(select_next, NULL, 3);
}

/* ---- a task that cannot be started elsewhere ---- */

static int too_large(void *arg)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_ALL, .collected = WEIR_ON};
    struct weir_spawn_options spawn = {.worker = 2, .stack_size = (size_t)64 << 20};
    struct weir_ended ended;
    weir_scope scope;
    weir_task task;
    int result = 0;

    (void)arg;
    spawn.task = &task;
    CHECK(weir_pin() == 0);
    if (weir_worker_index() == 2)
        spawn.worker = 1;
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_spawn_with(&scope, collect_badly, NULL, &spawn) == 0);
    CHECK(weir_task_join(task, &result) == 0 && result < 0);
    CHECK(weir_scope_next(&scope, &ended) == 1);
    CHECK(ended.id == 0 && ended.result == result);
    spawn.worker = 0;
    CHECK(weir_spawn_with(&scope, collect_badly, NULL, &spawn) == result);
    CHECK(weir_scope_next(&scope, &ended) == 0);
    CHECK(weir_scope_join(&scope) == result);
    CHECK(weir_unpin() == 0);
    return 0;
}

TEST(a_task_without_a_stack_has_that_as_its_result)
{
    (void)run_with(too_large, NULL, 2);
}

/* ---- scopes within scopes ---- */

#define DEEP 2000

static int deep_reached;

static int go_deeper(void *arg)
{
    uintptr_t depth = (uintptr_t)arg;
    weir_scope scope;

    if (depth == DEEP) {
        SAY(deep_reached, 1);
        return weir_sleep(WEIR_FOREVER);
    }
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, go_deeper, (void *)(depth + 1)) == 0);
    return weir_scope_join(&scope);
}

static int cancel_all_depths(void *arg)
{
    weir_scope scope;

    (void)arg;
    SAY(deep_reached, 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, go_deeper, NULL) == 0);
    YIELD_UNTIL(SEE(deep_reached));
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    return 0;
}

TEST(a_cancel_reaches_any_depth)
{
    (void)run_with(cancel_all_depths, NULL, 1);
    (void)run_with(cancel_all_depths, NULL, 3);
}
