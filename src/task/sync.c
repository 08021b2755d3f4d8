/* task/sync.c - see sync.h. */
#include "task/sync.h"

void weir__grant_all(struct weir__waitq *queue, uint32_t *guard, int result)
{
    struct weir__crowd crowd = {0};

    weir__crowd_take(&crowd, queue);
    weir__crowd_grant(&crowd, guard, NULL, NULL, result);
}

int weir__sync_wait(struct weir__waiter *waiter, struct weir__waitq *queue, uint32_t *guard)
{
    int rc = weir__waiter_wait(waiter, queue, guard);

    if (WEIR_ATOMIC_LOAD(guard, ACQUIRE)) { /* partner: weir__wakes_release */
        weir__lock(guard);
        weir__unlock(guard);
    }
    return rc;
}
