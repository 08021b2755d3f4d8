/* test/os/generator.c - one value after another, to the end, to a failure, or until no more is
 * wanted. */
#include "test.h"

#include <stdlib.h>
#include <weir.h>

#include "support/check.h"
#include "support/run.h"

enum {
    VALUES = 500
};

struct numbers {
    int count;  /* -1: for ever */
    int result; /* of the producer, at its end */
    int given;
    int stopped; /* why it could give no more */
};

static int allocations;

static void *allocate(size_t size, void *user)
{
    (void)user;
    ADD(allocations, 1);
    return malloc(size);
}

static void *reallocate(void *memory, size_t size, void *user)
{
    (void)user;
    ADD(allocations, 1);
    return realloc(memory, size);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static void count_allocations(void)
{
    static const struct weir_allocator allocator = {allocate, reallocate, release, NULL};

    (void)weir_set_allocator(&allocator); /* the first test does it */
}

static int give_numbers(weir_generator *generator, void *arg)
{
    struct numbers *numbers = arg;
    int i, rc;

    for (i = 0; i != numbers->count; i++) {
        rc = weir_generator_yield(generator, &i);
        if (rc < 0) {
            numbers->stopped = rc;
            return rc;
        }
        ADD(numbers->given, 1);
    }
    return numbers->result;
}

static int take_all(void *arg)
{
    struct numbers numbers = {.count = VALUES, .result = *(int *)arg};
    weir_generator generator;
    int value = -1, i, end = numbers.result < 0 ? numbers.result : 0;

    CHECK(weir_generator_open(&generator, sizeof value, give_numbers, &numbers) == 0);
    for (i = 0; i < VALUES; i++) {
        CHECK(weir_generator_next(&generator, &value) == 1);
        CHECK(value == i);
        CHECK(SEE(numbers.given) <= i + 1); /* it is not ahead by more than it works on */
        if (i % 7 == 0)
            CHECK(weir_yield() == 0);
    }
    for (i = 0; i < 3; i++)
        CHECK(weir_generator_next(&generator, &value) == end && value == VALUES - 1);
    CHECK(weir_generator_close(&generator) == (end == WEIR_ECANCELED ? 0 : end));
    CHECK(weir_generator_next(&generator, &value) == WEIR_EBADHANDLE);
    return 0;
}

TEST(values_come_in_order_and_then_the_end)
{
    int results[] = {0, 7, WEIR_EIO, WEIR_EEOF, WEIR_ECANCELED};
    size_t i;

    count_allocations();
    for (i = 0; i < sizeof results / sizeof *results; i++) {
        (void)run_with(take_all, &results[i], 1);
        (void)run_with(take_all, &results[i], 3);
    }
}

static int count_while_taking(void *arg)
{
    struct numbers numbers = {.count = -1};
    weir_generator generator;
    int before, value, i;

    (void)arg;
    CHECK(weir_generator_open(&generator, sizeof value, give_numbers, &numbers) == 0);
    CHECK(weir_generator_next(&generator, &value) == 1);
    before = SEE(allocations);
    CHECK(before > 0);
    for (i = 0; i < VALUES; i++)
        CHECK(weir_generator_next(&generator, &value) == 1);
    CHECK(SEE(allocations) == before);
    CHECK(weir_generator_close(&generator) == 0);
    return 0;
}

TEST(a_value_needs_no_memory)
{
    (void)run_with(count_while_taking, NULL, 1);
}

static int leave_early(void *arg)
{
    int wanted, i, value;

    (void)arg;
    for (wanted = 0; wanted < 20; wanted++) {
        struct numbers numbers = {.count = -1};
        weir_generator generator;

        CHECK(weir_generator_open(&generator, sizeof value, give_numbers, &numbers) == 0);
        for (i = 0; i < wanted; i++)
            CHECK(weir_generator_next(&generator, &value) == 1 && value == i);
        CHECK(weir_generator_close(&generator) == 0);
        CHECK(numbers.stopped == WEIR_ECANCELED && numbers.given == wanted);
    }
    return 0;
}

TEST(a_producer_ends_when_no_more_is_wanted)
{
    (void)run_with(leave_early, NULL, 1);
    (void)run_with(leave_early, NULL, 3);
}

static int stop_waiting(void *arg)
{
    struct numbers numbers = {.count = VALUES};
    weir_generator generator;
    weir_block block;
    int value = -1, i = 0, rc;

    (void)arg;
    CHECK(weir_generator_open(&generator, sizeof value, give_numbers, &numbers) == 0);
    while (i < VALUES) { /* whatever is stopped when, nothing is lost */
        CHECK(weir_deadline_begin(&block, i % 3 ? 0 : 20000) == 0);
        rc = weir_generator_next(&generator, &value);
        weir_block_end(&block);
        CHECK(rc == 1 || rc == WEIR_EDEADLINE);
        if (rc == WEIR_EDEADLINE)
            CHECK(weir_generator_next(&generator, &value) == 1);
        CHECK(value == i);
        i++;
    }
    CHECK(weir_generator_close(&generator) == 0);
    return 0;
}

TEST(a_consumer_that_is_stopped_loses_nothing)
{
    (void)run_with(stop_waiting, NULL, 1);
    (void)run_with(stop_waiting, NULL, 3);
}

static int sleep_long(weir_generator *generator, void *arg)
{
    (void)generator;
    (void)arg;
    return weir_sleep(WEIR_FOREVER);
}

static int cancel_consumer(void *arg)
{
    weir_generator generator;
    int value, *begun = arg;

    CHECK(weir_generator_open(&generator, sizeof value, sleep_long, NULL) == 0);
    SAY(*begun, 1);
    CHECK(weir_generator_next(&generator, &value) == WEIR_ECANCELED);
    CHECK(weir_generator_close(&generator) == 0);
    return 0;
}

static int cancel_from_outside(void *arg)
{
    weir_scope scope;
    int begun = 0;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, cancel_consumer, &begun) == 0);
    YIELD_UNTIL(SEE(begun));
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_cancel_reaches_both)
{
    assert_int_equal(run_with(cancel_from_outside, NULL, 1), 0);
    assert_int_equal(run_with(cancel_from_outside, NULL, 3), 0);
}

/* ---- a tree, walked by generators in each other ---- */

static int walk(weir_generator *generator, void *arg)
{
    int depth = *(int *)arg, child = depth - 1, i, value, rc;

    for (i = 0; depth > 0 && i < 2; i++) {
        weir_generator inner;

        rc = weir_generator_open(&inner, sizeof value, walk, &child);
        while (rc == 0 && (rc = weir_generator_next(&inner, &value)) == 1)
            rc = weir_generator_yield(generator, &value);
        if (weir_generator_close(&inner) < 0 || rc < 0)
            return rc < 0 ? rc : WEIR_EIO;
    }
    return weir_generator_yield(generator, &depth);
}

static int walk_tree(void *arg)
{
    weir_generator generator;
    int depth = 5, value, sum = 0, count = 0;

    (void)arg;
    CHECK(weir_generator_open(&generator, sizeof value, walk, &depth) == 0);
    while (weir_generator_next(&generator, &value) == 1) {
        sum += value;
        count++;
    }
    CHECK(count == 63 && sum == 5 + 2 * 4 + 4 * 3 + 8 * 2 + 16 * 1);
    CHECK(weir_generator_close(&generator) == 0);
    return 0;
}

TEST(generators_stand_in_each_other)
{
    (void)run_with(walk_tree, NULL, 1);
    (void)run_with(walk_tree, NULL, 3);
}

static int wrong_arguments(void *arg)
{
    weir_generator generator;

    CHECK(weir_generator_open(&generator, 0, sleep_long, arg) == WEIR_EINVAL);
    CHECK(weir_generator_open(&generator, WEIR_VALUE_MAX + 1, sleep_long, arg) == WEIR_EINVAL);
    return 0;
}

TEST(a_generator_needs_a_task_and_a_size)
{
    weir_generator generator;

    assert_int_equal(weir_generator_open(&generator, 4, sleep_long, NULL), WEIR_ENOTASK);
    (void)run_with(wrong_arguments, NULL, 1);
}
