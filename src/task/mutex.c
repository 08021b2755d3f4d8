/* task/mutex.c - a fair lock; see <weir/sync.h>.
 *
 * The word is the holder (task/deadlock.h), 0 if there is none, with a flag if somebody waits. A
 * mutex for which somebody waits never becomes free: it is handed to the first.
 */
#include "base/assert.h"
#include "task/case.h"
#include "task/deadlock.h"
#include "task/sync.h"

#define WAITED WEIR__HOLDER_FLAG

static bool take(weir_mutex *mutex, uintptr_t self)
{
    uintptr_t seen = 0;

    return WEIR_ATOMIC_CAS(&mutex->weir__word, &seen, self, ACQUIRE);
}

/* Takes the mutex (0), or sets the flag (1), or WEIR_EDEADLK. Under the guard. */
static int take_or_flag(weir_mutex *mutex, uintptr_t self)
{
    uintptr_t seen = WEIR_ATOMIC_LOAD(&mutex->weir__word, RELAXED);

    for (;;) {
        if (seen == 0) {
            if (WEIR_ATOMIC_CAS(&mutex->weir__word, &seen, self, ACQUIRE))
                return 0;
        } else if ((seen & ~WAITED) == self) {
            return WEIR_EDEADLK;
        } else if ((seen & WAITED)
                   || WEIR_ATOMIC_CAS(&mutex->weir__word, &seen, seen | WAITED, RELAXED)) {
            return 1;
        }
    }
}

static int lock_contended(weir_mutex *mutex, struct weir__task *task, uintptr_t self)
{
    struct weir__waitq *queue = weir__queue_of(mutex->weir__queue);
    struct weir__waiter own, *waiter;
    struct weir__blocked blocked;
    int rc;

    weir__lock(&mutex->weir__guard);
    rc = take_or_flag(mutex, self);
    if (rc != 1) {
        weir__unlock(&mutex->weir__guard);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "mutex");
    waiter->data = (void *)self; /* the word, once it is handed over */
    weir__waitq_push(queue, waiter);
    weir__unlock(&mutex->weir__guard);
    weir__deadlock_enter(&blocked, &(struct weir__want){WANT_MUTEX, mutex, &mutex->weir__word},
                         waiter, task);
    rc = weir__sync_wait(waiter, queue, &mutex->weir__guard);
    weir__deadlock_leave(&blocked);
    return rc;
}

int weir_mutex_lock(weir_mutex *mutex)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    uintptr_t self = weir__holder(task);
    int rc = weir__leaf_of(task);

    if (rc == 0 && !take(mutex, self))
        rc = lock_contended(mutex, task, self);
    return rc;
}

/* The caller waits as in a shield: neither a cancel nor a deadline reaches it. */
void weir__mutex_lock_again(weir_mutex *mutex)
{
    struct weir__task *task = weir__task_current();
    uintptr_t self = weir__holder(task);
    uint64_t deadline_ns = 0;
    int rc;

    if (take(mutex, self))
        return;
    if (task) {
        WEIR_ASSERT(task->shields < UINT8_MAX); /* weir_condition_wait has looked */
        deadline_ns = task->deadline_ns;
        task->deadline_ns = UINT64_MAX;
        task->shields++;
    }
    rc = lock_contended(mutex, task, self);
    if (task) {
        task->shields--;
        task->deadline_ns = deadline_ns;
    }
    WEIR_ASSERT(rc == 0);
}

int weir_mutex_try_lock(weir_mutex *mutex)
{
    uintptr_t self = WEIR__HOLDER_UNKNOWN;

    if (weir__deadlock_watching()) {
        WEIR__CALL;

        self = weir__holder(weir__task_current());
    }
    return take(mutex, self) ? 0 : WEIR_EBUSY;
}

/* Hands the mutex to the first that waits; false, and the flag is off, if there is none. */
static bool hand_over(weir_mutex *mutex)
{
    struct weir__waitq *queue = weir__queue_of(mutex->weir__queue);
    struct weir__wakee wakee = {0};
    struct weir__waiter *waiter;

    weir__lock(&mutex->weir__guard);
    waiter = weir__claim_first(queue);
    if (waiter) {
        uintptr_t flag = weir__waitq_empty(queue) ? 0 : WAITED;

        WEIR_ATOMIC_STORE(&mutex->weir__word, (uintptr_t)waiter->data | flag, RELEASE);
        wakee = weir__waiter_grant(waiter, 0);
    } else {
        (void)WEIR_ATOMIC_AND(&mutex->weir__word, ~WAITED, RELAXED);
    }
    weir__unlock(&mutex->weir__guard);
    weir__wake(wakee);
    return waiter;
}

static bool unlock(weir_mutex *mutex)
{
    uintptr_t seen = WEIR_ATOMIC_LOAD(&mutex->weir__word, RELAXED);

    while (!(seen & WAITED)) {
        if (WEIR_ATOMIC_CAS(&mutex->weir__word, &seen, 0, RELEASE))
            return true;
    }
    return false;
}

void weir__mutex_unlock(weir_mutex *mutex)
{
    while (!unlock(mutex) && !hand_over(mutex))
        ;
}

void weir_mutex_unlock(weir_mutex *mutex)
{
    if (unlock(mutex))
        return;
    WEIR__CALL;
    weir__mutex_unlock(mutex);
}

/* ---- a case of a select ---- */

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    weir_mutex *mutex = c->object;
    uintptr_t self = weir__holder(task);

    c->result = 0;
    if (take(mutex, self))
        return true;
    c->result = WEIR_EDEADLK;
    return (WEIR_ATOMIC_LOAD(&mutex->weir__word, RELAXED) & ~WAITED) == self;
}

/* Whether somebody has to wait, and then the flag is set. Under the guard. */
static bool flag(weir_mutex *mutex)
{
    uintptr_t seen = WEIR_ATOMIC_LOAD(&mutex->weir__word, RELAXED);

    while (seen != 0) {
        if ((seen & WAITED) || WEIR_ATOMIC_CAS(&mutex->weir__word, &seen, seen | WAITED, RELAXED))
            return true;
    }
    return false;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    weir_mutex *mutex = c->object;
    uintptr_t self = weir__holder(c->waiter.task);
    enum weir__case_step step = CASE_WAITS;

    weir__lock(&mutex->weir__guard);
    if (flag(mutex)) {
        weir__case_queue(c, select, weir__queue_of(mutex->weir__queue), &mutex->weir__guard);
        c->waiter.data = (void *)self; /* the word, once it is handed over */
    } else if (!weir__case_claim(c, select)) {
        step = CASE_LOST;
    } else {
        step = attempt_case(c, c->waiter.task) ? CASE_DONE : CASE_AGAIN;
    }
    weir__unlock(&mutex->weir__guard);
    return step;
}

static void want_of_case(const struct weir__case *c, struct weir__want *out)
{
    const weir_mutex *mutex = c->object;

    *out = (struct weir__want){WANT_MUTEX, mutex, &mutex->weir__word};
}

static const struct weir__case_calls case_calls = {
    .attempt = attempt_case, .enlist = enlist_case, .want = want_of_case};

void weir_case_lock(weir_case *out, weir_mutex *mutex)
{
    weir__case_fill(out, &case_calls, 0, NULL, 0);
    weir__case_of(out)->object = mutex;
}
