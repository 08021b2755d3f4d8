/* test/os/sched.c - which worker runs a task: the newest one of a worker that goes on. */
#include "test.h"

#include <weir.h>

#include "base/atomic.h"
#include "support/check.h"
#include "task/sched.h"
#include "task/state.h"
#include "task/task.h"

enum {
    STEALS_ENOUGH = 20,
    ROUNDS_MAX = 2000,
    LURES = 8
};

struct pair {
    weir_semaphore ball, back;
    struct weir__task *catcher;
    uint64_t hit_ns;
    uint32_t hit_on;
    uint32_t caught, lured;
    int stolen, early;
    bool ends;
};

/* Becomes the newest task of the other one's worker, or is stolen from there. */
static int catcher(void *arg)
{
    struct pair *pair = arg;

    WEIR_ATOMIC_STORE(&pair->catcher, weir__task_current(), RELEASE);
    weir__current_leave();
    for (;;) {
        uint64_t now_ns;

        CHECK(weir_semaphore_acquire(&pair->ball) == 0);
        now_ns = weir_now_ns();
        if (pair->ends)
            return 0;
        if (weir_worker_index() != WEIR_ATOMIC_LOAD(&pair->hit_on, RELAXED)) {
            pair->stolen++;
            pair->early += now_ns - pair->hit_ns < WEIR__NEWEST_AGE_NS;
        }
        WEIR_ATOMIC_STORE(&pair->caught, 1, RELEASE);
        CHECK(weir_semaphore_release(&pair->back) == 0);
    }
}

/* Runs on the second worker, which has been woken, and looks for more then; or late. */
static int lure(void *arg)
{
    struct pair *pair = arg;

    if (weir_worker_index() != WEIR_ATOMIC_LOAD(&pair->hit_on, RELAXED))
        WEIR_ATOMIC_STORE(&pair->lured, 1, RELEASE);
    return 0;
}

/* It waits for the ball, off its stack. */
static bool waits(struct pair *pair)
{
    struct weir__task *task = WEIR_ATOMIC_LOAD(&pair->catcher, ACQUIRE);

    return task && WEIR_ATOMIC_LOAD(&task->state, ACQUIRE) == TASK_PAUSED;
}

static void compute_until(const uint32_t *flag)
{
    uint64_t until_ns = weir_now_ns() + WEIR_MILLISECONDS(5);

    while (!WEIR_ATOMIC_LOAD(flag, ACQUIRE) && weir_now_ns() < until_ns)
        ;
}

/* Makes the other one runnable while the second worker searches, and goes on for a while. */
static void hit(struct pair *pair, weir_scope *scope)
{
    int i;

    while (!waits(pair))
        CHECK(weir_yield() == 0);
    WEIR_ATOMIC_STORE(&pair->caught, 0, RELAXED);
    WEIR_ATOMIC_STORE(&pair->lured, 0, RELAXED);
    WEIR_ATOMIC_STORE(&pair->hit_on, weir_worker_index(), RELAXED);
    for (i = 0; i < LURES; i++)
        CHECK(weir_spawn(scope, lure, pair) == 0);
    compute_until(&pair->lured);
    pair->hit_ns = weir_now_ns();
    CHECK(weir_semaphore_release(&pair->ball) == 0);
    compute_until(&pair->caught);
    CHECK(weir_semaphore_acquire(&pair->back) == 0);
}

static int play(void *arg)
{
    struct pair *pair = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, catcher, pair) == 0);
    for (i = 0; i < ROUNDS_MAX && pair->stolen < STEALS_ENOUGH; i++)
        hit(pair, &scope);
    pair->ends = true;
    CHECK(weir_semaphore_release(&pair->ball) == 0);
    return weir_scope_join(&scope);
}

TEST(a_newest_task_is_stolen_when_it_has_waited_for_its_time)
{
    struct weir_runtime_options options = {.workers = 2, .lend = WEIR_OFF, .report_ns = -1};
    struct pair pair = {0};

    not_on_sim("time stands still while a task computes");
#ifdef WEIR__HOSTILE
    test_skip("a hostile build steals it at once", __FILE__, __LINE__);
#endif
    assert_int_equal(weir_run(play, &pair, &options), 0);
    assert_checks();
    assert_int_equal(pair.early, 0);
    if (pair.stolen == 0)
        test_skip("the second worker has never looked at the right moment", __FILE__, __LINE__);
}
