/* test/unit/core_wheel.c - the timer wheel against a plain list of deadlines. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "core/wheel.h"

#define TICK ((uint64_t)WEIR__WHEEL_TICK_NS)

struct timer {
    struct weir__timer node;
    uint64_t deadline_ns;
    bool armed;
};

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct timer *expire(struct weir__wheel *wheel, uint64_t now)
{
    struct weir__timer *node = weir__wheel_expire(wheel, now);

    return node ? WEIR_CONTAINER_OF(node, struct timer, node) : NULL;
}

TEST(empty_wheel_has_no_next_moment)
{
    struct weir__wheel wheel;

    weir__wheel_init(&wheel, 123456789);
    assert_true(weir__wheel_next(&wheel) == UINT64_MAX);
    assert_null(weir__wheel_expire(&wheel, UINT64_MAX / 4));
}

TEST(timer_fires_once_at_its_tick_and_not_before)
{
    struct weir__wheel wheel;
    struct timer timer = {.deadline_ns = 10 * TICK + 1};

    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &timer.node, timer.deadline_ns);
    assert_true(weir__wheel_next(&wheel) <= 11 * TICK);
    assert_null(expire(&wheel, 10 * TICK));
    assert_null(expire(&wheel, 11 * TICK - 1));
    assert_ptr_equal(expire(&wheel, 11 * TICK), &timer);
    assert_null(expire(&wheel, 20 * TICK));
    assert_false(weir__timer_armed(&timer.node));
    assert_false(weir__wheel_stop(&wheel, &timer.node));
}

TEST(stopped_timer_does_not_fire_and_a_moved_one_fires_at_its_new_time)
{
    struct weir__wheel wheel;
    struct timer stopped = {.armed = false}, moved = {.armed = false};

    weir__wheel_init(&wheel, 5 * TICK);
    weir__wheel_start(&wheel, &stopped.node, 7 * TICK);
    weir__wheel_start(&wheel, &moved.node, 7 * TICK);
    weir__wheel_start(&wheel, &moved.node, 5000 * TICK);
    assert_true(weir__wheel_stop(&wheel, &stopped.node));
    assert_null(expire(&wheel, 4999 * TICK));
    assert_ptr_equal(expire(&wheel, 5000 * TICK), &moved);
    assert_true(weir__wheel_next(&wheel) == UINT64_MAX);
}

TEST(timer_of_the_past_fires_at_the_next_tick)
{
    struct weir__wheel wheel;
    struct timer timer = {.armed = false};

    weir__wheel_init(&wheel, 100 * TICK);
    weir__wheel_start(&wheel, &timer.node, 3);
    assert_null(expire(&wheel, 100 * TICK));
    assert_ptr_equal(expire(&wheel, 101 * TICK), &timer);
}

TEST(timers_may_start_and_stop_within_expiry)
{
    struct weir__wheel wheel;
    struct timer timers[4];
    struct timer *fired;

    memset(timers, 0, sizeof timers);
    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &timers[0].node, 2 * TICK);
    weir__wheel_start(&wheel, &timers[1].node, 2 * TICK);
    weir__wheel_start(&wheel, &timers[2].node, 2 * TICK);
    fired = expire(&wheel, 2 * TICK);
    assert_ptr_equal(fired, &timers[0]);
    assert_true(weir__wheel_stop(&wheel, &timers[1].node)); /* due already */
    weir__wheel_start(&wheel, &timers[0].node, 2 * TICK);
    weir__wheel_start(&wheel, &timers[3].node, 1);
    assert_ptr_equal(expire(&wheel, 2 * TICK), &timers[2]);
    assert_null(expire(&wheel, 2 * TICK)); /* not before the clock has moved */
    assert_non_null(expire(&wheel, 3 * TICK));
    assert_non_null(expire(&wheel, 3 * TICK));
    assert_null(expire(&wheel, 3 * TICK));
}

static uint64_t random_distance(void)
{
    return random_number() % (TICK << (random_number() % 34));
}

/* Moves the clock and checks that exactly what is due, by the tick, has fired. */
static void step_model(struct weir__wheel *wheel, struct timer *timers, size_t count, uint64_t *now)
{
    uint64_t next = weir__wheel_next(wheel);
    struct timer *fired;
    size_t i;

    if (next != UINT64_MAX && random_number() % 2)
        *now = next > *now ? next : *now + 1;
    else
        *now += random_distance();
    while ((fired = expire(wheel, *now))) {
        assert_true(fired->armed);
        assert_true(fired->deadline_ns <= *now);
        fired->armed = false;
    }
    for (i = 0; i < count; i++)
        assert_true(!timers[i].armed || timers[i].deadline_ns + 2 * TICK > *now);
    next = weir__wheel_next(wheel);
    for (i = 0; i < count; i++)
        assert_true(!timers[i].armed || next <= timers[i].deadline_ns + 2 * TICK);
}

TEST(random_use_agrees_with_a_plain_list)
{
    enum {
        COUNT = 200
    };
    struct weir__wheel wheel;
    struct timer *timers = calloc(COUNT, sizeof *timers);
    uint64_t now = random_distance();
    int i;

    weir__wheel_init(&wheel, now);
    for (i = 0; i < 60000; i++) {
        struct timer *timer = &timers[random_number() % COUNT];

        switch (random_number() % 8) {
        case 0:
            step_model(&wheel, timers, COUNT, &now);
            break;
        case 1:
        case 2:
            assert_int_equal(weir__wheel_stop(&wheel, &timer->node), timer->armed);
            timer->armed = false;
            break;
        default:
            timer->deadline_ns = now + random_distance();
            timer->armed = true;
            weir__wheel_start(&wheel, &timer->node, timer->deadline_ns);
        }
    }
    free(timers);
}

TEST(a_million_timers_fire_in_the_order_of_their_ticks)
{
    enum {
        COUNT = 1000000
    };
    struct weir__wheel wheel;
    struct timer *timers = calloc(COUNT, sizeof *timers), *fired;
    uint64_t now = 0, last = 0;
    size_t count = 0, i;

    assert_non_null(timers);
    weir__wheel_init(&wheel, now);
    for (i = 0; i < COUNT; i++) {
        timers[i].deadline_ns = random_number() % (3600ull * 1000 * TICK);
        weir__wheel_start(&wheel, &timers[i].node, timers[i].deadline_ns);
    }
    while (count < COUNT) {
        now = weir__wheel_next(&wheel);
        assert_true(now != UINT64_MAX);
        while ((fired = expire(&wheel, now))) {
            assert_true(fired->deadline_ns <= now);
            assert_true(fired->deadline_ns + 2 * TICK > now);
            assert_true(fired->deadline_ns / TICK + 1 >= last / TICK);
            last = fired->deadline_ns;
            count++;
        }
    }
    assert_true(weir__wheel_next(&wheel) == UINT64_MAX);
    free(timers);
}

TEST(deadline_of_the_end_of_time_never_fires)
{
    struct weir__wheel wheel;
    struct timer timer = {.armed = false};
    uint64_t now = 0;

    weir__wheel_init(&wheel, now);
    weir__wheel_start(&wheel, &timer.node, UINT64_MAX);
    assert_null(expire(&wheel, 1000000000ull * 3600 * 24 * 365));
    assert_true(weir__wheel_stop(&wheel, &timer.node));
}

TEST(timer_restarted_while_a_late_loop_catches_up_waits_for_the_next_round)
{
    struct weir__wheel wheel;
    struct timer timer = {.armed = false};
    int count = 0;

    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &timer.node, TICK);
    while (count < 10 && expire(&wheel, 1000 * TICK)) {
        count++;
        weir__wheel_start(&wheel, &timer.node, TICK);
    }
    assert_int_equal(count, 1);
    assert_true(weir__wheel_next(&wheel) == 1001 * TICK);
    assert_ptr_equal(expire(&wheel, 1001 * TICK), &timer);
    assert_true(wheel.count == 0);
}

TEST(deadline_beyond_a_turn_of_the_top_level_is_kept)
{
    struct weir__wheel wheel;
    struct timer timer = {.armed = false};
    uint64_t far = 200ull * 365 * 86400 * 1000 * TICK; /* a turn is 139 years */

    weir__wheel_init(&wheel, TICK);
    weir__wheel_start(&wheel, &timer.node, far);
    assert_true(weir__wheel_next(&wheel) < far);
    assert_null(expire(&wheel, far - 1));
    assert_ptr_equal(expire(&wheel, far), &timer);
}
