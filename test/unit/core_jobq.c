/* test/unit/core_jobq.c - the sharded queue of jobs: order, turns, limits, taking back. */
#include "test.h"

#include <string.h>

#include "base/container.h"
#include "core/jobq.h"
#include "core/offload.h"

enum {
    JOBS = 100
};

static struct weir__jobq queue;
static struct weir__job jobs[JOBS];

static void begin(void)
{
    memset(&queue, 0, sizeof queue);
    memset(jobs, 0, sizeof jobs);
}

static void push(int number, uint32_t near)
{
    assert_true(weir__jobq_push(&queue, near, &jobs[number], JOBS));
}

/* The number of the job that is next; -1: there is none. */
static int take(struct weir__jobq_taker *taker)
{
    struct weir__job *job = weir__jobq_take(&queue, taker, false);

    return job ? (int)(job - jobs) : -1;
}

static struct weir_blocking_counts counts(void)
{
    struct weir_blocking_counts counts = {0};

    weir__jobq_count(&queue, &counts);
    return counts;
}

TEST(jobs_of_one_shard_begin_in_order)
{
    struct weir__jobq_taker taker = {0};
    int i;

    begin();
    assert_int_equal(take(&taker), -1);
    for (i = 0; i < 20; i++)
        push(i, 3);
    for (i = 0; i < 20; i++)
        assert_int_equal(take(&taker), i);
    assert_int_equal(take(&taker), -1);
}

/* How many of a crowd in one shard begin before the job in another does. */
static int begun_before(uint32_t crowd, uint32_t lone, uint32_t start)
{
    struct weir__jobq_taker taker = {.shard = start};
    int i, count = 0;

    begin();
    for (i = 1; i < JOBS; i++)
        push(i, crowd);
    push(0, lone);
    while (take(&taker) != 0)
        count++;
    return count;
}

TEST(a_job_does_not_starve_behind_the_crowd_of_another_shard)
{
    uint32_t crowd, lone, start;

    for (crowd = 0; crowd < WEIR__JOBQ_SHARDS; crowd++) {
        for (lone = 0; lone < WEIR__JOBQ_SHARDS; lone++) {
            for (start = 0; lone != crowd && start < WEIR__JOBQ_SHARDS; start++)
                assert_true(begun_before(crowd, lone, start) <= (int)WEIR__JOBQ_TURN);
        }
    }
}

TEST(shards_with_crowds_take_turns)
{
    struct weir__jobq_taker taker = {0};
    uint32_t taken[WEIR__JOBQ_SHARDS] = {0}, shard;
    int i;

    begin();
    for (i = 0; i < JOBS; i++)
        push(i, (uint32_t)i);
    for (i = 0; i < (int)(WEIR__JOBQ_SHARDS * WEIR__JOBQ_TURN); i++)
        taken[weir__jobq_take(&queue, &taker, i > 0)->shard]++;
    for (shard = 0; shard < WEIR__JOBQ_SHARDS; shard++)
        assert_int_equal(taken[shard], WEIR__JOBQ_TURN);
}

TEST(the_limit_is_that_of_all_shards)
{
    struct weir__jobq_taker taker = {0};

    begin();
    assert_true(weir__jobq_push(&queue, 0, &jobs[0], 2));
    assert_true(weir__jobq_push(&queue, 1, &jobs[1], 2));
    assert_false(weir__jobq_push(&queue, 2, &jobs[2], 2));
    assert_int_equal(weir__jobq_len(&queue), 2);
    assert_int_equal(counts().refused, 1);
    assert_int_equal(take(&taker), 0);
    assert_true(weir__jobq_push(&queue, 2, &jobs[2], 2));
}

TEST(a_job_is_taken_back_until_it_has_begun)
{
    struct weir__jobq_taker taker = {0};

    begin();
    push(0, 0);
    push(1, 0);
    push(2, 0);
    assert_true(weir__jobq_withdraw(&queue, &jobs[1]));
    assert_int_equal(take(&taker), 0);
    assert_false(weir__jobq_withdraw(&queue, &jobs[0]));
    assert_int_equal(take(&taker), 2);
    assert_int_equal(take(&taker), -1);
    assert_int_equal(counts().withdrawn, 1);
}

TEST(counts_are_those_of_all_shards)
{
    struct weir__jobq_taker taker = {0};
    int i;

    begin();
    for (i = 0; i < 12; i++)
        push(i, (uint32_t)i);
    assert_int_equal(counts().queued, 12);
    for (i = 0; i < 10; i++)
        assert_non_null(weir__jobq_take(&queue, &taker, i > 0));
    assert_int_equal(counts().queued, 2);
    assert_int_equal(counts().running, 1);
    assert_int_equal(counts().done, 9);
    weir__jobq_end(&queue, &taker);
    assert_int_equal(counts().running, 0);
    assert_int_equal(counts().done, 10);
}

TEST(all_that_wait_are_refused_together)
{
    struct weir__list refused;
    int i, count = 0;

    begin();
    for (i = 0; i < 12; i++)
        push(i, (uint32_t)i * 3);
    weir__list_init(&refused);
    weir__jobq_refuse(&queue, &refused);
    while (weir__list_pop_front(&refused))
        count++;
    assert_int_equal(count, 12);
    assert_int_equal(counts().refused, 12);
    assert_int_equal(counts().running + counts().queued + weir__jobq_len(&queue), 0);
}

TEST(any_job_that_waits_can_be_picked)
{
    uint32_t pick, picked = 0;

    for (pick = 0; pick < 6; pick++) {
        int i;

        begin();
        for (i = 0; i < 6; i++)
            push(i, (uint32_t)i % 2);
        picked |= 1u << (weir__jobq_pick(&queue, pick) - jobs);
    }
    assert_int_equal(picked, 63);
    begin();
    assert_null(weir__jobq_pick(&queue, 5));
}
