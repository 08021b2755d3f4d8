/* test/os/sync_random.c - whatever is cancelled when, nothing is lost and nothing doubled.
 *
 * Tasks use every object at random, with deadlines of some microseconds, while their scope is
 * cancelled at a random moment; threads and tasks that nobody cancels do the same and must come to
 * their end. Then each object must be as it was.
 */
#include "test.h"

#include <pthread.h>
#include <weir.h>

#include "support/run.h"

enum {
    PERMITS = 4,
    PARTIES = 3,
    ROOM = 2,
    VICTIMS = 24,
    STEADY = 4, /* that nobody cancels */
    ITEMS = 200,
    ROUNDS = 20
};

struct world {
    weir_semaphore semaphore;
    weir_mutex mutex, store_mutex;
    weir_rwlock rwlock;
    weir_notify baton;
    weir_barrier barrier;
    weir_condition filled, emptied;
    weir_once once;
    int permits_out, holders, readers, writers, batons, running;
    int leaders, passed;
    int items; /* guarded by store_mutex */
    uint64_t seed;
};

struct player {
    struct world *world;
    uint64_t random;
};

static uint32_t draw(struct player *player, uint32_t below)
{
    player->random ^= player->random << 13;
    player->random ^= player->random >> 7;
    player->random ^= player->random << 17;
    return (uint32_t)(player->random >> 33) % below;
}

/* Sometimes suspends, also in a cancelled task: then it does nothing. */
static void dawdle(struct player *player)
{
    uint32_t i;

    if (weir_task_id()) {
        for (i = draw(player, 4); i > 0; i--)
            (void)weir_yield();
    }
}

static bool is_stop(int rc)
{
    return rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE;
}

/* ---- what is done with each ---- */

static int use_permits(struct player *player)
{
    struct world *world = player->world;
    uint32_t count = draw(player, PERMITS) + 1;
    int rc = draw(player, 4) ? weir_semaphore_acquire_n(&world->semaphore, count)
                             : weir_semaphore_try_acquire_n(&world->semaphore, count);

    if (rc < 0)
        return rc == WEIR_EBUSY ? 0 : rc;
    CHECK(ADD(world->permits_out, (int)count) <= PERMITS);
    dawdle(player);
    ADD(world->permits_out, -(int)count);
    if (count > 1 && draw(player, 2)) {
        CHECK(weir_semaphore_release(&world->semaphore) == 0);
        count--;
    }
    CHECK(weir_semaphore_release_n(&world->semaphore, count) == 0);
    return 0;
}

static int use_mutex(struct player *player)
{
    struct world *world = player->world;
    int rc = weir_mutex_lock(&world->mutex);

    if (rc < 0)
        return rc;
    CHECK(ADD(world->holders, 1) == 1);
    dawdle(player);
    ADD(world->holders, -1);
    weir_mutex_unlock(&world->mutex);
    return 0;
}

static int use_rwlock(struct player *player)
{
    struct world *world = player->world;
    bool writes = draw(player, 3) == 0;
    int rc = writes ? weir_rwlock_write(&world->rwlock) : weir_rwlock_read(&world->rwlock);

    if (rc < 0)
        return rc;
    if (writes) {
        CHECK(ADD(world->writers, 1) == 1);
        CHECK(SEE(world->readers) == 0);
        dawdle(player);
        ADD(world->writers, -1);
        if (draw(player, 2)) {
            weir_rwlock_write_unlock(&world->rwlock);
            return 0;
        }
        weir_rwlock_downgrade(&world->rwlock);
    }
    ADD(world->readers, 1);
    CHECK(SEE(world->writers) == 0);
    dawdle(player);
    ADD(world->readers, -1);
    weir_rwlock_read_unlock(&world->rwlock);
    return 0;
}

static int use_baton(struct player *player)
{
    struct world *world = player->world;
    int rc = weir_notify_wait(&world->baton);

    if (rc < 0)
        return rc;
    CHECK(ADD(world->batons, 1) == 1);
    dawdle(player);
    ADD(world->batons, -1);
    if (draw(player, 2))
        weir_notify_one(&world->baton);
    else
        weir_notify_last(&world->baton);
    return 0;
}

static int meet(struct player *player)
{
    struct world *world = player->world;
    int rc = weir_barrier_wait(&world->barrier);

    if (rc >= 0)
        ADD(*(rc ? &world->leaders : &world->passed), 1);
    return rc < 0 ? rc : 0;
}

static int run_once(void *arg)
{
    struct player *player = arg;

    CHECK(ADD(player->world->running, 1) == 1);
    dawdle(player);
    ADD(player->world->running, -1);
    return WEIR_EIO;
}

static int try_once(struct player *player)
{
    int rc = weir_once_run(&player->world->once, run_once, player);

    CHECK(rc == WEIR_EIO || is_stop(rc));
    return is_stop(rc) ? rc : 0;
}

static int put(struct player *player)
{
    struct world *world = player->world;
    int rc = weir_mutex_lock(&world->store_mutex);

    if (rc < 0)
        return rc;
    while (rc == 0 && world->items == ROOM)
        rc = weir_condition_wait(&world->emptied, &world->store_mutex);
    if (world->items < ROOM) { /* stopped or not: the signal may have been for this one */
        world->items++;
        weir_condition_signal(&world->filled);
        rc = 0;
    }
    weir_mutex_unlock(&world->store_mutex);
    return rc;
}

static int get(struct player *player)
{
    struct world *world = player->world;
    int rc = weir_mutex_lock(&world->store_mutex);

    if (rc < 0)
        return rc;
    while (rc == 0 && world->items == 0)
        rc = weir_condition_wait(&world->filled, &world->store_mutex);
    if (world->items > 0) {
        world->items--;
        weir_condition_signal(&world->emptied);
        rc = 0;
    }
    weir_mutex_unlock(&world->store_mutex);
    return rc;
}

/* Waits for items, and takes none: what it is signalled it hands on. */
static int look(struct player *player)
{
    struct world *world = player->world;
    int rc = weir_mutex_lock(&world->store_mutex);

    if (rc < 0)
        return rc;
    if (world->items == 0)
        rc = weir_condition_wait(&world->filled, &world->store_mutex);
    if (rc == 0)
        weir_condition_signal(&world->filled);
    weir_mutex_unlock(&world->store_mutex);
    return rc;
}

/* ---- who does it ---- */

typedef int act_fn(struct player *player);

static act_fn *const acts[] = {use_permits, use_mutex, use_rwlock, use_baton, try_once, look, meet};

#define ALL_ACTS  (sizeof acts / sizeof *acts)
#define SAFE_ACTS 5 /* that come to an end whatever the others do */

static void begin(struct player *player, struct world *world)
{
    player->world = world;
    player->random = ADD(world->seed, 1) * 0x9e3779b97f4a7c15u | 1;
}

static int suffer(void *arg)
{
    struct player player;
    int rc = 0;

    begin(&player, arg);
    while (rc != WEIR_ECANCELED) {
        weir_block block;

        CHECK(weir_deadline_begin(&block,
                                  draw(&player, 3) ? (int64_t)draw(&player, 200000) : WEIR_FOREVER)
              == 0);
        rc = acts[draw(&player, ALL_ACTS)](&player);
        CHECK(rc == 0 || is_stop(rc));
        weir_block_end(&block);
        dawdle(&player);
        if (rc != WEIR_ECANCELED && weir_check() == WEIR_ECANCELED)
            rc = WEIR_ECANCELED;
    }
    return 0;
}

static void play_on(struct player *player)
{
    int i;

    for (i = 0; i < ITEMS; i++)
        CHECK(acts[draw(player, SAFE_ACTS)](player) == 0);
}

static int play(void *arg)
{
    struct player player;

    begin(&player, arg);
    play_on(&player);
    return 0;
}

static void *play_as_thread(void *arg)
{
    play(arg);
    return NULL;
}

static int put_all(void *arg)
{
    struct player player;
    int i;

    begin(&player, arg);
    for (i = 0; i < ITEMS; i++)
        CHECK(put(&player) == 0);
    return 0;
}

static int get_all(void *arg)
{
    struct player player;
    int i;

    begin(&player, arg);
    for (i = 0; i < ITEMS; i++)
        CHECK(get(&player) == 0);
    return 0;
}

static int cancel_at_random(void *arg)
{
    struct player player;
    int round, i;

    begin(&player, arg);
    for (round = 0; round < ROUNDS; round++) {
        weir_scope scope;

        CHECK(weir_scope_open(&scope) == 0);
        for (i = 0; i < VICTIMS; i++)
            CHECK(weir_spawn(&scope, suffer, arg) == 0);
        for (i = (int)draw(&player, 100); i > 0; i--)
            CHECK(weir_yield() == 0);
        if (draw(&player, 2))
            CHECK(weir_sleep(draw(&player, 300000)) == 0);
        weir_scope_cancel(&scope);
        CHECK(weir_scope_join(&scope) == 0);
    }
    return 0;
}

static int everybody(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < STEADY; i++) {
        CHECK(weir_spawn(&scope, play, arg) == 0);
        CHECK(weir_spawn(&scope, i % 2 ? put_all : get_all, arg) == 0);
    }
    CHECK(weir_spawn(&scope, cancel_at_random, arg) == 0);
    CHECK(weir_spawn(&scope, cancel_at_random, arg) == 0);
    return weir_scope_join(&scope);
}

static void expect_as_before(struct world *world)
{
    assert_int_equal(weir_semaphore_available(&world->semaphore), PERMITS);
    assert_int_equal(weir_semaphore_try_acquire_n(&world->semaphore, PERMITS), 0);
    assert_int_equal(weir_mutex_try_lock(&world->mutex), 0);
    assert_int_equal(weir_mutex_try_lock(&world->store_mutex), 0);
    assert_int_equal(weir_rwlock_try_write(&world->rwlock), 0);
    assert_int_equal(weir_notify_try(&world->baton), 0);
    assert_int_equal(weir_notify_try(&world->baton), WEIR_EBUSY);
    assert_int_equal(world->passed, world->leaders * (PARTIES - 1));
    assert_int_equal(world->items, 0);
    assert_false(weir_once_done(&world->once));
    assert_int_equal(world->barrier.weir__arrived, 0);
}

static void run_world(uint32_t workers, uint64_t seed)
{
    struct world world = {.semaphore = WEIR_SEMAPHORE_INIT(PERMITS),
                          .barrier = WEIR_BARRIER_INIT(PARTIES),
                          .seed = seed * 1000};
    pthread_t threads[2];
    int i;

    weir_notify_one(&world.baton);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, play_as_thread, &world), 0);
    assert_int_equal(run_with(everybody, &world, workers), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_checks();
    expect_as_before(&world);
}

TEST(nothing_is_lost_on_one_worker)
{
    run_world(1, 1);
    run_world(1, 2);
}

TEST(nothing_is_lost_on_two_workers)
{
    run_world(2, 3);
    run_world(2, 4);
}

TEST(nothing_is_lost_on_four_workers)
{
    run_world(4, 5);
    run_world(4, 6);
}
