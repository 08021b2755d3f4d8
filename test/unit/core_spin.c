/* test/unit/core_spin.c - when a loop spins, with a clock that the test moves. */
#include "test.h"

#include "core/spin.h"
#include "sys/sys.h"

static uint64_t now_ns;

static uint64_t read_clock(void)
{
    return now_ns;
}

static void with_clock(void (*test)(struct weir__spin *spin))
{
    struct weir__sys sys = weir__sys_real;
    struct weir__spin spin;

    sys.now_ns = read_clock;
    weir__sys = &sys;
    weir__spin_init(&spin, 200000);
    test(&spin);
    weir__sys = &weir__sys_real;
}

static void be_alone(struct weir__spin *spin)
{
    const struct weir_fd *fd = (const struct weir_fd *)(uintptr_t)64;
    int i;

    for (i = 0; i < 40; i++)
        weir__spin_note_fd(spin, fd);
}

/* A spin that looks every 100 ns and finds something at the n-th look; 0: nothing. */
static int spin_until(struct weir__spin *spin, int n)
{
    int looks = 1;

    while (looks != n && weir__spin_again(spin)) {
        now_ns += 100;
        looks++;
    }
    weir__spin_end(spin, looks == n);
    return looks;
}

static void only_alone(struct weir__spin *spin)
{
    assert_false(weir__spin_begin(spin, -1));
    be_alone(spin);
    assert_true(weir__spin_begin(spin, -1));
    weir__spin_note_fd(spin, (const struct weir_fd *)(uintptr_t)128);
    assert_false(weir__spin_begin(spin, -1));
}

TEST(spins_only_while_one_descriptor_does_all_the_work)
{
    with_clock(only_alone);
}

static void long_waits(struct weir__spin *spin)
{
    int i;

    be_alone(spin);
    for (i = 0; i < 50; i++)
        weir__spin_note_wait(spin, 1000000);
    assert_false(weir__spin_begin(spin, -1));
    for (i = 0; i < 50; i++)
        weir__spin_note_wait(spin, 10000);
    assert_true(weir__spin_begin(spin, -1));
    assert_true(spin->budget_ns > 30000 && spin->budget_ns <= 60000);
    assert_true(weir__spin_begin(spin, 700)); /* not beyond the next timer */
    assert_int_equal(spin->budget_ns, 700);
}

TEST(long_waits_are_not_spun_through)
{
    with_clock(long_waits);
}

static void vain(struct weir__spin *spin)
{
    int tried = 0, i;

    be_alone(spin);
    for (i = 0; i < 16 + 32 + 64 + 5; i++) {
        if (weir__spin_begin(spin, -1)) {
            tried++;
            assert_true(spin_until(spin, 0) > 40);
        }
    }
    assert_int_equal(tried, 5);
    assert_int_equal(spin->count, 5);
}

TEST(vain_spins_are_tried_ever_more_rarely)
{
    with_clock(vain);
}

static void found(struct weir__spin *spin)
{
    int i;

    be_alone(spin);
    for (i = 0; i < 100; i++) {
        assert_true(weir__spin_begin(spin, -1));
        assert_int_equal(spin_until(spin, 5), 5);
    }
}

TEST(finds_keep_it_spinning)
{
    with_clock(found);
}

static void first_look(struct weir__spin *spin)
{
    be_alone(spin);
    assert_true(weir__spin_begin(spin, -1));
    (void)spin_until(spin, 0);
    assert_true(weir__spin_begin(spin, -1));
    (void)spin_until(spin, 0);
    assert_false(weir__spin_begin(spin, -1));
    spin->skip = 0;
    assert_true(weir__spin_begin(spin, -1));
    (void)spin_until(spin, 1);
    assert_int_equal(spin->backoff, 32); /* neither a success nor a failure */
    assert_int_equal(spin->skip, 0);
}

TEST(what_the_first_look_finds_teaches_nothing)
{
    with_clock(first_look);
}

static void gap(struct weir__spin *spin)
{
    be_alone(spin);
    assert_true(weir__spin_begin(spin, -1));
    assert_true(weir__spin_again(spin));
    now_ns += 5000; /* somebody else ran */
    weir__spin_end(spin, true);
    assert_true(weir__spin_begin(spin, -1)); /* it may have been an interrupt */
    assert_true(weir__spin_again(spin));
    now_ns += 5000;
    weir__spin_end(spin, true);
    assert_false(weir__spin_begin(spin, -1));
}

TEST(a_find_after_a_gap_counts_as_vain)
{
    with_clock(gap);
}
