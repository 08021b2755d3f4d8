/* task/mutex.c - a fair lock; see <weir/sync.h>.
 *
 * `state` is FREE, HELD, or CONTENDED: held, and perhaps waited for. FREE and HELD change by one
 * compare-and-swap without the guard; everything with waiters happens under it. A contended mutex
 * never becomes free while somebody waits: it is handed to the first.
 */
#include <weir/sync.h>

#include "base/assert.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/task.h"

enum mutex_state {
    FREE,
    HELD,
    CONTENDED
};

_Static_assert(sizeof(struct weir__waitq) <= sizeof(((weir_mutex *)0)->weir__queue), "it fits");

static struct weir__waitq *queue_of(weir_mutex *mutex)
{
    return (struct weir__waitq *)(void *)mutex->weir__queue;
}

int weir_mutex_try_lock(weir_mutex *mutex)
{
    WEIR__CALL;
    uint32_t seen = FREE;

    return WEIR_ATOMIC_CAS(&mutex->weir__state, &seen, HELD, ACQUIRE) ? 0 : WEIR_EBUSY;
}

static int lock_contended(weir_mutex *mutex)
{
    struct weir__waiter own, *waiter;

    weir__lock(&mutex->weir__guard);
    if (WEIR_ATOMIC_EXCHANGE(&mutex->weir__state, CONTENDED, ACQUIRE) == FREE) {
        weir__unlock(&mutex->weir__guard);
        return 0;
    }
    waiter = weir__waiter_begin(&own);
    weir__waitq_push(queue_of(mutex), waiter);
    weir__unlock(&mutex->weir__guard);
    return weir__waiter_wait(waiter, queue_of(mutex), &mutex->weir__guard);
}

int weir_mutex_lock(weir_mutex *mutex)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0 && weir_mutex_try_lock(mutex) < 0)
        rc = lock_contended(mutex);
    return rc;
}

void weir_mutex_unlock(weir_mutex *mutex)
{
    WEIR__CALL;
    struct weir__wakee wakee = {0};
    struct weir__waiter *waiter;
    uint32_t seen = HELD;

    if (WEIR_ATOMIC_CAS(&mutex->weir__state, &seen, FREE, RELEASE))
        return;
    weir__lock(&mutex->weir__guard);
    waiter = weir__waitq_first(queue_of(mutex));
    if (waiter && weir__waiter_claim(queue_of(mutex), waiter))
        wakee = weir__waiter_grant(waiter, 0);
    else
        WEIR_ATOMIC_STORE(&mutex->weir__state, FREE, RELEASE);
    weir__unlock(&mutex->weir__guard);
    weir__wake(wakee);
}
