/* task/condition.c - waiting for a change of what a mutex guards; see <weir/sync.h>.
 *
 * The word says that the queue may have somebody in it. It is set under the guard while the waiter
 * still holds the mutex, so that who has changed something under the mutex sees it.
 */
#include "task/sync.h"

int weir_condition_wait(weir_condition *condition, weir_mutex *mutex)
{
    WEIR__CALL;
    struct weir__waitq *queue = weir__queue_of(condition->weir__queue);
    struct weir__task *task = weir__task_current();
    struct weir__waiter own, *waiter;
    int rc = weir__leaf_of(task);

    if (rc == 0 && task && task->shields == UINT8_MAX)
        rc = WEIR_ELIMIT; /* locking again needs one */
    if (rc < 0) {
        return rc;
    }
    weir__lock(&condition->weir__guard);
    waiter = weir__waiter_begin(&own, "condition");
    weir__waitq_push(queue, waiter);
    WEIR_ATOMIC_STORE(&condition->weir__word, 1, RELAXED);
    weir__unlock(&condition->weir__guard);
    weir__mutex_unlock(mutex);
    rc = weir__sync_wait(waiter, queue, &condition->weir__guard);
    weir__mutex_lock_again(mutex);
    return rc;
}

void weir_condition_signal(weir_condition *condition)
{
    struct weir__waitq *queue = weir__queue_of(condition->weir__queue);
    struct weir__wakee wakee = {0};
    struct weir__waiter *waiter;

    if (!WEIR_ATOMIC_LOAD(&condition->weir__word, ACQUIRE))
        return;
    WEIR__CALL;
    weir__lock(&condition->weir__guard);
    waiter = weir__claim_first(queue);
    if (waiter)
        wakee = weir__waiter_grant(waiter, 0);
    if (weir__waitq_empty(queue))
        WEIR_ATOMIC_STORE(&condition->weir__word, 0, RELAXED);
    weir__unlock(&condition->weir__guard);
    weir__wake(wakee);
}

void weir_condition_broadcast(weir_condition *condition)
{
    if (!WEIR_ATOMIC_LOAD(&condition->weir__word, ACQUIRE))
        return;
    WEIR__CALL;
    weir__lock(&condition->weir__guard);
    WEIR_ATOMIC_STORE(&condition->weir__word, 0, RELAXED);
    weir__grant_all(weir__queue_of(condition->weir__queue), &condition->weir__guard, 0);
}
