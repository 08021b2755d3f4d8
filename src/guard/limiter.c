/* guard/limiter.c - so many at once; see <weir/guard.h>.
 *
 * Everything is under the guard. Somebody waits only while the limiter is full, or is about to be
 * let in by one who has made room and wakes others meanwhile. Who is let in is counted by the one
 * that does it, and who is not counts itself off.
 */
#include "guard/counts.h"
#include "task/grant.h"
#include "task/sync.h"

static struct weir__waitq *queue_of(weir_limiter *limiter)
{
    return weir__queue_of(limiter->weir__queue);
}

static bool valid(uint32_t running_max, uint32_t waiting_max)
{
    return running_max >= 1 && running_max <= INT32_MAX && waiting_max <= INT32_MAX;
}

int weir_limiter_init(weir_limiter *limiter, uint32_t running_max, uint32_t waiting_max)
{
    if (!valid(running_max, waiting_max))
        return WEIR_EINVAL;
    *limiter = (weir_limiter){.weir__running_max = running_max, .weir__waiting_max = waiting_max};
    return 0;
}

/* ---- going in ---- */

/* 0, WEIR_ECLOSED, or WEIR_EAGAIN: it has to wait. Under the guard. */
static int enter_now(weir_limiter *limiter)
{
    struct weir_guard_counts *counts = &limiter->weir__counts;

    if (limiter->weir__closed)
        return WEIR_ECLOSED;
    if (counts->running >= limiter->weir__running_max || weir__waitq_first(queue_of(limiter)))
        return WEIR_EAGAIN;
    counts->running++;
    counts->admitted++;
    return 0;
}

static int refuse(weir_limiter *limiter)
{
    limiter->weir__counts.refused++;
    return WEIR_EBUSY;
}

/* Begins under the guard and ends without it. */
static int wait_for_place(weir_limiter *limiter)
{
    struct weir__waiter own, *waiter = weir__waiter_begin(&own, "limiter");
    struct weir_guard_counts *counts = &limiter->weir__counts;
    int rc;

    counts->waiting++;
    weir__waitq_push(queue_of(limiter), waiter);
    weir__unlock(&limiter->weir__guard);
    rc = weir__sync_wait(waiter, queue_of(limiter), &limiter->weir__guard);
    if (rc < 0) {
        weir__lock(&limiter->weir__guard);
        counts->waiting--;
        counts->left += rc != WEIR_ECLOSED;
        weir__unlock(&limiter->weir__guard);
    }
    return rc;
}

int weir_limiter_enter(weir_limiter *limiter)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc < 0)
        return rc;
    weir__lock(&limiter->weir__guard);
    rc = enter_now(limiter);
    if (rc == WEIR_EAGAIN && limiter->weir__counts.waiting < limiter->weir__waiting_max)
        return wait_for_place(limiter);
    if (rc == WEIR_EAGAIN)
        rc = refuse(limiter);
    weir__unlock(&limiter->weir__guard);
    return rc;
}

int weir_limiter_try_enter(weir_limiter *limiter)
{
    WEIR__CALL;
    int rc;

    weir__lock(&limiter->weir__guard);
    rc = enter_now(limiter);
    if (rc == WEIR_EAGAIN)
        rc = refuse(limiter);
    weir__unlock(&limiter->weir__guard);
    return rc;
}

/* ---- letting others in ---- */

/* Lets those in for whom there is room: true if there are more when those have been woken. */
static bool admit(weir_limiter *limiter, struct weir__wakes *wakes)
{
    struct weir_guard_counts *counts = &limiter->weir__counts;
    struct weir__waiter *waiter;

    while (counts->running < limiter->weir__running_max) {
        if (weir__wakes_full(wakes))
            return true;
        waiter = weir__claim_first(queue_of(limiter));
        if (!waiter)
            return false;
        counts->waiting--;
        counts->running++;
        counts->admitted++;
        weir__wakes_grant(wakes, waiter, 0);
    }
    return false;
}

/* Ends a section under the guard that has made room. */
static void admit_and_unlock(weir_limiter *limiter)
{
    struct weir__wakes wakes;

    wakes.count = 0;
    while (admit(limiter, &wakes)) {
        weir__wakes_release(&wakes, &limiter->weir__guard);
        weir__lock(&limiter->weir__guard);
    }
    weir__wakes_release(&wakes, &limiter->weir__guard);
}

void weir_limiter_leave(weir_limiter *limiter)
{
    WEIR__CALL;

    weir__lock(&limiter->weir__guard);
    if (limiter->weir__counts.running)
        limiter->weir__counts.running--;
    admit_and_unlock(limiter);
}

int weir_limiter_set(weir_limiter *limiter, uint32_t running_max, uint32_t waiting_max)
{
    WEIR__CALL;

    if (!valid(running_max, waiting_max))
        return WEIR_EINVAL;
    weir__lock(&limiter->weir__guard);
    limiter->weir__running_max = running_max;
    limiter->weir__waiting_max = waiting_max;
    admit_and_unlock(limiter);
    return 0;
}

void weir_limiter_close(weir_limiter *limiter)
{
    WEIR__CALL;

    weir__lock(&limiter->weir__guard);
    limiter->weir__closed = 1;
    weir__grant_all(queue_of(limiter), &limiter->weir__guard, WEIR_ECLOSED);
}

void weir_limiter_count_n(weir_limiter *limiter, struct weir_guard_counts *counts,
                          size_t counts_size)
{
    WEIR__CALL;
    struct weir_guard_counts own;

    weir__lock(&limiter->weir__guard);
    own = limiter->weir__counts;
    weir__unlock(&limiter->weir__guard);
    weir__guard_counts_give(counts, counts_size, &own);
}
