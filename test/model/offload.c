/* test/model/offload.c - jobs that are submitted, withdrawn and run, by pool threads that sleep. */
#include "check/check.h"

#include <string.h>

#include "core/offload.c"

enum {
    JOBS = 3,
    THREADS = 2
};

struct errand {
    struct weir__job job;
    int result;    /* plain: a race if the submitter looks too early */
    uint32_t done; /* parked on */
    int runs;
    bool withdrawn;
};

/* A thread of the pool that was asked for, and the thread of the model that is it. */
struct body {
    void (*fn)(void *arg);
    void *arg;
    uint32_t state; /* 0: not asked for, 1: runs, 2: has ended */
};

static struct errand errands[JOBS];
static struct body bodies[THREADS];
static struct pool_thread made[THREADS];
static uint32_t bodies_asked, bodies_max;
static bool lingers;

/* ---- the surroundings ---- */

void *weir__calloc(size_t count, size_t size)
{
    MODEL_CHECK(count * size == sizeof made[0] && bodies_asked < bodies_max);
    return &made[bodies_asked];
}

void weir__free(void *memory)
{
    (void)memory;
}

void weir__linger_init(struct weir__linger *linger, bool never)
{
    (void)linger;
    (void)never;
}

bool weir__linger_begin(struct weir__linger *linger, bool elsewhere)
{
    (void)elsewhere;
    linger->trial++; /* plain: a race if two are on their way */
    return lingers;
}

bool weir__linger_again(struct weir__linger *linger)
{
    linger->trial++;
    return false;
}

void weir__linger_end(struct weir__linger *linger, uint64_t now_ns)
{
    (void)now_ns;
    linger->trial++;
}

uint32_t weir__affinity_count(void)
{
    return 2;
}

int weir__affinity_here(void)
{
    return 0;
}

static void set_state(struct body *body, uint32_t state)
{
    WEIR_ATOMIC_STORE(&body->state, state, RELEASE);
    model_unpark(&body->state, 1);
}

static int start_thread(struct weir__thread *thread, void (*fn)(void *), void *arg,
                        const char *name)
{
    struct body *body = &bodies[bodies_asked++];

    (void)thread;
    (void)name;
    body->fn = fn;
    body->arg = arg;
    set_state(body, 1);
    return 0;
}

static void join_thread(struct weir__thread *thread)
{
    struct pool_thread *joined = WEIR_CONTAINER_OF(thread, struct pool_thread, thread);
    struct body *body = &bodies[joined - made];

    while (WEIR_ATOMIC_LOAD(&body->state, ACQUIRE) != 2)
        (void)model_park(&body->state, 1);
}

static struct weir__sys table;

static void begin_with(uint32_t threads, uint32_t submitters, bool looks)
{
    static const struct group fresh = GROUP("weir-user", 0);

    if (!table.thread_start) {
        table = *weir__sys;
        table.thread_start = start_thread;
        table.thread_join = join_thread;
    }
    weir__sys = &table;
    memset(errands, 0, sizeof errands);
    memset(bodies, 0, sizeof bodies);
    memset(made, 0, sizeof made);
    groups[0] = fresh;
    groups[0].limits.threads_max = threads;
    group_count = 1;
    hold_lock = 0;
    holders = submitters;
    bodies_asked = 0;
    bodies_max = threads;
    lingers = looks;
}

/* ---- the threads ---- */

static void run_errand(struct weir__job *job)
{
    struct errand *errand = WEIR_CONTAINER_OF(job, struct errand, job);

    errand->result = 7;
    errand->runs++;
}

static void finish_errand(struct weir__job *job)
{
    struct errand *errand = WEIR_CONTAINER_OF(job, struct errand, job);

    WEIR_ATOMIC_STORE(&errand->done, 1, RELEASE);
    model_unpark(&errand->done, 1);
}

static void submit(uint32_t number)
{
    errands[number].job.run = run_errand;
    errands[number].job.finish = finish_errand;
    MODEL_CHECK(weir__offload_submit(0, number, &errands[number].job) >= 0);
}

static void await_errand(uint32_t number)
{
    while (WEIR_ATOMIC_LOAD(&errands[number].done, ACQUIRE) == 0)
        (void)model_park(&errands[number].done, 0);
    MODEL_CHECK(errands[number].result == 7);
}

static void call_once(void)
{
    submit(0);
    await_errand(0);
    weir__offload_release();
}

static void call_twice(void)
{
    submit(0);
    await_errand(0);
    submit(1);
    await_errand(1);
    weir__offload_release();
}

static void call_with_two(void)
{
    submit(0);
    submit(1);
    await_errand(0);
    await_errand(1);
    weir__offload_release();
}

static void call_other(void)
{
    submit(2);
    await_errand(2);
    weir__offload_release();
}

static void withdraw_other(void)
{
    submit(2);
    errands[2].withdrawn = weir__offload_withdraw(&errands[2].job);
    if (!errands[2].withdrawn)
        await_errand(2);
    weir__offload_release();
}

/* A model thread that is a thread of the pool, if one is made. */
static void be_thread(uint32_t number)
{
    struct body *body = &bodies[number];

    while (WEIR_ATOMIC_LOAD(&body->state, ACQUIRE) == 0)
        (void)model_park(&body->state, 0);
    if (!body->fn) /* the last submitter has let it go */
        return;
    body->fn(body->arg);
    set_state(body, 2);
}

static void be_first(void)
{
    be_thread(0);
}

static void be_second(void)
{
    be_thread(1);
}

/* Lets a thread go that nobody has asked for. */
static void call_with_two_then_end(void)
{
    call_with_two();
    if (bodies_asked < 2)
        set_state(&bodies[1], 2);
}

static void end(void)
{
    struct weir_blocking_counts counts = {0};
    uint32_t i, ran = 0, withdrawn = 0;

    for (i = 0; i < JOBS; i++) {
        MODEL_CHECK(errands[i].runs + errands[i].withdrawn <= 1);
        ran += (uint32_t)errands[i].runs;
        withdrawn += errands[i].withdrawn;
    }
    MODEL_CHECK(weir_blocking_count(0, &counts) == 0);
    MODEL_CHECK(counts.done == ran && counts.withdrawn == withdrawn);
    MODEL_CHECK(counts.queued + counts.running + counts.threads + counts.idle == 0);
    MODEL_CHECK(counts.started == bodies_asked);
}

static void begin_one(void)
{
    begin_with(1, 1, false);
}

static void begin_looking(void)
{
    begin_with(1, 1, true);
}

static void begin_shared(void)
{
    begin_with(1, 2, false);
}

static void begin_shared_looking(void)
{
    begin_with(1, 2, true);
}

static void begin_two(void)
{
    begin_with(2, 1, false);
}

static const struct model again = {.name = "offload, one job after another",
                                   .begin = begin_one,
                                   .threads = {call_twice, be_first},
                                   .end = end,
                                   .runs_max = 20000};
static const struct model looking = {.name = "offload, a thread that looks",
                                     .begin = begin_looking,
                                     .threads = {call_twice, be_first},
                                     .end = end,
                                     .runs_max = 20000};
static const struct model shared = {.name = "offload, two submitters",
                                    .begin = begin_shared,
                                    .threads = {call_once, be_first, call_other},
                                    .end = end,
                                    .runs_max = 20000};
static const struct model withdraws = {.name = "offload, withdrawn or run",
                                       .begin = begin_shared_looking,
                                       .threads = {call_once, be_first, withdraw_other},
                                       .end = end,
                                       .runs_max = 20000};
static const struct model two = {.name = "offload, two threads",
                                 .begin = begin_two,
                                 .threads = {call_with_two_then_end, be_first, be_second},
                                 .end = end,
                                 .runs_max = 20000};

TEST(a_job_is_run_though_the_thread_falls_asleep)
{
    model_holds(&again);
    model_holds(&looking);
}

TEST(jobs_of_two_shards_are_run_by_one_thread)
{
    model_holds(&shared);
}

TEST(a_job_is_withdrawn_or_run)
{
    model_holds(&withdraws);
}

TEST(two_threads_share_the_jobs)
{
    model_holds(&two);
}

TEST(a_thread_that_tells_loosely_that_it_does_not_come_is_waited_for)
{
    model_fails(&looking, &(struct model_mutation){.function = "set_call"});
}

TEST(a_thread_that_does_not_look_again_sleeps_for_ever)
{
    model_fails(&again, &(struct model_mutation){.function = "weir__jobq_len", .blind = true});
}

TEST(a_thread_that_is_called_and_not_woken_sleeps_for_ever)
{
    model_fails(&again, &(struct model_mutation){.function = "wake", .blind = true});
}
