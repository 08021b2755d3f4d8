/* test/os/budget.c - a task whose calls never wait lets the others run, unless it is told not to.
 */
#include "test.h"

#include <weir.h>

#include "support/check.h"
#include "support/dial.h"

enum {
    CALLS = 5000,
    INLINE_MAX = 64, /* of src/task/wait.h */
#if defined(WEIR__HOSTILE)
    SOME = 0, /* the whole is one */
#else
    SOME = INLINE_MAX / 4,
#endif
    SLICE_MS = 1
};

typedef int busy_call(void *object);

/* A task that makes calls which complete at once, beside one that waits for its turn. */
struct pair {
    busy_call *call;
    void *object;
    int64_t each_ns; /* what it does between two of them */
    bool unbudgeted;
    bool other_ran;
    int calls_until; /* the other ran */
    int calls;
};

static int run(weir_task_fn *fn, void *arg)
{
    struct weir_runtime_options options = {
        .workers = 1, .slice_ns = WEIR_MILLISECONDS(SLICE_MS), .report_ns = -1};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static void compute(int64_t for_ns)
{
    uint64_t until_ns = weir_now_ns() + (uint64_t)for_ns;

    while (weir_now_ns() < until_ns)
        ;
}

static int keep_busy(void *arg)
{
    struct pair *pair = arg;

    while (pair->calls < CALLS && !pair->other_ran) {
        if (pair->each_ns)
            compute(pair->each_ns);
        CHECK(pair->call(pair->object) == 0);
        pair->calls++;
    }
    pair->calls_until = pair->other_ran ? pair->calls : CALLS;
    while (pair->calls++ < INLINE_MAX)
        CHECK(pair->call(pair->object) == 0);
    return 0;
}

static int take_turn(void *arg)
{
    struct pair *pair = arg;

    pair->other_ran = true;
    return 0;
}

static int run_pair(void *arg)
{
    struct pair *pair = arg;
    struct weir_spawn_options options = {.unbudgeted = pair->unbudgeted ? WEIR_ON : WEIR_OFF};
    weir_scope scope;

    pair->other_ran = false;
    pair->calls = 0;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, keep_busy, pair, &options) == 0);
    CHECK(weir_spawn(&scope, take_turn, pair) == 0);
    return weir_scope_join(&scope);
}

/* How many calls are made before the other task runs. */
static int calls_until_other(struct pair *pair)
{
    CHECK(run_pair(pair) == 0);
    return pair->calls_until;
}

/* ---- calls of all kinds ---- */

static int ping(void *object)
{
    weir_chan *chan = object;
    int value = 1;
    int rc = weir_chan_send(*chan, &value);

    return rc < 0 ? rc : weir_chan_recv(*chan, &value);
}

static int lock_and_unlock(void *object)
{
    int rc = weir_mutex_lock(object);

    if (rc == 0)
        weir_mutex_unlock(object);
    return rc;
}

static int select_one(void *object)
{
    weir_case c;

    weir_case_notify(&c, object);
    weir_notify_one(object);
    return weir_select(&c, 1);
}

static int sleep_till_now(void *object)
{
    (void)object;
    return weir_sleep_until(0);
}

static int join_nothing(void *object)
{
    weir_scope scope;
    int rc = weir_scope_open(&scope);

    (void)object;
    return rc < 0 ? rc : weir_scope_join(&scope);
}

static int read_ahead(void *object)
{
    weir_stream *streams = object;
    char byte = 'x';
    int rc = (int)weir_write_all(streams[0], &byte, 1);

    if (rc == 0)
        rc = (int)weir_read(streams[1], &byte, 1);
    return rc == 1 ? 0 : rc;
}

static void connect_two(weir_stream streams[2])
{
    struct dialling dialling;
    weir_listener listener;
    weir_scope scope;

    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(listener, dialling.address, sizeof dialling.address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial, &dialling) == 0);
    CHECK(weir_accept(listener, &streams[1]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(dialling.rc == 0);
    streams[0] = dialling.stream;
    weir_listener_close(listener);
}

static int each_kind(void *arg)
{
    weir_chan chan;
    weir_mutex mutex = {0};
    weir_notify notify = {0};
    weir_stream streams[2];
    struct pair pairs[] = {{.call = ping, .object = &chan},
                           {.call = lock_and_unlock, .object = &mutex},
                           {.call = select_one, .object = &notify},
                           {.call = sleep_till_now},
                           {.call = join_nothing},
                           {.call = read_ahead, .object = streams}};
    int i;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    connect_two(streams);
    for (i = 0; i < (int)(sizeof pairs / sizeof *pairs); i++)
        CHECK(calls_until_other(&pairs[i]) <= INLINE_MAX + 1);
    weir_close(streams[0]);
    weir_close(streams[1]);
    weir_chan_destroy(chan);
    return 0;
}

TEST(calls_that_complete_at_once_are_counted)
{
    (void)run(each_kind, NULL);
}

static int slow_calls(void *arg)
{
    weir_mutex mutex = {0};
    struct pair pair = {.call = lock_and_unlock, .object = &mutex};

    (void)arg;
    pair.each_ns = WEIR_MILLISECONDS(SLICE_MS) / 2;
    CHECK(calls_until_other(&pair) <= 9);
    pair.each_ns = WEIR_MILLISECONDS(SLICE_MS) * 2;
    CHECK(calls_until_other(&pair) <= 9);
    return 0;
}

TEST(time_is_counted_too)
{
    (void)run(slow_calls, NULL);
}

/* ---- without a budget ---- */

static int spawn_unbudgeted(void *arg)
{
    weir_chan chan;
    struct pair pair = {.call = ping, .object = &chan, .unbudgeted = true};

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    CHECK(calls_until_other(&pair) == CALLS);
    pair.each_ns = 1000;
    CHECK(calls_until_other(&pair) == CALLS);
    pair.each_ns = 0;
    pair.call = join_nothing;
    CHECK(calls_until_other(&pair) == CALLS);
    weir_chan_destroy(chan);
    return 0;
}

TEST(a_task_that_is_spawned_without_one_is_not_interrupted)
{
    (void)run(spawn_unbudgeted, NULL);
}

static int ping_in_block(void *arg)
{
    struct pair *pair = arg;
    int i;

    for (i = 0; i < SOME; i++) /* of the budget is gone */
        CHECK(pair->call(pair->object) == 0);
    CHECK(!pair->other_ran);
    CHECK(weir_unbudgeted_begin() == 0);
    CHECK(weir_unbudgeted_begin() == 0);
    CHECK(weir_unbudgeted_end() == 0);
    for (i = 0; i < CALLS; i++)
        CHECK(pair->call(pair->object) == 0);
    CHECK(!pair->other_ran);
    CHECK(weir_unbudgeted_end() == 0);
    CHECK(weir_unbudgeted_end() == WEIR_EINVAL);
    for (i = 0; i <= INLINE_MAX; i++)
        CHECK(pair->call(pair->object) == 0);
    CHECK(pair->other_ran);
    return 0;
}

static int run_block(void *arg)
{
    weir_chan chan;
    struct pair pair = {.call = ping, .object = &chan};
    weir_scope scope;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, ping_in_block, &pair) == 0);
    CHECK(weir_spawn(&scope, take_turn, &pair) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(chan);
    return 0;
}

TEST(between_begin_and_end_nothing_is_counted)
{
    (void)run(run_block, NULL);
}

static int nest(void *arg)
{
    struct weir_spawn_options bad = {.unbudgeted = 3};
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, nest, arg, &bad) == WEIR_EOPTION);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < 255; i++)
        CHECK(weir_unbudgeted_begin() == 0);
    CHECK(weir_unbudgeted_begin() == WEIR_ELIMIT);
    for (i = 0; i < 255; i++)
        CHECK(weir_unbudgeted_end() == 0);
    CHECK(weir_unbudgeted_end() == WEIR_EINVAL);
    return 0;
}

TEST(the_block_nests_and_belongs_to_a_task)
{
    assert_int_equal(weir_unbudgeted_begin(), WEIR_ENOTASK);
    assert_int_equal(weir_unbudgeted_end(), WEIR_ENOTASK);
    (void)run(nest, NULL);
}
