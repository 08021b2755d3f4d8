/* test/os/sync_race.c - a grant and a cancel at the same moment.
 *
 * A task waits for something that a thread has. In each round the thread gives, and at about that
 * moment the task is cancelled, a little later from round to round. Either the task has got it, or
 * it is there for the next one.
 */
#include "test.h"

#include <pthread.h>
#include <time.h>
#include <weir.h>

#include "support/run.h"

enum {
    ROUNDS = 3000,
    DELAYS = 1000,     /* different ones */
    PATIENCE_MS = 1500 /* then fewer rounds must do */
};

struct race;

struct kind {
    void (*prepare)(struct race *race); /* by the thread; NULL: nothing */
    int (*wait)(struct race *race);     /* by the task; what it has got it has given back */
    void (*give)(struct race *race);    /* by the thread */
    bool (*left)(struct race *race);    /* whether nothing is missing, and clears up */
};

struct race {
    const struct kind *kind;
    weir_semaphore semaphore;
    weir_mutex mutex;
    weir_rwlock rwlock;
    weir_notify notify;
    weir_barrier barrier;
    weir_once once;
    int prepared, go, done, judged; /* the number of the round */
    int round;                      /* the thread's */
    int over;
    int waiting;
    uint64_t until_ns;
    cpu_set_t allowed;
    int rc;     /* of the task's wait */
    int leader; /* of the thread's wait at the barrier */
};

/* The thread's clock, also where that of the tasks is simulated. */
static uint64_t real_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void spin(int count)
{
    while (count-- > 0)
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Puts the calling thread on the first or the last of the processors that it may use: on one
 * processor there is no race. */
static void stay_on(const cpu_set_t *allowed, bool last)
{
    cpu_set_t one;
    int cpu, chosen = -1;

    for (cpu = 0; cpu < CPU_SETSIZE && (last || chosen < 0); cpu++) {
        if (CPU_ISSET(cpu, allowed))
            chosen = cpu;
    }
    CPU_ZERO(&one);
    CPU_SET(chosen, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

/* The thread is ready, and goes on when it may. */
static void await_go(struct race *race)
{
    int i;

    SAY(race->prepared, race->round);
    for (i = 0; SEE(race->go) != race->round; i++) {
        if (i > 10000)
            sched_yield();
    }
}

static void *give_in_time(void *arg)
{
    struct race *race = arg;
    int round;

    stay_on(&race->allowed, true);
    for (round = 1;; round++) {
        SPIN_UNTIL(SEE(race->judged) == round - 1);
        if (SEE(race->over))
            break;
        race->round = round;
        if (race->kind->prepare)
            race->kind->prepare(race);
        await_go(race);
        race->kind->give(race);
        SAY(race->done, round);
    }
    return NULL;
}

static int wait_in_time(void *arg)
{
    struct race *race = arg;

    race->waiting = 1;
    race->rc = race->kind->wait(race);
    CHECK(race->rc >= 0 || race->rc == WEIR_ECANCELED);
    return 0;
}

static int run_rounds(void *arg)
{
    struct race *race = arg;
    int round;

    for (round = 1; !race->over; round++) {
        weir_scope scope;

        YIELD_UNTIL(SEE(race->prepared) == round);
        race->waiting = 0;
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, wait_in_time, race) == 0);
        YIELD_UNTIL(race->waiting);
        SAY(race->go, round);
        spin(round * 13 % DELAYS);
        weir_scope_cancel(&scope);
        (void)weir_scope_join(&scope);
        YIELD_UNTIL(SEE(race->done) == round);
        CHECK(race->kind->left(race));
        SAY(race->over, round == ROUNDS || real_ns() >= race->until_ns);
        SAY(race->judged, round);
    }
    return 0;
}

static void run_race_by(const struct kind *kind, weir_task_fn *fn)
{
    struct race race = {.kind = kind,
                        .barrier = WEIR_BARRIER_INIT(2),
                        .until_ns = real_ns() + (uint64_t)WEIR_MILLISECONDS(PATIENCE_MS)};
    pthread_t thread;

    assert_int_equal(sched_getaffinity(0, sizeof race.allowed, &race.allowed), 0);
    assert_int_equal(pthread_create(&thread, NULL, give_in_time, &race), 0);
    stay_on(&race.allowed, false);
    (void)run_with(fn, &race, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sched_setaffinity(0, sizeof race.allowed, &race.allowed), 0);
    assert_checks();
}

static void run_race(const struct kind *kind)
{
    run_race_by(kind, run_rounds);
}

/* ---- semaphore ---- */

static int acquire(struct race *race)
{
    return weir_semaphore_acquire(&race->semaphore);
}

static void release(struct race *race)
{
    CHECK(weir_semaphore_release(&race->semaphore) == 0);
}

static bool permit_left(struct race *race)
{
    return weir_semaphore_try_acquire(&race->semaphore) == (race->rc == 0 ? WEIR_EBUSY : 0);
}

TEST(a_permit_is_delivered_or_there)
{
    run_race(&(struct kind){NULL, acquire, release, permit_left});
}

/* ---- locks ---- */

static void lock(struct race *race)
{
    CHECK(weir_mutex_lock(&race->mutex) == 0);
}

static void unlock(struct race *race)
{
    weir_mutex_unlock(&race->mutex);
}

static int lock_and_unlock(struct race *race)
{
    int rc = weir_mutex_lock(&race->mutex);

    if (rc == 0)
        weir_mutex_unlock(&race->mutex);
    return rc;
}

static bool mutex_free(struct race *race)
{
    if (weir_mutex_try_lock(&race->mutex) < 0)
        return false;
    weir_mutex_unlock(&race->mutex);
    return true;
}

TEST(a_mutex_is_delivered_or_free)
{
    run_race(&(struct kind){lock, lock_and_unlock, unlock, mutex_free});
}

static void write_lock(struct race *race)
{
    CHECK(weir_rwlock_write(&race->rwlock) == 0);
}

static void write_unlock(struct race *race)
{
    weir_rwlock_write_unlock(&race->rwlock);
}

static int read_and_unlock(struct race *race)
{
    int rc = weir_rwlock_read(&race->rwlock);

    if (rc == 0)
        weir_rwlock_read_unlock(&race->rwlock);
    return rc;
}

static bool rwlock_free(struct race *race)
{
    if (weir_rwlock_try_write(&race->rwlock) < 0)
        return false;
    weir_rwlock_write_unlock(&race->rwlock);
    return true;
}

TEST(a_rwlock_is_delivered_or_free)
{
    run_race(&(struct kind){write_lock, read_and_unlock, write_unlock, rwlock_free});
}

/* ---- notify ---- */

static int wait_for_signal(struct race *race)
{
    return weir_notify_wait(&race->notify);
}

static void notify(struct race *race)
{
    weir_notify_one(&race->notify);
}

static bool signal_left(struct race *race)
{
    return weir_notify_try(&race->notify) == (race->rc == 0 ? WEIR_EBUSY : 0);
}

TEST(a_signal_is_delivered_or_kept)
{
    run_race(&(struct kind){NULL, wait_for_signal, notify, signal_left});
}

/* ---- once ---- */

static int fail_in_time(void *arg)
{
    if (arg)
        await_go(arg);
    return WEIR_EIO;
}

static int try_once(struct race *race)
{
    int rc = weir_once_run(&race->once, fail_in_time, NULL);

    return rc == WEIR_EIO ? 0 : rc;
}

/* The thread is at it while the task waits, and fails. */
static void be_at_it(struct race *race)
{
    CHECK(weir_once_run(&race->once, fail_in_time, race) == WEIR_EIO);
}

static void has_given(struct race *race)
{
    (void)race;
}

static bool once_new(struct race *race)
{
    return try_once(race) == 0;
}

TEST(a_turn_is_delivered_or_there)
{
    run_race(&(struct kind){be_at_it, try_once, has_given, once_new});
}

/* ---- barrier ---- */

/* The task waits for the thread; if it has been cancelled the one that judges takes its place. */
static int meet(struct race *race)
{
    return weir_barrier_wait(&race->barrier);
}

static void meet_as_thread(struct race *race)
{
    race->leader = weir_barrier_wait(&race->barrier);
    CHECK(race->leader >= 0);
}

static int run_barrier_rounds(void *arg)
{
    struct race *race = arg;
    int round, leader;

    for (round = 1; !race->over; round++) {
        weir_scope scope;

        YIELD_UNTIL(SEE(race->prepared) == round);
        race->waiting = 0;
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, wait_in_time, race) == 0);
        YIELD_UNTIL(race->waiting);
        SAY(race->go, round);
        spin(round * 13 % DELAYS);
        weir_scope_cancel(&scope);
        (void)weir_scope_join(&scope);
        leader = race->rc;
        if (leader < 0) {
            weir_block block;

            CHECK(weir_deadline_begin(&block, WEIR_SECONDS(5)) == 0);
            leader = weir_barrier_wait(&race->barrier);
            CHECK(!weir_block_end(&block));
        }
        YIELD_UNTIL(SEE(race->done) == round);
        CHECK(leader + race->leader == 1);
        SAY(race->over, round == ROUNDS || real_ns() >= race->until_ns);
        SAY(race->judged, round);
    }
    CHECK(race->barrier.weir__arrived == 0);
    return 0;
}

TEST(who_is_cancelled_has_met_the_other_or_not_arrived)
{
    not_on_sim("virtual time does not wait for a thread");
    run_race_by(&(struct kind){NULL, meet, meet_as_thread, NULL}, run_barrier_rounds);
}
