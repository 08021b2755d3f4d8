/* task/sync.c - see sync.h. */
#include "task/sync.h"

void weir__wakes_grant(struct weir__wakes *wakes, struct weir__waiter *waiter, int result)
{
    wakes->list[wakes->count++] = weir__waiter_grant(waiter, result);
}

void weir__wakes_release(struct weir__wakes *wakes, uint32_t *guard)
{
    uint32_t i;

    weir__unlock(guard);
    for (i = 0; i < wakes->count; i++)
        weir__wake(wakes->list[i]);
    wakes->count = 0;
}

struct weir__waiter *weir__claim_first(struct weir__waitq *queue)
{
    struct weir__waiter *waiter;

    do
        waiter = weir__waitq_first(queue);
    while (waiter && !weir__waiter_claim(queue, waiter));
    return waiter;
}

/* They are moved to a list of this call, so that who comes meanwhile is not among them. Who gives
 * up takes itself out of that list, under the same guard. */
void weir__grant_all(struct weir__waitq *queue, uint32_t *guard, int result)
{
    struct weir__wakes wakes;
    struct weir__waitq all;
    struct weir__waiter *waiter;

    if (weir__waitq_empty(queue)) {
        weir__unlock(guard);
        return;
    }
    wakes.count = 0;
    weir__list_init(&all.list);
    weir__list_splice(&all.list, &queue->list);
    while ((waiter = weir__waitq_first(&all))) {
        if (weir__wakes_full(&wakes)) {
            weir__wakes_release(&wakes, guard);
            weir__lock(guard);
        } else if (weir__waiter_claim(&all, waiter)) {
            weir__wakes_grant(&wakes, waiter, result);
        }
    }
    weir__wakes_release(&wakes, guard);
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
