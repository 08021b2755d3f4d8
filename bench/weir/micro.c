/* bench/weir/micro.c - what a task switch, a spawn with its join, a timer and a blocking job cost;
 * one line of JSON.
 *
 * switch: two tasks that yield to each other; one figure is there and back. spawn_join: a scope is
 * opened, a task spawned into it that does nothing, and joined. timer: a timer of the bare loop is
 * started and stopped again, its completion included. blocking: a job of the pool that does
 * nothing, there and back; blocking_batch: 16 of them at once, a task for each. The best of five
 * repetitions is printed. Argument: the workers.
 */
#include "micro.h"

#include <weir/blocking.h>
#include <weir/loop.h>
#include <weir/runtime.h>
#include <weir/scope.h>

enum {
    ROUNDS = 200000,
    BATCH = 1000,
    JOBS = 2000,
    JOB_BATCH = 16,
    REPEATS = 5
};

static int yield_rounds(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        check(weir_yield());
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void measure_switch(void)
{
    weir_scope scope;
    uint64_t begun;

    check(weir_scope_open(&scope));
    check(weir_spawn(&scope, yield_rounds, NULL));
    begun = weir_now_ns();
    yield_rounds(NULL);
    keep("switch_ns", each(begun, ROUNDS));
    check(weir_scope_join(&scope));
}

static void measure_spawn_join(void)
{
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < ROUNDS; i++) {
        weir_scope scope;

        check(weir_scope_open(&scope));
        check(weir_spawn(&scope, nothing, NULL));
        check(weir_scope_join(&scope));
    }
    keep("spawn_join_ns", each(begun, ROUNDS));
}

static int block(void *arg)
{
    return weir_blocking(nothing, arg);
}

static void measure_blocking(void)
{
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < JOBS; i++)
        check(weir_blocking(nothing, NULL));
    keep("blocking_ns", each(begun, JOBS));
}

static void measure_blocking_batch(void)
{
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < JOBS / JOB_BATCH; i++) {
        weir_scope scope;

        check(weir_scope_open(&scope));
        for (int job = 0; job < JOB_BATCH; job++)
            check(weir_spawn(&scope, block, NULL));
        check(weir_scope_join(&scope));
    }
    keep("blocking_batch_ns", each(begun, JOBS / JOB_BATCH));
}

static void on_timer(weir_op *op)
{
    (void)op;
}

static void measure_timer(weir_loop *loop)
{
    static weir_op timers[BATCH];
    uint64_t begun = weir_now_ns();

    for (int round = 0; round < ROUNDS / BATCH; round++) {
        for (int i = 0; i < BATCH; i++) {
            timers[i].done = on_timer;
            weir_op_timer(&timers[i], begun + (uint64_t)WEIR_SECONDS(60));
            weir_loop_submit(loop, &timers[i]);
        }
        for (int i = 0; i < BATCH; i++)
            weir_loop_cancel(loop, &timers[i]);
        while (weir_loop_run(loop, WEIR_LOOP_NOWAIT) > 0)
            ;
    }
    keep("timer_ns", each(begun, ROUNDS));
}

static int measure_tasks(void *arg)
{
    (void)arg;
    for (int i = 0; i < REPEATS; i++) {
        measure_switch();
        measure_spawn_join();
        measure_blocking();
        measure_blocking_batch();
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct weir_runtime_options options = {.workers = argument(argc, argv, 1, 1)};
    weir_loop *loop;

    check(weir_run(measure_tasks, NULL, &options));
    check(weir_loop_create(&loop, NULL));
    for (int i = 0; i < REPEATS; i++)
        measure_timer(loop);
    check(weir_loop_destroy(loop));
    print_figures();
    return 0;
}
