/* test/fault/blocking.c - the pool and the virtual clock, with the n-th allocation or call failing.
 *
 * For each n until the work is done without a fault: a failure is an error that the call can have,
 * and everything ends.
 */
#include "test.h"

#include <stdbool.h>
#include <weir.h>

#include "base/fault.h"
#include "support/check.h"

enum {
    TRIES_MAX = 3000,
    JOBS = 6
};

struct work {
    uint32_t group;
    uint8_t clock;
    int ran, refused; /* atomic */
};

static int count(void *arg)
{
    return __atomic_add_fetch(&((struct work *)arg)->ran, 1, __ATOMIC_SEQ_CST) > 0;
}

static void nothing(void *arg)
{
    (void)arg;
}

static bool expected(int rc)
{
    return rc == WEIR_ENOMEM || rc == WEIR_ELIMIT || rc == WEIR_EAGAIN || rc == WEIR_EMFILE;
}

static int call(void *arg)
{
    struct work *work = arg;
    int rc = weir_blocking_in(work->group, count, work);

    if (rc == 1)
        rc = weir_blocking_owned(work->group, count, work, nothing, NULL);
    CHECK(rc == 1 || expected(rc));
    if (rc != 1)
        (void)__atomic_add_fetch(&work->refused, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int call_by_some(void *arg)
{
    weir_block block;
    weir_scope scope;
    int i, rc = 0;

    CHECK(weir_deadline_begin(&block, WEIR_MINUTES(10)) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < JOBS && rc == 0; i++)
        rc = weir_spawn(&scope, call, arg);
    CHECK(rc == 0 || expected(rc));
    if (((struct work *)arg)->clock == WEIR_CLOCK_VIRTUAL)
        (void)weir_sleep(WEIR_MINUTES(1));
    CHECK(weir_scope_join(&scope) == 0);
    (void)weir_block_end(&block);
    return rc;
}

static void sweep(enum weir__fault_kind kind, struct work *work)
{
    struct weir_runtime_options options = {.workers = 2, .clock = work->clock};
    struct weir_blocking_counts counts;
    uint64_t n, sites = 0;

    for (n = 1; n < TRIES_MAX && (n == 1 || sites >= n - 1); n++) {
        int rc;

        weir__fault_arm(kind, n);
        rc = weir_run(call_by_some, work, &options);
        sites = weir__fault_count(kind);
        weir__fault_arm(kind, 0);
        assert_true(rc == 0 || expected(rc) || rc == WEIR_ENFILE || rc == WEIR_ENOSYS
                    || rc == WEIR_EPERM || rc == WEIR_EIO || rc == WEIR_EINVAL);
        assert_int_equal(weir_blocking_count(work->group, &counts), 0);
        assert_int_equal(counts.threads + counts.queued + counts.running + counts.idle, 0);
        assert_checks();
    }
    assert_true(n < TRIES_MAX);
}

static uint32_t class_of_two(void)
{
    struct weir_blocking_options options = {.name = "fault", .threads_max = 2};

    return (uint32_t)weir_blocking_class(&options);
}

TEST(jobs_end_when_memory_is_out)
{
    struct work work = {.group = class_of_two()};

    sweep(WEIR__FAULT_ALLOC, &work);
    assert_true(work.ran > 0 && work.refused > 0);
}

TEST(jobs_end_when_calls_fail)
{
    struct work work = {.group = class_of_two()};

    sweep(WEIR__FAULT_CALL, &work);
    assert_true(work.ran > 0);
}

TEST(virtual_time_goes_on_when_memory_is_out)
{
    struct work work = {.group = class_of_two(), .clock = WEIR_CLOCK_VIRTUAL};

    sweep(WEIR__FAULT_ALLOC, &work);
    assert_true(work.ran > 0);
}

TEST(virtual_time_goes_on_when_calls_fail)
{
    struct work work = {.group = class_of_two(), .clock = WEIR_CLOCK_VIRTUAL};

    sweep(WEIR__FAULT_CALL, &work);
    assert_true(work.ran > 0);
}
