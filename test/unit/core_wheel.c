/* test/unit/core_wheel.c - timers against a model that looks at every one of them. */
#include "core/wheel.h"

#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "test.h"

#define MS ((uint64_t)1000000)

enum {
    MODEL = 200
};

static uint64_t seed;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int fired(struct weir__wheel *wheel, uint64_t now_ns)
{
    struct weir__timer *timer;
    int count = 0;

    while ((timer = weir__wheel_expire(wheel, now_ns))) {
        assert_false(weir__timer_armed(timer));
        assert_true(timer->deadline_ns <= now_ns);
        count++;
    }
    return count;
}

TEST(an_empty_wheel_asks_for_no_wake)
{
    struct weir__wheel wheel;

    weir__wheel_init(&wheel, 123 * MS);
    assert_int_equal(weir__wheel_next(&wheel), UINT64_MAX);
    assert_null(weir__wheel_expire(&wheel, 500000 * MS));
    assert_int_equal(weir__wheel_next(&wheel), UINT64_MAX);
}

TEST(a_timer_fires_once_and_not_early)
{
    struct weir__wheel wheel;
    struct weir__timer timer = {0};

    weir__wheel_init(&wheel, 1000 * MS);
    weir__wheel_start(&wheel, &timer, 1010 * MS + 1);
    assert_true(weir__timer_armed(&timer));
    assert_null(weir__wheel_expire(&wheel, 1010 * MS));
    assert_int_equal(weir__wheel_next(&wheel), 1011 * MS);
    assert_ptr_equal(weir__wheel_expire(&wheel, 1011 * MS), &timer);
    assert_null(weir__wheel_expire(&wheel, 2000 * MS));
    assert_false(weir__wheel_stop(&wheel, &timer));
}

TEST(a_stopped_timer_does_not_fire)
{
    struct weir__wheel wheel;
    struct weir__timer timer = {0};

    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &timer, 10 * MS);
    assert_true(weir__wheel_stop(&wheel, &timer));
    assert_false(weir__timer_armed(&timer));
    assert_false(weir__wheel_stop(&wheel, &timer));
    assert_int_equal(weir__wheel_next(&wheel), UINT64_MAX);
    assert_int_equal(fired(&wheel, 100 * MS), 0);
}

TEST(starting_an_armed_timer_moves_it)
{
    struct weir__wheel wheel;
    struct weir__timer timer = {0};

    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &timer, 10 * MS);
    weir__wheel_start(&wheel, &timer, 5000 * MS);
    assert_int_equal(wheel.count, 1);
    assert_int_equal(fired(&wheel, 4999 * MS), 0);
    assert_int_equal(fired(&wheel, 5000 * MS), 1);
    assert_int_equal(wheel.count, 0);
}

TEST(timers_fire_in_the_order_of_their_ticks)
{
    struct weir__wheel wheel;
    struct weir__timer timers[100] = {0}, *timer;
    uint64_t last = 0;
    int count = 0;

    weir__wheel_init(&wheel, 7 * MS);
    for (uint64_t i = 0; i < 100; i++)
        weir__wheel_start(&wheel, &timers[i], (8 + i * 7919 % 100 * 97) * MS);
    while ((timer = weir__wheel_expire(&wheel, 100000 * MS))) {
        assert_true(timer->deadline_ns >= last);
        last = timer->deadline_ns;
        count++;
    }
    assert_int_equal(count, 100);
}

TEST(a_timer_restarted_in_the_past_waits_for_the_next_round)
{
    struct weir__wheel wheel;
    struct weir__timer timer = {0};
    int count = 0;

    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &timer, 1 * MS);
    while (weir__wheel_expire(&wheel, 1000 * MS)) { /* the loop was late by a second */
        count++;
        weir__wheel_start(&wheel, &timer, 1 * MS);
    }
    assert_int_equal(count, 1);
    assert_ptr_equal(weir__wheel_expire(&wheel, 1001 * MS), &timer);
}

TEST(a_due_timer_may_be_stopped_or_moved_between_two_others)
{
    struct weir__wheel wheel;
    struct weir__timer a = {0}, b = {0}, c = {0};

    weir__wheel_init(&wheel, 0);
    weir__wheel_start(&wheel, &a, 5 * MS);
    weir__wheel_start(&wheel, &b, 5 * MS);
    weir__wheel_start(&wheel, &c, 5 * MS);
    assert_ptr_equal(weir__wheel_expire(&wheel, 5 * MS), &a);
    assert_int_equal(weir__wheel_next(&wheel), 0);
    assert_true(weir__wheel_stop(&wheel, &b));
    weir__wheel_start(&wheel, &c, 50 * MS);
    assert_null(weir__wheel_expire(&wheel, 49 * MS));
    assert_ptr_equal(weir__wheel_expire(&wheel, 50 * MS), &c);
    assert_int_equal(wheel.count, 0);
}

TEST(deadlines_beyond_the_wheel_are_kept)
{
    struct weir__wheel wheel;
    struct weir__timer never = {0}, years = {0};
    uint64_t far = (uint64_t)200 * 365 * 86400 * 1000 * MS;

    weir__wheel_init(&wheel, 1 * MS);
    weir__wheel_start(&wheel, &never, UINT64_MAX);
    weir__wheel_start(&wheel, &years, far);
    assert_true(weir__wheel_next(&wheel) < far);
    assert_int_equal(fired(&wheel, far - 1), 0);
    assert_ptr_equal(weir__wheel_expire(&wheel, far), &years);
    assert_true(weir__timer_armed(&never));
    assert_true(weir__wheel_stop(&wheel, &never));
}

struct model {
    struct weir__timer timer;
    uint64_t tick; /* the first at which it is due; 0: not armed */
};

static void model_step(struct weir__wheel *wheel, struct model *model, uint64_t now_ns)
{
    struct model *one = &model[draw() % MODEL];
    uint64_t range = MS << (draw() % 24), deadline_ns = now_ns + draw() % range;

    if (draw() % 3 == 0) {
        assert_int_equal(weir__wheel_stop(wheel, &one->timer), one->tick != 0);
        one->tick = 0;
        return;
    }
    if (draw() % 16 == 0)
        deadline_ns = now_ns / 2;
    weir__wheel_start(wheel, &one->timer, deadline_ns);
    one->tick = (deadline_ns + MS - 1) / MS;
    if (one->tick <= now_ns / MS)
        one->tick = now_ns / MS + 1;
}

static void model_expire(struct weir__wheel *wheel, struct model *model, uint64_t now_ns)
{
    struct weir__timer *timer;
    uint64_t next = weir__wheel_next(wheel);

    for (int i = 0; i < MODEL; i++)
        assert_true(!model[i].tick || next <= model[i].tick * MS);
    while ((timer = weir__wheel_expire(wheel, now_ns))) {
        struct model *one = WEIR_CONTAINER_OF(timer, struct model, timer);

        assert_true(one->tick && one->tick <= now_ns / MS);
        one->tick = 0;
    }
    for (int i = 0; i < MODEL; i++)
        assert_true(!model[i].tick || model[i].tick > now_ns / MS);
}

TEST(random_starts_and_stops_agree_with_the_model)
{
    for (uint64_t round = 1; round <= 20; round++) {
        static struct weir__wheel wheel;
        static struct model model[MODEL];
        uint64_t now_ns;

        seed = round * 0x9e3779b97f4a7c15u;
        memset(model, 0, sizeof model);
        now_ns = draw() % (MS << 40);
        weir__wheel_init(&wheel, now_ns);
        for (int step = 0; step < 2000; step++) {
            for (uint64_t ops = draw() % 8; ops > 0; ops--)
                model_step(&wheel, model, now_ns);
            now_ns += draw() % (MS << (draw() % 22));
            model_expire(&wheel, model, now_ns);
        }
    }
}

TEST(a_million_timers_at_once)
{
    size_t many = *test_under() ? 20000 : 1000000, count = 0, stopped = 0;
    struct weir__timer *timers = calloc(many, sizeof *timers);
    struct weir__wheel wheel;

    assert_non_null(timers);
    assert_int_equal(sizeof *timers, 3 * sizeof(uint64_t));
    seed = 42;
    weir__wheel_init(&wheel, 0);
    for (size_t i = 0; i < many; i++)
        weir__wheel_start(&wheel, &timers[i], draw() % (100000 * MS));
    for (size_t i = 0; i < many; i += 3)
        stopped += weir__wheel_stop(&wheel, &timers[i]);
    for (uint64_t now_ns = 0; wheel.count; now_ns += 100 * MS)
        count += (size_t)fired(&wheel, now_ns);
    assert_int_equal(count + stopped, many);
    free(timers);
}
