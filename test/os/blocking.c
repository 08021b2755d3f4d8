/* test/os/blocking.c - work on the pool's threads: classes, limits, withdrawing, leaving. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <weir.h>

#include "base/line.h"
#include "core/jobq.h"
#include "core/offload.h"
#include "support/check.h"
#include "sys/thread.h"
#include "sys/trace.h"

enum {
    CROWD = 1000
};

/* What a job waits at until somebody opens it. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    int open;    /* guarded by the mutex, as all */
    int arrived; /* jobs that have begun */
    int passed;
    int destroyed;
};

#define GATE                                                                                       \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0                            \
    }

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = 1;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->mutex);
}

static int gate_read(struct gate *gate, const int *field)
{
    int value;

    pthread_mutex_lock(&gate->mutex);
    value = *field;
    pthread_mutex_unlock(&gate->mutex);
    return value;
}

/* A job: blocks its thread until the gate is open. */
static int pass(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(&gate->mutex);
    gate->arrived++;
    while (!gate->open)
        pthread_cond_wait(&gate->moved, &gate->mutex);
    gate->passed++;
    pthread_mutex_unlock(&gate->mutex);
    return 7;
}

static void destroy(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(&gate->mutex);
    gate->destroyed++;
    pthread_mutex_unlock(&gate->mutex);
}

/* Lets others run until so many jobs have begun. */
static void await_arrived(struct gate *gate, int count)
{
    while (gate_read(gate, &gate->arrived) < count)
        CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
}

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static struct weir_blocking_counts counts_of(uint32_t group)
{
    struct weir_blocking_counts counts = {0};

    CHECK(weir_blocking_count(group, &counts) == 0);
    return counts;
}

static uint32_t small_class(uint32_t threads_max, uint32_t queue_max)
{
    struct weir_blocking_options options = {
        .name = "test", .threads_max = threads_max, .queue_max = queue_max};
    int group = weir_blocking_class(&options);

    assert_true(group >= 3);
    return (uint32_t)group;
}

/* ---- the plain call ---- */

static int note_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return -42;
}

static int call_once(void *arg)
{
    pthread_t there;

    (void)arg;
    CHECK(weir_blocking(note_thread, &there) == -42);
    CHECK(!pthread_equal(there, pthread_self()));
    CHECK(weir_blocking_in(WEIR_BLOCKING_FILES, note_thread, &there) == -42);
    return 0;
}

TEST(a_call_returns_what_the_function_did_on_another_thread)
{
    not_on_sim("jobs run on the driving thread");
    assert_int_equal(run(call_once, NULL, 1), 0);
    assert_int_equal(run(call_once, NULL, 3), 0);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void count_destroyed(void *arg)
{
    ++*(int *)arg;
}

static int call_from_a_job(void *arg)
{
    (void)arg;
    return weir_blocking(nothing, NULL);
}

static int call_nothing(void *arg)
{
    int kept = 0;
    bool left = true;

    (void)arg;
    CHECK(weir_blocking(NULL, NULL) == WEIR_EINVAL);
    CHECK(weir_blocking_in(WEIR_BLOCKING_FILES, NULL, NULL) == WEIR_EINVAL);
    CHECK(weir_blocking_owned(0, NULL, &kept, count_destroyed, &left) == WEIR_EINVAL);
    CHECK(!left && kept == 0); /* the argument is still the caller's */
    CHECK(weir_blocking_owned(0, NULL, &kept, count_destroyed, NULL) == WEIR_EINVAL);
    CHECK(kept == 1); /* it was not to be kept */
    CHECK(weir_block_in_place(NULL, NULL) == WEIR_EINVAL);
    return 0;
}

static void finish_nothing(struct weir__job *job)
{
    (void)job;
}

TEST(a_function_that_is_not_there_is_refused)
{
    struct weir__job job = {.finish = finish_nothing};

    assert_int_equal(run(call_nothing, NULL, 1), 0);
    assert_int_equal(run(call_nothing, NULL, 2), 0);
    assert_int_equal(weir_block_in_place(NULL, NULL), WEIR_EINVAL);
    assert_int_equal(weir__offload_submit(0, 0, &job), WEIR_EINVAL);
}

static int call_wrongly(void *arg)
{
    (void)arg;
    CHECK(weir_blocking_in(WEIR_BLOCKING_CLASSES_MAX, nothing, NULL) == WEIR_EINVAL);
    CHECK(weir_blocking_owned(0, nothing, NULL, NULL, NULL) == WEIR_EINVAL);
    CHECK(weir_blocking(call_from_a_job, NULL) == WEIR_ENOTASK);
    return 0;
}

TEST(wrong_calls_are_refused)
{
    struct weir_blocking_counts counts;
    struct weir_blocking_options tiny = {.stack_size = 100}, many = {.threads_max = 1u << 31};
    struct weir_blocking_options named = {.name = "other"};

    assert_int_equal(run(call_wrongly, NULL, 1), 0);
    assert_int_equal(weir_blocking(nothing, NULL), WEIR_ENOTASK);
    assert_int_equal(weir_blocking_class(&tiny), WEIR_EOPTION);
    assert_int_equal(weir_blocking_class(&many), WEIR_EOPTION);
    assert_int_equal(weir_blocking_limit(WEIR_BLOCKING_USER, &named), WEIR_EOPTION);
    assert_int_equal(weir_blocking_limit(WEIR_BLOCKING_CLASSES_MAX, &tiny), WEIR_EINVAL);
    assert_int_equal(weir_blocking_count(WEIR_BLOCKING_CLASSES_MAX, &counts), WEIR_EINVAL);
}

static int pass_in_scope(void *arg)
{
    return weir_blocking(pass, arg) == 7 ? 0 : -1;
}

static int open_meanwhile(void *arg)
{
    struct gate *gate = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, pass_in_scope, gate) == 0);
    await_arrived(gate, 1);
    CHECK(counts_of(WEIR_BLOCKING_USER).running == 1);
    gate_open(gate);
    return weir_scope_join(&scope);
}

TEST(the_worker_goes_on_while_a_job_blocks)
{
    struct gate gate = GATE;

    not_on_sim("jobs run on the driving thread");
    assert_int_equal(run(open_meanwhile, &gate, 1), 0);
    assert_int_equal(gate.passed, 1);
}

/* ---- classes ---- */

struct crowd {
    struct gate gate;
    uint32_t group;
};

static int pass_in_class(void *arg)
{
    struct crowd *crowd = arg;

    return weir_blocking_in(crowd->group, pass, &crowd->gate) == 7 ? 0 : -1;
}

static int block_one_class(void *arg)
{
    struct crowd *crowd = arg;
    struct weir_blocking_counts counts;
    pthread_t there;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < CROWD; i++)
        CHECK(weir_spawn(&scope, pass_in_class, crowd) == 0);
    await_arrived(&crowd->gate, 4);
    while (counts_of(crowd->group).queued < CROWD - 4)
        CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
    counts = counts_of(crowd->group);
    CHECK(counts.threads == 4 && counts.running == 4 && counts.idle == 0);
    for (i = 0; i < 100; i++) /* which none of the crowd's jobs has to end for */
        CHECK(weir_blocking(note_thread, &there) == -42);
    CHECK(gate_read(&crowd->gate, &crowd->gate.passed) == 0);
    gate_open(&crowd->gate);
    CHECK(weir_scope_join(&scope) == 0);
    counts = counts_of(crowd->group);
    CHECK(counts.done == CROWD && counts.running == 0 && counts.queued == 0);
    return 0;
}

TEST(a_thousand_blocked_jobs_delay_no_other_class)
{
    struct crowd crowd = {.gate = GATE};

    not_on_sim("jobs run on the driving thread");
    crowd.group = small_class(4, 0);
    assert_int_equal(run(block_one_class, &crowd, 2), 0);
    assert_int_equal(crowd.gate.passed, CROWD);
}

static int fill_queue(void *arg)
{
    struct crowd *crowd = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, pass_in_class, crowd) == 0);
    await_arrived(&crowd->gate, 1);
    for (i = 0; i < 2; i++)
        CHECK(weir_spawn(&scope, pass_in_class, crowd) == 0);
    while (counts_of(crowd->group).queued < 2)
        CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
    CHECK(weir_blocking_in(crowd->group, pass, &crowd->gate) == WEIR_ELIMIT);
    CHECK(counts_of(crowd->group).refused == 1);
    gate_open(&crowd->gate);
    return weir_scope_join(&scope);
}

TEST(a_full_queue_refuses)
{
    struct crowd crowd = {.gate = GATE};

    not_on_sim("jobs run on the driving thread");
    crowd.group = small_class(1, 2);
    assert_int_equal(run(fill_queue, &crowd, 1), 0);
    assert_int_equal(crowd.gate.passed, 3);
}

static int raise_limit(void *arg)
{
    struct weir_blocking_options more = {.threads_max = 3};
    struct crowd *crowd = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_spawn(&scope, pass_in_class, crowd) == 0);
    await_arrived(&crowd->gate, 1);
    CHECK(weir_blocking_limit(crowd->group, &more) == 0);
    await_arrived(&crowd->gate, 3); /* though none has ended */
    gate_open(&crowd->gate);
    return weir_scope_join(&scope);
}

TEST(a_higher_limit_helps_the_jobs_that_wait)
{
    struct crowd crowd = {.gate = GATE};

    not_on_sim("jobs run on the driving thread");
    crowd.group = small_class(1, 0);
    assert_int_equal(run(raise_limit, &crowd, 2), 0);
}

/* ---- order ---- */

/* A job that notes how many have passed the gate before it. */
static int note_passed(void *arg)
{
    return gate_read(arg, &((struct gate *)arg)->passed);
}

static int send_crowd(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < CROWD; i++)
        CHECK(weir_spawn(&scope, pass_in_class, arg) == 0);
    return weir_scope_join(&scope);
}

static int send_one(void *arg)
{
    struct crowd *crowd = arg;
    int passed = weir_blocking_in(crowd->group, note_passed, &crowd->gate);

    CHECK(passed >= 0 && passed <= (int)WEIR__JOBQ_TURN);
    return 0;
}

/* Waits for counts of a class from outside of tasks. */
static void await_queued(uint32_t group, uint32_t queued)
{
    while (counts_of(group).queued < queued)
        sched_yield();
}

TEST(a_job_of_another_loop_does_not_wait_for_a_crowd_of_one)
{
    struct weir_runtime_options options = {.workers = 1};
    struct crowd crowd = {.gate = GATE};
    weir_runtime *first, *second;

    not_on_sim("jobs run on the driving thread");
    crowd.group = small_class(1, 0);
    assert_int_equal(weir_runtime_create(&first, &options), 0);
    assert_int_equal(weir_runtime_create(&second, &options), 0);
    assert_int_equal(weir_runtime_spawn(first, send_crowd, &crowd), 0);
    while (gate_read(&crowd.gate, &crowd.gate.arrived) < 1)
        sched_yield(); /* until one blocks the only thread */
    await_queued(crowd.group, CROWD - 1);
    assert_int_equal(weir_runtime_spawn(second, send_one, &crowd), 0);
    await_queued(crowd.group, CROWD);
    gate_open(&crowd.gate);
    while (counts_of(crowd.group).done < CROWD + 1)
        sched_yield(); /* a shutdown would cancel them */
    assert_int_equal(weir_runtime_destroy(second), 0);
    assert_int_equal(weir_runtime_destroy(first), 0);
    assert_checks();
}

/* ---- threads as the class wants them ---- */

struct looks {
    uint32_t group;
    size_t stack;
    char name[16];
};

static int look_round(void *arg)
{
    struct looks *looks = arg;
    void *low;

    CHECK(weir__thread_stack(&low, &looks->stack) == 0);
    CHECK(pthread_getname_np(pthread_self(), looks->name, sizeof looks->name) == 0);
    return 0;
}

static int ask_looks(void *arg)
{
    return weir_blocking_in(((struct looks *)arg)->group, look_round, arg);
}

TEST(threads_have_the_name_and_the_stack_of_their_class)
{
    struct weir_blocking_options options = {.name = "roomy and long-named",
                                            .stack_size = 20 * 1024 * 1024};
    struct looks looks = {0};

    not_on_sim("jobs run on the driving thread");
    looks.group = (uint32_t)weir_blocking_class(&options);
    assert_int_equal(run(ask_looks, &looks, 1), 0);
    assert_true(looks.stack >= 19u * 1024 * 1024);
    assert_string_equal(looks.name, "roomy and long-");
}

/* ---- threads come and go ---- */

static int outlive_threads(void *arg)
{
    uint32_t group = *(uint32_t *)arg;
    pthread_t there;

    CHECK(weir_blocking_in(group, note_thread, &there) == -42);
    CHECK(counts_of(group).started == 1);
    while (counts_of(group).threads)
        CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_blocking_in(group, note_thread, &there) == -42);
    CHECK(counts_of(group).started == 2);
    return 0;
}

TEST(an_idle_thread_ends_after_its_keep_alive)
{
    struct weir_blocking_options options = {.keep_alive_ns = WEIR_MILLISECONDS(1)};
    uint32_t group = (uint32_t)weir_blocking_class(&options);

    not_on_sim("jobs run on the driving thread");
    assert_int_equal(run(outlive_threads, &group, 1), 0);
}

/* Several threads that have had something to do, and one that still has. */
static int outlive_some(void *arg)
{
    struct weir_blocking_counts counts;
    struct crowd *crowd = arg;
    struct crowd last = {.gate = GATE, .group = crowd->group};
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_spawn(&scope, pass_in_class, crowd) == 0);
    CHECK(weir_spawn(&scope, pass_in_class, &last) == 0);
    await_arrived(&crowd->gate, 3);
    await_arrived(&last.gate, 1);
    CHECK(counts_of(crowd->group).threads == 4);
    gate_open(&crowd->gate);
    while (counts_of(crowd->group).threads > 1)
        CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(5)) == 0); /* longer than its keep-alive */
    counts = counts_of(crowd->group);
    CHECK(counts.threads == 1 && counts.running == 1 && counts.idle == 0);
    gate_open(&last.gate);
    return weir_scope_join(&scope);
}

TEST(idle_threads_end_and_busy_ones_do_not)
{
    struct weir_blocking_options options = {.keep_alive_ns = WEIR_MILLISECONDS(1)};
    struct crowd crowd = {.gate = GATE, .group = (uint32_t)weir_blocking_class(&options)};

    not_on_sim("jobs run on the driving thread");
    assert_int_equal(run(outlive_some, &crowd, 2), 0);
}

static int use_one_thread(void *arg)
{
    uint64_t before = counts_of(WEIR_BLOCKING_NAMES).started;
    pthread_t there;
    int i;

    (void)arg;
    for (i = 0; i < 200; i++)
        CHECK(weir_blocking_in(WEIR_BLOCKING_NAMES, note_thread, &there) == -42);
    CHECK(counts_of(WEIR_BLOCKING_NAMES).started - before <= 2);
    return 0;
}

TEST(an_idle_thread_is_used_again)
{
    assert_int_equal(run(use_one_thread, NULL, 1), 0);
}

TEST(threads_end_with_the_last_runtime)
{
    int i;

    not_on_sim("jobs run on the driving thread");
    for (i = 0; i < 50; i++) {
        uint32_t group;

        assert_int_equal(run(call_once, NULL, 1 + (uint32_t)i % 2), 0);
        for (group = 0; group < 3; group++) {
            assert_int_equal(counts_of(group).threads, 0);
            assert_int_equal(counts_of(group).idle, 0);
        }
    }
}

/* ---- withdrawing ---- */

static int try_shortly(void *arg)
{
    struct crowd *crowd = arg;
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    rc = weir_blocking_in(crowd->group, pass, &crowd->gate);
    CHECK(weir_block_end(&block));
    CHECK(rc == WEIR_EDEADLINE);
    return 0;
}

static int be_cancelled(void *arg)
{
    struct crowd *crowd = arg;

    CHECK(weir_blocking_in(crowd->group, pass, &crowd->gate) == WEIR_ECANCELED);
    return 0;
}

static int withdraw(void *arg)
{
    struct crowd *crowd = arg;
    weir_scope scope, cancelled;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, pass_in_class, crowd) == 0);
    await_arrived(&crowd->gate, 1);
    CHECK(try_shortly(crowd) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    CHECK(weir_spawn(&cancelled, be_cancelled, crowd) == 0);
    while (!counts_of(crowd->group).queued)
        CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
    weir_scope_cancel(&cancelled);
    CHECK(weir_scope_join(&cancelled) == 0);
    CHECK(counts_of(crowd->group).withdrawn >= 1);
    gate_open(&crowd->gate);
    return weir_scope_join(&scope);
}

TEST(a_job_that_has_not_begun_is_withdrawn)
{
    struct crowd crowd = {.gate = GATE};

    not_on_sim("jobs run on the driving thread");
    crowd.group = small_class(1, 0);
    assert_int_equal(run(withdraw, &crowd, 1), 0);
    assert_int_equal(crowd.gate.arrived, 1);
    crowd = (struct crowd){.gate = GATE, .group = small_class(1, 0)};
    assert_int_equal(run(withdraw, &crowd, 3), 0);
    assert_int_equal(crowd.gate.arrived, 1);
}

static int pass_though_cancelled(void *arg)
{
    CHECK(weir_blocking(pass, arg) == 7);
    CHECK(weir_check() == WEIR_ECANCELED);
    return 0;
}

static int cancel_begun(void *arg)
{
    struct gate *gate = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, pass_though_cancelled, gate) == 0);
    await_arrived(gate, 1);
    weir_scope_cancel(&scope);
    CHECK(weir_sleep(WEIR_MILLISECONDS(2)) == 0); /* it would have returned by now */
    CHECK(counts_of(WEIR_BLOCKING_USER).running == 1);
    gate_open(gate);
    return weir_scope_join(&scope);
}

TEST(a_job_that_has_begun_is_waited_for)
{
    struct gate gate = GATE;

    not_on_sim("jobs run on the driving thread");
    assert_int_equal(run(cancel_begun, &gate, 1), 0);
    assert_int_equal(gate.passed, 1);
}

/* ---- owned memory ---- */

static int leave_begun(void *arg)
{
    struct gate *gate = arg;
    weir_block block;
    bool left = false;
    int rc;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    do /* a machine that is slow may not have begun it */
        rc = weir_blocking_owned(WEIR_BLOCKING_NAMES, pass, gate, destroy, &left);
    while (rc != WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    if (!left)
        return 1;
    CHECK(counts_of(WEIR_BLOCKING_NAMES).left == 1);
    CHECK(gate_read(gate, &gate->destroyed) == 0);
    gate_open(gate);
    return 0;
}

TEST(a_call_that_owns_leaves_a_job_that_has_begun)
{
    struct gate gate;

    not_on_sim("jobs run on the driving thread");
    do
        gate = (struct gate)GATE;
    while (run(leave_begun, &gate, 2) == 1);
    /* the runtime has ended after the job */
    assert_int_equal(gate.passed, 1);
    assert_int_equal(gate.destroyed, 1);
    assert_int_equal(counts_of(WEIR_BLOCKING_NAMES).left, 0);
}

static int own_and_wait(void *arg)
{
    struct gate *gate = arg;
    bool left = true;

    CHECK(weir_blocking_owned(WEIR_BLOCKING_NAMES, pass, gate, destroy, &left) == 7);
    CHECK(!left && gate->destroyed == 0);
    CHECK(weir_blocking_owned(WEIR_BLOCKING_NAMES, pass, gate, destroy, NULL) == 7);
    CHECK(gate->destroyed == 1);
    CHECK(weir_blocking_owned(WEIR_BLOCKING_CLASSES_MAX, pass, gate, destroy, NULL) == WEIR_EINVAL);
    CHECK(gate->destroyed == 2);
    return 0;
}

TEST(what_is_owned_comes_back_when_the_function_has_returned)
{
    struct gate gate = GATE;

    gate_open(&gate);
    assert_int_equal(run(own_and_wait, &gate, 1), 0);
    assert_int_equal(gate.passed, 2);
}

static int leave_when_cancelled(void *arg)
{
    bool left = false;

    CHECK(weir_blocking_owned(WEIR_BLOCKING_USER, pass, arg, destroy, &left) == WEIR_ECANCELED);
    CHECK(left);
    return 0;
}

/* The function's name, or, since it is static, the file and where in it. */
static void note_job(const struct weir_remaining *what, void *arg)
{
    struct weir__line line;

    if (!strstr(what->name, "blocking job")) /* a task that has not ended yet */
        return;
    weir__line_init(&line);
    weir__trace_describe(&line, (void *)(uintptr_t)pass);
    weir__line_add(&line, " (a blocking job of weir-user that was left by leaver)");
    CHECK_INSIDE(strcmp(what->name, line.text) == 0);
    CHECK_INSIDE(what->id != 0);
    CHECK_INSIDE(strcmp(what->state, "running") == 0);
    ++*(int *)arg;
}

static int spawn_leavers(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 2; i++) {
        const struct weir_spawn_options options = {.name = "leaver"};

        CHECK(weir_spawn_with(&scope, leave_when_cancelled, arg, &options) == 0);
    }
    return weir_scope_join(&scope);
}

TEST(a_shutdown_tells_which_jobs_were_left_and_by_whom)
{
    struct weir_runtime_options options = {.workers = 2};
    struct gate gate = GATE;
    weir_runtime *runtime;
    int told, left;

    not_on_sim("jobs run on the driving thread");
    assert_int_equal(weir_runtime_create(&runtime, &options), 0);
    assert_int_equal(weir_runtime_spawn(runtime, spawn_leavers, &gate), 0);
    while (gate_read(&gate, &gate.arrived) < 2)
        sched_yield();
    do {
        told = 0;
        left = weir_runtime_shutdown(runtime, WEIR_MILLISECONDS(20), note_job, &told);
    } while (told == 0); /* the tasks themselves may not have ended yet */
    assert_int_equal(told, 2);
    assert_int_equal(left, 2);
    assert_int_equal(counts_of(WEIR_BLOCKING_USER).left, 2);
    gate_open(&gate);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_int_equal(gate.destroyed, 2);
    assert_checks();
}

/* ---- all at once ---- */

struct storm {
    uint32_t group;
    int ran, returned, stopped; /* atomic */
};

static int count_run(void *arg)
{
    return __atomic_add_fetch(&((struct storm *)arg)->ran, 1, __ATOMIC_SEQ_CST) > 0;
}

static int call_with_deadlines(void *arg)
{
    struct storm *storm = arg;
    weir_block block;
    int i, rc;

    for (i = 0; i < 40; i++) {
        CHECK(weir_deadline_begin(&block, i % 4 == 0 ? 0 : WEIR_MICROSECONDS(i * 50)) == 0);
        rc = weir_blocking_in(storm->group, count_run, storm);
        (void)weir_block_end(&block);
        CHECK(rc == 1 || rc == WEIR_EDEADLINE);
        (void)__atomic_add_fetch(rc == 1 ? &storm->returned : &storm->stopped, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}

static int storm_by_many(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 40; i++)
        CHECK(weir_spawn(&scope, call_with_deadlines, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(threads_that_end_all_the_time_leave_no_job_behind)
{
    struct weir_blocking_options options = {.threads_max = 3, .keep_alive_ns = 1};
    struct storm storm = {.group = (uint32_t)weir_blocking_class(&options)};

    assert_int_equal(run(storm_by_many, &storm, 3), 0);
    assert_int_equal(storm.ran, storm.returned);
    assert_int_equal(counts_of(storm.group).done, storm.ran);
    assert_int_equal(counts_of(storm.group).threads, 0);
}

TEST(each_job_is_run_or_withdrawn_never_both)
{
    struct storm storm = {.group = small_class(3, 0)};

    assert_int_equal(run(storm_by_many, &storm, 3), 0);
    assert_int_equal(storm.ran, storm.returned);
    assert_int_equal(storm.returned + storm.stopped, 40 * 40);
    assert_int_equal(counts_of(storm.group).done, storm.ran);
}
