/* test/os/sync_calls.c - what holds for every call: in a task that is stopped, and for a worker
 * that is lent while its task computes. */
#include "test.h"

#include <weir.h>

#include "support/run.h"

struct shared {
    weir_mutex mutex, held;
    weir_rwlock rwlock;
    weir_semaphore semaphore;
    weir_condition condition;
    weir_notify notify, waited;
    weir_barrier barrier;
    weir_once once;
    weir_latch latch;
    int asleep; /* on which worker */
    int awake;
};

static void init(struct shared *shared)
{
    *shared = (struct shared){.semaphore = WEIR_SEMAPHORE_INIT(1), .barrier = WEIR_BARRIER_INIT(1)};
    weir_notify_one(&shared->notify);
}

static int succeed(void *arg)
{
    (void)arg;
    return 0;
}

/* ---- stopped ---- */

static int call_all(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_try_lock(&shared->mutex) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_condition_wait(&shared->condition, &shared->mutex) == WEIR_ECANCELED);
    CHECK(weir_mutex_try_lock(&shared->mutex) == WEIR_EBUSY);
    weir_mutex_unlock(&shared->mutex);
    CHECK(weir_mutex_lock(&shared->mutex) == WEIR_ECANCELED);
    CHECK(weir_rwlock_read(&shared->rwlock) == WEIR_ECANCELED);
    CHECK(weir_rwlock_write(&shared->rwlock) == WEIR_ECANCELED);
    CHECK(weir_semaphore_acquire(&shared->semaphore) == WEIR_ECANCELED);
    CHECK(weir_notify_wait(&shared->notify) == WEIR_ECANCELED);
    CHECK(weir_barrier_wait(&shared->barrier) == WEIR_ECANCELED);
    CHECK(weir_latch_wait(&shared->latch) == WEIR_ECANCELED);
    CHECK(weir_once_run(&shared->once, succeed, NULL) == WEIR_ECANCELED);
    CHECK(!weir_once_done(&shared->once));
    CHECK(weir_semaphore_try_acquire(&shared->semaphore) == 0);
    CHECK(weir_semaphore_release(&shared->semaphore) == 0);
    CHECK(weir_rwlock_try_write(&shared->rwlock) == 0);
    weir_rwlock_downgrade(&shared->rwlock);
    weir_rwlock_read_unlock(&shared->rwlock);
    CHECK(weir_notify_try(&shared->notify) == 0);
    weir_notify_one(&shared->notify);
    return 0;
}

static int stop_and_call(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, call_all, arg) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_stopped_task_takes_nothing_even_if_it_is_free)
{
    struct shared shared;

    init(&shared);
    assert_int_equal(run_with(stop_and_call, &shared, 1), 0);
}

/* ---- lent ---- */

static int wait_for_signal(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_notify_wait(&shared->waited) == 0);
    return 0;
}

static int sleep_shortly(void *arg)
{
    struct shared *shared = arg;

    SAY(shared->asleep, (int)weir_worker_index());
    CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    SAY(shared->awake, 1);
    return 0;
}

static void call_mutex(struct shared *shared)
{
    CHECK(weir_mutex_lock(&shared->mutex) == 0);
    CHECK(weir_mutex_lock(&shared->mutex) == WEIR_EDEADLK);
    weir_mutex_unlock(&shared->mutex);
}

static void call_rwlock(struct shared *shared)
{
    CHECK(weir_rwlock_write(&shared->rwlock) == 0);
    weir_rwlock_write_unlock(&shared->rwlock);
}

static void call_semaphore(struct shared *shared)
{
    CHECK(weir_semaphore_acquire(&shared->semaphore) == 0);
    CHECK(weir_semaphore_release(&shared->semaphore) == 0);
    CHECK(weir_semaphore_forget(&shared->semaphore, 0) == 0);
}

static void call_notify(struct shared *shared)
{
    CHECK(weir_notify_wait(&shared->notify) == 0);
    weir_notify_one(&shared->notify);
}

static void call_wake(struct shared *shared)
{
    weir_notify_one(&shared->waited);
}

static void call_wake_all(struct shared *shared)
{
    weir_notify_all(&shared->waited);
}

static void call_barrier(struct shared *shared)
{
    CHECK(weir_barrier_wait(&shared->barrier) == 1);
}

static void call_latch(struct shared *shared)
{
    CHECK(weir_latch_wait(&shared->latch) == 0);
}

static void call_once(struct shared *shared)
{
    shared->once = (weir_once){0};
    CHECK(weir_once_run(&shared->once, succeed, NULL) == 0);
}

static void (*const calls[])(struct shared *) = {call_mutex,   call_rwlock, call_semaphore,
                                                 call_notify,  call_wake,   call_wake_all,
                                                 call_barrier, call_latch,  call_once};

/* Makes the call, and computes until the sleeper's timer has fired, which another thread must see
 * to. False, and nothing was tried, if the sleeper was stolen before it slept. */
static bool call_and_compute(struct shared *shared, void (*call)(struct shared *shared))
{
    struct weir_spawn_options here = {.worker = weir_worker_index()};
    uint64_t limit_ns = weir_now_ns() + (uint64_t)WEIR_SECONDS(20);
    weir_scope scope;
    bool tried;

    SAY(shared->asleep, 0);
    SAY(shared->awake, 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_signal, shared) == 0);
    CHECK(weir_spawn_with(&scope, sleep_shortly, shared, &here) == 0);
    YIELD_UNTIL(SEE(shared->asleep));
    tried = SEE(shared->asleep) == (int)here.worker;
    if (tried) {
        CHECK(weir_unpin() == 0); /* the worker of a pinned task is not lent */
        call(shared);
        while (!SEE(shared->awake) && weir_now_ns() < limit_ns)
            ;
        CHECK(SEE(shared->awake));
        CHECK(weir_pin() == 0);
    }
    weir_notify_one(&shared->waited);
    CHECK(weir_scope_join(&scope) == 0);
    (void)weir_notify_try(&shared->waited);
    return tried;
}

static int call_and_compute_all(void *arg)
{
    size_t i;

    CHECK(weir_pin() == 0);
    for (i = 0; i < sizeof calls / sizeof *calls; i++) {
        while (!call_and_compute(arg, calls[i]))
            ;
    }
    return 0;
}

TEST(a_worker_can_be_lent_after_every_call)
{
    struct weir_runtime_options options = {.workers = 2, .lend = WEIR_ON};
    struct shared shared;

    not_on_sim("no worker is lent");
    init(&shared);
    assert_int_equal(weir_run(call_and_compute_all, &shared, &options), 0);
    assert_checks();
}
