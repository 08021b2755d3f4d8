/* bench/weir/micro.c - what a task switch, a spawn with its join, and a timer cost; one line of
 * JSON.
 *
 * switch: two tasks that yield to each other; one figure is there and back. spawn_join: a scope is
 * opened, a task spawned into it that does nothing, and joined. timer: a timer of the bare loop is
 * started and stopped again, its completion included. blocking: a job of the pool that does
 * nothing, there and back; blocking_batch: 16 tasks that have one each. The best of five
 * repetitions is printed.
 *
 */
#include <stdint.h>
#include <stdio.h>
#include <weir/blocking.h>
#include <weir/loop.h>
#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/time.h>

enum {
    ROUNDS = 200000,
    BATCH = 1000,
    JOBS = 2000,
    JOB_BATCH = 16,
    REPEATS = 5
};

struct figures {
    double switch_ns, spawn_join_ns, timer_ns, blocking_ns, blocking_batch_ns;
};

static double each(uint64_t begun_ns, int count)
{
    return (double)(weir_now_ns() - begun_ns) / count;
}

static void keep_best(double *best, double ns)
{
    if (*best == 0 || ns < *best)
        *best = ns;
}

static int yield_rounds(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        weir_yield();
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static double switch_ns(void)
{
    weir_scope scope;
    uint64_t begun;
    double ns;

    if (weir_scope_open(&scope) < 0 || weir_spawn(&scope, yield_rounds, NULL) < 0)
        return 0;
    begun = weir_now_ns();
    yield_rounds(NULL);
    ns = each(begun, ROUNDS);
    weir_scope_join(&scope);
    return ns;
}

static double spawn_join_ns(void)
{
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < ROUNDS; i++) {
        weir_scope scope;

        if (weir_scope_open(&scope) < 0 || weir_spawn(&scope, nothing, NULL) < 0)
            return 0;
        weir_scope_join(&scope);
    }
    return each(begun, ROUNDS);
}

static int block(void *arg)
{
    return weir_blocking(nothing, arg);
}

static double blocking_ns(void)
{
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < JOBS; i++)
        weir_blocking(nothing, NULL);
    return each(begun, JOBS);
}

static double blocking_batch_ns(void)
{
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < JOBS / JOB_BATCH; i++) {
        weir_scope scope;

        if (weir_scope_open(&scope) < 0)
            return 0;
        for (int job = 0; job < JOB_BATCH; job++)
            weir_spawn(&scope, block, NULL);
        weir_scope_join(&scope);
    }
    return each(begun, JOBS / JOB_BATCH);
}

static void on_timer(weir_op *op)
{
    (void)op;
}

static double timer_ns(weir_loop *loop)
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
    return each(begun, ROUNDS);
}

static int task_figures(void *arg)
{
    struct figures *f = arg;

    for (int i = 0; i < REPEATS; i++) {
        keep_best(&f->switch_ns, switch_ns());
        keep_best(&f->spawn_join_ns, spawn_join_ns());
        keep_best(&f->blocking_ns, blocking_ns());
        keep_best(&f->blocking_batch_ns, blocking_batch_ns());
    }
    return 0;
}

int main(void)
{
    struct weir_runtime_options options = {.workers = 1};
    struct figures f = {0};
    weir_loop *loop;
    int rc = weir_run(task_figures, &f, &options);

    if (rc >= 0)
        rc = weir_loop_create(&loop, NULL);
    if (rc < 0) {
        fprintf(stderr, "micro: %s\n", weir_strerror(rc));
        return 1;
    }
    for (int i = 0; i < REPEATS; i++)
        keep_best(&f.timer_ns, timer_ns(loop));
    weir_loop_destroy(loop);
    printf("{\"switch_ns\":%.1f,\"spawn_join_ns\":%.1f,\"timer_ns\":%.1f,\"blocking_ns\":%.1f,"
           "\"blocking_batch_ns\":%.1f}\n",
           f.switch_ns, f.spawn_join_ns, f.timer_ns, f.blocking_ns, f.blocking_batch_ns);
    return 0;
}
