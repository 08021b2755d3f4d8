/* test/os/count.c - event and timer descriptors as streams. */
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

none_on_sim("there are no counts")

    static int add_later(void *arg)
{
    return weir_count_add(*(weir_stream *)arg, 7);
}

static int count_events(void *arg)
{
    weir_stream stream;
    weir_scope scope;
    weir_block block;
    uint64_t count = 99;
    char bytes[8];

    (void)arg;
    CHECK(weir_count_open(&stream, 5, 0) == 0);
    CHECK(weir_count_take(stream, &count) == 0 && count == 5);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_count_take(stream, &count) == WEIR_EDEADLINE && count == 5);
    CHECK(weir_block_end(&block));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, add_later, &stream) == 0);
    CHECK(weir_count_take(stream, &count) == 0 && count == 7);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_count_add(stream, 3) == 0);
    CHECK(weir_count_add(stream, 4) == 0);
    CHECK(weir_read_exactly(stream, &count, sizeof count) == 0 && count == 7);
    CHECK(weir_read(stream, bytes, 4) == WEIR_EINVAL);
    CHECK(weir_count_add(stream, UINT64_MAX) == WEIR_EINVAL);
    CHECK(weir_count_add(stream, UINT64_MAX - 1) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_count_add(stream, 1) == WEIR_EDEADLINE); /* it is full */
    CHECK(weir_block_end(&block));
    weir_close(stream);
    CHECK(weir_count_take(stream, &count) == WEIR_EBADHANDLE);
    CHECK(weir_count_open(&stream, 2, WEIR_COUNT_ONE_BY_ONE) == 0);
    CHECK(weir_count_take(stream, &count) == 0 && count == 1);
    CHECK(weir_count_take(stream, &count) == 0 && count == 1);
    weir_close(stream);
    CHECK(weir_count_open(&stream, 0, 2) == WEIR_EINVAL);
    return 0;
}

TEST(an_event_descriptor_counts)
{
    weir_stream stream;

    assert_int_equal(weir_count_open(&stream, 0, 0), WEIR_ENOTASK);
    assert_int_equal(run_with(count_events, NULL, 1), 0);
    assert_int_equal(run_with(count_events, NULL, 2), 0);
}

static int64_t processor_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

/* The kernel calls a count writable that has room for 1. */
static int add_too_much(void *arg)
{
    weir_stream stream;
    weir_scope scope;
    weir_block block;
    uint64_t count = 0;
    int64_t before;

    (void)arg;
    CHECK(weir_count_open(&stream, 0, 0) == 0);
    CHECK(weir_count_add(stream, UINT64_MAX - 3) == 0);
    before = processor_ns();
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(500)) == 0);
    CHECK(weir_count_add(stream, 7) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(processor_ns() - before < WEIR_MILLISECONDS(200)); /* it has waited */
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, add_later, &stream) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_count_take(stream, &count) == 0 && count == UINT64_MAX - 3);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_count_take(stream, &count) == 0 && count == 7);
    weir_close(stream);
    return 0;
}

TEST(who_adds_too_much_waits_at_rest)
{
    assert_int_equal(run_with(add_too_much, NULL, 1), 0);
}

static int count_periods(void *arg)
{
    weir_stream stream;
    uint64_t count, sum = 0, before = weir_now_ns();

    (void)arg;
    CHECK(weir_count_periods(&stream, WEIR_MILLISECONDS(3), WEIR_MILLISECONDS(1)) == 0);
    while (sum < 5) {
        CHECK(weir_count_take(stream, &count) == 0 && count > 0);
        sum += count;
    }
    CHECK(weir_now_ns() - before >= (uint64_t)WEIR_MILLISECONDS(7));
    CHECK(weir_count_add(stream, 1) == WEIR_EINVAL);
    weir_close(stream);
    CHECK(weir_count_periods(&stream, 0, 1) == WEIR_EINVAL);
    CHECK(weir_count_periods(&stream, 1, -1) == WEIR_EINVAL);
    return 0;
}

TEST(a_timer_descriptor_counts_periods)
{
    assert_int_equal(run_with(count_periods, NULL, 1), 0);
}

static int adopt(void *arg)
{
    int event = eventfd(0, 0), copy = dup(event), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    weir_stream stream;
    uint64_t count = 1;

    (void)arg;
    CHECK(weir_count_adopt(&stream, 0 - 1) == WEIR_EBADF);
    CHECK(weir_count_adopt(&stream, 1) == WEIR_ENOTSUP);
    CHECK(weir_count_adopt(&stream, event) == 0);
    CHECK(write(copy, &count, sizeof count) == sizeof count);
    CHECK(weir_count_take(stream, &count) == 0 && count == 1);
    CHECK(!(fcntl(copy, F_GETFL) & O_NONBLOCK));
    weir_close(stream);
    close(copy);
    CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0);
    CHECK(weir_count_adopt(&stream, timer) == 0);
    CHECK(weir_count_take(stream, &count) == 0 && count == 1);
    weir_close(stream);
    return 0;
}

TEST(foreign_descriptors_are_adopted_and_stay_in_blocking_mode)
{
    assert_int_equal(run_with(adopt, NULL, 1), 0);
}
