/* task/grant.c - see grant.h. */
#include "task/grant.h"

#include "base/list.h"

void weir__wakes_grant(struct weir__wakes *wakes, struct weir__waiter *waiter, int result)
{
    weir__wakes_add(wakes, weir__waiter_grant(waiter, result));
}

void weir__wakes_send(struct weir__wakes *wakes)
{
    uint32_t i;

    for (i = 0; i < wakes->count; i++)
        weir__wake(wakes->list[i]);
    wakes->count = 0;
}

void weir__wakes_release(struct weir__wakes *wakes, uint32_t *lock)
{
    weir__unlock(lock);
    weir__wakes_send(wakes);
}

struct weir__waiter *weir__claim_first(struct weir__waitq *queue)
{
    struct weir__waiter *waiter;

    do {
        waiter = weir__waitq_first(queue);
    } while (waiter && !weir__waiter_claim(queue, waiter));
    return waiter;
}

void weir__crowd_take(struct weir__crowd *crowd, struct weir__waitq *queue)
{
    if (!crowd->members.list.next)
        weir__list_init(&crowd->members.list);
    if (!weir__waitq_empty(queue))
        weir__list_splice(&crowd->members.list, &queue->list);
}

void weir__crowd_grant(struct weir__crowd *crowd, uint32_t *lock, weir__crowd_give *give,
                       const void *from, int result)
{
    struct weir__wakes wakes;
    struct weir__waiter *waiter;

    wakes.count = 0;
    while ((waiter = weir__claim_first(&crowd->members))) {
        if (give)
            give(waiter, from);
        weir__wakes_grant(&wakes, waiter, result);
        if (weir__wakes_full(&wakes)) {
            weir__wakes_release(&wakes, lock);
            weir__lock(lock);
        }
    }
    weir__wakes_release(&wakes, lock);
}
