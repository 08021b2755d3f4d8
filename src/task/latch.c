/* task/latch.c - a count that goes down once; see <weir/sync.h>.
 *
 * The word has the count, and a flag while somebody waits. Who brings the count to zero with the
 * flag set opens the latch under the guard, and the word becomes 0 only when the queue is empty: so
 * who sees 0, and the guard free, sees the last access.
 */
#include "task/sync.h"

#define WAITED ((uint32_t)1 << 31)
#define COUNT  (WAITED - 1)

static void open_up(weir_latch *latch)
{
    struct weir__waitq *queue = weir__queue_of(latch->weir__queue);
    struct weir__wakes wakes;
    struct weir__waiter *waiter;

    wakes.count = 0;
    weir__lock(&latch->weir__guard);
    while ((waiter = weir__waitq_first(queue))) {
        if (weir__wakes_full(&wakes)) {
            weir__wakes_release(&wakes, &latch->weir__guard);
            weir__lock(&latch->weir__guard);
        } else if (weir__waiter_claim(queue, waiter)) {
            weir__wakes_grant(&wakes, waiter, 0);
        }
    }
    WEIR_ATOMIC_STORE(&latch->weir__word, 0, RELEASE); /* partner: open */
    weir__wakes_release(&wakes, &latch->weir__guard);
}

int weir_latch_count_down(weir_latch *latch, uint32_t count)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&latch->weir__word, RELAXED);

    do {
        if (count > (seen & COUNT))
            return WEIR_EINVAL;
    } while (!WEIR_ATOMIC_CAS(&latch->weir__word, &seen, seen - count, ACQ_REL));
    if (seen - count == WAITED && count) {
        WEIR__CALL;
        open_up(latch);
    }
    return 0;
}

/* Whether the latch is open, and who has opened it has done with it. */
static bool is_open(const weir_latch *latch)
{
    return WEIR_ATOMIC_LOAD(&latch->weir__word, ACQUIRE) == 0
           && WEIR_ATOMIC_LOAD(&latch->weir__guard, ACQUIRE) == 0;
}

int weir_latch_try(const weir_latch *latch)
{
    return is_open(latch) ? 0 : WEIR_EBUSY;
}

/* Sets the flag; false if the latch is open. Under the guard. */
static bool flag(weir_latch *latch)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&latch->weir__word, ACQUIRE);

    while (seen && !(seen & WAITED)) {
        if (WEIR_ATOMIC_CAS(&latch->weir__word, &seen, seen | WAITED, ACQUIRE))
            return true;
    }
    return seen;
}

static int wait_for(weir_latch *latch)
{
    struct weir__waitq *queue = weir__queue_of(latch->weir__queue);
    struct weir__waiter own, *waiter;

    weir__lock(&latch->weir__guard);
    if (!flag(latch)) {
        weir__unlock(&latch->weir__guard);
        return 0;
    }
    waiter = weir__waiter_begin(&own, "latch");
    weir__waitq_push(queue, waiter);
    weir__unlock(&latch->weir__guard);
    return weir__sync_wait(waiter, queue, &latch->weir__guard);
}

int weir_latch_wait(weir_latch *latch)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0 && !is_open(latch))
        rc = wait_for(latch);
    return rc;
}
