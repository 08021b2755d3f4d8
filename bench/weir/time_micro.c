/* bench/weir/time_micro.c - what sleeps and limits cost; one line of JSON, in nanoseconds.
 *
 * timer: a timer of the bare loop is started and stopped again. sleeping: 1,000 tasks are started,
 * each begins to sleep for a minute, and all are cancelled and joined; each. timeout_ready: a limit
 * round a permit that is free. timeout_ping: eight pairs of tasks that notify each other, with a
 * limit round each wait; there and back. select_after: the same, but the wait is a select between a
 * message and a moment. The best of so many repetitions is printed.
 *
 * Arguments: the workers; how many sleep, then only this is measured: sleepers: so many tasks sleep
 * until moments spread over a second; processor time of the process for each, its start and its end
 * included, the better of two times, of which the second one finds the memory already there.
 */
#include "micro.h"

#include <time.h>
#include <weir/chan.h>
#include <weir/loop.h>
#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/select.h>
#include <weir/sync.h>

enum {
    ROUNDS = 100000,
    BATCH = 1000,
    SLEEPS = 20, /* of BATCH tasks */
    PAIRS = 8,
    PINGS = 2500,
    REPEATS = 5
};

/* ---- the bare loop ---- */

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

/* ---- tasks ---- */

static int sleep_long(void *arg)
{
    (void)arg;
    return weir_sleep(WEIR_MINUTES(1)) == WEIR_ECANCELED ? 0 : WEIR_EINVAL;
}

static void measure_sleeping(void)
{
    uint64_t begun = weir_now_ns();

    for (int round = 0; round < SLEEPS; round++) {
        weir_scope scope;

        check(weir_scope_open(&scope));
        for (int i = 0; i < BATCH; i++)
            check(weir_spawn(&scope, sleep_long, NULL));
        check(weir_yield()); /* all of them sleep, on one worker */
        weir_scope_cancel(&scope);
        check(weir_scope_join(&scope));
    }
    keep("sleeping_ns", each(begun, SLEEPS * BATCH));
}

static void measure_timeout_ready(void)
{
    weir_semaphore semaphore = WEIR_SEMAPHORE_INIT(1);
    uint64_t begun = weir_now_ns();

    for (int i = 0; i < ROUNDS; i++) {
        weir_block block;

        check(weir_deadline_begin(&block, WEIR_MINUTES(1)));
        check(weir_semaphore_acquire(&semaphore));
        (void)weir_block_end(&block);
        check(weir_semaphore_release(&semaphore));
    }
    keep("timeout_ready_ns", each(begun, ROUNDS));
}

/* ---- pairs ---- */

struct pair {
    weir_notify there, back;
    weir_chan messages, answers;
};

static void wait_limited(weir_notify *notify)
{
    weir_block block;

    check(weir_deadline_begin(&block, WEIR_MINUTES(1)));
    check(weir_notify_wait(notify));
    (void)weir_block_end(&block);
}

static int ping(void *arg)
{
    struct pair *pair = arg;

    for (int i = 0; i < PINGS; i++) {
        weir_notify_one(&pair->there);
        wait_limited(&pair->back);
    }
    return 0;
}

static int pong(void *arg)
{
    struct pair *pair = arg;

    for (int i = 0; i < PINGS; i++) {
        wait_limited(&pair->there);
        weir_notify_one(&pair->back);
    }
    return 0;
}

static void select_message(weir_chan chan)
{
    weir_case cases[2];
    char byte;

    weir_case_recv(&cases[0], chan, &byte);
    weir_case_after(&cases[1], WEIR_MINUTES(1));
    check(weir_select(cases, 2) == 0 ? 0 : WEIR_EINVAL);
}

static int select_ping(void *arg)
{
    struct pair *pair = arg;
    char byte = 0;

    for (int i = 0; i < PINGS; i++) {
        check(weir_chan_send(pair->messages, &byte));
        select_message(pair->answers);
    }
    return 0;
}

static int select_pong(void *arg)
{
    struct pair *pair = arg;
    char byte = 0;

    for (int i = 0; i < PINGS; i++) {
        select_message(pair->messages);
        check(weir_chan_send(pair->answers, &byte));
    }
    return 0;
}

static void measure_pairs(const char *name, weir_task_fn *one, weir_task_fn *other)
{
    struct pair pairs[PAIRS] = {0};
    weir_scope scope;
    uint64_t begun;

    for (int i = 0; i < PAIRS; i++) {
        check(weir_chan_create(&pairs[i].messages, 1, 1));
        check(weir_chan_create(&pairs[i].answers, 1, 1));
    }
    begun = weir_now_ns();
    check(weir_scope_open(&scope));
    for (int i = 0; i < PAIRS; i++) {
        check(weir_spawn(&scope, one, &pairs[i]));
        check(weir_spawn(&scope, other, &pairs[i]));
    }
    check(weir_scope_join(&scope));
    keep(name, each(begun, PAIRS * PINGS));
    for (int i = 0; i < PAIRS; i++) {
        weir_chan_destroy(pairs[i].messages);
        weir_chan_destroy(pairs[i].answers);
    }
}

static int measure_tasks(void *arg)
{
    (void)arg;
    for (int i = 0; i < REPEATS; i++) {
        measure_sleeping();
        measure_timeout_ready();
        measure_pairs("timeout_ping_ns", ping, pong);
        measure_pairs("select_after_ns", select_ping, select_pong);
    }
    return 0;
}

/* ---- many sleepers ---- */

static uint64_t processor_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int sleep_until(void *arg)
{
    return weir_sleep_until(*(uint64_t *)arg);
}

static void measure_sleepers(uint32_t count, uint64_t *moments)
{
    uint64_t first_ns = weir_now_ns() + (uint64_t)WEIR_SECONDS(1) + 5000 * (uint64_t)count;
    uint64_t cpu_ns = processor_ns();
    weir_scope scope;

    check(weir_scope_open(&scope));
    for (uint32_t i = 0; i < count; i++) {
        moments[i] = first_ns + i * 2654435761U % 1000000000U;
        check(weir_spawn(&scope, sleep_until, &moments[i]));
        if (i % BATCH == 0)
            check(weir_yield());
    }
    check(weir_scope_join(&scope));
    keep("sleepers_ns", (double)(processor_ns() - cpu_ns) / count);
}

static int sleepers_twice(void *arg)
{
    uint32_t count = *(uint32_t *)arg;
    uint64_t *moments = calloc(count, sizeof *moments);

    check(moments ? 0 : WEIR_ENOMEM);
    measure_sleepers(count, moments);
    measure_sleepers(count, moments);
    free(moments);
    return 0;
}

int main(int argc, char **argv)
{
    struct weir_runtime_options options = {.workers = argument(argc, argv, 1, 1)};
    uint32_t sleepers = argument(argc, argv, 2, 0);
    weir_loop *loop;

    if (sleepers) {
        check(weir_run(sleepers_twice, &sleepers, &options));
    } else {
        check(weir_loop_create(&loop, NULL));
        for (int i = 0; i < REPEATS; i++)
            measure_timer(loop);
        check(weir_loop_destroy(loop));
        check(weir_run(measure_tasks, NULL, &options));
    }
    print_figures();
    return 0;
}
