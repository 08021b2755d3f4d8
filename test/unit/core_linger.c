/* test/unit/core_linger.c - when a thread of the pool looks before it sleeps, with a clock that the
 * test moves. */
#include "test.h"

#include "core/linger.h"
#include "sys/sys.h"

static uint64_t now_ns;

static uint64_t read_clock(void)
{
    return now_ns;
}

static void with_clock(void (*test)(struct weir__linger *linger))
{
    struct weir__sys sys = weir__sys_real;
    struct weir__linger linger;

    now_ns = 1000000;
    sys.now_ns = read_clock;
    weir__sys = &sys;
    weir__linger_init(&linger, false);
    test(&linger);
    weir__sys = &weir__sys_real;
}

/* A wait that a job ends after so long; for how long the thread has looked. */
static uint64_t wait_for(struct weir__linger *linger, uint64_t wait_ns)
{
    uint64_t from_ns = now_ns, looked_ns = 0;

    if (weir__linger_begin(linger, true)) {
        while (now_ns - from_ns < wait_ns && weir__linger_again(linger))
            now_ns += 50;
        looked_ns = now_ns - from_ns;
    }
    if (now_ns - from_ns < wait_ns)
        now_ns = from_ns + wait_ns;
    weir__linger_end(linger, now_ns);
    return looked_ns;
}

/* For how long it has looked in so many waits. */
static uint64_t wait_often(struct weir__linger *linger, int count, uint64_t wait_ns)
{
    uint64_t looked_ns = 0;

    while (count--)
        looked_ns += wait_for(linger, wait_ns);
    return looked_ns;
}

static void looks_for_short(struct weir__linger *linger)
{
    assert_true(wait_often(linger, 1000, 1000) == 1000 * 1000);
    assert_true(wait_for(linger, 5000)
                >= 5000); /* one that is a little longer is looked for, too */
}

TEST(looks_while_jobs_come_at_once)
{
    with_clock(looks_for_short);
}

static void not_for_long(struct weir__linger *linger)
{
    uint64_t looked_ns = wait_often(linger, 100000, 100000);

    assert_true(looked_ns > 0 && looked_ns < 1000 * 1000); /* of ten seconds */
}

TEST(looks_hardly_ever_where_jobs_are_far_between)
{
    with_clock(not_for_long);
}

static void not_for_medium(struct weir__linger *linger)
{
    uint64_t looked_ns = wait_often(linger, 100000, 10000); /* every look of a trial finds one */

    assert_true(looked_ns > 0 && looked_ns < 8 * 1000 * 1000); /* of a second */
}

TEST(looks_rarely_where_a_look_costs_more_than_a_sleep)
{
    with_clock(not_for_medium);
}

/* A caller that has to be woken takes 15 us; one that need not be, 1. */
static void tries(struct weir__linger *linger)
{
    int i;

    (void)wait_often(linger, 10, 1000000);
    for (i = 0; i < 100; i++)
        (void)wait_for(linger,
                       linger->trial == 0 || linger->trial == WEIR__LINGER_TRIAL ? 15000 : 1000);
    assert_true(wait_often(linger, 100, 1000) == 100 * 1000);
}

TEST(finds_out_that_a_caller_would_be_fast)
{
    with_clock(tries);
}

static void gaps_are_long(struct weir__linger *linger)
{
    int i;

    for (i = 0; i < 4; i++) {
        assert_true(i > 1 || weir__linger_begin(linger, true));
        if (i > 1)
            (void)weir__linger_begin(linger, true);
        (void)weir__linger_again(linger);
        now_ns += 4000; /* somebody else has had the processor */
        (void)weir__linger_again(linger);
        weir__linger_end(linger, now_ns);
    }
    assert_true(linger->average_ns > WEIR__LINGER_NEAR_NS);
}

TEST(a_gap_between_looks_is_a_long_wait)
{
    with_clock(gaps_are_long);
}

static void clock_stands(struct weir__linger *linger)
{
    int looks = 1;

    assert_true(weir__linger_begin(linger, true));
    while (weir__linger_again(linger))
        looks++;
    assert_true(looks < 2000);
}

TEST(a_look_ends_though_the_clock_stands_still)
{
    with_clock(clock_stands);
}

static void not_beside_the_caller(struct weir__linger *linger)
{
    assert_false(weir__linger_begin(linger, false));
    assert_true(weir__linger_begin(linger, true));
    linger->never = true;
    assert_false(weir__linger_begin(linger, true));
}

TEST(never_looks_on_the_processor_of_the_caller)
{
    with_clock(not_beside_the_caller);
}
