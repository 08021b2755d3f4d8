/* test/os/local.c - values of tasks. */
#include "test.h"

#include "support/run.h"

static weir_local_key plain, counted, inherited, owned;
static int live, ended_in_task, rounds; /* of values */

static void end_counted(void *value)
{
    ADD(*(int *)value, -1);
    if (weir_task_id())
        ADD(ended_in_task, 1);
    CHECK(weir_task_id() == 0 || weir_yield() == 0); /* it may suspend */
}

static void end_owned(void *value)
{
    (void)value;
    ADD(live, -1);
}

static void *share(void *value)
{
    ADD(live, 1);
    return value;
}

static void end_again(void *value)
{
    rounds++;
    CHECK(weir_local_set(*(weir_local_key *)value, value) == 0);
}

/* Keys stay: they are made once. */
static void make_keys(void)
{
    struct weir_local_options counts = {.destroy = end_counted};
    struct weir_local_options passes = {.inherit = weir_local_same};
    struct weir_local_options shares = {.destroy = end_owned, .inherit = share};

    if (plain.id)
        return;
    assert_int_equal(weir_local_key_create(&plain), 0);
    assert_int_equal(weir_local_key_create_with(&counted, &counts), 0);
    assert_int_equal(weir_local_key_create_with(&inherited, &passes), 0);
    assert_int_equal(weir_local_key_create_with(&owned, &shares), 0);
}

/* ---- ---- */

static int keep_own(void *arg)
{
    int i;

    CHECK(weir_local_get(plain) == NULL);
    CHECK(weir_local_set(plain, NULL) == 0);
    CHECK(weir_local_set(plain, arg) == 0);
    for (i = 0; i < 20; i++) {
        CHECK(weir_yield() == 0);
        CHECK(weir_local_get(plain) == arg);
    }
    CHECK(weir_local_set(plain, NULL) == 0);
    CHECK(weir_local_get(plain) == NULL);
    return 0;
}

static int keep_all(void *arg)
{
    int places[30], i;
    weir_scope scope;

    (void)arg;
    CHECK(weir_local_set(plain, places) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 30; i++)
        CHECK(weir_spawn(&scope, keep_own, &places[i]) == 0); /* which do not inherit it */
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_local_get(plain) == places);
    return 0;
}

TEST(each_task_has_its_own_value)
{
    weir_local_key none = {0}, unknown = {99};

    make_keys();
    (void)run_with(keep_all, NULL, 1);
    (void)run_with(keep_all, NULL, 3);
    assert_null(weir_local_get(plain));
    assert_int_equal(weir_local_set(plain, &none), WEIR_ENOTASK);
    assert_null(weir_local_get(none));
    assert_null(weir_local_get(unknown));
}

static int leave_value(void *arg)
{
    weir_local_key none = {0}, unknown = {99};

    CHECK(weir_local_set(none, arg) == WEIR_EINVAL);
    CHECK(weir_local_set(unknown, arg) == WEIR_EINVAL);
    ADD(*(int *)arg, 1);
    CHECK(weir_local_set(counted, arg) == 0);
    return weir_sleep(0);
}

static int leave_values(void *arg)
{
    return run_many(leave_value, arg, 20);
}

TEST(a_value_is_ended_with_its_task)
{
    int count = 0;

    make_keys();
    ended_in_task = 0;
    (void)run_with(leave_values, &count, 1);
    assert_int_equal(count, 0);
    assert_int_equal(ended_in_task, 20);
    (void)run_with(leave_values, &count, 3);
    assert_int_equal(count, 0);
}

static int look_at_inherited(void *arg)
{
    CHECK(weir_local_get(inherited) == arg);
    CHECK(weir_local_get(owned) == arg);
    CHECK(weir_local_get(plain) == NULL);
    return 0;
}

static int pass_down(void *arg)
{
    weir_scope scope;
    uint32_t i;

    CHECK(weir_local_set(plain, arg) == 0);
    CHECK(weir_local_set(inherited, arg) == 0);
    ADD(live, 1);
    CHECK(weir_local_set(owned, arg) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 8; i++) {
        struct weir_spawn_options options = {.worker = 1 + i % weir_worker_count()};

        CHECK(weir_spawn_with(&scope, look_at_inherited, arg, &options) == 0);
    }
    for (i = 0; i < 4; i++) { /* some cannot be started: here, and on another worker */
        struct weir_spawn_options options = {.worker = i % (weir_worker_count() + 1),
                                             .stack_size = (size_t)64 << 20};

        (void)weir_spawn_with(&scope, look_at_inherited, arg, &options);
    }
    (void)weir_scope_join(&scope);
    return 0;
}

TEST(children_inherit_what_the_key_says)
{
    int value;

    make_keys();
    live = 0;
    (void)run_with(pass_down, &value, 1);
    assert_int_equal(live, 0);
    (void)run_with(pass_down, &value, 3);
    assert_int_equal(live, 0);
}

static int leave_stubborn(void *arg)
{
    return weir_local_set(*(weir_local_key *)arg, arg);
}

TEST(values_that_come_again_are_given_up)
{
    struct weir_local_options options = {.destroy = end_again};
    static weir_local_key stubborn;

    if (!stubborn.id)
        assert_int_equal(weir_local_key_create_with(&stubborn, &options), 0);
    rounds = 0;
    assert_int_equal(run_with(leave_stubborn, &stubborn, 1), 0);
    assert_int_equal(rounds, 4);
}

TEST(there_is_a_last_key)
{
    weir_local_key key = {0};
    int i;

    for (i = 0; i < WEIR_LOCAL_KEYS_MAX && weir_local_key_create(&key) == 0; i++)
        ;
    assert_true(i < WEIR_LOCAL_KEYS_MAX);
    assert_int_equal(key.id, WEIR_LOCAL_KEYS_MAX);
    assert_int_equal(weir_local_key_create(&key), WEIR_ELIMIT);
    assert_int_equal(key.id, WEIR_LOCAL_KEYS_MAX);
}
