/* bench/weir/sync_micro.c - what locks and signals cost; one line of JSON.
 *
 * free: taken and given back by the only task there is. six: six tasks are spawned, each takes one
 * of ten permits (enough) or of five (one has to wait) and gives it back, and all are joined; on
 * one worker and on two. turns: eight tasks on one worker, each yields while it holds the mutex, so
 * that every lock waits. workers: four tasks on two workers lock and unlock as fast as they can.
 * notify: a thread notifies one, or all, of so many tasks that wait again and again, until 500 have
 * been woken; the figure is for one wake. ping: two tasks that wake each other; there and back.
 *
 * The best of five repetitions is printed, in nanoseconds.
 */
#include "micro.h"

#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/sync.h>

enum {
    ROUNDS = 200000,
    GROUPS = 5000,
    TURNS = 5000,
    RIVAL_ROUNDS = 50000,
    WAKES = 500,
    WAKE_ROUNDS = 40,
    REPEATS = 5
};

/* ---- nobody else ---- */

static void measure_free(void)
{
    weir_semaphore semaphore = WEIR_SEMAPHORE_INIT(10);
    weir_mutex mutex = {0};
    weir_rwlock rwlock = {0};
    weir_notify notify = {0};
    uint64_t begun = weir_now_ns();
    int i;

    for (i = 0; i < ROUNDS; i++) {
        weir_mutex_lock(&mutex);
        weir_mutex_unlock(&mutex);
    }
    keep("mutex_free_ns", each(begun, ROUNDS));
    begun = weir_now_ns();
    for (i = 0; i < ROUNDS; i++) {
        weir_semaphore_acquire(&semaphore);
        weir_semaphore_release(&semaphore);
    }
    keep("semaphore_free_ns", each(begun, ROUNDS));
    begun = weir_now_ns();
    for (i = 0; i < ROUNDS; i++) {
        weir_rwlock_read(&rwlock);
        weir_rwlock_read_unlock(&rwlock);
    }
    keep("rwlock_read_free_ns", each(begun, ROUNDS));
    begun = weir_now_ns();
    for (i = 0; i < ROUNDS; i++) {
        weir_notify_one(&notify);
        weir_notify_wait(&notify);
    }
    keep("notify_free_ns", each(begun, ROUNDS));
}

/* ---- six tasks at a semaphore ---- */

static int take_one(void *arg)
{
    int rc = weir_semaphore_acquire(arg);

    return rc < 0 ? rc : weir_semaphore_release(arg);
}

static double six_ns(uint32_t permits)
{
    weir_semaphore semaphore = WEIR_SEMAPHORE_INIT(permits);
    uint64_t begun = weir_now_ns();
    int i, k;

    for (i = 0; i < GROUPS; i++) {
        weir_scope scope;

        weir_scope_open(&scope);
        for (k = 0; k < 6; k++)
            weir_spawn(&scope, take_one, &semaphore);
        weir_scope_join(&scope);
    }
    return each(begun, GROUPS);
}

/* ---- rivals ---- */

static int take_turns(void *arg)
{
    int i;

    for (i = 0; i < TURNS; i++) {
        weir_mutex_lock(arg);
        weir_yield();
        weir_mutex_unlock(arg);
    }
    return 0;
}

static int lock_fast(void *arg)
{
    int i;

    for (i = 0; i < RIVAL_ROUNDS; i++) {
        weir_mutex_lock(arg);
        weir_mutex_unlock(arg);
    }
    return 0;
}

static double rivals_ns(weir_task_fn *fn, int tasks, int rounds)
{
    weir_mutex mutex = {0};
    weir_scope scope;
    uint64_t begun = weir_now_ns();
    int i;

    weir_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        weir_spawn(&scope, fn, &mutex);
    weir_scope_join(&scope);
    return each(begun, tasks * rounds);
}

struct players {
    weir_notify there, back;
};

static int answer(void *arg)
{
    struct players *players = arg;

    while (weir_notify_wait(&players->there) == 0)
        weir_notify_one(&players->back);
    return 0;
}

static double ping_ns(void)
{
    struct players players = {{0}, {0}};
    weir_scope scope;
    uint64_t begun;
    double ns;
    int i;

    weir_scope_open(&scope);
    weir_spawn(&scope, answer, &players);
    begun = weir_now_ns();
    for (i = 0; i < ROUNDS; i++) {
        weir_notify_one(&players.there);
        weir_notify_wait(&players.back);
    }
    ns = each(begun, ROUNDS);
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return ns;
}

static int on_one_worker(void *arg)
{
    (void)arg;
    measure_free();
    keep("semaphore_six_enough_ns", six_ns(10));
    keep("semaphore_six_ns", six_ns(5));
    keep("mutex_turns_ns", rivals_ns(take_turns, 8, TURNS));
    keep("notify_ping_ns", ping_ns());
    return 0;
}

static int on_two_workers(void *arg)
{
    (void)arg;
    keep("semaphore_six_enough_2w_ns", six_ns(10));
    keep("semaphore_six_2w_ns", six_ns(5));
    keep("mutex_rivals_2w_ns", rivals_ns(lock_fast, 4, RIVAL_ROUNDS));
    return 0;
}

/* ---- a thread that notifies ---- */

struct crowd {
    weir_notify notify;
    weir_latch ready;                            /* all have begun */
    __attribute__((aligned(64))) uint32_t woken; /* not beside what is measured */
};

static int wait_again_and_again(void *arg)
{
    struct crowd *crowd = arg;

    weir_latch_count_down(&crowd->ready, 1);
    while (weir_notify_wait(&crowd->notify) == 0)
        __atomic_fetch_add(&crowd->woken, 1, __ATOMIC_RELAXED);
    return 0;
}

static int measure_notify(const char *name, void (*notify)(weir_notify *), int tasks)
{
    struct weir_runtime_options options = {.workers = 2};
    struct crowd crowd = {.ready = WEIR_LATCH_INIT(tasks)};
    weir_runtime *runtime;
    uint64_t begun;
    int i, rc = weir_runtime_create(&runtime, &options);

    if (rc < 0)
        return rc;
    for (i = 0; i < tasks && rc == 0; i++)
        rc = weir_runtime_spawn(runtime, wait_again_and_again, &crowd);
    if (rc == 0)
        rc = weir_latch_wait(&crowd.ready);
    begun = weir_now_ns();
    for (i = 0; i < WAKE_ROUNDS && rc == 0; i++) {
        __atomic_store_n(&crowd.woken, 0, __ATOMIC_RELAXED);
        do
            notify(&crowd.notify);
        while (__atomic_load_n(&crowd.woken, __ATOMIC_RELAXED) < WAKES);
    }
    keep(name, each(begun, WAKE_ROUNDS * WAKES));
    (void)weir_runtime_destroy(runtime);
    return rc;
}

static int measure_all(void)
{
    struct weir_runtime_options one = {.workers = 1}, two = {.workers = 2};
    int rc = weir_run(on_one_worker, NULL, &one);

    if (rc == 0)
        rc = weir_run(on_two_workers, NULL, &two);
    if (rc == 0)
        rc = measure_notify("notify_one_10_ns", weir_notify_one, 10);
    if (rc == 0)
        rc = measure_notify("notify_one_500_ns", weir_notify_one, 500);
    if (rc == 0)
        rc = measure_notify("notify_all_10_ns", weir_notify_all, 10);
    if (rc == 0)
        rc = measure_notify("notify_all_500_ns", weir_notify_all, 500);
    return rc;
}

int main(void)
{
    for (int i = 0; i < REPEATS; i++)
        check(measure_all());
    print_figures();
    return 0;
}
