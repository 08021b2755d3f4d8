/* test/os/watch.c - the latest value and its version. */
#include "test.h"

#include <weir.h>

#include "support/check.h"

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static int set_and_get(void *arg)
{
    weir_watch watch;
    uint64_t version = 0, seen = 0;
    int value = 5;

    (void)arg;
    CHECK(weir_watch_create(&watch, 0, &value) == WEIR_EINVAL);
    CHECK(weir_watch_create(&watch, sizeof value, &value) == 0);
    value = 0;
    CHECK(weir_watch_get(watch, &value, &seen) == 0 && value == 5 && seen == 1);
    CHECK(weir_watch_changed(watch, &value, &version) == 0 && version == 1); /* the first one */
    for (value = 10; value < 13; value++)
        CHECK(weir_watch_set(watch, &value) == 0);
    CHECK(weir_watch_changed(watch, &value, &version) == 0 && value == 12 && version == 4);
    value = 20;
    CHECK(weir_watch_set(watch, &value) == 0);
    CHECK(weir_watch_close(watch, 1) == WEIR_EINVAL);
    CHECK(weir_watch_close(watch, WEIR_EIO) == 0);
    CHECK(weir_watch_set(watch, &value) == WEIR_EIO);
    value = 0;
    CHECK(weir_watch_changed(watch, &value, &version) == 0 && value == 20);
    CHECK(weir_watch_changed(watch, &value, &version) == WEIR_EIO && version == 5);
    CHECK(weir_watch_get(watch, &value, NULL) == 0 && value == 20);
    weir_watch_destroy(watch);
    weir_watch_destroy(watch);
    CHECK(weir_watch_get(watch, &value, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_watch_set(watch, &value) == WEIR_EBADHANDLE);
    CHECK(weir_watch_changed(watch, &value, &version) == WEIR_EBADHANDLE);
    CHECK(weir_watch_close(watch, 0) == WEIR_EBADHANDLE);
    return 0;
}

TEST(the_latest_value_is_there_with_its_version)
{
    (void)run(set_and_get, NULL, 1);
}

/* ---- many watchers ---- */

enum {
    WATCHERS = 40,
    VALUES = 300
};

/* A value that is torn would not have both halves alike. */
struct pair {
    long first, second;
};

struct tower {
    weir_watch watch;
    int reason;
};

static int look(void *arg)
{
    struct tower *tower = arg;
    struct pair pair;
    uint64_t version = 0, before = 0;
    weir_block block;
    int rc;

    for (;;) {
        CHECK(weir_deadline_begin(&block, version % 3 ? WEIR_FOREVER : 30000) == 0);
        rc = weir_watch_changed(tower->watch, &pair, &version);
        weir_block_end(&block);
        if (rc == WEIR_EDEADLINE)
            continue;
        if (rc < 0)
            break;
        CHECK(version > before);
        CHECK(pair.first == pair.second && pair.first == (long)version);
        before = version;
    }
    CHECK(rc == tower->reason);
    CHECK(version == VALUES); /* nobody misses the last one */
    return 0;
}

static int watch_many(void *arg)
{
    struct tower tower = {.reason = WEIR_EEOF};
    struct pair pair = {1, 1};
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_watch_create(&tower.watch, sizeof pair, &pair) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WATCHERS; i++)
        CHECK(weir_spawn(&scope, look, &tower) == 0);
    for (i = 2; i <= VALUES; i++) {
        pair.first = pair.second = i;
        CHECK(weir_watch_set(tower.watch, &pair) == 0);
        if (i % 4 == 0)
            CHECK(weir_yield() == 0);
    }
    CHECK(weir_watch_close(tower.watch, WEIR_EEOF) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_watch_destroy(tower.watch);
    return 0;
}

TEST(every_watcher_sees_the_last_value)
{
    uint32_t i;

    for (i = 0; i < 8; i++)
        (void)run(watch_many, NULL, 1 + i % 4);
}

static int look_until_destroyed(void *arg)
{
    uint64_t version = 1;
    int value;

    CHECK(weir_watch_changed(*(weir_watch *)arg, &value, &version) == WEIR_ECLOSED);
    return 0;
}

static int destroy_under_watchers(void *arg)
{
    weir_watch watch;
    weir_scope scope;
    int i = 0;

    (void)arg;
    CHECK(weir_watch_create(&watch, sizeof i, &i) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WATCHERS; i++)
        CHECK(weir_spawn(&scope, look_until_destroyed, &watch) == 0);
    CHECK(weir_yield() == 0);
    weir_watch_destroy(watch);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(who_waits_learns_that_it_is_gone)
{
    (void)run(destroy_under_watchers, NULL, 1);
}
