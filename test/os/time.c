/* test/os/time.c - sleeping, intervals, and the virtual clock with one worker and with several. */
#include "test.h"

#include <pthread.h>
#include <time.h>
#include <weir.h>

#include "support/check.h"

#define HOUR     WEIR_MINUTES(60)
#define TICK     WEIR_MILLISECONDS(1) /* timers are late by at most this, while time stands still */
#define PERIOD   WEIR_MILLISECONDS(10)
#define SLEEPERS 200

static int run_with(weir_task_fn *fn, void *arg, uint32_t workers, uint8_t clock)
{
    struct weir_runtime_options options = {.workers = workers, .clock = clock};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

/* In virtual time, on one worker, on two and on more than there are processors, most likely. */
static void run_virtually(weir_task_fn *fn, void *arg)
{
    assert_int_equal(run_with(fn, arg, 1, WEIR_CLOCK_VIRTUAL), 0);
    assert_int_equal(run_with(fn, arg, 2, WEIR_CLOCK_VIRTUAL), 0);
    assert_int_equal(run_with(fn, arg, 5, WEIR_CLOCK_VIRTUAL), 0);
}

static int64_t since(uint64_t moment_ns)
{
    return (int64_t)(weir_now_ns() - moment_ns);
}

/* ---- the real clock ---- */

TEST(the_calendar_is_the_systems)
{
    struct timespec now;
    int64_t wall_ns, before_ns;

    clock_gettime(CLOCK_REALTIME, &now);
    before_ns = WEIR_SECONDS(now.tv_sec) + now.tv_nsec;
    wall_ns = weir_wall_ns();
    clock_gettime(CLOCK_REALTIME, &now);
    if (WEIR_SECONDS(now.tv_sec) + now.tv_nsec < before_ns)
        skip("the calendar was set back");
    assert_true(wall_ns >= before_ns);
    assert_true(wall_ns <= WEIR_SECONDS(now.tv_sec) + now.tv_nsec);
}

static int sleep_until(void *arg)
{
    uint64_t now_ns = weir_now_ns();

    (void)arg;
    CHECK(weir_sleep_until(now_ns + 2000000) == 0);
    CHECK(since(now_ns) >= 2000000);
    CHECK(weir_sleep_until(now_ns) == 0);
    CHECK(weir_sleep_until(0) == 0);
    CHECK(weir_clock_advance(1) == WEIR_ENOTSUP);
    return 0;
}

TEST(sleep_until_is_never_short)
{
    assert_int_equal(run_with(sleep_until, NULL, 1, WEIR_CLOCK_REAL), 0);
    assert_int_equal(weir_sleep_until(0), WEIR_ENOTASK);
    assert_int_equal(weir_clock_advance(0), WEIR_ENOTASK);
}

static int tick_really(void *arg)
{
    uint64_t began_ns = weir_now_ns(), due_ns;
    weir_interval interval;
    int i;

    (void)arg;
    CHECK(weir_interval_init(&interval, WEIR_MILLISECONDS(2), WEIR_MISSED_BURST) == 0);
    for (i = 1; i <= 5; i++) {
        CHECK(weir_interval_tick(&interval, &due_ns) == 0);
        CHECK(since(due_ns) >= 0);
        CHECK(since(began_ns) >= i * WEIR_MILLISECONDS(2));
    }
    return 0;
}

TEST(an_interval_ticks_in_real_time)
{
    assert_int_equal(run_with(tick_really, NULL, 1, WEIR_CLOCK_REAL), 0);
}

TEST(wrong_intervals_are_refused)
{
    weir_interval interval;

    assert_int_equal(weir_interval_init(&interval, 0, WEIR_MISSED_BURST), WEIR_EINVAL);
    assert_int_equal(weir_interval_init(&interval, -1, WEIR_MISSED_SKIP), WEIR_EINVAL);
    assert_int_equal(weir_interval_init(&interval, 1, (enum weir_missed)3), WEIR_EINVAL);
    assert_int_equal(weir_interval_init(&interval, 1, WEIR_MISSED_DELAY), 0);
    assert_int_equal(weir_interval_tick(&interval, NULL), WEIR_ENOTASK);
}

/* ---- intervals, in virtual time ---- */

/* Lets a tick come, and then 35 ms pass: three more are due. */
static uint64_t miss_three(weir_interval *interval, enum weir_missed missed)
{
    uint64_t began_ns = weir_now_ns(), due_ns = 0;

    CHECK(weir_interval_init(interval, PERIOD, missed) == 0);
    CHECK(weir_interval_tick(interval, &due_ns) == 0);
    CHECK(due_ns == began_ns + (uint64_t)PERIOD);
    CHECK(since(due_ns) >= 0 && since(due_ns) < TICK);
    CHECK(weir_sleep(35 * TICK) == 0);
    return due_ns;
}

static int burst(void *arg)
{
    weir_interval interval;
    uint64_t first_ns = miss_three(&interval, WEIR_MISSED_BURST), before_ns = weir_now_ns(), due_ns;
    int i;

    (void)arg;
    for (i = 1; i <= 6; i++) {
        CHECK(weir_interval_tick(&interval, &due_ns) == 0);
        CHECK(due_ns == first_ns + (uint64_t)(i * PERIOD));
        if (i == 3)
            CHECK(weir_now_ns() == before_ns); /* at once */
    }
    CHECK(since(due_ns) >= 0 && since(due_ns) < TICK);
    return 0;
}

TEST(missed_ticks_are_made_up_for)
{
    run_virtually(burst, NULL);
}

static int delay(void *arg)
{
    weir_interval interval;
    uint64_t first_ns = miss_three(&interval, WEIR_MISSED_DELAY), late_ns = weir_now_ns(), due_ns;

    (void)arg;
    CHECK(weir_interval_tick(&interval, &due_ns) == 0);
    CHECK(due_ns == first_ns + (uint64_t)PERIOD && weir_now_ns() == late_ns);
    CHECK(weir_interval_tick(&interval, &due_ns) == 0);
    CHECK(due_ns == late_ns + (uint64_t)PERIOD);
    CHECK(since(due_ns) >= 0 && since(due_ns) < TICK);
    return 0;
}

TEST(missed_ticks_delay_the_others)
{
    run_virtually(delay, NULL);
}

static int skip_missed(void *arg)
{
    weir_interval interval;
    uint64_t first_ns = miss_three(&interval, WEIR_MISSED_SKIP), due_ns;

    (void)arg;
    CHECK(weir_interval_tick(&interval, &due_ns) == 0);
    CHECK(due_ns == first_ns + (uint64_t)PERIOD);
    CHECK(weir_interval_tick(&interval, &due_ns) == 0);
    CHECK(due_ns == first_ns + 4 * (uint64_t)PERIOD);
    CHECK(since(due_ns) >= 0 && since(due_ns) < TICK);
    return 0;
}

TEST(missed_ticks_are_skipped)
{
    run_virtually(skip_missed, NULL);
}

static int reset(void *arg)
{
    weir_interval interval;
    uint64_t now_ns, due_ns;

    (void)arg;
    CHECK(weir_interval_init(&interval, PERIOD, WEIR_MISSED_BURST) == 0);
    CHECK(weir_sleep(PERIOD / 2) == 0);
    now_ns = weir_now_ns();
    weir_interval_reset(&interval);
    CHECK(weir_interval_tick(&interval, &due_ns) == 0);
    CHECK(due_ns == now_ns + (uint64_t)PERIOD);
    return 0;
}

TEST(an_interval_begins_anew)
{
    run_virtually(reset, NULL);
}

static int stop_tick(void *arg)
{
    uint64_t began_ns = weir_now_ns(), due_ns;
    weir_interval interval;
    weir_block block;

    (void)arg;
    CHECK(weir_interval_init(&interval, HOUR, WEIR_MISSED_BURST) == 0);
    CHECK(weir_deadline_begin(&block, PERIOD) == 0);
    CHECK(weir_interval_tick(&interval, NULL) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_interval_tick(&interval, &due_ns) == 0);
    CHECK(due_ns == began_ns + (uint64_t)HOUR);
    return 0;
}

TEST(a_tick_that_was_stopped_comes_still)
{
    run_virtually(stop_tick, NULL);
}

/* ---- the virtual clock ---- */

static int sleep_a_year(void *arg)
{
    uint64_t began_ns = weir_now_ns();
    int64_t wall_ns = weir_wall_ns();
    int day;

    (void)arg;
    for (day = 0; day < 365; day++)
        CHECK(weir_sleep(24 * HOUR) == 0);
    CHECK(since(began_ns) >= 365 * 24 * HOUR && since(began_ns) < 365 * (24 * HOUR + TICK));
    CHECK(weir_wall_ns() - wall_ns == since(began_ns));
    return 0;
}

TEST(a_year_passes_while_the_test_runs)
{
    run_virtually(sleep_a_year, NULL);
}

struct sleepers {
    uint64_t began_ns;
    int64_t longest_ns; /* atomic */
    int next;           /* atomic */
};

/* Sleeps for different times, and is never woken early or late. */
static int sleep_variously(void *arg)
{
    struct sleepers *sleepers = arg;
    int64_t duration_ns =
        (__atomic_fetch_add(&sleepers->next, 1, __ATOMIC_SEQ_CST) % 17 + 1) * HOUR;
    int i;

    for (i = 0; i < 5; i++) {
        uint64_t before_ns = weir_now_ns();

        CHECK(weir_sleep(duration_ns) == 0);
        CHECK(since(before_ns) >= duration_ns && since(before_ns) < duration_ns + TICK);
        duration_ns = duration_ns * 2 / 3;
    }
    return 0;
}

static int sleep_by_many(void *arg)
{
    struct weir_spawn_options options = {0};
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < SLEEPERS; i++) {
        options.worker = 1 + (uint32_t)i % weir_worker_count();
        CHECK(weir_spawn_with(&scope, sleep_variously, arg, &options) == 0);
    }
    return weir_scope_join(&scope);
}

TEST(timers_of_all_workers_are_due_in_their_order)
{
    struct sleepers sleepers = {0};

    run_virtually(sleep_by_many, &sleepers);
    assert_int_equal(sleepers.next, 3 * SLEEPERS);
}

static int meet_deadlines(void *arg)
{
    uint64_t began_ns = weir_now_ns();
    weir_block outer, inner;

    (void)arg;
    CHECK(weir_deadline_begin(&outer, 3 * HOUR) == 0);
    CHECK(weir_deadline_begin(&inner, HOUR) == 0);
    CHECK(weir_sleep(2 * HOUR) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&inner));
    CHECK(since(began_ns) >= HOUR && since(began_ns) < HOUR + TICK);
    CHECK(weir_sleep(HOUR) == 0);
    CHECK(weir_sleep(HOUR) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&outer));
    return 0;
}

TEST(deadlines_are_virtual_too)
{
    run_virtually(meet_deadlines, NULL);
}

struct talk {
    weir_chan asked, answered;
    uint64_t moments[2];
};

static int echo_words(void *arg)
{
    struct talk *talk = arg;
    int word;

    while (weir_chan_recv(talk->asked, &word) == 0)
        CHECK(weir_chan_send(talk->answered, &word) == 0);
    return 0;
}

/* After each answer no task has anything to do: a clock that does not stand still would move. */
static int talk_to_a_task(void *arg)
{
    struct talk *talk = arg;
    int i, word;

    talk->moments[0] = weir_now_ns();
    for (i = 0; i < 100; i++) {
        CHECK(weir_chan_send(talk->asked, &i) == 0);
        CHECK(weir_chan_recv(talk->answered, &word) == 0 && word == i);
    }
    talk->moments[1] = weir_now_ns();
    return 0;
}

static int sleep_an_hour(void *arg)
{
    (void)arg;
    return weir_sleep(HOUR);
}

static int block_meanwhile(void *arg)
{
    uint64_t began_ns = weir_now_ns();
    struct talk talk;
    weir_scope scope;

    (void)arg;
    CHECK(weir_chan_create(&talk.asked, sizeof(int), 1) == 0);
    CHECK(weir_chan_create(&talk.answered, sizeof(int), 1) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, sleep_an_hour, NULL) == 0);
    CHECK(weir_spawn(&scope, echo_words, &talk) == 0);
    CHECK(weir_blocking(talk_to_a_task, &talk) == 0);
    CHECK(talk.moments[0] == began_ns && talk.moments[1] == began_ns);
    CHECK(weir_chan_close(talk.asked, 0) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(talk.asked);
    weir_chan_destroy(talk.answered);
    CHECK(since(began_ns) >= HOUR);
    return 0;
}

TEST(time_stands_still_while_a_job_is_waited_for)
{
    int i;

    not_on_sim("jobs run on the driving thread");
    for (i = 0; i < 10; i++)
        run_virtually(block_meanwhile, NULL);
}

static void nothing(void *arg)
{
    (void)arg;
}

static int look_at_the_clock(void *arg)
{
    *(uint64_t *)arg = weir_now_ns();
    return 0;
}

static int leave_job(void *arg)
{
    static uint64_t moment;
    bool left;
    int i;

    (void)arg;
    for (i = 0; i < 20; i++) {
        weir_scope scope;

        CHECK(weir_scope_open(&scope) == 0);
        weir_scope_cancel(&scope);
        CHECK(weir_scope_join(&scope) == 0);
        CHECK(weir_blocking_owned(WEIR_BLOCKING_USER, look_at_the_clock, &moment, nothing, &left)
              == 0);
        CHECK(!left);
        CHECK(weir_sleep(HOUR) == 0);
    }
    return 0;
}

TEST(time_goes_on_after_jobs)
{
    run_virtually(leave_job, NULL);
}

static int advance(void *arg)
{
    struct weir_spawn_options beside = {.pinned = WEIR_ON};
    uint64_t began_ns = weir_now_ns();
    weir_scope scope;

    (void)arg;
    CHECK(weir_clock_advance(-1) == WEIR_EINVAL);
    CHECK(weir_clock_advance(HOUR) == 0);
    CHECK(since(began_ns) == HOUR);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_pin() == 0);
    beside.worker = weir_worker_index();
    CHECK(weir_spawn_with(&scope, sleep_an_hour, NULL, &beside) == 0);
    CHECK(weir_yield() == 0); /* it sleeps now */
    CHECK(weir_unpin() == 0);
    CHECK(weir_clock_advance(2 * HOUR) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(since(began_ns) >= 3 * HOUR && since(began_ns) < 3 * HOUR + TICK);
    return 0;
}

TEST(a_task_moves_the_clock)
{
    run_virtually(advance, NULL);
}

/* ---- and the kernel ---- */

enum {
    ROUNDS = 300
};

static int answer(void *arg)
{
    weir_stream stream;
    char byte;

    CHECK(weir_accept(*(weir_listener *)arg, &stream) == 0);
    while (weir_read(stream, &byte, 1) == 1)
        CHECK(weir_write_all(stream, &byte, 1) == 0);
    return weir_close(stream);
}

/* Nothing that is on its way between two tasks lets a deadline pass. */
static int ask(void *arg)
{
    char address[WEIR_ADDRESS_TEXT_MAX], byte = 1;
    struct weir_spawn_options far = {.worker = weir_worker_count()};
    weir_listener listener;
    weir_stream stream;
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(listener, address, sizeof address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, answer, &listener, &far) == 0);
    CHECK(weir_dial(&stream, address) == 0);
    for (i = 0; i < ROUNDS; i++) {
        weir_block block;

        CHECK(weir_deadline_begin(&block, WEIR_SECONDS(1)) == 0);
        CHECK(weir_write_all(stream, &byte, 1) == 0);
        CHECK(weir_read(stream, &byte, 1) == 1);
        CHECK(!weir_block_end(&block));
    }
    CHECK(weir_close(stream) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_listener_close(listener);
    return 0;
}

TEST(time_waits_for_what_is_on_its_way)
{
    run_virtually(ask, NULL);
}

static int make_another(void *arg)
{
    struct weir_runtime_options options = {.workers = 1, .clock = *(uint8_t *)arg};
    weir_runtime *runtime;

    CHECK(weir_runtime_create(&runtime, &options) == WEIR_EBUSY);
    return 0;
}

TEST(a_virtual_clock_allows_no_other_runtime)
{
    uint8_t clock = WEIR_CLOCK_VIRTUAL;

    assert_int_equal(run_with(make_another, &clock, 1, WEIR_CLOCK_REAL), 0);
    assert_int_equal(run_with(make_another, &clock, 1, WEIR_CLOCK_VIRTUAL), 0);
    clock = WEIR_CLOCK_REAL;
    assert_int_equal(run_with(make_another, &clock, 1, WEIR_CLOCK_VIRTUAL), 0);
    assert_int_equal(run_with(sleep_until, NULL, 1, WEIR_CLOCK_REAL), 0);
}

TEST(the_clock_is_an_option_in_text)
{
    struct weir_runtime_options options = {0};

    assert_int_equal(weir_runtime_options_parse(&options, "workers=2,clock=virtual", NULL), 0);
    assert_int_equal(options.clock, WEIR_CLOCK_VIRTUAL);
    assert_int_equal(weir_runtime_options_parse(&options, "clock=fast", NULL), WEIR_EOPTION);
}

static int stop_late(void *arg)
{
    (void)arg;
    (void)weir_sleep(WEIR_FOREVER);
    return 0;
}

TEST(a_thread_outside_limits_its_waits_in_real_time)
{
    struct weir_runtime_options options = {.workers = 2, .clock = WEIR_CLOCK_VIRTUAL};
    weir_runtime *runtime;
    int i;

    for (i = 0; i < 20; i++) {
        assert_int_equal(weir_runtime_create(&runtime, &options), 0);
        assert_int_equal(weir_runtime_spawn(runtime, stop_late, NULL), 0);
        assert_int_equal(weir_runtime_block_on(runtime, sleep_an_hour, NULL), 0);
        (void)weir_runtime_shutdown(runtime, WEIR_MILLISECONDS(1), NULL, NULL);
        assert_int_equal(weir_runtime_destroy(runtime), 0);
    }
}
