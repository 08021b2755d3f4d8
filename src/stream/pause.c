/* stream/pause.c - see pause.h. */
#include "stream/pause.h"

#include <weir/error.h>

#include "sys/lock.h"
#include "task/task.h"

static bool granted(const struct weir__waiter *waiter)
{
    /* partner: weir__waiter_grant */
    return WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) == WAITER_GRANTED;
}

int weir__pause_in(uint32_t *lock, struct weir__waitq *queue, uint64_t until_ns, const char *what)
{
    struct weir__waiter *waiter = weir__waiter_begin(NULL, what);
    struct weir__task *task = waiter->task;
    int rc = 0;

    weir__waitq_push(queue, waiter);
    weir__unlock(lock);
    if (until_ns == WEIR__PAUSE_ANY)
        return weir__waiter_wait(waiter, queue, lock);
    while (!granted(waiter) && rc == 0)
        rc = weir__task_pause_until(task, until_ns);
    weir__lock(lock);
    if (!granted(waiter))
        weir__waitq_remove(queue, waiter);
    weir__unlock(lock);
    if (granted(waiter) || rc == WEIR_ETIMEDOUT)
        return 0;
    return weir__task_stopped(task, rc);
}
