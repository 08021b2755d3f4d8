/* task/barrier.c - tasks that wait for each other; see <weir/sync.h>.
 *
 * All of it is under the guard. `arrived` is how many are in the queue, and besides those that have
 * given up and not said so yet: so it is never too small, and who seems to be the last one counts.
 */
#include "task/sync.h"

static uint32_t length(const struct weir__waitq *queue)
{
    const struct weir__list *link;
    uint32_t count = 0;

    if (weir__waitq_empty(queue))
        return 0;
    for (link = queue->list.next; link != &queue->list; link = link->next)
        count++;
    return count;
}

/* Whether the caller is the last one. Takes the others off the count then. */
static bool completes(weir_barrier *barrier)
{
    uint32_t waiting;

    if (barrier->weir__arrived + 1 < barrier->weir__parties)
        return false;
    waiting = length(weir__queue_of(barrier->weir__queue));
    if (waiting + 1 < barrier->weir__parties)
        return false;
    barrier->weir__arrived -= waiting;
    return true;
}

static int wait_for_others(weir_barrier *barrier)
{
    struct weir__waitq *queue = weir__queue_of(barrier->weir__queue);
    struct weir__waiter own, *waiter;
    int rc;

    weir__lock(&barrier->weir__guard);
    if (completes(barrier)) {
        weir__grant_all(queue, &barrier->weir__guard, 0);
        return 1;
    }
    barrier->weir__arrived++;
    waiter = weir__waiter_begin(&own, "barrier");
    weir__waitq_push(queue, waiter);
    weir__unlock(&barrier->weir__guard);
    rc = weir__sync_wait(waiter, queue, &barrier->weir__guard);
    if (rc < 0) {
        weir__lock(&barrier->weir__guard);
        barrier->weir__arrived--;
        weir__unlock(&barrier->weir__guard);
    }
    return rc;
}

int weir_barrier_wait(weir_barrier *barrier)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = wait_for_others(barrier);
    return rc;
}
