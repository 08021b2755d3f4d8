/* guard/rate.c - so many in a time; see <weir/guard.h>.
 *
 * The bucket is one moment, at which it will be full again if nothing is taken (the generic cell
 * rate algorithm, ITU-T I.371). Taking a token puts that moment off by the time in which one comes
 * in, and may be done as long as it is not further away than the time that fills an empty bucket.
 * Moments are whole nanoseconds and a part, in units of 1/tokens ns, in which the time of a token
 * is a whole number: nothing is ever rounded.
 *
 * The first of those who wait leads: its wait ends at the moment when its tokens are there. Who
 * leaves, for whatever reason, tells the next one to lead. That one is out of the queue then, until
 * it has looked; `weir__handed` keeps its place.
 */
#include "guard/counts.h"
#include "task/grant.h"
#include "task/sync.h"
#include "task/worker.h"

#define FILL_MAX_NS ((uint64_t)WEIR_RATE_PERIOD_MAX * 10)

struct moment {
    uint64_t ns;
    uint64_t part; /* below weir__tokens */
};

static struct weir__waitq *queue_of(weir_rate *rate)
{
    return weir__queue_of(rate->weir__queue);
}

/* ---- the bucket ---- */

/* A moment, and the time in which `count` tokens come in. No product overflows: counts are below
 * 2^32, tokens and parts below 2^31; for the rest see FILL_MAX_NS and missing_ns. */
static struct moment later(const weir_rate *rate, struct moment moment, uint64_t count)
{
    uint64_t tokens = rate->weir__tokens;
    uint64_t parts = moment.part + count * (rate->weir__period_ns % tokens);

    return (struct moment){moment.ns + count * (rate->weir__period_ns / tokens) + parts / tokens,
                           parts % tokens};
}

static bool after(struct moment a, struct moment b)
{
    return a.ns != b.ns ? a.ns > b.ns : a.part > b.part;
}

static struct moment full_at(const weir_rate *rate)
{
    return (struct moment){rate->weir__moment_ns, rate->weir__part};
}

static void put_full(weir_rate *rate, struct moment full)
{
    rate->weir__moment_ns = full.ns;
    rate->weir__part = (uint32_t)full.part;
}

/* The latest moment of being full that an empty bucket has at `now`. */
static struct moment empty_until(const weir_rate *rate, uint64_t now_ns)
{
    return later(rate, (struct moment){now_ns, 0}, rate->weir__burst);
}

/* Takes tokens if they are there. Under the guard. */
static bool take(weir_rate *rate, uint32_t count, uint64_t now_ns)
{
    struct moment now = {now_ns, 0}, full = full_at(rate);

    full = later(rate, after(now, full) ? now : full, count);
    if (after(full, empty_until(rate, now_ns)))
        return false;
    put_full(rate, full);
    rate->weir__counts.admitted++;
    return true;
}

/* The time after which so many would have come in, in whole nanoseconds: 0 if they are there;
 * INT64_MAX if it is longer than that. */
static uint64_t missing_ns(const weir_rate *rate, uint64_t count, uint64_t now_ns)
{
    struct moment full, empty = empty_until(rate, now_ns);

    if (count > UINT32_MAX
        || rate->weir__period_ns / rate->weir__tokens + 1 > INT64_MAX / 4 / count)
        return INT64_MAX;
    full = later(rate, full_at(rate), count);
    return after(full, empty) ? full.ns - empty.ns + (full.part > empty.part) : 0;
}

static bool valid(uint32_t tokens, int64_t period_ns, uint32_t burst)
{
    return tokens >= 1 && tokens <= INT32_MAX && burst >= 1 && burst <= INT32_MAX && period_ns >= 1
           && period_ns <= WEIR_RATE_PERIOD_MAX
           && ((uint64_t)period_ns / tokens + 1) < FILL_MAX_NS / burst;
}

int weir_rate_init(weir_rate *rate, uint32_t tokens, int64_t period_ns, uint32_t burst)
{
    if (!valid(tokens, period_ns, burst))
        return WEIR_EINVAL;
    *rate = (weir_rate){
        .weir__tokens = tokens, .weir__period_ns = (uint64_t)period_ns, .weir__burst = burst};
    return 0;
}

/* ---- waiting ---- */

static bool granted(const struct weir__waiter *waiter)
{
    return WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) == WAITER_GRANTED;
}

static bool somebody_waits(weir_rate *rate)
{
    return rate->weir__handed || weir__waitq_first(queue_of(rate));
}

/* Tells the first of the queue to lead. Under the guard: whom to wake. */
static struct weir__wakee hand_on(weir_rate *rate)
{
    struct weir__waiter *waiter = rate->weir__handed ? NULL : weir__claim_first(queue_of(rate));
    struct weir__wakee nobody = {0};

    if (!waiter)
        return nobody;
    rate->weir__handed = 1;
    return weir__waiter_grant(waiter, 0);
}

/* Waits once, as the first or behind others. Under the guard, which is released meanwhile; whether
 * the caller leads is in *leads. Out of the queue. */
static int wait_once(weir_rate *rate, uint32_t count, bool *leads)
{
    struct weir__waiter own, *waiter = weir__waiter_begin(&own, "rate");
    uint64_t until_ns = UINT64_MAX, now_ns = weir__now_ns();
    int rc;

    if (*leads)
        until_ns = now_ns + missing_ns(rate, count, now_ns);
    if (*leads)
        weir__waitq_push_front(queue_of(rate), waiter);
    else
        weir__waitq_push(queue_of(rate), waiter);
    weir__unlock(&rate->weir__guard);
    rc = weir__waiter_wait_until(waiter, until_ns);
    weir__lock(&rate->weir__guard);
    if (granted(waiter)) {
        *leads = true;
        rate->weir__handed = 0;
    } else {
        weir__waitq_remove(queue_of(rate), waiter);
    }
    return rc;
}

/* Under the guard, which is released meanwhile. */
static int wait_in_line(weir_rate *rate, struct weir__task *task, uint32_t count)
{
    bool leads = !somebody_waits(rate);

    do {
        int rc = wait_once(rate, count, &leads);

        if (leads && take(rate, count, weir__now_ns()))
            return 0;
        if (rc < 0)
            return weir__task_stopped(task, rc);
    } while (count <= rate->weir__burst);
    return WEIR_EINVAL;
}

static int acquire(weir_rate *rate, struct weir__task *task, uint32_t count)
{
    struct weir_guard_counts *counts = &rate->weir__counts;
    struct weir__wakee wakee;
    int rc = 0;

    weir__lock(&rate->weir__guard);
    if (count > rate->weir__burst) {
        rc = WEIR_EINVAL;
    } else if (somebody_waits(rate) || !take(rate, count, weir__now_ns())) {
        counts->waiting++;
        rate->weir__wanted += count;
        rc = wait_in_line(rate, task, count);
        rate->weir__wanted -= count;
        counts->waiting--;
        counts->left += rc < 0;
    }
    wakee = hand_on(rate);
    weir__unlock(&rate->weir__guard);
    weir__wake(wakee);
    return rc;
}

int weir_rate_acquire(weir_rate *rate, uint32_t count)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc;

    if (count == 0)
        return WEIR_EINVAL;
    rc = weir__leaf_of(task);
    if (rc == 0)
        rc = acquire(rate, task, count);
    return rc;
}

int64_t weir_rate_try(weir_rate *rate, uint32_t count)
{
    WEIR__CALL;
    uint64_t now_ns = weir__now_ns();
    int64_t rc = 0;

    weir__lock(&rate->weir__guard);
    if (count == 0 || count > rate->weir__burst) {
        rc = WEIR_EINVAL;
    } else if (somebody_waits(rate) || !take(rate, count, now_ns)) {
        rate->weir__counts.refused++;
        rc = (int64_t)missing_ns(rate, count + rate->weir__wanted, now_ns);
        rc = rc ? rc : 1; /* who is to take before is about to */
    }
    weir__unlock(&rate->weir__guard);
    return rc;
}

int weir_rate_set(weir_rate *rate, uint32_t tokens, int64_t period_ns, uint32_t burst)
{
    WEIR__CALL;
    struct weir__wakee wakee;
    struct moment empty;

    if (!valid(tokens, period_ns, burst))
        return WEIR_EINVAL;
    weir__lock(&rate->weir__guard);
    put_full(rate, (struct moment){rate->weir__moment_ns + (rate->weir__part != 0), 0});
    rate->weir__tokens = tokens;
    rate->weir__period_ns = (uint64_t)period_ns;
    rate->weir__burst = burst;
    empty = empty_until(rate, weir__now_ns());
    if (after(full_at(rate), empty))
        put_full(rate, empty);
    wakee = hand_on(rate);
    weir__unlock(&rate->weir__guard);
    weir__wake(wakee);
    return 0;
}

void weir_rate_count_n(weir_rate *rate, struct weir_guard_counts *counts, size_t counts_size)
{
    WEIR__CALL;
    struct weir_guard_counts own;

    weir__lock(&rate->weir__guard);
    own = rate->weir__counts;
    weir__unlock(&rate->weir__guard);
    weir__guard_counts_give(counts, counts_size, &own);
}
