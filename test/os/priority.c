/* test/os/priority.c - classes of tasks, and what never waits for long: a lower class, the kernel.
 */
#include "test.h"

#include <weir.h>

#include "support/run.h"

enum {
    CLASSES = 3,
    ROUNDS = 2000,
    AFTER_HIGH = 8,   /* runs of the high class, of src/task/sched.c */
    AFTER_OTHERS = 64 /* runs before one of the low class */
};

/* ---- classes ---- */

struct log {
    uint8_t ran[ROUNDS * CLASSES * 2]; /* enum weir_priority, in the order of the runs */
    uint32_t count;
    bool stop;
};

struct logger {
    struct log *log;
    uint8_t priority;
    int rounds;
};

static int note_runs(void *arg)
{
    const struct logger *logger = arg;
    struct log *log = logger->log;
    int i, rc = 0;

    for (i = 0; i < logger->rounds && rc == 0; i++) {
        log->ran[log->count++] = logger->priority;
        rc = weir_yield();
    }
    return rc;
}

static void spawn_logger(weir_scope *scope, struct log *log, uint8_t priority, int rounds)
{
    struct weir_spawn_options options = {.priority = priority, .copy_size = sizeof(struct logger)};
    struct logger logger = {log, priority, rounds};

    CHECK(weir_spawn_with(scope, note_runs, &logger, &options) == 0);
}

static int run_each_once(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    spawn_logger(&scope, arg, WEIR_PRIORITY_LOW, 1);
    spawn_logger(&scope, arg, WEIR_PRIORITY_NORMAL, 1);
    spawn_logger(&scope, arg, WEIR_PRIORITY_HIGH, 1);
    return weir_scope_join(&scope);
}

TEST(a_higher_class_runs_first)
{
    struct log log = {0};

    assert_int_equal(run_with(run_each_once, &log, 1), 0);
    assert_int_equal(log.count, 3);
    assert_int_equal(log.ran[0], WEIR_PRIORITY_HIGH);
    assert_int_equal(log.ran[1], WEIR_PRIORITY_NORMAL);
    assert_int_equal(log.ran[2], WEIR_PRIORITY_LOW);
}

static int run_all_the_time(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 2; i++) { /* so that one is always runnable while another one runs */
        spawn_logger(&scope, arg, WEIR_PRIORITY_HIGH, ROUNDS);
        spawn_logger(&scope, arg, WEIR_PRIORITY_NORMAL, ROUNDS);
        spawn_logger(&scope, arg, WEIR_PRIORITY_LOW, ROUNDS);
    }
    return weir_scope_join(&scope);
}

/* The longest row of runs without one of the class, while the high one has tasks. */
static uint32_t longest_wait(const struct log *log, uint8_t priority)
{
    uint32_t i, high = 0, row = 0, longest = 0;

    for (i = 0; i < log->count && high < 2 * ROUNDS; i++) {
        high += log->ran[i] == WEIR_PRIORITY_HIGH;
        row = log->ran[i] == priority ? 0 : row + 1;
        longest = row > longest ? row : longest;
    }
    return longest;
}

TEST(a_lower_class_has_its_turn_after_some_runs)
{
    static struct log log;

#if defined(WEIR__HOSTILE)
    skip("the hostile build takes tasks in any order");
#endif
    log.count = 0;
    assert_int_equal(run_with(run_all_the_time, &log, 1), 0);
    assert_int_equal(log.count, 6 * ROUNDS);
    assert_true(longest_wait(&log, WEIR_PRIORITY_HIGH) <= 2);
    assert_in_range(longest_wait(&log, WEIR_PRIORITY_NORMAL), AFTER_HIGH - 1, AFTER_HIGH + 2);
    assert_in_range(longest_wait(&log, WEIR_PRIORITY_LOW), AFTER_OTHERS - 1, AFTER_OTHERS + 10);
}

static int spawn_unknown(void *arg)
{
    struct weir_spawn_options options = {.priority = 3};
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, note_runs, arg, &options) == WEIR_EOPTION);
    return weir_scope_join(&scope);
}

TEST(there_are_three_classes)
{
    assert_int_equal(run_with(spawn_unknown, NULL, 1), 0);
}

/* ---- the kernel has its turn, too ---- */

enum {
    BUSY = 100,
    MOST_RUNS = 10000000 /* until something from the kernel was seen: seconds */
};

struct busy {
    uint32_t runs, runs_until;
    bool stop;
    weir_listener listener;
    char address[WEIR_ADDRESS_TEXT_MAX];
};

static int keep_yielding(void *arg)
{
    struct busy *busy = arg;

    while (!SEE(busy->stop) && busy->runs++ < MOST_RUNS)
        CHECK(weir_yield() == 0);
    return 0;
}

static int wait_for_time(void *arg)
{
    struct busy *busy = arg;

    CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
    busy->runs_until = busy->runs;
    SAY(busy->stop, true);
    return 0;
}

static int answer(void *arg)
{
    struct busy *busy = arg;
    weir_stream stream;
    char byte;

    CHECK(weir_accept(busy->listener, &stream) == 0);
    CHECK(weir_read_exactly(stream, &byte, 1) == 0);
    CHECK(weir_write_all(stream, &byte, 1) == 0);
    return weir_close(stream);
}

static int wait_for_bytes(void *arg)
{
    struct busy *busy = arg;
    weir_stream stream;
    char byte = 'x';

    CHECK(weir_dial(&stream, busy->address) == 0);
    CHECK(weir_write_all(stream, &byte, 1) == 0);
    CHECK(weir_read_exactly(stream, &byte, 1) == 0);
    CHECK(weir_close(stream) == 0);
    busy->runs_until = busy->runs;
    SAY(busy->stop, true);
    return 0;
}

static int run_beside_busy(struct busy *busy, weir_task_fn *fn, weir_task_fn *other)
{
    struct weir_spawn_options high = {.priority = WEIR_PRIORITY_HIGH};
    weir_scope scope;
    int i;

    busy->runs = 0;
    busy->stop = false;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < BUSY; i++) /* half of them of a higher class than who waits */
        CHECK(weir_spawn_with(&scope, keep_yielding, busy, i % 2 ? &high : NULL) == 0);
    CHECK(weir_spawn(&scope, fn, busy) == 0);
    if (other)
        CHECK(weir_spawn(&scope, other, busy) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(busy->stop && busy->runs_until < MOST_RUNS);
    return 0;
}

static int starve_timer(void *arg)
{
    return run_beside_busy(arg, wait_for_time, NULL);
}

static int starve_io(void *arg)
{
    struct busy *busy = arg;

    CHECK(weir_listen(&busy->listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(busy->listener, busy->address, sizeof busy->address) > 0);
    CHECK(run_beside_busy(busy, answer, wait_for_bytes) == 0);
    return weir_listener_close(busy->listener);
}

TEST(a_busy_worker_does_not_starve_its_timers)
{
    struct busy busy = {0};

    not_on_sim("time stands still while anything runs");
    assert_int_equal(run_with(starve_timer, &busy, 1), 0);
}

TEST(a_busy_worker_does_not_starve_its_connections)
{
    struct busy busy = {0};

    not_on_sim("time stands still while anything runs");
    assert_int_equal(run_with(starve_io, &busy, 1), 0);
}
