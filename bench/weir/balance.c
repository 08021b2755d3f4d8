/* bench/weir/balance.c - what a second worker is good for, and what it costs; one line of JSON.
 *
 * unbalanced: 64 tasks that are all started on one worker; each computes for 20 us to 1 ms, ten
 * times, and sleeps for a millisecond between. The time for all with one worker and with two, and
 * how much sooner the two are done (speedup). messages: eight pairs of tasks that send a message
 * there and back; with one worker and with two. The best of five repetitions.
 *
 * empty: of the sleeps of a worker that the other one has ended, how many were for nothing, since
 * no task ran before the next sleep: in percent. wakes: how many there were. With messages, for
 * 1,000 of them; in bursts: each millisecond eight tasks are notified that compute 20 us each, for
 * one burst. Of all repetitions.
 */
#include "micro.h"

#include <stdbool.h>
#include <weir/chan.h>
#include <weir/metrics.h>
#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/sync.h>

enum {
    WORKERS = 2,
    COMPUTERS = 64,
    TURNS = 10,
    PAIRS = 8,
    MESSAGES = 10000,
    BURSTS = 100,
    BURST_TASKS = 8,
    BURST_US = 20,
    REPEATS = 5
};

/* ---- unbalanced work ---- */

/* 20 us to 1 ms, the same sequence in each run. */
static uint64_t length_us(uint64_t task, uint64_t turn)
{
    return 20 + (task * 7919 + turn * 104729) % 981;
}

static int compute_and_sleep(void *arg)
{
    for (uint64_t i = 0; i < TURNS; i++) {
        compute(length_us((uintptr_t)arg, i));
        check(weir_sleep(WEIR_MILLISECONDS(1)));
    }
    return 0;
}

static int unbalanced(void *arg)
{
    struct weir_spawn_options options = {.worker = 1};
    uint64_t begun = weir_now_ns();
    weir_scope scope;

    check(weir_scope_open(&scope));
    for (uintptr_t i = 0; i < COMPUTERS; i++)
        check(weir_spawn_with(&scope, compute_and_sleep, (void *)i, &options));
    check(weir_scope_join(&scope));
    keep(arg, each(begun, 1000000));
    return 0;
}

/* ---- messages ---- */

struct pair {
    weir_chan there, back;
};

static int send_and_wait(void *arg)
{
    const struct pair *pair = arg;
    char byte = 0;

    for (int i = 0; i < MESSAGES; i++) {
        check(weir_chan_send(pair->there, &byte));
        check(weir_chan_recv(pair->back, &byte));
    }
    return 0;
}

static int answer(void *arg)
{
    const struct pair *pair = arg;
    char byte;

    for (int i = 0; i < MESSAGES; i++) {
        check(weir_chan_recv(pair->there, &byte));
        check(weir_chan_send(pair->back, &byte));
    }
    return 0;
}

static int messages(void *arg)
{
    struct pair pairs[PAIRS];
    uint64_t begun;
    weir_scope scope;

    for (int i = 0; i < PAIRS; i++) {
        check(weir_chan_create(&pairs[i].there, 1, 1));
        check(weir_chan_create(&pairs[i].back, 1, 1));
    }
    begun = weir_now_ns();
    check(weir_scope_open(&scope));
    for (int i = 0; i < PAIRS; i++) {
        check(weir_spawn(&scope, send_and_wait, &pairs[i]));
        check(weir_spawn(&scope, answer, &pairs[i]));
    }
    check(weir_scope_join(&scope));
    keep(arg, each(begun, PAIRS * MESSAGES));
    for (int i = 0; i < PAIRS; i++) {
        weir_chan_destroy(pairs[i].there);
        weir_chan_destroy(pairs[i].back);
    }
    return 0;
}

/* ---- bursts ---- */

struct crowd {
    weir_notify begin;
    weir_latch done[BURSTS];
};

static int work_in_bursts(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < BURSTS; i++) {
        check(weir_notify_wait(&crowd->begin));
        compute(BURST_US);
        check(weir_latch_count_down(&crowd->done[i], 1));
    }
    return 0;
}

static int bursts(void *arg)
{
    static struct crowd crowd;
    weir_scope scope;

    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    check(weir_scope_open(&scope));
    for (int i = 0; i < BURST_TASKS; i++)
        check(weir_spawn(&scope, work_in_bursts, &crowd));
    for (int i = 0; i < BURSTS; i++) {
        crowd.done[i] = (weir_latch)WEIR_LATCH_INIT(BURST_TASKS);
        check(weir_sleep(WEIR_MILLISECONDS(1)));
        weir_notify_all(&crowd.begin);
        check(weir_latch_wait(&crowd.done[i]));
    }
    check(weir_scope_join(&scope));
    return 0;
}

/* ---- wakes ---- */

/* What a worker had done at its last sleep; of its thread only. */
struct seen {
    bool slept; /* in this phase */
    uint64_t runs, wakes;
};

struct watch {
    weir_runtime *runtime; /* NULL: nothing is counted */
    struct seen seen[WORKERS];
    uint64_t wakes, empty;
};

static void on_park(uint32_t worker, void *arg)
{
    struct watch *watch = arg;
    weir_runtime *runtime = __atomic_load_n(&watch->runtime, __ATOMIC_ACQUIRE);
    struct weir_worker_metrics workers[WORKERS], *now = &workers[worker - 1];
    struct seen *seen = &watch->seen[worker - 1];
    struct weir_metrics all;

    if (!runtime)
        return;
    check(weir_metrics_read(runtime, &all, workers, WORKERS));
    if (seen->slept && now->wakes != seen->wakes) {
        __atomic_fetch_add(&watch->wakes, 1, __ATOMIC_RELAXED);
        if (now->runs == seen->runs)
            __atomic_fetch_add(&watch->empty, 1, __ATOMIC_RELAXED);
    }
    *seen = (struct seen){true, now->runs, now->wakes};
}

static struct watch watch_work(weir_task_fn *fn, void *arg)
{
    struct watch watch = {NULL, {{0}}, 0, 0};
    struct weir_runtime_hooks hooks = {.arg = &watch, .worker_park = on_park};
    struct weir_runtime_options options = {.workers = WORKERS, .hooks = &hooks};
    weir_runtime *runtime;

    check(weir_runtime_create(&runtime, &options));
    __atomic_store_n(&watch.runtime, runtime, __ATOMIC_RELEASE);
    check(weir_runtime_block_on(runtime, fn, arg));
    __atomic_store_n(&watch.runtime, NULL, __ATOMIC_RELEASE);
    check(weir_runtime_destroy(runtime));
    return watch;
}

static void add(struct watch *sum, struct watch more)
{
    sum->wakes += more.wakes;
    sum->empty += more.empty;
}

static double percent_empty(const struct watch *watch)
{
    return watch->wakes ? 100.0 * (double)watch->empty / (double)watch->wakes : 0;
}

/* ---- all ---- */

static void measure(uint32_t workers, char *unbalanced_name, char *messages_name)
{
    struct weir_runtime_options options = {.workers = workers};

    check(weir_run(unbalanced, unbalanced_name, &options));
    check(weir_run(messages, messages_name, &options));
}

int main(void)
{
    struct watch talk = {0}, burst = {0};

    for (int i = 0; i < REPEATS; i++) {
        measure(1, "unbalanced_1w_ms", "messages_1w_ns");
        measure(2, "unbalanced_2w_ms", "messages_2w_ns");
        add(&talk, watch_work(messages, "messages_2w_ns"));
        add(&burst, watch_work(bursts, NULL));
    }
    keep("unbalanced_speedup", kept("unbalanced_1w_ms") / kept("unbalanced_2w_ms"));
    keep("messages_wakes", 1000.0 * (double)talk.wakes / (REPEATS * PAIRS * MESSAGES));
    keep("messages_empty_percent", percent_empty(&talk));
    keep("bursts_wakes", (double)burst.wakes / (REPEATS * BURSTS));
    keep("bursts_empty_percent", percent_empty(&burst));
    print_figures();
    return 0;
}
