/* task/once.c - something that is done once, and may suspend; see <weir/sync.h>.
 *
 * Who fails hands its turn to the first that waits. The word is DONE for ever once it is.
 */
#include "task/deadlock.h"
#include "task/sync.h"

enum once_word {
    NEW = 0,
    RUNNING = 1,
    DONE = 2
};

enum {
    IS_DONE = 0,
    YOUR_TURN = 1,
    WAITS = 2
};

/* What the caller finds. Under the guard. */
static int look(weir_once *once, uintptr_t self)
{
    switch ((enum once_word)WEIR_ATOMIC_LOAD(&once->weir__word, ACQUIRE)) {
    case DONE:
        return IS_DONE;
    case RUNNING:
        return WEIR_ATOMIC_LOAD(&once->weir__runner, RELAXED) == self ? WEIR_EDEADLK : WAITS;
    case NEW:
        break;
    }
    WEIR_ATOMIC_STORE(&once->weir__word, RUNNING, RELAXED);
    WEIR_ATOMIC_STORE(&once->weir__runner, self, RELAXED);
    return YOUR_TURN;
}

/* What the caller finds in the end. */
static int turn(weir_once *once, struct weir__task *task)
{
    struct weir__waitq *queue = weir__queue_of(once->weir__queue);
    uintptr_t self = weir__holder(task);
    struct weir__waiter own, *waiter;
    struct weir__blocked blocked;
    int rc;

    weir__lock(&once->weir__guard);
    rc = look(once, self);
    if (rc != WAITS) {
        weir__unlock(&once->weir__guard);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "once");
    waiter->data = (void *)self;
    weir__waitq_push(queue, waiter);
    weir__unlock(&once->weir__guard);
    weir__deadlock_enter(&blocked, &(struct weir__want){WANT_ONCE, once, &once->weir__runner},
                         waiter, task);
    rc = weir__sync_wait(waiter, queue, &once->weir__guard);
    weir__deadlock_leave(&blocked);
    return rc;
}

static void succeed(weir_once *once)
{
    weir__lock(&once->weir__guard);
    WEIR_ATOMIC_STORE(&once->weir__word, DONE, RELEASE); /* partner: is_done */
    WEIR_ATOMIC_STORE(&once->weir__runner, 0, RELAXED);
    weir__grant_all(weir__queue_of(once->weir__queue), &once->weir__guard, IS_DONE);
}

static void fail(weir_once *once)
{
    struct weir__waitq *queue = weir__queue_of(once->weir__queue);
    struct weir__wakee wakee = {0};
    struct weir__waiter *waiter;

    weir__lock(&once->weir__guard);
    waiter = weir__claim_first(queue);
    WEIR_ATOMIC_STORE(&once->weir__runner, waiter ? (uintptr_t)waiter->data : 0, RELAXED);
    if (waiter)
        wakee = weir__waiter_grant(waiter, YOUR_TURN);
    else
        WEIR_ATOMIC_STORE(&once->weir__word, NEW, RELAXED);
    weir__unlock(&once->weir__guard);
    weir__wake(wakee);
}

static bool is_done(const weir_once *once)
{
    return WEIR_ATOMIC_LOAD(&once->weir__word, ACQUIRE) == DONE;
}

bool weir_once_done(const weir_once *once)
{
    return is_done(once);
}

static int run(weir_once *once, weir_task_fn *fn, void *arg)
{
    int rc;

    weir__current_leave();
    rc = fn(arg);
    weir__current_enter();
    if (rc < 0)
        fail(once);
    else
        succeed(once);
    return rc < 0 ? rc : 0;
}

int weir_once_run(weir_once *once, weir_task_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir__task *task;
    int rc;

    if (is_done(once))
        return 0;
    task = weir__task_current();
    rc = weir__leaf_of(task);
    if (rc == 0)
        rc = turn(once, task);
    if (rc == YOUR_TURN)
        rc = run(once, fn, arg);
    return rc;
}
