/* task/notify.c - a signal, and at most one of it kept; see <weir/sync.h>.
 *
 * The word has a state in its lowest bits, and above them the number of calls of weir_notify_all.
 * The flag WAITED stays when the last one that waits is woken: often it waits again before the next
 * signal comes.
 */
#include "task/case.h"
#include "task/sync.h"

enum notify_state {
    EMPTY = 0,
    STORED = 1, /* the next that waits takes it; nobody waits */
    WAITED = 2  /* somebody may wait: everything under the guard */
};

#define STATE   ((uint32_t)3)
#define ONE_ALL ((uint32_t)4)

static uint32_t mark_of(const weir_notify *notify)
{
    return WEIR_ATOMIC_LOAD(&notify->weir__word, ACQUIRE) & ~STATE;
}

static bool take(weir_notify *notify)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&notify->weir__word, RELAXED);

    while ((seen & STATE) == STORED) {
        if (WEIR_ATOMIC_CAS(&notify->weir__word, &seen, seen & ~STATE, ACQUIRE))
            return true;
    }
    return false;
}

int weir_notify_try(weir_notify *notify)
{
    return take(notify) ? 0 : WEIR_EBUSY;
}

uint32_t weir_notify_mark(const weir_notify *notify)
{
    return mark_of(notify);
}

/* ---- waiting ---- */

/* True if there is something to return for; else the flag is set. Under the guard. */
static bool take_or_flag(weir_notify *notify, uint32_t mark)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&notify->weir__word, ACQUIRE);

    while ((seen & ~STATE) == mark) {
        if ((seen & STATE) == WAITED)
            return false;
        if ((seen & STATE) == STORED) {
            if (WEIR_ATOMIC_CAS(&notify->weir__word, &seen, seen & ~STATE, ACQUIRE))
                return true;
        } else if (WEIR_ATOMIC_CAS(&notify->weir__word, &seen, seen | WAITED, ACQUIRE)) {
            return false;
        }
    }
    return true;
}

static int wait_for(weir_notify *notify, uint32_t mark)
{
    struct weir__waitq *queue = weir__queue_of(notify->weir__queue);
    struct weir__waiter own, *waiter;

    weir__lock(&notify->weir__guard);
    if (take_or_flag(notify, mark)) {
        weir__unlock(&notify->weir__guard);
        return 0;
    }
    waiter = weir__waiter_begin(&own, "notify");
    weir__waitq_push(queue, waiter);
    weir__unlock(&notify->weir__guard);
    return weir__sync_wait(waiter, queue, &notify->weir__guard);
}

static int wait_from(weir_notify *notify, uint32_t mark)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0 && mark == mark_of(notify) && !take(notify))
        rc = wait_for(notify, mark);
    return rc;
}

int weir_notify_wait(weir_notify *notify)
{
    return wait_from(notify, mark_of(notify));
}

int weir_notify_wait_from(weir_notify *notify, uint32_t mark)
{
    return wait_from(notify, mark);
}

/* ---- notifying ---- */

/* Stores the signal; false if somebody may wait. A read-modify-write even if one is stored: who
 * takes it sees what every notifier has done before. */
static bool store(weir_notify *notify)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&notify->weir__word, RELAXED);

    do {
        if ((seen & STATE) == WAITED)
            return false;
    } while (!WEIR_ATOMIC_CAS(&notify->weir__word, &seen, (seen & ~STATE) | STORED, ACQ_REL));
    return true;
}

/* Under the guard, when nobody waits. */
static void take_flag_off(weir_notify *notify)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&notify->weir__word, RELAXED);

    while ((seen & STATE) == WAITED
           && !WEIR_ATOMIC_CAS(&notify->weir__word, &seen, seen & ~STATE, RELAXED))
        ;
}

typedef struct weir__waiter *pick_fn(struct weir__waitq *queue);

/* Wakes one that waits; false, and the flag is off, if nobody does. */
static bool wake_one(weir_notify *notify, pick_fn *pick)
{
    struct weir__waitq *queue = weir__queue_of(notify->weir__queue);
    struct weir__wakee wakee = {0};
    struct weir__waiter *waiter;

    weir__lock(&notify->weir__guard);
    do
        waiter = pick(queue);
    while (waiter && !weir__waiter_claim(queue, waiter));
    if (waiter)
        wakee = weir__waiter_grant(waiter, 0);
    else
        take_flag_off(notify);
    weir__unlock(&notify->weir__guard);
    weir__wake(wakee);
    return waiter;
}

static void notify_by(weir_notify *notify, pick_fn *pick)
{
    if (store(notify))
        return;
    WEIR__CALL;
    while (!wake_one(notify, pick) && !store(notify))
        ;
}

void weir_notify_one(weir_notify *notify)
{
    notify_by(notify, weir__waitq_first);
}

void weir_notify_last(weir_notify *notify)
{
    notify_by(notify, weir__waitq_last);
}

void weir_notify_all(weir_notify *notify)
{
    if ((WEIR_ATOMIC_ADD(&notify->weir__word, ONE_ALL, ACQ_REL) & STATE) != WAITED)
        return;
    WEIR__CALL;
    weir__lock(&notify->weir__guard);
    take_flag_off(notify);
    weir__grant_all(weir__queue_of(notify->weir__queue), &notify->weir__guard, 0);
}

/* ---- a case of a select: `len` is the mark, where[0] says whether it was given ---- */

static int enter_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    if (!c->where[0])
        c->len = mark_of(c->object);
    return 0;
}

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    return (uint32_t)c->len != mark_of(c->object) || take(c->object);
}

/* Whether somebody would have to wait, and then the flag is set. Under the guard. */
static bool flag(weir_notify *notify, uint32_t mark)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&notify->weir__word, ACQUIRE);

    while ((seen & ~STATE) == mark && (seen & STATE) != STORED) {
        if ((seen & STATE) == WAITED
            || WEIR_ATOMIC_CAS(&notify->weir__word, &seen, seen | WAITED, ACQUIRE))
            return true;
    }
    return false;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    weir_notify *notify = c->object;
    enum weir__case_step step = CASE_WAITS;

    weir__lock(&notify->weir__guard);
    if (flag(notify, (uint32_t)c->len))
        weir__case_queue(c, select, weir__queue_of(notify->weir__queue), &notify->weir__guard);
    else if (!weir__case_claim(c, select))
        step = CASE_LOST;
    else
        step = attempt_case(c, NULL) ? CASE_DONE : CASE_AGAIN;
    weir__unlock(&notify->weir__guard);
    return step;
}

static const struct weir__case_calls case_calls = {
    .enter = enter_case, .attempt = attempt_case, .enlist = enlist_case};

static void fill_case(weir_case *out, weir_notify *notify, uint32_t mark, bool marked)
{
    weir__case_fill(out, &case_calls, 0, NULL, mark);
    weir__case_of(out)->object = notify;
    weir__case_of(out)->where[0] = marked ? notify : NULL;
}

void weir_case_notify(weir_case *out, weir_notify *notify)
{
    fill_case(out, notify, 0, false);
}

void weir_case_notify_from(weir_case *out, weir_notify *notify, uint32_t mark)
{
    fill_case(out, notify, mark, true);
}
